"""Two communes merge: figures counted by hand, as now and as then, and each equal to the recount."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from app.intake.imports import catalogue
from app.store.catalogues import edit
from app.store.snapshot import reading_moment
from tests.laws.recounted import told
from tests.oracle.calendar import parse_instant, period_days
from tests.oracle.catalogue import upsert
from tests.oracle.histories import NOW, SEED_HOLIDAYS, SEED_WORKDAYS
from tests.oracle.recount import Recount
from tests.oracle.tabular import as_then, figures_over
from tests.running import PROCEDURES, Running

UNITS: list[dict[str, Any]] = [
    {"code": "H44", "name": "UBND tỉnh", "level": "province"},
    {"code": "H44.13", "name": "Sở", "level": "department"},
    {"code": "H44.130", "name": "Xã bên cạnh", "level": "commune"},
    {"code": "H44.131", "name": "Xã một", "level": "commune", "aliases": ["000.00.31.H44"]},
    {"code": "H44.134", "name": "Xã hai", "level": "commune"},
]
MERGER = """\
Mã định danh;Tên đơn vị;Cấp;Hiệu lực từ;Hiệu lực đến;Sáp nhập vào;Mã cũ
H44.140;Xã hợp nhất;Xã;01/07/2026;;;000.00.40.H44
000.00.31.H44;;;;30/06/2026;000.00.40.H44;
H44.134;;;;30/06/2026;H44.140;000.00.34.H44
"""
MERGED: list[dict[str, Any]] = [
    {"code": "H44.140", "name": "Xã hợp nhất", "level": "commune", "valid_from": "2026-07-01",
     "aliases": ["000.00.40.H44"]},
    {"code": "H44.131", "valid_to": "2026-06-30", "successor": "H44.140"},
    {"code": "H44.134", "valid_to": "2026-06-30", "successor": "H44.140", "aliases": ["000.00.34.H44"]},
]  # fmt: skip
DOSSIERS = [
    # The unit as it is sent, reception, due and end: month and day of 2026.
    ("000.00.31.H44", "01-05", "01-12", "01-07"),
    ("H44.131", "02-02", "02-09", "02-20"),
    ("000.00.34.H44", "03-03", "03-10", "03-05"),
    ("H44.134", "06-25", "07-08", "07-03"),
    ("H44.140", "07-06", "07-13", "07-08"),
    ("000.00.40.H44", "08-03", "08-10", "08-20"),
    ("H44.131", "08-04", "08-11", "08-05"),
    ("H44.13", "01-05", "01-12", "01-07"),
    ("H44.130", "01-06", "01-12", "01-07"),
]
# By period and as: of the merged unit and its two parts the dossiers received, and those in time of those active.
BY_HAND = {
    ("2026-Q1", "now"): [(3, 2, 3), (2, 1, 2), (1, 1, 1)],
    ("2026-Q1", "then"): [(0, 0, 0), (2, 1, 2), (1, 1, 1)],
    ("2026-Q2", "now"): [(1, 1, 1), (0, 0, 0), (1, 1, 1)],
    ("2026-Q2", "then"): [(0, 0, 0), (0, 0, 0), (1, 1, 1)],
    ("2026-Q3", "now"): [(3, 3, 4), (1, 1, 1), (0, 1, 1)],
    ("2026-Q3", "then"): [(3, 3, 4), (1, 1, 1), (0, 1, 1)],
    ("2026", "now"): [(7, 5, 7), (3, 2, 3), (2, 2, 2)],
    ("2026", "then"): [(2, 1, 2), (3, 2, 3), (2, 2, 2)],
}


@pytest.fixture
def database(postgres_database: str) -> str:
    """On one engine: nothing here depends on it."""
    return postgres_database


def events_of(running: Running) -> list[dict]:
    found = []
    for number, (unit, received, due, ended) in enumerate(DOSSIERS):
        subject = f"H44-2026-{number:04}"
        due_at = f"2026-{due}T17:00:00+07:00"
        found += [
            running.event(
                "dossier.received", subject, unit, time=f"2026-{received}T09:00:00+07:00", procedure="1.000001",
                channel="counter", due_at=due_at,
            ),
            running.event("dossier.completed", subject, unit, time=f"2026-{ended}T09:00:00+07:00"),
        ]  # fmt: skip
    return found


async def test_two_into_one_by_an_imported_table(running: Running, tmp_path: Path) -> None:
    running.clock.at = NOW
    await running.catalogue(UNITS, PROCEDURES[1:])
    service = running.service
    async with service.database.snapshot() as connection:
        root_id = await connection.fetchval("SELECT id FROM root")
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
    (tmp_path / "units.csv").write_text(MERGER, "utf-8")
    read = catalogue.read("units", tmp_path / "units.csv", moment.catalogues)
    put = await edit.put_units(service.database, service.catalogue_cache, root_id, "H44", read.rows)
    assert (put.accepted, put.errors, put.warnings) == (3, [], ())
    events = events_of(running)
    assert (await running.push(events))["errors"] == []
    oracle = Recount(
        events, upsert(UNITS, MERGED), PROCEDURES[1:], SEED_HOLIDAYS, seed_workdays=SEED_WORKDAYS
    )  # fmt: skip
    for (period, seen), expected in BY_HAND.items():
        for unit, (received, in_time, active) in zip(("H44.140", "H44.131", "H44.134"), expected, strict=True):
            card, shown = await told_of(running, unit, period, seen)
            mine = (
                card["balance"]["received"],
                shown["DOSSIER_ON_TIME"]["numerator"],
                shown["DOSSIER_ON_TIME"]["denominator"],
            )
            assert mine == (received, in_time, active), (unit, period, seen)
    units = ("H44", "H44.13", "H44.130", "H44.140", "H44.131", "H44.134")
    for unit, (period, seen) in itertools.product(units, BY_HAND):
        card, shown = await told_of(running, unit, period, seen)
        first, last = period_days(period)
        recount = as_then(oracle, first, last) if seen == "then" else oracle
        figures = figures_over(recount, (unit, first, last, "subtree", None), parse_instant(card["as_of"]))
        for code, each in shown.items():
            wanted = told(figures[code])
            assert {name: each[name] for name in wanted} == wanted, (unit, period, seen, code)
        if unit in ("H44.13", "H44.130"):
            assert card["balance"]["received"] == (period in ("2026-Q1", "2026"))
        if unit == "H44":
            received = {"2026-Q1": 5, "2026-Q2": 1, "2026-Q3": 3, "2026": 9}[period]
            assert card["balance"]["received"] == received


async def told_of(running: Running, unit: str, period: str, seen: str) -> tuple[dict, dict[str, dict]]:
    """A scorecard, and its indicators by code."""
    answer = await running.get("/v1/scorecard", unit=unit, period=period, as_=seen)
    assert answer.status_code == 200, answer.text
    card: dict = answer.json()
    every = [each for group in card["groups"] for each in group["indicators"]] + card["operational"]
    return card, {each["code"]: each for each in every}
