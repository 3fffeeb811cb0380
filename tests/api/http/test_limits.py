"""How often is too often: by key, and by address of who tries keys. The clock of the limits is in hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.main import create_app, create_service
from app.settings import LimitSettings, OidcSettings
from tests.api.asking import of_problem, reception
from tests.running import Running, settings_for

CARD = "/v1/scorecard?unit=H44&period=2026"
SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
OWN = {"Origin": "http://chiso.test"}


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


class Now:
    """Seconds since 1970, at the beginning of a minute; both clocks of the limits are this one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = 1_800_000_000.0
        frozen = SimpleNamespace(time=lambda: self.at, monotonic=lambda: self.at)
        for module in ("app.api.http.access.limits", "limits.aio.storage.memory", "limits.aio.strategies"):
            monkeypatch.setattr(f"{module}.time", frozen)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    return Now(monkeypatch)


class Limited:
    """Clients of a service with limits, by address."""

    def __init__(self, app: Any, key: str) -> None:
        self._app, self.key = app, key

    def at(self, address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self._app, client=(address, 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://chiso.test")

    async def ask(self, path: str = CARD, key: str | None = None, address: str = "10.0.0.7", **headers: str) -> Any:
        sent = {"Authorization": f"Bearer {key or self.key}"} | headers
        async with self.at(address) as client:
            return await client.get(path, headers=sent)

    async def push(self, *events: dict[str, Any], key: str | None = None) -> httpx.Response:
        body, kind = (events[0], SINGLE) if len(events) == 1 else (events, BATCH)
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": kind}
        async with self.at("10.0.0.7") as client:
            return await client.post("/v1/events", content=json.dumps(body).encode(), headers=headers)

    async def counted(self) -> dict[str, int]:
        """What /metrics tells of it."""
        lines = (await self.ask("/metrics")).text.splitlines()
        told = [each for each in lines if each.startswith("chiso_rate_limited_total{")]
        return {each.split('"')[1]: int(float(each.split()[-1])) for each in told}


@asynccontextmanager
async def limited(served: Running, dsn: str, folder: Path, **most: int) -> AsyncIterator[Limited]:
    service = create_service(settings_for(dsn, folder, limits=LimitSettings(**most)), dsn)
    yield Limited(create_app(service), served.key)
    await service.database.close()


@pytest_asyncio.fixture
async def asking(served: Running, database: str, tmp_path: Path, now: Now) -> AsyncIterator[Limited]:
    """Three questions, five events and two wrong keys a minute."""
    most = {"reads_per_minute": 3, "events_per_minute": 5, "failures_per_minute": 2}
    async with limited(served, database, tmp_path, **most) as client:
        yield client


async def test_questions_of_a_key_are_limited_in_words_and_seconds(asking: Limited, served: Running, now: Now) -> None:
    assert [(await asking.ask()).status_code for _ in range(3)] == [200, 200, 200]
    refused = await asking.ask(address="10.9.9.9")
    assert of_problem(refused) == (429, "rate_limited", None)
    assert refused.headers["retry-after"] == "61"
    assert refused.json()["detail"] == "at most 3 questions a minute with this key; ask again in 61 s"
    vietnamese = await asking.ask("/v1/units", **{"Accept-Language": "vi"})
    assert vietnamese.json()["detail"] == ("tối đa 3 lượt hỏi mỗi phút cho khóa API này; hãy hỏi lại sau 61 giây")
    assert (await asking.ask(key=await served.make_key("H44", "read"))).status_code == 200, "a limit is a key's own"
    assert (await asking.push(reception(served))).status_code == 200, "what is pushed is told apart"
    for path in ("/livez", "/readyz", "/metrics", "/problems/rate_limited", "/openapi.json"):
        assert [(await asking.ask(path)).status_code for _ in range(5)] == [200] * 5, path
    assert await asking.counted() == {"reads": 2, "events": 0, "failures": 0}
    # After 35 s of the next minute the window still holds 25 s of the one before: 1.25 of three.
    now.at += 95
    assert [(await asking.ask()).status_code for _ in range(3)] == [200, 200, 429]


async def test_events_are_counted_one_by_one_and_nothing_of_a_refused_push_is_taken(
    asking: Limited, served: Running, now: Now
) -> None:
    events = [reception(served) for _ in range(13)]
    assert (await asking.push(*events[:4])).json()["accepted"] == 4
    refused = await asking.push(*events[4:6])
    assert of_problem(refused) == (429, "rate_limited", None)
    assert refused.json()["detail"] == (
        "at most 5 events a minute with this key; nothing was taken, send it again in 61 s"
    )
    assert (await asking.push(events[4])).json()["accepted"] == 1
    assert (await asking.push(events[4])).headers["retry-after"] == "61"
    other = await served.make_key("H44", "ingest")
    assert (await asking.push(*events[5:7], key=other)).json()["accepted"] == 2
    now.at += 120
    whole = await asking.push(*events[4:])
    assert (whole.json()["accepted"], whole.json()["duplicates"]) == (6, 3), "more than a minute's, after a quiet one"
    assert (await asking.push(events[0])).status_code == 429
    assert await asking.counted() == {"reads": 0, "events": 3, "failures": 0}


async def test_who_tries_keys_is_held_up_and_who_has_a_right_one_is_not(
    asking: Limited, served: Running, now: Now
) -> None:
    late = await served.make_key("H44", "read")
    assert (await asking.ask()).status_code == 200
    told = [await asking.ask(key=f"chiso_0123456789ab_{n}") for n in range(4)]
    assert [each.status_code for each in told] == [401, 401, 429, 429]
    assert told[2].json()["detail"] == "at most 2 wrong keys a minute from this address; try again in 61 s"
    assert told[2].headers["retry-after"] == "61"
    async with asking.at("10.0.0.7") as client:
        assert (await client.get(CARD)).status_code == 401, "without a key nothing is tried"
        page = await client.post("/login", data={"key": "chiso_0123456789ab_x"}, headers=OWN)
        assert (page.status_code, page.headers["retry-after"]) == (429, "61")
        assert "tối đa 2 lần sai khóa mỗi phút từ địa chỉ này; hãy thử lại sau 61 giây" in page.text
    assert (await asking.ask()).status_code == 200, "a key that was right before is no guess"
    assert (await asking.ask(key=late)).status_code == 429, "one that was never seen may be"
    assert (await asking.ask(key=late, address="10.0.0.8")).status_code == 200
    now.at += 120
    assert (await asking.ask(key="chiso_0123456789ab_x")).status_code == 401
    assert await asking.counted() == {"reads": 0, "events": 0, "failures": 4}


async def test_logins_that_nobody_vouches_for_are_failures_too(
    served: Running, database: str, tmp_path: Path, now: Now
) -> None:
    settings = settings_for(database, tmp_path, limits=LimitSettings(failures_per_minute=2))
    settings.http.public_url = "https://chiso.example.vn"
    settings.oidc = OidcSettings(issuer="https://sso.example.vn", client_id="chiso")
    service = create_service(settings, database)
    client = Limited(create_app(service), served.key)
    told = [await client.ask(f"/login/oidc/back?state={n}&code=x") for n in range(4)]
    assert [each.status_code for each in told] == [400, 400, 429, 429]
    assert [each.headers.get("retry-after") for each in told] == [None, None, "61", "61"]
    await service.database.close()


async def test_the_addresses_of_one_subscriber_are_one_place(asking: Limited) -> None:
    for address, status in (
        ("2001:db8::1", 401),
        ("2001:db8::2:3", 401),
        ("2001:db8::4", 429),
        ("2001:db8:0:1::1", 401),
    ):
        assert (await asking.ask(key="chiso_0123456789ab_x", address=address)).status_code == status, address


async def test_more_places_than_are_told_apart_count_as_one(asking: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.http.access.limits._MOST_PLACES", 2)
    told = [await asking.ask(key="chiso_0123456789ab_x", address=f"10.1.0.{n}") for n in range(5)]
    assert [each.status_code for each in told] == [401, 401, 401, 401, 429]


async def test_questions_of_a_page_and_a_session_are_those_of_their_key(asking: Limited) -> None:
    async with asking.at("10.0.0.7") as client:
        assert (await client.post("/login", data={"key": asking.key}, headers=OWN)).status_code == 303
        shown = await client.get("/units/H44/indicators/DOSSIER_ON_TIME?period=2026")
        assert shown.status_code == 429
        assert int(shown.headers["retry-after"]) == 61
        assert "tối đa 3 lượt hỏi mỗi phút" in shown.text
    assert (await asking.ask()).status_code == 429, "the same key by itself"


async def test_unless_it_is_set_nothing_but_wrong_keys_is_limited(
    served: Running, database: str, tmp_path: Path, now: Now
) -> None:
    assert LimitSettings().model_dump() == {
        "reads_per_minute": 0, "events_per_minute": 0, "failures_per_minute": 600,
    }  # fmt: skip
    async with limited(served, database, tmp_path, failures_per_minute=0) as client:
        for _ in range(700):
            await client.ask(key="unknown")
        assert (await client.ask(key="unknown")).status_code == 401


async def test_retry_after_is_when_there_is_room_and_no_earlier(asking: Limited, served: Running, now: Now) -> None:
    for wait_for, size in ((61, 1), (73, 2), (85, 3)):
        now.at = (now.at // 60 + 10) * 60  # a minute's beginning, long after
        events = [reception(served) for _ in range(5 + size)]
        assert (await asking.push(*events[:5])).status_code == 200
        refused = await asking.push(*events[5:])
        assert int(refused.headers["retry-after"]) == wait_for
        now.at += wait_for - 2
        again = await asking.push(*events[5:])
        assert (again.status_code, again.headers["retry-after"]) == (429, "2")
        now.at += 2
        assert (await asking.push(*events[5:])).status_code == 200
