"""Closed years laid out in the order of their keys: nothing that is read changes, and nobody is lost who writes."""

from __future__ import annotations

import asyncio
import random
from datetime import date

import pytest

from app.domain.calendar.civil import day_number
from app.domain.tallies.tally import FAMILIES
from app.store.connections.database import Database
from app.store.proof.verify import verify
from app.store.schema import TALLIES
from app.store.tallies import layout
from app.store.write.intake import Intake
from tests.store.histories import CLOCK, arrivals, province, push

NEXT_YEAR = CLOCK + 366 * 86_400 * 1_000_000
"""The histories' year is over then."""


@pytest.fixture
def every_year(monkeypatch: pytest.MonkeyPatch) -> None:
    """Years of few rows matter too."""
    monkeypatch.setattr(layout, "_WORTH_IT", 1)


def silent(stage: str, done: int, of: int) -> None:
    """Nobody watches."""


async def rows(store: Database) -> dict[str, list[tuple[object, ...]]]:
    """All tallies, sorted."""
    async with store.connection("read") as connection:
        return {
            table.name: sorted(map(tuple, await connection.fetch(f"SELECT * FROM {table.name}")), key=str)
            for table in TALLIES.values()
        }


async def shuffled(store: Database, intake: Intake, seed: int, dossiers: int) -> int:
    """A history whose events came in any order, so that its tallies lie in none; the root."""
    root_id = await province(store)
    events = arrivals(seed, dossiers)
    random.Random(seed).shuffle(events)
    await push(intake, root_id, events, at_once=50)
    return root_id


async def test_a_closed_year_is_laid_out_once_and_reads_the_same(
    store: Database, intake: Intake, every_year: None, engine: str
) -> None:
    root_id = await shuffled(store, intake, 21, 400)
    before = await rows(store)
    years = await layout.look(store, root_id, NEXT_YEAR, silent)
    if engine == "citus":
        assert years == [], "on a cluster that is left to its workers"
        return
    days = {year.year: year for year in years if year.table == "tally_dossier_day"}
    assert sum(year.rows for year in years) == sum(map(len, before.values()))
    assert 2026 in days
    assert not days[2026].in_order
    for year in years:
        if not year.in_order:
            await layout.lay_out(store, root_id, year, silent)
    assert await rows(store) == before
    assert [year for year in await layout.look(store, root_id, NEXT_YEAR, silent) if not year.in_order] == []
    assert (await verify(store, root_id, deep=True, now=CLOCK)).clean


async def test_the_year_that_is_not_over_is_left_alone(
    store: Database, intake: Intake, every_year: None, engine: str
) -> None:
    root_id = await shuffled(store, intake, 22, 40)
    assert {year.year for year in await layout.look(store, root_id, CLOCK, silent)}.isdisjoint({2026})
    async with store.connection("read") as connection:
        earlier = await connection.fetchval(
            "SELECT count(*) FROM tally_dossier_day WHERE bucket < $1", day_number(date(2026, 1, 1))
        )
    found = await layout.look(store, root_id, CLOCK, silent)
    assert sum(year.rows for year in found if year.table == "tally_dossier_day") == (
        earlier if engine != "citus" else 0
    )


async def test_pushes_into_a_year_that_is_being_laid_out_are_counted(
    store: Database, intake: Intake, every_year: None
) -> None:
    root_id = await province(store)
    events = arrivals(23, 120)
    random.Random(23).shuffle(events)
    half = len(events) // 2
    await push(intake, root_id, events[:half], at_once=50)

    async def laid_out() -> None:
        for _ in range(3):
            for year in await layout.look(store, root_id, NEXT_YEAR, silent):
                await layout.lay_out(store, root_id, year, silent)

    await asyncio.gather(laid_out(), push(intake, root_id, events[half:], at_once=20))
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert (report.clean, report.logged) == (True, len({(each.event.source, each.event.id) for each in events}))


def test_few_rows_and_rows_side_by_side_are_in_order() -> None:
    family = FAMILIES[0]
    assert layout.Year(family, "day", 2020, 999, 999).in_order
    assert layout.Year(family, "day", 2020, 1_000, 100).in_order
    assert not layout.Year(family, "day", 2020, 1_000, 101).in_order
