"""`GET /v1/scorecard`: all figures of a unit and period."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final, NotRequired

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import Counts, Days, Heading, IndicatorCode, Score, View, viewing
from app.api.http.answers import instant
from app.api.http.auth import Reading
from app.api.http.csv import CARD_COLUMNS, SCORECARD, tabular_response
from app.api.http.fields import Number, answer, said, time, whole
from app.api.http.openapi.routes import Router, figure
from app.api.http.parameters import GROUPS, asked
from app.api.http.service import Serving
from app.domain.calendar.periods import Comparison
from app.domain.catalogues import indicators
from app.domain.catalogues.root import ExternalFigure
from app.domain.figures import measures, scoring
from app.domain.figures.cube import Cube
from app.domain.figures.measures import Balance, Question
from app.domain.figures.scoring import Scored, ScoredIndicator, Shown
from app.domain.tallies.sums import Counted
from app.store.read.figures import Wanted

router = Router()

_KNOWN: Final = indicators.load()
UNTOLD: Final = (
    "Chưa có dữ liệu, không phải bằng 0: phần mềm gửi hồ sơ của đơn vị không cho biết điều này "
    "(xem sources[].no_data của /v1/data-quality)."
)
_BALANCE: Final = (0, 2490, 1112, 1378, 0, 2490, 2030, 2001, 29, 460, 3)


@answer
class Previous(TypedDict):
    """The same figure of the compared period."""

    period: Annotated[str, said("The compared period.", "2026-06")]
    ratio: Annotated[Number | None, said("Percent.", 87.9)]
    score: Annotated[Number | None, said("Points.", 17.58)]
    value: NotRequired[Days]


@answer
class Named(TypedDict):
    """Which indicator it is."""

    code: IndicatorCode
    name: Annotated[str, said("Its name.", _KNOWN.indicator("DOSSIER_ON_TIME").name)]


@answer
class Figure(Named, Counts):
    """An indicator's figure."""

    score: Score
    max: Annotated[int | None, whole("The most points; null when unscored.", 20)]
    target: Annotated[Number | None, said("The year's target, percent.", 95)]
    gap: Annotated[Number | None, said("target − ratio, points of percent.", 6.58)]
    attained: Annotated[Number | None, said("ratio ÷ target, percent.", 93.07)]
    previous: Previous | None
    change: Annotated[Number | None, said("ratio − previous ratio, points of percent.", 0.52)]
    value: NotRequired[Days]
    note: NotRequired[Annotated[str, said("Why there is no data, in Vietnamese, where that is known.", UNTOLD)]]


@answer
class Group(TypedDict):
    """A group of indicators."""

    code: Annotated[str, said("The group's code.", "progress", enum=GROUPS)]
    name: Annotated[str, said("Its name.", "Tiến độ giải quyết")]
    score: Score
    max: Annotated[int, whole("The most points.", 20)]
    indicators: Annotated[list[Figure], said("Its scored indicators.")]


@answer
class Entered(TypedDict):
    """What can be entered by hand, and by whom it was."""

    value: Annotated[Number | None, said("The value, at most six decimals.", 0.71)]
    score: Annotated[Number | None, said("Points.", None)]
    max: Annotated[Number | None, said("The most points.", None)]
    rank: Annotated[int | None, whole("The rank.", 12)]
    of: Annotated[int | None, whole("Among how many.", 34)]
    count: Annotated[int | None, whole("A count.", None)]
    source: Annotated[str | None, said("Where it is from.", "Bộ KH&CN")]
    note: Annotated[str | None, said("A remark.", None)]
    entered_by: Annotated[str, said("The name of the key that entered it, or the key's id.", "văn phòng")]
    entered_at: Annotated[str, time("When.", "2026-11-01T09:00:00+07:00")]


@answer
class External(Entered):
    """A figure entered by hand."""

    code: Annotated[str, said("The figure's code.", "DTI")]


@answer
class Scorecard(Heading):
    """All figures of a unit and period."""

    total: Annotated[Number, said("The points of all groups.", 61.5)]
    max: Annotated[int, whole("The most points.", 100)]
    rating: Annotated[str, said("The rating.", "Trung bình", enum=[each.name for each in _KNOWN.rating_bands])]
    groups: Annotated[list[Group], said("The groups.")]
    operational: Annotated[list[Figure], said("Unscored indicators.")]
    external: Annotated[list[External], said("Figures entered by hand for this unit and period.")]
    balance: Annotated[Balance, said("Dossiers.", dict(zip(Balance.__annotations__, _BALANCE, strict=True)))]


