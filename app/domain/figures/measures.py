"""From counters to measures: what each name of the catalogue's closed set is, for one unit, scope and period.

Two sums carry everything: the counters before the period's first day and those within it. Active, overdue and open
follow from them (sums.py); nothing here looks at a single dossier. The sums of many units, buckets or parts at once are
in cube.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

from typing_extensions import TypedDict

from app.domain.calendar.civil import DAY, Instant
from app.domain.catalogues import indicators
from app.domain.catalogues.indicators import Indicator, Part
from app.domain.catalogues.remits import Remit, Remits
from app.domain.catalogues.root import Catalogues, Scope, Unit
from app.domain.figures.scoring import Measure
from app.domain.lives.document import TIERS
from app.domain.lives.dossier import CHANNELS
from app.domain.lives.petition import ABOUT
from app.domain.tallies.sums import Counted, Sums
from app.domain.tallies.tally import DOSSIER

ONLINE = CHANNELS.index("online")
NATIONAL_COUNT = "DOSSIER_SYNC"
"""Code of the external figure whose `count` is the national report's number of dossiers."""

USES: Final[frozenset[Part]] = frozenset(("online_uses", "paid_uses", "population_uses"))
_OF_CATALOGUE: Final[frozenset[Part]] = frozenset(("remit", "communes"))
_OF_DOSSIERS: Final[frozenset[Part]] = frozenset(("dossiers", "programmes"))


@dataclass(frozen=True)
class Needed:
    """What must be summed for some indicators, so that a question about one does not pay for all.

    Attributes:
        parts: the parts their measures belong to.
        measures: the measures themselves, with those that these are made of.
        counters: the dossiers' counters that are looked at.
        by_channel: whether any of them is looked at by channel.
        of_dossiers: how those of the measures are found that follow from the dossiers' sums alone.
    """

    parts: frozenset[Part]
    measures: frozenset[str]
    counters: tuple[str, ...]
    by_channel: bool
    of_dossiers: tuple[tuple[str, Callable[[Sums], Measure]], ...]

    @classmethod
    def of(cls, indicators: Iterable[Indicator]) -> Needed:
        """What some indicators need."""
        return _needed(frozenset(measure for each in indicators for measure in each.measures))


def counts_events(measure: str) -> bool:
    """Whether a measure counts what happened, and not what stands in the catalogue alone."""
    return indicators.MEASURES[measure] not in _OF_CATALOGUE


@cache
def _needed(measures: frozenset[str]) -> Needed:
    if "synced_base" in measures:
        measures |= {"received"}
    parts = frozenset(indicators.MEASURES[measure] for measure in measures)
    of_dossiers = tuple((name, of) for name, of in _DOSSIERS.items() if name in measures)
    looked_at = _Looked()
    for _, of in of_dossiers:
        of(looked_at)
    counters = tuple(name for name in DOSSIER.counters if name in looked_at.counters)
    return Needed(parts, measures, counters, looked_at.by_variety, of_dossiers)


class _Looked(Sums):
    """Sums that note which counters are looked at, and whether by variety."""

    def __init__(self) -> None:
        super().__init__(DOSSIER)
        self.counters: set[str] = set()
        self.by_variety = False

    def _sum(self, part: Mapping[int, list[int]], counter: str, varieties: Sequence[int]) -> int:
        self.counters.add(counter)
        self.by_variety = self.by_variety or bool(varieties)
        return 0

    def _left(self, begun: str, ended: str, varieties: Sequence[int]) -> int:
        return self._sum(self.before, begun, varieties) - self._sum(self.before, ended, varieties)


@dataclass(frozen=True)
class Question:
    """Which figures: a unit within a scope, a period [a, b) whose end is already cut at now, perhaps one procedure.

    `units` are the units summed where they are not just those of the scope: a row of a breakdown.
    """

    unit: Unit
    scope: Scope
    label: str
    a: Instant
    b: Instant
    procedure: str | None = None
    units: tuple[Unit, ...] | None = None

    def units_in(self, catalogues: Catalogues) -> tuple[Unit, ...]:
        """The units summed."""
        return catalogues.in_scope(self.unit.code, self.scope) if self.units is None else self.units


_NONE: Final[dict[str, Measure]] = dict.fromkeys(indicators.MEASURES)


def measures(
    catalogues: Catalogues,
    question: Question,
    counted: Counted,
    needed: Needed | None = None,
    remits: Remits | None = None,
) -> dict[str, Measure]:
    """The measures needed, all by default; None for all others, and where a question narrowed to a procedure has none,
    and instead of 0 for those that are `untold`.

    `remits` are those of a span the question lies in.
    """
    found = tallied(catalogues, question, counted, needed, remits)
    for name in untold(catalogues, question):
        found[name] = found[name] or None
    return found


