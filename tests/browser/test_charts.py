"""Charts: Vega-Lite drawn under the pages' policy, which allows no eval and no inline style."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser.looking import Look

STATIC = Path(__file__).resolve().parents[2] / "app" / "pages" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>Chart</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="draw.css"><link rel="stylesheet" href="page.css">
<script type="module" src="page.js"></script>
</head><body><main><h1>Chart</h1><div id="chart"></div></main></body></html>"""
STYLE = "body { margin: 0; color: #123456; background: #fff } #chart { width: 600px }"
SCRIPT = """
import { draw } from "./draw.js";
const spec = {
  description: "Điểm theo tháng", width: "container", height: 200,
  data: { name: "rows", values: [
    { month: "2026-01", share: 0.5, n: 1065 }, { month: "2026-02", share: 0.25, n: 3000 },
  ] },
  transform: [{ calculate: "datum.share * datum.n", as: "product" }],
  layer: [
    { mark: { type: "point", filled: true, size: 900 }, encoding: {
        x: { field: "month", type: "ordinal", title: "Tháng" },
        y: { field: "product", type: "quantitative", title: "Điểm",
          scale: { domain: [0, 2000] }, axis: { format: ",.2f" } },
        tooltip: [{ field: "product", type: "quantitative", format: ",.2f", title: "Điểm" }] } },
    { mark: { type: "rule", strokeDash: [4, 2] }, encoding: { y: { datum: 800 } } },
  ],
};
await draw(document.querySelector("#chart"), spec);
window.chart = await draw(document.querySelector("#chart"), spec);
"""


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[str]:
    """A server of the scripts and of a page with a chart, under the policy."""
    for name in ("draw.js", "draw.css", "charts.js"):
        (tmp_path / name).symlink_to(STATIC / name)
    for lang in ("vi", "en"):
        (tmp_path / f"{lang}.html").write_text(PAGE.format(lang=lang))
    (tmp_path / "page.css").write_text(STYLE)
    (tmp_path / "page.js").write_text(SCRIPT)

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", POLICY)
            super().end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("lang", "ticks", "tip"), [("vi", "2.000,00", "532,50"), ("en", "2,000.00", "532.50")])
def test_a_chart_is_drawn_in_the_pages_colours_and_language(
    origin: str, look: Callable[..., Look], lang: str, ticks: str, tip: str
) -> None:
    page = (window := look(origin)).page
    window.goto(f"/{lang}.html")
    page.wait_for_function("window.chart")
    assert page.locator("#chart svg").count() == 1  # drawing again replaces
    assert page.locator("#chart svg").bounding_box()["width"] == 600  # type: ignore[index]
    labels = page.locator("#chart svg text")
    assert {"2026-01", "2026-02", "Tháng", "Điểm", "0" + ticks[-3:], ticks} <= set(labels.all_text_contents())
    assert set(labels.evaluate_all("all => all.map((each) => each.getAttribute('fill'))")) == {"rgb(18, 52, 86)"}
    page.locator("#chart svg .mark-symbol path").first.hover()
    page.locator(".vg-tooltip.visible").wait_for()
    assert page.locator(".vg-tooltip").inner_text().split() == ["Điểm", tip]
    assert page.get_by_role("img", name="Điểm theo tháng").count() == 1
    assert window.barriers() == []
    window.keep(f"chart-{lang}")


def test_new_rows_are_drawn_in_place(origin: str, look: Callable[..., Look]) -> None:
    page = (window := look(origin)).page
    window.goto("/vi.html")
    page.wait_for_function("window.chart")
    before = page.locator("#chart svg").element_handle()
    page.evaluate("chart.data('rows', [{ month: '2026-03', share: 1, n: 7 }])")
    assert page.locator("#chart svg .mark-symbol path").count() == 1
    assert {"2026-03"} <= set(page.locator("#chart svg text").all_text_contents())
    assert before.evaluate("(svg) => svg.isConnected")
    page.evaluate("chart.end()")
    assert page.locator("#chart svg").count() == 0


def test_the_bundle_is_as_small_as_was_promised() -> None:
    bundle = (STATIC / "charts.js").read_bytes()
    assert 500_000 < len(bundle) < 1_000_000
