"""The transport of an HTTP connection: a response leaves in one piece, and a client that is still sending can read it.

uvicorn writes the head and the body one after the other, and each becomes a system call and a packet that wakes the
client. Here they go together: what is written in one turn of the event loop is sent at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Joined(asyncio.Transport):
    """A transport that joins what it writes; all else is its own.

    Closing it while bytes still come in would throw away what was answered (TCP resets). So a connection whose client
    `is_sending` is only finished first: what was answered is sent with the end of our side, and what comes is read.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, is_sending: Callable[[], bool] = bool
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._is_sending = is_sending
        self._written: list[bytes | bytearray | memoryview] = []
        self._finished = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(data)

    def _send(self) -> None:
        written, self._written = self._written, []
        # The client may have gone since, in this very turn.
        if written and not self._transport.is_closing():
            self._transport.writelines(written)

    def finish(self) -> None:
        """Nothing more is written; what comes is still read, until it is closed."""
        if self._finished:
            return
        self._send()
        self._finished = True
        if not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()

    def close(self) -> None:
        if not self._finished and self._is_sending():
            self.finish()
            return
        self._send()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._finished or self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._send()
        self._transport.set_protocol(protocol)
