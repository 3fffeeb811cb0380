"""A subscription to Server-Sent Events over a bare socket, so that hundreds of them cost the client little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, Self, cast

_HEAD_END: Final = b"\r\n\r\n"


class Sent(NamedTuple):
    """An event of a stream: its kind, its id and its data."""

    kind: str
    id: str
    data: bytes


class Unchunked:
    """Takes a chunked body apart as it comes."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._left = 0
        """Bytes of the chunk under way that have not come, the line end after it included."""

    def feed(self, data: bytes) -> bytes:
        """What of the body is in these bytes."""
        self._held += data
        out = bytearray()
        while self._held:
            if self._left:
                taken = self._held[: self._left]
                out += taken[: max(0, self._left - 2)]
                del self._held[: len(taken)]
                self._left -= len(taken)
                continue
            end = self._held.find(b"\r\n")
            if end < 0:
                break
            self._left = int(self._held[:end].split(b";", 1)[0], 16) + 2
            del self._held[: end + 2]
        return bytes(out)


class Reading:
    """Takes a stream of events apart as it comes."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[Sent]:
        """The events that these bytes complete; comments and the like are none."""
        # A line end may be cut in the middle; what is held is looked at again as a whole.
        *whole, self._held = (self._held + data).replace(b"\r\n", b"\n").split(b"\n\n")
        return [sent for sent in map(_read, whole) if sent is not None]


def _read(block: bytes) -> Sent | None:
    fields: dict[bytes, list[bytes]] = {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name, []).append(value.removeprefix(b" "))
    if b"data" not in fields:
        return None
    kind, its = fields.get(b"event", [b"message"])[-1], fields.get(b"id", [b""])[-1]
    return Sent(kind.decode(), its.decode(), b"\n".join(fields[b"data"]))


class Subscription(asyncio.Protocol):
    """A stream that is listened to; `told` is called with every event. `status` is there once it is answered."""

    def __init__(self, told: Callable[[Sent], None]) -> None:
        self._told = told
        self._head: bytes | None = b""
        self._unchunked: Unchunked | None = None
        self._reading = Reading()
        self._transport: asyncio.Transport | None = None
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.ended = False

    @classmethod
    async def open(cls, host: str, port: int, whole: bytes, told: Callable[[Sent], None]) -> Self:
        """Ask for a stream; its status tells whether there is one."""
        _, stream = await asyncio.get_running_loop().create_connection(lambda: cls(told), host, port)
        assert stream._transport is not None
        stream._transport.write(whole)
        return stream

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is over."""
        self.ended = True
        if not self.status.done():
            self.status.set_result(0)

    def data_received(self, data: bytes) -> None:
        """More of the stream."""
        if self._head is not None:
            head, end, data = (self._head + data).partition(_HEAD_END)
            if not end:
                self._head = head
                return
            self._head = None
            if b"transfer-encoding: chunked" in head.lower():
                self._unchunked = Unchunked()
            self.status.set_result(int(head[9:12]))
        body = self._unchunked.feed(data) if self._unchunked else data
        for sent in self._reading.feed(body):
            self._told(sent)
