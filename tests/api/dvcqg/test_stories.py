"""Three dossiers told in the portal's payload: the right facts, in every dialect, and whatever order calls come in."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.api.dvcqg.dialects import DIALECTS, gateway, proxy, session
from tests.api.dvcqg.kept import everything, found
from tests.intake.dvcqg.payloads import COUNTER, ONLINE, POSTAL, PRIVATE, STORIES
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


async def facts(served: Running, subject: str) -> Any:
    answer = await served.get(f"/v1/dossiers/{subject}", unit="H44")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def must_be_right(served: Running) -> None:
    online, counter, postal = [await facts(served, each) for each in (ONLINE, COUNTER, POSTAL)]
    told = ("unit", "procedure", "channel", "received_at", "due_at", "deadline", "ended_at", "on_time", "flags")
    assert {name: online["dossier"][name] for name in told} == {
        "unit": "H44.07", "procedure": "1.004555", "channel": "online",
        "received_at": "2026-03-03T09:05:00+07:00", "due_at": "2026-03-06T17:00:00+07:00",
        "deadline": "2026-03-06T17:00:00+07:00", "ended_at": "2026-03-05T15:45:00+07:00", "on_time": True,
        "flags": ["fee", "e_result", "digitised", "reused", "shared_store", "population_data", "synced"],
    }  # fmt: skip
    assert {name: counter["dossier"][name] for name in told} == {
        "unit": "H44.130", "procedure": "1.000001", "channel": "counter",
        "received_at": "2026-03-10T10:20:00+07:00", "due_at": "2026-03-24T17:00:00+07:00",
        "deadline": "2026-03-24T17:00:00+07:00", "ended_at": "2026-03-26T11:05:00+07:00", "on_time": False,
        "flags": ["synced"],
    }  # fmt: skip
    # 53 hours of the supplement, after the due time that was told last.
    assert {name: postal["dossier"][name] for name in told} == {
        "unit": "H44.07", "procedure": "1.004555", "channel": "postal",
        "received_at": "2026-05-12T08:40:00+07:00", "due_at": "2026-05-16T17:00:00+07:00",
        "deadline": "2026-05-18T22:00:00+07:00", "ended_at": "2026-05-16T10:30:00+07:00", "on_time": True,
        "flags": ["fee", "paid_online", "e_result", "digitised", "synced"],
    }  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_three_dossiers_in_every_dialect(served: Running, dialect: str) -> None:
    for calls in STORIES.values():
        for service, elements in calls:
            await DIALECTS[dialect](served, service, elements)
    await must_be_right(served)


@pytest.mark.parametrize("seed", range(6))
async def test_repeats_and_order_leave_no_trace(served: Running, seed: int) -> None:
    calls = [each for story in STORIES.values() for each in story] * 2
    random.Random(seed).shuffle(calls)
    for service, elements in calls:
        await proxy(served, service, elements)
    await must_be_right(served)


async def test_what_was_told_already_makes_no_events(served: Running) -> None:
    async def events() -> Any:
        async with served.service.database.connection("read") as connection:
            return await connection.fetchval("SELECT count(*) FROM event")

    for calls in STORIES.values():
        for service, elements in calls:
            await session(served, service, elements)
    once = await events()
    for calls in STORIES.values():
        for service, elements in calls:
            await session(served, service, elements)
    assert await events() == once


async def test_nothing_of_a_person_is_kept(served: Running, capfd: pytest.CaptureFixture[str]) -> None:
    for calls in STORIES.values():
        for service, elements in calls:
            await gateway(served, service, elements)
    assert found(await everything(served, capfd), PRIVATE) == []
