"""Taking connections in, and as many open files as the system lets a process have.

A loop that cannot accept for want of files resets whoever comes, and says nothing of it. Here that is told, and it is
kept from happening: connections, and streams among them, stay below what files there are.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import time
from collections.abc import Callable
from typing import Final

from app.api.http.metrics import Metrics

_log = logging.getLogger(__name__)

_MOST_FILES: Final = 65_536
_OWN_FILES: Final = 64
"""The log, the listening socket, the loop's own, modules read late."""
_AT_ONCE: Final = 100
_REST_SECONDS: Final = 0.2
_TOLD_SECONDS: Final = 60.0
_SCARCE: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def raise_open_files() -> int:
    """Raise the soft limit of open files as far as it may be; the limit that then holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


def room_for_connections(files: int, others: int) -> int:
    """How many connections there may be with so many open files, of which `others` are needed elsewhere."""
    return max(1, files - _OWN_FILES - others)


def room_for_streams(connections: int) -> int:
    """How many of the connections may be streams: an eighth is for those who ask."""
    return connections - max(1, connections // 8)


class Acceptor:
    """Accepts the connections of a listening socket."""

    def __init__(
        self, listening: socket.socket, make: Callable[[], asyncio.Protocol], metrics: Metrics | None = None
    ) -> None:
        self._listening = listening
        self._make = make
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._resting: asyncio.TimerHandle | None = None
        self._told = -_TOLD_SECONDS
        listening.setblocking(False)
        self._begin()

    def _begin(self) -> None:
        self._resting = None
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._failed(error)
                return
            accepted.setblocking(False)
            task = self._loop.create_task(self._open(accepted))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, accepted)
        except OSError as error:
            accepted.close()
            self._failed(error, rests=False)

    def _failed(self, error: OSError, rests: bool = True) -> None:
        """Count it, tell it once a minute, and try again in a while: the connection waits in the system's queue."""
        if self._metrics is not None:
            self._metrics.accept_failures.inc()
        if time.monotonic() - self._told >= _TOLD_SECONDS:
            self._told = time.monotonic()
            advice = "; raise the limit of open files (ulimit -n)" if error.errno in _SCARCE else ""
            _log.error("a connection could not be accepted: %s%s", error, advice)
        if rests:
            self._loop.remove_reader(self._listening)
            self._resting = self._loop.call_later(_REST_SECONDS, self._begin)

    async def close(self) -> None:
        """Accept no more; what was accepted is a connection afterwards, so that whoever ends those ends it too."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._listening)
        if self._opening:
            await asyncio.wait(self._opening)
