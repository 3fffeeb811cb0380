"""Dropping what of the log is older than it is to be kept, where TimescaleDB's edition does not do it by a policy.

A hypertable loses whole chunks, one in a transaction; a table of PostgreSQL's own loses rows, some ten thousands in a
transaction. Either way the transaction notes since when the log is whole, so that whoever reads it knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from app.domain.calendar.civil import DAY, Instant, date_of, day_number, day_of, start_of
from app.messages import Message, Told
from app.store import audit
from app.store.catalogues import lock
from app.store.catalogues.removal import Busy
from app.store.connections.database import Connection, Database
from app.store.lineage import hold_schema
from app.store.retention import reach, settle, timescale

Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much (0: not known)."""

Reading = Callable[[], Awaitable[None]]
"""Has the feeds, which are read from the log, read all of it that was committed before."""

_NUMBERS: Final = 50_000
"""Numbers of events whose rows are looked at in one transaction."""

_OWNED: Final = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'event'::regclass"
_LAST: Final = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_seq"
# Both, so that the log loses its beginning only: what arrives late stays for as long as what came with it.
_OLD: Final = "time < $1::timestamptz AND received_at < $1::timestamptz"
_DELETE: Final = f"""
    WITH gone AS (DELETE FROM event WHERE seq > $2 AND seq <= $3 AND {_OLD} RETURNING 1) SELECT count(*) FROM gone
"""
_FIRST_LEFT: Final = "SELECT min(received_at) FROM event WHERE seq > $1 AND seq <= $2"
_NOBODY_REBUILDS: Final = "SELECT coalesce(bool_and(pg_try_advisory_xact_lock($1, id)), true) FROM root"
# A stretch of a BRIN index is 128 pages unless it was made with another number.
_FORGET: Final = """
    SELECT brin_desummarize_range('event_by_seq', page)
    FROM generate_series(0, pg_relation_size('event') / current_setting('block_size')::bigint, 128) AS page
"""
# What of them was written is committed then, and nothing comes; younger ones are written into all the while.
_NOBODY_WRITES: Final = "LOCK TABLE ONLY {} IN SHARE MODE"
_UNREAD: Final = """
    SELECT EXISTS (
        SELECT FROM event WHERE time < $1::timestamptz AND seq > coalesce((SELECT seq FROM feed_mark), 0)
    )
"""
# Whoever comes after waits as long as this does for what is being read.
_IMPATIENT: Final = "SET LOCAL lock_timeout = '1s'"


class NotOwner(Told):
    """Something that only the owner of the log may do."""


@dataclass(frozen=True)
class Overdue:
    """What is to be dropped.

    Attributes:
        until: the instant (µs) before which nothing is kept.
        chunks: the ends (µs) of the chunks that go, the oldest first; None where the log is no hypertable.
        events: how many events go, None where it was not counted.
    """

    until: int
    chunks: tuple[int, ...] | None
    events: int | None = None


def said(overdue: Overdue) -> str:
    """The instant up to which all goes, as people write it."""
    return reach.when(overdue.chunks[-1] if overdue.chunks else overdue.until)


def until(now: int, keep_days: int) -> int:
    """The instant (µs) up to which the log may go: the beginning of a civil month, so that it goes by months."""
    day = date_of(day_of(Instant(now - keep_days * DAY)))
    return start_of(day_number(date(day.year, day.month, 1)))


async def look(database: Database, now: int, keep_days: int, count: bool = False) -> Overdue:
    """What is older than so many days; `count` says how many events that are, which reads the log."""
    before = until(now, keep_days)
    async with database.connection("read") as connection:
        _, state = await settle.look(connection)
        if state.columnstore is None:
            counted = f"SELECT count(*) FROM event WHERE {_OLD}"
            return Overdue(before, None, await connection.fetchval(counted, before) if count else None)
        chunks = tuple(row[0] for row in await connection.fetch(timescale.OVERDUE, before))
        counted = "SELECT count(*) FROM event WHERE time < $1::timestamptz"
        return Overdue(before, chunks, await connection.fetchval(counted, chunks[-1]) if count and chunks else None)


