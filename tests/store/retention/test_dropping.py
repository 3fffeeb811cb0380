"""A log that loses its old months: figures, duplicates and feeds stay, and proof and repair say how far it reaches."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from app.domain.push import Parsed
from app.main import create_app
from app.store.catalogues import lock, removal
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Database
from app.store.connections.unavailable import Overloaded
from app.store.feeds import kept as kept_feeds
from app.store.feeds.follow import Follower
from app.store.proof.rebuild import rebuild
from app.store.proof.verify import verify
from app.store.retention import drop, reach
from app.store.retention.reach import LogCut
from app.store.write.intake import Intake
from tests.running import Clock, Running, settings_for
from tests.store.histories import CLOCK, arrivals, province, push
from tests.store.proof.test_rebuild import content
from tests.store.released import answers

HOUR, DAY = 3_600_000_000, 86_400_000_000
MAY = int(datetime(2026, 5, 1, tzinfo=timezone(timedelta(hours=7))).timestamp()) * 1_000_000
KEEP_DAYS = (CLOCK - MAY) // DAY - 20
"""Three weeks of May are older than that: it goes by months, and May stays."""
CHUNK = 30 * DAY
"""What TimescaleDB takes for a month; its chunks are counted from 1970."""


UNKNOWN_TO_INDEX = """
    SELECT count(*) FROM generate_series(0, pg_relation_size('event') / 8192, 128) AS page
    WHERE brin_summarize_range('event_by_seq', page) <> 0
