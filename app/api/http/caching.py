"""Figures that were computed already: an answer is used again while nothing it was made of has changed.

What can change it: events of the scope (the units' change counters), the catalogues (the revision), a rebuild (the
generation), re-folding, and time: midnight, and the next instant at which a fact in the scope begins to count. All but
the last are read with every question, in the question's own snapshot; so a kept answer is exact, never merely recent.
An answer that is just being computed is waited for by whoever asks the same of the same state: many viewers cost one
computation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from cachetools import LRUCache

from app.api.http.answers import Encoded

Version = tuple[int, ...]
Key = tuple[Any, ...]
Way = Literal["kept", "shared", "computed"]
"""How an answer was come by."""

_LARGEST_SHARE: Final = 8
"""No answer takes more than this part of the room."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, what it was made of, and the first and last instant it holds for (µs)."""

    version: Version
    since: int
    until: int
    figure: Encoded

    def holds(self, version: Version, now: int) -> bool:
        """Whether it is the answer to its question at this version and instant."""
        return self.version == version and self.since <= now <= self.until


class FigureCache:
    """The process's kept answers, the least recently used thrown away first when the room (bytes) is full."""

    def __init__(self, room: int) -> None:
        self._kept: LRUCache[Key, Kept] = LRUCache(room, lambda kept: kept.figure.size)
        self._under_way: dict[tuple[Key, Version], asyncio.Future[Kept | None]] = {}

    async def answer(
        self, key: Key, version: Version, now: int, compute: Callable[[], Awaitable[Kept]]
    ) -> tuple[Kept, Way]:
        """The answer kept from before, else the one being computed for somebody else, else computed by `compute`."""
        found = self.find(key, version, now)
        if found is not None:
            return found, "kept"
        other = self._under_way.get((key, version))
        if other is not None:
            # Waited for, not awaited: whoever gives up here does not take the answer from the others.
            await asyncio.wait((other,))
            shared = other.result()
            if shared is not None and shared.holds(version, now):
                return shared, "shared"
            # It failed, or is of a later instant than this question's.
        return await self._computed(key, version, compute), "computed"

    async def _computed(self, key: Key, version: Version, compute: Callable[[], Awaitable[Kept]]) -> Kept:
        """Compute an answer while others may wait for it; of a failure they only learn that there is no answer."""
        place = (key, version)
        told: asyncio.Future[Kept | None] = asyncio.get_running_loop().create_future()
        first = self._under_way.setdefault(place, told) is told
        try:
            kept = await compute()
            self.keep(key, kept)
            told.set_result(kept)
            return kept
        finally:
            if first:
                del self._under_way[place]
            if not told.done():
                told.set_result(None)

    def find(self, key: Key, version: Version, now: int) -> Kept | None:
        """The answer to `key` when it still holds for this version and instant."""
        kept = self._kept.get(key)
        return kept if kept is not None and kept.holds(version, now) else None

    def keep(self, key: Key, kept: Kept) -> None:
        """Keep an answer in the place of an older one."""
        self._kept.pop(key, None)
        if kept.figure.size * _LARGEST_SHARE <= self._kept.maxsize:
            self._kept[key] = kept
