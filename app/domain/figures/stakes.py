"""What a score loses when open lives end late instead of in time, exactly by the rules that score it.

An open life within its deadline counts as in time. Late, it leaves the numerators that count what is in time, and no
denominator; so what is at stake is the points of n/d less those of (n - late)/d.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from operator import add
from typing import Final, Literal, NamedTuple, TypeVar

from app.domain.calendar.civil import Instant, day_of, start_of
from app.domain.calendar.periods import Period
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues import indicators
from app.domain.catalogues.indicators import Indicator
from app.domain.catalogues.root import Unit
from app.domain.figures import scoring
from app.domain.figures.measures import Needed
from app.domain.figures.scoring import Measure

K = TypeVar("K", bound=Hashable)
Kind = Literal["dossier", "petition"]


class Class(NamedTuple):
    """Open lives that weigh the same: of a unit (id) and kind, disliked already or not."""

    unit: int
    kind: Kind
    disliked: bool


class Counted(NamedTuple):
    """How many open lives of a class and procedure (id) are due in a slot of time, and the earliest deadline (µs)."""

    of: Class
    procedure: int | None
    slot: int
    number: int
    first: int


class Open(NamedTuple):
    """How many open lives within their deadline there are, and how many of these are disliked already."""

    dossiers: int = 0
    dossiers_disliked: int = 0
    petitions: int = 0
    petitions_disliked: int = 0

    @classmethod
    def of(cls, kind: Class, number: int = 1) -> Open:
        """So many of a class."""
        disliked = number if kind.disliked else 0
        return cls(number, disliked) if kind.kind == "dossier" else cls(0, 0, number, disliked)

    def plus(self, other: Open) -> Open:
        """Both together."""
        return Open(*map(add, self, other))


class Stake(NamedTuple):
    """Points of a score: `points` as the score shows them, `exact` before anything is rounded."""

    points: Decimal
    exact: Fraction


_FALLS: Final[dict[str, Callable[[Open], int]]] = {
    "on_time": lambda late: late.dossiers,
    "active_satisfied": lambda late: late.dossiers - late.dossiers_disliked,
    "petitions_on_time": lambda late: late.petitions,
    "petitions_satisfied": lambda late: late.petitions - late.petitions_disliked,
}
"""By how much a numerator falls."""

_TIMED: Final = [each for each in indicators.load().indicators if each.max is not None and each.numerator in _FALLS]
NEEDED: Final = Needed.of(_TIMED)
"""What must be summed to know what is at stake."""

NOTHING: Final = Stake(Decimal("0.00"), Fraction(0))


def at_stake(measures: Mapping[str, Measure], late: Open) -> Stake:
    """What a score loses when all of these end late; `measures` are the present ones of NEEDED, with them in time."""
    points, exact = NOTHING
    for indicator in _TIMED:
        n, d = int(measures[indicator.numerator or ""] or 0), int(measures[indicator.denominator or ""] or 0)
        fallen = _FALLS[indicator.numerator or ""](late)
        if d and fallen:
            before, after = scoring.points(n, d, indicator), scoring.points(n - fallen, d, indicator)
            assert before is not None
            assert after is not None
            points += before - after
            exact += _unrounded(n, d, indicator) - _unrounded(n - fallen, d, indicator)
    return Stake(points, exact)


def _unrounded(n: int, d: int, indicator: Indicator) -> Fraction:
    assert indicator.max is not None
    assert indicator.full_at is not None
    return min(Fraction(indicator.max), Fraction(100 * indicator.max * n, d) / indicator.full_at)


_HORIZONS: Final = (0, 1, 3, 5)


@dataclass(frozen=True)
class Ahead:
    """The time that is looked at from now on.

    Attributes:
        until: the instant before which that is due which is due within so many working days.
        edges: now and the instants between slots: what is due before now is late and in slot 0, what is due from edge
            i-1 to before edge i is in slot i; with the last edge the time looked at ends.
        year_end: what is due from here on costs another year.
    """

    until: Mapping[int, Instant]
    edges: tuple[Instant, ...]
    year_end: Instant

    @classmethod
    def of(cls, now: Instant, within: int, year: Period, calendar: Calendar) -> Ahead:
        """What lies ahead within some working days. Days off belong to the working day before: who has until Sunday has
        until Friday."""
        horizons = [*(each for each in _HORIZONS if each < within), within]
        until = {each: start_of(calendar.nth_workday(day_of(now), each + 1)) for each in horizons}
        edges = {now, *until.values(), *((year.b,) if year.b < until[within] else ())}
        return cls(until, tuple(sorted(edges)), year.b)

    def costs(self, slot: int) -> bool:
        """Whether it costs this year anything when what is due in a slot ends late."""
        return slot > 0 and self.edges[slot] <= self.year_end

    def due(self, counted: Collection[Counted], within: int) -> list[Counted]:
        """Those that are due within so many working days."""
        return [each for each in counted if each.slot > 0 and self.edges[each.slot] <= self.until[within]]


@dataclass(frozen=True)
class Stakes:
    """What is at stake for the units that handle open lives.

    Attributes:
        handlers: as which unit each unit (id) stands that has any.
        present: the measures of each such unit's score by code, of those with anything at stake.
    """

    ahead: Ahead
    counted: Collection[Counted]
    handlers: Mapping[int, Unit]
    present: Mapping[str, Mapping[str, Measure]]
    _known: dict[tuple[str, Open], Stake] = field(default_factory=dict, init=False, repr=False)

    def of(self, kind: Class) -> Stake:
        """What the unit that handles it loses by one of a class that has anything at stake."""
        return self._lost(self.handlers[kind.unit].code, Open.of(kind))

    def of_all(self, unit: str, counted: Collection[Counted]) -> Stake:
        """What a unit loses when all of them that cost this year anything end late."""
        late = Open()
        for each in counted:
            if self.ahead.costs(each.slot):
                late = late.plus(Open.of(each.of, each.number))
        return self._lost(unit, late) if any(late) else NOTHING

    def _lost(self, unit: str, late: Open) -> Stake:
        found = self._known.get((unit, late))
        if found is None:
            # Of a thousand procedures most have as few as others.
            found = self._known[unit, late] = at_stake(self.present[unit], late)
        return found

    def ranks(self) -> dict[Class, int]:
        """The classes of which one costs anything, in order of how much."""
        lost = {each.of: self.of(each.of).exact for each in self.counted if self.ahead.costs(each.slot)}
        rank_of = {exact: rank for rank, exact in enumerate(sorted(set(lost.values()), reverse=True))}
        return {kind: rank_of[exact] for kind, exact in lost.items() if exact}

    def apart(self, key: Callable[[Counted], K]) -> dict[K, list[Counted]]:
        """What is counted, by a key."""
        apart: dict[K, list[Counted]] = {}
        for each in self.counted:
            apart.setdefault(key(each), []).append(each)
        return apart
