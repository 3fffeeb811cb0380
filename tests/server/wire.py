"""A server on loopback with an application that tells what it was asked, and a client that sends bytes as they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from app.server.crowd import Crowd
from app.server.http import Server, claim, configured
from app.settings import HttpSettings


@dataclass
class Echo:
    """An application; `asked` are the requests it has read to their ends, `left` how many were given up."""

    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    left: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        request = Request(scope, receive)
        if scope["path"] == "/refused":
            await self._answer(send, 401, b"no")
            return
        try:
            body = await request.body()
        except ClientDisconnect:
            self.left += 1
            return
        self.asked.append((scope["method"], scope["path"], body))
        if scope["path"] == "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for part in (b"one ", b"two"):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        if scope["path"] == "/slow":
            await asyncio.sleep(0.2)
        told = {"method": scope["method"], "path": scope["path"], "body": body.decode("latin-1")}
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        await self._answer(send, 200, json.dumps(told | {"headers": headers}).encode())

    async def _answer(self, send: Send, status: int, body: bytes) -> None:
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Answer:
    """One answer of many on a connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read."""
        return json.loads(self.body)


@dataclass
class Wire:
    """A running server."""

    app: Echo
    crowd: Crowd
    port: int
    opened: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection; it ends with the server."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**26)
        self.opened.append(writer)
        return reader, writer

    async def say(self, *pieces: bytes, end: bool = False, pause: float = 0.02, expected: int = 1) -> list[Answer]:
        """Send pieces one after the other, and read what comes: so many answers, and what may come right after them.

        Args:
            end: whether the client then says that it sends no more.
        """
        reader, writer = await self.connect()
        try:
            for place, piece in enumerate(pieces):
                if place:
                    await asyncio.sleep(pause)
                writer.write(piece)
                await writer.drain()
            if end:
                writer.write_eof()
            answers: list[Answer] = []
            while (answer := await read(reader, 10 if len(answers) < expected else 0.1)) is not None:
                answers.append(answer)
            return answers
        finally:
            writer.close()


async def read(reader: asyncio.StreamReader, patience: float = 10) -> Answer | None:
    """The next answer; None at the end of the connection, or when none comes."""
    try:
        async with asyncio.timeout(patience):
            line = await reader.readline()
            if not line:
                return None
            headers = {}
            while (header := await reader.readline()) not in (b"\r\n", b""):
                name, _, value = header.decode().partition(":")
                headers[name.strip().lower()] = value.strip()
            if "content-length" in headers:
                body = await reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(await reader.readline(), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                await reader.readline()
            else:
                body = await reader.read()
            return Answer(int(line.split()[1]), headers, body)
    except TimeoutError:
        return None


@asynccontextmanager
async def served(most: int | None = None, **settings: Any) -> AsyncIterator[Wire]:
    """Serve with these settings of HTTP and the defaults for all others."""
    app = Echo()
    crowd = Crowd(HttpSettings(**settings), most=most)
    claimed = claim("127.0.0.1", 0)
    server = Server(configured(app, crowd), lambda: None)
    task = asyncio.create_task(server._serve([claimed]))
    while not server.started:
        await asyncio.sleep(0.01)
    wire = Wire(app, crowd, claimed.getsockname()[1])
    try:
        yield wire
    finally:
        for writer in wire.opened:
            writer.transport.abort()
        server.should_exit = True
        await task
