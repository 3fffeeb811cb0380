"""`/units/{unit}/indicators/{code}`: what an indicator is made of, where it is lost, and what can still be done."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from app.pages.frame import picking
from app.pages.frame.asking import Refused
from app.pages.frame.page import Paging, problem
from app.pages.unit import path_of, year_before, year_of

router = APIRouter(include_in_schema=False)

DIMENSIONS: Final = (
    ("unit", "Theo đơn vị"),
    ("procedure", "Theo thủ tục"),
    ("sector", "Theo lĩnh vực"),
    ("channel", "Theo cách nộp"),
)
ZERO_RULES: Final = {"null": "không có dữ liệu, không cộng điểm", "zero": "0 điểm", "max": "đủ điểm"}
"""What 0/0 is worth."""
_ROWS: Final = 15
"""So many of a breakdown at once, the most missing first; the answer as CSV has all."""


@router.get("/units/{unit}/indicators/{indicator}")
async def indicator_page(page: Paging, unit: str, indicator: str) -> Response:
    """The page of an indicator of a unit and period."""
    chosen = page.period()
    asked = picking.asked(chosen)
    card = await page.ask("/v1/scorecard", unit=unit, **asked)
    figures = [*(each for group in card["groups"] for each in group["indicators"]), *card["operational"]]
    figure = next((each for each in figures if each["code"] == indicator), None)
    if figure is None:
        raise Refused(
            problem(404, "unknown_indicator", page.say("Chỉ số không tồn tại"), page.say("Chọn một chỉ số của đơn vị."))
        )
    code = card["unit"]["code"]
    catalogue = await page.ask("/v1/indicators")
    months = year_of(chosen.year)
    series = await page.ask("/v1/series", unit=code, indicator=indicator, bucket="month", **months)
    before = await year_before(page, chosen, unit=code, indicator=indicator)
    parts = []
    for by, title in DIMENSIONS:
        found = await page.ask.or_none("/v1/breakdown", "no_breakdown", unit=code, indicator=indicator, by=by, **asked)
        if found is None:
            continue
        rows = [each for each in found["rows"] if each["denominator"]]
        if any(by != "unit" or each["key"] != code for each in rows):
            rows.sort(key=lambda each: (each["numerator"] or 0) - each["denominator"])
            parts.append({"by": by, "title": title, "rows": rows[:_ROWS], "of": len(rows), "note": found["note"]})
    advice = await page.ask("/v1/advice", unit=code, **asked)
    return page.render(
        "indicator.html",
        here="unit",
        unit=card["unit"],
        path=await path_of(page, code),
        asked=asked,
        picker=page.picker(chosen),
        card=card,
        figure=figure,
        rule=next(each for each in catalogue["indicators"] if each["code"] == indicator),
        advice=next((each for each in advice["items"] if each["indicator"] == indicator), None),
        parts=parts,
        zero_rules=ZERO_RULES,
        months=months,
        year_before=before["points"] if before else [],
        points_of=series["points"],
    )
