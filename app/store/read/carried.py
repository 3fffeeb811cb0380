"""Sums of spans of days, those of closed years as they were kept; what lies before a period is carried as one sum.

Of everything before its period a question sees only what was left open: what was received and did not end, what missed
its deadline and did not end late. Places where nothing was left are left out, so that ten years are carried like one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from app.domain.calendar.civil import Day, date_of
from app.store.tallies.closed import Marks, SettledSums
from app.store.tallies.sums import Found, Span

_P = TypeVar("_P", bound=Hashable)
_T = TypeVar("_T")
_CARRIED: Final = 0
"""The slice of what lies before a period."""


@dataclass(frozen=True)
class Summing(Generic[_P, _T]):
    """How sums of one kind are read and added.

    Attributes:
        what: tells them from those of other kinds.
        read: the sums of some spans, by place.
        plus: two values of a place together.
        left: what a value of a place leaves to a later period, None for nothing.
        size: how many numbers a value holds.
    """

    what: Hashable
    read: Callable[[list[Span]], Awaitable[list[Found[_P, _T]]]]
    plus: Callable[[_T, _T], _T]
    left: Callable[[_P, _T], _T | None]
    size: Callable[[_T], int]

    def carried(self, values: Iterable[tuple[_P, _T]]) -> list[tuple[_P, _T]]:
        """What values leave together, each place once."""
        together: dict[_P, _T] = {}
        for place, value in values:
            together[place] = self.plus(together[place], value) if place in together else value
        return [(place, left) for place, value in together.items() if (left := self.left(place, value)) is not None]


@dataclass(frozen=True)
class Memory:
    """Sums of closed years of some units; with the marks of a question's snapshot exact, never merely recent."""

    sums: SettledSums
    marks: Marks
    units: frozenset[int]
    state: Hashable

    def find(self, summing: Summing[_P, _T], first: Day | None, until: Day) -> list[tuple[_P, _T]] | None:
        """What was kept of these days, None where they have changed since."""
        kept = self.sums.find(self._key(summing.what, first, until), self.marks.of_days(first, until))
        return cast("list[tuple[_P, _T]] | None", kept)

    def keep(self, summing: Summing[_P, _T], first: Day | None, until: Day, values: list[tuple[_P, _T]]) -> None:
        """Keep the sums of these days."""
        size = len(self.units) + sum([summing.size(value) for _, value in values])
        self.sums.keep(self._key(summing.what, first, until), self.marks.of_days(first, until), values, size)

    def _key(self, what: Hashable, first: Day | None, until: Day) -> Hashable:
        return what, self.state, self.units, self.marks.units, first, until


async def summed(memory: Memory | None, summing: Summing[_P, _T], spans: Sequence[Span]) -> list[tuple[_P, int, _T]]:
    """The sums of spans: place, slice and value; a place perhaps more than once. What is not kept is one statement."""
    if memory is None or not spans:
        return [(place, slice_, value) for place, _, slice_, value in await summing.read(list(spans))]
    open_year = date_of(Day(spans[-1].until - 1)).year
    closed = [span for span in spans if date_of(Day(span.until - 1)).year < open_year]
    before = [span for span in closed if span.slice == _CARRIED]
    carried: list[tuple[_P, _T]] = []
    unread = before
    for known in range(len(before), 0, -1):
        kept = memory.find(summing, None, before[known - 1].until)
        if kept is not None:
            carried, unread = kept, before[known:]
            break
    missing = list(unread)
    found: list[tuple[_P, int, _T]] = []
    for span in spans[len(before) :]:
        kept = memory.find(summing, span.first, span.until) if span in closed else None
        if kept is None:
            missing.append(span)
        else:
            found += [(place, span.slice, value) for place, value in kept]
    read: dict[int | None, list[tuple[_P, _T]]] = {span.number: [] for span in missing if span in closed}
    following = {span.number for span in unread}
    for place, number, slice_, value in await summing.read(missing):
        if number in read:
            read[number].append((place, value))
        if number not in following:
            found.append((place, slice_, value))
    for span in missing:
        if span.number in following:
            carried = summing.carried([*carried, *read[span.number]])
            memory.keep(summing, None, span.until, carried)
        elif span.number in read:
            memory.keep(summing, span.first, span.until, read[span.number])
    return [*found, *((place, _CARRIED, value) for place, value in carried)]
