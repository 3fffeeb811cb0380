"""Figures that are watched: one loop a process looks for changes, computes each watched figure once, and wakes all who
watch it.

The loop polls. LISTEN/NOTIFY would take a lock over all commits of the database; a poll is two small statements however
many watch, and sees what any process has written. What moves a figure is what ends a kept answer (cache.py): a change
of its version, or the instant it held until.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from app.api.http.caching import Version
from app.api.http.metrics import Metrics
from app.api.http.problems import Problem
from app.messages import Message
from app.settings import StreamSettings
from app.store import keys
from app.store.connections.database import Clock, Database
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded
from app.store.snapshot import RootState, root_states

_log = logging.getLogger(__name__)

_REST_SECONDS: Final = 0.5
"""A figure that changes all the time is computed no oftener."""
_AFTER_FAILURE_SECONDS: Final = 2.0
_AT_ONCE: Final = 2
"""Figures computed at the same time: the other connections are for those who ask."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as it is told to all who watch it.

    Args:
        version: what it was made of; with `units` (ids) it is seen whether that has changed.
        since, until: the first and last instant it holds for (µs).
        tag: of what it says; `message` tells that together with the time.
    """

    root_id: int
    units: frozenset[int]
    version: Version
    since: int
    until: int
    tag: str
    message: bytes

    def holds(self, state: RootState) -> bool:
        """Whether it is still right."""
        return self.since <= state.now <= self.until and self.version == state.version(self.units)


Compute = Callable[[], Awaitable[Figure]]


@dataclass(eq=False)
class Subscriber:
    """One who watches. Always gets the latest figures, so a slow one misses those between and holds nothing up."""

    watches: tuple[_Watch, ...]
    key_id: str
    ended: bool = False
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def figure(self, place: int) -> Figure:
        """The figure at a place, in the order in which they were asked for, as it is now."""
        return self.watches[place].figure

    async def wait(self, seconds: float) -> bool:
        """Wait until a figure has become another, or for the end; False when neither came in so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def wake(self) -> None:
        """There is something to see."""
        self._woken.set()

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self.wake()


@dataclass(frozen=True, slots=True)
class Watched:
    """What is to be watched: whoever watches what has this `name` computes it in the same way.

    Args:
        figure: as the subscriber has just computed it.
    """

    name: Hashable
    figure: Figure
    compute: Compute


@dataclass(eq=False)
class _Watch:
    """A watched figure, how it is computed, and who watches it."""

    figure: Figure
    compute: Compute
    renewing: bool = False
    not_before: float = 0.0
    subscribers: set[Subscriber] = field(default_factory=set)

    def take(self, figure: Figure, before: Figure | None = None) -> None:
        """A figure was computed: by the loop instead of the one `before`, or for a newcomer.

        Of two that were computed at the same time the older is of no use. The one that the loop found wrong is never
        the newer, even if the clock has been set back since.
        """
        if self.figure is not before and figure.since < self.figure.since:
            return
        changed = figure.tag != self.figure.tag
        self.figure = figure
        if changed:
            for each in self.subscribers:
                each.wake()

    def end(self) -> None:
        for each in self.subscribers:
            each.end()


