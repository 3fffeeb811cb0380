"""Databases for the tests: every engine once a session, a fresh migrated database for each test that asks for one.

Nothing is started until a test asks; the domain's tests need no server and start none.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from app.store.embedded.server import attach_or_start
from tests import citus

TIMESCALE_DSN = os.environ.get("CHISO_TEST_TIMESCALE_DSN")
"""A superuser's DSN of a server with TimescaleDB preloaded; .ci/timescale makes one."""
NAMED_DSN = os.environ.get("CHISO_TEST_DSN")
"""A superuser's DSN of any other server to test on, whatever it is: `kind_of` says."""
OLDEST_BIN = Path("/usr/lib/postgresql/15/bin")
"""Where Debian's and Ubuntu's packages have the oldest PostgreSQL that is served; .ci/system-packages installs it."""
NO_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

EXTENSIONS = {"timescale": "timescaledb", "citus": "citus"}
ENGINES = ["postgres", *(["timescale"] if TIMESCALE_DSN else []), *(["named"] if NAMED_DSN else [])]
OLDEST = "postgres15"
ON_THE_OLDEST = {
    # Every statement of the schema; taking in, folding, tallying, recounting; the log's care; every figure by the API.
    "tests.store.test_migrations",
    "tests.store.test_engine",
    "tests.store.proof.test_verify",
    "tests.store.retention.test_dropping",
    "tests.store.test_upgrade",
}
"""Modules that run on PostgreSQL 15, too: together they use what SQL the service has."""


@dataclass(frozen=True)
class Server:
    """A server to test on: a superuser's DSN, in a database that is not for tests, and what it is.

    `kind` is postgres, timescale or citus: what is created in each database for tests.
    """

    dsn: str
    kind: str


def pytest_sessionstart() -> None:
    """In CI a missing engine is a failure: a suite that quietly tests less than it says is worse than a red one."""
    if os.environ.get("CI", "").lower() in ("true", "1"):
        if not TIMESCALE_DSN:
            pytest.exit("CI without CHISO_TEST_TIMESCALE_DSN: the TimescaleDB tests would be left out", returncode=3)
        if not OLDEST_BIN.exists():
            pytest.exit(f"CI without {OLDEST_BIN}: the tests on PostgreSQL 15 would be left out", returncode=3)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever rests on `tested_server` runs on each."""
    if "tested_server" in metafunc.fixturenames:
        chosen = metafunc.module.__name__ in ON_THE_OLDEST and OLDEST_BIN.exists()
        metafunc.parametrize("tested_server", [*ENGINES, *([OLDEST] if chosen else [])], indirect=True, scope="session")


def kind_of(dsn: str) -> str:
    """What a server is made for, by what it has preloaded."""
    with psycopg.connect(dsn) as connection:
        [(preloaded,)] = connection.execute("SHOW shared_preload_libraries").fetchall()
    names = {each.strip() for each in preloaded.split(",")}
    return "citus" if "citus" in names else "timescale" if "timescaledb" in names else "postgres"


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


@pytest.fixture(scope="session")
def oldest_dsn(reachable_dir: Path) -> Iterator[str]:
    """As `postgres_dsn`, of PostgreSQL 15."""
    with pytest.MonkeyPatch.context() as named:
        named.setenv("CHISO_PG_BIN", str(OLDEST_BIN))
        server = attach_or_start(reachable_dir / "oldest", settings=NO_DURABILITY)
    with server:
        yield server.dsn


@pytest.fixture(scope="session")
def tested_server(request: pytest.FixtureRequest) -> Server:
    """The server that a test runs on: tests that use it, `engine` or `database` run on each."""
    if request.param == "postgres":
        return Server(request.getfixturevalue("postgres_dsn"), "postgres")
    if request.param == OLDEST:
        return Server(request.getfixturevalue("oldest_dsn"), "postgres")
    if request.param == "timescale":
        assert TIMESCALE_DSN is not None
        return Server(TIMESCALE_DSN, "timescale")
    assert NAMED_DSN is not None
    return Server(NAMED_DSN, kind_of(NAMED_DSN))


@pytest.fixture(scope="session")
def engine(tested_server: Server) -> str:
    """What the server is: postgres, timescale or citus."""
    return tested_server.kind


@pytest.fixture(scope="session")
def engine_dsn(tested_server: Server) -> str:
    """The server's DSN."""
    return tested_server.dsn


@pytest.fixture(scope="session")
def template(tested_server: Server) -> Iterator[str]:
    """The name of a migrated database of the server, to copy from; none of a cluster, which copies none."""
    yield from _migrated(tested_server.dsn, tested_server.kind) if tested_server.kind != "citus" else [""]


@pytest.fixture
def database(tested_server: Server, template: str) -> Iterator[str]:
    """The DSN of a fresh migrated database, on each server in turn."""
    dsn = tested_server.dsn
    yield from _copy(dsn, template) if tested_server.kind != "citus" else citus.database(dsn)


@pytest.fixture
def empty_database(engine: str, engine_dsn: str) -> Iterator[str]:
    """The DSN of a database in which there is nothing yet, on each server in turn."""
    if engine == "citus":
        yield from citus.database(engine_dsn, migrated=False)
        return
    name = f"chiso_test_{secrets.token_hex(6)}"
    _execute(engine_dsn, "create database {}", name)
    yield at(engine_dsn, name)
    _execute(engine_dsn, "drop database if exists {} with (force)", name)


@pytest.fixture(scope="session")
def postgres_template(postgres_dsn: str) -> Iterator[str]:
    """As `template`, on the embedded PostgreSQL."""
    yield from _migrated(postgres_dsn, "postgres")


@pytest.fixture
def postgres_database(postgres_dsn: str, postgres_template: str) -> Iterator[str]:
    """The DSN of a fresh migrated database on the embedded PostgreSQL, for what does not depend on the engine."""
    yield from _copy(postgres_dsn, postgres_template)


def _migrated(server: str, kind: str) -> Iterator[str]:
    from app.store.migrate import upgrade  # late: tests of the domain do without Alembic

    name = f"chiso_template_{secrets.token_hex(6)}"
    _execute(server, "create database {}", name)
    try:
        create_extension(at(server, name), kind)
        upgrade(at(server, name), timescale="require" if kind == "timescale" else "off")
        asyncio.run(_compressed(at(server, name)))
        # TimescaleDB's background workers connect on their own, and a database in use cannot be copied.
        _execute(server, "alter database {} with allow_connections false", name)
        _disconnect(server, name)
        yield name
    finally:
        _execute(server, "drop database if exists {} with (force)", name)


async def _compressed(dsn: str) -> None:
    """On TimescaleDB's community edition all tests run with compression, and with `events_hourly` summed up."""
    from app.store.connections.database import Database
    from app.store.retention.settle import settle
    from app.store.retention.timescale import Wish

    database = Database(dsn, 1, 1, 30)
    try:
        await settle(database, Wish(compress_after=1))
    finally:
        await database.close()


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


def create_extension(database: str, kind: str) -> None:
    """Make a new database one of a kind."""
    if kind in EXTENSIONS:
        _execute(database, "create extension if not exists {}", EXTENSIONS[kind])


def _disconnect(server: str, database: str) -> None:
    _execute(server, "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", values=[database])


def at(server: str, database: str) -> str:
    """The DSN of another database of the same server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


def _execute(dsn: str, statement: str, *names: str, values: list[str] | None = None) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)), values)
