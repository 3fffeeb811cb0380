"""Bodies take memory that is bounded: in all, for each key, and never so much that single events are shut out."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest

from app.api.http.problems import Problem
from app.api.http.service import Budget
from app.settings import IntakeSettings
from tests.api.asking import ONE, of_problem, reception
from tests.running import Running

MIB = 2**20


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


def test_a_key_has_its_part_and_small_bodies_have_a_reserve() -> None:
    budget = Budget(IntakeSettings())
    first, second, third = budget.hold("a"), budget.hold("a"), budget.hold("b")
    first.take(32 * MIB)
    second.take(8 * MIB)
    with pytest.raises(Problem, match="this key") as refused:
        second.take(1)
    assert refused.value.status == 503
    third.take(24 * MIB)
    with pytest.raises(Problem, match="too many bytes"):
        third.take(1)
    small = [budget.hold(f"c{n}") for n in range(32)]
    for each in small:
        each.take(256 * 1024)
    assert budget.held == 72 * MIB
    with pytest.raises(Problem, match="too many bytes"):
        budget.hold("d").take(1)
    with pytest.raises(Problem, match="too many bytes"):
        small[0].take(1)
    for each in (first, second, third, *small):
        each.give_back()
    assert (budget.held, budget._of_key) == (0, {})


async def stalled(size: int, until: asyncio.Event) -> AsyncIterator[bytes]:
    """All of a body but its last byte, and that when it is asked for."""
    for start in range(0, size - 1, MIB):
        yield b" " * min(MIB, size - 1 - start)
    await until.wait()
    yield b" "


async def test_stalled_uploads_of_one_key_shut_nobody_out(running: Running) -> None:
    office = await running.make_key("H44.07", "ingest")
    until = asyncio.Event()
    headers = {"Authorization": f"Bearer {office}", "content-type": "application/x-ndjson"}
    uploads = [
        asyncio.create_task(
            running.client.post("/v1/events", content=stalled(32 * MIB, until), headers=headers, timeout=60)
        )
        for _ in range(2)
    ]
    while running.service.budget.held < 32 * MIB - 1 or not any(each.done() for each in uploads):
        await asyncio.sleep(0.01)
    [refused] = [each.result() for each in uploads if each.done()]
    assert of_problem(refused)[:2] == (503, "overloaded")
    assert refused.headers["retry-after"] == "2"
    assert (await running.post(json.dumps(reception(running)).encode(), "application/cloudevents+json")).json() == ONE
    many = [reception(running) for _ in range(2_000)]
    body = json.dumps(many).encode()
    assert len(body) > 256 * 1024
    assert (await running.post(body, "application/cloudevents-batch+json")).status_code == 200
    until.set()
    answers = [await each for each in uploads]
    assert sorted(each.status_code for each in answers) == [200, 503]
    assert running.service.budget.held == 0


async def test_stalled_catalogues_are_counted_too(running: Running) -> None:
    until = asyncio.Event()
    headers = {"Authorization": f"Bearer {running.key}", "content-type": "application/json"}
    put = asyncio.create_task(running.client.put("/v1/units", content=stalled(32 * MIB, until), headers=headers))
    while running.service.budget.held < 32 * MIB - 1:
        await asyncio.sleep(0.01)
    again = await running.client.put("/v1/units", content=b" " * (9 * MIB), headers=headers)
    assert of_problem(again)[:2] == (503, "overloaded")
    until.set()
    assert (await put).status_code == 400
    assert running.service.budget.held == 0


async def unread() -> AsyncIterator[bytes]:
    """A body nobody may ask for."""
    for each in (b"",):
        assert each, "the body was read"
        yield each


@pytest.mark.parametrize("path", ["/v1/events", "/v1/units"])
async def test_a_length_beyond_the_limit_is_refused_before_the_body_is_read(running: Running, path: str) -> None:
    for length in (32 * MIB + 1, 10**18, 10**400):
        headers = {"Authorization": f"Bearer {running.key}", "content-length": str(length)}
        headers["content-type"] = "application/json"
        answer = await running.client.request(
            "POST" if path == "/v1/events" else "PUT", path, content=unread(), headers=headers
        )
        assert of_problem(answer)[:2] == (413, "too_large")


@pytest.mark.parametrize("path", ["/v1/events", "/v1/units"])
@pytest.mark.parametrize("announced", [1, 200_000])
async def test_whatever_reads_the_body_another_length_than_announced_is_never_taken(
    running: Running, path: str, announced: int
) -> None:
    async def some() -> AsyncIterator[bytes]:
        yield json.dumps([reception(running)]).encode() if path == "/v1/events" else b"[]"

    method = "POST" if path == "/v1/events" else "PUT"
    headers = {"Authorization": f"Bearer {running.key}", "content-type": "application/json"}
    answer: httpx.Response = await running.client.request(
        method, path, content=some(), headers=headers | {"content-length": str(announced)}
    )
    assert of_problem(answer)[:2] == (400, "incomplete_body")
    hidden = headers | {"transfer-encoding": "chunked", "upgrade": "h2c", "content-type": "application/x-ndjson"}

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    answer = await running.client.request(method, path, content=nothing(), headers=hidden)
    assert of_problem(answer)[:2] == (400, "incomplete_body")
    assert running.service.budget.held == 0


async def test_what_is_refused_is_forgotten(running: Running) -> None:
    """No ring of an error and its traceback keeps a body until memory is searched for rings."""
    body = b"[" + b"1," * (4 * MIB) + b"1]"
    gc.collect()
    gc.disable()
    try:
        before = psutil.Process().memory_info().rss
        for _ in range(12):
            refused = await running.post(body, "application/cloudevents-batch+json")
            assert refused.status_code == 413
        assert psutil.Process().memory_info().rss - before < 40 * MIB
    finally:
        gc.enable()
