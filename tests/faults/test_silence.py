"""A database that goes silent: what waits for it is answered in time, and what is new works."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psycopg
import pytest
import pytest_asyncio

from app.store.connections.database import Database
from app.store.connections.unavailable import DatabaseUnavailable
from app.store.embedded.server import attach_or_start
from tests.conftest import NO_DURABILITY, at
from tests.faults.relay import Relay, relayed
from tests.faults.serving import Serving, chiso, environment
from tests.running import Running, serving, settings_for

READ_SECONDS, WRITE_SECONDS = 2.0, 3.0
LATE = 1.5
"""What an answer may take beyond its deadline on a busy machine."""
QUIET = 1.1
"""After which a connection has to prove that it is alive."""


@pytest_asyncio.fixture
async def way(postgres_database: str) -> AsyncIterator[tuple[Relay, str]]:
    async with relayed(postgres_database) as found:
        yield found


@pytest_asyncio.fixture
async def hasty(way: tuple[Relay, str], tmp_path: Path) -> AsyncIterator[Running]:
    """A service behind the relay that does not wait long."""
    settings = settings_for(way[1], tmp_path)
    settings.database.read_seconds, settings.database.write_seconds = READ_SECONDS, WRITE_SECONDS
    settings.database.acquire_seconds = 1.0
    async with serving(settings, way[1]) as running:
        await running.catalogue()
        yield running


def received(running: Running, number: int) -> dict:
    return running.event(
        "dossier.received", f"H44.07-260105-{number:04}", procedure="1.004555", channel="online",
        due_at="2026-01-12T17:00:00+07:00",
    )  # fmt: skip


async def push(running: Running, event: dict) -> httpx.Response:
    return await running.post(json.dumps(event).encode(), "application/cloudevents+json")


async def card(running: Running) -> httpx.Response:
    answer: httpx.Response = await running.get("/v1/scorecard", unit="H44.07", period="2026")
    return answer


async def timed(answer) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    return await answer, time.monotonic() - began


def unavailable(answer: httpx.Response) -> bool:
    told = answer.json()
    return (
        (answer.status_code, told["code"]) == (503, "database_unavailable")
        and int(answer.headers["retry-after"]) > 0
        and answer.headers["content-type"] == "application/problem+json"
    )


async def test_connections_that_went_silent_while_nothing_happened_cost_nobody_an_answer(
    hasty: Running, way: tuple[Relay, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As without haste: a connection proves itself in a part of the time that one may be waited for.
    monkeypatch.setattr("app.store.connections.lasting._PROVING", 0.3)
    await hasty.push([received(hasty, 1)])
    assert (await card(hasty)).json()["balance"]["received"] == 1
    way[0].silence()
    await asyncio.sleep(QUIET)
    pushed, read, ready = await asyncio.gather(
        push(hasty, received(hasty, 2)),
        card(hasty),
        hasty.get("/livez"),
    )
    assert (pushed.status_code, pushed.json()["accepted"], read.status_code, ready.status_code) == (200, 1, 200, 200)
    assert (await card(hasty)).json()["balance"]["received"] == 2


async def test_what_is_under_way_when_connections_go_silent_is_answered_in_time(
    hasty: Running, way: tuple[Relay, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow this machine is: they were of use a moment ago. A connection that is opened only now is heard.
    monkeypatch.setattr("app.store.connections.lasting._FRESH", 100.0)
    await hasty.push([received(hasty, 1)])
    await card(hasty)
    event = received(hasty, 2)
    way[0].silence()
    (pushed, push_took), (read, read_took), (ready, ready_took) = await asyncio.gather(
        timed(push(hasty, event)),
        timed(card(hasty)),
        timed(hasty.get("/readyz", key="")),
    )
    assert (pushed.status_code == 200 or unavailable(pushed)) and push_took < READ_SECONDS + WRITE_SECONDS + LATE
    assert (read.status_code == 200 or unavailable(read)) and read_took < READ_SECONDS + LATE
    assert (ready.status_code == 200 or unavailable(ready)) and ready_took < 1 + LATE
    slow = [each for each in (pushed, read, ready) if each.status_code == 503]
    assert slow, "at least the look-up of a key was cut off"
    again = await hasty.push([event])
    assert (again["accepted"], again["duplicates"]) == ((0, 1) if pushed.status_code == 200 else (1, 0))
    assert (await card(hasty)).json()["balance"]["received"] == 2
    assert (await hasty.get("/readyz", key="")).status_code == 200


async def test_a_database_that_never_answers_is_told_by_everything_in_time(
    hasty: Running, way: tuple[Relay, str]
) -> None:
    way[0].mute = True
    way[0].silence()
    await asyncio.sleep(QUIET)
    answers = await asyncio.gather(
        *(timed(card(hasty)) for _ in range(20)),
        *(
            timed(hasty.post(json.dumps(received(hasty, n)).encode(), "application/cloudevents+json"))
            for n in range(20)
        ),
        timed(hasty.put("/v1/units", [{"code": "H44", "name": "UBND tỉnh Phú Thọ", "level": "province"}])),
        timed(hasty.get("/v1/rejections")),
        timed(hasty.get("/v1/dossiers", unit="H44.07", period="2026", measure="received")),
    )
    assert {answer.status_code for answer, _ in answers} == {503}
    assert max(took for _, took in answers) < READ_SECONDS + WRITE_SECONDS + LATE
    page = (await hasty.get("/metrics", key="")).text
    assert "chiso_database_up 0.0" in page
    way[0].mute = False
    assert (await card(hasty)).status_code == 200
    assert "chiso_database_up 1.0" in (await hasty.get("/metrics", key="")).text


async def test_new_connections_that_go_silent_once_let_in_stop_nobody_for_long(
    hasty: Running, way: tuple[Relay, str]
) -> None:
    await card(hasty)
    way[0].greeted_only = True
    way[0].silence()
    await asyncio.sleep(QUIET)
    answers = await asyncio.gather(*(timed(card(hasty)) for _ in range(3)), timed(hasty.get("/readyz", key="")))
    assert {answer.status_code for answer, _ in answers} == {503}
    assert max(took for _, took in answers) < READ_SECONDS + LATE
    way[0].greeted_only = False
    assert (await card(hasty)).status_code == 200
    assert (await hasty.post(json.dumps(received(hasty, 1)).encode(), "application/cloudevents+json")).json() == {
        "accepted": 1, "duplicates": 0, "rejected": 0, "errors": [],
    }  # fmt: skip


async def test_probes_answer_in_a_second_whatever_is_silent(
    hasty: Running, way: tuple[Relay, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.connections.lasting._FRESH", 100.0)
    hasty.service.database._seconds = {"read": 30.0, "write": 30.0}
    for _ in range(3):
        assert (await hasty.get("/readyz", key="")).status_code == 200
    way[0].silence()
    ready, took = await timed(hasty.get("/readyz", key=""))
    assert unavailable(ready) and took < 1 + LATE
    way[0].silence()
    page, took = await timed(hasty.get("/metrics", key=""))
    assert page.status_code == 200 and took < 1 + LATE


async def test_locks_that_others_hold_are_waited_for_until_the_deadline(hasty: Running, postgres_database: str) -> None:
    event = received(hasty, 1)
    with psycopg.connect(postgres_database) as other:
        other.execute("LOCK TABLE receipt")
        pushed, took = await timed(push(hasty, event))
        assert unavailable(pushed) and took < READ_SECONDS + WRITE_SECONDS + LATE
    # It may have been written after all once the lock was gone; either way it is there once.
    again = await hasty.push([event])
    assert (again["accepted"] + again["duplicates"], again["rejected"]) == (1, 0)
    assert (await card(hasty)).json()["balance"]["received"] == 1


async def test_readers_follow_writers_to_another_server(
    postgres_dsn: str, reachable_dir: Path, way: tuple[Relay, str]
) -> None:
    async def where(database: Database, pool: str) -> str:
        async with database.connection(pool) as connection:
            return str(await connection.fetchval("SELECT current_setting('data_directory')"))

    with attach_or_start(reachable_dir / "other", settings=NO_DURABILITY) as other:
        database = Database(at(way[1], "chiso"), 2, 2, 5)
        before = await where(database, "read")
        way[0].target = other.dsn
        after = await where(database, "write")
        assert before != after == await where(database, "read")
        await database.close()


async def test_a_service_ends_within_10_seconds_whatever_hangs(way: tuple[Relay, str], tmp_path: Path) -> None:
    settings = environment(CHISO_DATABASE__DSN=way[1], CHISO_DATA_DIR=str(tmp_path), CHISO_AUTH__PEPPER="for tests")
    served = Serving(settings, tmp_path / "log")
    await asyncio.to_thread(served.__enter__)
    try:
        way[0].mute = True
        way[0].silence()
        async with httpx.AsyncClient(base_url=served.url, headers={"Authorization": "Bearer chiso_a_b"}) as client:
            waiting = asyncio.create_task(client.post("/v1/events", content=b"{}", timeout=60))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            served.ask_to_end()
            answer = await waiting
            assert answer.status_code == 503
            await asyncio.to_thread(served.wait, 20)
            assert time.monotonic() - began < 10
        assert "Traceback" not in served.log.read_text()
    finally:
        await asyncio.to_thread(served.__exit__, None, None, None)


@pytest.mark.parametrize("command", [("keys", "list"), ("migrate",)], ids=lambda command: command[0])
async def test_a_command_says_in_a_line_that_nobody_answers(
    way: tuple[Relay, str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    way[0].mute = True
    settings = environment(CHISO_DATABASE__DSN=way[1], CHISO_DATA_DIR=str(tmp_path), CHISO_AUTH__PEPPER="for tests")
    ended = await asyncio.to_thread(chiso, settings, *command)
    assert ended.returncode == 1
    [line] = (ended.stdout + ended.stderr).splitlines()
    assert line.startswith(
        "chiso: the database: it does not answer in time: check host and port in CHISO_DATABASE__DSN"
    )


async def test_statements_end_with_their_connection(postgres_database: str) -> None:
    database = Database(postgres_database, 1, 1, 1, write_seconds=0.3)
    with pytest.raises(DatabaseUnavailable, match="does not answer in time"):
        async with database.connection("write") as connection:
            await connection.execute("SELECT pg_sleep(60)")
    async with database.connection("write") as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await database.close()
    ends = time.monotonic() + 10
    with psycopg.connect(postgres_database, autocommit=True) as other:
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
        while other.execute(sleeping).fetchone() != (0,):
            assert time.monotonic() < ends
            await asyncio.sleep(0.1)
