"""`/units/{unit}/feeds`: who sends, how often, who has fallen silent; coverage, rejections, faults, back-dating."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from app.pages.frame import terms
from app.pages.frame.page import Paging
from app.pages.unit import path_of

router = APIRouter(include_in_schema=False)

_REJECTIONS: Final = "20"
_ROWS: Final = 150
"""So many feeds on the page, silent ones first; the file has all."""


@router.get("/units/{unit}/feeds")
async def feeds_page(page: Paging, unit: str) -> Response:
    """The feeds of a unit's subtree; `state` narrows the table."""
    found = await page.ask("/v1/feeds", unit=unit)
    code = found["unit"]["code"]
    state = page.query.get("state")
    rows = [each for each in found["rows"] if state in (None, each["state"])]
    return page.render(
        "feeds.html",
        here="feeds",
        unit=found["unit"],
        path=await path_of(page, code),
        asked={},
        found=found,
        state=state,
        states=terms.STATES,
        rows=rows[:_ROWS],
        more=len(rows) - _ROWS,
        quality=await page.ask("/v1/data-quality", unit=code),
        rejections=await page.ask("/v1/rejections", unit=code, limit=_REJECTIONS),
    )
