"""A real server on the loopback interface in the test's own event loop, and those who listen to its streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from app.main import create_app
from app.server.http import Server, claim
from tests.running import Running

PATIENCE = 30
"""Seconds after which a test that waits for something has failed."""


@dataclass
class Listener:
    """One who reads a stream."""

    answer: httpx.Response
    lines: AsyncIterator[str]

    async def block(self) -> dict[str, str] | None:
        """The fields of the next block, a comment's under ""; None at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self.lines:
                if not line:
                    return fields
                name, _, value = line.partition(":")
                assert name not in fields, "an answer is one line of data"
                fields[name] = value.removeprefix(" ")
        assert fields == {}, "a block is whole"
        return None

    async def event(self) -> tuple[str, dict[str, Any]]:
        """Id and content of the next event, which comes in time: comments alone go on for ever."""
        async with asyncio.timeout(PATIENCE):
            while (block := await self.block()) is not None:
                if "event" in block:
                    assert block.keys() == {"event", "data", "id"}
                    assert block["event"] == "scorecard"
                    told: dict[str, Any] = json.loads(block["data"])
                    return block["id"], told
        raise AssertionError("the stream has ended")

    async def ends(self) -> bool:
        """Whether nothing but comments comes before the end, which is a proper one."""
        async with asyncio.timeout(PATIENCE):
            while (block := await self.block()) is not None:
                if block.keys() & {"event"}:
                    return False
        return True


@dataclass
class Live:
    """A running service that is served on a socket."""

    running: Running
    client: httpx.AsyncClient
    server: Server

    @asynccontextmanager
    async def listening(
        self,
        unit: str | list[str] = "H44.07",
        period: str | None = "2026",
        key: str | None = None,
        last: str | None = None,
        **query: str,
    ) -> AsyncIterator[Listener]:
        """Listen to a stream that begins; without a period by dates in the query."""
        params = {"unit": unit, **({} if period is None else {"period": period}), **query}
        headers = self.running._headers(key, {"last-event-id": last} if last else {})
        async with self.client.stream("GET", "/v1/stream", params=params, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            listener = Listener(answer, answer.aiter_lines())
            assert await listener.block() == {"retry": "2000"}
            yield listener

    async def open(self, count: int) -> None:
        """Wait until so many streams are open: who has left is noticed a little later."""
        gauge = self.running.service.metrics.streams_open
        async with asyncio.timeout(PATIENCE):
            while gauge._value.get() != count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(running: Running) -> AsyncIterator[Live]:
    """Serve a running service; its own loops belong to `running`."""
    claimed = claim("127.0.0.1", 0)
    config = uvicorn.Config(
        create_app(running.service),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=PATIENCE,
    )
    server = Server(config, running.service.watcher.close)
    task = asyncio.create_task(server.serve([claimed]))
    while not server.started:
        await asyncio.sleep(0.005)
    address = f"http://127.0.0.1:{claimed.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:
        yield Live(running, client, server)
    server.should_exit = True
    await task
