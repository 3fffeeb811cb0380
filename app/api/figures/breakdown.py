"""`GET /v1/breakdown`: one indicator by the parts of a unit or of its dossiers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, NamedTuple, NotRequired

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import Additive, Counts, Days, Heading, IndicatorCode, View, viewing
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import answer, said
from app.api.http.openapi.parameters import BY, INDICATOR
from app.api.http.openapi.routes import Router, figure
from app.api.http.parameters import asked, indicator_of, named
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.domain import codes
from app.domain.catalogues.indicators import Indicator
from app.domain.catalogues.remits import Remits
from app.domain.catalogues.root import Catalogues, Scope, Unit
from app.domain.figures import measures, scoring
from app.domain.figures.cube import Cell, Cube, Slices, why_not_additive
from app.domain.figures.measures import Needed, Question
from app.domain.figures.scoring import Measure, ScoredIndicator
from app.domain.figures.standing import anything_counted
from app.domain.lives.dossier import CHANNELS
from app.messages import Message
from app.store.read.figures import Wanted

router = Router()

Dimension = Literal["unit", "procedure", "sector", "channel"]
DIMENSIONS: Final[tuple[Dimension, ...]] = ("unit", "procedure", "sector", "channel")
CHANNEL_NAMES: Final = {"online": "Trực tuyến", "counter": "Trực tiếp", "postal": "Bưu chính công ích"}
NO_SECTOR: Final = "Không rõ lĩnh vực"


@answer
class Whole(Counts):
    """The figure that is broken down."""

    value: NotRequired[Days]


@answer
class Key(TypedDict):
    """Which part it is."""

    key: Annotated[str, said("The unit, procedure, sector or channel.", "H44.07")]
    name: Annotated[str | None, said("Its name.", "Sở Công Thương")]


@answer
class Part(Key, Whole):
    """A part's own figure."""


@answer
class Breakdown(Heading, Additive):
    """An indicator by its parts."""

    indicator: IndicatorCode
    by: Annotated[Dimension, said("The dimension.", "unit")]
    total: Whole
    rows: Annotated[list[Part], said("The parts.")]


@router.get(
    "/v1/breakdown",
    summary="An indicator by its parts",
    **figure(Breakdown, INDICATOR, BY, problems=("unknown_indicator", "no_breakdown"), rows="rows"),
)
async def breakdown(request: Request, access: Reading, service: Serving) -> Response:
    """`by=unit`: the direct children and the unit's own part; by procedure, sector or channel of the dossiers.

    `total` is the figure that is broken down; `additive` says whether the rows' counts add up to it, `note` why they
    do not. As CSV too. Units that were not there in the period are no rows of `as=then`.
    """
    wanted = asked(request, ("indicator", "by"))
    query = dict(request.query_params)
    indicator = indicator_of(query)
    by = named(query, "by", DIMENSIONS, "dimension")
    _require_dimension(indicator, by)
    async with viewing(service, access, wanted) as view:
        found = await view.kept(request, service, lambda: _breakdown(view, indicator, by))
    columns = ("key", "name", "numerator", "denominator", "ratio", *(("value",) if indicator.kind == "average" else ()))
    return tabular_response(request, found, "rows", view.later, columns)


async def _breakdown(view: View, indicator: Indicator, by: Dimension) -> Breakdown:
    """A breakdown."""
    needed = Needed.of([indicator])
    question = view.question()
    cube = await view.reader.cube(
        Wanted(
            question.units_in(view.catalogues),
            needed,
            view.wanted.procedure,
            by_unit=by == "unit",
            by_procedure=by in ("procedure", "sector"),
            by_channel=by == "channel",
        ),
        Slices.of(question.a, question.b),
    )
    rows = _by_unit(view, question) if by == "unit" else await _by_dossier(view, question, cube, by)
    split = cube.split(rows.owners, by_dossier=by != "unit")
    remits = Remits.within(view.catalogues, question.a, question.b)
    whole = measures.measures(view.catalogues, question, cube.whole(), needed, remits)
    figured, reported = [], _is_reported(whole)
    for row in rows.every(split):
        counted = split.get(row.key) or cube.empty()
        # Not kept: a thousand rows' measures would be most of what an answer touches.
        part = measures.measures(view.catalogues, row.question, counted, needed, remits)
        reported = reported or _is_reported(part)
        if row.always or anything_counted([indicator], part):
            figured.append((row, scoring.score_indicator(indicator, part, view.wanted.procedure is not None)))
    note = why_not_additive(indicator, "units" if by == "unit" else "dossiers", reported)
    return {
        **view.heading,
        "indicator": indicator.code,
        "by": by,
        "additive": note is None,
        "note": note,
        "total": _told(scoring.score_indicator(indicator, whole, view.wanted.procedure is not None)),
        "rows": [{"key": row.key, "name": row.name, **_told(figure)} for row, figure in figured],
    }


def _require_dimension(indicator: Indicator, by: str) -> None:
    """Refuse what cannot be taken apart: the root's publications and constants; by dossiers what counts none."""
    if indicator.kind == "constant" or indicator.root_only or (by != "unit" and indicator.counts != "dossiers"):
        none = Message(
            "{indicator} cannot be broken down by {by}",
            "{indicator} không phân tích được theo {by}",
            indicator=indicator.code,
            by=by,
        )
        raise Problem("no_breakdown", none, "by")


