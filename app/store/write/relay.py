"""Pushes handed over between processes: with several workers one process writes for all of them.

Two processes that write one root meet at the same lives and have to begin anew; one that writes for all gathers more
pushes into each transaction and remembers every life it has just written (line.py). What it costs to hand an event over
(msgpack through a UNIX socket, about a microsecond) is a small part of what reading it from JSON has cost.

Messages are four bytes of length and then msgpack, both ways. Who writes sends the first one, a welcome; after that
an answer to each push, bearing its number.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Literal, cast

import msgspec

from app.domain.push import Outcome, Parsed
from app.store.database import DatabaseUnavailable, Overloaded

_log = logging.getLogger(__name__)

_LENGTH: Final = 4
_LONGEST_NAME: Final = 100
_PATIENCE_S: Final = 5.0
"""How long somebody waits to be welcomed: a writer that died takes two seconds to be there again."""

_WELCOME: Final = -1
"""Number of the first message, which answers no push."""


def _address(path: Path) -> str:
    """How a socket at a path is named: the name may be no longer than some hundred bytes, whatever the path is."""
    if len(os.fsencode(path)) <= _LONGEST_NAME:
        return str(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)  # as long as the process lives
    return f"/proc/self/fd/{folder}/{path.name}"


def listen(path: Path) -> socket.socket:
    """A socket at a path, at which pushes are handed over; who may reach the folder may push."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(_address(path))
    listening.listen()
    return listening


class _Push(msgspec.Struct, array_like=True, gc=False):
    number: int
    root_id: int
    unit: str
    arrivals: list[Parsed]


class _Answer(msgspec.Struct, array_like=True, gc=False):
    """What became of a push, or why nothing did."""

    number: int
    outcome: Outcome | None
    failure: Literal["overloaded", "unavailable", "failed"] | None = None
    detail: str = ""


_ENCODER: Final = msgspec.msgpack.Encoder()
_PUSHES: Final = msgspec.msgpack.Decoder(_Push)
_ANSWERS: Final = msgspec.msgpack.Decoder(_Answer)


class _Messages(asyncio.Protocol):
    """One end of a connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        start, whole = 0, len(self._buffer)
        with memoryview(self._buffer) as view:
            while whole - start >= _LENGTH:
                end = start + _LENGTH + int.from_bytes(view[start : start + _LENGTH], "little")
                if end > whole:
                    break
                self.received(view[start + _LENGTH : end])
                start = end
        if start:
            del self._buffer[:start]

    def received(self, message: memoryview) -> None:
        """A whole message has come."""
        raise NotImplementedError

    def send(self, message: msgspec.Struct) -> None:
        """Send a message; nothing happens when the other end has gone."""
        if self._transport is not None and not self._transport.is_closing():
            packed = bytearray(_LENGTH)
            _ENCODER.encode_into(message, packed, _LENGTH)
            packed[:_LENGTH] = (len(packed) - _LENGTH).to_bytes(_LENGTH, "little")
            self._transport.write(packed)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()


class _Sender(_Messages):
    """The end of the process that hands over."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = False
        self.welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting: dict[int, asyncio.Future[Outcome]] = {}

    def received(self, message: memoryview) -> None:
        answer = _ANSWERS.decode(message)
        if answer.number == _WELCOME:
            self.welcome.set_result(None)
            return
        waiting = self.waiting.get(answer.number)
        # Whoever pushed may be gone by now.
        if waiting is None or waiting.done():
            return
        if answer.outcome is not None:
            waiting.set_result(answer.outcome)
        elif answer.failure == "overloaded":
            waiting.set_exception(Overloaded())
        elif answer.failure == "unavailable":
            waiting.set_exception(DatabaseUnavailable(answer.detail))
        else:
            waiting.set_exception(RuntimeError(answer.detail))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.welcome.done():
            self.welcome.cancel()
        for waiting in self.waiting.values():
            if not waiting.done():
                waiting.set_exception(DatabaseUnavailable("the process that writes has ended"))


class Relay:
    """Hands pushes over to the process that writes; stands in the place of a `Batcher`."""

    def __init__(self, path: Path, patience: float = _PATIENCE_S) -> None:
        self._address = _address(path)
        self._patience = patience
        self._numbers = itertools.count()
        self._sender: _Sender | None = None
        self._connecting: asyncio.Task[_Sender] | None = None

    async def push(self, root_id: int, unit: str, arrivals: Sequence[Parsed]) -> Outcome:
        """As `Batcher.push`.

        Raises:
            Overloaded: too many events wait already.
            DatabaseUnavailable: nothing was acknowledged; also when the process that writes has ended.
        """
        sender = self._sender
        if sender is None or sender.lost:
            sender = await self._connected()
            if sender.lost:
                raise DatabaseUnavailable("the process that writes has ended")
        number = next(self._numbers)
        waiting: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        sender.waiting[number] = waiting
        try:
            sender.send(_Push(number, root_id, unit, list(arrivals)))
            return await waiting
        finally:
            del sender.waiting[number]

    async def _connected(self) -> _Sender:
        """A connection, on which all who want one wait together."""
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> _Sender:
        transport = None
        try:
            async with asyncio.timeout(self._patience):
                connecting = asyncio.get_running_loop().create_unix_connection(_Sender, self._address)
                transport, sender = await connecting
                # The socket listens also while nobody is there to accept.
                await asyncio.wait([sender.welcome])
        except (OSError, TimeoutError) as error:
            if transport is not None:
                transport.close()
            raise DatabaseUnavailable(f"the process that writes is not there: {error!r}") from error
        self._sender = sender
        return sender

    def close(self) -> None:
        """End the connection; who still waits is told that nothing was acknowledged."""
        if self._sender is not None:
            self._sender.close()


class Reception:
    """Where pushes are handed over: makes the receiving end of each connection, all taken in by the same `push`."""

    def __init__(self, push: Callable[[int, str, Sequence[Parsed]], Awaitable[Outcome]]) -> None:
        self.push = push
        self.nobody = asyncio.Event()
        """Set while nobody is connected."""
        self.nobody.set()
        self._connected: set[_Receiver] = set()

    def __call__(self) -> asyncio.Protocol:
        """The end of a new connection."""
        return _Receiver(self)

    def close(self) -> None:
        """End all connections: whoever still waits for an answer is told that there will be none."""
        for receiver in self._connected:
            receiver.close()

    def come(self, receiver: _Receiver) -> None:
        """Somebody has connected."""
        self._connected.add(receiver)
        self.nobody.clear()

    def gone(self, receiver: _Receiver) -> None:
        """Somebody has gone."""
        self._connected.discard(receiver)
        if not self._connected:
            self.nobody.set()


class _Receiver(_Messages):
    """The end of the process that writes: takes pushes in side by side, and answers each."""

    def __init__(self, reception: Reception) -> None:
        super().__init__()
        self._reception = reception
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._reception.come(self)
        self.send(_Answer(_WELCOME, None))

    def connection_lost(self, exc: Exception | None) -> None:
        self._reception.gone(self)

    def received(self, message: memoryview) -> None:
        task = asyncio.get_running_loop().create_task(self._take_in(_PUSHES.decode(message)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_in(self, push: _Push) -> None:
        try:
            answer = _Answer(push.number, await self._reception.push(push.root_id, push.unit, push.arrivals))
        except Overloaded:
            answer = _Answer(push.number, None, "overloaded")
        except DatabaseUnavailable as error:
            answer = _Answer(push.number, None, "unavailable", str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits to be told
            _log.exception("a push that was handed over failed")
            answer = _Answer(push.number, None, "failed", repr(error))
        self.send(answer)
