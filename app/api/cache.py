"""Figures that were computed already: an answer is used again while nothing it was made of has changed.

What can change it: events of the scope (the units' change counters), the catalogues (the revision), a rebuild (the
generation), re-folding, and time: midnight, and the next instant at which a fact in the scope begins to count. All but
the last are read with every question, in the question's own snapshot; so a kept answer is exact, never merely recent.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Version = tuple[int, ...]

_LARGEST_SHARE: Final = 8
"""No answer takes more than this part of the room."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer without what tells the time, what it was made of, and the first and last instant it holds for (µs)."""

    version: Version
    since: int
    until: int
    body: Mapping[str, Any]
    size: int


class FigureCache:
    """The process's kept answers, the least recently used thrown away first when the room is full."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held = 0
        self._kept: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()

    def find(self, key: tuple[Any, ...], version: Version, now: int) -> Kept | None:
        """The answer to `key` when it still holds for this version and instant."""
        kept = self._kept.get(key)
        if kept is None or kept.version != version or not kept.since <= now <= kept.until:
            return None
        self._kept.move_to_end(key)
        return kept

    def keep(self, key: tuple[Any, ...], kept: Kept) -> None:
        """Keep an answer in the place of an older one."""
        self._drop(key)
        if kept.size * _LARGEST_SHARE > self._room:
            return
        self._kept[key] = kept
        self._held += kept.size
        while self._held > self._room:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[Any, ...]) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._held -= gone.size