async def drop(database: Database, overdue: Overdue, progress: Progress, read: Reading) -> int:
    """Drop it; may be broken off at any time, and begun again. How many chunks or rows are gone.

    Nothing goes before the feeds know of it: rows go that came long ago, but chunks with what came just now, too.

    Raises:
        NotOwner: who is connected does not own the log.
        Busy: a root is being rebuilt from it.
    """
    async with database.connection("write") as connection:
        if not await connection.fetchval(_OWNED):
            raise NotOwner(
                Message(
                    "only the owner of the log drops what is old of it: run this with the address that `chiso migrate`"
                    " is run with",
                    "chỉ chủ sở hữu nhật ký mới xóa được phần cũ: hãy chạy với địa chỉ đã dùng cho `chiso migrate`",
                )
            )
        last = await connection.fetchval(_LAST)
    await read()
    gone = 0
    try:
        if overdue.chunks is not None:
            for end in overdue.chunks:
                progress("drop", gone, len(overdue.chunks))
                while not await database.write(partial(_drop_chunk, end=end)):
                    await read()
                gone += 1
            return gone
        # From the first number on, each time: where nothing is left the index says so at once.
        for after in range(0, last, _NUMBERS):
            progress("delete", after, last)
            rows, first = await database.write(partial(_delete, before=overdue.until, after=after))
            gone += rows
            if first is not None and first >= overdue.until:
                break
    finally:
        # Also of what was broken off.
        if gone:
            await _tell(database, overdue, gone)
    if gone:
        await _tidy(database)
    return gone


async def _tell(database: Database, overdue: Overdue, gone: int) -> None:
    unit, until = ("rows", overdue.until) if overdue.chunks is None else ("chunks", overdue.chunks[gone - 1])
    told = audit.ran("", "maintain", **{f"{unit}_dropped": gone, "before": reach.when(until)})
    async with database.connection("write") as connection:
        await audit.write(connection, audit.NO_ROOT, audit.COMMAND_LINE, [told])


async def _alone(connection: Connection) -> None:
    await hold_schema(connection)
    await connection.execute(_IMPATIENT)
    if not await connection.fetchval(_NOBODY_REBUILDS, lock.REBUILD_LOCK):
        raise Busy(
            Message(
                "a root is being rebuilt from the log; drop what is old of it when that has ended",
                "một đơn vị gốc đang được dựng lại từ nhật ký; hãy xóa phần cũ khi việc đó xong",
            )
        )


async def _drop_chunk(connection: Connection, end: int) -> bool:
    """Drop the chunks up to an instant; not where something of them came since the feeds were read."""
    await _alone(connection)
    await connection.execute(timescale.NO_NEW_CHUNKS)
    chunks = [row[0] for row in await connection.fetch(timescale.CHUNKS_UNTIL, end)]
    if chunks:
        await connection.execute(_NOBODY_WRITES.format(", ".join(chunks)))
    if await connection.fetchval(_UNREAD, end):
        return False
    await reach.note(connection, end)
    await connection.execute(timescale.DROP_UNTIL, end)
    return True


async def _delete(connection: Connection, before: int, after: int) -> tuple[int, int | None]:
    """Delete what is old of the next numbers; how many rows, and when the first of those left arrived."""
    await _alone(connection)
    numbers = (after, after + _NUMBERS)
    gone = await connection.fetchval(_DELETE, before, *numbers)
    if gone:
        await reach.note(connection, before)
    return gone, await connection.fetchval(_FIRST_LEFT, *numbers)


async def _tidy(database: Database) -> None:
    """Make room for new events where old ones lay, and have the index forget where those were: it keeps the least and
    greatest number of every stretch of pages, and would look for everything on pages that hold old and new ones.
    """
    async with database.connection("write") as connection:
        await connection.execute("VACUUM (ANALYZE) event")
        await connection.execute(_FORGET)
        await connection.execute("SELECT brin_summarize_new_values('event_by_seq')")
