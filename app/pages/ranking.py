"""`/units/{unit}/ranking`: the units of a level in order, in bands, with the groups beside each; or as a heat table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.pages.frame import picking
from app.pages.frame.asking import Answer
from app.pages.frame.page import Page, Paging
from app.pages.unit import path_of

router = APIRouter(include_in_schema=False)

_LEVELS: Final = ("commune", "department", "province")
BANDS: Final = (
    (90, "Từ 90 %"),
    (80, "80 đến dưới 90 %"),
    (70, "70 đến dưới 80 %"),
    (50, "50 đến dưới 70 %"),
    (0, "Dưới 50 %"),
)
"""The least percent of the most points, and what the band is called (../shared/design/pages.md: 50, 70, 80, 90)."""


@router.get("/units/{unit}/ranking")
async def ranking_page(page: Paging, unit: str) -> Response:
    """The page of a ranking: `level`, `by` (total, a group or an indicator), `as`, `view=heat`."""
    chosen = page.period()
    asked: dict[str, Any] = picking.asked(chosen)
    seen = {"as": "then"} if page.query.get("as") == "then" else {}
    catalogue = await page.ask("/v1/indicators")
    by = page.query.get("by", "total")
    path = await path_of(page, unit)
    level = page.query.get("level") or await _level(page, unit, asked)
    heat = page.query.get("view") == "heat"
    columns = _columns(catalogue, heat)
    wanted = ["TOTAL" if by == "total" else by, *(each["code"] for each in columns)]
    asked_of = list(dict.fromkeys(wanted))
    found = await page.ask("/v1/ranking", unit=unit, level=level, indicator=asked_of, **asked, **seen)
    rankings = dict(zip(asked_of, found["rankings"], strict=True))
    ranking = {**found, "rows": rankings[wanted[0]]["rows"]}
    cells = {each["code"]: {row["unit"]["code"]: row for row in rankings[each["code"]]["rows"]} for each in columns}
    ranked_by = next((each for each in (*catalogue["groups"], *catalogue["indicators"]) if each["code"] == by), None)
    most: int | None = catalogue["max"] if ranked_by is None else ranked_by["max"]
    return page.render(
        "ranking.html",
        here="ranking",
        unit=ranking["unit"],
        path=path,
        asked=asked,
        picker=page.picker(chosen),
        ranking=ranking,
        level=level,
        levels=_LEVELS,
        by=by,
        by_name=ranked_by and ranked_by["name"],
        seen=seen,
        catalogue=catalogue,
        heat=heat,
        columns=columns,
        cells=cells,
        most=most,
        bands=_banded(ranking["rows"], most),
        band_of=band_of,
    )


def _columns(catalogue: Answer, heat: bool) -> list[Answer]:
    scored = [each for each in catalogue["indicators"] if each["max"] is not None]
    return scored if heat else catalogue["groups"]


async def _level(page: Page, unit: str, asked: dict[str, Any]) -> str:
    """The lowest level that has units under this one."""
    for level in _LEVELS:
        if (await page.ask("/v1/ranking", unit=unit, level=level, **asked))["rows"]:
            return level
    return "commune"


def band_of(share: Decimal | None) -> int | None:
    """The place of a percent's band, 0 the best."""
    if share is None:
        return None
    return next(place for place, (least, _) in enumerate(BANDS) if share >= least or least == 0)


def _share(row: Answer, most: int | None) -> Decimal | None:
    """How much of the most points a row has, percent; of what has no points, its ratio."""
    if most is None:
        ratio: Decimal | None = row["ratio"]
        return ratio
    return None if row["score"] is None else 100 * Decimal(row["score"]) / most


def _banded(rows: list[Answer], most: int | None) -> list[dict[str, Any]]:
    """The rows by band, in the ranking's order; those without a figure last."""
    places = [(band_of(_share(row, most)), row) for row in rows]
    known = [
        {"name": name, "place": place, "rows": [row for at, row in places if at == place]}
        for place, (_, name) in enumerate(BANDS)
    ]
    nothing = [row for at, row in places if at is None]
    return [*known, *([{"name": "Chưa có dữ liệu", "place": None, "rows": nothing}] if nothing else [])]