def untold(catalogues: Catalogues, question: Question) -> frozenset[str]:
    """The measures of which no source tells anything that tells of dossiers of the question's units."""
    if not catalogues.untold:
        return frozenset()
    of_units = [catalogues.untold.get(unit.id) for unit in question.units_in(catalogues)]
    known = [each for each in of_units if each is not None]
    return known[0].intersection(*known) if known else frozenset()


def tallied(
    catalogues: Catalogues,
    question: Question,
    counted: Counted,
    needed: Needed | None = None,
    remits: Remits | None = None,
) -> dict[str, Measure]:
    """The measures as `measures` gives them, but 0 where nothing is counted, told or not: lists show what there is."""
    needed = needed or EVERYTHING
    parts = needed.parts
    found: dict[str, Measure] = _NONE.copy()
    if "dossiers" in parts:
        for name, of in needed.of_dossiers:
            found[name] = of(counted.dossiers)
        if "synced_base" in needed.measures:
            found["synced_base"] = max(_national_count(catalogues, question), int(found["received"] or 0))
    if "programmes" in parts:
        found |= _programme_measures(catalogues, counted.uses.received)
    if question.procedure is not None or parts <= _OF_DOSSIERS:
        return found
    units = question.units_in(catalogues)
    if "remit" in parts or parts & USES:
        remits = remits or Remits.within(catalogues, question.a, question.b)
        found |= _procedure_measures(remits.of(units, question.a, question.b), counted)
    if "petitions" in parts:
        found |= _petition_measures(counted.petitions)
    if "documents" in parts:
        found |= _document_measures(counted.documents)
    if "publications" in parts:
        found |= counted.publications._asdict()
    if "communes" in parts:
        communes = [each for each in units if each.level == "commune" and each.existed(question.a, question.b)]
        found["communes"] = len(communes)
        found["communes_certified_copy"] = sum([each.certified_copy for each in communes])
    return found


def _national_count(catalogues: Catalogues, question: Question) -> int:
    """The national report's count of received dossiers; it is of all procedures together."""
    if question.procedure is not None:
        return 0
    figures = catalogues.external(question.unit.code, question.label)
    return max((each.count or 0 for each in figures if each.code == NATIONAL_COUNT), default=0)


def is_reported(catalogues: Catalogues, question: Question) -> bool:
    """Whether there is a national report's count for the question."""
    return _national_count(catalogues, question) > 0


def _satisfied(sums: Sums) -> int:
    return (sums.active() - sums.overdue()) - (sums.active("_disliked") - sums.overdue("_disliked"))


def _processing_time(sums: Sums) -> Fraction | None:
    ended = sums.in_period("ended")
    took = sums.in_period("processing_seconds") * 1_000_000 + sums.in_period("processing_micros")
    return Fraction(took, ended * DAY) if ended else None


def _in_period(counter: str, *varieties: int) -> Callable[[Sums], Measure]:
    return lambda sums: sums.in_period(counter, *varieties)


def _active(population: str) -> Callable[[Sums], Measure]:
    return lambda sums: sums.active(population)


_DOSSIERS: Final[dict[str, Callable[[Sums], Measure]]] = {
    "active": lambda sums: sums.active(),
    "overdue": lambda sums: sums.overdue(),
    "on_time": lambda sums: sums.active() - sums.overdue(),
    "active_satisfied": _satisfied,
    "ended_on_time": lambda sums: sums.in_period("ended") - sums.in_period("ended_late"),
    "received_online": _in_period("received", ONLINE),
    "received_postal": _in_period("received", CHANNELS.index("postal")),
    "processing_time": _processing_time,
    **{
        name: _in_period(name)
        for name in (
            *("received", "received_by_postal_clerk", "received_fee", "received_fee_paid_online", "received_synced"),
            *("ended", "ended_signed_result", "returned_postal", "returned_online"),
        )
    },
    **{
        f"active_{each}": _active(f"_{each}")
        for each in ("e_result", "digitised", "reused", "shared_store", "population_data")
    },
}
"""The dossiers' measures that follow from their sums alone."""

EVERYTHING: Final = replace(_needed(frozenset(indicators.MEASURES)), counters=DOSSIER.counters, by_channel=True)
"""What a whole scorecard needs; its balance looks at all counters."""


class _Programmes(NamedTuple):
    """Ids of the procedures that dossiers are counted of by an attribute."""

    eligible: tuple[int, ...]
    full: tuple[int, ...]
    essential: tuple[int, ...]


def _programmes(catalogues: Catalogues) -> _Programmes:
    found: _Programmes | None = catalogues.kept.get("programmes")
    if found is None:
        eligible = [each for each in catalogues.procedures.values() if each.full_eligible]
        found = catalogues.kept["programmes"] = _Programmes(
            tuple([each.id for each in eligible]),
            tuple([each.id for each in eligible if each.service_level == "full"]),
            tuple([each.id for each in catalogues.procedures.values() if each.essential]),
        )
    return found


