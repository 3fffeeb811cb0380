"""docs/dashboards.md is true: its page runs, and every address it names has the fields that it names."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.looking import Look
from tests.faults.serving import Serving

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "dashboards.md").read_text()
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    """The document's examples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def own_page(demo: Serving, own_origin: tuple[str, int]) -> Iterator[str]:
    """The document's page, served from an origin that the service lists: its address."""
    [page] = blocks("html")
    assert page.count(ADDRESS) == 1
    body = page.replace(ADDRESS, demo.url).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self.send_response(200 if found else 204)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body if found else b"")

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with HTTPServer(own_origin, Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{own_origin[0]}:{own_origin[1]}"
        server.shutdown()
        thread.join()


def test_the_page_of_twenty_lines_shows_the_figures_and_follows_them(
    demo: Serving, demo_key: str, own_page: str, look: Callable[..., Look]
) -> None:
    [text] = blocks("html")
    assert len(text.splitlines()) <= 23
    page = (window := look(own_page, beside=demo.url)).page
    with demo.client(demo_key) as client:
        window.goto("/")
        card = client.get("/v1/scorecard?unit=H44.07&period=2026").json()
        page.wait_for_function("document.querySelector('pre').textContent")
        assert page.locator("h1").inner_text() == "Sở Công Thương - Tỉnh Phú Thọ"
        assert page.locator("#total").inner_text() == f"{card['total']:.2f}".replace(".", ",")
        assert page.locator("#rating").inner_text() == card["rating"]
        assert page.locator("pre").inner_text().splitlines() == [
            f"{each['name']}: {_points(each['score'])} / {each['max']}" for each in card["groups"]
        ]
        assert page.locator("#open").inner_text() == str(card["balance"]["open"])
        event = {
            "specversion": "1.0", "id": "dashboards", "source": "/tests", "type": "dossier.received",
            "subject": "H44.07-dashboards", "unit": "H44.07", "time": datetime.now(UTC).isoformat(),
            "data": {"procedure": "1.004555", "channel": "counter", "due_at": "2026-12-30T17:00:00+07:00"},
        }  # fmt: skip
        pushed = client.post("/v1/events", json=event)
        assert pushed.json()["accepted"] == 1
        now = str(card["balance"]["open"] + 1)
        page.wait_for_function("(now) => document.querySelector('#open').textContent === now", arg=now, timeout=3_000)


def _points(score: float | None) -> str:
    return "chưa có dữ liệu" if score is None else f"{score:.2f}".replace(".", ",")


def at_path(answer: Any, path: str) -> Any:
    """What stands at a path of names with dots; a name that is not there is a KeyError."""
    for name in path.split(".") if path else ():
        answer = answer[name]
    return answer


def test_every_panel_of_grafana_finds_its_root_and_columns(demo: Serving, demo_key: str) -> None:
    panels = re.findall(r"^\| [^|]+ \| `(/v1/[^`]+)` \| (?:`(\w*)`)? ?\| (.+) \|$", DOCUMENT, re.MULTILINE)
    assert len(panels) == 5
    with demo.client(demo_key) as client:
        for url, root, columns in panels:
            found = at_path(client.get(url).raise_for_status().json(), root)
            rows = found if isinstance(found, list) else [found]
            assert rows, url
            for selector, form in re.findall(r"`([\w.]+)`: (\w+)", columns):
                values = [at_path(row, selector) for row in rows]
                kinds = {"Number": int | float | None, "String": str | None, "Time": str}
                assert all(isinstance(value, kinds[form]) for value in values), (url, selector, values)
                if form == "Time":
                    assert [datetime.fromisoformat(value).day for value in values] == [1] * len(rows)


def test_every_query_of_power_bi_finds_its_fields(demo: Serving, demo_key: str) -> None:
    queries = blocks("m")
    assert len(queries) == 2
    with demo.client(demo_key) as client:
        for query in queries:
            [path] = re.findall(r'RelativePath = "([^"]+)"', query)
            [asked] = re.findall(r"Query = \[(.+?)\]", query)
            answer = client.get(path, params=dict(re.findall(r'(\w+) = "([^"]*)"', asked))).raise_for_status()
            if "Csv.Document" in query:
                assert answer.content.startswith(b"\xef\xbb\xbf"), "Encoding = 65001 reads it"
                rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
                named = re.findall(r'\{"([\w.]+)", ', query)
                assert len(named) == 5 and len(rows) >= 10
                assert {name for name in named if name not in rows[0]} == set()
                assert all(re.fullmatch(r"(\d+\.\d\d)?", row["score"]) for row in rows)
            else:
                groups = answer.json()["groups"]
                [named] = re.findall(r"SelectColumns\(Groups, \{(.+?)\}\)", query)
                assert [group.keys() >= set(re.findall(r'"(\w+)"', named)) for group in groups] == [True] * 6
                assert datetime.fromisoformat(answer.json()["as_of"]).utcoffset() is not None


def test_every_address_of_the_document_answers_and_files_are_for_spreadsheets(demo: Serving, demo_key: str) -> None:
    addresses = set(re.findall(r"`(?:http://127\.0\.0\.1:8000)?(/v1/[^`]+)`", DOCUMENT))
    assert len(addresses) == 8
    with demo.client(demo_key) as client:
        for address in addresses:
            answer = client.get(address)
            assert answer.status_code == 200, (address, answer.text)
            if address.endswith("&format=csv"):
                assert answer.content.startswith(b"\xef\xbb\xbf")
                assert answer.headers["content-disposition"].endswith('.csv"')
                assert len(answer.content.splitlines()) > 3
