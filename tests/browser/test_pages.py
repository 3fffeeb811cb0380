"""Every page, in both languages and themes and three sizes: whole, readable, by itself, with the API's numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise, product
from typing import Any

import httpx
import pytest

from tests.browser.looking import SIZES, THEMES, Look
from tests.faults.serving import Serving

YEAR = "period=2026"
PAGES = {
    "home": "/",
    "province": f"/units/H44?{YEAR}",
    "department": f"/units/H44.07?{YEAR}",
    "commune": "/units/H44.130?period=2026-Q3",
    "empty": "/units/H44.07?period=2024",
    "indicator": f"/units/H44.07/indicators/DOSSIER_ON_TIME?{YEAR}",
    "dossiers": f"/units/H44.07/dossiers?indicator=DOSSIER_ON_TIME&side=denominator&{YEAR}",
    "life": "/dossiers/{dossier}?unit=H44",
    "ranking": f"/units/H44/ranking?level=department&{YEAR}",
    "heat": f"/units/H44/ranking?level=department&view=heat&{YEAR}",
    "today": "/units/H44/today",
    "late tomorrow": "/units/H44/today?state=due&within=1",
    "feeds": "/units/H44/feeds",
    "wall": "/wall/H44",
    "refused": "/units/H45",
}
STATUS = {"refused": 404}
ANSWERS = {
    "department": (
        f"/v1/scorecard?unit=H44.07&{YEAR}",
        f"/v1/advice?unit=H44.07&{YEAR}",
        f"/v1/ranking?unit=H44&level=department&{YEAR}",
        *(
            f"/v1/series?unit=H44.07&indicator=TOTAL&from={year}-01-01&to={year}-12-31&bucket=month"
            for year in (2025, 2026)
        ),
    ),
    "indicator": (
        f"/v1/scorecard?unit=H44.07&{YEAR}",
        f"/v1/advice?unit=H44.07&{YEAR}",
        "/v1/indicators",
        *(
            f"/v1/series?unit=H44.07&indicator=DOSSIER_ON_TIME&from={year}-01-01&to={year}-12-31&bucket=month"
            for year in (2025, 2026)
        ),
        *(
            f"/v1/breakdown?unit=H44.07&indicator=DOSSIER_ON_TIME&{YEAR}&by={by}"
            for by in ("unit", "procedure", "sector", "channel")
        ),
    ),
    "dossiers": (f"/v1/dossiers?unit=H44.07&indicator=DOSSIER_ON_TIME&side=denominator&{YEAR}&limit=50",),
    "ranking": (f"/v1/ranking?unit=H44&level=department&{YEAR}",),
}
"""Of which answers a page's numbers are."""

VIETNAMESE = re.compile(r"(?P<sign>[▲▼=]\u00a0)?(?P<number>\d{1,3}(\.\d{3})*(,\d{1,2})?)(?P<percent>\u00a0%)?")
FIGURES = "all => all.map((each) => [each.value ?? each.getAttribute('value'), each.textContent.trim()])"
TEXT = """() => {
  const main = document.querySelector("main").cloneNode(true);
  for (const each of main.querySelectorAll("figure, time, [data-clock], script")) each.remove();
  return main.textContent.replace(/\\d\\d:\\d\\d(:\\d\\d)?/g, "").replace(/\\s+/g, " ");
}"""


@pytest.fixture(scope="module")
def addresses(demo: Serving) -> dict[str, str]:
    """The pages, of units and a dossier that the demo has."""
    asked = f"{demo.url}/v1/dossiers?unit=H44.07&indicator=DOSSIER_ON_TIME&side=denominator&{YEAR}&limit=1"
    [item] = httpx.get(asked).json()["items"]
    return {name: path.format(dossier=item["subject"]) for name, path in PAGES.items()}


def in_language(path: str, lang: str) -> str:
    """The address of a page in a language."""
    return path if lang == "vi" else f"{path}{'&' if '?' in path else '?'}lang=en"


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_readable_in_every_size_and_theme(
    demo: Serving, addresses: dict[str, str], look: Callable[..., Look], name: str, lang: str
) -> None:
    page = (window := look(demo.url)).page
    if name in STATUS:
        window.expected = re.compile(rf"status of {STATUS[name]} ")
    response = window.goto(in_language(addresses[name], lang))
    assert response.status == STATUS.get(name, 200)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert page.locator("html").get_attribute("lang") == lang
    assert len(page.title()) > 5
    assert page.locator("h1").count() == 1
    assert window.weight(but="/charts.js") < 100_000
    amiss = []
    for theme, size in product(THEMES, SIZES):
        window.wear(theme, size)
        where = f"{name} {lang} {theme} {size}"
        if wider := window.overflow():
            amiss.append(f"{where}: {wider} px wider than the window")
        # Colours are of the theme, layout of the size: what one of them shows, its partners show again; of the language
        # are the words only.
        looked_at = [("light", "desk"), *([("dark", "desk"), ("light", "phone")] if lang == "vi" else [])]
        if (theme, size) in looked_at:
            amiss += [f"{where}: {each}" for each in window.barriers()]
        if lang == "vi":
            window.keep(f"{name}-{theme}-{size}")
    assert amiss == []


