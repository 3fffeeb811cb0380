"""A served command asked to end while it works: who was promised something gets it, and it is gone in time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.faults.serving import CREATE, Serving, chiso, environment
from tests.running import PROCEDURES, UNITS

PROMISED_S = 10
BATCH = "application/cloudevents-batch+json"
STREAMS = 5


@dataclass
class Office:
    """A served chiso with catalogues, its key, and its database."""

    serving: Serving
    key: str
    dsn: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.serving.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=60, verify=False
        )

    def batch(self, size: int) -> list[dict]:
        """Receptions nobody has sent yet."""
        return [
            {
                "specversion": "1.0", "id": f"e{number}", "source": "/h44/thu", "type": "dossier.received",
                "subject": f"H44.07-260105-{number:06}", "unit": "H44.07", "time": "2026-01-05T08:00:00+07:00",
                "data": {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"},
            }
            for number in itertools.islice(self.numbers, size)
        ]  # fmt: skip

    def logged(self) -> list[str]:
        """The ids of all events in the log."""
        with psycopg.connect(self.dsn) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM event")]

    async def ended(self, began: float) -> None:
        """It has ended of itself, in time, as one that was asked to."""
        await asyncio.to_thread(self.serving.wait, 20)
        assert time.monotonic() - began < PROMISED_S
        assert self.serving.code == 0
        said = self.serving.log.read_text()
        assert "Traceback" not in said
        assert "did not end" not in said


@pytest.fixture
def office(postgres_database: str, tmp_path: Path) -> Iterator[Office]:
    settings = environment(
        CHISO_DATABASE__DSN=postgres_database,
        CHISO_DATA_DIR=str(tmp_path),
        CHISO_AUTH__PEPPER="a pepper for tests, as long as it is to be",
    )
    created = chiso(settings, *CREATE)
    assert created.returncode == 0, created.stderr
    with Serving(settings, tmp_path / "log") as serving:
        key = created.stdout.strip()
        with serving.client(key) as loading:
            for path, rows in (("units", UNITS), ("procedures", PROCEDURES)):
                assert loading.put(f"/v1/{path}", json=rows).json()["errors"] == []
        yield Office(serving, key, postgres_database)


async def watch(office: Office, client: httpx.AsyncClient, opened: asyncio.Semaphore) -> int:
    """A stream up to its end, which has to be a proper one (httpx raises where it is not); its scorecards."""
    told = 0
    query = {"unit": "H44.07", "period": "2026"}
    async with client.stream("GET", "/v1/stream", params=query) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line == "event: scorecard":
                told += 1
                if told == 1:
                    opened.release()
    return told


async def test_asked_to_end_under_load_it_keeps_what_it_has_acknowledged(office: Office) -> None:
    acknowledged: list[str] = []
    unanswered: list[str] = []
    opened, enough = asyncio.Semaphore(0), asyncio.Event()

    async def push(client: httpx.AsyncClient, size: int) -> None:
        while True:
            batch = office.batch(size)
            ids = [event["id"] for event in batch]
            try:
                answer = await client.post("/v1/events", content=json.dumps(batch), headers={"content-type": BATCH})
            except httpx.TransportError:
                unanswered.extend(ids)
                return
            assert answer.status_code == 200, answer.text
            assert answer.json() == {"accepted": size, "duplicates": 0, "rejected": 0, "errors": []}
            acknowledged.extend(ids)
            if len(acknowledged) > 1_000:
                enough.set()

    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(office.client()) for _ in range(STREAMS + 4)]
        streams = [asyncio.create_task(watch(office, client, opened)) for client in clients[:STREAMS]]
        for _ in streams:
            await opened.acquire()
        pushing = [
            asyncio.create_task(push(client, size))
            for client, size in zip(clients[STREAMS:], (1, 1, 50, 50), strict=True)
        ]
        await enough.wait()
        began = time.monotonic()
        office.serving.ask_to_end()
        await asyncio.gather(*pushing)
        assert all(told >= 1 for told in await asyncio.gather(*streams))
        await office.ended(began)
    logged = office.logged()
    assert len(logged) == len(set(logged))
    assert set(acknowledged) <= set(logged) <= {*acknowledged, *unanswered}


async def test_pushes_that_are_gathered_when_it_is_asked_to_end_are_committed_and_answered(office: Office) -> None:
    batches = [office.batch(3) for _ in range(8)]
    bodies = [json.dumps(batch).encode() for batch in batches]
    async with contextlib.AsyncExitStack() as stack:
        asking = await stack.enter_async_context(office.client())
        clients = [await stack.enter_async_context(office.client()) for _ in bodies]
        with psycopg.connect(office.dsn) as other:
            other.execute("LOCK TABLE event")
            pushes = [
                asyncio.create_task(client.post("/v1/events", content=body, headers={"content-type": BATCH}))
                for client, body in zip(clients, bodies, strict=True)
            ]
            async with asyncio.timeout(30):
                held = f"chiso_body_bytes_in_flight {float(sum(map(len, bodies)))}"
                while held not in (await asking.get("/metrics")).text.splitlines():
                    await asyncio.sleep(0.02)
                assert other.execute("SELECT FROM event").fetchall() == []
                began = time.monotonic()
                office.serving.ask_to_end()
                # It has begun to end when nobody new is let in.
                while await listens(office.serving.port):
                    await asyncio.sleep(0.02)
            assert not any(push.done() for push in pushes)
        answers = await asyncio.gather(*pushes)
        await office.ended(began)
    assert [(answer.status_code, answer.json()["accepted"]) for answer in answers] == [(200, 3)] * 8
    assert sorted(office.logged()) == sorted(event["id"] for batch in batches for event in batch)


async def listens(port: int) -> bool:
    """Whether anybody takes connections at the port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True
