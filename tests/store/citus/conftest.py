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


def _plain(server: str) -> Iterator[str]:
    name = f"chiso_test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield at(server, name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def plain(postgres_dsn: str) -> Iterator[str]:
    """The DSN of an empty database of the embedded PostgreSQL."""
    yield from _plain(postgres_dsn)


@pytest.fixture(scope="module")
def pretended(postgres_dsn: str) -> Iterator[str]:
    """The DSN of a migrated database of the embedded PostgreSQL that says that it is a cluster's; one for a file."""
    for dsn in _plain(postgres_dsn):
        citus.pretend(dsn)
        migrate.upgrade(dsn)
        yield dsn


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
