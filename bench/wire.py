"""HTTP/1.1 with keep-alive over a bare socket: the client must never be what is measured."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple, Self, cast

_END: Final = b"\r\n\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"


class Answer(NamedTuple):
    """An answer as it came: status, the header block, the body."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return None


class Disconnected(Exception):
    """The server closed the connection in the middle of a request."""


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A whole request, ready to be sent many times."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + _END + body


class Wire(asyncio.Protocol):
    """One connection with one request under way at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None
        self._needed = 0

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """A connection to a server."""
        _, wire = await asyncio.get_running_loop().create_connection(cls, host, port)
        return wire

    @property
    def closed(self) -> bool:
        """Whether the server has hung up."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def ask(self, whole: bytes) -> asyncio.Future[Answer]:
        """Send a whole request; the answer comes later."""
        if self.closed or self._waiting is not None:
            raise Disconnected("the connection is closed or busy")
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(whole)
        return self._waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        # Not asked with isinstance: uvloop's transports are none of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed: whoever waits is told."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Disconnected(str(exc or "closed by the server")))
        self._waiting = None

    def data_received(self, data: bytes) -> None:
        """More of an answer."""
        self._buffer += data
        if len(self._buffer) < self._needed:
            return
        answer = self._whole()
        if answer is not None and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._buffer.clear()
            self._needed = 0
            if not waiting.done():
                waiting.set_result(answer)

    def _whole(self) -> Answer | None:
        """The answer, once all of it is there."""
        end = self._buffer.find(_END)
        if end < 0:
            return None
        head = bytes(self._buffer[:end])
        status, start = int(head[9:12]), end + len(_END)
        lower = head.lower()
        at = lower.find(b"\r\ncontent-length:")
        if at >= 0:
            length = int(lower[at + 17 :].split(b"\r\n", 1)[0])
            self._needed = start + length
            return Answer(status, head, bytes(self._buffer[start:])) if len(self._buffer) >= self._needed else None
        if b"\r\ntransfer-encoding: chunked" in lower:
            body = bytes(self._buffer[start:])
            return Answer(status, head, _joined(body)) if body.endswith(_LAST_CHUNK) else None
        return Answer(status, head, b"")  # 204 and 304 have no body


def _joined(chunked: bytes) -> bytes:
    parts = []
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        parts.append(rest[:length])
        chunked = rest[length + 2 :]
    return b"".join(parts)
