"""What answers tell browsers, and by which names a machine may be asked without a key."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from app.api.http.access.headers import names_this_machine
from app.main import create_app, create_service
from app.settings import AuthSettings, HttpSettings
from tests.api.asking import of_problem, reception
from tests.running import Running, settings_for

CARD = "/v1/scorecard?unit=H44&period=2026"
SINGLE = "application/cloudevents+json"
EVERY = {
    "x-content-type-options": "nosniff", "referrer-policy": "same-origin", "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}  # fmt: skip
PEPPER = "a pepper for tests, as long as it is to be"


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


def guarding(answer: httpx.Response) -> dict[str, str]:
    names = (*EVERY, "strict-transport-security")
    assert all(len(answer.headers.get_list(name)) <= 1 for name in names)
    return {name: answer.headers[name] for name in names if name in answer.headers}


async def test_every_answer_that_a_browser_may_show_is_guarded(served: Running) -> None:
    paths = (
        "/", "/login", "/docs", "/docs/assets/swagger-ui.css", "/openapi.json", "/livez", "/metrics", "/nothing",
        "/problems/conflict", "/v1/nothing", CARD, "/units/H44",
    )  # fmt: skip
    for path in paths:
        for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
            assert guarding(await served.client.request(method, path)) == EVERY, (method, path)
    assert guarding(await served.get("/v1/scorecard", unit="H44", period="2026")) == EVERY
    assert guarding(await served.put("/v1/units", [])) == EVERY
    assert guarding(await served.client.post("/login", data={"key": "x"})) == EVERY
    pushed = await served.post(json.dumps(reception(served)).encode(), SINGLE)
    refused = await served.post(b"{", SINGLE)
    assert [pushed.status_code, refused.status_code] == [200, 400]
    assert guarding(pushed) == guarding(refused) == {"x-content-type-options": "nosniff"}


async def test_tls_is_demanded_where_it_is_used(served: Running, database: str, tmp_path: Path) -> None:
    for public, told in (("https://chiso.example.vn", "max-age=31536000"), ("http://chiso.example.vn", None)):
        http = HttpSettings(public_url=public, cors_origins=["https://ioc.example.vn"])
        service = create_service(settings_for(database, tmp_path, http=http), database)
        transport = httpx.ASGITransport(create_app(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://chiso.test") as client:
            for path in ("/login", CARD, "/livez"):
                assert (await client.get(path)).headers.get("strict-transport-security") == told
            # What pages of the operations centre fetch goes by CORS, which the policy of resources leaves alone.
            headers = {"Origin": "https://ioc.example.vn", "Authorization": f"Bearer {served.key}"}
            answer = await client.get(CARD, headers=headers)
            assert answer.headers["access-control-allow-origin"] == "https://ioc.example.vn"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        await service.database.close()


async def test_an_answer_to_a_session_is_for_that_browser_alone(served: Running) -> None:
    origin = {"Origin": "http://chiso.test"}
    logged_in = await served.client.post("/login", data={"key": served.key}, headers=origin)
    cookie = {"Cookie": logged_in.headers["set-cookie"].partition(";")[0]}
    served.client.cookies.clear()
    first = await served.client.get(CARD, headers=cookie)
    assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    again = await served.client.get(CARD, headers=cookie | {"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "private, no-cache")
    listed = await served.client.get("/v1/data-quality?unit=H44", headers=cookie)
    assert listed.headers.get_list("cache-control") == ["private, no-cache"]
    refused = await served.client.get("/v1/scorecard?unit=H99&period=2026", headers=cookie)
    assert (refused.status_code, refused.headers["cache-control"]) == (403, "private, no-cache")
    assert (await served.client.get("/units/H44", headers=cookie)).headers["cache-control"] == "no-store"
    by_key = await served.get("/v1/scorecard", unit="H44", period="2026")
    assert by_key.headers["cache-control"] == "no-cache", "what was asked with a key no shared cache keeps"


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True), ("LocalHost:8000", True), ("localhost.", True), ("127.0.0.1:8000", True),
        ("127.8.9.1", True), ("[::1]:8000", True), ("chiso.example.vn", True), ("chiso.example.vn:8000", True),
        ("", False), ("evil.example", False), ("localhost.evil.example", False), ("127.0.0.1.evil.example", False),
        ("192.0.2.7", False), ("[::", False), ("evil.example@localhost", True), ("localhost@evil.example", False),
        ("10.0.0.1", False), ("0.0.0.0", False), ("localhost/evil.example", True), ("2130706433", False),
    ],
)  # fmt: skip
def test_a_machine_is_meant_by_its_own_names(host: str, here: bool) -> None:
    assert names_this_machine(host, "https://chiso.example.vn") is here
    assert not names_this_machine("chiso.example.vn", None)


async def test_a_name_that_was_made_to_lead_here_reads_nothing(served: Running, database: str, tmp_path: Path) -> None:
    settings = settings_for(database, tmp_path)
    settings.auth = AuthSettings(pepper=PEPPER, open_reading=True)
    service = create_service(settings, database)
    transport = httpx.ASGITransport(create_app(service), client=("127.0.0.1", 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://evil.example:8000") as client:
        for path in (CARD, "/v1/units", "/v1/indicators", "/v1/stream?unit=H44&period=2026"):
            refused = await client.get(path)
            assert of_problem(refused) == (401, "unauthenticated", None), path
            assert refused.json()["detail"].endswith("`localhost` or 127.0.0.1"), path
        page = await client.get("/units/H44")
        assert (page.status_code, page.headers["location"]) == (303, "../login?next=units%2FH44")
        assert (await client.get(CARD, headers={"Authorization": f"Bearer {served.key}"})).status_code == 200
        assert (await client.get(CARD, headers={"Host": "localhost:8000"})).status_code == 200
        assert (await client.get("/units/H44", headers={"Host": "127.0.0.1:8000"})).status_code == 200
    await service.database.close()
