"""Feeds, read from the log beside pushes: what each source has sent of each unit, and when.

Nothing of this happens in a push. One process at a time takes what has come since the mark into the feeds and moves the
mark, in one transaction: feeds are what the log says up to the mark, whoever dies when. Numbers of events are drawn
before the commit, so that a higher one may be seen before a lower one: the last number is read first, then it is waited
until nobody writes any more who wrote then. A lost mark (`DELETE FROM feed_mark`) makes all feeds be read anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.domain.calendar.workdays import Calendar
from app.domain.feeds import Feed, Sent, State, rhythm
from app.store.catalogues import lock
from app.store.catalogues.read import calendar_of
from app.store.connections.database import Clock, Connection, Database, begun
from app.store.connections.unavailable import DatabaseUnavailable
from app.store.schema import feed, feed_mark, root, source
from app.store.statements import in_sql, in_sql_for_each

_log = logging.getLogger(__name__)

_FEED_LOCK: Final = 7_660_004
"""Advisory lock of who reads the log for the feeds."""
_ROUND_SECONDS: Final = 10.0
_CHUNK: Final = 100_000
"""Numbers of events that are read in one transaction."""
_PATIENCE: Final = 5.0
"""Seconds that writers under way are waited for; then it is tried again in the next round."""
_AT_ONCE: Final = 30
"""Feeds whose states are worked out before others have their turn."""
MOST: Final = 5_000
"""Feeds of an answer, those that sent last."""

_LAST: Final = """
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS seq, coalesce($1::timestamptz, clock_timestamp()) AS at
    FROM event_seq
"""
# In the order of the log, in which feeds are taken further: see domain.feeds.Feed.take.
_ARRIVED: Final = """
    SELECT root_id, source_id, unit_id, received_at, count(*) AS events
    FROM event WHERE seq > $1 AND seq <= $2 AND ($3::int IS NULL OR root_id = $3)
    GROUP BY root_id, source_id, unit_id, received_at ORDER BY min(seq)
"""
_KEYED: Final = """
    SELECT feed.* FROM feed JOIN unnest($1::int[], $2::int[], $3::int[]) AS key (root_id, source_id, unit_id)
    USING (root_id, source_id, unit_id)
"""
# The units, and those that are no more.
_ROOTS: Final = """
    SELECT id, code, revision, now, units, closed
    FROM root, (SELECT coalesce($1::timestamptz, clock_timestamp()) AS now) AS clock, LATERAL (
        SELECT coalesce(array_agg(unit.id), '{}') AS units,
               coalesce(array_agg(unit.id) FILTER (
                   WHERE successor IS NOT NULL OR valid_to < timezone(INTERVAL '7 hours', now)::date
               ), '{}') AS closed
        FROM unit WHERE unit.root_id = root.id
    ) AS of_root
    ORDER BY code
"""
_DAYS: Final = msgspec.msgpack.Decoder(list[Sent])

Key = tuple[int, int, int]
"""Of root, source and unit."""
Feeds = dict[Key, Feed]


class Mark(NamedTuple):
    """Up to which number, and which instant, the log has been read."""

    seq: int
    read_at: int


class Known(NamedTuple):
    """A feed, its source and its unit's id."""

    source: str
    unit_id: int
    feed: Feed


