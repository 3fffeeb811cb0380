"""Pages are asked of a running service."""

from tests.running import now, running

__all__ = ["now", "running"]
