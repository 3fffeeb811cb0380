"""Feeds as they are kept: rows of `feed`, how far the log has been read for them, and what the log itself says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.domain.feeds import Feed, Sent
from app.domain.lives.events import DossierReceived
from app.store.catalogues import lock
from app.store.connections.database import Connection
from app.store.schema import feed, feed_mark, source
from app.store.statements import in_sql, in_sql_for_each

FEED_LOCK: Final = 7_660_004
"""Advisory lock of who reads the log for the feeds."""
CHUNK: Final = 10_000
"""Numbers of events that are read at once."""
_TAKEN_AT_ONCE: Final = 200
"""Arrivals between two turns of others: all of a chunk took a page or a push behind it a tenth of a second longer."""
MOST: Final = 5_000
"""Feeds of an answer, those that sent last."""

_LAST: Final = """
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS seq, coalesce($1::timestamptz, clock_timestamp()) AS at
    FROM event_seq
"""
# In the order of the log, in which feeds are taken further: see domain.feeds.Feed.take.
_ARRIVED: Final = f"""
    SELECT root_id, source_id, unit_id, received_at, count(*) AS events,
        count(*) FILTER (WHERE type = {DossierReceived.code}) AS received
    FROM event WHERE seq > $1 AND seq <= $2 AND ($3::int IS NULL OR root_id = $3)
    GROUP BY root_id, source_id, unit_id, received_at ORDER BY min(seq)
"""
_KEYED: Final = """
    SELECT feed.* FROM feed JOIN unnest($1::int[], $2::int[], $3::int[]) AS key (root_id, source_id, unit_id)
    USING (root_id, source_id, unit_id)
"""
_RECENT: Final = msgspec.msgpack.Decoder(tuple[list[Sent], dict[int, int]])

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


async def arrivals(connection: Connection, after: int, until: int, root_id: int | None = None) -> list[Any]:
    """What came with after < seq ≤ until, of a root or all, in the order of the log."""
    return await connection.fetch(_ARRIVED, after, until, root_id)


async def take(feeds: Feeds, arrived: Sequence[Any]) -> None:
    """Take arrivals, in the order of the log, into the feeds; new ones begin. Others have their turns meanwhile."""
    for nth, row in enumerate(arrived):
        if nth % _TAKEN_AT_ONCE == 0:
            await asyncio.sleep(0)
        root_id, source_id, unit_id, at, events, received = row.values()
        known = feeds.get((root_id, source_id, unit_id))
        if known is None:
            known = feeds[root_id, source_id, unit_id] = Feed.begun(at)
        known.take(at, events, received)


async def put(connection: Connection, feeds: Feeds) -> None:
    """Keep these feeds, in key order."""
    if not feeds:
        return
    row = insert(feed)
    kept = {name: row.excluded[name] for name in ("first_at", "last_at", "events", "received", "recent")}
    row = row.on_conflict_do_update(index_elements=["root_id", "source_id", "unit_id"], set_=kept)
    rows = [
        {
            "root_id": key[0],
            "source_id": key[1],
            "unit_id": key[2],
            "first_at": each.first_at,
            "last_at": each.last_at,
            "events": each.events,
            "received": each.received,
            "recent": msgspec.msgpack.encode((each.recent, each.by_hour)),
        }
        for key, each in sorted(feeds.items())
    ]
    await connection.executemany(*in_sql_for_each(row, rows))


async def those_of(connection: Connection, arrived: Sequence[Any]) -> Feeds:
    """What is kept of the feeds of arrivals."""
    keys = {(row["root_id"], row["source_id"], row["unit_id"]) for row in arrived}
    return _of_rows(await connection.fetch(_KEYED, *(list(each) for each in zip(*keys, strict=True)))) if keys else {}


def _of_rows(rows: Sequence[Any]) -> Feeds:
    return {(row["root_id"], row["source_id"], row["unit_id"]): _feed(row) for row in rows}


def _feed(row: Any) -> Feed:
    return Feed(row["first_at"], row["last_at"], row["events"], *_RECENT.decode(row["recent"]), row["received"])


async def marked(connection: Connection) -> Mark | None:
    """How far the log has been read; None where it never was, or all is to be read anew."""
    row = await connection.fetchrow(*in_sql(select(feed_mark.c.seq, feed_mark.c.read_at)))
    return None if row is None else Mark(*row)


async def move(connection: Connection, mark: Mark) -> None:
    """Set the mark."""
    moved = mark._asdict()
    row = insert(feed_mark).values(id=1, **moved).on_conflict_do_update(index_elements=["id"], set_=moved)
    await connection.execute(*in_sql(row))


async def newest(connection: Connection, now: int | None) -> Mark:
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
    last = await newest(connection, now)
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
    for after in range(0, until, CHUNK):
        await take(feeds, await arrivals(connection, after, min(after + CHUNK, until), root_id))
    return feeds


async def stored(connection: Connection, root_id: int) -> Feeds:
    """What is kept of all feeds of a root."""
    return _of_rows(await connection.fetch(*in_sql(select(feed).where(feed.c.root_id == root_id))))


async def renew(connection: Connection, root_id: int) -> None:
    """Read the feeds of a root from its log anew, in the connection's transaction."""
    await lock.hold(connection, root_id)
    await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", FEED_LOCK)
    mark = await marked(connection)
    if mark is not None:
        await connection.execute(*in_sql(delete(feed).where(feed.c.root_id == root_id)))
        await put(connection, await recounted(connection, root_id, mark.seq))
