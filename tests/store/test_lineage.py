"""The lineage of a root: one number for as long as its database goes along one line of history, another afterwards."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.store import migrate
from app.store.embedded.server import start
from app.store.lineage import LINEAGE
from tests.conftest import at

_UNIT = "INSERT INTO unit (root_id, code) SELECT id, 'H44' FROM root"


def asked(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(f"SELECT {LINEAGE} FROM root").fetchone()
    assert row is not None
    return int(row[0])


def lineage(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        return asked(connection)


@pytest.fixture
def rooted(database: str) -> str:
    """A database with one root."""
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO root (code, rules) VALUES ('H44', 1)")
    return database


def test_it_stays_while_facts_are_written_whoever_asks(rooted: str) -> None:
    before = lineage(rooted)
    with psycopg.connect(rooted) as connection:
        connection.execute(_UNIT)
        connection.execute("SELECT FROM root FOR UPDATE")
    with psycopg.connect(rooted, autocommit=True) as connection:
        connection.execute("SET timezone = 'Asia/Ho_Chi_Minh'")
        connection.execute("VACUUM FREEZE root")
        assert asked(connection) == before


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE root SET revision = revision + 1", "UPDATE root SET revision = revision - 1"],
        ["CREATE TABLE kept AS TABLE root", "DELETE FROM root", "INSERT INTO root OVERRIDING SYSTEM VALUE TABLE kept"],
        [
            "CREATE TABLE kept AS TABLE root",
            "TRUNCATE root CASCADE",
            "INSERT INTO root OVERRIDING SYSTEM VALUE TABLE kept",
        ],
    ],
    ids=["edited and back", "deleted and loaded", "truncated and loaded"],
)
def test_it_ends_when_the_row_is_written_again_with_the_same_numbers(rooted: str, statements: list[str]) -> None:
    before = lineage(rooted)
    with psycopg.connect(rooted) as connection:
        was = connection.execute("SELECT * FROM root").fetchone()
        for each in statements:
            connection.execute(each)
        assert connection.execute("SELECT * FROM root").fetchone() == was
    assert lineage(rooted) != before


def test_it_ends_with_a_migration(rooted: str) -> None:
    before = lineage(rooted)
    with psycopg.connect(rooted) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    assert lineage(rooted) == before
    # As every migration does (migrations/env.py).
    assert "UPDATE root SET revision = revision + 1;" in migrate.sql()


def test_it_ends_with_the_server_its_crash_and_in_a_copy(reachable_dir: Path) -> None:
    folder = reachable_dir / "lineage"
    found = []
    with start(folder) as server:
        migrate.upgrade(server.dsn)
        with psycopg.connect(server.dsn) as connection:
            connection.execute("INSERT INTO root (code, rules) VALUES ('H44', 1)")
        found.append(lineage(server.dsn))
        with psycopg.connect(at(server.dsn, "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE copied TEMPLATE chiso")
        found.append(lineage(at(server.dsn, "copied")))
        # A backend that is killed takes all others with it; the server goes on by itself, with the same start.
        with psycopg.connect(server.dsn) as connection, psycopg.connect(server.dsn, autocommit=True) as other:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            _await_end(other)
        found.append(_patiently(server.dsn))
    with start(folder) as server:
        found.append(lineage(server.dsn))
    assert len(set(found)) == 4


def _await_end(connection: psycopg.Connection[Any]) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        try:
            connection.execute("SELECT")
        except psycopg.OperationalError:
            return
        time.sleep(0.01)
    raise AssertionError("the server went on as if nothing had happened")


def _patiently(dsn: str) -> int:
    ends = time.monotonic() + 30
    while True:
        try:
            return lineage(dsn)
        except psycopg.OperationalError:
            assert time.monotonic() < ends
            time.sleep(0.1)
