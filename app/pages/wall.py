"""`/wall/{unit}`: one screen for a room, live, of 1920 × 1080 points, without scrolling; always dark."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.pages.frame import picking
from app.pages.frame.asking import Answer
from app.pages.frame.page import Page, Paging
from app.pages.unit import DOSSIERS, with_dossiers, year_of

router = APIRouter(include_in_schema=False)

_LEVELS: Final = ("commune", "department")
_ROWS: Final = 9
_SILENT: Final = 3
_SHORTEST: Final = 10
"""Seconds a unit is shown at least when the wall goes round."""


@router.get("/wall/{unit}")
async def wall_page(page: Paging, unit: str) -> Response:
    """The wall of a unit; `rotate` (seconds) goes round through the units of its next level, `of` is where it began."""
    chosen = page.period()
    asked = picking.asked(chosen)
    card = await page.ask("/v1/scorecard", unit=unit, **asked)
    code = card["unit"]["code"]
    day = await page.ask("/v1/scorecard", unit=code, period=page.today.isoformat())
    series = await page.ask(
        "/v1/series", unit=code, indicator=["TOTAL", DOSSIERS], bucket="month", **year_of(chosen.year)
    )
    feeds = await page.ask("/v1/feeds", unit=code)
    return page.render(
        "wall.html",
        here="wall",
        unit=card["unit"],
        asked=asked,
        name=page.picker(chosen).name,
        card=card,
        day=day,
        flow={
            each["code"]: each for each in (*day["operational"], *(i for g in day["groups"] for i in g["indicators"]))
        },
        due=(await page.ask("/v1/today", unit=code, within="3", limit="1"))["due"][-1],
        feeds=feeds,
        silent=[each for each in feeds["rows"] if each["state"] == "silent"][:_SILENT],
        last_at=max((each["last_at"] for each in feeds["sources"] if each["last_at"]), default=None),
        months=with_dossiers({each["indicator"]: each["points"] for each in series["series"]}),
        ranked=await _ranked(page, code, asked),
        widest=max(group["max"] for group in card["groups"]),
        next=await _next(page, code),
    )


async def _ranked(page: Page, unit: str, asked: dict[str, str]) -> dict[str, Any] | None:
    """The first and the last of the lowest level below."""
    for level in _LEVELS:
        rows = await _below(page, unit, level, asked)
        if rows:
            last = rows[-_ROWS:] if len(rows) > 2 * _ROWS else rows[_ROWS:]
            return {"level": level, "first": rows[:_ROWS], "last": last}
    return None


async def _below(page: Page, unit: str, level: str, asked: dict[str, str]) -> list[Answer]:
    rows = (await page.ask("/v1/ranking", unit=unit, level=level, **asked))["rows"]
    return [each for each in rows if each["unit"]["code"] != unit]


async def _next(page: Page, unit: str) -> dict[str, Any] | None:
    """The wall to show next and after how many seconds, where it goes round."""
    seconds = page.query.get("rotate", "")
    if not seconds.isdecimal() or len(seconds) > 5:
        return None
    first = page.query.get("of", unit)
    units = await page.ask("/v1/units")
    if first not in {each["code"] for each in units}:
        first = unit
    round_ = [first, *(each["code"] for each in units if each["parent"] == first)]
    place = round_.index(unit) + 1 if unit in round_ else 0
    told = {name: value for name, value in page.query.items() if name not in ("rotate", "of", "lang")}
    href = page.link("wall", round_[place % len(round_)], rotate=seconds, of=first, **told)
    return {"seconds": max(int(seconds), _SHORTEST), "href": href}
