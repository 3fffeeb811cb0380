"""`/`: where to go; on an empty service, how to begin."""

from __future__ import annotations

import unicodedata
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from app.domain import codes
from app.pages.frame.asking import Answer
from app.pages.frame.page import Page, Paging, told
from app.pages.unit import has_ended
from app.store.catalogues import roots

router = APIRouter(include_in_schema=False)

_LEVELS: Final = ("ministry", "province", "department", "commune")
_MOST: Final = 1_000
"""Units that are listed; of more that nobody has looked for, only those under which the others are."""


@router.get("/")
async def home(page: Paging) -> Response:
    """The units that this visitor may read, with their points of the year."""
    known = await _roots(page)
    units: list[Answer] = []
    if known:
        units = await page.ask.or_none("/v1/units", "invalid_parameter") or []
    if not units:
        # Where reading is open and there are several roots, each has to be named.
        for root in known:
            units += await page.ask.or_none("/v1/units", "unknown_unit", "forbidden_unit", unit=root) or []
    if not units:
        address = f"{page.request.base_url}".rstrip("/")
        return page.render("begin.html", here="home", address=address, begun=bool(known))
    sought = page.query.get("q", "").strip()
    found = [each for each in units if _matches(each, sought)] if sought else units
    known_codes = {each["code"] for each in units}
    tops = {each["code"] for each in units if each["parent"] not in known_codes}
    # So many nobody reads; who looks for one types its name.
    many = len(found) > _MOST and not sought
    shown = [each for each in found if not many or each["code"] in tops][:_MOST]
    points: dict[str, Answer] = {}
    for top in tops:
        for level in {each["level"] for each in shown if codes.is_under(each["code"], top)}:
            points |= await _points(page, top, level)
    ended = {each["code"] for each in shown if has_ended(each, page.today)}
    return page.render(
        "home.html",
        here="home",
        sought=sought,
        levels=[
            (level, [each for each in shown if each["level"] == level and each["code"] not in ended])
            for level in _LEVELS
        ],
        ended=[each for each in shown if each["code"] in ended],
        found=found,
        left_out=len(found) - len(shown),
        points_of=points,
    )


async def _roots(page: Page) -> list[str]:
    """The roots of the service: whether there are any is what no route tells to whom no key is given yet."""
    with told(page):
        async with page.service.database.connection("read") as connection:
            return [code for _, code in await roots.found(connection)]


async def _points(page: Page, root: str, level: str) -> dict[str, Answer]:
    ranking = await page.ask("/v1/ranking", unit=root, level=level, period=f"{page.today.year}")
    return {row["unit"]["code"]: row for row in ranking["rows"]}


def _matches(unit: Answer, sought: str) -> bool:
    """Whether a unit is meant by what was typed: words of its name or code, in any case, with or without marks."""
    text = f"{unit['code']} {unit['name']}"
    bare = _bare(sought)
    return bare in _bare(text) if bare == sought.casefold() else sought.casefold() in text.casefold()


def _bare(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(each for each in letters if not unicodedata.combining(each))
