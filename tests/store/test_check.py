"""What is said of a database that cannot be worked on, and whether waiting helps."""

from __future__ import annotations

import errno
import socket

import asyncpg
import psycopg
import pytest

from app.store import check
from app.store.address import BadAddress
from app.store.keys import WrongPepper
from app.store.unavailable import DatabaseUnavailable, Overloaded


def away(cause: BaseException) -> DatabaseUnavailable:
    """As the store raises it."""
    error = DatabaseUnavailable(str(cause))
    error.__cause__ = cause
    return error


SAID = [
    (asyncpg.InvalidPasswordError("no"), "user or password are wrong: check CHISO_DATABASE__DSN", False),
    (asyncpg.InvalidCatalogNameError("no"), "there is no such database: create it", False),
    (asyncpg.TooManyConnectionsError("no"), "it has no connection left: raise max_connections", True),
    (asyncpg.CannotConnectNowError("no"), "it is starting up or shutting down: wait for it", True),
    (asyncpg.ReadOnlySQLTransactionError("no"), "it is read-only: name the primary", True),
    (asyncpg.UndefinedTableError("no"), "a table is missing: run `chiso migrate`", False),
    (asyncpg.InternalServerError("no"), "see the log of the database", True),
    (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "cannot be reached (nobody listens there): start it", True),
    (
        OSError("Multiple exceptions: Connect call failed, y"),
        "cannot be reached (nobody listens there): start it",
        True,
    ),
    (ConnectionError("rejected SSL upgrade"), "cannot be reached (rejected SSL upgrade): start it", True),
    (socket.gaierror(socket.EAI_NONAME, "x"), "host cannot be found: check CHISO_DATABASE__DSN", False),
    (socket.gaierror(socket.EAI_AGAIN, "x"), "host cannot be found: check CHISO_DATABASE__DSN", True),
    (asyncpg.ClientConfigurationError("secret"), "CHISO_DATABASE__DSN cannot be read: postgresql://", False),
]


@pytest.mark.parametrize(("cause", "says", "passes"), SAID, ids=lambda value: type(value).__name__)
def test_each_failure_is_told_in_a_line_with_what_to_do(cause: BaseException, says: str, passes: bool) -> None:
    said = check.told(away(cause))
    assert says in said
    assert len(said.splitlines()) == 1
    assert "secret" not in said
    assert check.passes(away(cause)) is passes


def test_a_failure_of_many_lines_is_told_by_its_first() -> None:
    error = psycopg.errors.InsufficientPrivilege("permission denied for schema public\nLINE 2: CREATE TABLE")
    assert check.told(away(error)) == (
        "the database refuses (permission denied for schema public, SQLSTATE 42501): the user may not do this: see the"
        " grants in docs/operations.md"
    )


def test_who_does_not_answer_may_answer_later_and_another_pepper_stays_another() -> None:
    for error in (Overloaded(), TimeoutError(), away(TimeoutError())):
        assert check.told(error).startswith("the database does not answer: check host and port")
        assert check.passes(error)
    assert not check.passes(WrongPepper())
    assert check.plainly(KeyError("a fault of ours")) is None


@pytest.mark.parametrize("dsn", ["postgresql://u:secret@127.0.0.1:abc/x", "postgresql://u:secret@[::1/x"])
async def test_an_address_that_cannot_be_read_is_told_without_it(dsn: str) -> None:
    with pytest.raises(BadAddress) as raised:
        await check.answers(dsn, 15)
    assert str(raised.value) == (
        "CHISO_DATABASE__DSN cannot be read: postgresql://user:password@host:5432/name, special letters as %XX"
    )
    assert not check.passes(raised.value)


async def test_a_newer_database_is_for_who_says_that_it_does_and_an_older_one_may_be_waited_for(
    postgres_database: str,
) -> None:
    await check.migrated(postgres_database, 15)
    with psycopg.connect(postgres_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        await check.migrated(postgres_database, 15, newer=True)
        with pytest.raises(
            check.NotMigrated, match="at revision 9999, this version is for 0001: use the newer"
        ) as newer:
            await check.migrated(postgres_database, 15)
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()
        with pytest.raises(check.NotMigrated) as older:
            await check.migrated(postgres_database, 15, newer=True)
        connection.execute("DROP TABLE alembic_version")
    with pytest.raises(check.NotMigrated) as never:
        await check.migrated(postgres_database, 15, newer=True)
    assert check.told(older.value) == "the database is at revision 0000, 0001 is needed: run `chiso migrate`"
    assert check.told(never.value) == "the database is at revision none, 0001 is needed: run `chiso migrate`"
    # New replicas may come before the migration.
    assert [check.passes(each.value) for each in (newer, older, never)] == [False, True, False]
