"""The laws over HTTP ask a running service."""

from tests.api.conftest import served, stocked_database, stocked_template
from tests.running import now, running

__all__ = ["now", "running", "served", "stocked_database", "stocked_template"]
