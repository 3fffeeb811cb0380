"""`/units/{unit}/today`: what is late now, what soon becomes late, with the points at stake."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from app.pages.dossiers import procedure_names, unit_names
from app.pages.frame.page import Paging
from app.pages.unit import path_of

router = APIRouter(include_in_schema=False)

_ROWS: Final = "50"
_AHEAD: Final = "5"
"""Working days looked ahead, unless the address says otherwise …"""
_STEPS: Final = ("0", "1", "3")
"""… and what it is told by, beside it."""
_PARTS: Final = 10
"""So many units and procedures beside the list."""


@router.get("/units/{unit}/today")
async def today_page(page: Paging, unit: str) -> Response:
    """The day's work of a unit: `within` (working days), `state` (late, due), `procedure`, `cursor`."""
    within = page.query.get("within", _AHEAD)
    narrowed = {name: page.query[name] for name in ("state", "procedure", "scope") if page.query.get(name)}
    asked = {"unit": unit, "within": within, **narrowed}
    found = await page.ask("/v1/today", **asked, limit=_ROWS, cursor=page.query.get("cursor"))
    due, narrow = found["due"], None
    if within in _STEPS:
        # The list is narrower than what is told above it.
        narrow = due[-1]
        beside = {name: value for name, value in narrowed.items() if name != "state"}
        due = (await page.ask("/v1/today", unit=unit, within=_AHEAD, limit="1", **beside))["due"]
    code = found["unit"]["code"]
    return page.render(
        "today.html",
        here="today",
        unit=found["unit"],
        path=await path_of(page, code),
        asked={},
        listed=asked,
        narrowed=narrowed,
        found=found,
        due=due,
        narrow=narrow,
        today=f"{page.today}",
        tomorrow=f"{page.today + timedelta(days=1)}",
        parts=_PARTS,
        unit_names=await unit_names(page),
        procedure_names=await procedure_names(page, (each["procedure"] for each in found["items"])),
        year={"period": found["period"]["label"]},
    )
