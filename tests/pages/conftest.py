"""Pages are asked of a running service, as the API's tests ask it."""

from __future__ import annotations

import pytest

from tests.api.conftest import now, running, served, stocked_database, stocked_template

__all__ = ["now", "running", "served", "stocked_database", "stocked_template"]


@pytest.fixture
def database(stocked_database: str) -> str:
    """No page depends on the engine."""
    return stocked_database
