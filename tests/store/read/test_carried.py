"""What lies before a period is read once, carried as one sum, and read anew only from where it changed."""

from __future__ import annotations

import asyncio
from datetime import date

from app.domain.calendar.civil import Day, day_number
from app.store.read.carried import Memory, Summing, summed
from app.store.tallies.closed import Marks, SettledSums
from app.store.tallies.sums import Found, Span

UNITS = frozenset((1, 2))


def day(year: int) -> Day:
    return day_number(date(year, 1, 1))


BEFORE = [Span(0, 0, None, day(2024)), Span(1, 0, day(2024), day(2025))]
LAST_YEAR = Span(2, 1, day(2025), day(2026))
THIS_YEAR = Span(3, 2, day(2026), day(2027))


class Database:
    """Counts of places by year; what was asked of it."""

    def __init__(self, counts: dict[int, dict[str, int]]) -> None:
        self.counts = counts
        self.asked: list[list[int]] = []

    async def read(self, spans: list[Span]) -> list[Found[str, int]]:
        self.asked.append([span.number for span in spans])
        return [
            (place, span.number, span.slice, count)
            for span in spans
            for year, counts in self.counts.items()
            if (span.first is None or day(year) >= span.first) and day(year) < span.until
            for place, count in counts.items()
        ]

    def summed(self, sums: SettledSums, changes: dict[int, int], spans: list[Span]) -> list[tuple[str, int, int]]:
        memory = Memory(sums, Marks(UNITS, changes, None), UNITS, "state")
        summing: Summing[str, int] = Summing(
            "what", self.read, lambda a, b: a + b, lambda _, count: count or None, lambda _: 1
        )
        return sorted(asyncio.run(summed(memory, summing, spans)))


def test_what_lies_before_is_carried_as_one_sum_without_places_where_nothing_is_left() -> None:
    database = Database({2020: {"a": 3, "b": 2}, 2024: {"a": -3, "b": 1, "c": 0}, 2026: {"a": 7}})
    spans = [*BEFORE, Span(2, 1, day(2026), day(2027))]
    sums, changes = SettledSums(), {2020: 5, 2024: 4, 2026: 2}
    assert database.summed(sums, changes, spans) == [("a", 1, 7), ("b", 0, 3)]
    assert database.summed(sums, changes, spans) == [("a", 1, 7), ("b", 0, 3)]
    assert database.asked == [[0, 1, 2], [2]]


def test_only_the_year_that_changed_is_read_again() -> None:
    database = Database({2020: {"a": 3}, 2024: {"a": -1}, 2025: {"a": 4}, 2026: {"a": 1}})
    sums, spans = SettledSums(), [*BEFORE, LAST_YEAR, THIS_YEAR]
    expected = [("a", 0, 2), ("a", 1, 4), ("a", 2, 1)]
    assert database.summed(sums, {2020: 1, 2024: 1, 2025: 1, 2026: 1}, spans) == expected
    database.counts[2024]["a"] = -2
    assert database.summed(sums, {2020: 1, 2024: 2, 2025: 1, 2026: 9}, spans) == [("a", 0, 1), *expected[1:]]
    database.counts[2025]["a"] = 6
    expected = [("a", 0, 1), ("a", 1, 6), ("a", 2, 1)]
    assert database.summed(sums, {2020: 1, 2024: 2, 2025: 2, 2026: 9}, spans) == expected
    database.counts[2020]["a"] = 4
    assert database.summed(sums, {2020: 2, 2024: 2, 2025: 2, 2026: 9}, spans) == [("a", 0, 2), *expected[1:]]
    assert database.asked == [[0, 1, 2, 3], [1, 3], [2, 3], [0, 1, 3]]


def test_a_year_that_is_asked_for_and_carried_later_is_kept_as_both() -> None:
    database = Database({2020: {"a": 3}, 2024: {"a": -3, "b": 2}, 2026: {"b": 1}})
    sums, changes = SettledSums(), {2020: 1, 2024: 1, 2026: 1}
    within = [Span(0, 0, None, day(2024)), Span(1, 1, day(2024), day(2025)), Span(2, 2, day(2026), day(2027))]
    carried = [*BEFORE, Span(2, 1, day(2026), day(2027))]
    for _ in range(2):
        assert database.summed(sums, changes, within) == [("a", 0, 3), ("a", 1, -3), ("b", 1, 2), ("b", 2, 1)]
        assert database.summed(sums, changes, carried) == [("b", 0, 2), ("b", 1, 1)]
    assert database.asked == [[0, 1, 2], [1, 2], [2], [2]]


def test_without_marks_everything_is_read() -> None:
    database = Database({2020: {"a": 3}, 2026: {"a": 1}})
    summing: Summing[str, int] = Summing(
        "what", database.read, lambda a, b: a + b, lambda _, count: count or None, lambda _: 1
    )
    found = asyncio.run(summed(None, summing, [BEFORE[0], THIS_YEAR]))
    assert found == [("a", 0, 3), ("a", 2, 1)]
