"""A store on a fresh database of each engine, as its tests use it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Database
from app.store.write.intake import Intake
from tests.store.histories import CLOCK


@pytest_asyncio.fixture(loop_scope="function")
async def store(database: str) -> AsyncIterator[Database]:
    """Connections to the database."""
    store = Database(database, 8, 4, 20)
    yield store
    await store.close()


@pytest.fixture
def intake(store: Database) -> Intake:
    """Intake at the instant of the histories."""
    return Intake(store, CatalogueCache(), lambda: CLOCK)
