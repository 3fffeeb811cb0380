"""The last microsecond before and the first instant of days, weeks, months, quarters, half-years and years.

An instant at 00:00:00+07:00 belongs to what begins there, in whatever zone the server and its database stand.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.api.asking import card, counts, reception
from tests.conftest import _copy
from tests.running import Running

GIVEN_DSN = os.environ.get("CHISO_TEST_BOUNDARIES_DSN", "")
"""Set in the processes of other zones: the database to use there."""

CIVIL = timezone(timedelta(hours=7))
TICK = timedelta(microseconds=1)
BOUNDARIES = {
    # All of them are long past, so that nothing here depends on the day the test runs.
    datetime(2024, 2, 29, tzinfo=CIVIL): [("2024-02-28", "2024-02-29")],
    datetime(2024, 3, 1, tzinfo=CIVIL): [("2024-02-29", "2024-03-01"), ("2024-02", "2024-03")],
    datetime(2024, 4, 1, tzinfo=CIVIL): [("2024-Q1", "2024-Q2"), ("2024-W13", "2024-W14")],
    datetime(2024, 7, 1, tzinfo=CIVIL): [("2024-H1", "2024-H2"), ("2024-06", "2024-Q3"), ("2024-W26", "2024-W27")],
    datetime(2024, 10, 1, tzinfo=CIVIL): [("2024-9M", "2024-Q4")],
    datetime(2024, 12, 30, tzinfo=CIVIL): [("2024-W52", "2025-W01")],
    datetime(2025, 1, 1, tzinfo=CIVIL): [
        ("2024", "2025"), ("2024-H2", "2025-H1"), ("2024-Q4", "2025-9M"), ("2024-12-31", "2025-01-01"),
        ("2024-03-01..2024-12-31", "2025-01-01..2025-01-31"),
    ],
}  # fmt: skip
ZONES = [UTC, CIVIL, timezone(timedelta(hours=-8)), timezone(timedelta(hours=5, minutes=30))]


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """None of this depends on the engine."""
    return GIVEN_DSN or str(request.getfixturevalue("stocked_database"))


def told(instant: datetime, number: int) -> str:
    """An instant as some sender writes it."""
    return instant.astimezone(ZONES[number % len(ZONES)]).isoformat()


def unit_of(boundary: datetime, what: str) -> str:
    return f"H44.{boundary:%Y%m%d}{what}"


def events(served: Running) -> Iterator[dict]:
    """For every boundary: receptions, ends and deadlines at its two sides, each kind in a unit of its own."""
    for boundary in BOUNDARIES:
        long_before, due = (boundary - timedelta(days=25)).isoformat(), (boundary + timedelta(days=25)).isoformat()
        for number, at in enumerate((boundary - TICK, boundary)):
            received, ended, missed = (unit_of(boundary, what) for what in ("R", "E", "M"))
            subject = f"{boundary:%Y%m%d}-{number}"
            yield reception(served, f"R{subject}", received, time=told(at, number), due_at=due)
            yield served.event("petition.received", f"PA{subject}", received, time=told(at, number + 1), about="staff")
            yield served.event("document.sent", f"VB{subject}", received, time=told(at, number + 2), electronic=True)
            yield reception(served, f"E{subject}", ended, time=long_before, due_at=due)
            yield served.event("dossier.completed", f"E{subject}", ended, time=told(at, number + 3))
            yield served.event("dossier.returned", f"E{subject}", ended, time=told(at, number), via="postal")
            yield reception(served, f"M{subject}", missed, time=long_before, due_at=told(at, number + 1))


async def of_side(served: Running, boundary: datetime, label: str) -> dict:
    """What a period at one side of a boundary says."""
    first, dots, last = label.partition("..")
    query = {"from_": first, "to": last} if dots else {"period": label}
    received, ended, missed = [await card(served, unit_of(boundary, what), **query) for what in ("R", "E", "M")]
    return {
        "received": received["balance"]["received"],
        "online": counts(received, "ONLINE_DOSSIERS"),
        "petitions": counts(received, "PETITION_CLASSIFICATION_STAFF")[1],
        "documents": counts(received, "E_DOCUMENT"),
        "carried over": received["balance"]["carried_over"],
        "ended": ended["balance"]["ended"],
        "by post": counts(ended, "RETURNED_BY_POST"),
        "open": ended["balance"]["open"],
        "in time": counts(missed, "DOSSIER_ON_TIME"),
        "overdue": missed["balance"]["open_overdue"],
    }


async def test_what_happens_at_a_boundary_lies_in_the_period_that_begins_there(running: Running) -> None:
    units: list[dict] = [{"code": "H44", "level": "province"}]
    units += [{"code": unit_of(boundary, what), "level": "department"} for boundary in BOUNDARIES for what in "REM"]
    assert (await running.put("/v1/units", units)).json()["errors"] == []
    outcome = await running.push(events(running))
    assert (outcome["accepted"], outcome["errors"]) == (14 * len(BOUNDARIES), [])
    before = {
        "received": 1, "online": (1, 1), "petitions": 1, "documents": (1, 1), "carried over": 0, "ended": 1,
        "by post": (1, 1), "open": 1, "in time": (1, 2), "overdue": 1,
    }  # fmt: skip
    after = before | {"petitions": 2, "carried over": 1, "open": 0, "in time": (0, 2), "overdue": 2}
    for boundary, pairs in BOUNDARIES.items():
        for first, second in pairs:
            assert await of_side(running, boundary, first) == before, first
            assert await of_side(running, boundary, second) == after, second


def test_the_zone_of_the_server_and_of_its_database_does_not_matter(postgres_dsn: str, stocked_template: str) -> None:
    here = Path(__file__)
    tests = (
        test_what_happens_at_a_boundary_lies_in_the_period_that_begins_there,
        test_this_process_stands_in_the_zone_it_was_given,
    )
    with ExitStack() as databases:
        processes = {}
        for zone in ("UTC", "America/Los_Angeles"):
            database = databases.enter_context(contextmanager(_copy)(postgres_dsn, stocked_template))
            with psycopg.connect(database, autocommit=True) as connection:
                name = sql.Identifier(connection.info.dbname)
                connection.execute(sql.SQL("ALTER DATABASE {} SET timezone TO {}").format(name, sql.Literal(zone)))
            processes[zone] = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
                + [f"{here}::{test.__name__}" for test in tests],
                cwd=here.parents[3],
                env=os.environ | {"TZ": zone, "CHISO_TEST_BOUNDARIES_DSN": database},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        for zone, process in processes.items():
            told, _ = process.communicate()
            assert process.returncode == 0, f"{zone}: {told}"
            assert "2 passed" in told


def test_this_process_stands_in_the_zone_it_was_given() -> None:
    zones = {"UTC": ("UTC", "UTC"), "America/Los_Angeles": ("PST", "PDT")}
    assert time.tzname == zones.get(os.environ.get("TZ", ""), time.tzname)
