"""One connection: until when it may be used, whether it is still alive, and what is said when it is not."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any, Final

import asyncpg

_OF_DRIVER: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
GONE: Final = (OSError, asyncpg.PostgresError, asyncpg.PostgresWarning, *_OF_DRIVER)
"""Whatever a server, the driver or the network says instead of an answer."""

_FRESH: Final = 1.0
"""Seconds for which a connection is taken to be alive since it was last used."""
_PROVING: Final = 2.0
"""Seconds in which one that was not used for longer has to prove that it is."""


class Lasting(asyncpg.Connection):
    """A connection that knows when it was last of use, whether it is to a cluster of Citus (citus.py), and one of the
    pool that reads."""

    citus = False
    reads = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.used()

    def used(self) -> None:
        """It has just answered."""
        self._last = time.monotonic()

    def is_fresh(self) -> bool:
        """Whether it answered so lately that it need not be asked."""
        return time.monotonic() - self._last < _FRESH


class Cut:
    """Cuts a connection off when its time is over: what waits for it fails at once. `done` says that it has."""

    def __init__(self, connection: Any, seconds: float) -> None:
        self.done = False
        self._connection = connection
        self._handle = asyncio.get_running_loop().call_later(max(0, seconds), self._cut)
        self.cancel = self._handle.cancel

    def _cut(self) -> None:
        self.done = True
        end(self._connection)


def end(connection: Any) -> None:
    """End a connection without a word to its server."""
    # One that is closed is in the pool again already, and says so.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def proves(connection: Any) -> bool:
    """Whether a connection that was quiet for a while is alive, and its server can still be written."""
    cut = Cut(connection, _PROVING)
    try:
        standby: bool = await connection.fetchval("SELECT pg_is_in_recovery()")
    except GONE:
        return False
    finally:
        cut.cancel()
    return not standby
