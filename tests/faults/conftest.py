"""Faults are put into a running service."""

from tests.running import running

__all__ = ["running"]
