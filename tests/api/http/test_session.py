"""Sessions: what somebody who has logged in may read is what their key or unit reaches, and they write nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from fastapi import Request
from itsdangerous import TimestampSigner
from starlette.responses import Response

from app.api.http.login.origin import is_own, local
from app.api.http.login.session import Sessions
from app.settings import AuthSettings, HttpSettings, OidcSettings, Settings
from app.store import keys
from tests.api import listening
from tests.api.asking import of_problem, reception
from tests.running import Running, serving, settings_for

SINGLE = "application/cloudevents+json"
READS = [
    "/v1/scorecard?unit={unit}&period=2026", "/v1/units/{unit}", "/v1/dossiers?unit={unit}&indicator=DOSSIER_ON_TIME"
    "&period=2026&side=denominator", "/v1/series?unit={unit}&indicator=DOSSIER_ON_TIME&from=2026-01-01&to=2026-03-31"
    "&bucket=month", "/v1/advice?unit={unit}&period=2026", "/v1/data-quality?unit={unit}",
    "/v1/breakdown?unit={unit}&indicator=DOSSIER_ON_TIME&period=2026&by=procedure", "/v1/rejections?unit={unit}",
]  # fmt: skip
FILES = [f"{path}&format=csv" for path in READS if "?" in path and "/v1/advice" not in path]


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


def request_of(headers: Mapping[str, str], scheme: str = "http", method: str = "GET") -> Request:
    """A request with these headers."""
    told = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": told, "scheme": scheme}
    return Request(scope | {"server": ("chiso.test", 80), "root_path": ""})


def cookies_of(response: Response) -> dict[str, dict[str, str]]:
    """The cookies an answer sets: their attributes in small letters, and their value."""
    found = {}
    for name, value in response.raw_headers:
        if name == b"set-cookie":
            first, *rest = value.decode().split("; ")
            cookie, _, text = first.partition("=")
            found[cookie] = {"value": text} | {
                each.partition("=")[0].lower(): each.partition("=")[2].lower() for each in rest
            }
    return found


def session(sessions: Sessions, *, key: str = "", unit: str = "") -> dict[str, str]:
    """The header of a browser that has a session, of a key's text or of a unit."""
    response = Response()
    sessions.begin(request_of({}), response, key_id=key.split("_")[1] if key else "", unit=unit)
    [(name, cookie)] = cookies_of(response).items()
    return {"Cookie": f"{name}={cookie['value']}"}


async def outcomes(served: Running, unit: str, headers: dict[str, str]) -> dict[str, tuple[int, str | None]]:
    """What every way of reading a unit says."""
    told = {}
    for path in (*READS, *FILES):
        answer = await served.client.get(path.format(unit=unit), headers=headers)
        told[path] = (answer.status_code, None if answer.status_code == 200 else answer.json()["code"])
    return told


async def test_a_session_reads_what_its_key_reaches_and_files_too(served: Running) -> None:
    key = await served.make_key("H44.13", "read")
    cookie = session(served.service.sessions, key=key)
    assert set((await outcomes(served, "H44.13", cookie)).values()) == {(200, None)}
    for other in ("H44", "H44.07", "H44.130", "H45"):
        assert set((await outcomes(served, other, cookie)).values()) == {(403, "forbidden_unit")}, other
    # The same as the key itself.
    bearer = {"Authorization": f"Bearer {key}"}
    for unit in ("H44.13", "H44.07", "H44.13.99"):
        assert await outcomes(served, unit, cookie) == await outcomes(served, unit, bearer)
    head = await served.client.head("/v1/units/H44.13", headers=cookie)
    assert (head.status_code, head.content) == (200, b"")


async def test_a_session_of_another_root_sees_nothing_of_this_one(served: Running) -> None:
    other = await served.make_key("H45", "read", "admin")
    cookie = session(served.service.sessions, key=other)
    assert set((await outcomes(served, "H44.07", cookie)).values()) == {(403, "forbidden_unit")}
    answer = await served.client.get("/v1/units", headers=cookie)
    assert (answer.status_code, answer.json()) == (200, [])


async def test_a_session_writes_nothing_whatever_its_key_may(served: Running) -> None:
    cookie = session(served.service.sessions, key=served.key)
    body = json.dumps(reception(served)).encode()
    refused = [
        await served.client.post("/v1/events", content=body, headers=cookie | {"content-type": SINGLE}),
        await served.client.put("/v1/units", json=[], headers=cookie),
        await served.client.put("/v1/procedures", json=[], headers=cookie),
    ]
    assert list(map(of_problem, refused)) == [(401, "unauthenticated", None)] * 3
    card = (await served.get("/v1/scorecard", unit="H44", period="2026")).json()
    assert card["balance"]["received"] == 0


async def test_a_bearer_key_wins_over_a_session(served: Running) -> None:
    narrow = await served.make_key("H44.13", "read")
    cookie = session(served.service.sessions, key=served.key)
    answer = await served.client.get("/v1/units/H44", headers=cookie | {"Authorization": f"Bearer {narrow}"})
    assert of_problem(answer) == (403, "forbidden_unit", "unit")
    answer = await served.client.get("/v1/units/H44", headers=cookie | {"Authorization": "Bearer wrong"})
    assert of_problem(answer) == (401, "unauthenticated", None)


