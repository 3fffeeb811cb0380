"""Pages of other origins: off as it comes; a listed origin may read, with what a figure needs, and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import ValidationError
from starlette.middleware.cors import CORSMiddleware

from app.api.events_direct import Direct
from app.main import create_app
from app.settings import HttpSettings
from tests.api.asking import of_problem
from tests.running import Running, serving, settings_for

IOC = "https://ioc.example.vn"
FIGURE = "/v1/scorecard"
EXPOSED = {"etag", "link", "content-disposition", "retry-after", "www-authenticate", "x-request-id"}


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


@pytest_asyncio.fixture
async def opened(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    """A service whose figures pages of one other origin may show."""
    async with serving(settings_for(database, tmp_path, http=HttpSettings(cors_origins=[IOC])), database) as made:
        yield made


def allowed(answer: httpx.Response) -> dict[str, str]:
    """What an answer allows other origins."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def words(text: str) -> set[str]:
    """The words of a list in a header."""
    return {each.strip().lower() for each in text.split(",")}


async def ask_first(running: Running, origin: str, method: str, headers: str = "") -> httpx.Response:
    """A preflight of a browser."""
    told = {"Origin": origin, "Access-Control-Request-Method": method}
    told |= {"Access-Control-Request-Headers": headers} if headers else {}
    return await running.client.options(FIGURE, headers=told)


async def test_as_it_comes_no_other_origin_is_allowed_anything(running: Running) -> None:
    answer = await running.get(FIGURE, unit="H44", period="2026", headers={"Origin": IOC})
    assert (answer.status_code, allowed(answer)) == (200, {})
    before = await ask_first(running, IOC, "GET", "authorization")
    assert (before.status_code, allowed(before)) == (204, {})
    kinds: list[Any] = [each.cls for each in create_app(running.service).user_middleware]
    assert CORSMiddleware not in kinds


async def test_a_listed_origin_reads_figures_and_sees_their_tags(opened: Running) -> None:
    before = await ask_first(opened, IOC, "GET", "authorization,if-none-match,last-event-id")
    assert before.status_code == 200
    told = allowed(before)
    assert told["access-control-allow-origin"] == IOC
    assert told["access-control-allow-credentials"] == "true"
    assert words(told["access-control-allow-methods"]) == {"get", "head"}
    assert words(told["access-control-allow-headers"]) >= {"authorization", "if-none-match", "last-event-id"}
    assert int(told["access-control-max-age"]) == 3600
    answer = await opened.get(FIGURE, unit="H44", period="2026", headers={"Origin": IOC})
    assert answer.status_code == 200
    assert allowed(answer) | {"access-control-expose-headers": ""} == {
        "access-control-allow-origin": IOC,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "",
    }
    assert words(answer.headers["access-control-expose-headers"]) == EXPOSED
    assert "origin" in words(answer.headers["vary"])
    again = await opened.get(
        FIGURE, unit="H44", period="2026", headers={"Origin": IOC, "If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.headers["access-control-allow-origin"]) == (304, IOC)


async def test_a_listed_origin_reads_refusals_too(opened: Running) -> None:
    answer = await opened.client.get(FIGURE, headers={"Origin": IOC})
    assert of_problem(answer) == (401, "unauthenticated", None)
    assert answer.headers["access-control-allow-origin"] == IOC


async def test_any_other_origin_is_allowed_nothing(opened: Running) -> None:
    for other in (
        "https://ioc.example.vn.evil.example",
        "http://ioc.example.vn",
        "https://ioc.example.vn:8443",
        "null",
    ):
        answer = await opened.get(FIGURE, unit="H44", period="2026", headers={"Origin": other})
        assert "access-control-allow-origin" not in answer.headers, other
        before = await ask_first(opened, other, "GET", "authorization")
        assert before.status_code == 400, other
        assert "access-control-allow-origin" not in before.headers, other


async def test_writing_is_allowed_no_other_origin(opened: Running) -> None:
    for path, method in (("/v1/events", "POST"), ("/v1/units", "PUT"), ("/v1/units", "DELETE")):
        told = {"Origin": IOC, "Access-Control-Request-Method": method}
        assert (await opened.client.options(path, headers=told)).status_code == 400
    # Not even where it comes all the same: a page sees nothing of the answer.
    answer = await opened.client.post("/v1/events", headers={"Origin": IOC, "Content-Type": "text/plain"}, content="{}")
    assert (answer.status_code, allowed(answer)) == (401, {})


async def test_a_push_goes_by_the_straight_way_before_anybody_asks_for_origins(opened: Running) -> None:
    kinds: list[Any] = [each.cls for each in create_app(opened.service).user_middleware]
    assert kinds.index(Direct) < kinds.index(CORSMiddleware)


async def test_options_that_are_no_preflight_are_answered_as_ever(opened: Running) -> None:
    answer = await opened.client.options("/v1/units", headers={"Origin": IOC})
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, PUT, HEAD, OPTIONS")


async def test_a_stream_is_read_by_a_listed_origin(opened: Running) -> None:
    scope_headers = {"Origin": IOC, "Authorization": f"Bearer {opened.key}"}
    app = create_app(opened.service)
    messages: asyncio.Queue[dict] = asyncio.Queue()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/v1/stream",
        "raw_path": b"/v1/stream",
        "root_path": "",
        "scheme": "http",
        "query_string": b"unit=H44&period=2026",
        "headers": [(name.lower().encode(), value.encode()) for name, value in scope_headers.items()],
        "client": ("203.0.113.9", 40000),
        "server": ("chiso.test", 80),
    }
    gone = asyncio.Event()

    async def receive() -> dict:
        await gone.wait()
        return {"type": "http.disconnect"}

    asked = asyncio.create_task(app(scope, receive, messages.put))  # type: ignore[arg-type]
    start = await asyncio.wait_for(messages.get(), 5)
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert (start["status"], headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    assert headers["access-control-allow-origin"] == IOC
    gone.set()
    await asyncio.wait_for(asked, 5)


async def test_any_origin_may_read_by_a_key_but_brings_no_cookies(database: str, tmp_path: Path) -> None:
    async with serving(settings_for(database, tmp_path, http=HttpSettings(cors_origins=["*"])), database) as made:
        answer = await made.get(FIGURE, unit="H44", period="2026", headers={"Origin": "https://anybody.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        before = await ask_first(made, "https://anybody.example", "GET", "authorization")
        assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, "*")
        assert "access-control-allow-credentials" not in before.headers


def test_origins_are_written_as_browsers_do_or_refused() -> None:
    told = HttpSettings(cors_origins=["https://IOC.example.vn/", "http://10.0.0.5:80", "https://a.vn:8443"])
    assert told.cors_origins == ["https://ioc.example.vn", "http://10.0.0.5", "https://a.vn:8443"]
    for wrong in (
        "ioc.example.vn",
        "https://ioc.example.vn/page",
        "https://*.vn",
        "null",
        "",
        "ftp://a.vn",
        "https://",
    ):
        with pytest.raises(ValidationError):
            HttpSettings(cors_origins=[wrong])
    with pytest.raises(ValidationError):
        HttpSettings(cors_origins=["*", "https://a.vn"])
