"""A unit split in two by a list, and two merged into one: every figure equal to the recount, as now and as then."""

from __future__ import annotations

import asyncio
import itertools
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import told as command_told
from tests.faults.serving import chiso, environment
from tests.laws.recounted import recounted, told
from tests.oracle.calendar import parse_instant, period_days, start_of
from tests.oracle.catalogue import upsert
from tests.oracle.histories import SEED_HOLIDAYS, SEED_WORKDAYS, history
from tests.oracle.recount import Recount
from tests.oracle.tabular import as_then, figures_over
from tests.running import Running

OLD, FIRST, SECOND = "H44.131", "H44.140", "H44.141"
DAY = date(2026, 6, 1)
PARTS: list[dict[str, Any]] = [
    {"code": FIRST, "name": "Xã Một", "level": "commune", "valid_from": "2026-06-01"},
    {"code": SECOND, "name": "Xã Hai", "level": "commune", "valid_from": "2026-06-01"},
]
MOVED = {
    "1.000001": FIRST, "1.000002": FIRST, "1.000005": FIRST, "1.000009": FIRST,
    "1.000006": SECOND, "1.000007": SECOND, "2.000010": SECOND,
}  # fmt: skip


@pytest.fixture
def database(postgres_database: str) -> str:
    """On one engine: nothing here depends on it."""
    return postgres_database


async def split(dsn: str, folder: Path, *more: str, code: int = 0) -> list[str]:
    """The command's answer, and what it says of faults, line by line."""
    settings = environment(CHISO_DATABASE__DSN=dsn, CHISO_DATA_DIR=str(folder / "data"))
    ended = await asyncio.to_thread(chiso, settings, "import", "split", str(folder / "split.csv"), *more)
    assert ended.returncode == code, (ended.stdout, ended.stderr)
    return [each for each in ended.stderr.splitlines() if each.startswith("line ")] + ended.stdout.splitlines()


def listed(oracle: Recount) -> tuple[str, dict[str, str]]:
    """A list, and where it takes which dossiers, by the recount: also one of the oldest, by name, of each part."""
    mine = {subject: d for subject, d in oracle.dossiers.items() if d.unit == OLD}
    since = start_of(DAY)
    goes = {
        subject: MOVED[d.procedure]
        for subject, d in mine.items()
        if d.procedure in MOVED and (d.span.ended is None or max(d.span.ended, d.span.received) >= since)
    }
    stays = sorted(subject for subject in mine if subject not in goes)
    lines = [f"{OLD},{to},01/06/2026,{code}," for code, to in MOVED.items()]
    for subject, to in zip(stays[:2], (FIRST, SECOND), strict=True):
        goes[subject] = to
        lines.append(f"{OLD},{to},2026-06-01,,{subject}")
    assert len(stays) > 3, "some of the history stays"
    assert set(goes.values()) == {FIRST, SECOND}
    return "\n".join(["Từ đơn vị,Đến đơn vị,Từ ngày,Mã TTHC,Mã hồ sơ", *lines]), goes


async def equal(running: Running, oracle: Recount) -> int:
    """Hold every figure of the units concerned to the recount; how many dossiers they count in all."""
    counted = 0
    periods = ("2026-Q1", "2026-Q3", "2026")
    for unit, period, seen in itertools.product((OLD, FIRST, SECOND, "H44"), periods, ("now", "then")):
        answer = await running.get("/v1/scorecard", unit=unit, period=period, as_=seen)
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        first, last = period_days(period)
        recount = as_then(oracle, first, last) if seen == "then" else oracle
        asked = (unit, first, last, "subtree", None)
        figures = figures_over(recount, asked, parse_instant(shown["as_of"]))
        for group in [*(group["indicators"] for group in shown["groups"]), shown["operational"]]:
            for each in group:
                if each["code"] in figures:
                    expected = told(figures[each["code"]])
                    assert {name: each[name] for name in expected} == expected, (unit, period, seen, each["code"])
        counted += shown["balance"]["received"]
    return counted


