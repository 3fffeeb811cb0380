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
from typing import Final

from sqlalchemy import delete, func, select

from app.domain.calendar.workdays import Calendar
from app.domain.feeds import State, rhythm
from app.store.catalogues import lock
from app.store.catalogues.read import calendar_of
from app.store.connections.database import Clock, Connection, Database, begun
from app.store.connections.unavailable import DatabaseUnavailable
from app.store.feeds import kept
from app.store.feeds.kept import Mark
from app.store.schema import feed, root
from app.store.statements import in_sql

_log = logging.getLogger(__name__)

_ROUND_SECONDS: Final = 10.0
_PATIENCE: Final = 5.0
"""Seconds that writers under way are waited for; then it is tried again in the next round."""
_AT_ONCE: Final = 30
"""Feeds whose states are worked out before others have their turn."""
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
            last = await kept.newest(connection, self._clock())
        while True:
            await self.step()
            async with self._database.connection("write") as connection:
                mark = await kept.marked(connection)
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
            last = await kept.newest(connection, self._clock())
            mark = await kept.marked(connection)
            if mark is not None and mark.seq >= last.seq:
                return False
            if not await _all_written(connection):
                return False
            async with begun(connection, "BEGIN ISOLATION LEVEL READ COMMITTED"):
                return await self._read(connection, last)

    async def _read(self, connection: Connection, last: Mark) -> bool:
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, 0)", kept.FEED_LOCK):
            return False
        mark = await kept.marked(connection)
        if mark is None:
            await connection.execute(*in_sql(delete(feed)))
            mark = Mark(0, 0)
        elif mark.seq >= last.seq:
            return False
        until = min(last.seq, mark.seq + kept.CHUNK)
        arrived = await kept.arrivals(connection, mark.seq, until)
        roots = sorted({row["root_id"] for row in arrived})
        if not await lock.try_hold(connection, roots):
            # Somebody edits a root or removes it: in the next round.
            return False
        # Of one that has been removed meanwhile nothing is to be left.
        there = {
            row[0] for row in await connection.fetch(*in_sql(select(root.c.id).where(root.c.id == func.any(roots))))
        }
        arrived = [row for row in arrived if row["root_id"] in there]
        feeds = await kept.those_of(connection, arrived)
        await kept.take(feeds, arrived)
        await kept.put(connection, feeds)
        read_at = last.read_at if until == last.seq else max([mark.read_at, *(row["received_at"] for row in arrived)])
        await kept.move(connection, Mark(until, read_at))
        return until < last.seq

    async def states(self) -> dict[str, Counter[State]]:
        """By code of a root, how many of its feeds are in each state; empty where the log has yet to be read."""
        found: dict[str, Counter[State]] = {}
        async with self._database.snapshot() as connection:
            rows = await connection.fetch(_ROOTS, self._clock())
            until = await kept.read_until(connection, rows[0]["now"]) if rows else None
            for row in rows if until is not None else ():
                assert until is not None
                calendar = await self._calendar(connection, row["id"], row["revision"])
                states = Counter[State]()
                for nth, each in enumerate(await kept.of_units(connection, row["id"], row["units"])):
                    closed = each.unit_id in row["closed"]
                    states[rhythm(each.feed, calendar, until, closed).state] += 1
                    if nth % _AT_ONCE == 0:
                        await asyncio.sleep(0)
                found[row["code"]] = states
        return found

    async def _calendar(self, connection: Connection, root_id: int, revision: int) -> Calendar:
        known = self._calendars.get(root_id)
        if known is None or known[0] != revision:
            known = self._calendars[root_id] = (revision, await calendar_of(connection, root_id))
        return known[1]


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
