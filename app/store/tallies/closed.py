"""Sums of closed years that were read before, used again while nothing that happened in those years has changed.

What a period begins with is the sum of everything before it, and what it is compared with lies in another year: without
these every question would read all of history. The change counters are kept by civil year and read with every question
in its own snapshot, so kept sums are exact, never merely recent; events of this year leave them as they are.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cachetools import LRUCache

from app.domain.calendar.civil import Day, date_of

_ROOM: Final = 400_000
"""Numbers kept in all; each takes some 40 bytes."""


@dataclass(frozen=True)
class Marks:
    """How often the figures of some units had changed in a snapshot.

    Attributes:
        by_year: by the civil year in which things happened.
        root: those of the root's own unit, which publications are counted for; None where it has none.
    """

    units: frozenset[int]
    by_year: Mapping[int, int]
    root: int | None

    def of_days(self, first: Day | None, until: Day) -> int:
        """The same number means the same tallies of these days, first ≤ day < until."""
        begin = 1 if first is None else date_of(first).year
        end = date_of(Day(until - 1)).year
        return sum([changes for year, changes in self.by_year.items() if begin <= year <= end])


class _Kept(NamedTuple):
    mark: int
    value: Any
    size: int


class SettledSums:
    """The process's kept sums, the least recently used thrown away first."""

    def __init__(self, room: int = _ROOM) -> None:
        self._kept: LRUCache[Hashable, _Kept] = LRUCache(room, lambda kept: kept.size)

    def find(self, key: Hashable, mark: int) -> Any:
        """What was kept under this key when the mark was the same; None where nothing was."""
        kept = self._kept.get(key)
        return kept.value if kept is not None and kept.mark == mark else None

    def keep(self, key: Hashable, mark: int, value: Any, size: int) -> None:
        """Keep a value of so many numbers, where there is room for it; nobody changes it any more."""
        self._kept.pop(key, None)
        if size <= self._kept.maxsize:
            self._kept[key] = _Kept(mark, value, size)
