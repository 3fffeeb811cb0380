"""Feeds are what the log says of each source and unit, up to a mark, whoever writes and whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from app.domain.feeds import Feed
from app.store.catalogues import lock, removal
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Connection, Database
from app.store.feeds import follow
from app.store.feeds import kept as kept_feeds
from app.store.feeds.follow import Follower
from app.store.feeds.kept import Mark, marked, of_units, read_until, stored, take
from app.store.proof.rebuild import rebuild
from app.store.proof.verify import verify
from app.store.write.intake import Intake
from tests.store.histories import CLOCK, arrivals, province, push

MINUTE = 60_000_000


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.at = CLOCK

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def follower(store: Database, clock: Clock) -> Follower:
    return Follower(store, clock)


@pytest.fixture
def intake(store: Database, clock: Clock) -> Intake:
    return Intake(store, CatalogueCache(), clock)


async def asked(store: Database, what: Callable[[Connection], Any]) -> Any:
    async with store.connection("write") as connection:
        return await what(connection)


async def of_log(store: Database) -> dict[tuple[int, int, int], tuple[int, int, int, int]]:
    """By root, source and unit: first and last arrival, how many, and how many receptions; by a query of its own."""
    query = (
        "SELECT root_id, source_id, unit_id, min(received_at), max(received_at), count(*), sum((type = 1)::int)"
        " FROM event GROUP BY 1, 2, 3"
    )
    rows = await asked(store, lambda connection: connection.fetch(query))
    return {tuple(row[:3]): tuple(row[3:]) for row in rows}


async def kept(store: Database, root_id: int) -> dict[tuple[int, int, int], tuple[int, int, int, int]]:
    found = await asked(store, lambda connection: stored(connection, root_id))
    return {key: (each.first_at, each.last_at, each.events, each.received) for key, each in found.items()}


async def test_each_source_and_unit_of_the_log_is_a_feed(
    store: Database, intake: Intake, clock: Clock, follower: Follower
):
    root_id = await province(store)
    assert await asked(store, marked) is None
    await follower.finish()
    items = arrivals(seed=1, dossiers=30)
    for start in range(0, len(items), 20):
        await push(intake, root_id, items[start : start + 20])
        clock.at += 7 * MINUTE
        if start % 60 == 0:
            await follower.finish()
    await follower.finish()
    found = await kept(store, root_id)
    assert len(found) > 5
    assert found == await of_log(store)
    assert sum(events for _, _, events, _ in found.values()) == await asked(
        store, lambda connection: connection.fetchval("SELECT count(*) FROM event")
    )
    last = await asked(store, lambda connection: connection.fetchval("SELECT last_value FROM event_seq"))
    assert await asked(store, marked) == Mark(last, clock.at)
    assert (await verify(store, root_id, deep=True, now=CLOCK)).feeds == []


async def test_what_is_read_in_parts_is_what_is_read_at_once(
    store: Database, intake: Intake, clock: Clock, follower: Follower, monkeypatch: pytest.MonkeyPatch
):
    root_id = await province(store)
    rng = random.Random(5)
    items = arrivals(seed=2, dossiers=20)
    start = 0
    while start < len(items):
        size = rng.randint(1, 30)
        await push(intake, root_id, items[start : start + size])
        start += size
        clock.at += rng.choice((-2, 0, 1, 90, 600, 1_700)) * MINUTE  # also clocks of several processes that differ
    monkeypatch.setattr(kept_feeds, "CHUNK", 7)
    steps = 1
    while await follower.step():
        steps += 1
    assert steps > 10
    in_parts = await asked(store, lambda connection: stored(connection, root_id))
    monkeypatch.undo()
    await asked(store, lambda connection: connection.execute("DELETE FROM feed_mark"))
    await asked(store, lambda connection: connection.execute("UPDATE feed SET events = events + 1"))
    await follower.finish()
    assert await asked(store, lambda connection: stored(connection, root_id)) == in_parts
    assert {len(each.recent) for each in in_parts.values()} > {1}


async def test_a_writer_under_way_is_waited_for_and_loses_nothing(
    store: Database, intake: Intake, follower: Follower, monkeypatch: pytest.MonkeyPatch
):
    """A lower number is committed after a higher one."""
    root_id = await province(store)
    first, *rest = arrivals(seed=3, dossiers=10)
    await push(intake, root_id, [first])
    await follower.finish()
    monkeypatch.setattr(follow, "_PATIENCE", 0.2)
    async with store.connection("write") as slow:
        await slow.execute("BEGIN")
        await lock.hold(slow, root_id)
        await slow.execute(
            """
            INSERT INTO event (root_id, time, received_at, source_id, id, type, unit_id, subject)
            SELECT root_id, time, received_at, source_id, 'slow', type, unit_id, subject FROM event
            """
        )
        await push(intake, root_id, rest)
        before = await asked(store, marked)
        assert await follower.step() is False, "somebody who wrote then writes still"
        assert await asked(store, marked) == before
        reading = asyncio.create_task(follower.step())
        await asyncio.sleep(0.05)
        await slow.execute("COMMIT")
    await reading
    await follower.finish()
    assert await kept(store, root_id) == await of_log(store)


async def test_writers_that_come_later_are_not_waited_for(store: Database, intake: Intake, follower: Follower):
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=4, dossiers=3))
    ends = asyncio.Event()

    async def one_after_the_other() -> None:
        while not ends.is_set():
            async with store.transaction() as connection:
                await lock.hold(connection, root_id)
                await asyncio.sleep(0.03)

    writers = [asyncio.create_task(one_after_the_other()) for _ in range(3)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(3):
        assert await follower.step() is False
    assert await kept(store, root_id) == await of_log(store)
    ends.set()
    await asyncio.gather(*writers)


async def test_any_number_of_processes_read_and_push_and_count_everything_once(
    store: Database, intake: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    root_id = await province(store)
    monkeypatch.setattr(kept_feeds, "CHUNK", 25)
    ends = asyncio.Event()

    async def follow() -> None:
        mine = Follower(store, clock)
        while not ends.is_set():
            await mine.step()
            await asyncio.sleep(0.001)

    following = [asyncio.create_task(follow()) for _ in range(3)]
    items = arrivals(seed=6, dossiers=60)
    pushes = [push(intake, root_id, items[nth::4], at_once=15) for nth in range(4)]
    await asyncio.gather(*pushes)
    ends.set()
    await asyncio.gather(*following)
    await Follower(store, clock).finish()
    assert await kept(store, root_id) == await of_log(store)
    assert (await verify(store, root_id, deep=True, now=CLOCK)).feeds == []


async def test_a_step_that_dies_has_done_nothing(
    store: Database, intake: Intake, follower: Follower, monkeypatch: pytest.MonkeyPatch
):
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=7, dossiers=5))

    async def dies(*arguments: Any) -> None:
        await put(*arguments)
        raise ArithmeticError

    put = kept_feeds.put
    monkeypatch.setattr(kept_feeds, "put", dies)
    with suppress(ArithmeticError):
        await follower.step()
    assert (await asked(store, marked), await kept(store, root_id)) == (None, {})
    monkeypatch.undo()
    await follower.finish()
    assert await kept(store, root_id) == await of_log(store)


async def test_a_wrong_feed_is_named_and_a_rebuild_rights_it(store: Database, intake: Intake, follower: Follower):
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=8, dossiers=10))
    await follower.finish()
    wrong, lost, *_ = sorted(await kept(store, root_id))
    spoil = "UPDATE feed SET events = events + 1 WHERE (root_id, source_id, unit_id) = ($1, $2, $3)"
    lose = "DELETE FROM feed WHERE (root_id, source_id, unit_id) = ($1, $2, $3)"
    for statement, key in ((spoil, wrong), (lose, lost)):
        async with store.connection("write") as connection:
            await connection.execute(statement, *key)
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert report.feeds == [wrong[1:], lost[1:]]
    assert not report.clean
    assert "2 feeds differ" in str(report)
    assert f"  feed of source {wrong[1]}, unit {wrong[2]}" in str(report).splitlines()
    await rebuild(store, intake, root_id)
    assert await kept(store, root_id) == await of_log(store)
    assert (await verify(store, root_id, deep=True, now=CLOCK)).clean


async def test_another_root_stays_as_it_is_and_a_removed_one_leaves_nothing(
    store: Database, intake: Intake, clock: Clock, follower: Follower
):
    root_id = await province(store)
    other_id = await asked(
        store,
        lambda connection: connection.fetchval(
            "INSERT INTO root (code, revision, rules) SELECT 'H55', 2, rules FROM root RETURNING id"
        ),
    )
    unit = "INSERT INTO unit (root_id, code, level) VALUES ($1, 'H55', 'province')"
    await asked(store, lambda connection: connection.execute(unit, other_id))
    await push(intake, root_id, arrivals(seed=9, dossiers=5))
    await asked(
        store,
        lambda connection: connection.execute(
            """
            INSERT INTO event (root_id, time, received_at, source_id, id, type, unit_id, subject)
            SELECT $1, time, received_at, 0, id, type, 0, subject FROM event
            """,
            other_id,
        ),
    )
    await follower.finish()
    assert await kept(store, other_id) | await kept(store, root_id) == await of_log(store)

    await push(intake, root_id, arrivals(seed=10, dossiers=5))
    async with store.connection("write") as removing:
        await removing.execute("BEGIN")
        await removal.hold(removing, root_id)
        await removal.remove(removing, root_id)
        # Who removes waits for nobody here; and what was read of the root meanwhile is not written.
        assert await asyncio.wait_for(follower_steps(follower), 10) is False
        await removing.execute("COMMIT")
    await follower.finish()
    assert await kept(store, root_id) == {}
    assert await kept(store, other_id) == await of_log(store)


async def follower_steps(follower: Follower) -> bool:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(follow, "_PATIENCE", 0.2)
        return await follower.step()


async def test_how_far_feeds_tell(store: Database, intake: Intake, clock: Clock, follower: Follower):
    """Where nothing has come since, to this very instant; else to when they were read."""
    root_id = await province(store)

    async def until(now: int) -> int | None:
        async with store.connection("write") as connection:
            return await read_until(connection, now)

    await push(intake, root_id, arrivals(seed=11, dossiers=3))
    assert await until(CLOCK + MINUTE) is None
    await follower.finish()
    assert await until(CLOCK + MINUTE) == CLOCK + MINUTE
    clock.at += 2 * MINUTE
    await push(intake, root_id, arrivals(seed=12, dossiers=3))
    assert await until(CLOCK + 5 * MINUTE) == CLOCK
    assert await until(CLOCK - 5) == CLOCK - 5
    await follower.finish()
    assert await until(CLOCK + 5 * MINUTE) == CLOCK + 5 * MINUTE


async def test_while_it_catches_up_it_tells_as_far_as_it_came(
    store: Database, intake: Intake, clock: Clock, follower: Follower, monkeypatch: pytest.MonkeyPatch
):
    root_id = await province(store)
    items = arrivals(seed=13, dossiers=10)
    await push(intake, root_id, items[:20])
    clock.at += 60 * MINUTE
    await push(intake, root_id, items[20:40])
    monkeypatch.setattr(kept_feeds, "CHUNK", 10)
    assert await follower.step() is True
    mark = await asked(store, marked)
    assert (mark.read_at, mark.seq) == (CLOCK, 10)


async def test_an_idle_service_writes_nothing(store: Database, intake: Intake, clock: Clock, follower: Follower):
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=14, dossiers=3))
    await follower.finish()
    written = "SELECT xmin::text || ctid::text FROM feed_mark"
    before = await asked(store, lambda connection: connection.fetchval(written))
    clock.at += MINUTE
    assert await follower.step() is False
    assert await asked(store, lambda connection: connection.fetchval(written)) == before


async def test_of_very_many_feeds_those_are_told_that_sent_last(
    store: Database, intake: Intake, clock: Clock, follower: Follower, monkeypatch: pytest.MonkeyPatch
):
    root_id = await province(store)
    for item in arrivals(seed=15, dossiers=6):
        await push(intake, root_id, [item])
        clock.at += MINUTE
    await follower.finish()
    units = [row[0] for row in await asked(store, lambda connection: connection.fetch("SELECT id FROM unit"))]
    every = await asked(store, partial(of_units, root_id=root_id, unit_ids=units))
    assert [each.feed.last_at for each in every] == sorted((each.feed.last_at for each in every), reverse=True)
    monkeypatch.setattr(kept_feeds, "MOST", 3)
    assert await asked(store, partial(of_units, root_id=root_id, unit_ids=units)) == every[:3]
    one = every[-1].unit_id
    assert (
        await asked(store, partial(of_units, root_id=root_id, unit_ids=[one]))
        == [each for each in every if each.unit_id == one][:3]
    )


async def test_arrivals_are_taken_by_root_source_and_unit() -> None:
    feeds: dict[tuple[int, int, int], Feed] = {}
    await take(
        feeds,
        [
            dict(zip("rsuand", row, strict=True))
            for row in ((1, 1, 1, CLOCK, 3, 1), (1, 2, 1, CLOCK, 1, 0), (1, 1, 1, CLOCK + 5, 2, 2))
        ],
    )
    assert {key: (each.events, each.received, each.last_at - CLOCK) for key, each in feeds.items()} == {
        (1, 1, 1): (5, 3, 5),
        (1, 2, 1): (1, 0, 0),
    }


async def test_many_arrivals_leave_others_their_turns() -> None:
    feeds: dict[tuple[int, int, int], Feed] = {}
    seen: list[int] = []

    async def another() -> None:
        while True:
            seen.append(sum(each.events for each in feeds.values()))
            await asyncio.sleep(0)

    turns = asyncio.create_task(another())
    await take(feeds, [dict(zip("rsuand", (1, 1, 1, CLOCK + each, 1, 1), strict=True)) for each in range(1_000)])
    turns.cancel()
    assert seen == [0, 200, 400, 600, 800]
