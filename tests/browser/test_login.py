"""Logging in as a browser does it: what it says of where a form comes from, and which cookies it keeps and sends."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

from tests.api.http.providing import Providing, providing
from tests.browser.conftest import CHROMIUM
from tests.browser.looking import SIZES, THEMES, Look
from tests.conftest import _copy
from tests.faults.serving import CREATE, Serving, chiso, environment
from tests.running import PROCEDURES, UNITS

LIST = "/units/H44.13/dossiers?indicator=DOSSIER_ON_TIME&side=missing"


@pytest.fixture(scope="module")
def office() -> Iterator[Providing]:
    """A provider of accounts."""
    with providing({"thu": {"unit": "H44.13"}}) as made:
        yield made


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>IOC</title><link rel=icon href=data:,>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of somebody else's pages: http://localhost is an origin that is listed, http://127.0.0.1 is not."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def closed(
    postgres_dsn: str,
    postgres_template: str,
    tmp_path_factory: pytest.TempPathFactory,
    office: Providing,
    elsewhere: int,
) -> Iterator[tuple[Serving, str]]:
    """A service with a few units that nobody reads without a key or an account, and a key of all scopes."""
    folder = tmp_path_factory.mktemp("closed")
    for dsn in _copy(postgres_dsn, postgres_template):
        settings = {"CHISO_DATABASE__DSN": dsn, "CHISO_DATA_DIR": str(folder), "CHISO_AUTH__PEPPER": "for tests"}
        key = chiso(environment(**settings), *CREATE).stdout.split()[0]
        settings |= {"CHISO_OIDC__ISSUER": office.issuer, "CHISO_OIDC__CLIENT_ID": "chiso"}
        settings |= {"CHISO_OIDC__CLIENT_SECRET": "secret"}
        settings |= {"CHISO_HTTP__CORS_ORIGINS": f'["http://localhost:{elsewhere}"]'}
        serving = Serving(environment(), folder / "log")
        serving._settings |= settings | {"CHISO_HTTP__PUBLIC_URL": serving.url}
        with serving, serving.client(key) as client:
            for path, rows in (("/v1/units", UNITS), ("/v1/procedures", PROCEDURES)):
                assert client.put(path, json=rows).status_code == 200
            yield serving, key


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_key_opens_the_page_that_was_asked_for(
    closed: tuple[Serving, str], look: Callable[..., Look], scripts: bool
) -> None:
    serving, key = closed
    window = look(serving.url, java_script_enabled=scripts)
    window.expected = re.compile(r"401 \(Unauthorized\)")
    window.goto(LIST)
    assert window.page.url == f"{serving.url}/login?next={quote(LIST[1:], safe='')}"
    window.page.get_by_label("Khóa đọc").fill("wrong")
    window.page.get_by_role("button", name="Đăng nhập bằng khóa").click()
    assert window.page.get_by_role("alert").inner_text().startswith("Khóa không đúng")
    window.page.get_by_label("Khóa đọc").fill(key)
    window.page.get_by_label("Khóa đọc").press("Enter")
    window.page.wait_for_url(f"{serving.url}{LIST}")
    [cookie] = window.page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == ("chiso", True, "Lax", "/")
    assert key.split("_", 2)[2] not in cookie["value"]
    assert window.page.request.get(f"{serving.url}/v1/units/H44").status == 200
    assert window.page.request.put(f"{serving.url}/v1/units", data=[]).status == 401
    window.page.get_by_role("button", name="Đăng xuất").click()
    window.page.wait_for_url(f"{serving.url}/login")
    assert window.page.context.cookies() == []
    window.goto(LIST)
    assert "/login?" in window.page.url


def test_in_an_office_without_tls_the_browser_says_where_the_form_comes_from(
    closed: tuple[Serving, str], browser: Browser
) -> None:
    serving, key = closed
    # Of an address that is neither TLS nor this machine browsers send no Sec-Fetch-Site.
    there = browser.browser_type.launch(
        executable_path=CHROMIUM, args=["--host-resolver-rules=MAP chiso.test 127.0.0.1"]
    )
    page = there.new_page()
    sent: list[dict[str, str]] = []
    page.on("request", lambda request: sent.append(request.all_headers()) if request.method == "POST" else None)
    page.goto(f"http://chiso.test:{serving.port}/login")
    page.get_by_label("Khóa đọc").fill(key)
    page.get_by_label("Khóa đọc").press("Enter")
    page.wait_for_url(f"http://chiso.test:{serving.port}/")
    assert [each["name"] for each in page.context.cookies()] == ["chiso"]
    [headers] = sent
    assert headers["origin"] == f"http://chiso.test:{serving.port}"
    assert "sec-fetch-site" not in headers
    there.close()


def test_an_account_opens_it_too(closed: tuple[Serving, str], look: Callable[..., Look], office: Providing) -> None:
    serving, _ = closed
    window = look(serving.url)
    # The provider's own page asks elsewhere for its looks, and gets nothing.
    window.page.context.route(re.compile("^https:"), lambda route: route.abort())
    window.expected = re.compile(f"asked outside: https:|{re.escape(office.issuer)}")
    window.goto(LIST)
    window.page.get_by_role("link", name="Đăng nhập bằng tài khoản cơ quan").click()
    window.page.wait_for_url(f"{office.issuer}/**")
    window.page.get_by_role("button", name="thu").first.click()
    window.page.wait_for_url(f"{serving.url}{LIST}")
    assert [each["name"] for each in window.page.context.cookies(serving.url)] == ["chiso"]
    assert window.page.request.get(f"{serving.url}/v1/units/H44").status == 403


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_page_is_for_everybody(closed: tuple[Serving, str], look: Callable[..., Look], language: str) -> None:
    serving, _ = closed
    window = look(serving.url)
    window.goto("/login" if language == "vi" else "/login?lang=en")
    for theme in THEMES:
        for size in SIZES:
            window.wear(theme, size)
            assert window.overflow() == 0, (theme, size)
            window.keep(f"login-{language}-{theme}-{size}")
        assert window.barriers() == [], theme


ASK = """async ([service, key]) => {
  const known = { Authorization: `Bearer ${key}` };
  const ask = async (path, more = {}) => {
    try { return await fetch(service + path, { ...more, headers: { ...known, ...more.headers }, cache: "no-store" }); }
    catch (error) { return error.name; }
  };
  const card = await ask("/v1/scorecard?unit=H44&period=2026");
  if (typeof card === "string") return card;
  const tag = card.headers.get("ETag");
  const again = await ask("/v1/scorecard?unit=H44&period=2026", { headers: { "If-None-Match": tag } });
  const stream = await ask("/v1/stream?unit=H44&period=2026");
  const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("event: scorecard")) text += (await reader.read()).value;
  await reader.cancel();
  const refused = await ask("/v1/units/H45");
  const json = { method: "PUT", body: "[]", headers: { "Content-Type": "application/json" } };
  return [card.status, (await card.json()).unit.code, /^(W.)?"/.test(tag), again.status,
    refused.status, (await refused.json()).code, await ask("/v1/units", json)];
}"""


def test_a_page_of_a_listed_origin_shows_figures_and_no_other_does(
    closed: tuple[Serving, str], look: Callable[..., Look], elsewhere: int
) -> None:
    serving, key = closed
    for host, told in (
        ("localhost", [200, "H44", True, 304, 403, "forbidden_unit", "TypeError"]),
        ("127.0.0.1", "TypeError"),
    ):
        window = look(f"http://{host}:{elsewhere}")
        window.expected = re.compile(f"asked outside: {serving.url}/v1/|CORS policy|ERR_FAILED|403")
        window.goto("/")
        assert window.page.evaluate(ASK, [serving.url, key]) == told, host