@pytest.mark.parametrize("name", [name for name in PAGES if name not in STATUS])
def test_without_scripts_a_page_says_the_same(
    demo: Serving, addresses: dict[str, str], look: Callable[..., Look], name: str
) -> None:
    told = []
    for scripts in (True, False):
        window = look(demo.url, java_script_enabled=scripts)
        window.goto(addresses[name])
        told.append(window.page.evaluate(TEXT))
    assert len(told[0]) > 100
    assert told[0] == told[1]


def numbers(answer: Any) -> Iterator[Decimal]:
    """Every number of an answer, and what pages say of two of them beside each other."""
    if isinstance(answer, dict):
        yield from (each for value in answer.values() for each in numbers(value))
        told = {name: value for name, value in answer.items() if isinstance(value, int | Decimal)}
        for whole, part in (("max", "score"), ("denominator", "numerator"), ("previous_rank", "rank")):
            if whole in told and part in told:
                yield Decimal(told[whole]) - Decimal(told[part])
    elif isinstance(answer, list):
        yield from (each for value in answer for each in numbers(value))
        yield Decimal(len(answer))
    elif isinstance(answer, int | Decimal) and not isinstance(answer, bool):
        yield Decimal(answer)


@pytest.mark.parametrize("name", ANSWERS)
def test_numbers_on_a_page_are_the_apis_written_the_vietnamese_way(
    demo: Serving, addresses: dict[str, str], look: Callable[..., Look], name: str
) -> None:
    window = look(demo.url)
    window.goto(addresses[name])
    shown = window.page.locator("main data").evaluate_all(FIGURES)
    with demo.client() as client:
        known = {
            each
            for path in ANSWERS[name]
            for each in numbers(_json(client.get(path)))
        }  # fmt: skip
    if name == "ranking":
        with demo.client() as client:
            scores = [row["score"] for row in _json(client.get(ANSWERS[name][0]))["rows"]]
        known |= {
            Decimal(sum(low <= score < high for score in scores)) for low, high in pairwise((0, 50, 70, 80, 90, 101))
        }
    assert len(shown) >= (1 if name == "dossiers" else 5)
    for raw, text in shown:
        said = VIETNAMESE.fullmatch(text)
        assert said, (raw, text)
        value = Decimal(said["number"].replace(".", "").replace(",", "."))
        assert (-value if said["sign"] == "▼\u00a0" else value) == Decimal(raw), (raw, text)
        assert Decimal(raw) in known, (raw, text)


def _json(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    import json

    return json.loads(response.text, parse_float=Decimal)


def test_the_numbers_of_a_unit_page_stand_where_they_belong(demo: Serving, look: Callable[..., Look]) -> None:
    page = (window := look(demo.url)).page
    window.goto("/units/H44.07?period=2026")
    with demo.client() as client:
        card = _json(client.get("/v1/scorecard?unit=H44.07&period=2026"))
        due = _json(client.get("/v1/today?unit=H44.07&within=3"))["due"][-1]["dossiers"]

    def shown(selector: str) -> list[Decimal]:
        return [Decimal(raw) for raw, _ in page.locator(f"{selector} data").evaluate_all(FIGURES)]

    balance = card["balance"]
    assert shown(".standing .total .figure") == [card["total"]]
    assert shown(".groups tr td:nth-of-type(2)") == [each["score"] for each in card["groups"]]
    assert shown("dl.flow") == [
        balance[name]
        for name in (
            *("active", "carried_over", "received", "received", "received_online", "received_counter"),
            *("received_postal", "ended", "ended_on_time", "ended_late", "open", "open_overdue"),
        )
    ] + [due]
    figures = [each for group in card["groups"] for each in group["indicators"]]
    rows = page.locator("table.indicators tbody tr:not(.group)")
    for nth, each in enumerate(figures):
        told = [Decimal(raw) for raw, _ in rows.nth(nth).locator("data").evaluate_all(FIGURES)]
        meant = [each["numerator"], each["denominator"], each["ratio"], each["score"]]
        if each["score"] is not None and each["max"] > each["score"]:
            meant.append(each["max"] - each["score"])
        meant += [each["target"], each["change"]]
        assert told == [value for value in meant if value is not None], each["code"]
