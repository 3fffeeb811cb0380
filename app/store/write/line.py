"""The line in which a process's pushes of a root stand: while one is written, the next is folded on what it will leave.

Folding is Python's work and writing PostgreSQL's, so both go on side by side: one push is folded, one stores its
receipts, lives and log, one counts and commits, each in a transaction of its own. The next one is folded from lives and
receipts that are remembered here, whether their transaction has committed yet or not. What is
wrong in that memory (another process wrote a life, a transaction failed) is found when it is written: versions of lives
and keys of receipts do not match, or the line has had a failure since. Then everything begins anew, this time with
nobody else at the root.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from app.store.database import Outdated
from app.store.write.lives import Life

_V = TypeVar("_V")

_LIVES: Final = 10_000
_RECEIPTS: Final = 40_000
_LINES: Final = 8
"""Roots whose lives are remembered at once."""

_CAREFUL: Final = 3
_LOOKING: Final = 200
"""Pushes for which the line stays careful, or looks receipts up, after one that had to begin anew for want of it."""


class Recent(Generic[_V]):
    """A mapping that forgets what was put in longest ago; it holds between half of `most` and `most`."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._young: dict[bytes | str, _V] = {}
        self._old: dict[bytes | str, _V] = {}

    def get(self, key: bytes | str) -> _V | None:
        """What was put under a key, None when nothing was or it is forgotten."""
        found = self._young.get(key)
        return found if found is not None else self._old.get(key)

    def put(self, key: bytes | str, value: _V) -> None:
        """Remember a value, in the place of an older one."""
        self._young[key] = value
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old = {}, {}


class Line:
    """One root's line, with what its last pushes wrote or are about to write."""

    def __init__(self) -> None:
        self.lives: Recent[Life] = Recent(_LIVES)
        self.receipts: Recent[bytes] = Recent(_RECEIPTS)
        """Content by receipt key."""
        self.folding = asyncio.Lock()
        self.storing = asyncio.Lock()
        self.counting = asyncio.Lock()
        self.failures = 0
        self._careful = 0
        self._looking = 0
        self._generation = 0

    def turn(self, careful: bool) -> Turn:
        """A push's way through the line."""
        if self._careful > 0:
            self._careful, careful = self._careful - 1, True
        return Turn(self, careful)

    def of_generation(self, generation: int) -> None:
        """Forget the lives of another generation: a rebuild has replaced them."""
        if generation != self._generation:
            self.lives.clear()
            self._generation = generation

    def failed(self) -> None:
        """Forget all that may rest on a transaction that was rolled back."""
        self.failures += 1
        self.lives.clear()
        self.receipts.clear()

    def contended(self) -> None:
        """Let the next pushes be careful: somebody else is at the same lives."""
        self._careful = _CAREFUL

    def met_again(self) -> None:
        """Look receipts up beforehand for a while: somebody sends again what is no longer remembered."""
        self._looking = _LOOKING

    def looks_up(self) -> bool:
        """Whether the receipts of this push are looked up beforehand."""
        self._looking = max(0, self._looking - 1)
        return self._looking > 0


class Turn:
    """A push's way through the line: reading beside the others, then folding, storing, and counting to the commit.

    In each of these stages there is one at a time, in the same order: nobody overtakes.

    The block it spans is that of the whole transaction. A `careful` one goes its way while nobody else, of any process,
    writes the root: its transaction holds the root's catalogues alone.
    """

    def __init__(self, line: Line, careful: bool) -> None:
        self.line, self.careful = line, careful
        self._held: list[asyncio.Lock] = []
        self._failures = line.failures
        self._folded = False

    async def __aenter__(self) -> Self:
        return self

    async def fold(self) -> bool:
        """Wait until those before have folded; whether what was read beforehand still holds.

        It does not after a failure: the line has forgotten what those before are about to write. Then they have ended
        when this returns, and the database is to be asked again.
        """
        holds = True
        if not self.careful:
            await self._take(self.line.folding)
            holds = self._failures == self.line.failures
            if not holds:
                for stage in (self.line.storing, self.line.counting):
                    await self._take(stage)
                    self._release(stage)
                self._failures = self.line.failures
        self._folded = True
        return holds

    async def store(self) -> None:
        """Wait until those before have stored; the next may fold from now on. Raises Outdated as `count` does."""
        await self._go_on(self.line.folding, self.line.storing)

    async def count(self) -> None:
        """Wait until those before have committed; the next may store from now on.

        Raises:
            Outdated: one of those before has failed, and this one may rest on it.
        """
        await self._go_on(self.line.storing, self.line.counting)

    async def _go_on(self, stage: asyncio.Lock, following: asyncio.Lock) -> None:
        if not self.careful:
            await self._take(following)
            self._release(stage)
            if self._failures != self.line.failures:
                raise Outdated

    async def _take(self, lock: asyncio.Lock) -> None:
        await lock.acquire()
        self._held.append(lock)

    def _release(self, lock: asyncio.Lock) -> None:
        self._held.remove(lock)
        lock.release()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._folded:
            self.line.failed()
        for lock in list(self._held):
            self._release(lock)


class Lines:
    """The lines of the roots a process takes events of, one for small and one for large pushes; those used last."""

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[int, bool], Line] = OrderedDict()

    def of(self, root_id: int, large: bool) -> Line:
        """A line of a root."""
        key = (root_id, large)
        line = self._lines.setdefault(key, Line())
        self._lines.move_to_end(key)
        # One that is let go may still be in use: what two lines of a root do not know of each other is found in time.
        while len(self._lines) > _LINES:
            self._lines.popitem(last=False)
        return line
