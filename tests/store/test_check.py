"""What is said of a database that cannot be worked on, and whether waiting helps."""

from __future__ import annotations

import errno
import socket

import asyncpg
import psycopg
import pytest

from app.messages import verbatim
from app.store import check
from app.store.connections.address import BadAddress
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded
from app.store.keys import WrongPepper


def away(cause: BaseException) -> DatabaseUnavailable:
    """As the store raises it."""
    error = DatabaseUnavailable(verbatim(str(cause)))
    error.__cause__ = cause
    return error


SAID = [
    (
        asyncpg.InvalidPasswordError("no"),
        "it refuses the password (no, SQLSTATE 28P01): check user and password",
        False,
    ),
    (asyncpg.InvalidCatalogNameError("no"), "it has no database of this name (no, SQLSTATE 3D000): create it", False),
    (asyncpg.TooManyConnectionsError("no"), "it has too many clients (no, SQLSTATE 53300): raise max_conn", True),
    (asyncpg.CannotConnectNowError("no"), "it is starting or stopping (no, SQLSTATE 57P03): wait for it", True),
    (asyncpg.ReadOnlySQLTransactionError("no"), "be (no, SQLSTATE 25006): name the primary", True),
    (asyncpg.UndefinedTableError("no"), "its schema is not this version's (no, SQLSTATE 42P01): run `chiso mi", False),
    (asyncpg.PostgresSyntaxError("no"), "it refused a statement (no, SQLSTATE 42601): see the log of", False),
    (asyncpg.InternalServerError("no"), "it reports a fault of its own (no, SQLSTATE XX000): see the log of", True),
    (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "nothing listens at its address: start it, or", True),
    (OSError("Multiple exceptions: Connect call failed, y"), "nothing listens at its address: start it, or", True),
    (ConnectionError("rejected SSL upgrade"), "it cannot be reached (rejected SSL upgrade): start it, or", True),
    (socket.gaierror(socket.EAI_NONAME, "x"), "its host has no address: check the host in CHISO_DATABASE__DSN", False),
    (socket.gaierror(socket.EAI_AGAIN, "x"), "its host has no address: check the host in CHISO_DATABASE__DSN", True),
    (asyncpg.ClientConfigurationError("secret"), "its address cannot be read: postgresql://", False),
]


@pytest.mark.parametrize(("cause", "says", "passes"), SAID, ids=lambda value: type(value).__name__)
def test_each_failure_is_told_in_a_line_with_what_to_do(cause: BaseException, says: str, passes: bool) -> None:
    said = check.told(away(cause)).en
    assert said.startswith("the database: ")
    assert says in said
    assert len(said.splitlines()) == 1
    assert "secret" not in said
    assert check.passes(away(cause)) is passes


def test_a_failure_of_many_lines_is_told_by_its_first() -> None:
    error = psycopg.errors.InsufficientPrivilege("permission denied for schema public\nLINE 2: CREATE TABLE")
    assert check.told(away(error)).en == (
        "the database: its user lacks a right (permission denied for schema public, SQLSTATE 42501): see the grants in"
        " docs/operations.md"
    )
    assert check.told(away(error)).vi == (
        "cơ sở dữ liệu: người dùng thiếu quyền (permission denied for schema public, SQLSTATE 42501): xem các quyền"
        " trong docs/operations.md"
    )


def test_who_does_not_answer_may_answer_later_and_another_pepper_stays_another() -> None:
    for error in (Overloaded(), TimeoutError(), away(TimeoutError())):
        assert check.told(error).en.startswith("the database: it does not answer in time: check host and port")
        assert check.passes(error)
    assert not check.passes(WrongPepper())
    assert check.plainly(KeyError("a fault of ours")) is None


@pytest.mark.parametrize(
    ("dsn", "hint"),
    [
        ("postgresql://u:secret@127.0.0.1:abc/x", " (a number is expected in it)"),
        ("postgresql://u:secret@127.0.0.1:99999/x", " (its port is a number below 65536)"),
        ("postgresql://u:secret@[::1/x", ""),
        ("postgresql://u:se@cret:abc@db/x?x=1", " (a password's @, :, / and # are written %40, %3A, %2F and %23)"),
        ("postgresql://u:secret@db/x?sslmod=1", " (a name after ? is not known to PostgreSQL)"),
        ("hots=db password=secret", " (a name in it is not known to PostgreSQL)"),
        ("u:secret@db", " (it begins with postgresql://)"),
    ],
)
async def test_an_address_that_cannot_be_read_is_told_without_it(dsn: str, hint: str) -> None:
    with pytest.raises(BadAddress) as raised:
        await check.answers(dsn, 15)
    assert str(raised.value) == (
        f"CHISO_DATABASE__DSN cannot be read{hint}: postgresql://user:password@host:5432/name, special letters as %XX"
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
    assert check.told(older.value).en == "the database is at revision 0000, 0001 is needed: run `chiso migrate`"
    assert check.told(never.value).en == "the database is at revision none, 0001 is needed: run `chiso migrate`"
    # New replicas may come before the migration.
    assert [check.passes(each.value) for each in (newer, older, never)] == [False, True, False]