def _is_reported(measures: Mapping[str, Measure]) -> bool:
    return measures["synced_base"] != measures["received"]


def _told(figure: ScoredIndicator) -> Whole:
    told: Whole = {"numerator": figure.numerator, "denominator": figure.denominator, "ratio": figure.ratio}
    if figure.indicator.kind == "average":
        told["value"] = figure.value
    return told


class _Row(NamedTuple):
    """A row: what it is called, and the question whose figure it shows. `always`: also where nothing was counted."""

    key: str
    name: str | None
    question: Question
    always: bool


@dataclass(frozen=True)
class _Rows:
    """Which row a cell belongs to, and the rows in their order."""

    owners: Callable[[Cell], tuple[str, ...]]
    every: Callable[[Mapping[str, object]], list[_Row]]


def _by_unit(view: View, question: Question) -> _Rows:
    catalogues, asked_unit = view.catalogues, view.unit
    row_of, members = _members(catalogues, asked_unit, question)
    rows = []
    for code in sorted(members, key=codes.sort_key):
        unit = catalogues.units[code]
        own = unit is asked_unit
        name = f"{unit.name or unit.code} (riêng)" if own else unit.name
        scope: Scope = "own" if own else "subtree"
        mine = Question(unit, scope, question.label, question.a, question.b, question.procedure, tuple(members[code]))
        # As then, those that were not there are told only where they must be for the rows to add up.
        there = own or view.wanted.seen == "now" or any(each.existed(question.a, question.b) for each in members[code])
        rows.append(_Row(code, name, mine, there))
    return _Rows(lambda cell: (row_of[cell[0]],), lambda split: rows)


def _members(
    catalogues: Catalogues, asked_unit: Unit, question: Question
) -> tuple[dict[int, str], dict[str, list[Unit]]]:
    """The row of every unit (id), and the units of every row."""
    known = ("rows", asked_unit.code, question.scope)
    found: tuple[dict[int, str], dict[str, list[Unit]]] | None = catalogues.kept.get(known)
    if found is not None:
        return found
    inside = frozenset(each.code for each in catalogues.in_scope(asked_unit.code, "subtree"))
    row_of = {each.id: row_key(catalogues, asked_unit.code, each, inside) for each in question.units_in(catalogues)}
    members: dict[str, list[Unit]] = {asked_unit.code: []}
    if question.scope == "subtree":
        members |= {each.code: [] for each in children(catalogues, asked_unit.code)}
    for each in question.units_in(catalogues):
        members.setdefault(row_of[each.id], []).append(each)
    catalogues.kept[known] = row_of, members
    return row_of, members


def children(catalogues: Catalogues, code: str) -> list[Unit]:
    """The direct children that still stand for themselves: those merged into another unit are within that one."""
    return [each for each in catalogues.units.values() if catalogues.parent_of(each) == code and not each.successor]


def row_key(catalogues: Catalogues, above: str, unit: Unit, inside: Collection[str]) -> str:
    """The row of a breakdown of `above` that a unit of its subtree, `inside`, belongs to.

    A merged unit goes where its last successor within the subtree is; then up to the direct child. What was under a
    merged unit without being merged itself keeps that unit's row, as its figures are in no other scorecard.
    """
    code, seen = unit.code, {unit.code}
    while (successor := catalogues.units[code].successor) in inside and successor not in seen:
        assert successor is not None
        code = successor
        seen.add(code)
    while code != above:
        parent = catalogues.parent_of(catalogues.units[code])
        if parent == above or parent not in inside:
            return code
        assert parent is not None
        code = parent
    return above


def _order(catalogues: Catalogues) -> dict[str, int]:
    """The places of the catalogue's procedures in the order in which people read them."""
    found: dict[str, int] | None = catalogues.kept.get("order")
    if found is None:
        ordered = sorted(catalogues.procedures, key=codes.sort_key)
        found = catalogues.kept["order"] = {code: place for place, code in enumerate(ordered)}
    return found


async def _by_dossier(view: View, question: Question, cube: Cube, by: str) -> _Rows:
    """Rows of dossiers. Their questions have no label: a national report is of all dossiers together."""
    part = replace(question, label="")
    if by == "channel":
        rows = [_Row(each, CHANNEL_NAMES[each], part, True) for each in CHANNELS]
        return _Rows(lambda cell: (CHANNELS[cell[2]],), lambda split: rows)
    ids = {cell[1] for cell in cube.cells["dossier"]}.union(*(each.received for each in cube.uses.values()))
    known = view.catalogues.procedures
    code_of = await view.reader.procedure_codes(ids)
    if by == "procedure":

        def of_procedures(split: Mapping[str, object]) -> list[_Row]:
            order = _order(view.catalogues)
            found = sorted(split, key=order.__getitem__ if order.keys() >= split.keys() else codes.sort_key)
            return [_Row(code, known[code].name if code in known else None, part, False) for code in found]

        return _Rows(lambda cell: (code_of.get(cell[1], ""),), of_procedures)

    def sector(cell: Cell) -> tuple[str, ...]:
        procedure = known.get(code_of.get(cell[1], ""))
        return ((procedure.sector or "") if procedure is not None else "",)

    def of_sectors(split: Mapping[str, object]) -> list[_Row]:
        return [_Row(each, each or NO_SECTOR, part, False) for each in sorted(split, key=lambda key: (not key, key))]

    return _Rows(sector, of_sectors)
