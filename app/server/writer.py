"""The process that writes for several workers: `python -m app.server.writer SOCKET`, started by supervisor.py.

Its argument is the number of the inherited listening UNIX socket. Workers hand their pushes over to it
(store/write/relay.py); it answers no HTTP.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from typing import Final

import uvloop

from app.api.http.probes import measure_forever
from app.main import create_service
from app.server.garbage import collect_less
from app.server.worker import begin
from app.store.write.relay import Reception

_PATIENCE_S: Final = 10.0


async def _write(listening: socket.socket) -> None:
    """Take in what is handed over until asked to end; then go when the last who hands over has gone."""
    settings, dsn = begin()
    service = create_service(settings, dsn)
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    reception = Reception(service.batcher.push)
    server = await loop.create_unix_server(reception, sock=listening)
    measuring = asyncio.create_task(measure_forever(service))
    collect_less()
    await asked.wait()
    # What workers have begun to answer is taken in; a connection that nobody has accepted yet finds the next writer.
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await reception.nobody.wait()
    server.close()
    reception.close()
    measuring.cancel()
    await service.database.close()


def main() -> None:
    """Write until asked to end, or until the parent is gone."""
    uvloop.run(_write(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
