"""docs/runbook/pepper.md and keys.md: two processes whose pepper is replaced under load, no request of which fails."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from starlette.responses import Response

from app.api.http.service import Service
from app.main import create_app, create_service
from app.settings import AuthSettings, Settings
from app.store import keys
from app.store.catalogues import roots
from app.store.embedded.home import Home
from tests.operations.page import Page
from tests.running import PROCEDURES, UNITS, settings_for

CHISO_AT = str(Path(sys.executable).parent)
OLD = "the pepper of before, as long as it is to be"
_BATCH = {"content-type": "application/cloudevents-batch+json"}


class Processes:
    """Two services on one database, started anew in turn by the file of their environment; and their load."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self._dsn, self._folder = dsn, folder
        self.file = folder / "chiso.env"
        self.file.write_text(f"CHISO_DATABASE__DSN='{dsn}'\nCHISO_AUTH__PEPPER='{OLD}'\n")
        self._stacks = [AsyncExitStack(), AsyncExitStack()]
        self.services: list[Service] = []
        self.clients: list[httpx.AsyncClient] = []
        self.said: set[int] = set()
        self.pushed = 0
        self.ended = False
        self.load: asyncio.Task[None] | None = None

    def settings(self) -> Settings:
        """As the file has them now."""
        lines = dict(line.split("=", 1) for line in self.file.read_text().splitlines())
        given = {
            name.removeprefix("CHISO_AUTH__").lower(): lines[name].strip("'") for name in lines if "PEPPER" in name
        }
        settings = settings_for(self._dsn, self._folder)
        settings.auth = AuthSettings(**given)
        return settings

    async def start(self, place: int) -> None:
        """Start one, or end it and start it anew."""
        service = create_service(self.settings(), self._dsn)
        stack = AsyncExitStack()
        app = create_app(service)
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app, client=("203.0.113.9", 40000))
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://chiso.test"))
        before, self._stacks[place] = self._stacks[place], stack
        self.services[place : place + 1], self.clients[place : place + 1] = [service], [client]
        if self.load is not None:
            # What is under way at the one before is answered by it.
            await self.await_pushes(2)
        await before.aclose()

    async def restart_in_turn(self) -> None:
        """Each, with a push of the load through every one in between."""
        for place in (0, 1):
            await self.start(place)
            await self.await_pushes(4)
            assert (await self.clients[place].get("/readyz")).status_code == 200

    async def push_on(self, key: str) -> None:
        """Single events by turns to each, until the end."""
        while not self.ended:
            event = {
                "specversion": "1.0", "id": f"e{self.pushed}", "source": "/h44/thu", "type": "dossier.received",
                "subject": f"H44.07-260105-{self.pushed:06}", "unit": "H44.07", "time": "2026-01-05T08:12:00+07:00",
                "data": {"procedure": "1.004555", "channel": "online"},
            }  # fmt: skip
            headers = _BATCH | {"Authorization": f"Bearer {key}"}
            answer = await self.clients[self.pushed % 2].post("/v1/events", json=[event], headers=headers)
            self.said.add(answer.status_code)
            self.pushed += 1

    async def await_pushes(self, count: int) -> None:
        """Until so many more were answered."""
        until, ends = self.pushed + count, time.monotonic() + 60
        while self.pushed < until:
            assert self.load is not None
            assert not self.load.done()
            assert time.monotonic() < ends
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """End the load, and both."""
        self.ended = True
        if self.load is not None:
            await asyncio.wait([self.load], timeout=30)
        for stack in self._stacks:
            await stack.aclose()


@asynccontextmanager
async def _processes(dsn: str, folder: Path) -> AsyncIterator[Processes]:
    made = Processes(dsn, folder)
    try:
        for place in (0, 1):
            await made.start(place)
        yield made
    finally:
        await made.close()


async def _make_key(service: Service, *scopes: str) -> str:
    async with service.database.connection("write") as connection:
        root_id = await roots.ensure(connection, "H44")
        return await keys.create(connection, service.pepper, root_id, "H44", scopes, "", service.peppers[1:])


def _session(service: Service, key: str) -> dict[str, str]:
    """The cookie of somebody who logs in by a key."""
    told = {"type": "http", "headers": [], "scheme": "http", "method": "POST", "path": "/", "query_string": b""}
    response = Response()
    service.sessions.begin(Request(told), response, key_id=key.split("_")[1])
    return {"Cookie": response.headers["set-cookie"].partition(";")[0]}


async def _marks(service: Service) -> dict[str, bytes]:
    async with service.database.connection("read") as connection:
        return {each.id: each.pepper for each in await keys.listing(connection)}


async def _await_mark(service: Service, key: str) -> None:
    """Until a key is under the service's own pepper."""
    ends = time.monotonic() + 30
    while (await _marks(service))[key.split("_")[1]] != keys.mark_of(service.pepper):
        assert time.monotonic() < ends
        await asyncio.sleep(0.02)


