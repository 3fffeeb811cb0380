"""`/dossiers/{subject}`: one life on a time line, and why it counts as it does."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from app.pages.dossiers import days_over, procedure_names, unit_names
from app.pages.frame.asking import Answer
from app.pages.frame.page import Paging

router = APIRouter(include_in_schema=False)


@router.get("/dossiers/{subject:path}")
async def life_page(page: Paging, subject: str) -> Response:
    """The page of a dossier, petition, document or procedure; `unit` names the root where a key does not."""
    life = await page.ask(f"/v1/dossiers/{subject}", unit=page.query.get("unit"))
    dossier = life["dossier"]
    unit = (dossier or next(iter((*life["petitions"], *life["documents"])), {"unit": None}))["unit"]
    known = await page.ask.or_none(f"/v1/units/{unit}", "unknown_unit", "forbidden_unit") if unit else None
    return page.render(
        "life.html",
        here="life",
        unit=known and {"code": known["code"], "name": known["name"], "level": known["level"]},
        life=life,
        dossier=dossier,
        days=days_over(dossier, life["as_of"]) if dossier else None,
        steps=_steps(life),
        unit_names=await unit_names(page),
        procedure_names=await procedure_names(page, [dossier["procedure"]]) if dossier else {},
    )


def _steps(life: Answer) -> list[dict[str, Any]]:
    """Events and the deadline in the order of time."""
    steps: list[dict[str, Any]] = [{"at": each["time"], "event": each} for each in life["events"]]
    if life["dossier"] and life["dossier"]["deadline"]:
        steps.append({"at": life["dossier"]["deadline"], "event": None})
    return sorted(steps, key=lambda step: str(step["at"]))
