"""Batches of two processes on one database while statements fail at random: everybody is answered, nothing is lost or
counted twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from asyncpg.pool import PoolConnectionProxy

from app.domain.push import Parsed
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Database
from app.store.proof.verify import verify
from app.store.write.gather import Gatherer
from app.store.write.intake import Intake
from tests.seeds import dice
from tests.store.histories import CLOCK, arrivals, province

AT_ONCE = 40
SIZES = (1, 1, 1, 2, 5, 20, 100, 150, 300, 900)
ANSWERED_S = 60


class Lost(Exception):
    """What a statement fails with."""


@pytest_asyncio.fixture(loop_scope="function")
async def databases(database: str) -> AsyncIterator[list[Database]]:
    both = [Database(database, 8, 4, 20) for _ in range(2)]
    yield both
    for each in both:
        await each.close()


def pieces(rng: random.Random, events: list[Parsed]) -> list[list[Parsed]]:
    """Pushes of many sizes; a third of the events comes twice."""
    pool = [*events, *rng.sample(events, len(events) // 3)]
    rng.shuffle(pool)
    found = []
    while pool:
        size = rng.choice(SIZES)
        piece, pool = pool[:size], pool[size:]
        found.append([msgspec.structs.replace(each, index=place) for place, each in enumerate(piece)])
    return found


@pytest.mark.parametrize(("seed", "share"), [(1, 0.0), (2, 0.01), (3, 0.03)])
async def test_random_failures_lose_nothing_and_leave_nobody_waiting(
    databases: list[Database], monkeypatch: pytest.MonkeyPatch, seed: int, share: float
) -> None:
    rng = dice(seed)
    events = arrivals(seed, 500)
    distinct = len({(each.event.source, each.event.id) for each in events})
    root_id = await province(databases[0])
    gatherers = [Gatherer(Intake(each, CatalogueCache(), lambda: CLOCK), 20_000, 30) for each in databases]

    with monkeypatch.context() as failing:
        for name in ("execute", "fetch", "fetchrow", "fetchval", "copy_records_to_table"):
            told = getattr(PoolConnectionProxy, name)

            async def statement(self: Any, *arguments: Any, _told: Any = told, **options: Any) -> Any:
                if rng.random() < share:
                    raise rng.choice([Lost, asyncpg.DeadlockDetectedError, asyncpg.SerializationError])
                done = await _told(self, *arguments, **options)
                if rng.random() < share / 2:
                    raise Lost
                return done

            failing.setattr(PoolConnectionProxy, name, statement)
        turns = asyncio.Semaphore(AT_ONCE)
        acknowledged: list[Parsed] = []
        accepted, failed = 0, 0

        async def push(piece: list[Parsed]) -> None:
            nonlocal accepted, failed
            async with turns, asyncio.timeout(ANSWERED_S):
                try:
                    outcome = await rng.choice(gatherers).push(root_id, "H44", piece)
                except Lost:
                    failed += 1
                    return
            assert (outcome.accepted + outcome.duplicates, list(outcome.errors)) == (len(piece), [])
            accepted += outcome.accepted
            acknowledged.extend(piece)

        await asyncio.gather(*map(push, pieces(rng, events)))

    assert [gatherer.waiting for gatherer in gatherers] == [0, 0]
    report = await verify(databases[0], root_id, deep=True, now=CLOCK)
    assert (report.clean, report.logged) == (True, report.receipts)
    # A commit whose answer was lost is in the log, and was not acknowledged.
    assert report.logged is not None
    assert accepted <= report.logged
    if share == 0:
        assert (accepted, failed) == (distinct, 0)
    for start in range(0, len(acknowledged), 1_000):
        again = await gatherers[0].push(root_id, "H44", acknowledged[start : start + 1_000])
        assert again.accepted == 0
    await gatherers[1].push(root_id, "H44", events)
    report = await verify(databases[0], root_id, deep=True, now=CLOCK)
    assert (report.clean, report.logged) == (True, distinct)
