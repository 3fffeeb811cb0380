"""Whether a database can be worked on, asked before anything else is begun; and what to do where it cannot."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from app.store import keys, migrate, snapshot
from app.store.database import Connection, Database
from app.store.unavailable import DatabaseUnavailable, Overloaded

FAILURES: Final = (DatabaseUnavailable, Overloaded, TimeoutError, asyncpg.PostgresError)
"""What `told` tells."""

_BY_STATE: Final = {
    "28000": "it does not let this user in: check user and database in CHISO_DATABASE__DSN, and pg_hba.conf",
    "28P01": "user or password are wrong: check CHISO_DATABASE__DSN",
    "3D000": "there is no such database: create it, or check the name in CHISO_DATABASE__DSN",
    "42501": "the user may not do this: see the grants in docs/operations.md",
    "42P01": "a table is missing: run `chiso migrate`",
    "42703": "a column is missing: run `chiso migrate`",
    "53100": "its disk is full: make room",
    "53300": "it has no connection left: raise max_connections, or lower CHISO_DATABASE__*_CONNECTIONS",
    "57P03": "it is starting up or shutting down: wait for it",
    "25006": "it is read-only: name the primary in CHISO_DATABASE__DSN",
    "55P03": "a lock is held by somebody else: try again, and see pg_stat_activity",
}
"""What to do, by SQLSTATE."""

_MENDED_BY_HAND: Final = ("28", "3D", "42")
"""Classes of SQLSTATE that do not pass by waiting."""


class NotMigrated(Exception):
    """The database is not at the revision of this version; `upgrading` when it is at an earlier one."""

    def __init__(self, says: str, upgrading: bool = False) -> None:
        super().__init__(says)
        self.upgrading = upgrading


def told(error: BaseException) -> str:
    """A failure of the database in a line, with what to do; nothing of the address but what is no secret."""
    if isinstance(error, Overloaded | TimeoutError):
        return "the database does not answer: check host and port in CHISO_DATABASE__DSN, and whether it is overloaded"
    cause = error.__cause__ if isinstance(error, DatabaseUnavailable) else error
    if cause is None or isinstance(error, keys.WrongPepper | NotMigrated):
        return str(error)
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        first = next(iter(str(cause).splitlines()), "")
        advice = _BY_STATE.get(state, "see the log of the database")
        return f"the database refuses ({first}, SQLSTATE {state}): {advice}"
    if isinstance(cause, socket.gaierror):
        return "the database's host cannot be found: check CHISO_DATABASE__DSN"
    if isinstance(cause, TimeoutError):
        return told(cause)
    if isinstance(cause, OSError):
        # Of several addresses that all refuse asyncio makes one failure without a number.
        first = next(iter(str(cause).splitlines()), "no connection")
        refused = cause.errno == errno.ECONNREFUSED or "Connect call failed" in first
        why = "nobody listens there" if refused else cause.strerror or first
        return f"the database cannot be reached ({why}): start it, or check host and port in CHISO_DATABASE__DSN"
    if isinstance(cause, ValueError):
        return "CHISO_DATABASE__DSN cannot be read: postgresql://user:password@host:5432/name, special letters as %XX"
    return f"the database cannot be reached: {next(iter(str(cause).splitlines()), type(cause).__name__)}"


def plainly(error: BaseException) -> str | None:
    """As `told`; None of what is no failure of the database."""
    return told(error) if isinstance(error, FAILURES) else None


def passes(error: BaseException) -> bool:
    """Whether a failure may pass by waiting: nothing in the settings or the database is to be mended. New replicas may
    come before the migration.
    """
    if isinstance(error, NotMigrated):
        return error.upgrading
    cause = error.__cause__ if isinstance(error, DatabaseUnavailable) else error
    state = getattr(cause, "sqlstate", None)
    if isinstance(error, keys.WrongPepper) or (state and state.startswith(_MENDED_BY_HAND)):
        return False
    return isinstance(error, DatabaseUnavailable | Overloaded | TimeoutError) and not (
        isinstance(cause, ValueError) or (isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN)
    )


@asynccontextmanager
async def _let_in(dsn: str, seconds: float) -> AsyncIterator[Connection]:
    database = Database(dsn, 1, 1, seconds)
    try:
        async with asyncio.timeout(seconds), database.connection("read") as connection:
            yield connection
    except ValueError as error:
        # Of reading the address, which asyncpg does when the first connection is made.
        raise DatabaseUnavailable(str(error)) from error
    finally:
        await database.close()


async def answers(dsn: str, seconds: float) -> None:
    """Make sure that the database lets us in.

    Raises:
        DatabaseUnavailable, Overloaded, TimeoutError: it does not, or not within so many seconds.
    """
    async with _let_in(dsn, seconds):
        pass


async def migrated(dsn: str, seconds: float, newer: bool = False) -> None:
    """Make sure that the database is at this version's revision; a `newer` one may do too.

    Raises:
        NotMigrated: it is not.
        DatabaseUnavailable, Overloaded, TimeoutError: as `answers`.
    """
    async with _let_in(dsn, seconds) as connection:
        at, needed = await snapshot.revision(connection), migrate.head()
    # Revisions are numbers of four digits.
    if at is None or at < needed:
        says = f"the database is at revision {at or 'none'}, {needed} is needed: run `chiso migrate`"
        raise NotMigrated(says, upgrading=at is not None)
    if at > needed and not newer:
        raise NotMigrated(f"the database is at revision {at}, this version is for {needed}: use the newer version")


async def keyed(dsn: str, seconds: float, pepper: bytes | None) -> None:
    """Make sure that this pepper, or None where there is none yet, made the keys in force.

    Raises:
        keys.WrongPepper: it did not.
        DatabaseUnavailable, Overloaded, TimeoutError: as `answers`.
    """
    async with _let_in(dsn, seconds) as connection:
        await keys.prove(connection, pepper)