async def test_a_pepper_is_replaced_under_load_and_nobody_notices(
    postgres_database: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _processes(postgres_database, tmp_path) as running:
        place = {"ENV_FILE": str(running.file), "NEW_PEPPER": str(tmp_path / "new"), "RESTART": "true"}
        page = Page("pepper", place, home)
        [sender, idle, wall] = [await _make_key(running.services[0], "ingest", "read", "admin") for _ in range(3)]
        of_sender = {"Authorization": f"Bearer {sender}"}
        for path, rows in (("units", UNITS), ("procedures", PROCEDURES)):
            assert (await running.clients[0].put(f"/v1/{path}", json=rows, headers=of_sender)).status_code == 200
        session = _session(running.services[0], wall)

        async def looks(cookie: dict[str, str]) -> list[int]:
            return [(await each.get("/v1/units", headers=cookie)).status_code for each in running.clients]

        running.load = asyncio.create_task(running.push_on(sender))
        await running.await_pushes(4)
        await asyncio.to_thread(page.perform, "Make the new pepper")
        await asyncio.to_thread(page.perform, "Make it known")
        await running.restart_in_turn()
        assert [each.pepper for each in running.services] == [OLD.encode()] * 2
        assert set((await _marks(running.services[0])).values()) == {keys.mark_of(OLD.encode())}

        await asyncio.to_thread(page.perform, "Put it in force")
        await running.restart_in_turn()
        new = running.services[0].pepper
        assert [each.peppers for each in running.services] == [(new, OLD.encode())] * 2
        assert len(new) == 44
        # A process that was replaced late may have put it back under the old one: its next use moves it again.
        await _await_mark(running.services[0], sender)
        assert await looks(session) == [200, 200]
        later = _session(running.services[0], wall)

        named = await asyncio.to_thread(page.perform, "Wait for the keys")
        listed = {line.split()[0]: line for line in named.splitlines()}
        assert set(listed) == {idle.split("_")[1], wall.split("_")[1]}
        assert "never used" in listed[idle.split("_")[1]]
        # The old one is not deleted while keys hang on it, nor where that cannot be looked up.
        before = running.file.read_text()
        with pytest.raises(AssertionError, match=r"(?m)^these keys need the old pepper: nothing was deleted"):
            await asyncio.to_thread(page.perform, "End the old one")
        with monkeypatch.context() as patch:
            patch.setitem(page.environment, "PATH", page.environment["PATH"].replace(CHISO_AT, "/nowhere"))
            for heading in ("Wait for the keys", "End the old one"):
                with pytest.raises(AssertionError, match="chiso: command not found"):
                    await asyncio.to_thread(page.perform, heading)
        with monkeypatch.context() as patch:
            (tmp_path / "chiso").write_text("#!/bin/sh\n")
            (tmp_path / "chiso").chmod(0o755)
            patch.setitem(page.environment, "PATH", f"{tmp_path}:{page.environment['PATH']}")
            with pytest.raises(AssertionError, match=r"(?m)^no key is listed: is this the database"):
                await asyncio.to_thread(page.perform, "End the old one")
        assert running.file.read_text() == before
        assert (tmp_path / "new").exists()
        for key in (idle, wall):
            answer = await running.clients[1].get("/v1/units", headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 200
            await _await_mark(running.services[0], key)
        wrong = {"Authorization": f"Bearer {idle}x"}
        assert (await running.clients[1].get("/v1/units", headers=wrong)).status_code == 401
        named = await asyncio.to_thread(page.perform, "Wait for the keys")
        assert named == "all keys are under the new pepper\n"

        await asyncio.to_thread(page.perform, "End the old one")
        await running.restart_in_turn()
        assert [each.peppers for each in running.services] == [(new,)] * 2
        assert await looks(session) == [401, 401]
        assert await looks(later) == [200, 200]
        running.ended = True
        await running.load
        assert running.said == {200}
        page.assert_performed()
        async with running.services[0].database.connection("read") as connection:
            assert await connection.fetchval("SELECT count(*) FROM event") == running.pushed


async def test_a_key_moves_and_its_use_is_written_down_once_a_day(postgres_database: str, tmp_path: Path) -> None:
    settings = settings_for(postgres_database, tmp_path)
    service = create_service(settings, postgres_database)
    key = await _make_key(service, "read")

    async def used() -> tuple[int | None, int]:
        async with service.database.connection("read") as connection:
            [row] = await connection.fetch("SELECT used_at, xmin::text::bigint AS written FROM api_key")
        return row["used_at"], row["written"]

    async def await_use(before: int) -> tuple[int, int]:
        ends = time.monotonic() + 30
        while (at := await used())[1] == before:
            assert time.monotonic() < ends
            await asyncio.sleep(0.02)
        assert at[0] is not None
        return at[0], at[1]

    never, made = await used()
    assert never is None
    assert await service.keys.find(key) is not None
    at, written = await await_use(made)
    for _ in range(20):
        assert await service.keys.find(key) is not None
    assert await service.keys.find(f"{key}x") is None
    await asyncio.sleep(0.1)
    assert await used() == (at, written)

    async with service.database.connection("write") as connection:
        await connection.execute("UPDATE api_key SET used_at = used_at - INTERVAL '25 hours'")
    _, moved = await used()
    assert await service.keys.known(key.split("_")[1]) is not None
    again, _ = await await_use(moved)
    assert again > at
    await service.database.close()
