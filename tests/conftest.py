"""Databases for the tests: every engine once a session, a fresh migrated database for each test that asks for one.

Nothing is started until a test asks; the domain's tests need no server and start none.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from app.store.embedded.server import attach_or_start

TIMESCALE_DSN = os.environ.get("CHISO_TEST_TIMESCALE_DSN")
"""A superuser's DSN of a server with TimescaleDB preloaded; .ci/timescale makes one."""
ENGINES = ["postgres", "timescale"] if TIMESCALE_DSN else ["postgres"]
NO_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def pytest_sessionstart() -> None:
    """In CI a missing engine is a failure: a suite that quietly tests less than it says is worse than a red one."""
    if os.environ.get("CI", "").lower() in ("true", "1") and not TIMESCALE_DSN:
        pytest.exit("CI without CHISO_TEST_TIMESCALE_DSN: the TimescaleDB tests would be left out", returncode=3)


@pytest.fixture(scope="session")
def reachable_dir() -> Iterator[Path]:
    """A temporary directory that other users can enter too: root's embedded server runs as one of them."""
    catalogues = Path(tempfile.mkdtemp(prefix="chiso-test-")).resolve()
    catalogues.chmod(0o755)
    yield catalogues
    shutil.rmtree(catalogues, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_dsn(reachable_dir: Path) -> Iterator[str]:
    """The session's embedded server, without durability: nothing here outlives the session."""
    with attach_or_start(reachable_dir / "session", settings=NO_DURABILITY) as server:
        yield server.dsn


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine: tests that use it, or `database`, run on each."""
    return str(request.param)


@pytest.fixture(scope="session")
def engine_dsn(engine: str, request: pytest.FixtureRequest) -> str:
    """A superuser's DSN of the engine's server, in a database that is not for tests."""
    if engine == "postgres":
        return str(request.getfixturevalue("postgres_dsn"))
    assert TIMESCALE_DSN is not None
    return TIMESCALE_DSN


@pytest.fixture(scope="session")
def template(engine: str, engine_dsn: str) -> Iterator[str]:
    """The name of a migrated database of the engine, to copy from."""
    yield from _migrated(engine_dsn, timescale=engine == "timescale")


@pytest.fixture
def database(engine_dsn: str, template: str) -> Iterator[str]:
    """The DSN of a fresh migrated database, on each engine in turn."""
    yield from _copy(engine_dsn, template)


@pytest.fixture
def empty_database(engine_dsn: str) -> Iterator[str]:
    """The DSN of a database in which there is nothing yet, on each engine in turn."""
    name = f"chiso_test_{secrets.token_hex(6)}"
    _execute(engine_dsn, "create database {}", name)
    yield at(engine_dsn, name)
    _execute(engine_dsn, "drop database if exists {} with (force)", name)


@pytest.fixture(scope="session")
def postgres_template(postgres_dsn: str) -> Iterator[str]:
    """As `template`, on the embedded PostgreSQL."""
    yield from _migrated(postgres_dsn, timescale=False)


@pytest.fixture
def postgres_database(postgres_dsn: str, postgres_template: str) -> Iterator[str]:
    """The DSN of a fresh migrated database on the embedded PostgreSQL, for what does not depend on the engine."""
    yield from _copy(postgres_dsn, postgres_template)


def _migrated(server: str, *, timescale: bool) -> Iterator[str]:
    from app.store.migrate import upgrade  # late: tests of the domain do without Alembic

    name = f"chiso_template_{secrets.token_hex(6)}"
    _execute(server, "create database {}", name)
    try:
        if timescale:
            _execute(at(server, name), "create extension timescaledb")
        upgrade(at(server, name), timescale="require" if timescale else "off")
        # TimescaleDB's background workers connect on their own, and a database in use cannot be copied.
        _execute(server, "alter database {} with allow_connections false", name)
        _disconnect(server, name)
        yield name
    finally:
        _execute(server, "drop database if exists {} with (force)", name)


def _copy(server: str, template: str) -> Iterator[str]:
    name = f"chiso_test_{secrets.token_hex(6)}"
    for attempt in range(50):
        try:
            # Copying files beats writing every page through the log when both are small and fsync is off.
            _execute(server, "create database {} template {} strategy file_copy", name, template)
            break
        except psycopg.errors.ObjectInUse:
            if attempt == 49:
                raise
            _disconnect(server, template)
            time.sleep(0.1)
    yield at(server, name)
    _execute(server, "drop database if exists {} with (force)", name)


def _disconnect(server: str, database: str) -> None:
    _execute(server, "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", values=[database])


def at(server: str, database: str) -> str:
    """The DSN of another database of the same server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


def _execute(dsn: str, statement: str, *names: str, values: list[str] | None = None) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)), values)
