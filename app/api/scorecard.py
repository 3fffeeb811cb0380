"""`GET /v1/scorecard`: all figures of a unit and period, and `GET /v1/indicators`: what they mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Request, Response

from app.api.http.answers import encode, figure_response, instant
from app.api.http.auth import Access, access_for, root_for
from app.api.http.caching import Kept, Key
from app.api.http.parameters import COMMON, Asked, asked, only
from app.api.http.problems import Problem
from app.api.http.service import Service, service_of
from app.domain.calendar import periods
from app.domain.calendar.civil import Instant, date_of
from app.domain.calendar.periods import Comparison, Period, PeriodInFuture
from app.domain.catalogues import indicators as catalogue
from app.domain.catalogues.root import Catalogues, ExternalFigure, Unit
from app.domain.figures import measures as figures
from app.domain.figures import scoring
from app.domain.figures.cube import Slices
from app.domain.figures.measures import Question
from app.domain.figures.scoring import Scored, ScoredIndicator
from app.store.read.figures import Reader, Wanted
from app.store.snapshot import ReadingMoment, reading_moment

router = APIRouter()

_T = TypeVar("_T")


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

    def slices(self, compared: Comparison | None) -> Slices:
        """The time of the question, and before it that of the period it is compared with."""
        question = self.question()
        if compared is None:
            return Slices.of(question.a, question.b)
        return Slices.of_compared(compared.a, compared.b, question.a, question.b)

    def asked_of(self, in_turn: Iterator[_T], compared: Comparison | None) -> Iterator[tuple[Question, _T]]:
        """What is counted in the slices that figures are asked of, the compared period first, each with its question;
        to be read one after the other."""
        if compared is not None:
            yield self.question(compared), next(in_turn)
        # What lies between the two is in neither.
        for counted in in_turn:
            last = counted
        yield self.question(), last

    async def kept(
        self, request: Request, service: Service, compute: Callable[[], Awaitable[dict[str, Any]]]
    ) -> Mapping[str, Any]:
        """The answer's body: the one kept from before while nothing it was made of has changed, else computed now."""
        more = (each for each in request.query_params.multi_items() if each[0] not in COMMON)
        return (await self.answer(service, (request.url.path, *sorted(more)), compute)).body

    @property
    def counted(self) -> frozenset[int]:
        """The units (ids) whose changes can change a figure: those under the asked one, and the root."""
        units = self.catalogues.in_scope(self.unit.code, "subtree")
        root = self.catalogues.units.get(self.catalogues.root)
        return frozenset(unit.id for unit in (*units, *([root] if root else ())))

    async def answer(self, service: Service, name: Key, compute: Callable[[], Awaitable[dict[str, Any]]]) -> Kept:
        """The answer called `name` (a path and what it reads beside the common parameters), with how long it holds."""
        catalogues, moment = self.catalogues, self.moment
        if catalogues.root not in catalogues.units:
            # Without it nothing counts the changes of the root's own figures, which every unit shows.
            service.metrics.answers.labels("computed").inc()
            return Kept((), moment.now, moment.now, await compute(), 0)
        version = moment.version(await self.reader.changes(self.counted))

        async def computed() -> Kept:
            body = await compute()
            until = MAX_INSTANT
            if self.wanted.period.is_open(self.now):
                units = [unit.id for unit in catalogues.in_scope(self.unit.code, "subtree")]
                until = await self.reader.holds_until(units, moment.now)
            return Kept(version, moment.now, until, body, len(encode(body)))

        key = (catalogues.root_id, replace(self.wanted, unit=self.unit.code), *name)
        found, way = await service.figures.answer(key, version, moment.now, computed)
        service.metrics.answers.labels(way).inc()
        return found


MAX_INSTANT: Final = 2**62


@asynccontextmanager
async def viewing(service: Service, access: Access, wanted: Asked, lists: bool = False) -> AsyncIterator[View]:
    """A snapshot and what of it is asked for; refused where the unit is out of reach or the period has not begun.

    `lists`: single lives are read as well, in the order of an index.
    """
    async with service.database.snapshot() if lists else service.database.figures() as connection:
        root_id = await root_for(connection, access, wanted.unit)
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
        unit = moment.catalogues.units[access.find_unit(moment.catalogues, wanted.unit)]
        require_begun(wanted.period, moment.now)
        yield View(wanted, moment, unit, Reader(connection, moment.catalogues, moment.generation, service.settled))


@router.get("/v1/scorecard", summary="All figures of a unit and period", tags=["figures"])
async def scorecard(
    request: Request,
    access: Annotated[Access, Depends(access_for("read"))],
    service: Annotated[Service, Depends(service_of)],
) -> Response:
    """The six groups, the operational indicators, external figures and the balance, as of now."""
    wanted = asked(request)
    async with viewing(service, access, wanted) as view:
        body = await view.kept(request, service, lambda: scorecard_body(view))
    return figure_response(request, body, moving(view.moment, wanted.period))


