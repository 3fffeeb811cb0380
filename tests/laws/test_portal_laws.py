"""Lives told in the portal's payload: however they are told, every scorecard is that of an independent recount."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import pytest

from app.store.portal import untold
from app.store.proof.verify import verify
from tests.api.dvcqg.dialects import DIALECTS
from tests.intake.dvcqg.stories import NOT_ACCEPTED, Story, stories
from tests.oracle.histories import SEED_HOLIDAYS, SEED_WORKDAYS
from tests.oracle.http_client import _compare_one
from tests.oracle.recount import Recount
from tests.running import PROCEDURES, UNITS, Running
from tests.seeds import dice

Call = tuple[datetime, str, dict[str, Any]]
WAYS = ("once", "twice", "shuffled", "daily")
PERIODS = ("2026", "2026-9M", "2026-Q3")


@pytest.fixture
def database(stocked_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Without the loop that makes zeros of what no source can tell no data: a recount of events has them as zeros."""

    async def waits(_: object) -> None:
        return None

    monkeypatch.setattr(untold, "settle", waits)
    return stocked_database


def _unit(dialect: str, way: str) -> str:
    return f"H44.{200 + 10 * list(DIALECTS).index(dialect) + WAYS.index(way)}"


def _batches(calls: list[Call], size: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Calls in their order, neighbours of one service together."""
    for service, of_service in groupby(calls, key=lambda call: call[1]):
        elements = [call[2] for call in of_service]
        for start in range(0, len(elements), size):
            yield service, elements[start : start + size]


def _told(lives: list[Story], way: str, seed: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    by_time = sorted((call for life in lives for call in life.calls()), key=lambda call: call[0])
    match way:
        case "once":
            yield from _batches(by_time, 20)
        case "twice":
            yield from (call for call in _batches(by_time, 20) for _ in range(2))
        case "daily":
            for _, of_day in groupby(by_time, key=lambda call: call[0].date()):
                yield from _batches(sorted(of_day, key=lambda call: call[1]), 20)
        case "shuffled":
            mixed = [*by_time, *by_time[::3]]
            dice(seed).shuffle(mixed)
            # By service, so that calls are few; what holds last is told last, as of two states that are equally far
            # on the one that was told last holds.
            yield from _batches(sorted(mixed, key=lambda call: call[1]), 20)
            yield "DongBoHoSoMC", [[each for _, service, each in life.calls() if service == "DongBoHoSoMC"][-1]
                                   for life in lives]  # fmt: skip


def _answered(shown: Mapping[str, Any], _path: str, _query: Mapping[str, str]) -> Mapping[str, Any]:
    return shown


async def test_however_lives_are_told_the_figures_are_those_of_a_recount(served: Running) -> None:
    served.clock.at = datetime.fromisoformat("2026-11-23T08:00:00+07:00")
    ways = [(dialect, way) for dialect in DIALECTS for way in WAYS]
    units = [*UNITS, *({"code": _unit(*each), "name": "Sở", "level": "department"} for each in ways)]
    await served.catalogue(units, PROCEDURES)
    codes = [str(each["code"]) for each in PROCEDURES]
    events, received = [], {"H44": 0}
    for dialect, way in ways:
        lives = stories(7, _unit(dialect, way), 3 if dialect == "oauth" else 9, codes)
        events += [event for life in lives for event in life.events()]
        received[_unit(dialect, way)] = sum(life.end != NOT_ACCEPTED for life in lives)
        for service, elements in _told(lives, way, seed=3):
            served.clock.at += timedelta(milliseconds=1)
            await DIALECTS[dialect](served, service, elements)
    served.clock.at = datetime.fromisoformat("2026-11-23T08:10:00+07:00")
    recount = Recount(events, units, PROCEDURES, SEED_HOLIDAYS, seed_workdays=SEED_WORKDAYS)
    differences: list[str] = []
    received["H44"] = sum(received.values())
    assert received["H44"] > 90
    for unit, count in received.items():
        for period in PERIODS:
            answer = await served.get("/v1/scorecard", unit=unit, period=period, scope="subtree")
            shown: Mapping[str, Any] = answer.json()
            assert period != "2026" or shown["balance"]["received"] == count
            differences += _compare_one(partial(_answered, shown), recount, unit, period, "subtree", None)
    assert differences == []
    async with served.service.database.connection("read") as connection:
        root_id = await connection.fetchval("SELECT id FROM root")
    assert (await verify(served.service.database, root_id, deep=True)).clean
