"""Which buckets of the tallies make up a span of days at the least cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Final, NamedTuple

from app.domain.calendar.civil import Day, date_of, day_number

LENGTHS: Final = ("year", "month", "day")
_PRICES: Final = {"year": 14, "month": 6, "day": 1}
"""How many rows the buckets of each length have, roughly: a province's by procedure."""


class Piece(NamedTuple):
    """Whole buckets of one length from `first` to before `until`, added (sign 1) or taken away (sign -1)."""

    length: str
    first: Day | None
    until: Day
    sign: int = 1


def pieces(first: Day | None, until: Day) -> list[Piece]:
    """The cheapest buckets that make up a span: an open year is its whole bucket less the days that are still ahead."""
    if first is None:
        year = first_of("year", until)
        return [Piece("year", None, year), *_head("year", year, until)]
    return _between("year", first, until)


def _between(length: str, first: Day, until: Day) -> list[Piece]:
    """Days anywhere: whole buckets, what is before them to the end of a bucket, and what is after them."""
    if first == until:
        return []
    if length == "day":
        return [Piece(length, first, until)]
    start, end = first_of(length, first), first_of(length, until)
    if start == end and first != start:
        return _between(_shorter(length), first, until)
    after = start if start == first else _next(length, start)
    found = _tail(length, first, after) if first != after else []
    if after < end:
        found.append(Piece(length, after, end))
    return found + _head(length, end, until)


def _head(length: str, start: Day, until: Day) -> list[Piece]:
    """The days of one bucket, which begins at `start`, to before `until`."""
    if start == until:
        return []
    end = _next(length, start)
    if until == end:
        return [Piece(length, start, end)]
    shorter = _shorter(length)
    last = first_of(shorter, until)
    added = [Piece(shorter, start, last)] if last != start else []
    added += _head(shorter, last, until) if shorter != "day" else []
    if shorter == "day":
        return _cheaper([Piece("day", start, until)], [Piece(length, start, end), Piece("day", until, end, -1)])
    return _cheaper(added, [Piece(length, start, end), *_taken(_tail(length, until, end))])


def _tail(length: str, first: Day, end: Day) -> list[Piece]:
    """The days of one bucket, which ends at `end`, from `first` on."""
    if first == end:
        return []
    start = first_of(length, Day(end - 1))
    if first == start:
        return [Piece(length, start, end)]
    shorter = _shorter(length)
    if shorter == "day":
        return _cheaper([Piece("day", first, end)], [Piece(length, start, end), Piece("day", start, first, -1)])
    after = first_of(shorter, first)
    after = after if after == first else _next(shorter, after)
    added = _tail(shorter, first, after) + ([Piece(shorter, after, end)] if after != end else [])
    # What is taken away is put together of whole buckets and days only: one turn is enough.
    before = [Piece(shorter, start, first_of(shorter, first))] if first_of(shorter, first) != start else []
    rest = Piece("day", first_of(shorter, first), first)
    taken = before + ([rest] if rest.first != rest.until else [])
    return _cheaper(added, [Piece(length, start, end), *_taken(taken)])


def _cheaper(one: list[Piece], other: list[Piece]) -> list[Piece]:
    return other if _price(other) < _price(one) else one


def _price(found: list[Piece]) -> float:
    total = 0.0
    for length, first, until, _ in found:
        assert first is not None, "only a span from the beginning of time begins nowhere"
        days = until - first
        total += _PRICES[length] * (days if length == "day" else days / (30.4 if length == "month" else 365.2))
    return total


def _taken(found: list[Piece]) -> list[Piece]:
    return [piece._replace(sign=-piece.sign) for piece in found]


def _shorter(length: str) -> str:
    return LENGTHS[LENGTHS.index(length) + 1]


@cache
def first_of(length: str, day: Day) -> Day:
    """The first day of the bucket of `day`."""
    if length == "day":
        return day
    first = date_of(day).replace(day=1)
    return day_number(first if length == "month" else first.replace(month=1))


@cache
def _next(length: str, start: Day) -> Day:
    """The first day of the bucket after the one that begins at `start`."""
    if length == "day":
        return Day(start + 1)
    first = date_of(start)
    if length == "year":
        return day_number(date(first.year + 1, 1, 1))
    return day_number(date(first.year + first.month // 12, first.month % 12 + 1, 1))


def stepped(edges: Sequence[Day]) -> list[Piece]:
    """The buckets of slices in steps. A month's belongs to one of them only where they meet at the firsts of months."""
    months = all(first_of("month", edge) == edge for edge in edges[1:-1])
    first, until = edges[0], edges[-1]
    return _plain(first, until) if months else [Piece("day", first, until)]


def _plain(first: Day, until: Day) -> list[Piece]:
    """Days, whole months, days: nothing is taken away again, which could belong to another slice than its bucket."""
    start, end = first_of("month", first), first_of("month", until)
    after = first if start == first else _next("month", start)
    if after >= end:
        return [Piece("day", first, until)]
    found = [Piece("day", first, after), Piece("month", after, end), Piece("day", end, until)]
    return [piece for piece in found if piece.first != piece.until]
