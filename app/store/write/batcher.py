"""Gathering concurrent pushes into shared transactions (group commit).

A push that finds no transaction of its root under way starts one at once. Those that come meanwhile go together next:
when it has ended, or as soon as there are enough of them for a transaction beside it, so that requests are read and
events folded while the database writes. Whoever has just been answered is likely to send again: after a transaction of
several pushes the next one waits a few milliseconds for as many. So a lone event waits for nobody, and many at once
share the price of a transaction. Large pushes have a queue of their own, with four transactions under way, each at
another stage (line.py). Nothing is acknowledged before the commit that holds it; what is queued is bounded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from app.domain.push import Outcome, Parsed
from app.store.database import DatabaseUnavailable, Overloaded
from app.store.write.intake import MOST_SMALL, Intake


@dataclass(frozen=True)
class _Sharing:
    """How pushes share transactions: events that go together at most, and transactions under way at once at most.

    `large`: which line they stand in. `worth_another`: events that must wait before one more is begun; fewer are
    cheaper together.
    """

    large: bool
    together: int
    at_once: int
    worth_another: int


_SMALL_ONES: Final = _Sharing(large=False, together=1_000, at_once=3, worth_another=24)
_LARGE_ONES: Final = _Sharing(large=True, together=2_000, at_once=4, worth_another=1)
_GATHERING_S: Final = 0.005


@dataclass(slots=True)
class _Waiting:
    unit: str
    arrivals: Sequence[Parsed]
    outcome: asyncio.Future[Outcome]


@dataclass(slots=True)
class _Queue:
    """The pushes of one root, by key unit, so that a busy one cannot keep the others from their turn."""

    sharing: _Sharing
    by_unit: dict[str, deque[_Waiting]] = field(default_factory=dict)
    events: int = 0
    pushes: int = 0
    running: int = 0
    expected: int = 0
    """Pushes of the last transaction, while somebody waits for as many."""
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, waiting: _Waiting) -> None:
        self.by_unit.setdefault(waiting.unit, deque()).append(waiting)
        self.events += len(waiting.arrivals)
        self.pushes += 1
        if self.pushes >= self.expected or self.events >= self.sharing.worth_another:
            self.enough.set()

    def take(self) -> list[_Waiting]:
        """The pushes that go next: from each unit in turn, up to a fixed number of events."""
        taken: list[_Waiting] = []
        count = 0
        while self.by_unit and count < self.sharing.together:
            for unit in list(self.by_unit):
                waiting = self.by_unit[unit].popleft()
                if not self.by_unit[unit]:
                    del self.by_unit[unit]
                taken.append(waiting)
                count += len(waiting.arrivals)
                if count >= self.sharing.together:
                    break
        self.events -= count
        self.pushes -= len(taken)
        return taken

    async def gather(self, expected: int) -> None:
        """Return when that many pushes wait, or events enough for a transaction of their own, or after a moment."""
        if expected <= self.pushes or self.events >= self.sharing.worth_another:
            return
        self.expected = expected
        self.enough.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GATHERING_S):
                await self.enough.wait()


class Batcher:
    """Takes pushes in through `Intake`, those of a root together."""

    def __init__(self, intake: Intake, most_waiting: int) -> None:
        self._intake = intake
        self._most_waiting = most_waiting
        self._queues: dict[tuple[int, _Sharing], _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Events that wait for their transaction to begin."""
        return sum(queue.events for queue in self._queues.values())

    async def push(self, root_id: int, unit: str, arrivals: Sequence[Parsed]) -> Outcome:
        """Take in sound events sent with a key of `unit`; returns after they are committed and counted.

        Raises:
            Overloaded: too many events of small pushes wait already. What waits of large ones is bounded in bytes,
                before it comes here.
            DatabaseUnavailable: nothing was acknowledged.
        """
        sharing = _SMALL_ONES if len(arrivals) <= MOST_SMALL else _LARGE_ONES
        queue = self._queues.setdefault((root_id, sharing), _Queue(sharing))
        if sharing is _SMALL_ONES and queue.events + len(arrivals) > self._most_waiting:
            raise Overloaded
        waiting = _Waiting(unit, arrivals, asyncio.get_running_loop().create_future())
        queue.add(waiting)
        if queue.running == 0 or (queue.running < sharing.at_once and queue.events >= sharing.worth_another):
            queue.running += 1
            task = asyncio.create_task(self._run(root_id, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await waiting.outcome

    async def _run(self, root_id: int, queue: _Queue) -> None:
        """Transactions, one after the other, until nobody waits."""
        try:
            while taken := queue.take():
                await self._together(root_id, taken, queue.sharing.large)
                if len(taken) > 1:
                    await queue.gather(len(taken))
        finally:
            queue.running -= 1

    async def _together(self, root_id: int, taken: list[_Waiting], large: bool) -> None:
        try:
            pushes = [(each.unit, each.arrivals) for each in taken]
            outcomes = await self._intake.push_together(root_id, pushes, large=large)
        except Exception as error:  # noqa: BLE001  whatever it is, somebody waits to be told
            if len(taken) == 1 or isinstance(error, (DatabaseUnavailable, Overloaded)):
                for waiting in taken:
                    _fail(waiting, error)
                return
            # One of them breaks the transaction: let it break its own, and spare its neighbours.
            for waiting in taken:
                await self._together(root_id, [waiting], large)
            return
        for waiting, outcome in zip(taken, outcomes, strict=True):
            if not waiting.outcome.done():
                waiting.outcome.set_result(outcome)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.outcome.done():
        waiting.outcome.set_exception(error)
