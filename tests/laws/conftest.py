"""The laws over HTTP ask a running service."""

from tests.running import running

__all__ = ["running"]
