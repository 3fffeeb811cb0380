"""The buckets that a span of days is read from."""

from __future__ import annotations

from collections import Counter
from datetime import date

from app.domain.calendar.civil import Day, day_number
from app.store.tallies.buckets import Piece, pieces


def days_of(found: list[Piece], since: Day) -> dict[int, int]:
    """How often each day is in the pieces; those that begin nowhere begin at `since`."""
    days: Counter[int] = Counter()
    for _, first, until, sign in found:
        for day in range(since if first is None else first, until):
            days[day] += sign
    return {day: times for day, times in days.items() if times}


FIRST = date(2024, 12, 28)


def test_every_span_is_made_of_its_days_each_once() -> None:
    start = day_number(FIRST)
    for first in range(start, start + 800, 3):
        for until in range(first + 1, start + 830, 7):
            found = pieces(Day(first), Day(until))
            assert days_of(found, Day(first)) == dict.fromkeys(range(first, until), 1), found


def test_all_that_lies_before_a_day_is_made_of_its_days_each_once() -> None:
    begin = day_number(date(2020, 1, 1))
    for until in range(day_number(FIRST), day_number(FIRST) + 800):
        assert days_of(pieces(None, Day(until)), begin) == dict.fromkeys(range(begin, until), 1)


def test_pieces_are_whole_buckets() -> None:
    for until in range(day_number(date(2026, 1, 1)), day_number(date(2027, 2, 3))):
        for length, first, end, _ in pieces(day_number(date(2025, 3, 9)), Day(until)):
            assert first is not None
            for day in (first, end):
                at = date.fromordinal(day + date(1970, 1, 1).toordinal())
                assert length == "day" or at.day == 1
                assert length != "year" or at.month == 1


def test_an_open_year_is_its_bucket_less_what_lies_ahead() -> None:
    january, now, december, next_year = (
        day_number(date(*each)) for each in ((2026, 1, 1), (2026, 11, 24), (2026, 12, 1), (2027, 1, 1))
    )
    assert pieces(january, now) == [
        Piece("year", january, next_year),
        Piece("day", now, december, -1),
        Piece("month", december, next_year, -1),
    ]
    assert pieces(None, january) == [Piece("year", None, january)]