def after(oracle: Recount, events: list[dict], units: list[dict], goes: dict[str, str]) -> Recount:
    """The recount of the same events and of a transfer of each dossier that goes."""
    transfers = [
        {
            "specversion": "1.0", "type": "dossier.transferred", "source": "/recount", "id": f"t-{subject}",
            "unit": OLD, "subject": subject, "data": {"to": to},
            "time": max(start_of(DAY), oracle.dossiers[subject].span.received).isoformat(),
        }
        for subject, to in goes.items()
    ]  # fmt: skip
    made = history(51, 130)
    return Recount(
        events + transfers, units, oracle.procedures.rows.values(), SEED_HOLIDAYS, external=made.external,
        seed_workdays=SEED_WORKDAYS,
    )  # fmt: skip


async def test_a_split_by_a_list_equals_the_recount_can_be_run_again_and_taken_back(
    running: Running, database: str, tmp_path: Path
) -> None:
    oracle = await recounted(running, 51, 130)
    events: list[dict] = list(history(51, 130).events)
    assert (await running.put("/v1/units", PARTS)).json()["errors"] == []
    # The parts have a history of their own as well.
    own = [
        running.event(
            "dossier.received", f"{part}-260701-{number:04}", part, time=f"2026-0{7 + number % 3}-02T09:00:00+07:00",
            procedure="1.000001", channel="online", due_at="2026-09-01T17:00:00+07:00",
        )
        for part in (FIRST, SECOND) for number in range(4)
    ]  # fmt: skip
    assert (await running.push(own))["errors"] == []
    events += own
    units = upsert(oracle.units.rows.values(), PARTS)
    before = after(oracle, events, units, {})
    total = await equal(running, before)
    table, goes = listed(before)
    file = tmp_path / "split.csv"
    numbers = [sum(to == part for to in goes.values()) for part in (FIRST, SECOND)]

    absent = f"{OLD}-990101-0000"
    file.write_text(f"{table}\n{OLD},{FIRST},2026-06-01,,{absent}", "utf-8")
    fault, *shown = await split(database, tmp_path, "--dry-run", code=1)
    at = len(table.splitlines()) + 1
    assert fault == f"line {at}: {absent}: invalid_value dossier: no dossier of this code was received"
    assert [each.partition(" to take")[0] for each in shown[:2]] == [
        f"{OLD} → {part}: {count} to move, 0" for part, count in zip((FIRST, SECOND), numbers, strict=True)
    ]
    file.write_text(table, "utf-8")
    assert (await split(database, tmp_path))[-1] == f"{len(goes)} done"
    assert await equal(running, after(before, events, units, goes)) == total

    # The rest of the unit merges into the first part; what comes later under its code is moved by the next run.
    late = running.event(
        "dossier.received", f"{OLD}-260801-9999", OLD, time="2026-08-01T09:00:00+07:00", procedure="1.000006",
        channel="online",
    )  # fmt: skip
    assert (await running.push([late]))["errors"] == []
    merger: list[dict[str, Any]] = [{"code": OLD, "valid_to": "2026-05-31", "successor": FIRST}]
    assert (await running.put("/v1/units", merger)).json()["errors"] == []
    again = await split(database, tmp_path)
    assert [f"{each} moved already" in line for each, line in zip(numbers, again, strict=False)] == [True, True]
    assert again[-1] == "1 done"
    units, events = upsert(units, merger), [*events, late]
    merged = after(before, events, units, {})
    goes[late["subject"]] = SECOND
    await equal(running, after(merged, events, units, goes))

    back = await split(database, tmp_path, "--undo")
    assert back[-1] == f"{len(goes)} done"
    await equal(running, merged)
    one, two = f"{OLD} → {FIRST}", f"{OLD} → {SECOND}"
    all_of_two = numbers[1] + 1
    assert command_told(database) == [
        (
            "H44", "import split",
            {"events": sum(numbers), "moves": {one: numbers[0], two: numbers[1]}, "taken_back": {}},
        ),
        ("H44", "import split", {"events": 1, "moves": {two: 1}, "taken_back": {}}),
        (
            "H44", "import split",
            {"events": len(goes), "moves": {}, "taken_back": {one: numbers[0], two: all_of_two}},
        ),
    ]  # fmt: skip
