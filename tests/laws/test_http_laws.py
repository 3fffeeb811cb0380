"""The laws over HTTP: random histories pushed in any split and order, every scorecard equal to the recount."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.store.proof.verify import verify
from tests.oracle.histories import NOW, SEED_HOLIDAYS, SEED_WORKDAYS, History, history
from tests.oracle.http_client import _compare_one
from tests.oracle.recount import Recount
from tests.running import Running
from tests.seeds import dice

PERIODS = ["2026", "2025", "2026-9M", "2026-Q3", "2026-Q4", "2026-11", "2026-W47", "2026-11-23", "2026-02"]


async def _load(running: Running, made: History, seed: int) -> None:
    running.clock.at = NOW
    await running.catalogue(made.units, made.procedures)
    answer = await running.put("/v1/external-figures", made.external)
    assert answer.json()["errors"] == []
    mixed = made.events + made.events[: len(made.events) // 5]
    rng = dice(seed)
    rng.shuffle(mixed)
    while mixed:
        batch, mixed = mixed[: (size := rng.choice((1, 7, 60, 400)))], mixed[size:]
        outcome = await running.push(batch)
        assert outcome["errors"] == []


async def _differences(running: Running, recount: Recount, made: History) -> list[str]:
    answers: dict[tuple, Mapping] = {}

    async def fetch(unit: str, label: str, scope: str, procedure: str | None) -> None:
        query: dict[str, Any] = {"unit": unit, "period": label, "scope": scope} | (
            {"procedure": procedure} if procedure else {}
        )
        answer = await running.get("/v1/scorecard", **query)
        assert answer.status_code == 200, answer.text
        answers[tuple(sorted(query.items()))] = answer.json()

    found = []
    for number, row in enumerate(made.units):
        for label in PERIODS:
            code = made.procedures[number % len(made.procedures)]["code"]
            for scope, procedure in (("subtree", None), ("own", None), ("subtree", code)):
                await fetch(row["code"], label, scope, procedure)
                found += _compare_one(
                    lambda path, query: answers[tuple(sorted(query.items()))],
                    recount,
                    row["code"],
                    label,
                    scope,
                    procedure,
                )
    return found


@pytest.mark.parametrize("seed", [21, 22])
async def test_scorecards_equal_the_recount_before_and_after_catalogue_edits(running: Running, seed: int) -> None:
    made = history(seed, 120)
    await _load(running, made, seed)
    options: dict[str, Any] = {"external": made.external, "seed_workdays": SEED_WORKDAYS}
    recount = Recount(made.events, made.units, made.procedures, SEED_HOLIDAYS, **options)
    assert await _differences(running, recount, made) == []

    assert (await running.put("/v1/procedures", made.edit)).json()["errors"] == []
    days = [{"date": day.isoformat(), "kind": kind, "name": "đổi"} for day, kind in made.calendar.items()]
    assert (await running.put("/v1/calendar", days)).json()["errors"] == []
    [root_id] = [row["id"] for row in await _fetch(running, "SELECT id FROM root WHERE code = 'H44'")]
    await running.service.refolder.finish(root_id)
    edited = Recount(made.events, made.units, made.edited(), SEED_HOLIDAYS, made.calendar, **options)
    assert await _differences(running, edited, made) == []
    report = await verify(running.service.database, root_id, deep=True)
    assert report.clean, report


async def _fetch(running: Running, statement: str) -> list:
    async with running.service.database.connection("read") as connection:
        return await connection.fetch(statement)
