"""Pages on paper, and by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.browser.looking import Look
from tests.faults.serving import Serving

MILLIMETRE = 96 / 25.4
WIDE, HIGH = int((210 - 2 * 14) * MILLIMETRE), int((297 - 2 * 14) * MILLIMETRE)
"""What A4 leaves between margins of 14 mm."""
UNIT = "/units/H44.07?period=2026"
RANKING = "/units/H44/ranking?level=commune&period=2026"
HIDDEN = "selector => [...document.querySelectorAll(selector)].filter((each) => each.offsetParent).length"
DISPLAYS = "all => all.map((each) => getComputedStyle(each).display)"
CUT = """() => [...document.querySelectorAll("td, th")].filter((each) => each.scrollWidth > each.clientWidth + 1)
  .map((each) => each.textContent.trim())"""


@pytest.mark.parametrize(
    ("path", "width"),
    [
        (UNIT, WIDE),
        (RANKING, WIDE),
        (f"{RANKING}&view=heat", HIGH),
        ("/units/H44/today", WIDE),
        ("/units/H44/feeds", HIGH),
    ],
)
def test_a_page_fits_a4_and_leaves_out_what_paper_cannot_do(
    demo: Serving, look: Callable[..., Look], path: str, width: int
) -> None:
    page = (window := look(demo.url)).page
    window.goto(path)
    page.set_viewport_size({"width": width, "height": 1000})
    page.emulate_media(media="print")
    assert window.overflow() == 0
    assert page.evaluate(CUT) == []
    assert page.evaluate(HIDDEN, ".top, .kinds, .choose, button, .chart") == 0
    heads = page.locator("table:visible thead:not(.away)").evaluate_all(DISPLAYS)
    assert heads
    assert set(heads) == {"table-header-group"}, "repeated on each sheet"
    assert page.locator("h1").is_visible()


def test_the_numbers_of_the_trend_stand_on_paper_where_the_chart_was(demo: Serving, look: Callable[..., Look]) -> None:
    page = (window := look(demo.url)).page
    window.goto(UNIT)
    january = page.locator("#trend-table tbody th").first
    assert not january.is_visible()
    page.emulate_media(media="print")
    assert january.is_visible()


def test_by_keyboard_the_content_is_one_step_away_and_the_range_of_days_can_be_chosen(
    demo: Serving, look: Callable[..., Look]
) -> None:
    page = (window := look(demo.url)).page
    window.goto(UNIT)
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("each => each === document.activeElement && each.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Các đơn vị"
    page.locator("details.range summary").focus()
    page.keyboard.press("Enter")
    for name in ("from", "to"):
        field = page.locator(f"details.range input[name={name}]")
        field.fill("2026-03-02")
        assert field.evaluate("each => each === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_url("**/units/H44.07?from=2026-03-02&to=2026-03-02#main")
    # Its name may be the one that /docs has put.
    assert re.match(r"Sở Công Thương( - Tỉnh Phú Thọ)? · 02/03/2026 – 02/03/2026 · ", page.title())