class Watcher:
    """The process's watched figures."""

    def __init__(self, database: Database, clock: Clock, settings: StreamSettings, metrics: Metrics) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self.room = math.inf
        """Most streams that the server's connections leave room for."""
        self._metrics = metrics
        self._watches: dict[Hashable, _Watch] = {}
        self._watched = asyncio.Event()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._open = 0
        self._subscriptions = 0
        self._closed = False

    def require_room(self, figures: int) -> None:
        """Refuse one more subscriber to so many figures when as many are watched as may be, when there are as many
        subscribers as connections leave room for, or when the process is about to end."""
        full = self._open >= self.room or self._subscriptions + figures > self._settings.max_open
        if self._closed or full:
            raise Problem(
                "overloaded", Message("too many streams are open; try again", "đang mở quá nhiều luồng; hãy thử lại")
            )

    @contextmanager
    def watching(self, wanted: Sequence[Watched], key_id: str) -> Iterator[Subscriber]:
        """Watch some figures, none of them twice.

        Args:
            key_id: of the key whose revocation ends it; "" for none.
        """
        watches = []
        for each in wanted:
            watch = self._watches.setdefault(each.name, _Watch(each.figure, each.compute))
            watch.take(each.figure)
            watches.append(watch)
        subscriber = Subscriber(tuple(watches), key_id, self._closed)
        for watch in watches:
            watch.subscribers.add(subscriber)
        self._count(1, len(watches))
        self._watched.set()
        try:
            yield subscriber
        finally:
            self._count(-1, -len(watches))
            for each, watch in zip(wanted, watches, strict=True):
                watch.subscribers.discard(subscriber)
                if not watch.subscribers and self._watches.get(each.name) is watch:
                    del self._watches[each.name]

    def close(self) -> None:
        """End all that is watched: the process is about to end."""
        self._closed = True
        for watch in self._watches.values():
            watch.end()

    async def run_forever(self) -> None:
        """Look for changes as long as anybody watches, until cancelled."""
        # Beside the looking, so that a figure that takes long holds up no other and no revocation.
        async with asyncio.TaskGroup() as renewals:
            while True:
                if not self._watches:
                    self._watched.clear()
                    await self._watched.wait()
                pause = self._settings.poll_seconds
                try:
                    for watch in await self._outdated():
                        watch.renewing = True
                        renewals.create_task(self._renew(watch))
                except Exception:  # noqa: BLE001 - a loop that died quietly would leave old figures on walls
                    # Streams stay open meanwhile: a browser that comes back to a 503 gives up for good.
                    _log.warning("looking for changed figures was interrupted", exc_info=True)
                    pause = _AFTER_FAILURE_SECONDS
                await asyncio.sleep(pause)

    async def _outdated(self) -> list[_Watch]:
        """Look once: the figures to be computed again. Whose key was revoked watches no more."""
        used = {each.key_id for watch in self._watches.values() for each in watch.subscribers} - {""}
        async with self._database.connection("read") as connection:
            roots = {watch.figure.root_id for watch in self._watches.values()}
            states = await root_states(connection, roots, self._clock)
            revoked = used - await keys.in_force(connection, used) if used else set()
        time = asyncio.get_running_loop().time()
        outdated = []
        for watch in self._watches.values():
            for each in watch.subscribers:
                if each.key_id in revoked:
                    each.end()
            if watch.figure.root_id not in roots:
                # They came during the look: their turn is the next.
                continue
            # No state: the database was put back to before there was this root.
            state = states.get(watch.figure.root_id)
            rests = watch.renewing or time < watch.not_before
            if not rests and (state is None or not watch.figure.holds(state)):
                outdated.append(watch)
        return outdated

    async def _renew(self, watch: _Watch) -> None:
        """Compute a figure that no longer holds."""
        async with self._turns:
            rest, before = _REST_SECONDS, watch.figure
            try:
                if watch.subscribers:
                    watch.take(await watch.compute(), before)
            except (DatabaseUnavailable, Overloaded) as error:
                _log.warning("a watched figure could not be computed: %r", error)
                rest = _AFTER_FAILURE_SECONDS
            except Exception:  # noqa: BLE001 - one figure's failure is not the others'
                # Whoever asks again is told why; an old figure that looks like a new one would be worse.
                _log.warning("a watched figure cannot be computed", exc_info=True)
                watch.end()
            finally:
                watch.renewing = False
                watch.not_before = asyncio.get_running_loop().time() + rest

    def _count(self, more: int, subscriptions: int) -> None:
        self._subscriptions += subscriptions
        self._open += more
        self._metrics.streams_open.set(self._open)