@router.get(
    "/v1/scorecard",
    summary="All figures of a unit and period",
    **figure(Scorecard, rows=SCORECARD, columns=CARD_COLUMNS),
)
async def scorecard(request: Request, access: Reading, service: Serving) -> Response:
    """The six groups, the operational indicators, external figures and the balance, as of now."""
    async with viewing(service, access, asked(request)) as view:
        found = await view.kept(request, service, lambda: scorecard_of(view))
    return tabular_response(request, found, SCORECARD, view.later, CARD_COLUMNS)


async def scorecard_of(view: View) -> Scorecard:
    """A scorecard."""
    wanted, compared = view.wanted, view.compared
    summed = Wanted(view.question().units_in(view.catalogues), procedure=wanted.procedure)

    def score(question: Question, counted: Counted) -> Scored:
        found = measures.measures(view.catalogues, question, counted)
        return scoring.score(_KNOWN, found, wanted.procedure is not None)

    *earlier, (question, counted) = await view.in_turn(summed, compared, Cube.wholes)
    before = {each.indicator.code: each for found in earlier for each in score(*found).indicators}
    scored = score(question, counted)
    told = _Teller(view, compared, before, measures.untold(view.catalogues, question))
    return {
        **view.heading,
        "total": scored.total,
        "max": scored.max,
        "rating": scored.rating,
        "groups": [
            {
                "code": group.code,
                "name": group.name,
                "score": group.score,
                "max": group.max,
                "indicators": [told.figure(each) for each in group.indicators],
            }
            for group in scored.groups
        ],
        "operational": [told.figure(each) for each in scored.operational],
        "external": [_external(each) for each in view.catalogues.external(view.unit.code, wanted.period.label)],
        "balance": measures.balance(counted.dossiers),
    }


def _shown(exact: Decimal | None) -> Shown:
    """What was entered with more decimals than are shown."""
    return None if exact is None else scoring.half_up(Fraction(exact))


def _external(figure: ExternalFigure) -> External:
    """An external figure as it was entered."""
    return {
        "code": figure.code,
        "value": figure.value,
        "score": _shown(figure.score),
        "max": figure.max,
        "rank": figure.rank,
        "of": figure.of,
        "count": figure.count,
        "source": figure.source,
        "note": figure.note,
        "entered_by": figure.entered_by,
        "entered_at": instant(figure.entered_at),
    }


class _Teller:
    """Tells scored figures, each beside its target and the compared period's figure."""

    def __init__(
        self, view: View, compared: Comparison | None, before: Mapping[str, ScoredIndicator], untold: frozenset[str]
    ) -> None:
        self._catalogues = view.catalogues
        self._unit = view.unit
        self._year = view.wanted.period.year
        self._compared = compared
        self._before = before
        self._untold = untold

    def figure(self, figure: ScoredIndicator) -> Figure:
        """A figure as it is answered."""
        indicator = figure.indicator
        exact = self._catalogues.target(indicator.code, self._unit, self._year)
        target = _shown(exact)
        before = self._before.get(indicator.code)
        previous: Previous | None = None
        if before is not None and self._compared is not None:
            previous = {"period": self._compared.label, "ratio": before.ratio, "score": before.score}
        told: Figure = {
            "code": indicator.code,
            "name": indicator.name,
            "numerator": figure.numerator,
            "denominator": figure.denominator,
            "ratio": figure.ratio,
            "score": figure.score,
            "max": indicator.max,
            "target": target,
            "gap": scoring.gap(target, figure.ratio),
            "attained": scoring.attained(exact, figure.ratio),
            "previous": previous,
            "change": scoring.change(figure.ratio, before.ratio if before is not None else None),
        }
        if indicator.kind == "average":
            told["value"] = figure.value
            if previous is not None and before is not None:
                previous["value"] = before.value
        if figure.numerator is None and (indicator.numerator or indicator.value) in self._untold:
            told["note"] = UNTOLD
        return told
