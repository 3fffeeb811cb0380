"""What an operator's place is made of: a server, PostgreSQL's programs, folders for backups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from app.store.embedded.home import Home, settle
from tests.conftest import at


@pytest.fixture(scope="session")
def home(reachable_dir: Path) -> Home:
    """PostgreSQL's programs, and the user its servers run as."""
    folder = reachable_dir / "programs"
    folder.mkdir()
    return settle(folder)


@pytest.fixture
def place(database: str, engine_dsn: str) -> Iterator[dict[str, str]]:
    """Settings of a page for a fresh migrated database, on each engine in turn; those made beside it go with it."""
    address = urlsplit(database)
    query = parse_qs(address.query)
    name = address.path.strip("/")
    yield {
        "PGHOST": address.hostname or query["host"][0],
        "PGPORT": str(address.port or query["port"][0]),
        "PGUSER": str(address.username),
        "PGDATABASE": name,
    }
    with psycopg.connect(at(engine_dsn, "postgres"), autocommit=True) as connection:
        for more in ("lost", "restored"):
            connection.execute(f"DROP DATABASE IF EXISTS {name}_{more} WITH (FORCE)")


@pytest.fixture
def roles(engine_dsn: str, database: str) -> Iterator[str]:
    """A prefix of roles of the test's own, which go with it."""
    prefix = urlsplit(database).path.strip("/")
    yield prefix
    with psycopg.connect(engine_dsn, autocommit=True) as connection:
        for more in ("", "_lost", "_restored"):
            connection.execute(f"DROP DATABASE IF EXISTS {prefix}{more} WITH (FORCE)")
        for role in ("owner", "writer", "reader"):
            connection.execute(f"DROP ROLE IF EXISTS {prefix}_{role}")
