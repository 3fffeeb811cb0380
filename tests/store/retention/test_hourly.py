"""Events by the hour: the questions of docs/operations.md as they stand there, counted again from what was sent."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from app.domain.lives.events import BY_CODE
from app.store.connections.database import Database
from app.store.retention.settle import settle
from app.store.retention.timescale import Wish
from app.store.write.intake import Intake
from tests.oracle.histories import UNITS
from tests.store.histories import CLOCK, arrivals, province, push

SECTION = (Path(__file__).resolve().parents[3] / "docs" / "operations.md").read_text().partition(
    "### Events by the hour\n")[2].partition("\n## ")[0]  # fmt: skip
BY_DAY, BUSIEST, QUIET = re.findall(r"```sql\n(.*?);\n```", SECTION, re.DOTALL)
CODES = {alias: each["code"] for each in UNITS for alias in each.get("aliases", ())}
HERE = timezone(timedelta(hours=7))
NOW = datetime.fromtimestamp(CLOCK / 1e6, UTC)


@pytest.fixture
async def events(store: Database, intake: Intake) -> list[tuple[str, int, datetime]]:
    """Unit, type and hour of each event that was taken in."""
    root_id = await province(store)
    items = arrivals(seed=31, dossiers=120)
    found = {(each.event.source, each.event.id): each.event for each in items}
    assert await push(intake, root_id, items) == len(found)
    await settle(store, Wish())
    hour = 3_600_000_000
    return [
        (CODES.get(each.unit, each.unit), each.what.code, datetime.fromtimestamp(each.time // hour * 3_600, UTC))
        for each in found.values()
    ]


async def asked(store: Database, question: str) -> list[tuple[Any, ...]]:
    async with store.connection("read") as connection:
        return [tuple(row) for row in await connection.fetch(question)]


def test_the_numbers_of_the_types_are_those_of_the_log() -> None:
    told = {int(code): name for code, name in re.findall(r"(\d+)\s(\w+\.\w+)[,.]", SECTION)}
    assert told == {code: kind.type for code, kind in BY_CODE.items()}


async def test_the_three_questions_of_the_document(store: Database, events: list[tuple[str, int, datetime]]):
    since = NOW - timedelta(days=7)
    expected = Counter((hour.astimezone(HERE).date(), kind) for _, kind, hour in events if hour >= since)
    found = await asked(store, BY_DAY.replace("now()", f"'{NOW.isoformat()}'::timestamptz"))
    assert {(date(1970, 1, 1) + timedelta(days=day), kind): int(n) for day, kind, n in found} == expected
    assert len(expected) > 5

    by_hour = Counter((unit, hour) for unit, _, hour in events)
    best: dict[str, tuple[int, datetime]] = {}
    for (unit, hour), n in sorted(by_hour.items()):
        if n > best.get(unit, (0, hour))[0]:
            best[unit] = (n, hour)
    found = await asked(store, BUSIEST)
    assert found == [(unit, int(hour.timestamp()) * 1_000_000, n) for unit, (n, hour) in sorted(best.items())]

    received: dict[str, set[tuple[int, int]]] = {}
    for unit, kind, hour in events:
        if kind == 1:
            here = hour.astimezone(HERE)
            received.setdefault(unit, set()).add((here.year, here.month))
    this_year = {unit: months for unit, months in received.items() if any(year == 2026 for year, _ in months)}
    quiet = sorted(unit for unit, months in this_year.items() if (2026, 5) not in months)
    found = await asked(store, QUIET)
    assert [row[0] for row in found] == quiet
    assert 0 < len(quiet) < len(this_year)
