"""Whether a database can be worked on, asked before anything else is begun; and what to do where it cannot."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from app.messages import Message, Told, of_error, verbatim
from app.store import keys, lineage, migrate, snapshot
from app.store.connections.causes import cause_of, in_detail
from app.store.connections.database import Connection, Database
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded

FAILURES: Final = (DatabaseUnavailable, Overloaded, TimeoutError, asyncpg.PostgresError)
"""What `told` tells."""
_STEP: Final = 2.0
"""Seconds between two looks at a database that is waited for, and for each look."""


class NotMigrated(Told):
    """The database is not at the revision of this version; `upgrading` when it is at an earlier one."""

    def __init__(self, says: Message, upgrading: bool = False) -> None:
        super().__init__(says)
        self.upgrading = upgrading


def told(error: BaseException) -> Message:
    """A failure of the database in a line, with what to do; nothing of the address but what is no secret."""
    raised = TimeoutError() if isinstance(error, Overloaded) else _raised(error)
    if isinstance(raised, DatabaseUnavailable | NotMigrated):
        return of_error(raised)
    cause = cause_of(raised)
    return Message(
        "the database: {says}{detail}: {do}",
        "cơ sở dữ liệu: {says}{detail}: {do}",
        says=cause.says,
        detail=in_detail(raised),
        do=cause.do,
    )


def _raised(error: BaseException) -> BaseException:
    """What a driver or the network said, where it is known."""
    return (error.__cause__ if isinstance(error, DatabaseUnavailable) else None) or error


def plainly(error: BaseException) -> str | None:
    """As `told`; None of what is no failure of the database."""
    return told(error).en if isinstance(error, FAILURES) else None


def passes(error: BaseException) -> bool:
    """Whether a failure may pass by waiting: nothing in the settings or the database is to be mended. New replicas may
    come before the migration.
    """
    if isinstance(error, NotMigrated):
        return error.upgrading
    if isinstance(error, keys.WrongPepper) or not isinstance(error, DatabaseUnavailable | Overloaded | TimeoutError):
        return False
    return not cause_of(_raised(error)).by_hand


@asynccontextmanager
async def _let_in(dsn: str, seconds: float) -> AsyncIterator[Connection]:
    database = Database(dsn, 1, 1, seconds)
    try:
        async with asyncio.timeout(seconds), database.connection("read") as connection:
            yield connection
    except ValueError as error:
        # Of reading the address, which asyncpg does when the first connection is made.
        raise DatabaseUnavailable(verbatim(str(error))) from error
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
        says = Message(
            "the database is at revision {at}, {needed} is needed: run `chiso migrate`",
            "cơ sở dữ liệu ở bản {at}, cần bản {needed}: chạy `chiso migrate`",
            at=at or lineage.NONE,
            needed=needed,
        )
        raise NotMigrated(says, upgrading=at is not None)
    if at > needed and not newer:
        ahead = Message(
            "the database is at revision {at}, this version is for {needed}: use the newer version",
            "cơ sở dữ liệu ở bản {at}, phiên bản này dành cho bản {needed}: hãy dùng phiên bản mới hơn",
            at=at,
            needed=needed,
        )
        raise NotMigrated(ahead)


async def awaited(dsn: str, seconds: float) -> None:
    """Wait until the database is at this version's revision or a newer one, for so many seconds at most.

    Raises:
        Exception: as `migrated`, what is still the matter then; at once what does not pass by waiting for a migration.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while True:
        try:
            return await migrated(dsn, _STEP, newer=True)
        except Exception as error:
            # In a cluster a host has an address only when it is ready.
            waits = isinstance(error, NotMigrated) or passes(error) or isinstance(_raised(error), socket.gaierror)
            if not waits or loop.time() >= ends:
                raise
        await asyncio.sleep(min(_STEP, max(0.0, ends - loop.time())))


async def keyed(dsn: str, seconds: float, *peppers: bytes) -> None:
    """Make sure that these peppers, or none where there is none yet, made the keys in force.

    Raises:
        keys.WrongPepper: they did not.
        DatabaseUnavailable, Overloaded, TimeoutError: as `answers`.
    """
    async with _let_in(dsn, seconds) as connection:
        await keys.prove(connection, *peppers)