def _programme_measures(catalogues: Catalogues, received: Mapping[int, Sequence[int]]) -> dict[str, Measure]:
    """The subsets of dossiers that an attribute of their procedure selects."""
    programmes = _programmes(catalogues)
    essential = [counts for each in programmes.essential if (counts := received.get(each)) and any(counts)]
    ratios = [Fraction(counts[ONLINE], sum(counts)) for counts in essential]
    return {
        "full_online_received": sum([received[each][ONLINE] for each in programmes.full if each in received]),
        "full_eligible_received": sum([sum(received[each]) for each in programmes.eligible if each in received]),
        "essential_online": sum([counts[ONLINE] for counts in essential]),
        "essential_received": sum([sum(counts) for counts in essential]),
        "essential_mean": sum(ratios, Fraction(0)) / len(ratios) if ratios else None,
    }


def missing_procedures(
    catalogues: Catalogues, question: Question, counted: Counted, indicator: Indicator
) -> frozenset[int]:
    """The procedures (ids) that an indicator of their dossiers misses."""
    of, used = {
        "procedures_with_online_dossiers": ("online", counted.uses.online),
        "procedures_paid_online": ("fee", counted.uses.paid),
        "procedures_population_data": ("citizen", _with_population_data(counted)),
    }[indicator.numerator or ""]
    remits = Remits.within(catalogues, question.a, question.b)
    remit = Remit.together(remits.of(question.units_in(catalogues), question.a, question.b))
    within: frozenset[int] = getattr(remit, of)
    return within - used


def _with_population_data(counted: Counted) -> frozenset[int]:
    carried = {each for each, more in counted.carried.open.items() if more > 0}
    return frozenset(counted.uses.population | carried)


def _procedure_measures(remit: Sequence[Remit], counted: Counted) -> dict[str, Measure]:
    """Distinct procedures, numerators cut to the denominators' procedures; `remit` in parts without any in common."""
    uses = counted.uses
    population = _with_population_data(counted)
    return {
        "procedures": sum([len(part.procedures) for part in remit]),
        "procedures_online_service": sum([len(part.online) for part in remit]),
        "procedures_with_online_dossiers": sum([len(part.online & uses.online) for part in remit]),
        "procedures_fee": sum([len(part.fee) for part in remit]),
        "procedures_paid_online": sum([len(part.fee & uses.paid) for part in remit]),
        "procedures_integrated": sum([len(part.integrated) for part in remit]),
        "procedures_citizen": sum([len(part.citizen) for part in remit]),
        "procedures_population_data": sum([len(part.citizen & population) for part in remit]),
    }


def _petition_measures(sums: Sums) -> dict[str, Measure]:
    active, overdue = sums.active(), sums.overdue()
    return {
        "petitions_active": active,
        "petitions_on_time": active - overdue,
        "petitions_satisfied": (active - overdue) - (sums.active("_disliked") - sums.overdue("_disliked")),
        "petitions_about_regulation": sums.active("", ABOUT.index("regulation")),
        "petitions_about_staff": sums.active("", ABOUT.index("staff")),
    }


def _document_measures(sums: Sums) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for name, tiers in {"": (), **{f"_{tier}": (TIERS.index(tier),) for tier in TIERS[1:]}}.items():
        found[f"documents{name}"] = sums.in_period("sent", *tiers)
        found[f"documents_electronic{name}"] = sums.in_period("electronic", *tiers)
        found[f"documents_signed{name}"] = sums.in_period("signed", *tiers)
    return found


class Balance(TypedDict):
    """Dossiers carried over and received are those active; each of them has ended or is open."""

    carried_over: int
    received: int
    received_online: int
    received_counter: int
    received_postal: int
    active: int
    ended: int
    ended_on_time: int
    ended_late: int
    open: int
    open_overdue: int


def balance(sums: Sums) -> Balance:
    """The balance of dossiers in a period; its identities hold for every unit and period."""
    ended, ended_late = sums.in_period("ended"), sums.in_period("ended_late")
    active = sums.active()
    return {
        "carried_over": sums.carried_over(),
        "received": sums.in_period("received"),
        "received_online": sums.in_period("received", CHANNELS.index("online")),
        "received_counter": sums.in_period("received", CHANNELS.index("counter")),
        "received_postal": sums.in_period("received", CHANNELS.index("postal")),
        "active": active,
        "ended": ended,
        "ended_on_time": ended - ended_late,
        "ended_late": ended_late,
        "open": active - ended,
        "open_overdue": sums.overdue() - ended_late,
    }
