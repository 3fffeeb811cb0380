"""Logging in and out as browsers do: by a key's form, by a provider, from a page and back to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from app.settings import HttpSettings, OidcSettings
from app.store import keys
from app.store.connections.causes import SILENT
from app.store.connections.unavailable import DatabaseUnavailable
from tests.api.http.providing import Providing, providing
from tests.running import Running, serving, settings_for

SITE = "http://chiso.test"
OURS = {"Origin": SITE}
LIST = "/units/H44.13/dossiers?indicator=DOSSIER_ON_TIME&side=missing"
PAGES = ("/units/H44.13", "/units/H44.13/ranking", "/units/H44.13/indicators/DOSSIER_ON_TIME", "/wall/H44.13", LIST)


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def log_in(served: Running, key: str, address: str = "/login", headers: dict[str, str] | None = None):
    """The form, sent by the page itself unless told otherwise."""
    return await served.client.post(address, data={"key": key}, headers=OURS if headers is None else headers)


def refusal(answer: httpx.Response, status: int) -> str:
    """What the page says went wrong, after a look that nobody was logged in."""
    assert answer.status_code == status, answer.text
    assert "set-cookie" not in answer.headers
    _, found, rest = answer.text.partition('role="alert">')
    return rest.partition("</p>")[0] if found else ""


async def test_who_is_not_known_is_sent_to_log_in_and_then_to_the_page(served: Running) -> None:
    key = await served.make_key("H44.13", "read")
    for page in PAGES:
        assert (await served.client.get(page)).status_code == 303, page
    for address in ("/units/H44.13/ranking?period=2026-Q3&lang=en", LIST):
        sent = await served.client.get(address)
        assert sent.status_code == 303, address
        login = httpx.URL(f"{SITE}{address}").join(sent.headers["location"])
        assert (login.path, login.params["next"]) == ("/login", address[1:])
        form = await served.client.get(login)
        assert form.status_code == 200
        answer = await log_in(served, key, str(login))
        assert answer.status_code == 303, answer.text
        assert str(login.join(answer.headers["location"])) == f"{SITE}{address}"
        # httpx keeps the cookie as a browser does.
        assert (await served.client.get(address)).status_code == 200, address
        served.client.cookies.clear()


async def test_every_page_is_refused_outside_the_keys_subtree(served: Running) -> None:
    await log_in(served, await served.make_key("H44.13", "read"))
    for unit in ("H44", "H44.07", "H44.130", "H45"):
        for page in PAGES:
            answer = await served.client.get(page.replace("H44.13", unit))
            assert answer.status_code == 403, (unit, page)
            assert answer.headers["content-type"].startswith("text/html")
            assert "login" in answer.text
    assert (await served.client.get("/units/H44.13/ranking")).status_code == 200


async def test_after_login_nobody_is_led_to_another_site(served: Running) -> None:
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "login", ""):
        answer = await log_in(served, served.key, f"/login?{urlencode({'next': elsewhere})}")
        assert (answer.status_code, answer.headers["location"]) == (303, "./"), elsewhere


async def test_the_cookie_holds_no_key_and_is_out_of_scripts_reach(served: Running) -> None:
    answer = await log_in(served, f"  {served.key}\n")
    [cookie] = answer.headers.get_list("set-cookie")
    assert served.key.split("_", 2)[2] not in str(answer.headers)
    attributes = {each.partition("=")[0].lower() for each in cookie.split("; ")[1:]}
    assert attributes == {"httponly", "max-age", "path", "samesite"}
    assert "samesite=lax" in cookie.lower()


async def test_behind_tls_the_cookie_is_secure(database: str, tmp_path: Path) -> None:
    http = HttpSettings(public_url="https://chiso.example.vn")
    async with serving(settings_for(database, tmp_path, http=http), database) as served:
        # A proxy has put another host into the request.
        answer = await log_in(served, served.key, headers={"Origin": "https://chiso.example.vn", "Host": "upstream"})
        [cookie] = answer.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-chiso=")
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= {each.lower() for each in cookie.split("; ")}
        assert "domain" not in cookie.lower()


async def test_what_is_no_key_is_told_and_logs_nobody_in(served: Running) -> None:
    revoked, pushing = await served.make_key("H44", "read"), await served.make_key("H44", "ingest")
    async with served.service.database.connection("write") as connection:
        assert await keys.revoke(connection, revoked.split("_")[1])
    for wrong in ("wrong", f"{served.key}x", revoked, "chiso_\x00_x", "Khóa", "x" * 300):
        answer = await log_in(served, wrong)
        assert refusal(answer, 401).startswith("Khóa không đúng hoặc đã bị thu hồi.")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert f'"{wrong}"' not in answer.text
    assert "(ingest)" in refusal(await log_in(served, pushing), 403)
    assert refusal(await log_in(served, "  "), 422) == "Nhập khóa vào ô dưới đây."
    assert refusal(await log_in(served, pushing, "/login?lang=en"), 403).startswith("This key only sends data")
    sent = await served.client.post("/login", content=b"\xff=\xff&&&" + b"a=1&" * 20, headers=OURS)
    refusal(sent, 422)
    assert (await log_in(served, "x" * 9000)).status_code == 413
    assert (await served.client.get("/units/H44")).status_code == 303


async def test_a_form_of_another_page_logs_nobody_in_or_out(served: Running) -> None:
    foreign: tuple[dict[str, str], ...] = (
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {}, {"Origin": SITE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": SITE, "Sec-Fetch-Site": "same-site"}, {"Origin": f"{SITE}:81"},
    )  # fmt: skip
    for headers in foreign:
        said = refusal(await log_in(served, served.key, headers=headers), 403)
        assert said.startswith("Biểu mẫu không được gửi từ chính trang này")
    assert (await log_in(served, served.key)).status_code == 303
    for headers in foreign:
        refusal(await served.client.post("/logout", headers=headers), 403)
    assert (await served.client.get("/units/H44/ranking")).status_code == 200


async def test_logging_out_ends_the_session_of_this_browser(served: Running) -> None:
    await log_in(served, served.key)
    shown = await served.client.get("/login")
    assert 'action="./logout"' in shown.text
    assert "H44" in shown.text
    answer = await served.client.post("/logout", headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "./login")
    assert (await served.client.get("/units/H44")).status_code == 303
    assert 'action="./logout"' not in (await served.client.get("/login")).text


async def test_the_page_says_what_to_do_in_both_languages_and_runs_no_script_of_its_own(served: Running) -> None:
    for address, language, words in (
        ("/login?next=units/H44", "vi", ("Chưa có khóa?", "Hỏi người quản trị", "Đăng nhập bằng khóa")),
        ("/login?next=units/H44&lang=en", "en", ("No key yet?", "Ask whoever runs", "Log in by key", "Read key")),
    ):
        answer = await served.client.get(address)
        assert answer.status_code == 200
        assert f'<html lang="{language}" ' in answer.text
        for each in (*words, "chiso keys create --scope read --unit H44.07", 'type="password"', "next=units%2FH44"):
            assert each in answer.text, each
        assert "login/oidc" not in answer.text
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        # With no-referrer a browser would hide where the form comes from.
        assert set(answer.headers.get_list("referrer-policy")) == {"same-origin"}
        assert set(answer.headers.get_list("x-content-type-options")) == {"nosniff"}


async def test_without_its_database_logging_in_is_not_a_wrong_key(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: str) -> None:
        raise DatabaseUnavailable(SILENT)

    monkeypatch.setattr(served.service.keys, "find", away)
    answer = await log_in(served, served.key)
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")


USERS: dict[str, dict[str, object]] = {
    "thu": {"unit": "H44.13"},
    "bidanh": {"unit": "000.00.30.H44"},
    "nhieu": {"unit": ["H44.13", "staff", "H44.130", "H44.13"]},
    "tinh": {"unit": ["H44.13", "H44"]},
    "khong": {},
    "la": {"unit": "H99.<b>"},
}


@pytest.fixture(scope="module")
def office() -> Iterator[Providing]:
    """A provider for these tests."""
    with providing(USERS) as made:
        yield made


@asynccontextmanager
async def joined(office: Providing, database: str, folder: Path, **more: object) -> AsyncIterator[Running]:
    """A service whose people log in there."""
    settings = {"issuer": office.issuer, "client_id": "chiso", "client_secret": "secret"} | more
    oidc = OidcSettings.model_validate(settings)
    async with serving(settings_for(database, folder, http=HttpSettings(public_url=SITE), oidc=oidc), database) as made:
        yield made


async def by_account(served: Running, office: Providing, name: str, address: str = "/login/oidc", **changed: str):
    """The answer to somebody who comes back from the provider."""
    sent = await served.client.get(address)
    assert sent.status_code == 303, sent.text
    came = await office.agree(sent.headers["location"], name, **changed)
    return await served.client.get("/login/oidc/back", params=came)


async def test_who_is_vouched_for_reads_their_unit_and_comes_to_the_page(
    office: Providing, database: str, tmp_path: Path
) -> None:
    async with joined(office, database, tmp_path) as served:
        assert 'href="./login/oidc?next=units%2FH44.13"' in (await served.client.get("/login?next=units/H44.13")).text
        answer = await by_account(served, office, "thu", "/login/oidc?next=units/H44.13%3Fperiod%3D2026")
        assert (answer.status_code, answer.headers["location"]) == (303, "../../units/H44.13?period=2026")
        assert answer.headers.get_list("set-cookie")[0].startswith("chiso=")
        assert "thu" not in served.client.cookies["chiso"]
        assert (await served.client.get("/units/H44.13/ranking?period=2026")).status_code == 200
        assert (await served.client.get("/v1/units/H44.13")).status_code == 200
        assert (await served.client.get("/units/H44.07")).status_code == 403
        assert (await served.client.put("/v1/units", json=[])).status_code == 401
        # What was kept for the way there and back is gone: the same address does not count again.
        assert "chiso-login" not in served.client.cookies
        await served.client.post("/logout", headers=OURS)
        assert (await served.client.get("/units/H44.13")).status_code == 303


async def test_an_alias_or_the_unit_above_is_what_counts(office: Providing, database: str, tmp_path: Path) -> None:
    async with joined(office, database, tmp_path) as served:
        for name, unit, beyond in (("bidanh", "H44.130", "H44.13"), ("tinh", "H44", "H45")):
            assert (await by_account(served, office, name)).status_code == 303
            assert (await served.client.get(f"/units/{unit}/ranking")).status_code == 200
            assert (await served.client.get(f"/units/{beyond}")).status_code == 403


async def test_who_belongs_to_several_units_chooses_one(office: Providing, database: str, tmp_path: Path) -> None:
    async with joined(office, database, tmp_path) as served:
        answer = await by_account(served, office, "nhieu", "/login/oidc?lang=en&next=wall/H44.130")
        assert answer.status_code == 200
        assert "Choose the one" in answer.text
        for unit in ("H44.13", "H44.130"):
            assert f'href="../../login/oidc?unit={unit}&amp;next=wall%2FH44.130&amp;lang=en"' in answer.text
        assert "chiso" not in served.client.cookies
        chosen = await by_account(served, office, "nhieu", "/login/oidc?unit=H44.130&next=wall/H44.130")
        assert (chosen.status_code, chosen.headers["location"]) == (303, "../../wall/H44.130")
        assert (await served.client.get("/units/H44.130/ranking")).status_code == 200
        assert (await served.client.get("/units/H44.13")).status_code == 403
        # One may choose less than one's own, never more.
        served.client.cookies.clear()
        assert (await by_account(served, office, "tinh", "/login/oidc?unit=H44.07")).status_code == 303
        assert (await served.client.get("/units/H44")).status_code == 403
        refusal(await by_account(served, office, "thu", "/login/oidc?unit=H44"), 403)


async def test_who_has_no_unit_is_told_what_to_ask_for(office: Providing, database: str, tmp_path: Path) -> None:
    async with joined(office, database, tmp_path) as served:
        said = refusal(await by_account(served, office, "khong"), 403)
        assert "“unit”" in said
        assert "ghi mã đơn vị của bạn" in said
        assert "H99.&lt;b&gt;, không phải đơn vị nào" in refusal(await by_account(served, office, "la"), 403)
        english = refusal(await by_account(served, office, "khong", "/login/oidc?lang=en"), 403)
        assert english.startswith("Your account does not tell which unit you belong to.")
    async with joined(office, database, tmp_path, default_unit="H44.07") as served:
        assert (await by_account(served, office, "khong")).status_code == 303
        assert (await served.client.get("/units/H44.07/ranking")).status_code == 200
        # The default is for who has none, not for who has a wrong one.
        refusal(await by_account(served, office, "la"), 403)


async def test_what_goes_wrong_at_the_provider_is_told(office: Providing, database: str, tmp_path: Path) -> None:
    async with joined(office, database, tmp_path, seconds=0.5) as served:
        assert "lần đăng nhập khác" in refusal(await by_account(served, office, "thu", nonce="other"), 403)
        # Another browser, or none that began.
        sent = await served.client.get("/login/oidc")
        came = await office.agree(sent.headers["location"], "thu")
        served.client.cookies.clear()
        assert "quá lâu" in refusal(await served.client.get("/login/oidc/back", params=came), 400)
        assert "quá lâu" in refusal(await served.client.get("/login/oidc/back"), 400)
        await served.client.get("/login/oidc")
        assert "quá lâu" in refusal(await served.client.get("/login/oidc/back", params=came), 400)
        denied = await served.client.get("/login/oidc/back", params={"error": "access_denied<b>"})
        assert "access_denied&lt;b&gt;" in refusal(denied, 403)
        sent = await served.client.get("/login/oidc")
        state = {"code": "x", "state": parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]}
        office.slow_seconds = 1.0
        try:
            answer = await served.client.get("/login/oidc/back", params=state)
        finally:
            office.slow_seconds = 0
        assert "không trả lời" in refusal(answer, 503)


async def test_a_provider_that_is_away_stops_nobody_who_has_a_key(database: str, tmp_path: Path) -> None:
    oidc = OidcSettings(issuer="http://127.0.0.1:9", client_id="chiso", seconds=1)
    async with serving(
        settings_for(database, tmp_path, http=HttpSettings(public_url=SITE), oidc=oidc), database
    ) as served:
        assert "không trả lời" in refusal(await served.client.get("/login/oidc"), 503)
        assert (await log_in(served, served.key)).status_code == 303
        assert (await served.client.get("/units/H44/ranking")).status_code == 200


async def test_without_a_provider_there_is_no_way_by_it(served: Running) -> None:
    for address in ("/login/oidc", "/login/oidc/back?code=x&state=y"):
        assert (await served.client.get(address)).status_code == 404
