"""What scorecard, ranking, series, breakdown, advice and lists share: what a figure is seen from, and how it begins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Annotated, Final, NotRequired, TypeVar

from fastapi import Request
from typing_extensions import TypedDict

from app.api.http.answers import LATER, Encoded, instant
from app.api.http.auth import Access, root_for
from app.api.http.caching import Kept, Key
from app.api.http.csv import FORMAT
from app.api.http.fields import Number, answer, date, said, time, whole
from app.api.http.parameters import COMMON, INDICATORS, Asked
from app.api.http.problems import Problem
from app.api.http.service import Service
from app.domain.calendar import periods
from app.domain.calendar.civil import Instant, date_of
from app.domain.calendar.periods import Comparison, Period, PeriodInFuture
from app.domain.catalogues import indicators
from app.domain.catalogues.root import LEVELS, Catalogues, Scope, Seen, Unit
from app.domain.figures.advice import Outlook
from app.domain.figures.cube import Cube, Slices
from app.domain.figures.measures import Question
from app.store.read.figures import Reader, Wanted
from app.store.snapshot import ReadingMoment, reading_moment

_T = TypeVar("_T")

_FOR_EVER: Final = 2**62
_KNOWN: Final = indicators.load()

IndicatorCode = Annotated[str, said("The indicator's code.", "DOSSIER_ON_TIME", enum=INDICATORS)]
Score = Annotated[Number | None, said("Points, two decimals; null where there are none.", 17.68)]
Days = Annotated[Number | None, said("Only of AVERAGE_PROCESSING_TIME: days.", 3.25)]
AsOf = Annotated[str, time("The instant of the cut.", "2026-11-23T08:00:00.123456+07:00")]
Refolding = Annotated[bool, said("Whether lives are still being folded again after an edit or upgrade.", False)]


@answer
class UnitBrief(TypedDict):
    """A unit."""

    code: Annotated[str, said("The unit's code.", "H44")]
    name: Annotated[str | None, said("Its name.", "UBND tỉnh Phú Thọ")]
    level: Annotated[str | None, said("Its level.", "province", enum=[*LEVELS, None])]


@answer
class CatalogueBrief(TypedDict):
    """What the figures were computed with."""

    version: Annotated[str, said("The rules' version.", _KNOWN.version)]
    hash: Annotated[str, said("Digest of the rules and catalogues that were applied.", "1f0a6c6b6f0e1d2c")]


Span = TypedDict(
    "Span",
    {
        "from": Annotated[str, date("The first day.", "2026-07-01")],
        "to": Annotated[str, date("The last day, included.", "2026-07-31")],
    },
)
"""What has a first and a last day."""


@answer
class PeriodBrief(Span):
    """The period, in civil time (+07:00)."""

    label: Annotated[str, said("Its canonical text; `2026-01-01..2026-04-20` for two dates.", "2026-07")]
    open: Annotated[bool, said("Whether it still runs: its figures are provisional.", False)]
    effective_end: Annotated[str, time("The instant that is counted to, exclusive.", "2026-08-01T00:00:00+07:00")]


SeenAs = TypedDict(
    "SeenAs",
    {
        "as": NotRequired[
            Annotated[
                Seen,
                said("How merged units are seen; without it as now, under their successors.", "now"),
            ]
        ],
    },
)
"""What says how merged units are seen."""


@answer
class Heading(SeenAs):
    """What every figure of a unit and period begins with."""

    unit: UnitBrief
    scope: Annotated[Scope, said("The unit with all under it, or alone.", "subtree")]
    procedure: Annotated[str | None, said("The procedure it is narrowed to.", None)]
    period: PeriodBrief
    as_of: AsOf
    catalogue: CatalogueBrief
    refolding: Refolding


@answer
class Counts(TypedDict):
    """A ratio and what it is of."""

    numerator: Annotated[int | None, whole("What counts; null where there is nothing to count.", 528684)]
    denominator: Annotated[int | None, whole("Out of how many.", 597918)]
    ratio: Annotated[Number | None, said("Percent, two decimals; null for 0/0.", 88.42)]


@answer
class Additive(TypedDict):
    """A figure by its parts."""

    additive: Annotated[bool, said("Whether the parts' counts add up to the whole.", True)]
    note: Annotated[str | None, said("Why they do not, in Vietnamese.", None)]


def unit_brief(unit: Unit) -> UnitBrief:
    """A unit as figures name it."""
    return {"code": unit.code, "name": unit.name, "level": unit.level}


def catalogue_brief(catalogues: Catalogues) -> CatalogueBrief:
    """What figures are computed with."""
    return {"version": _KNOWN.version, "hash": catalogues.digest}


def as_of(moment: ReadingMoment) -> dict[str, str | None]:
    """The instant of the cut, as it is told."""
    return {"as_of": instant(moment.now, micros=True)}


@dataclass(frozen=True)
class View:
    """What a figure is seen from: what was asked for and exists, at one moment, and a reader of that snapshot."""

    wanted: Asked
    moment: ReadingMoment
    unit: Unit
    reader: Reader

    @property
    def catalogues(self) -> Catalogues:
        """The catalogues of the moment."""
        return self.moment.catalogues

    @property
    def now(self) -> Instant:
        """The instant of the cut."""
        return Instant(self.moment.now)

    def question(self, span: Period | Comparison | None = None) -> Question:
        """The question of a span, by default the period asked for, cut at now."""
        span = span or self.wanted.period
        end = span.effective_end(self.now) if isinstance(span, Period) else span.b
        return Question(self.unit, self.wanted.scope, span.label, span.a, end, self.wanted.procedure)

    async def in_turn(
        self, wanted: Wanted, compared: Comparison | None, counted: Callable[[Cube], Iterator[_T]]
    ) -> list[tuple[Question, _T]]:
        """What `counted` tells of the compared period, if there is one, and of the one asked for, each with its
        question. One reading where the one ends before the other begins; what is compared never changes what is asked.
        """
        asked = self.question()
        if compared is None or compared.b > asked.a:
            questions = [asked] if compared is None else [self.question(compared), asked]
            read = [await self.reader.cube(wanted, Slices.of(each.a, each.b)) for each in questions]
            return [(each, next(counted(cube))) for each, cube in zip(questions, read, strict=True)]
        slices = Slices.of_compared(compared.a, compared.b, asked.a, asked.b)
        # What lies between the two is in neither.
        before, *_, last = counted(await self.reader.cube(wanted, slices))
        return [(self.question(compared), before), (asked, last)]

    async def kept(
        self, request: Request, service: Service, compute: Callable[[], Awaitable[object]], moves: bool = False
    ) -> Encoded:
        """The answer: the one kept from before while nothing it was made of has changed, else computed now. `moves`:
        it changes with time also when its period has ended.
        """
        # What is named several times is answered in that order.
        more = [each for each in request.query_params.multi_items() if each[0] not in (*COMMON, FORMAT)]
        more.sort(key=itemgetter(0))
        return (await self.answer(service, (request.url.path, *more), compute, moves)).figure

    @property
    def counted(self) -> frozenset[int]:
        """The units (ids) whose changes can change a figure: those under the asked one, and the root."""
        units = self.catalogues.in_scope(self.unit.code, "subtree")
        root = self.catalogues.units.get(self.catalogues.root)
        return frozenset(unit.id for unit in (*units, *([root] if root else ())))

    async def answer(
        self, service: Service, name: Key, compute: Callable[[], Awaitable[object]], moves: bool = False
    ) -> Kept:
        """The answer called `name` (a path and what it reads beside the common parameters), with how long it holds.

        `compute` makes its body, or what is encoded of it already.
        """
        catalogues, moment = self.catalogues, self.moment
        if catalogues.root not in catalogues.units:
            # Without it nothing counts the changes of the root's own figures, which every unit shows.
            service.metrics.answers.labels("computed").inc()
            return Kept((), moment.now, moment.now, _encoded(await compute()))
        version = moment.version(await self.reader.changes(self.counted))

        async def computed() -> Kept:
            figure = _encoded(await compute())
            until = _FOR_EVER
            if moves or self.wanted.period.is_open(self.now):
                units = [unit.id for unit in catalogues.in_scope(self.unit.code, "subtree")]
                until = await self.reader.holds_until(units, moment.now)
            return Kept(version, moment.now, until, figure)

        key = (catalogues.root_id, replace(self.wanted, unit=self.unit.code), *name)
        found, way = await service.figures.answer(key, version, moment.now, computed)
        service.metrics.answers.labels(way).inc()
        return found

    @property
    def outlook(self) -> Outlook:
        """What lies ahead of the question."""
        return Outlook.of(self.catalogues.calendar, self.now, self.wanted.period.b)

    @property
    def compared(self) -> Comparison | None:
        """The period figures are compared with, as asked."""
        compare = periods.last_year if self.wanted.compare == "last_year" else periods.previous
        return compare(self.wanted.period, self.now)

    @property
    def heading(self) -> Heading:
        """What every figure of a unit and period begins with."""
        period = self.wanted.period
        heading: Heading = {
            "unit": unit_brief(self.unit),
            "scope": self.wanted.scope,
            "procedure": self.wanted.procedure,
            "period": {
                "label": period.label,
                "from": date_of(period.first).isoformat(),
                "to": date_of(period.last).isoformat(),
                "open": period.is_open(self.now),
                "effective_end": LATER,
            },
            "as_of": LATER,
            "catalogue": catalogue_brief(self.catalogues),
            "refolding": self.moment.refolding,
        }
        if self.wanted.seen == "then":
            heading["as"] = "then"
        return heading

    @property
    def later(self) -> dict[str, str | None]:
        """What tells only the time of asking: `as_of`, and the end at which an open period is cut."""
        return {"effective_end": instant(self.wanted.period.effective_end(self.now)), **as_of(self.moment)}


def _encoded(body: object) -> Encoded:
    return body if isinstance(body, Encoded) else Encoded.of(body)


@asynccontextmanager
async def viewing(service: Service, access: Access, wanted: Asked, lists: bool = False) -> AsyncIterator[View]:
    """A snapshot and what of it is asked for; refused where the unit is out of reach or the period has not begun.

    `lists`: single lives are read as well, in the order of an index.
    """
    async with service.database.snapshot() if lists else service.database.figures() as connection:
        root_id = await root_for(connection, access, wanted.unit)
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
        if wanted.seen == "then":
            then = moment.catalogues.seen_then(wanted.period.a, wanted.period.b)
            moment = replace(moment, catalogues=then)
        unit = moment.catalogues.units[access.find_unit(moment.catalogues, wanted.unit)]
        _require_begun(wanted.period, moment.now)
        yield View(wanted, moment, unit, Reader(connection, moment.catalogues, moment.generation, service.settled))


def _require_begun(period: Period, now: int) -> None:
    """Refuse a period that has not begun."""
    try:
        periods.require_begun(period, Instant(now))
    except PeriodInFuture as error:
        raise Problem("period_in_future", error.detail, "period") from error
