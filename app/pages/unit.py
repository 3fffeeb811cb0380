"""`/units/{unit}`: how a unit stands, why not full marks, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.calendar.periods import FIRST_YEAR, Period
from app.pages.frame import picking
from app.pages.frame.asking import Answer
from app.pages.frame.page import Page, Paging

router = APIRouter(include_in_schema=False)

_LEVELS_BELOW: Final = ("department", "commune")
DOSSIERS: Final = "DOSSIER_ON_TIME"
"""Counts every dossier that is worked at."""
_ADVICE_LINES: Final = 5
_CHILDREN_SHOWN: Final = 5
"""So many of a level from either end; the ranking has all."""


@router.get("/units/{unit}")
async def unit_page(page: Paging, unit: str) -> Response:
    """The page of a unit and period."""
    chosen = page.period()
    asked = picking.asked(chosen)
    card = await page.ask("/v1/scorecard", unit=unit, **asked)
    code = card["unit"]["code"]
    path = await path_of(page, code)
    months = year_of(chosen.year)
    scored = [each for group in card["groups"] for each in group["indicators"]]
    codes = [each["code"] for each in scored]
    before = await year_before(page, chosen, unit=code, indicator=["TOTAL", DOSSIERS])
    series = await page.ask("/v1/series", unit=code, indicator=["TOTAL", *codes], bucket="month", **months)
    lines = {each["indicator"]: each["points"] for each in series["series"]}
    advice = await page.ask("/v1/advice", unit=code, **asked)
    return page.render(
        "unit.html",
        here="unit",
        unit=card["unit"],
        path=path,
        asked=asked,
        picker=page.picker(chosen),
        card=card,
        ended=path[-1] if has_ended(path[-1], page.today) else None,
        nothing=not card["balance"]["active"]
        and not any(each["denominator"] for each in scored if each["code"].startswith("PETITION_")),
        place=await _place(page, path, card["unit"], asked),
        # Of a year, and of nine months, the period before is the same one a year earlier.
        last_year=None
        if chosen.kind in ("year", "nine_months")
        else await _place(page, path, card["unit"], {**asked, "compare": "last_year"}),
        due=(await page.ask("/v1/today", unit=code, within="3", limit="1"))["due"][-1],
        advice=advice,
        lines_of_advice=_most_worth(advice["items"]),
        lines=lines | {"TOTAL": with_dossiers(lines)},
        months=months,
        year_before=with_dossiers({each["indicator"]: each["points"] for each in before["series"]} if before else {}),
        children=await _children(page, code, asked),
        widest=max(group["max"] for group in card["groups"]),
    )


def has_ended(unit: Answer, today: date) -> bool:
    """Whether a unit was merged into another, or is no more."""
    return bool(unit["successor"]) or (unit["valid_to"] is not None and unit["valid_to"] < today.isoformat())


def with_dossiers(lines: Mapping[str, list[Answer]]) -> list[Answer]:
    """The total by month, of months that had dossiers: by its formula one without any has points too."""
    if not lines:
        return []
    return [
        total if counted["denominator"] else {**total, "score": None}
        for total, counted in zip(lines["TOTAL"], lines[DOSSIERS], strict=True)
    ]


def _most_worth(items: list[Answer]) -> list[Answer]:
    """What to do first: what mends dossiers at hand, then what only new ones bring, each the most points first."""
    worth = [each for each in items if each["gain"]]
    return sorted(worth, key=lambda each: bool(each["way"] == "new"))[:_ADVICE_LINES]


async def path_of(page: Page, code: str) -> list[Answer]:
    """The units above one, as far as the visitor reaches, the highest first, and the unit itself."""
    path = [await page.ask(f"/v1/units/{code}")]
    while (parent := path[0]["parent"]) is not None:
        above = await page.ask.or_none(f"/v1/units/{parent}", "forbidden_unit", "unknown_unit")
        if above is None:
            break
        path.insert(0, above)
    return path


async def _place(page: Page, path: list[Answer], unit: Answer, asked: Mapping[str, str]) -> Answer | None:
    """The unit's row in the ranking of its level; its rank says something only among others."""
    ranking = await page.ask("/v1/ranking", unit=path[0]["code"], level=unit["level"], **asked)
    row: Answer = next((each for each in ranking["rows"] if each["unit"]["code"] == unit["code"]), None)
    return row and {**row, "previous_period": ranking["previous_period"], "total_change": _change(row)}


def _change(row: Mapping[str, Any]) -> Decimal | None:
    before = row["previous_score"]
    return None if before is None or row["score"] is None else row["score"] - before


async def _children(page: Page, code: str, asked: Mapping[str, str]) -> list[Answer]:
    """For each level below, the first and last of its ranking."""
    found = []
    for level in _LEVELS_BELOW:
        rows = (await page.ask("/v1/ranking", unit=code, level=level, **asked))["rows"]
        rows = [each for each in rows if each["unit"]["code"] != code]
        if rows:
            few = len(rows) <= 2 * _CHILDREN_SHOWN
            shown = [rows] if few else [rows[:_CHILDREN_SHOWN], rows[-_CHILDREN_SHOWN:]]
            found.append({"level": level, "of": len(rows), "parts": shown})
    return found


async def year_before(page: Page, chosen: Period, **asked: str | list[str]) -> Answer | None:
    """Series by month of the year before; None where no figures are given for it."""
    if chosen.year <= FIRST_YEAR:
        return None
    return await page.ask("/v1/series", bucket="month", **asked, **year_of(chosen.year - 1))


def year_of(year: int) -> dict[str, str]:
    """The parameters of a whole year."""
    return {"from": f"{year}-01-01", "to": f"{year}-12-31"}