"""
"""Stretches of pages of which the index had said nothing."""


def quiet(stage: str, done: int, of: int) -> None:
    """Progress that nobody looks at."""


class Log:
    """A root whose events came as they happened, but for one in eleven, which came at last; feeds have read all."""

    def __init__(
        self, store: Database, dsn: str, root_id: int, items: Sequence[Parsed], late: Sequence[Parsed]
    ) -> None:
        self.store, self.dsn, self.root_id = store, dsn, root_id
        self.items, self.late = items, late
        self.came: list[int] = []
        self.follower = Follower(store, lambda: CLOCK)

    async def value(self, statement: str, *values: Any) -> Any:
        async with self.store.connection("write") as connection:
            return await connection.fetchval(statement, *values)

    async def feeds(self) -> dict[Any, Any]:
        async with self.store.connection("read") as connection:
            return await kept_feeds.stored(connection, self.root_id)

    async def drop(self) -> drop.Overdue:
        """Drop what is old, and what was found to be; it was counted before."""
        overdue = await drop.look(self.store, CLOCK, KEEP_DAYS, count=True)
        await drop.drop(self.store, overdue, quiet, self.follower.finish)
        return overdue

    async def old(self) -> tuple[list[Parsed], int]:
        """What is to be dropped, by the times at which it happened and came; and since when the log is whole then."""
        if await self.value("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"):
            since = MAY // CHUNK * CHUNK
            return [each for each in (*self.items, *self.late) if each.event.time < since], since
        return [each for each, came in zip(self.items, self.came, strict=True) if each.event.time < MAY > came], MAY

    async def figures(self, folder: Path) -> dict[str, Any]:
        """What is answered, by a service of its own."""
        from app.main import create_service

        service = create_service(settings_for(self.dsn, folder), self.dsn, clock := Clock(at_clock()))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(service)), base_url="http://chiso.test")
        async with client:
            found = await answers(Running(service, client, clock, ""))
        await service.database.close()
        return found


def at_clock() -> datetime:
    return datetime.fromtimestamp(CLOCK / 1_000_000, UTC)


@pytest.fixture
async def log(store: Database, database: str) -> Log:
    root_id = await province(store)
    found = {(each.event.source, each.event.id): each for each in arrivals(seed=11, dossiers=60)}
    items = sorted(found.values(), key=lambda each: each.event.time)
    late = items[::11]
    items = [each for number, each in enumerate(items) if number % 11]
    now, came = [0], list[int]()
    intake = Intake(store, CatalogueCache(), lambda: now[0])
    for start in range(0, len(items), 25):
        together = items[start : start + 25]
        now[0] = min(together[-1].event.time + HOUR, CLOCK)
        came += len(together) * now
        assert await push(intake, root_id, together) == len(together)
    now[0] = CLOCK
    assert await push(intake, root_id, late) == len(late)
    made = Log(store, database, root_id, items, late)
    made.came = came
    await made.follower.finish()
    return made


async def test_old_months_are_dropped_and_nothing_else_changes(log: Log, intake: Intake, tmp_path: Path):
    store, root_id = log.store, log.root_id
    old, since = await log.old()
    figures, facts, feeds = await log.figures(tmp_path), await content(store), await log.feeds()
    tallied = await verify(store, root_id, now=CLOCK)
    whole = await verify(store, root_id, deep=True, now=CLOCK)
    assert whole.clean and (whole.since, whole.beyond) == (None, 0)
    assert 50 < len(old) < len(log.items) - 50

    overdue = await log.drop()
    assert (overdue.until, overdue.events) == (MAY, len(old))
    left = Counter((each.event.source, each.event.id) for each in (*log.items, *log.late))
    left.subtract((each.event.source, each.event.id) for each in old)
    async with store.connection("read") as connection:
        rows = await connection.fetch("SELECT name, event.id FROM event JOIN source ON source.id = source_id")
    assert Counter(map(tuple, rows)) == +left
    assert await log.value("SELECT since FROM log_reach WHERE root_id = $1", root_id) == since

    assert await log.figures(tmp_path) == figures
    assert await content(store) == facts
    assert await log.feeds() == feeds
    again = await verify(store, root_id, now=CLOCK)
    assert again.clean and again.cells_compared == tallied.cells_compared

    # Deep, it folds what the lives have from before with what the log has since, and says so.
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert report.clean, str(report)
    assert (report.since, report.beyond, report.logged) == (since, len(old), len(log.items) + len(log.late) - len(old))
    assert f"the log reaches back to {reach.when(since)} only and lacks {len(old):,} older events" in str(report)

    if overdue.chunks is None:
        # New events come to lie where old ones lay: the index has forgotten those.
        assert await log.value(UNKNOWN_TO_INDEX) == 0

    # A second time there is nothing to do.
    nothing = await log.drop()
    assert not nothing.events
    assert nothing.chunks in (None, ())

    # Duplicates stay duplicates, and all goes on.
    for start in range(0, len(old), 100):
        outcome = await intake.push(root_id, "H44", old[start : start + 100])
        assert (outcome.accepted, outcome.duplicates) == (0, len(old[start : start + 100]))
    more = await push(intake, root_id, arrivals(seed=12, dossiers=20))
    await log.follower.finish()
    assert sum(each.events for each in (await log.feeds()).values()) == len(log.items) + len(log.late) + more
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert report.clean, str(report)
    assert report.beyond == len(old)


async def test_a_rebuild_from_a_log_that_lacks_events_is_refused(log: Log, intake: Intake):
    await log.drop()
    facts = await content(log.store)
    with pytest.raises(LogCut, match="nothing was changed"):
        await rebuild(log.store, intake, log.root_id)
    assert await content(log.store) == facts
    # Of another root nothing is missing.
    other = await log.value("INSERT INTO root (code, rules) SELECT 'H45', rules FROM root RETURNING id")
    assert (await rebuild(log.store, intake, other)).events == 0
    # And the root may go as ever.
    async with log.store.transaction() as connection:
        await removal.hold(connection, log.root_id)
        await removal.remove(connection, log.root_id)
    for table in ("event", "log_reach", "receipt", "life"):
        assert await log.value(f"SELECT count(*) FROM {table} WHERE root_id = $1", log.root_id) == 0


async def test_months_that_are_put_back_are_proved_and_replayed_again(log: Log, intake: Intake):
    facts = await content(log.store)
    with psycopg.connect(log.dsn) as connection:
        kept = connection.execute("SELECT * FROM event").fetchall()
        columns = [each.name for each in connection.execute("SELECT * FROM event LIMIT 0").description or ()]
    await log.drop()
    with psycopg.connect(log.dsn) as connection:
        left = {row[1] for row in connection.execute("SELECT * FROM event")}
        with connection.cursor().copy(f"COPY event ({', '.join(columns)}) FROM STDIN") as into:
            for row in kept:
                if row[1] not in left:
                    into.write_row(row)
    # Before anybody says so: what is there is there.
    report = await verify(log.store, log.root_id, deep=True, now=CLOCK)
    assert report.clean and (report.since, report.beyond) == (None, 0)
    await rebuild(log.store, intake, log.root_id)
    assert await content(log.store) == facts


async def test_events_that_nobody_dropped_are_missed(log: Log, intake: Intake):
    await log.drop()
    assert await log.value("WITH gone AS (DELETE FROM event WHERE seq = (SELECT max(seq) FROM event) RETURNING 1)"
                           " SELECT count(*) FROM gone") == 1  # fmt: skip
    report = await verify(log.store, log.root_id, deep=True, now=CLOCK)
    assert report.lacking and not report.clean
    assert [each.fact for each in report.fact_differences][:1] == ["events"]
    # Also where none ever was dropped.
    await log.value("DELETE FROM log_reach")
    report = await verify(log.store, log.root_id, deep=True, now=CLOCK)
    assert report.lacking and report.since is None
    with pytest.raises(LogCut, match="the log lacks"):
        await rebuild(log.store, intake, log.root_id)


async def test_nothing_is_dropped_while_somebody_replays_or_proves_the_log(log: Log, monkeypatch: pytest.MonkeyPatch):
    overdue = await drop.look(log.store, CLOCK, KEEP_DAYS)
    before = await log.value("SELECT count(*) FROM event")
    async with log.store.connection("read") as rebuilding:
        await rebuilding.execute("SELECT pg_advisory_lock($1, $2)", lock.REBUILD_LOCK, log.root_id)
        with pytest.raises(removal.Busy, match="rebuilt"):
            await drop.drop(log.store, overdue, quiet, log.follower.finish)
        await rebuilding.execute("SELECT pg_advisory_unlock($1, $2)", lock.REBUILD_LOCK, log.root_id)
    monkeypatch.setattr(drop, "_IMPATIENT", "SET LOCAL lock_timeout = '20ms'")
    async with log.store.snapshot() as proving:
        await proving.execute(reach.HOLD)
        assert await proving.fetchval("SELECT count(*) FROM event") == before
        if overdue.chunks is None:
            # Rows that a snapshot sees stay for it.
            await drop.drop(log.store, overdue, quiet, log.follower.finish)
        else:
            with pytest.raises(Overloaded):
                await drop.drop(log.store, overdue, quiet, log.follower.finish)
        assert await proving.fetchval("SELECT count(*) FROM event") == before
        found = await reach.of(proving, log.root_id)
    assert found == reach.Reach(None, 0) if overdue.chunks else found.missing == 0


async def test_pushes_and_dropping_beside_each_other(log: Log, intake: Intake):
    overdue = await drop.look(log.store, CLOCK, KEEP_DAYS)
    _, taken = await asyncio.gather(
        drop.drop(log.store, overdue, quiet, log.follower.finish),
        push(intake, log.root_id, arrivals(seed=13, dossiers=40), at_once=20),
    )
    await log.follower.finish()
    report = await verify(log.store, log.root_id, deep=True, now=CLOCK)
    assert report.clean, str(report)
    assert report.receipts == len(log.items) + len(log.late) + taken


async def test_a_push_into_a_chunk_that_is_being_dropped_is_tried_again(log: Log, intake: Intake):
    overdue = await drop.look(log.store, CLOCK, KEEP_DAYS)
    found = {each.event.id: each for each in arrivals(seed=14, dossiers=40) if each.event.time < MAY - 30 * DAY}
    late = list(found.values())
    chunks = "SELECT inhrelid FROM pg_inherits WHERE inhparent = 'event'::regclass"
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = any(%s)"
    # Not of the pool: the push is to come by the connection that knows the chunks from what came before.
    with psycopg.connect(log.dsn) as dropping:
        known = [oid for (oid,) in dropping.execute(chunks)]
        for end in overdue.chunks or ():
            dropping.execute("SELECT drop_chunks('event', older_than => to_timestamp(%s))", [end // 1_000_000])
        pushing = asyncio.create_task(push(intake, log.root_id, late))
        # Rows of an ordinary table are deleted beside new ones: nobody waits there.
        while overdue.chunks and dropping.execute(waiting, [known]).fetchall() == [(0,)]:
            await asyncio.sleep(0.01)
    assert await pushing == len(late) > 0


async def test_what_comes_while_old_parts_are_dropped_is_counted_by_the_feeds_first(log: Log, intake: Intake):
    overdue = await drop.look(log.store, CLOCK, KEEP_DAYS)
    [late] = [each for each in arrivals(seed=14, dossiers=60) if each.event.source == "/h44/buudien"][:1]
    late = msgspec.structs.replace(late, event=msgspec.structs.replace(late.event, time=MAY - 90 * DAY))
    turns = 0

    async def read() -> None:
        # Read first, and then one more has come: the next look finds it.
        nonlocal turns
        await log.follower.finish()
        turns += 1
        if turns == 1:
            assert await push(intake, log.root_id, [late]) == 1

    before = sum(each.events for each in (await log.feeds()).values())
    await drop.drop(log.store, overdue, quiet, read)
    await log.follower.finish()
    assert sum(each.events for each in (await log.feeds()).values()) == before + 1
    assert turns == (1 if overdue.chunks is None else 2)
    # Rows stay for as long as what came with them.
    left = await log.value("SELECT count(*) FROM event WHERE time = $1::timestamptz", late.event.time)
    assert left == (1 if overdue.chunks is None else 0)


async def test_what_was_dropped_before_it_was_broken_off_is_told(log: Log, monkeypatch: pytest.MonkeyPatch):
    overdue = await drop.look(log.store, CLOCK, KEEP_DAYS)
    monkeypatch.setattr(drop, "_NUMBERS", 100)
    parts = 0

    def interrupted(stage: str, done: int, of: int) -> None:
        nonlocal parts
        parts += 1
        if parts == 3:
            raise KeyboardInterrupt

    before = await log.value("SELECT count(*) FROM event")
    with pytest.raises(KeyboardInterrupt):
        await drop.drop(log.store, overdue, interrupted, log.follower.finish)
    gone = before - await log.value("SELECT count(*) FROM event")
    assert gone > 0
    [told] = await log.value("SELECT array_agg(after::text) FROM audit WHERE code = 'maintain'")
    expected = {"rows_dropped": gone, "before": reach.when(MAY)}
    if overdue.chunks is not None:
        expected = {"chunks_dropped": 2, "before": reach.when(overdue.chunks[1])}
    assert json.loads(told) == expected


async def test_only_the_owner_drops(store: Database, monkeypatch: pytest.MonkeyPatch):
    async with store.connection("write") as connection:
        assert await connection.fetchval(drop._OWNED) is True
        await connection.execute("BEGIN; CREATE ROLE chiso_test_other; SET ROLE chiso_test_other")
        assert await connection.fetchval(drop._OWNED) is False
        await connection.execute("ROLLBACK")
    monkeypatch.setattr(drop, "_OWNED", "SELECT false")
    with pytest.raises(drop.NotOwner, match="the address that `chiso migrate` is run with"):
        await drop.drop(store, await drop.look(store, CLOCK, KEEP_DAYS), quiet, Follower(store, lambda: CLOCK).finish)
