"""HEAD is wherever GET is, OPTIONS everywhere, `Allow` tells all; tags are compared as proxies leave them."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from app.api.http.middleware import Methods
from app.main import create_app
from tests.api.asking import of_problem
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


FIGURE = "/v1/scorecard?unit=H44.07&period=2026"


async def ask(running: Running, method: str, path: str, **headers: str) -> httpx.Response:
    return await running.client.request(
        method,
        path,
        headers={"Authorization": f"Bearer {running.key}"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    )


async def test_every_path_with_get_has_head_which_says_the_same_without_a_body(running: Running) -> None:
    paths = [*create_app(running.service).openapi()["paths"].items()]
    asked = [path for path, methods in paths if "get" in methods and "{" not in path and path != "/v1/stream"]
    assert len(asked) >= 15
    query = "?unit=H44&period=2026&indicator=DOSSIER_ON_TIME"
    for path in [*asked, *(f"{path}{query}" for path in asked), FIGURE, "/docs", "/openapi.json", "/problems/conflict"]:
        got, head = await ask(running, "GET", path), await ask(running, "HEAD", path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        if path.startswith("/metrics"):
            continue
        assert set(head.headers) == set(got.headers), path
        assert head.headers.get("etag") == got.headers.get("etag")
        if "as_of" not in got.text:
            assert head.headers.get("content-length") == got.headers.get("content-length"), path


async def test_head_of_a_stream_ends(running: Running) -> None:
    async with asyncio.timeout(5):
        head = await ask(running, "HEAD", "/v1/stream?unit=H44.07&period=2026")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


ALLOWED = {
    "/v1/units": "GET, PUT, HEAD, OPTIONS",
    "/v1/units/H44": "GET, HEAD, OPTIONS",
    "/v1/calendar": "GET, PUT, HEAD, OPTIONS",
    "/v1/events": "POST, OPTIONS",
    "/v1/scorecard": "GET, HEAD, OPTIONS",
    "/livez": "GET, HEAD, OPTIONS",
    "/docs": "GET, HEAD, OPTIONS",
    "/docs/assets/swagger-ui.css": "GET, HEAD, OPTIONS",
}


async def test_options_and_405_tell_all_methods_of_a_path(running: Running) -> None:
    for path, allowed in ALLOWED.items():
        told = await running.client.options(path)
        assert (told.status_code, told.content, told.headers["allow"]) == (204, b"", allowed), path
        for method in ("DELETE", "PATCH", *(["POST"] if "POST" not in allowed else ["GET", "HEAD", "PUT"])):
            answer = await ask(running, method, path)
            assert answer.status_code == 405, (method, path)
            assert answer.headers.get_list("allow") == [allowed]
            if method != "HEAD":
                assert of_problem(answer)[:2] == (405, "method_not_allowed")
    app = create_app(running.service)
    assert Methods(app, app)._allowed({"path": "*"}) == ["GET", "POST", "PUT"]
    assert of_problem(await running.client.options("/v1/nothing"))[:2] == (404, "not_found")


async def test_a_sender_of_cloudevents_may_ask_whether_it_may_send(running: Running) -> None:
    shakes = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}
    told = await running.client.options("/v1/events", headers=shakes)
    assert told.status_code == 204
    assert told.headers["webhook-allowed-origin"] == "*"
    assert told.headers["webhook-allowed-rate"] == "*"
    assert told.headers["allow"] == "POST, OPTIONS"
    assert "webhook-allowed-origin" not in (await running.client.options("/v1/units", headers=shakes)).headers
    assert "webhook-allowed-origin" not in (await running.client.options("/v1/events")).headers


async def test_a_tag_is_known_in_any_line_and_with_what_a_proxy_has_put_to_it(running: Running) -> None:
    tag = (await ask(running, "GET", FIGURE)).headers["etag"]
    bare = tag.removeprefix("W/").strip('"')
    for known in (tag, f'"{bare}"', f'W/"{bare}-gzip"', f'"{bare}-gzip"', f'W/"{bare}--gzip"', f'W/"{bare};br"', "*"):
        assert (await ask(running, "GET", FIGURE, if_none_match=known)).status_code == 304, known
        assert (await ask(running, "HEAD", FIGURE, if_none_match=f'"a", {known} ,"b"')).status_code == 304, known
        lines = [("if-none-match", '"other"'), ("if-none-match", known), ("Authorization", f"Bearer {running.key}")]
        assert (await running.client.get(FIGURE, headers=lines)).status_code == 304, known
    for other in ('"other"', f'"{bare}x"', f'"{bare}-zip"', f'"-gzip{bare}"', '"-gzip"', ""):
        assert (await ask(running, "GET", FIGURE, if_none_match=other)).status_code == 200, other


async def test_no_answer_is_guessed_at_nor_tells_where_somebody_came_from(running: Running) -> None:
    for path in ("/docs", "/problems/conflict", "/livez", "/v1/nothing", "/docs/assets/swagger-ui.css"):
        headers = (await running.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        if headers["content-type"].startswith("text/html"):
            assert headers["content-security-policy"].startswith("default-src 'none'; "), path
