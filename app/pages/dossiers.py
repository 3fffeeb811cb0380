"""`/units/{unit}/dossiers`: the very dossiers, petitions or procedures behind a number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from app.pages.frame import picking, terms
from app.pages.frame.asking import Answer
from app.pages.frame.page import Page, Paging
from app.pages.unit import path_of

router = APIRouter(include_in_schema=False)

_ROWS: Final = "50"


@router.get("/units/{unit}/dossiers")
async def dossiers_page(page: Paging, unit: str) -> Response:
    """A page of a list: `indicator`, `side` (numerator, missing, denominator), `procedure`, `cursor`."""
    chosen = page.period()
    asked = picking.asked(chosen)
    indicator = page.query.get("indicator", "DOSSIER_ON_TIME")
    side = page.query.get("side", "missing")
    more = {name: page.query[name] for name in ("procedure", "scope", "as") if page.query.get(name)}
    listed = {"unit": unit, "indicator": indicator, "side": side, **more, **asked}
    found = await page.ask("/v1/dossiers", **listed, limit=_ROWS, cursor=page.query.get("cursor"))
    catalogue = await page.ask("/v1/indicators")
    code = found["unit"]["code"]
    rule = next(each for each in catalogue["indicators"] if each["code"] == indicator)
    return page.render(
        "dossiers.html",
        here="unit",
        unit=found["unit"],
        path=await path_of(page, code),
        asked=asked,
        picker=page.picker(chosen),
        found=found,
        sides=terms.SIDES | (terms.PROSPECTS if rule["max"] else {}),
        listed=listed,
        rule=rule,
        days={each["subject"]: days_over(each, found["as_of"]) for each in found["items"]},
        unit_names=await unit_names(page),
        procedure_names=await procedure_names(page, (each["procedure"] for each in found["items"])),
    )


def days_over(item: Answer, as_of: str) -> int | None:
    """Calendar days from the deadline to the end, or to now of what is open: positive is late."""
    if item["deadline"] is None:
        return None
    deadline, end = datetime.fromisoformat(item["deadline"]), datetime.fromisoformat(item["ended_at"] or as_of)
    over = (end.date() - deadline.date()).days
    # Late on the very day is late all the same.
    return max(over, 1) if end > deadline else over


async def unit_names(page: Page) -> dict[str, str]:
    """The names of the units that the visitor reaches."""
    units = await page.ask.or_none("/v1/units", "invalid_parameter") or []
    return {each["code"]: each["name"] or each["code"] for each in units}


async def procedure_names(page: Page, codes: Iterable[str | None]) -> dict[str, str]:
    """The names of procedures, of those that the catalogue has."""
    names = {}
    for code in {each for each in codes if each}:
        found = await page.ask.or_none(f"/v1/procedures/{code}", "not_found", "unknown_procedure", "invalid_code")
        if found:
            names[code] = found["name"] or code
    return names
