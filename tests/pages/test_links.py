"""Every link of a small service leads somewhere within the visitor's reach; whatever is asked, no page breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from tests.api.asking import reception
from tests.pages.asking import LATE, links, others, page_of, six
from tests.pages.html import Element, read
from tests.running import Running

MANY = 3000
"""More links than there are: the crawl ends of itself."""


def shape(address: str) -> tuple[str, frozenset[str]]:
    """What kind an address is of: of those that differ only in a list's indicator or filter, an indicator's
    unit or the period one is followed."""
    parts = urlsplit(address)
    path = re.sub(r"/units/[^/]+/indicators", "/units/*/indicators", parts.path)
    told = {
        name if name in ("period", "from", "to", "cursor", "q") else f"{name}={value}"
        for name, value in parse_qsl(parts.query)
    }
    return path, frozenset(each for each in told if not each.startswith(("indicator=", "by=", "procedure=")))


async def crawl(running: Running, key: str) -> dict[str, int]:
    """The status of the addresses that can be reached from the first page, one of each kind."""
    todo, read_on = ["/"], set()
    status: dict[str, int] = {}
    while todo:
        address = todo.pop(0)
        if address in status:
            continue
        assert len(status) < MANY
        answer = await running.client.get(address, headers={"Authorization": f"Bearer {key}"}, follow_redirects=True)
        status[address] = answer.status_code
        is_page = answer.headers["content-type"].startswith("text/html") and not address.startswith("/docs")
        if not is_page or answer.status_code != 200:
            continue
        fresh = [each for each in links(read(answer.text), address) if each not in status]
        for each in fresh:
            assert each.startswith("/"), f"{address} leads outside: {each}"
            if (kind := shape(each)) not in read_on:
                read_on.add(kind)
                todo.append(each)
    return status


async def test_every_link_of_a_small_service_leads_somewhere(served: Running) -> None:
    await six(served)
    await others(served)
    status = await crawl(served, await served.make_key("H44", "read"))
    assert {address: each for address, each in status.items() if each != 200} == {}
    paths = {urlsplit(each).path for each in status}
    assert {"/units/H44.130/today", f"/dossiers/{LATE}", "/wall/H44", "/units/H44/feeds", "/v1/scorecard"} <= paths
    assert len(status) > 200


async def test_a_key_of_one_unit_has_no_dead_link(served: Running) -> None:
    await six(served)
    await others(served)
    status = await crawl(served, await served.make_key("H44.130", "read"))
    assert {address: each for address, each in status.items() if each != 200} == {}
    units = {match[1] for each in status if (match := re.match(r"/units/([^/?]+)", each))}
    assert units == {"H44.130"}


EVIL = "<script>alert(1)</script>\"'&"
ASKED = {
    "/": ("q", "lang"),
    "/units/H44": ("period", "from", "to", "lang", "scope"),
    "/units/H44/indicators/DOSSIER_ON_TIME": ("period", "lang"),
    "/units/H44/dossiers": ("period", "indicator", "side", "procedure", "cursor", "scope", "as", "lang"),
    f"/dossiers/{LATE}": ("unit", "lang"),
    "/units/H44/ranking": ("period", "level", "by", "as", "view", "lang"),
    "/units/H44/today": ("within", "state", "procedure", "scope", "cursor", "lang"),
    "/units/H44/feeds": ("state", "lang"),
    "/wall/H44": ("period", "rotate", "of", "lang"),
    "/login": ("next", "lang"),
}
VALUES = (
    EVIL,
    "",
    "garbage",
    "-1",
    "999999999999999999999",
    "\N{SUPERSCRIPT TWO}",
    "\x00",
    "2026-02-30",
    "0001-01-01",
    "AAAA",
)


@pytest.mark.parametrize("path", ASKED)
async def test_hostile_values_give_clean_pages(served: Running, path: str) -> None:
    await six(served)
    for name in ASKED[path]:
        for value in VALUES:
            more = "&to=2026-01-31" if name == "from" else "&from=2026-01-01" if name == "to" else ""
            await clean(served, f"{path}?{name}={quote(value)}{more}")
    await clean(served, f"{path}?period=2026&period=2025&lang=en&lang=vi&x={quote(EVIL)}")


@pytest.mark.parametrize("code", [EVIL, "H44\x00", "H44.", ".", "%", "h44", "H44.07/x", "Đ", "H" * 300])
async def test_hostile_codes_give_clean_pages(served: Running, code: str) -> None:
    told = quote(code, safe="")
    for path in (
        f"/units/{told}", f"/units/{told}/today", f"/units/{told}/ranking", f"/units/{told}/feeds", f"/wall/{told}",
        f"/units/{told}/dossiers", f"/units/H44/indicators/{told}", f"/dossiers/{told}",
        f"/dossiers/{told}?unit={told}",
    ):  # fmt: skip
        await clean(served, path)


async def clean(running: Running, path: str) -> None:
    """The answer is no fault of the service, and what was told is in no page but as text."""
    answer = await running.client.get(path, headers={"Authorization": f"Bearer {running.key}"})
    assert answer.status_code in (200, 303, 307, 400, 403, 404, 422), (path, answer.status_code)
    assert "<script>alert" not in answer.text or not answer.headers["content-type"].startswith("text/html"), path
    if answer.headers.get("content-type", "").startswith("text/html"):
        page = read(answer.text)
        assert not [each for each in page.all() if any(name.startswith("on") for name in each.attributes)], path


async def test_names_with_signs_of_html_are_shown_as_they_are(served: Running) -> None:
    name = 'Sở <b>Văn "hóa"</b> & Du lịch \N{LATIN SMALL LETTER A}\N{COMBINING GRAVE ACCENT}'
    units = [{"code": "H44.20", "name": name, "level": "department"}]
    procedures = [{"code": "1.000009", "name": "Thủ tục <i>&amp;", "levels": ["department"]}]
    await served.catalogue([{"code": "H44", "name": "UBND tỉnh Phú Thọ", "level": "province"}, *units], procedures)
    subject = "H44.20-26<b>&'\""
    told = await served.push([reception(served, subject, "H44.20", procedure="1.000009")])
    assert told["accepted"] == 1, told
    shown = " ".join((await served.get("/v1/units/H44.20")).json()["name"].split())
    for path in ("/units/H44.20", "/units/H44.20/today", "/units/H44/ranking?level=department", "/wall/H44.20"):
        page = await page_of(served, path)
        assert shown in page.text, path
    page = await page_of(served, "/units/H44.20/dossiers?indicator=DOSSIER_ON_TIME&side=missing&period=2026")
    [row] = page.one("table").rows()[1:]
    assert (row[0], row[5], row[6]) == (subject, "Thủ tục <i>&amp;", shown)
    life = page.one("table").one("a").attributes["href"]
    page = await page_of(served, life.removeprefix("../.."))
    assert page.one("h1").text == subject


VIETNAMESE = re.compile(r"[À-ÖØ-öø-ỹ]")
NAMES = (
    "766/QĐ-TTg",
    "UBND tỉnh Phú Thọ",
    "Sở Công Thương",
    "Sở Tài chính",
    "UBND xã Tu Vũ",
    "Cấp giấy phép",
    "Chứng thực",
)


@pytest.mark.parametrize(
    "path",
    [
        "/", "/units/H44?period=2026", "/units/H44.07?period=2026-11-23", "/units/H44.130?period=2025",
        "/units/H44.07/indicators/DOSSIER_ON_TIME?period=2026", "/units/H44/indicators/SETTLED_ON_TIME?period=2026",
        "/units/H44.07/dossiers?indicator=DOSSIER_ON_TIME&side=denominator&period=2026", f"/dossiers/{LATE}?unit=H44",
        "/dossiers/PA-1?unit=H44", "/dossiers/VB-1?unit=H44", "/dossiers/1.004555?unit=H44", "/units/H44/ranking",
        "/units/H44/ranking?view=heat&level=department", "/units/H44/today", "/units/H44/feeds", "/wall/H44",
        "/units/H44?period=nothing", "/units/H44.99", "/login",
    ],
)  # fmt: skip
async def test_english_pages_are_english_but_for_names_and_what_says_that_it_is_vietnamese(
    served: Running, path: str
) -> None:
    await six(served)
    await others(served)
    address = f"{path}{'&' if '?' in path else '?'}lang=en"
    answer = await served.client.get(address, headers={"Authorization": f"Bearer {served.key}"})
    page = read(answer.text)
    assert page.attributes["lang"] == "en"
    told = " ".join(said(page))
    for name in NAMES:
        told = told.replace(name, "")
    assert [word for word in told.split() if VIETNAMESE.search(word)] == []


def said(element: Element) -> Iterator[str]:
    """What is said in English: texts, and what only some are told."""
    for name in ("title", "aria-label", "data-text", "data-description", "data-unit"):
        yield element.attributes.get(name, "")
    for each in element.inside:
        if isinstance(each, str):
            yield each
        elif each.attributes.get("lang") != "vi":
            yield from said(each)
