"""A store on a database that takes itself for a cluster's: what is said to Citus, and what comes of it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from app.store import migrate
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Database
from app.store.write.intake import Intake
from tests import citus
from tests.conftest import at
from tests.store.histories import CLOCK


@pytest.fixture(scope="module")
def pretended(postgres_dsn: str) -> Iterator[str]:
    """The DSN of a migrated database of the embedded PostgreSQL that says that it is a cluster's; one for a file."""
    name = sql.Identifier(f"chiso_test_{secrets.token_hex(6)}")
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        dsn = at(postgres_dsn, name.as_string().strip('"'))
        citus.pretend(dsn)
        migrate.upgrade(dsn)
        yield dsn
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest_asyncio.fixture(loop_scope="function")
async def store(pretended: str) -> AsyncIterator[Database]:
    """Connections to it."""
    store = Database(pretended, 8, 4, 20)
    yield store
    await store.close()


@pytest.fixture
def intake(store: Database) -> Intake:
    """Intake at the instant of the histories."""
    return Intake(store, CatalogueCache(), lambda: CLOCK)
