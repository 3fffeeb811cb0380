"""A way to a server that can go silent: what is connected stays connected and hears nothing any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Relay:
    """Passes bytes to a server and back, until told otherwise."""

    def __init__(self, dsn: str) -> None:
        self.target = dsn
        self.accepted = 0
        self.mute = False
        """Whether new connections too are accepted and never answered."""
        self.greeted_only = False
        """Whether new connections go silent as soon as the server has let them in."""
        self._awake: list[asyncio.Event] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    def silence(self) -> None:
        """From now on nothing passes on the connections that there are."""
        for each in self._awake:
            each.clear()
        self._awake.clear()

    async def _connect(self) -> Pair:
        address = urlsplit(self.target)
        folder = parse_qs(address.query).get("host")
        if folder:
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.{parse_qs(address.query)['port'][0]}")
        return await asyncio.open_connection(address.hostname, address.port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        awake = asyncio.Event()
        try:
            if self.mute:
                await awake.wait()
            awake.set()
            self._awake.append(awake)
            there_reader, there_writer = await self._connect()
            try:
                ways = (_pass(reader, there_writer, awake), _pass(there_reader, writer, awake, self))
                await asyncio.gather(*ways)
            finally:
                there_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def end(self) -> None:
        """End everything that is connected."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.05)


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, awake: asyncio.Event, relay: Relay | None = None
) -> None:
    while data := await reader.read(65_536):
        await awake.wait()
        writer.write(data)
        await writer.drain()
        if relay is not None and relay.greeted_only and b"Z\x00\x00\x00\x05I" in data:
            awake.clear()
    writer.close()


@contextlib.asynccontextmanager
async def relayed(dsn: str) -> AsyncIterator[tuple[Relay, str]]:
    """A relay to the database's server, and the address of the same database by way of it."""
    relay = Relay(dsn)
    server = await asyncio.start_server(relay._accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = urlsplit(dsn)
    user = address.netloc.rpartition("@")[0]
    try:
        yield relay, urlunsplit(("postgresql", f"{user}@127.0.0.1:{port}", address.path, "", ""))
    finally:
        server.close()
        await relay.end()
