"""All connections of a process: how many there may be, which of them have taken too long, and what was refused."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

import structlog

from app.api.http.metrics import Metrics
from app.settings import HttpSettings

_log = structlog.get_logger("chiso.connection")

_SWEEP_SECONDS: Final = 1.0
_TOLD_SECONDS: Final = 60.0


class Connection(Protocol):
    """What the crowd asks of a connection. `until`: the instant of the loop's clock at which it is to be looked at."""

    until: float

    def expire(self, now: float) -> None:
        """Its time is over."""

    def leave(self) -> None:
        """Make room: nothing is being asked on it."""


class Crowd:
    """The connections of a process. One timer looks after all of them, so a request sets none."""

    def __init__(self, settings: HttpSettings, metrics: Metrics | None = None, most: int | None = None) -> None:
        self.settings = settings
        self.most = min(settings.max_connections, most or settings.max_connections)
        self._metrics = metrics
        self._all: set[Connection] = set()
        self._idle: dict[Connection, None] = {}
        """In the order in which they became so."""
        self._sweeping: asyncio.TimerHandle | None = None
        self._told: dict[str, float] = {}

    def enter(self, newcomer: Connection, loop: asyncio.AbstractEventLoop) -> bool:
        """Count a connection in; False when there is no room, not even that of an idle one."""
        if len(self._all) >= self.most:
            if not self._idle:
                return False
            oldest = next(iter(self._idle))
            self.leave(oldest)
            oldest.leave()
        self._all.add(newcomer)
        self._count()
        if self._sweeping is None:
            self._sweeping = loop.call_later(_SWEEP_SECONDS, self._sweep, loop)
        return True

    def leave(self, gone: Connection) -> None:
        """Count a connection out."""
        self._all.discard(gone)
        self._idle.pop(gone, None)
        self._count()

    def rests(self, connection: Connection) -> None:
        """Nothing is being asked on it."""
        if connection in self._all:
            self._idle[connection] = None

    def wakes(self, connection: Connection) -> None:
        """Something came."""
        self._idle.pop(connection, None)

    def refused(self, code: str, detail: str) -> None:
        """Something was refused before it was a request: counted, and logged once a minute for each kind."""
        if self._metrics is not None:
            self._metrics.refused.labels(code).inc()
        now = time.monotonic()
        if now - self._told.get(code, -_TOLD_SECONDS) >= _TOLD_SECONDS:
            self._told[code] = now
            _log.warning("refused", problem=code, detail=detail)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for each in [each for each in self._all if each.until <= now]:
            each.expire(now)
        self._sweeping = loop.call_later(_SWEEP_SECONDS, self._sweep, loop) if self._all else None

    def _count(self) -> None:
        if self._metrics is not None:
            self._metrics.connections_open.set(len(self._all))
