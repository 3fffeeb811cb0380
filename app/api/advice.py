"""`GET /v1/advice`: what would gain most points."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from app.api.http.answers import encode, figure_response
from app.api.http.auth import Access, access_for
from app.api.http.csv import retold
from app.api.http.parameters import asked
from app.api.http.service import Service, service_of
from app.api.scorecard import View, viewing
from app.domain.catalogues import indicators as catalogue
from app.domain.figures import advice, scoring
from app.domain.figures import measures as figures
from app.domain.figures.advice import Advice
from app.domain.figures.measures import Needed

router = APIRouter()


@router.get("/v1/advice", summary="What would gain most points", tags=["figures"])
async def advise(
    request: Request,
    access: Annotated[Access, Depends(access_for("read"))],
    service: Annotated[Service, Depends(service_of)],
) -> Response:
    """A list of all scored indicators, most points to gain first: how many more their numerators need for all points,
    at the present denominator, and the cheapest next step.
    """
    wanted = asked(request)
    async with viewing(service, access, wanted) as view:
        body = await view.kept(request, service, lambda: _advice(view))
    # The contract's answer is the bare list; it is wrapped only to be tagged like every figure.
    return retold(figure_response(request, body, {}), encode(body["advice"]), "application/json")


async def _advice(view: View) -> dict[str, Any]:
    """The advice of a question."""
    indicators = [each for group in catalogue.load().groups for each in group.indicators]
    needed = Needed.of(indicators)
    question = view.question()
    measures = figures.measures(view.catalogues, question, await view.reader.count(question, needed), needed)
    narrowed = view.wanted.procedure is not None
    told = [_told(each) for each in advice.advise(scoring.score_indicator(i, measures, narrowed) for i in indicators)]
    return {"advice": told}


def _told(each: Advice) -> dict[str, Any]:
    step = each.next
    return {
        "indicator": each.indicator.code,
        "gain": each.gain,
        "needed": each.needed,
        "of": each.of,
        "next": {"needed": step.needed, "gain": step.gain} if step is not None else None,
        "action": each.action,
    }
