"""Running the HTTP server: the port is claimed before anything else is started, and whoever holds it is named."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

import psutil
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from app.api.http.metrics import Metrics
from app.api.http.service import Service
from app.messages import Message, Told
from app.server.accepting import Acceptor, raise_open_files, room_for_connections, room_for_streams
from app.server.crowd import Crowd
from app.server.garbage import collect_less
from app.server.protocol import Http

_log = logging.getLogger(__name__)
_GRACE_SECONDS: Final = 5
"""In which requests under way may end."""
_LONGEST_END_SECONDS: Final = 9.0
"""From when the process is asked to end; with the way there it is gone within 10."""


def _end_at_once() -> None:
    _log.error("something did not end in %.0f seconds: the process ends without it", _LONGEST_END_SECONDS)
    os._exit(1)


class PortInUse(Told):
    """Another process listens on the address."""


def claim(host: str, port: int) -> socket.socket:
    """A socket bound to the address.

    Raises:
        PortInUse: naming the process that holds it, as far as this user may see it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    claimed = socket.socket(family, socket.SOCK_STREAM)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        claimed.bind((host, port))
        # Listening already here: a bind alone lets a second process bind too (SO_REUSEADDR).
        claimed.listen(2048)
    except OSError as error:
        claimed.close()
        if error.errno == errno.EADDRINUSE:
            held = Message(
                "port {port} of {host} is held by {holder}",
                "cổng {port} của {host} đang bị {holder} giữ",
                port=port,
                host=host,
                holder=_holder(port),
            )
            raise PortInUse(held) from error
        raise
    return claimed


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("inet"):
            address = connection.laddr
            if connection.status == psutil.CONN_LISTEN and address and address.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                return f"process {process.pid} ({' '.join(process.cmdline())[:80] or process.name()})"
    except psutil.Error:
        pass
    return "another process"


class Server(uvicorn.Server):
    """uvicorn's server that accepts by itself, and, asked to end, first calls `end_streams`: they would go on."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None], metrics: Metrics | None = None) -> None:
        super().__init__(config)
        self._end_streams = end_streams
        self._metrics = metrics
        self._acceptors: list[Acceptor] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept."""
        await super().startup([])
        make: Callable[[], asyncio.Protocol] = partial(
            cast(Any, self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self._acceptors = [Acceptor(each, make, self._metrics) for each in sockets or ()]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then everything else."""
        self._end_streams()
        for each in self._acceptors:
            await each.close()
        await super().shutdown(sockets)


def configured(app: ASGIApp, crowd: Crowd) -> uvicorn.Config:
    """uvicorn as it is used here. Requests under way are given some seconds to end."""
    return uvicorn.Config(
        app,
        http=partial(Http, crowd=crowd),  # type: ignore[arg-type] # what makes a protocol is all that is asked of it
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
        proxy_headers=False,
    )


def serve(app: FastAPI, claimed: socket.socket) -> None:
    """Serve until interrupted; what hangs then ends with the process."""
    service: Service = app.state.service
    collect_less()
    database = service.settings.database
    most = room_for_connections(raise_open_files(), database.write_connections + database.read_connections)
    crowd = Crowd(service.settings.http, service.metrics, most)
    service.watcher.room = room_for_streams(crowd.most)

    def end_streams() -> None:
        last = threading.Timer(_LONGEST_END_SECONDS, _end_at_once)
        last.daemon = True
        last.start()
        service.watcher.close()

    # What uvicorn was asked to end by it raises again: so our own database, too, is ended in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Server(configured(app, crowd), end_streams, service.metrics).run(sockets=[claimed])
