"""`GET /v1/ranking`: the units of one level in the order of their total, groups' scores or indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, NotRequired

from fastapi import Request, Response
from starlette.datastructures import QueryParams
from typing_extensions import TypedDict

from app.api.figures.view import Days, Heading, UnitBrief, View, unit_brief, viewing
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import Number, answer, said, whole
from app.api.http.openapi.parameters import RANK_GROUP, RANK_INDICATOR, RANK_LEVEL
from app.api.http.openapi.routes import Router, figure
from app.api.http.parameters import GROUPS, INDICATORS, asked, figures_of, named, one_of
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.domain import codes
from app.domain.catalogues.remits import Remits
from app.domain.catalogues.root import LEVELS, Unit
from app.domain.figures import measures, scoring
from app.domain.figures.measures import Needed, Question
from app.domain.figures.standing import TOTAL, By, Scores, Standing, indicators_of
from app.messages import Message
from app.store.read.figures import Wanted

router = Router()

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


@answer
class Ranked(TypedDict):
    """A unit and its place."""

    rank: Annotated[int | None, whole("The rank; equal ones share it (1-2-2-4); null without a figure.", 3, 1)]
    of: Annotated[int, whole("How many have a figure.", 148)]
    unit: UnitBrief
    score: Annotated[Number | None, said("Points; null where it is ranked by an indicator without.", 19.5)]
    ratio: Annotated[Number | None, said("Percent, where it is ranked by an indicator.", 97.5)]
    previous_rank: Annotated[int | None, whole("The rank in the compared period; null where nothing counted.", 5, 1)]
    previous_score: Annotated[Number | None, said("The points of the compared period.", 18.9)]
    value: NotRequired[Days]


@answer
class Order(TypedDict):
    """Units in an order."""

    by: Annotated[str, said("What they are ranked by.", "DOSSIER_ON_TIME", enum=["total", *GROUPS, *INDICATORS])]
    rows: Annotated[list[Ranked], said("The best first; those without a figure last.")]


@answer
class RankingHeading(Heading):
    """What a ranking begins with."""

    level: Annotated[str, said("The level that is ranked.", "commune", enum=LEVELS)]
    previous_period: Annotated[str | None, said("The compared period.", "2026-06")]


@answer
class Ranking(RankingHeading, Order):
    """The units of a level in order."""


@answer
class SeveralRankings(RankingHeading):
    """The units of a level in several orders."""

    rankings: Annotated[list[Order], said("One for each that was asked for, in that order.")]


@router.get(
    "/v1/ranking",
    summary="The units of a level, the best first",
    **figure(
        Ranking | SeveralRankings,
        *(RANK_LEVEL, RANK_GROUP, RANK_INDICATOR),
        problems=("unknown_indicator",),
        rows="rows",
    ),
)
async def ranking(request: Request, access: Reading, service: Serving) -> Response:
    """Units of `level` under the unit by total, by a `group`'s score, or by an `indicator`; as CSV too.

    A unit's figures are those of its scorecard. Equal ones share a rank and stand in the order of their codes. Of a
    period before a merger the successor stands with the sum of what it came of (`as=now`), or each unit that existed
    then for itself (`as=then`). Where nothing was counted for a unit in the compared period, it had no rank there.

    Several `group`s or several `indicator`s (also `TOTAL` and codes of groups) are one call and one reading: they come
    in `rankings`, in the order asked; one alone stands in the answer itself.
    """
    wanted = asked(request, ("level", "group", "indicator"), many=("group", "indicator"))
    level = named(dict(request.query_params), "level", LEVELS)
    of = _asked(request.query_params)
    async with viewing(service, access, wanted) as view:
        found = await view.kept(request, service, lambda: _ranking(view, level, of))
    columns = (*(("by",) if len(of) > 1 else ()), *_COLUMNS, *(("value",) if any(by.with_value for by in of) else ()))
    return tabular_response(request, found, "rows", view.later, columns)


def _asked(query: QueryParams) -> list[By]:
    """What is ranked by: the total, groups or indicators."""
    groups, codes_asked = query.getlist("group"), query.getlist("indicator")
    if groups and codes_asked:
        raise Problem(
            "invalid_parameter", Message("either a group or an indicator", "hoặc nhóm, hoặc chỉ số"), "indicator"
        )
    for each in groups:
        one_of({"group": each}, "group", GROUPS, "")
    return figures_of(groups or codes_asked or (TOTAL,))


async def _ranking(view: View, level: str, of: Sequence[By]) -> Ranking | SeveralRankings:
    """One ranking, or several."""
    compared = view.compared
    units = _ranked(view, level, view.question())
    # Those of its own time: what is told of the compared period is what its own ranking tells.
    earlier = _ranked(view, level, view.question(compared)) if compared is not None else []
    standings, before = await _standings(view, units, earlier, of)
    orders: list[Order] = []
    for number, by in enumerate(of):
        now = {code: found[number] for code, found in standings.items()}
        ranked = rows(units, now, {code: found[number] for code, found in before.items()}, by.by_ratio)
        if by.with_value:
            for row in ranked:
                row["value"] = now[row["unit"]["code"]].value
        orders.append({"by": "total" if by.code == TOTAL else by.code, "rows": ranked})
    heading: RankingHeading = {
        **view.heading,
        "as": view.wanted.seen,
        "level": level,
        "previous_period": compared.label if compared else None,
    }
    if len(orders) > 1:
        return {**heading, "rankings": orders}
    return {**heading, **orders[0]}


def _ranked(view: View, level: str, question: Question) -> list[Unit]:
    """The units of the level under the asked one: not those merged into others, nor those that were not there."""
    there = view.catalogues.standing_in(question.a, question.b)
    return [each for each in there if each.level == level and codes.is_under(each.code, view.unit.code)]


_Standings = dict[str, list[Standing]]
"""By unit, its standing in each of what is asked for."""


async def _standings(
    view: View, units: Sequence[Unit], before: Sequence[Unit], of: Sequence[By]
) -> tuple[_Standings, _Standings]:
    """The standings of units in the period asked for, and of those `before` in the compared one, from one reading."""
    catalogues = view.catalogues
    asked = view.question()
    owners: dict[int, list[str]] = {}
    summed: dict[int, Unit] = {}
    everyone = {each.code: each for each in (*units, *before)}
    for code in everyone:
        for each in catalogues.in_scope(code, asked.scope):
            owners.setdefault(each.id, []).append(code)
            summed[each.id] = each
    needed = Needed.of(indicators_of(of))
    wanted = Wanted(tuple(summed.values()), needed, asked.procedure, by_unit=True)
    found: list[_Standings] = []
    for question, counted in await view.in_turn(
        wanted, view.compared, lambda cube: cube.in_turn(lambda cell: owners[cell[0]], everyone)
    ):
        remits = Remits.within(catalogues, question.a, question.b)
        standings: _Standings = {}
        for unit in before if view.compared is not None and not found else units:
            mine = replace(question, unit=unit)
            found_here = measures.measures(catalogues, mine, counted[unit.code], needed, remits)
            scores = Scores(found_here, question.procedure is not None)
            standings[unit.code] = [by.standing(scores) for by in of]
        found.append(standings)
    return found[-1], found[0] if view.compared is not None else {}


def rows(
    units: Sequence[Unit], standings: Mapping[str, Standing], before: Mapping[str, Standing], by_ratio: bool
) -> list[Ranked]:
    """The table: best first, ties 1-2-2-4 and then by code, those without a figure last and without a rank.

    Args:
        before: standings of the compared period, of the units of that time; empty where there is none. Blank ones
            are not told, though they have their places among the others.
    """

    def ranks(found: Mapping[str, Standing]) -> dict[str, int | None]:
        figure = [each.ratio if by_ratio else each.score for each in found.values()]
        return dict(zip(found, scoring.ranks(figure), strict=True))

    now, then = ranks(standings), ranks(before)
    of = sum(rank is not None for rank in now.values())
    told: list[Ranked] = []
    for unit in sorted(units, key=lambda unit: (now[unit.code] or of + 1, codes.sort_key(unit.code))):
        standing, earlier = standings[unit.code], before.get(unit.code)
        known = earlier is not None and not earlier.blank
        told.append(
            {
                "rank": now[unit.code],
                "of": of,
                "unit": unit_brief(unit),
                "score": standing.score,
                "ratio": standing.ratio,
                "previous_rank": then[unit.code] if known else None,
                "previous_score": earlier.score if known and earlier is not None else None,
            }
        )
    return told
