"""`GET /v1/reconcile`: figures that were published elsewhere beside ours, their differences, and where to look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final, NotRequired
from urllib.parse import urlencode

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import Counts, Days, Heading, Score, View, viewing
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import Number, answer, said, whole
from app.api.http.openapi.parameters import PUBLISHED, PUBLISHED_PATTERN, UNCOMPARED
from app.api.http.openapi.routes import FIGURE, Router, told
from app.api.http.parameters import FIGURES, asked, figures_of
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.domain.figures import measures
from app.domain.figures.cube import Cube
from app.domain.figures.measures import Needed
from app.domain.figures.standing import By, Scores, Standing, indicators_of
from app.messages import Message
from app.store.read.figures import Wanted

router = Router()


@answer
class Side(Counts):
    """A figure as one side tells it; theirs has null for what they do not tell."""

    score: Score
    value: NotRequired[Days]


@answer
class Difference(TypedDict):
    """Ours − theirs; null where one of both is."""

    numerator: Annotated[int | None, whole("Of the numerators.", 3, None)]
    denominator: Annotated[int | None, whole("Of the denominators.", 0, None)]
    ratio: Annotated[Number | None, said("Points of percent.", 0.42)]
    score: Annotated[Number | None, said("Points.", 0.08)]
    value: NotRequired[Days]


@answer
class Reconciled(TypedDict):
    """One figure, twice."""

    code: Annotated[str, said("An indicator, a group's code or `TOTAL`.", "DOSSIER_ON_TIME", enum=FIGURES)]
    ours: Side
    theirs: Side
    difference: Difference
    equal: Annotated[bool, said("Whether all that they tell is what we tell.", False)]
    dossiers: Annotated[
        list[str],
        said("Where the dossiers of a side that differs are listed.", ["/v1/dossiers?unit=H44&side=numerator"]),
    ]


@answer
class Reconciliation(Heading):
    """Published figures of a unit and period beside ours."""

    equal: Annotated[bool, said("Whether all are.", False)]
    figures: Annotated[list[Reconciled], said("One for each that was named, in that order.")]


@dataclass(frozen=True, slots=True)
class Published:
    """What somebody published: counts, percent (days of an average), points; None for what is not told."""

    by: By
    numerator: int | None
    denominator: int | None
    ratio: Decimal | None
    score: Decimal | None


_COLUMNS: Final = (
    "code",
    *(f"{side}.{name}" for name in ("numerator", "denominator", "ratio", "score") for side in ("ours", "theirs")),
    *(f"difference.{name}" for name in ("numerator", "denominator", "ratio", "score")),
    "equal",
    "dossiers",
)
_FORM: Final = Message(
    "a published figure is CODE:numerator/denominator:ratio:score, as DOSSIER_ON_TIME:528684/597918:88.42:17.68; parts"
    " that are not known are left empty",
    "một số liệu đã công bố có dạng MÃ:tử/mẫu:tỷ lệ:điểm, ví dụ DOSSIER_ON_TIME:528684/597918:88.42:17.68; phần không"
    " biết thì để trống",
)


@router.get(
    "/v1/reconcile",
    summary="Published figures beside ours",
    **told(
        Reconciliation,
        parameters=(*UNCOMPARED, PUBLISHED),
        problems=(*FIGURE, "unknown_indicator"),
        rows="figures",
        columns=_COLUMNS,
        tagged=True,
    ),
)
async def reconcile(request: Request, access: Reading, service: Serving) -> Response:
    """What the national portal (or anybody) published of a unit and period beside ours: the differences, and the lists
    of the dossiers behind a side that differs. Only what is told is compared. `chiso reconcile` asks for whole files.
    """
    wanted = asked(request, ("figure",), many=("figure",))
    published = _published(request.query_params.getlist("figure"))
    async with viewing(service, access, wanted) as view:
        found = await view.kept(request, service, lambda: _reconciled(view, published))
    return tabular_response(request, found, "figures", view.later, _COLUMNS)


def _published(texts: Sequence[str]) -> list[Published]:
    found = []
    for text in texts:
        matched = re.fullmatch(PUBLISHED_PATTERN, text)
        if matched is None:
            raise Problem("invalid_parameter", _FORM, "figure")
        code, numerator, denominator, ratio, score = matched.groups()
        [by] = figures_of([code])
        n, d = (int(each) if each else None for each in (numerator, denominator))
        percent, points = (Decimal(each) if each else None for each in (ratio, score))
        found.append(Published(by, n, d, percent, points))
    if not found:
        raise Problem("invalid_parameter", _FORM, "figure")
    return found


async def _reconciled(view: View, published: Sequence[Published]) -> Reconciliation:
    wanted = view.wanted
    needed = Needed.of(indicators_of([each.by for each in published]))
    summed = Wanted(view.question().units_in(view.catalogues), needed, wanted.procedure)
    [(question, counted)] = await view.in_turn(summed, None, Cube.wholes)
    scores = Scores(measures.measures(view.catalogues, question, counted, needed), wanted.procedure is not None)
    figures = [_figure(view, each, each.by.standing(scores)) for each in published]
    return {**view.heading, "equal": all(each["equal"] for each in figures), "figures": figures}


def _figure(view: View, theirs: Published, ours: Standing) -> Reconciled:
    average = theirs.by.with_value
    ours_told: Side = {
        "numerator": ours.numerator, "denominator": ours.denominator, "ratio": ours.ratio, "score": ours.score,
    }  # fmt: skip
    theirs_told: Side = {
        "numerator": theirs.numerator, "denominator": theirs.denominator,
        "ratio": None if average else theirs.ratio, "score": theirs.score,
    }  # fmt: skip
    difference: Difference = {
        "numerator": _whole(ours.numerator, theirs.numerator),
        "denominator": _whole(ours.denominator, theirs.denominator),
        "ratio": _less(ours.ratio, None if average else theirs.ratio),
        "score": _less(ours.score, theirs.score),
    }
    parts = [(ours_told[name], theirs_told[name]) for name in ("numerator", "denominator", "ratio", "score")]
    if average:
        ours_told["value"], theirs_told["value"] = ours.value, theirs.ratio
        difference["value"] = _less(ours.value, theirs.ratio)
        parts.append((ours.value, theirs.ratio))
    if theirs.denominator == 0:
        # Of 0/0 the portal tells 0 % here and nothing there.
        parts = [each for each in parts if each != (None, 0)]
    equal = all(told is None or told == mine for mine, told in parts)
    return {
        "code": theirs.by.code, "ours": ours_told, "theirs": theirs_told, "difference": difference, "equal": equal,
        "dossiers": [] if equal else _lists(view, theirs.by, difference),
    }  # fmt: skip


def _whole(ours: int | None, theirs: int | None) -> int | None:
    return None if ours is None or theirs is None else ours - theirs


def _less(ours: Decimal | None, theirs: Decimal | None) -> Decimal | None:
    return None if ours is None or theirs is None else ours - theirs


def _lists(view: View, by: By, difference: Difference) -> list[str]:
    """The lists of the sides that differ; where neither does, or it is not told, of what counts."""
    if by.indicator is None or by.indicator.kind != "ratio":
        return []
    wanted = view.wanted
    span: dict[str, str] = {"period": wanted.period.label}
    first, dots, last = wanted.period.label.partition("..")
    if dots:
        span = {"from": first, "to": last}
    asked_for = {
        "unit": view.unit.code, **span, "indicator": by.code,
        **({"scope": wanted.scope} if wanted.scope != "subtree" else {}),
        **({"as": wanted.seen} if wanted.seen != "now" else {}),
        **({"procedure": wanted.procedure} if wanted.procedure else {}),
    }  # fmt: skip
    sides = [side for side in ("numerator", "denominator") if difference[side]]
    return [f"/v1/dossiers?{urlencode({**asked_for, 'side': side})}" for side in sides or ["numerator"]]
