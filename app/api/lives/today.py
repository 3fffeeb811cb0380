"""`GET /v1/today`: open dossiers and petitions that are late or soon will be, with the points at stake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Final, NamedTuple

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import Heading, UnitBrief, View, unit_brief, viewing
from app.api.http.answers import LATER, Encoded, instant
from app.api.http.auth import Reading
from app.api.http.csv import tabular_response
from app.api.http.fields import Number, answer, date, said, time, whole
from app.api.http.openapi.parameters import MOST_DAYS, PROCEDURE, SCOPE, STATE, UNIT, USUAL_DAYS, WITHIN
from app.api.http.openapi.routes import UNIT as OF_UNIT
from app.api.http.openapi.routes import Router, pages
from app.api.http.paging import LARGEST, Paged
from app.api.http.parameters import asked_of, one_of, only, whole_of
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.api.lives.dossiers import CHANGED, Cursor, DeadlineAt, DueAt, Flags, ReceivedAt, Subject, life_item
from app.domain import codes
from app.domain.calendar import periods
from app.domain.calendar.civil import Day, Instant, date_of, day_of
from app.domain.catalogues.root import Catalogues, Unit
from app.domain.figures import measures, scoring
from app.domain.figures.cube import Slices
from app.domain.figures.measures import Question
from app.domain.figures.stakes import NEEDED, NOTHING, Ahead, Class, Counted, Kind, Stakes
from app.domain.lives.events import Channel
from app.store.read.dossiers import Found
from app.store.read.figures import Wanted
from app.store.read.open import STATES, OpenLives, State

router = Router()

_BEGUN: Final = periods.parse("2000")
"""Any year that has begun: which one it is, the snapshot tells."""

Late = Annotated[int, whole("Open ones that are late.", 1)]
Due = Annotated[int, whole("Open ones whose deadline comes within the working days asked for.", 2)]
AtStake = Annotated[Number, said("Points of the score that are lost when all of those due end late.", 0.12)]


@answer
class OpenLate(TypedDict):
    """What is late: on time nothing more can be lost by it."""

    dossiers: Annotated[int, whole("Dossiers.", 1)]
    petitions: Annotated[int, whole("Petitions.", 0)]
    since: Annotated[str | None, time("The earliest deadline of them; null where there are none.")]


@answer
class OpenDue(TypedDict):
    """What becomes late within some working days, all of fewer days among it."""

    within: Annotated[int, whole("Working days after today; 0 is today.", 1, maximum=MOST_DAYS)]
    to: Annotated[str, date("The last day of these deadlines: the one before the next working day.", "2026-11-24")]
    dossiers: Annotated[int, whole("Dossiers.", 2)]
    petitions: Annotated[int, whole("Petitions.", 0)]
    points: Annotated[Number, said("What the unit's score loses when all of them end late.", 0.12)]


@answer
class OfUnit(TypedDict):
    """What a unit handles."""

    unit: UnitBrief
    late: Late
    due: Due
    points: AtStake


@answer
class OfProcedure(TypedDict):
    """What there is of a procedure."""

    procedure: Annotated[str | None, said("The procedure; null for petitions.", "1.004555")]
    name: Annotated[str | None, said("Its name.", "Cấp giấy phép")]
    late: Late
    due: Due
    points: AtStake


@answer
class OpenItem(TypedDict):
    """An open dossier or petition: codes and times only."""

    kind: Annotated[Kind, said("What it is.", "dossier")]
    subject: Subject
    unit: Annotated[str, said("The unit that handles it.", "H44.07")]
    procedure: Annotated[str | None, said("The procedure.", "1.004555")]
    channel: Annotated[Channel | None, said("How it came.", "online")]
    received_at: ReceivedAt
    due_at: DueAt
    deadline: DeadlineAt
    late: Annotated[bool, said("Whether its deadline has passed.", False)]
    working_days: Annotated[int, whole("Working days after today to its deadline; of a late one since then.", 1)]
    points: Annotated[
        Number,
        said("What the score of the unit that handles it loses when this one ends late; 0 for what is late.", 0.06),
    ]
    points_exact: Annotated[Number, said("The same before rounding, six decimals: the list's order.", 0.061538)]
    flags: Flags


ITEM: Final = tuple(OpenItem.__annotations__)


@answer
class Today(Heading):
    """What is late, and what soon will be."""

    within: Annotated[int, whole("How many working days are looked ahead.", USUAL_DAYS, maximum=MOST_DAYS)]
    late: OpenLate
    due: Annotated[list[OpenDue], said("By working days.")]
    by_unit: Annotated[list[OfUnit], said("By the unit that handles it, most of its own points first.")]
    by_procedure: Annotated[list[OfProcedure], said("By procedure, most of the asked unit's points first.")]
    state: Annotated[State | None, said("What the list has, null for both.", None, enum=[*STATES, None])]
    total: Annotated[int, whole("How many the list has.", 3)]
    items: Annotated[list[OpenItem], said("A page of them.", maxItems=LARGEST)]
    next: Cursor


class _Mark(NamedTuple):
    """Where a list goes on: the instant and state of its first page, and how many came before."""

    as_of: int
    stamp: tuple[int, ...]
    offset: int


@router.get(
    "/v1/today",
    summary="What is late now or soon will be",
    **pages(Today, UNIT, SCOPE, PROCEDURE, WITHIN, STATE, problems=(*OF_UNIT, "snapshot_changed"), rows="items"),
)
async def today(request: Request, access: Reading, service: Serving) -> Response:
    """Open dossiers and petitions whose deadline has passed, or comes within some working days of the root's calendar.

    `points` are those of this year's score (`period`), at present figures: with an item, what the scorecard of the
    unit that handles it loses when this one ends late instead of in time; beside counts, what it loses when all of
    those due end late. What is late already, or due only after the year, has 0: nothing more can be lost. `scope`,
    `procedure` and `state` narrow the list; points are of whole scores.

    Most points come first, before rounding, then the earliest deadline, then the code; so what is late comes last, the
    longest first. All pages are of the instant of the first; when anything has changed since, the cursor is 409
    `snapshot_changed`. The list as CSV too.
    """
    paged = Paged.of(request, service)
    query = only(paged.request, ("unit", "scope", "procedure", "within", "state"))
    wanted = asked_of(query, _BEGUN)
    within = whole_of(query, "within", MOST_DAYS, USUAL_DAYS)
    state = one_of(query, "state", STATES, "late") if "state" in query else None
    async with viewing(service, access, wanted, lists=True) as view:
        about = ("today", view.unit.code, wanted.scope, wanted.procedure, within, state)
        mark = paged.mark(_Mark, about)
        stamp = view.moment.version(await view.reader.changes(view.counted))
        if mark is not None and mark.stamp != stamp:
            raise Problem("snapshot_changed", CHANGED, "cursor")
        # All pages are of the instant of the first, and of its year.
        moment = view.moment if mark is None else replace(view.moment, now=mark.as_of)
        year = periods.parse(str(date_of(day_of(Instant(moment.now))).year))
        view = replace(view, moment=moment, wanted=replace(wanted, period=year))
        asked = _Asked(view, within, state, mark.offset if mark else 0, paged.limit, stamp)
        if mark is None:
            name = (request.url.path, within, state, paged.limit)
            found = (await view.answer(service, name, asked.answer)).figure
        else:
            found = await asked.answer()
    following = _Mark(moment.now, stamp, asked.offset + paged.limit) if found.tells("next") else None
    cursor = paged.cursor_of(following, about)
    return paged.linked(tabular_response(request, found, "items", view.later | {"next": cursor}, ITEM), cursor)


@dataclass(frozen=True)
class _Asked:
    """What is asked for."""

    view: View
    within: int
    state: State | None
    offset: int
    limit: int
    stamp: tuple[int, ...]

    async def answer(self) -> Encoded:
        """A page, in its bytes; it tells its `next` only where more follow."""
        view = self.view
        ahead = Ahead.of(view.now, self.within, view.wanted.period, view.catalogues.calendar)
        lives = OpenLives(view.reader, view.question().units_in(view.catalogues), ahead.edges, view.wanted.procedure)
        counted = await lives.counted()
        stakes = await _stakes(view, lives.units, counted, ahead)
        total = sum(each.number for each in counted if self.state in (None, "late" if each.slot == 0 else "due"))
        ranks = stakes.ranks()
        listed = await lives.listed(ranks, view.wanted.period.b, self.state, self.offset, self.limit)
        code_of = await view.reader.procedure_codes({each.procedure or 0 for each in counted})
        more = self.offset + len(listed) < total
        page: Today = {
            **view.heading,
            "within": self.within,
            "late": _late(counted),
            "due": _due(stakes, view.unit),
            "by_unit": _by_unit(stakes, view.catalogues.units),
            "by_procedure": _by_procedure(stakes, view.unit, view.catalogues, code_of),
            "state": self.state,
            "total": total,
            "items": [self._item(each, stakes, code_of) for each in listed],
            "next": LATER if more else None,
        }
        # Of a cursor, what it holds by: whoever has the page still has a cursor that lives.
        return Encoded.of(page, self.stamp if more else None)

    def _item(self, listed: tuple[Kind, Found], stakes: Stakes, code_of: dict[int, str]) -> OpenItem:
        kind, found = listed
        row, now = found.row, self.view.moment.now
        late = row["deadline"] < now
        today, deadline = day_of(Instant(now)), day_of(Instant(row["deadline"]))
        between = (deadline, today) if late else (today, deadline)
        lost = NOTHING
        if not late and row["deadline"] < self.view.wanted.period.b:
            lost = stakes.of(Class(row["unit_id"], kind, row["disliked"]))
        told = life_item("life" if kind == "dossier" else kind, found, now, code_of)
        return {
            "kind": kind,
            "subject": told["subject"],
            "unit": found.unit,
            "procedure": told["procedure"],
            "channel": told["channel"],
            "received_at": told["received_at"],
            "due_at": told["due_at"],
            "deadline": told["deadline"],
            "late": late,
            "working_days": self.view.catalogues.calendar.workdays_between(*between),
            "points": lost.points,
            "points_exact": scoring.half_up(lost.exact, 6),
            "flags": told["flags"],
        }


class _Kinds(TypedDict):
    dossiers: int
    petitions: int


def _kinds(counted: Collection[Counted]) -> _Kinds:
    """How many of them are what."""
    numbers = Counter[Kind]()
    for each in counted:
        numbers[each.of.kind] += each.number
    return {"dossiers": numbers["dossier"], "petitions": numbers["petition"]}


def _late(counted: Collection[Counted]) -> OpenLate:
    late = [each for each in counted if each.slot == 0]
    since = instant(min(each.first for each in late)) if late else None
    return {**_kinds(late), "since": since}


def _due(stakes: Stakes, unit: Unit) -> list[OpenDue]:
    told: list[OpenDue] = []
    for within, until in stakes.ahead.until.items():
        due = stakes.ahead.due(stakes.counted, within)
        to = date_of(Day(day_of(until) - 1)).isoformat()
        told.append({"within": within, "to": to, **_kinds(due), "points": stakes.of_all(unit.code, due).points})
    return told


class _Part(TypedDict):
    late: int
    due: int
    points: Decimal


def _part(counted: Collection[Counted], points: Decimal) -> _Part:
    late = sum(each.number for each in counted if each.slot == 0)
    return {"late": late, "due": sum(each.number for each in counted) - late, "points": points}


def _by_unit(stakes: Stakes, units: Mapping[str, Unit]) -> list[OfUnit]:
    """What each unit handles."""
    apart = stakes.apart(lambda each: stakes.handlers[each.of.unit].code)
    lost = {code: stakes.of_all(code, each) for code, each in apart.items()}
    rows: list[OfUnit] = [
        {"unit": unit_brief(units[code]), **_part(each, lost[code].points)} for code, each in apart.items()
    ]
    return sorted(
        rows, key=lambda row: (-lost[row["unit"]["code"]].exact, -row["late"], codes.sort_key(row["unit"]["code"]))
    )


def _by_procedure(stakes: Stakes, unit: Unit, catalogues: Catalogues, code_of: Mapping[int, str]) -> list[OfProcedure]:
    """What there is of each procedure, and of petitions."""
    apart = stakes.apart(lambda each: code_of[each.procedure] if each.procedure is not None else None)
    lost = {code: stakes.of_all(unit.code, each) for code, each in apart.items()}
    names = {each.code: each.name for each in catalogues.procedures.values()}
    rows: list[OfProcedure] = [
        {
            "procedure": code,
            "name": None if code is None else names.get(code),
            **_part(each, lost[code].points),
        }
        for code, each in apart.items()
    ]
    return sorted(rows, key=lambda row: (-lost[row["procedure"]].exact, -row["late"], row["procedure"] or ""))


async def _stakes(view: View, units: Collection[Unit], counted: Collection[Counted], ahead: Ahead) -> Stakes:
    """What is at stake, by this year's scores of the units that handle it and of the asked one."""
    catalogues, asked = view.catalogues, view.unit
    handlers = catalogues.standing_as(units)
    scored = {asked.code: asked}
    for each in counted:
        if ahead.costs(each.slot):
            unit = handlers[each.of.unit]
            scored[unit.code] = unit
    owners: dict[int, list[str]] = {}
    for code in scored:
        for part in catalogues.in_scope(code, "subtree"):
            owners.setdefault(part.id, []).append(code)
    year = view.wanted.period
    question = Question(asked, "subtree", year.label, year.a, year.effective_end(view.now))
    wanted = Wanted(question.units_in(catalogues), NEEDED, by_unit=True)
    cube = await view.reader.cube(wanted, Slices.of(question.a, question.b))
    split = cube.split(lambda cell: owners.get(cell[0], ()))
    nothing = cube.empty()
    present = {
        code: measures.measures(catalogues, replace(question, unit=unit), split.get(code, nothing), NEEDED)
        for code, unit in scored.items()
    }
    return Stakes(ahead, counted, handlers, present)