async def test_a_session_ends_with_its_key_at_the_very_next_request(served: Running) -> None:
    key = await served.make_key("H44", "read")
    cookie = session(served.service.sessions, key=key)
    assert (await served.client.get("/v1/units/H44", headers=cookie)).status_code == 200
    async with served.service.database.connection("write") as connection:
        assert await keys.revoke(connection, key.split("_")[1])
    assert of_problem(await served.client.get("/v1/units/H44", headers=cookie)) == (401, "unauthenticated", None)


async def test_a_stream_ends_with_the_session_it_was_opened_by(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await served.make_key("H44.07", "read")
    served.service.settings.streams.comment_seconds = 0.1
    async with listening.serving(served) as live:
        live.client.headers.update(session(served.service.sessions, key=key))
        async with live.listening(key="") as listener:
            await listener.event()
            async with served.service.database.connection("write") as connection:
                assert await keys.revoke(connection, key.split("_")[1])
            assert await listener.ends()
        made = int(time.time()) - 720 * 3600 + 3
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: made)
        live.client.headers.update(session(served.service.sessions, key=served.key))
        async with live.listening(key="") as listener:
            await listener.event()
            assert await listener.ends()
        assert 0 <= time.time() - (made + 720 * 3600) < 2


async def test_a_key_that_cannot_read_makes_no_session(served: Running) -> None:
    cookie = session(served.service.sessions, key=await served.make_key("H44", "ingest"))
    assert of_problem(await served.client.get("/v1/units/H44", headers=cookie)) == (401, "unauthenticated", None)


async def test_a_session_ends_when_its_hours_are_over(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for age, status in ((720 * 3600 - 60, 200), (720 * 3600 + 1, 401)):
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _, age=age: int(time.time()) - age)
        cookie = session(served.service.sessions, key=served.key)
        assert (await served.client.get("/v1/units/H44", headers=cookie)).status_code == status, age


async def test_what_was_not_signed_here_is_no_session(served: Running) -> None:
    [text] = session(served.service.sessions, key=served.key).values()
    name, _, value = text.partition("=")
    payload, stamp, signature = value.split(".")
    foreign = Sessions(served.service.settings, b"another pepper")
    for wrong in (
        value[:-1], f"{value}x", f"x{value}", f"{payload}.{stamp}", f"{payload}.{stamp}.", payload, "", "..",
        f"{payload}.{stamp[:-1]}{'A' if stamp[-1] != 'A' else 'B'}.{signature}", f"{stamp}.{payload}.{signature}",
        next(iter(session(foreign, key=served.key).values())).partition("=")[2], served.key, "\xff", "x" * 3000,
    ):  # fmt: skip
        headers = [(b"cookie", f"{name}={wrong}".encode("latin-1"))]
        answer = await served.client.get("/v1/units/H44", headers=headers)
        assert of_problem(answer) == (401, "unauthenticated", None), wrong


async def test_what_is_kept_for_the_way_to_the_provider_is_no_session(served: Running) -> None:
    response = Response()
    served.service.sessions.remember(request_of({}), response, {"key": served.key.split("_")[1]})
    [(_, cookie)] = cookies_of(response).items()
    answer = await served.client.get("/v1/units/H44", headers={"Cookie": f"chiso={cookie['value']}"})
    assert of_problem(answer) == (401, "unauthenticated", None)


async def test_the_cookie_tells_the_keys_id_and_not_the_key(served: Running) -> None:
    response = Response()
    served.service.sessions.begin(request_of({}), response, key_id=served.key.split("_")[1])
    [(name, cookie)] = cookies_of(response).items()
    secret = served.key.split("_", 2)[2]
    assert secret not in str(response.raw_headers)
    assert name == "chiso"
    assert cookie.pop("value")
    assert cookie == {"httponly": "", "max-age": str(720 * 3600), "path": "/", "samesite": "lax"}


def test_over_tls_the_cookie_is_secure_and_of_this_host_only() -> None:
    for public, scheme, origin, secure in (
        ("https://chiso.example.vn", "http", "", True),
        (None, "https", "", True),
        (None, "http", "https://chiso.example.vn", True),
        (None, "http", "http://10.0.0.5:8000", False),
        ("http://10.0.0.5:8000", "http", "", False),
    ):
        sessions = Sessions(Settings(http=HttpSettings(public_url=public)), b"pepper")
        response = Response()
        sessions.begin(request_of({"Origin": origin} if origin else {}, scheme), response, key_id="0123456789ab")
        [(name, cookie)] = cookies_of(response).items()
        assert (name, "secure" in cookie) == (("__Host-chiso", True) if secure else ("chiso", False))
        assert "domain" not in cookie
        read = sessions.of(request_of({"Cookie": f"{name}={cookie['value']}"}))
        assert read is not None
        assert read.key_id == "0123456789ab"


