"""Writers beside each other push into a running service's database."""

from tests.running import running

__all__ = ["running"]
