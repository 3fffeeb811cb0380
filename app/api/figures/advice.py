"""`GET /v1/advice`: what would gain most points."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import IndicatorCode, View, viewing
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import Number, answer, said, whole
from app.api.http.openapi.routes import figure
from app.api.http.parameters import asked
from app.api.http.service import Serving
from app.domain.catalogues import indicators
from app.domain.figures import advice, measures, scoring
from app.domain.figures.advice import Advice
from app.domain.figures.measures import Needed

router = APIRouter()


@answer
class Step(TypedDict):
    """The cheapest next step."""

    needed: Annotated[int | None, whole("How many more must count, at the present denominator.", 1)]
    gain: Annotated[Number | None, said("The points gained by it.", 0.01)]


@answer
class Advised(TypedDict):
    """What an indicator could still gain."""

    indicator: IndicatorCode
    gain: Annotated[Number | None, said("The points still to gain.", 2.32)]
    needed: Annotated[int | None, whole("How many more must count for them.", 69234)]
    of: Annotated[int | None, whole("The present denominator.", 597918)]
    next: Step | None
    action: Annotated[str, said("What to do, in Vietnamese.", "Giải quyết hồ sơ trước hoặc đúng hạn.")]


_COLUMNS: Final = ("indicator", "gain", "needed", "of", "next.needed", "next.gain", "action")


@router.get("/v1/advice", summary="What would gain most points", **figure(list[Advised], rows="", columns=_COLUMNS))
async def advise(request: Request, access: Reading, service: Serving) -> Response:
    """A list of all scored indicators, most points to gain first: how many more their numerators need for all points,
    at the present denominator, and the cheapest next step.
    """
    async with viewing(service, access, asked(request)) as view:
        found = await view.kept(request, service, lambda: _advice(view))
    return tabular_response(request, found, "", {}, _COLUMNS)


async def _advice(view: View) -> list[Advised]:
    """The advice of a question."""
    scored = [each for group in indicators.load().groups for each in group.indicators]
    needed = Needed.of(scored)
    question = view.question()
    found = measures.measures(view.catalogues, question, await view.reader.count(question, needed), needed)
    narrowed = view.wanted.procedure is not None
    return [_told(each) for each in advice.advise(scoring.score_indicator(i, found, narrowed) for i in scored)]


def _told(each: Advice) -> Advised:
    step = each.next
    return {
        "indicator": each.indicator.code,
        "gain": each.gain,
        "needed": each.needed,
        "of": each.of,
        "next": {"needed": step.needed, "gain": step.gain} if step is not None else None,
        "action": each.action,
    }