def test_where_tls_is_known_to_be_used_a_cookie_that_came_without_it_is_none() -> None:
    sessions = Sessions(Settings(http=HttpSettings(public_url="https://chiso.example.vn")), b"pepper")
    response = Response()
    sessions.begin(request_of({}), response, key_id="0123456789ab")
    value = cookies_of(response)["__Host-chiso"]["value"]
    assert sessions.of(request_of({"Cookie": f"chiso={value}"})) is None
    # One of each: that of TLS is ours, the other may have been set by a neighbour.
    assert sessions.of(request_of({"Cookie": f"chiso=x; __Host-chiso={value}"})) is not None


async def test_a_session_of_a_unit_reads_its_subtree_until_the_unit_or_the_provider_goes(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oidc = OidcSettings(issuer="https://sso.example.vn", client_id="chiso")
    async with serving(settings_for(database, tmp_path, oidc=oidc), database) as served:
        cookie = session(served.service.sessions, unit="H44.13")
        assert set((await outcomes(served, "H44.13", cookie)).values()) == {(200, None)}
        assert set((await outcomes(served, "H44.130", cookie)).values()) == {(403, "forbidden_unit")}
        # Of a root that is not there, of another provider, of one that is no longer asked.
        gone = session(served.service.sessions, unit="H77.13")
        elsewhere = OidcSettings(issuer="https://sso.example.org", client_id="chiso")
        pepper = served.service.pepper
        others = [session(Sessions(Settings(oidc=each), pepper), unit="H44.13") for each in (elsewhere, OidcSettings())]
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 12 * 3600 - 1)
        late = session(served.service.sessions, unit="H44.13")
        for none in (gone, *others, late):
            answer = await served.client.get("/v1/units/H44.13", headers=none)
            assert of_problem(answer) == (401, "unauthenticated", None)


async def test_open_reading_goes_on_beside_sessions(served: Running, database: str, tmp_path: Path) -> None:
    narrow = await served.make_key("H44.13", "read")
    for address, status in (("127.0.0.1", 200), ("192.0.2.7", 401)):
        settings = settings_for(database, tmp_path)
        settings.auth = AuthSettings(pepper="a pepper for tests, as long as it is to be", open_reading=True)
        async with serving(settings, database) as opened:
            app = opened.client._transport.app  # type: ignore[attr-defined]
            transport = httpx.ASGITransport(app, client=(address, 40000))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
                assert (await client.get("/v1/units/H44")).status_code == status
                # A cookie of another database, of yesterday, shuts nobody out.
                stale = {"Cookie": "chiso=stale"}
                assert (await client.get("/v1/units/H44", headers=stale)).status_code == status
                # Who has logged in is who they say.
                cookie = session(opened.service.sessions, key=narrow)
                assert (await client.get("/v1/units/H44.13", headers=cookie)).status_code == 200
                assert (await client.get("/v1/units/H44", headers=cookie)).status_code == 403


@pytest.mark.parametrize(
    ("headers", "public", "own"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://chiso.example.vn"}, None, True),
        ({"Sec-Fetch-Site": "same-origin"}, None, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://chiso.example.vn"}, "https://chiso.example.vn", False),
        ({"Sec-Fetch-Site": "cross-site"}, None, False),
        ({"Sec-Fetch-Site": "none"}, None, False),
        ({"Origin": "http://10.0.0.5:8000", "Host": "10.0.0.5:8000"}, None, True),
        ({"Origin": "http://10.0.0.5:8001", "Host": "10.0.0.5:8000"}, None, False),
        ({"Origin": "http://10.0.0.5", "Host": "10.0.0.5:8000"}, None, False),
        ({"Origin": "http://10.0.0.5:8000.evil.example", "Host": "10.0.0.5:8000"}, None, False),
        ({"Origin": "https://chiso.example.vn", "Host": "upstream"}, "https://chiso.example.vn", True),
        ({"Origin": "https://chiso.example.vn", "Host": "upstream"}, None, False),
        ({"Origin": "null", "Host": "10.0.0.5:8000"}, None, False),
        ({"Host": "10.0.0.5:8000"}, None, False),
        ({"Origin": "", "Host": ""}, None, False),
    ],
)
def test_a_form_counts_only_when_a_page_of_ours_has_sent_it(
    headers: dict[str, str], public: str | None, own: bool
) -> None:
    assert is_own(request_of(headers, method="POST"), public) is own


def test_after_login_nobody_is_sent_elsewhere() -> None:
    for kept in (
        "units/H44",
        "units/H44.07/today?period=2026&lang=en",
        "dossiers/H44.07-260105-0001",
        "",
        "wall/H44",
    ):
        assert local(kept) == kept
        assert local(f"/{kept}") == kept
    assert parse_qs(local("/units/H44?period=a:b//c").partition("?")[2]) == {"period": ["a:b//c"]}
    for elsewhere in (
        "//evil.example", "///evil.example", "https://evil.example", "https:evil.example", "javascript:alert(1)",
        "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "\n//evil.example", " //evil.example", "/ /evil",
        "../x", "units/../../x", "./%2e%2e/x", "./%252e%252E/x",
        "login", "/login?next=login", "logout", "x" * 2001, "/units/\x00", None,
    ):  # fmt: skip
        assert local(elsewhere) == "", elsewhere