class Follower:
    """Takes what is new in the log into the feeds. Any number of processes may have one: they take turns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._calendars: dict[int, tuple[int, Calendar]] = {}
        """By root, with the revision of its catalogues."""

    async def finish(self) -> None:
        """Read on, together with whoever else is at it, until all is read that was committed before."""
        async with self._database.connection("write") as connection:
            last = await _last(connection, self._clock())
        while True:
            await self.step()
            async with self._database.connection("write") as connection:
                mark = await marked(connection)
            if mark is not None and mark.seq >= last.seq:
                return
            await asyncio.sleep(0.01)

    async def run_forever(self) -> None:
        """Read what comes, every few seconds, until cancelled."""
        while True:
            pause = _ROUND_SECONDS
            try:
                started = time.monotonic()
                if await self.step():
                    # Behind by much: on, but never with more than half of the time.
                    pause = time.monotonic() - started
            except Exception as error:  # noqa: BLE001 - a loop that died quietly would take all for silent, or nobody
                told = isinstance(error, DatabaseUnavailable)
                (_log.debug if told else _log.warning)("reading the log for feeds was interrupted", exc_info=True)
            await asyncio.sleep(pause)

    async def step(self) -> bool:
        """Read the next events of the log; whether more are left and nobody was in the way."""
        async with self._database.connection("write") as connection:
            last = await _last(connection, self._clock())
            mark = await marked(connection)
            if mark is not None and mark.seq >= last.seq:
                return False
            if not await _all_written(connection):
                return False
            async with begun(connection, "BEGIN ISOLATION LEVEL READ COMMITTED"):
                return await self._read(connection, last)

    async def _read(self, connection: Connection, last: Mark) -> bool:
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, 0)", _FEED_LOCK):
            return False
        mark = await marked(connection)
        if mark is None:
            await connection.execute(*in_sql(delete(feed)))
            mark = Mark(0, 0)
        elif mark.seq >= last.seq:
            return False
        until = min(last.seq, mark.seq + _CHUNK)
        arrived = await connection.fetch(_ARRIVED, mark.seq, until, None)
        roots = sorted({row["root_id"] for row in arrived})
        if not await lock.try_hold(connection, roots):
            # Somebody edits a root or removes it: in the next round.
            return False
        # Of one that has been removed meanwhile nothing is to be left.
        there = {
            row[0] for row in await connection.fetch(*in_sql(select(root.c.id).where(root.c.id == func.any(roots))))
        }
        arrived = [row for row in arrived if row["root_id"] in there]
        feeds = await _stored(connection, arrived)
        take(feeds, arrived)
        await put(connection, feeds)
        read_at = last.read_at if until == last.seq else max([mark.read_at, *(row["received_at"] for row in arrived)])
        moved = {"seq": until, "read_at": read_at}
        row = insert(feed_mark).values(id=1, **moved).on_conflict_do_update(index_elements=["id"], set_=moved)
        await connection.execute(*in_sql(row))
        return until < last.seq

    async def states(self) -> dict[str, Counter[State]]:
        """By code of a root, how many of its feeds are in each state; empty where the log has yet to be read."""
        found: dict[str, Counter[State]] = {}
        async with self._database.snapshot() as connection:
            rows = await connection.fetch(_ROOTS, self._clock())
            until = await read_until(connection, rows[0]["now"]) if rows else None
            for row in rows if until is not None else ():
                assert until is not None
                calendar = await self._calendar(connection, row["id"], row["revision"])
                states = Counter[State]()
                for nth, each in enumerate(await of_units(connection, row["id"], row["units"])):
                    closed = each.unit_id in row["closed"]
                    states[rhythm(each.feed, calendar, until, closed).state] += 1
                    if nth % _AT_ONCE == 0:
                        await asyncio.sleep(0)
                found[row["code"]] = states
        return found

    async def _calendar(self, connection: Connection, root_id: int, revision: int) -> Calendar:
        kept = self._calendars.get(root_id)
        if kept is None or kept[0] != revision:
            kept = self._calendars[root_id] = (revision, await calendar_of(connection, root_id))
        return kept[1]


async def _all_written(connection: Connection) -> bool:
    """Wait, for a while, until whoever writes just now has committed."""
    under_way = set(await lock.writers(connection))
    ends = time.monotonic() + _PATIENCE
    while under_way:
        if time.monotonic() > ends:
            return False
        await asyncio.sleep(0.02)
        under_way &= set(await lock.writers(connection))
    return True


def take(feeds: Feeds, arrived: Sequence[Any]) -> None:
    """Take arrivals, in the order of the log, into the feeds; new ones begin."""
    for root_id, source_id, unit_id, at, events in (row.values() for row in arrived):
        known = feeds.get((root_id, source_id, unit_id))
        if known is None:
            known = feeds[root_id, source_id, unit_id] = Feed.begun(at)
        known.take(at, events)


async def put(connection: Connection, feeds: Feeds) -> None:
    """Keep these feeds, in key order."""
    if not feeds:
        return
    row = insert(feed)
    kept = {name: row.excluded[name] for name in ("first_at", "last_at", "events", "recent")}
    row = row.on_conflict_do_update(index_elements=["root_id", "source_id", "unit_id"], set_=kept)
    rows = [
        {
            "root_id": key[0],
            "source_id": key[1],
            "unit_id": key[2],
            "first_at": each.first_at,
            "last_at": each.last_at,
            "events": each.events,
            "recent": msgspec.msgpack.encode(each.recent),
        }
        for key, each in sorted(feeds.items())
    ]
    await connection.executemany(*in_sql_for_each(row, rows))


async def _stored(connection: Connection, arrived: Sequence[Any]) -> Feeds:
    keys = {(row["root_id"], row["source_id"], row["unit_id"]) for row in arrived}
    return _of_rows(await connection.fetch(_KEYED, *(list(each) for each in zip(*keys, strict=True)))) if keys else {}


def _of_rows(rows: Sequence[Any]) -> Feeds:
    return {(row["root_id"], row["source_id"], row["unit_id"]): _feed(row) for row in rows}


def _feed(row: Any) -> Feed:
    return Feed(row["first_at"], row["last_at"], row["events"], _DAYS.decode(row["recent"]))


async def marked(connection: Connection) -> Mark | None:
    """How far the log has been read; None where it never was, or all is to be read anew."""
    row = await connection.fetchrow(*in_sql(select(feed_mark.c.seq, feed_mark.c.read_at)))
    return None if row is None else Mark(*row)


async def _last(connection: Connection, now: int | None) -> Mark:
    """The number drawn last, and the time."""
    row = await connection.fetchrow(_LAST, now)
    assert row is not None, "a sequence has one row"
    return Mark(*row)


async def read_until(connection: Connection, now: int) -> int | None:
    """The instant (µs) up to which the feeds tell what has come: now, when nothing has since they were read.

    None where they have yet to be read.
    """
    mark = await marked(connection)
    if mark is None:
        return None
    last = await _last(connection, now)
    return now if last.seq == mark.seq else min(now, mark.read_at)


async def of_units(connection: Connection, root_id: int, unit_ids: Sequence[int]) -> list[Known]:
    """The feeds of some units, at most MOST of them, those that sent last."""
    asked = (
        select(feed, source.c.name)
        .join(source, (source.c.root_id == feed.c.root_id) & (source.c.id == feed.c.source_id))
        .where(feed.c.root_id == root_id, feed.c.unit_id == func.any(unit_ids))
        .order_by(feed.c.last_at.desc(), source.c.name, feed.c.unit_id)
        .limit(MOST)
    )
    return [Known(row["name"], row["unit_id"], _feed(row)) for row in await connection.fetch(*in_sql(asked))]


async def recounted(connection: Connection, root_id: int, until: int) -> Feeds:
    """The feeds of a root as its log has them up to a number, without what is kept of them."""
    feeds: Feeds = {}
    for after in range(0, until, _CHUNK):
        take(feeds, await connection.fetch(_ARRIVED, after, min(after + _CHUNK, until), root_id))
    return feeds


async def stored(connection: Connection, root_id: int) -> Feeds:
    """What is kept of all feeds of a root."""
    return _of_rows(await connection.fetch(*in_sql(select(feed).where(feed.c.root_id == root_id))))


async def renew(connection: Connection, root_id: int) -> None:
    """Read the feeds of a root from its log anew, in the connection's transaction."""
    await lock.hold(connection, root_id)
    await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", _FEED_LOCK)
    mark = await marked(connection)
    if mark is not None:
        await connection.execute(*in_sql(delete(feed).where(feed.c.root_id == root_id)))
        await put(connection, await recounted(connection, root_id, mark.seq))
