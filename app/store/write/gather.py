"""Pushes are gathered into batches (group commit), one folded while the one before is written.

A push that finds nothing of its root under way goes at once. Those that come meanwhile go together next. So a lone
event waits for nobody, and many at once share the price of a transaction. Large pushes have a queue of their own, so
that one event does not wait behind thousands. Nothing is acknowledged before its commit; what is queued is bounded.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain.push import Outcome, Parsed
from app.store.connections.causes import SILENT
from app.store.connections.unavailable import Busy, DatabaseUnavailable, Overloaded, Refused
from app.store.write.fold import Folded
from app.store.write.intake import Intake

_log = logging.getLogger(__name__)

_MOST_SMALL: Final = 200
"""Events of a push that is small."""

MOST_TOGETHER: Final = 10_000
"""Events after which a batch takes no further push."""

_WORTH_IT: Final = 100
"""Events that are worth a batch beside another; fewer wait for company while that one is written."""


@dataclass(slots=True)
class _Waiting:
    unit: str
    arrivals: Sequence[Parsed]
    outcome: asyncio.Future[Outcome]

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


@dataclass(slots=True)
class _Queue:
    """Pushes of one root that wait, by key unit, so that a busy one cannot keep the others from their turn.

    `waiting` and `batch` are numbers of events: of those that wait, and of the batch last given to be written.
    """

    by_unit: dict[str, deque[_Waiting]] = field(default_factory=dict)
    waiting: int = 0
    batch: int = 0
    writing: asyncio.Task[bool] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, waiting: _Waiting) -> None:
        self.by_unit.setdefault(waiting.unit, deque()).append(waiting)
        self.waiting += len(waiting.arrivals)
        self.changed.set()

    @property
    def written(self) -> int:
        """Events that are being written."""
        return 0 if self.writing is None or self.writing.done() else self.batch

    async def next(self) -> list[_Waiting]:
        """The pushes that go next: at once when nothing is written, else as soon as they are worth it.

        Few go all together. Of many only half are taken of those that are here: one half is folded while the other is
        written. Empty when nobody waits and nothing is written.
        """
        while self.written and self.waiting < max(_WORTH_IT, self.written // 2):
            self.changed.clear()
            await self.changed.wait()
        return self._take(min(MOST_TOGETHER, max(_WORTH_IT, (self.waiting + self.written) // 2)))

    def _take(self, most: int) -> list[_Waiting]:
        """Pushes of each unit in turn, until there are so many events."""
        taken: list[_Waiting] = []
        count = 0
        while self.by_unit and count < most:
            unit = next(iter(self.by_unit))
            pushes = self.by_unit.pop(unit)
            taken.append(pushes.popleft())
            count += len(taken[-1].arrivals)
            if pushes:
                # Behind all others, also those that this batch does not reach.
                self.by_unit[unit] = pushes
        self.waiting -= count
        return taken


class Gatherer:
    """Takes pushes in through `Intake`, those of a root together."""

    def __init__(self, intake: Intake, most_waiting: int, patience: float) -> None:
        self._intake, self._most_waiting, self._patience = intake, most_waiting, patience
        self._queues: dict[tuple[int, bool], _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Events that wait for their batch."""
        return sum(queue.waiting for queue in self._queues.values())

    async def push(self, root_id: int, unit: str, arrivals: Sequence[Parsed]) -> Outcome:
        """Take in sound events sent with a key of `unit`; returns after they are committed and counted.

        Raises:
            Overloaded: too many events of small pushes wait already. Large ones are bounded before, in bytes.
            DatabaseUnavailable: nothing was acknowledged, at the latest after `patience` seconds.
        """
        small = len(arrivals) <= _MOST_SMALL
        queue = self._queues.get((root_id, small))
        if queue is None:
            queue = self._queues[root_id, small] = _Queue()
            task = asyncio.create_task(self._run(root_id, small, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif small and queue.waiting + len(arrivals) > self._most_waiting:
            raise Overloaded
        loop = asyncio.get_running_loop()
        waiting = _Waiting(unit, arrivals, loop.create_future())
        queue.add(waiting)
        giving_up = loop.call_later(self._patience, lambda: waiting.fail(DatabaseUnavailable(SILENT)))
        try:
            return await waiting.outcome
        finally:
            giving_up.cancel()

    async def _run(self, root_id: int, small: bool, queue: _Queue) -> None:
        """Batches, one after the other, until nobody waits."""
        before: Folded | None = None
        while taken := await queue.next():
            if queue.writing is not None and before is None:
                # It is being folded anew, so what it leaves is not known yet.
                await queue.writing
            folded = await self._fold(root_id, taken, before)
            if queue.writing is not None and before is not None and not await queue.writing:
                # What this rests on has come to nothing.
                folded = None
            queue.batch = sum(len(waiting.arrivals) for waiting in taken)
            queue.writing = asyncio.create_task(self._write(root_id, taken, folded))
            queue.writing.add_done_callback(lambda _: queue.changed.set())
            before = folded
        del self._queues[root_id, small]

    async def _fold(self, root_id: int, taken: Sequence[_Waiting], before: Folded | None) -> Folded | None:
        """A batch that is ready to be written; None when that failed, and it is to be tried when its turn has come."""
        try:
            return await self._intake.fold(root_id, _pushes(taken), before)
        except Exception as error:  # noqa: BLE001  whoever waits is told what happens then
            _log.warning("a batch is folded anew: %r", error)
            return None

    async def _write(self, root_id: int, taken: Sequence[_Waiting], folded: Folded | None) -> bool:
        """Write a batch, as folded or anew, and tell everybody what became of it; whether it was written as folded."""
        # Who was told meanwhile that it took too long sends it again.
        taken = [each for each in taken if folded is not None or not each.outcome.done()]
        try:
            if folded is not None:
                outcomes = await self._intake.write(folded)
            else:
                outcomes = await self._intake.push_together(root_id, _pushes(taken))
            for waiting, outcome in zip(taken, outcomes, strict=True):
                if not waiting.outcome.done():
                    waiting.outcome.set_result(outcome)
        except Exception as error:  # noqa: BLE001  whatever it is, somebody waits to be told
            of_all = isinstance(error, (DatabaseUnavailable, Overloaded)) and not isinstance(error, (Busy, Refused))
            if of_all or (folded is None and len(taken) <= 1):
                for waiting in taken:
                    waiting.fail(error)
            elif folded is not None:
                await self._write(root_id, taken, None)
            else:
                # One of them breaks the transaction: halved until it breaks its own, and its neighbours are spared.
                for half in (taken[: len(taken) // 2], taken[len(taken) // 2 :]):
                    await self._write(root_id, half, None)
            return False
        return folded is not None


def _pushes(taken: Sequence[_Waiting]) -> list[tuple[str, Sequence[Parsed]]]:
    return [(each.unit, each.arrivals) for each in taken]
