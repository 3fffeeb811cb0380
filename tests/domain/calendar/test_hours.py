"""Working time: what office hours of working days pass between two instants, and when so much has passed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.domain.calendar.civil import Instant, clock_of
from app.domain.calendar.hours import OFFICE_HOURS, WORKDAY, since_workday, when_worked, worked_to
from app.domain.calendar.workdays import Calendar, seed_holidays, seed_workdays

SEEDED = Calendar(frozenset(seed_holidays(2025, 2027)), frozenset(seed_workdays(2025, 2027)))
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def at(text: str) -> Instant:
    return Instant((datetime.fromisoformat(f"{text}+07:00") - EPOCH) // timedelta(microseconds=1))


def shown(instant: Instant) -> str:
    return clock_of(instant).replace(tzinfo=None).isoformat(timespec="auto")


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2026-11-23T07:30", "2026-11-23T17:00", 450),
        ("2026-11-23T00:00", "2026-11-24T00:00", 450),
        ("2026-11-23T11:29", "2026-11-23T13:31", 2),  # lunch is none
        ("2026-11-23T11:30", "2026-11-23T13:30", 0),
        ("2026-11-23T17:00", "2026-11-24T07:30", 0),  # a night
        ("2026-11-20T16:55", "2026-11-23T07:35", 10),  # a weekend
        ("2026-11-21T09:00", "2026-11-22T15:00", 0),
        ("2026-02-13T17:00", "2026-02-23T07:30", 0),  # Tết, with both weekends
        ("2026-02-13T16:00", "2026-02-23T08:30", 120),
        ("2026-04-24T17:00", "2026-04-28T07:30", 0),  # the kings' day, moved to the Monday
        ("2026-11-16T09:00", "2026-11-23T09:00", 5 * 450),
        ("2026-11-23T09:00", "2026-11-25T09:00", 450),  # the day of culture, from 2026 on
        ("2026-11-23T09:00", "2026-11-23T09:00", 0),
    ],
)
def test_only_office_hours_of_working_days_pass(start: str, end: str, minutes: int) -> None:
    assert worked_to(SEEDED, at(end)) - worked_to(SEEDED, at(start)) == minutes * 60_000_000


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-23T07:00", 1, "2026-11-23T07:31:00"),
        ("2026-11-23T11:00", 30, "2026-11-23T11:30:00"),  # as early as it has passed
        ("2026-11-23T11:00", 31, "2026-11-23T13:31:00"),
        ("2026-11-23T16:00", 60, "2026-11-23T17:00:00"),
        ("2026-11-20T16:00", 61, "2026-11-23T07:31:00"),
        ("2026-02-13T16:00", 270, "2026-02-23T11:00:00"),
        ("2026-11-21T12:00", 450, "2026-11-23T17:00:00"),
    ],
)
def test_when_so_much_working_time_has_passed(start: str, minutes: int, end: str) -> None:
    assert shown(when_worked(SEEDED, worked_to(SEEDED, at(start)) + minutes * 60_000_000)) == end


def test_a_microsecond_is_not_lost() -> None:
    start = Instant(at("2026-11-16T08:00") + 7)
    assert when_worked(SEEDED, worked_to(SEEDED, start) + WORKDAY) == at("2026-11-17T08:00") + 7


@pytest.mark.parametrize(
    ("now", "n", "since"),
    [
        ("2026-11-27T10:00", 1, "2026-11-27T00:00:00"),
        ("2026-11-20T10:00", 5, "2026-11-16T00:00:00"),
        ("2026-11-22T10:00", 5, "2026-11-16T00:00:00"),  # a Sunday
        ("2026-11-23T00:00", 5, "2026-11-17T00:00:00"),
        ("2026-11-27T10:00", 5, "2026-11-20T00:00:00"),  # the 24th is a holiday
        ("2026-02-22T10:00", 5, "2026-02-09T00:00:00"),  # the end of Tết
    ],
)
def test_the_last_working_days(now: str, n: int, since: str) -> None:
    assert shown(since_workday(SEEDED, at(now), n)) == since


def test_the_hours_are_told_as_they_are() -> None:
    assert (OFFICE_HOURS, WORKDAY) == ("07:30-11:30, 13:30-17:00", 7.5 * 3_600_000_000)
