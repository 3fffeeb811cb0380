"""`GET /v1/advice`: what would gain most points and can still be done."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import Heading, IndicatorCode, View, viewing
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import Number, answer, said, whole
from app.api.http.openapi.routes import Router, figure
from app.api.http.parameters import asked
from app.api.http.service import Serving
from app.domain.catalogues import indicators
from app.domain.figures import advice, measures, scoring
from app.domain.figures.advice import WAYS, Advice, Way
from app.domain.figures.measures import Needed
from app.store.read.dossiers import Lists
from app.store.read.prospects import prospects

router = Router()


@answer
class Step(TypedDict):
    """The cheapest next step."""

    needed: Annotated[int, whole("How many must be mended, or be new.", 1, 1)]
    gain: Annotated[Number, said("The points gained by it.", 0.01)]


@answer
class Advised(TypedDict):
    """What can be done about an indicator."""

    indicator: IndicatorCode
    gain: Annotated[Number | None, said("The points that can be gained; null without a score.", 2.32)]
    needed: Annotated[int | None, whole("The least number of mended or new ones that gains them; null: none.", 37)]
    of: Annotated[int | None, whole("The present denominator.", 597)]
    way: Annotated[
        Way | None,
        said(
            "`mend`: those at hand, the denominator stays. `new`: new ones, which join the denominator, at most as many"
            " as it is. null: nothing to gain.",
            "mend",
            enum=[*WAYS, None],
        ),
    ]
    next: Step | None
    at_risk: Annotated[int, whole("Open, and lost when their deadline passes within three working days.", 12)]
    lost: Annotated[int, whole("Of what is missing: those that nothing can win any more.", 29)]
    action: Annotated[
        str,
        said(
            "What to do, and which way it is, in Vietnamese.",
            "Cấp kết quả điện tử cho 37 hồ sơ đang có để thêm 2,32 điểm (mẫu số giữ nguyên 597).",
        ),
    ]


@answer
class AdviceTold(Heading):
    """What can be done, most points first."""

    recoverable: Annotated[Number, said("The points gained if all at hand that can still be won were won.", 7.45)]
    items: Annotated[list[Advised], said("All scored indicators.")]


_COLUMNS: Final = (
    *("indicator", "gain", "needed", "of", "way", "next.needed", "next.gain", "at_risk", "lost", "action"),
)


@router.get(
    "/v1/advice",
    summary="What would gain most points and can still be done",
    **figure(AdviceTold, rows="items", columns=_COLUMNS),
)
async def advise(request: Request, access: Reading, service: Serving) -> Response:
    """All scored indicators, most points to gain first: what can still be won of what is missing, by how many mended or
    new ones, and the cheapest next step. Lists of the same: `/v1/dossiers` with `side=recoverable`, `at_risk`, `lost`.
    """
    async with viewing(service, access, asked(request)) as view:
        found = await view.kept(request, service, lambda: _advice(view), moves=True)
    return tabular_response(request, found, "items", view.later, _COLUMNS)


async def _advice(view: View) -> AdviceTold:
    """The advice of a question."""
    scored = [each for group in indicators.load().groups for each in group.indicators]
    needed = Needed.of(scored)
    question = view.question()
    counted = await view.reader.count(question, needed)
    found = measures.measures(view.catalogues, question, counted, needed)
    narrowed = view.wanted.procedure is not None
    figures = [scoring.score_indicator(each, found, narrowed) for each in scored]
    lists = Lists(view.reader, view.outlook)
    pairs = zip(figures, await prospects(lists, question, counted, figures), strict=True)
    root = view.catalogues.units.get(view.catalogues.root)
    root_name = None if root is None or root is view.unit else root.name or root.code
    advices = advice.advise(pairs, lists.outlook.is_open, root_name)
    return {**view.heading, "recoverable": advice.recoverable(advices), "items": [_told(each) for each in advices]}


def _told(each: Advice) -> Advised:
    step = each.next
    return {
        "indicator": each.indicator.code,
        "gain": each.gain,
        "needed": each.needed,
        "of": each.of,
        "way": each.way,
        "next": {"needed": step.needed, "gain": step.gain} if step is not None else None,
        "at_risk": each.at_risk,
        "lost": each.lost,
        "action": each.action,
    }
