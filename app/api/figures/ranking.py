"""`GET /v1/ranking`: the units of one level in the order of their total, a group's score or an indicator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Final, NotRequired

from fastapi import APIRouter, Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import Days, Heading, UnitBrief, View, unit_brief, viewing
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import Number, answer, said, whole
from app.api.http.openapi.parameters import RANK_GROUP, RANK_INDICATOR, RANK_LEVEL
from app.api.http.openapi.routes import figure
from app.api.http.parameters import GROUPS, INDICATORS, asked, indicator_of, named, one_of
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.domain import codes
from app.domain.calendar.periods import Comparison
from app.domain.catalogues import indicators
from app.domain.catalogues.indicators import Indicator
from app.domain.catalogues.remits import Remits
from app.domain.catalogues.root import LEVELS, Unit
from app.domain.figures import measures, scoring
from app.domain.figures.measures import Needed, Question
from app.domain.figures.scoring import Measure, Shown
from app.messages import Message
from app.store.read.figures import Wanted

router = APIRouter()

_COLUMNS = (
    "rank",
    "of",
    "unit.code",
    "unit.name",
    "unit.level",
    "score",
    "ratio",
    "previous_rank",
    "previous_score",
)
_KNOWN: Final = indicators.load()


@answer
class Ranked(TypedDict):
    """A unit and its place."""

    rank: Annotated[int | None, whole("The rank; equal ones share it (1-2-2-4); null without a figure.", 3, 1)]
    of: Annotated[int, whole("How many have a figure.", 148)]
    unit: UnitBrief
    score: Annotated[Number | None, said("Points; null where it is ranked by an indicator without.", 19.5)]
    ratio: Annotated[Number | None, said("Percent, where it is ranked by an indicator.", 97.5)]
    previous_rank: Annotated[int | None, whole("The rank in the compared period.", 5, 1)]
    previous_score: Annotated[Number | None, said("The points of the compared period.", 18.9)]
    value: NotRequired[Days]


@answer
class Ranking(Heading):
    """The units of a level in order."""

    level: Annotated[str, said("The level that is ranked.", "commune", enum=LEVELS)]
    by: Annotated[str, said("What it is ranked by.", "DOSSIER_ON_TIME", enum=["total", *GROUPS, *INDICATORS])]
    previous_period: Annotated[str | None, said("The compared period.", "2026-06")]
    rows: Annotated[list[Ranked], said("The best first; those without a figure last.")]


@router.get(
    "/v1/ranking",
    summary="The units of a level, the best first",
    **figure(Ranking, RANK_LEVEL, RANK_GROUP, RANK_INDICATOR, problems=("unknown_indicator",), rows="rows"),
)
async def ranking(request: Request, access: Reading, service: Serving) -> Response:
    """Units of `level` under the unit by total, by a `group`'s score, or by an `indicator`; as CSV too.

    A unit's figures are those of its scorecard. Equal ones share a rank and stand in the order of their codes. Of a
    period before a merger the successor stands with the sum of what it came of (`as=now`), or each unit that existed
    then for itself (`as=then`). A compared period in which nothing happened has no ranks.
    """
    wanted = asked(request, ("level", "group", "indicator"))
    query = dict(request.query_params)
    level = named(query, "level", LEVELS)
    by = _by(query)
    async with viewing(service, access, wanted) as view:
        found = await view.kept(request, service, lambda: _ranking(view, level, by))
    columns = (*_COLUMNS, *(("value",) if by.with_value else ()))
    return tabular_response(request, found, "rows", view.later, columns)


async def _ranking(view: View, level: str, by: _By) -> Ranking:
    """A ranking."""
    question = view.question()
    units = _ranked(view, level, question)
    compared = view.compared
    before, standings = await _standings(view, units, by, compared)
    ranked = rows(units, standings, before, by.by_ratio)
    if by.with_value:
        for row in ranked:
            row["value"] = standings[row["unit"]["code"]].value
    return {
        **view.heading,
        "as": view.wanted.seen,
        "level": level,
        "by": by.code,
        "previous_period": compared.label if compared else None,
        "rows": ranked,
    }


@dataclass(frozen=True, slots=True)
class Standing:
    """What a unit is ranked by: points, or the ratio of an indicator that has none."""

    score: Shown
    ratio: Shown = None
    value: Shown = None


@dataclass(frozen=True, slots=True)
class _By:
    """What is ranked by: the total, a group or an indicator."""

    code: str
    indicators: tuple[Indicator, ...]
    indicator: Indicator | None = None

    @property
    def by_ratio(self) -> bool:
        return self.indicator is not None and self.indicator.max is None

    @property
    def with_value(self) -> bool:
        return self.indicator is not None and self.indicator.kind == "average"

    def standing(self, measures: Mapping[str, Measure], narrowed: bool) -> Standing:
        """The standing that measures give."""
        found = [scoring.score_indicator(each, measures, narrowed) for each in self.indicators]
        if self.indicator is not None:
            return Standing(found[0].score, found[0].ratio, found[0].value)
        # The points of a group, and of all groups, are the sums of rounded parts; what has no data adds nothing.
        return Standing(sum((each.score for each in found if each.score is not None), Decimal("0.00")))


def _by(query: Mapping[str, str]) -> _By:
    if "group" in query and "indicator" in query:
        raise Problem(
            "invalid_parameter", Message("either a group or an indicator", "hoặc nhóm, hoặc chỉ số"), "indicator"
        )
    if "indicator" in query:
        indicator = indicator_of(query)
        return _By(indicator.code, (indicator,), indicator)
    groups = {each.code: each for each in _KNOWN.groups}
    if "group" in query:
        group = groups[one_of(query, "group", tuple(groups), "")]
        return _By(group.code, group.indicators)
    return _By("total", tuple(each for group in _KNOWN.groups for each in group.indicators))


def _ranked(view: View, level: str, question: Question) -> list[Unit]:
    """The units of the level under the asked one: not those merged into others, nor those that were not there."""
    there = view.catalogues.standing_in(question.a, question.b)
    return [each for each in there if each.level == level and codes.is_under(each.code, view.unit.code)]


async def _standings(
    view: View, units: Sequence[Unit], by: _By, compared: Comparison | None
) -> tuple[dict[str, Standing], dict[str, Standing]]:
    """Each unit's standing in the compared period, none where there is none, and in the one asked for; all from one
    reading."""
    catalogues = view.catalogues
    asked = view.question()
    owners: dict[int, list[str]] = {}
    summed: dict[int, Unit] = {}
    for unit in units:
        for each in catalogues.in_scope(unit.code, asked.scope):
            owners.setdefault(each.id, []).append(unit.code)
            summed[each.id] = each
    needed = Needed.of(by.indicators)
    wanted = Wanted(tuple(summed.values()), needed, asked.procedure, by_unit=True)
    everyone = [unit.code for unit in units]
    found: list[dict[str, Standing]] = []
    for question, counted in await view.in_turn(
        wanted, compared, lambda cube: cube.in_turn(lambda cell: owners[cell[0]], everyone)
    ):
        remits = Remits.within(catalogues, question.a, question.b)
        standings = {}
        for unit in units:
            mine = replace(question, unit=unit)
            found_here = measures.measures(catalogues, mine, counted[unit.code], needed, remits)
            standings[unit.code] = by.standing(found_here, question.procedure is not None)
        # What counts the catalogue alone has figures of any period.
        earlier = compared is not None and not found
        blank = earlier and needed.of_events and all(counted[code].is_nothing for code in everyone)
        found.append({} if blank else standings)
    return (found[0], found[1]) if compared is not None else ({}, found[0])


def rows(
    units: Sequence[Unit], standings: Mapping[str, Standing], before: Mapping[str, Standing], by_ratio: bool
) -> list[Ranked]:
    """The table: best first, ties 1-2-2-4 and then by code, those without a figure last and without a rank.

    Args:
        before: standings of the compared period, ranked among the same units; empty where there is none.
    """

    def ranks(found: Mapping[str, Standing]) -> dict[str, int | None]:
        figure = [each.ratio if by_ratio else each.score for each in found.values()]
        return dict(zip(found, scoring.ranks(figure), strict=True))

    now, then = ranks(standings), ranks(before)
    of = sum(rank is not None for rank in now.values())
    told: list[Ranked] = []
    for unit in sorted(units, key=lambda unit: (now[unit.code] or of + 1, codes.sort_key(unit.code))):
        standing, earlier = standings[unit.code], before.get(unit.code)
        told.append(
            {
                "rank": now[unit.code],
                "of": of,
                "unit": unit_brief(unit),
                "score": standing.score,
                "ratio": standing.ratio,
                "previous_rank": then.get(unit.code),
                "previous_score": earlier.score if earlier is not None else None,
            }
        )
    return told