async def scorecard_body(view: View) -> dict[str, Any]:
    """A scorecard without what tells the time."""
    wanted = view.wanted
    compared = compared_period(wanted, view.moment.now)
    before: dict[str, ScoredIndicator] | None = None
    cube = await view.reader.cube(
        Wanted(view.question().units_in(view.catalogues), procedure=wanted.procedure), view.slices(compared)
    )
    for question, counted in view.asked_of(cube.wholes(), compared):
        measures = figures.measures(view.catalogues, question, counted)
        scored = scoring.score(catalogue.load(), measures, wanted.procedure is not None)
        if question.a < wanted.period.a:
            every = [each for group in scored.groups for each in group.indicators] + list(scored.operational)
            before = {each.indicator.code: each for each in every}
    body = heading(view.moment, view.unit, wanted)
    told = _Teller(view.catalogues, view.unit, wanted.period, compared, before)
    body |= told.scored(scored)
    body["external"] = [external(each) for each in view.catalogues.external(view.unit.code, wanted.period.label)]
    body["balance"] = figures.balance(counted.dossiers)
    return body


@router.get("/v1/indicators", summary="The catalogue of indicators", tags=["figures"])
async def indicators(access: Annotated[Access, Depends(access_for("read"))], request: Request) -> Response:
    """Code, name, group, maximum, threshold, zero rule, formula in words and legal source of every indicator."""
    only(request, ())
    known = catalogue.load()
    body = {
        "version": known.version,
        "max": known.max,
        "groups": [{"code": each.code, "name": each.name, "max": each.max} for each in known.groups],
        "indicators": [
            {
                "code": each.code,
                "name": each.name,
                "group": each.group,
                "max": each.max,
                "full_at": scoring.half_up(each.full_at) if each.full_at is not None else None,
                "zero_rule": each.zero if each.max is not None else None,
                "numerator": each.numerator,
                "denominator": each.denominator,
                "counts": each.counts,
                "formula": each.formula,
                "source": each.source,
            }
            for each in known.indicators
        ],
    }
    return figure_response(request, body, {})


def require_begun(period: Period, now: int) -> None:
    """Refuse a period that has not begun."""
    try:
        periods.require_begun(period, Instant(now))
    except PeriodInFuture as error:
        raise Problem("period_in_future", error.detail, "period") from error


def compared_period(wanted: Asked, now: int) -> Comparison | None:
    """The period figures are compared with, as asked."""
    compare = periods.last_year if wanted.compare == "last_year" else periods.previous
    return compare(wanted.period, Instant(now))


def heading(moment: ReadingMoment, unit: Unit, wanted: Asked) -> dict[str, Any]:
    """What every figure of a unit and period begins with, but for the time of asking."""
    period = wanted.period
    return {
        "unit": {"code": unit.code, "name": unit.name, "level": unit.level},
        "scope": wanted.scope,
        "procedure": wanted.procedure,
        "period": {
            "label": period.label,
            "from": date_of(period.first).isoformat(),
            "to": date_of(period.last).isoformat(),
            "open": period.is_open(Instant(moment.now)),
        },
        "catalogue": {"version": catalogue.load().version, "hash": moment.catalogues.digest},
        "refolding": moment.refolding,
    }


def moving(moment: ReadingMoment, period: Period) -> dict[str, Any]:
    """What tells only the time of asking: `as_of`, and the end at which an open period is cut."""
    return {
        "period": {"effective_end": instant(period.effective_end(Instant(moment.now)))},
        "as_of": instant(moment.now, micros=True),
    }


def external(figure: ExternalFigure) -> dict[str, Any]:
    """An external figure as it was entered."""
    return {
        "code": figure.code,
        "value": figure.value,
        "score": figure.score,
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
    """Tells scored figures in the contract's shape, each beside its target and the compared period's figure."""

    def __init__(
        self,
        catalogues: Catalogues,
        unit: Unit,
        period: Period,
        compared: Comparison | None,
        before: Mapping[str, ScoredIndicator] | None,
    ) -> None:
        self._directory = catalogues
        self._unit = unit
        self._year = date_of(period.first).year
        self._compared = compared
        self._before = before or {}

    def scored(self, scored: Scored) -> dict[str, Any]:
        return {
            "total": scored.total,
            "max": scored.max,
            "rating": scored.rating,
            "groups": [
                {
                    "code": group.code,
                    "name": group.name,
                    "score": group.score,
                    "max": group.max,
                    "indicators": [self._told(each) for each in group.indicators],
                }
                for group in scored.groups
            ],
            "operational": [self._told(each) for each in scored.operational],
        }

    def _told(self, figure: ScoredIndicator) -> dict[str, Any]:
        indicator = figure.indicator
        target = self._directory.target(indicator.code, self._unit, self._year)
        before = self._before.get(indicator.code)
        previous: dict[str, Any] | None = None
        if before is not None and self._compared is not None:
            previous = {"period": self._compared.label, "ratio": before.ratio, "score": before.score}
        told = {
            "code": indicator.code,
            "name": indicator.name,
            "numerator": figure.numerator,
            "denominator": figure.denominator,
            "ratio": figure.ratio,
            "score": figure.score,
            "max": indicator.max,
            "target": target,
            "gap": scoring.gap(target, figure.ratio),
            "attained": scoring.attained(target, figure.ratio),
            "previous": previous,
            "change": scoring.change(figure.ratio, before.ratio if before is not None else None),
        }
        if indicator.kind == "average":
            told["value"] = figure.value
            if previous is not None and before is not None:
                previous["value"] = before.value
        return told
