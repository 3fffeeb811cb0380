"""From counters to measures: what each name of the catalogue's closed set is, for one unit, scope and period.

Two sums carry everything: the counters before the period's first day and those within it. Active, overdue and open
follow from them by the identities of the four counts; nothing here looks at a single dossier. The sums of many units,
buckets or parts at once are in cube.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final, Literal, NamedTuple, get_args

from app.domain import catalogue as catalogues
from app.domain.catalogue import Indicator
from app.domain.directory import Directory, Procedure, Scope, Unit
from app.domain.document import TIERS
from app.domain.dossier import CHANNELS
from app.domain.events import Day, Instant
from app.domain.periods import start_of
from app.domain.petition import ABOUT
from app.domain.publication import PublicationCounts
from app.domain.scoring import Measure
from app.domain.tally import DOCUMENT, DOSSIER, PETITION, Family

_DAY_US = 86_400_000_000
ONLINE = CHANNELS.index("online")
NATIONAL_COUNT = "DOSSIER_SYNC"
"""Code of the external figure whose `count` is the national report's number of dossiers."""

BY_PROCEDURE = ("received", "received_fee_paid_online", "received_population_data", "ended_population_data")
"""The dossiers' counters that are also needed by procedure and channel."""

Part = Literal[
    "dossiers",
    "programmes",
    "remit",
    "online_uses",
    "paid_uses",
    "population_uses",
    "petitions",
    "documents",
    "communes",
    "publications",
]
"""Measures that come from the same sums. remit: procedures by their attributes alone; …uses: those with dossiers."""

ALL: Final[frozenset[Part]] = frozenset(get_args(Part))
USES: Final[frozenset[Part]] = frozenset(("online_uses", "paid_uses", "population_uses"))
_PROGRAMMES: Final = frozenset(
    ("full_online_received", "full_eligible_received", "essential_online", "essential_received", "essential_mean")
)
_USES: Final[dict[str, Part]] = {
    "procedures_with_online_dossiers": "online_uses",
    "procedures_paid_online": "paid_uses",
    "procedures_population_data": "population_uses",
}
_BY_FIRST_WORD: Final[dict[str, Part]] = {
    "procedures": "remit",
    "petitions": "petitions",
    "documents": "documents",
    "communes": "communes",
    "announced": "publications",
    "updated": "publications",
    "published": "publications",
}


def part_of(measure: str) -> Part:
    """The part a measure belongs to."""
    if measure in _PROGRAMMES:
        return "programmes"
    if measure in _USES:
        return _USES[measure]
    return _BY_FIRST_WORD.get(measure.partition("_")[0], "dossiers")


def parts_of(indicators: Iterable[Indicator]) -> frozenset[Part]:
    """What must be summed for some indicators, so that a question about one does not pay for all."""
    return frozenset(part_of(measure) for each in indicators for measure in each.measures)


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

    def units_in(self, directory: Directory) -> tuple[Unit, ...]:
        """The units summed."""
        return directory.in_scope(self.unit.code, self.scope) if self.units is None else self.units


@dataclass
class Sums:
    """A family's counters by variety: before the period and within it."""

    family: Family
    before: dict[int, list[int]] = field(default_factory=dict)
    within: dict[int, list[int]] = field(default_factory=dict)

    def in_period(self, counter: str, *varieties: int) -> int:
        """The counter within the period, over some varieties or all."""
        return self._sum(self.within, counter, varieties)

    def _sum(self, part: dict[int, list[int]], counter: str, varieties: Sequence[int]) -> int:
        index = self.family.counters.index(counter)
        return sum(counts[index] for variety, counts in part.items() if not varieties or variety in varieties)

    def active(self, population: str = "", *varieties: int) -> int:
        """Lives carried over into the period or received in it."""
        received, ended = f"received{population}", f"ended{population}"
        return (
            self._sum(self.before, received, varieties)
            - self._sum(self.before, ended, varieties)
            + self._sum(self.within, received, varieties)
        )

    def overdue(self, population: str = "", *varieties: int) -> int:
        """Active lives that ended late, or are open past their deadline at the period's end."""
        missed, ended_late = f"missed{population}", f"ended_late{population}"
        return (
            self._sum(self.before, missed, varieties)
            - self._sum(self.before, ended_late, varieties)
            + self._sum(self.within, missed, varieties)
        )

    def carried_over(self) -> int:
        """Lives open at the period's first instant."""
        return self._sum(self.before, "received", ()) - self._sum(self.before, "ended", ())


@dataclass
class Counted:
    """All sums that a question's measures are made of. `by_procedure` is keyed (code, channel), counters as
    BY_PROCEDURE.
    """

    dossiers: Sums
    petitions: Sums
    documents: Sums
    before_by_procedure: dict[tuple[str, int], list[int]]
    within_by_procedure: dict[tuple[str, int], list[int]]
    publications: PublicationCounts

    @classmethod
    def nothing(cls) -> Counted:
        """No life at all."""
        return cls(Sums(DOSSIER), Sums(PETITION), Sums(DOCUMENT), {}, {}, PublicationCounts(0, 0, 0, 0, 0, 0))


class Remit(NamedTuple):
    """Codes of the procedures in a remit, and of those of them with an attribute that is counted."""

    procedures: frozenset[str] = frozenset()
    online: frozenset[str] = frozenset()
    fee: frozenset[str] = frozenset()
    integrated: frozenset[str] = frozenset()
    citizen: frozenset[str] = frozenset()

    @classmethod
    def of(cls, procedures: Sequence[Procedure]) -> Remit:
        """The remit that some procedures make."""
        fee = [each for each in procedures if each.fee]
        return cls(
            frozenset([each.code for each in procedures]),
            frozenset([each.code for each in procedures if each.service_level in ("partial", "full")]),
            frozenset([each.code for each in fee]),
            frozenset([each.code for each in fee if each.payment_integrated]),
            frozenset([each.code for each in procedures if "citizen" in each.applicants]),
        )

    @classmethod
    def together(cls, remits: Sequence[Remit]) -> Remit:
        """All of some remits."""
        if len(remits) == 1:
            return remits[0]
        return cls(*(frozenset().union(*column) for column in zip(*remits, strict=True))) if remits else cls()


class Remits:
    """`Directory.remit` for many questions within one span: what does not change between them is done once."""

    def __init__(self, directory: Directory, a: Instant, b: Instant) -> None:
        by_unit: dict[str, list[Procedure]] = {}
        by_level: dict[str | None, list[Procedure]] = {}
        sometimes: dict[str, Procedure] = {}
        for each in directory.procedures.values():
            if not _throughout(each, a, b):
                sometimes[each.code] = each
                continue
            for code in each.units:
                by_unit.setdefault(code, []).append(each)
            for level in each.levels if not each.units else ():
                by_level.setdefault(level, []).append(each)
        self._by_unit = {code: Remit.of(found) for code, found in by_unit.items()}
        self._by_level = {level: Remit.of(found) for level, found in by_level.items()}
        self._always: dict[tuple[str, ...], Remit] = {}
        self._sometimes = replace(directory, procedures=sometimes)

    def of(self, units: Sequence[Unit], a: Instant, b: Instant) -> Remit:
        """The remit of `units` in [a, b), which lies within the span."""
        key = tuple(unit.code for unit in units)
        always = self._always.get(key)
        if always is None:
            parts = [self._by_unit[code] for code in key if code in self._by_unit]
            parts += [self._by_level[level] for level in {unit.level for unit in units} if level in self._by_level]
            always = self._always[key] = Remit.together(parts)
        now = self._sometimes.remit(units, a, b)
        return Remit.together([always, Remit.of(now)]) if now else always


def _throughout(procedure: Procedure, a: Instant, b: Instant) -> bool:
    begun = procedure.valid_from is None or start_of(procedure.valid_from) <= a
    return begun and (procedure.valid_to is None or start_of(Day(procedure.valid_to + 1)) >= b)


def measures(
    directory: Directory,
    question: Question,
    counted: Counted,
    parts: frozenset[Part] = ALL,
    remits: Remits | None = None,
) -> dict[str, Measure]:
    """The measures of some parts; None for all others, and where a question narrowed to a procedure has none."""
    units = question.units_in(directory)
    found: dict[str, Measure] = dict.fromkeys(catalogues.MEASURES)
    if "dossiers" in parts:
        found |= _dossier_measures(counted.dossiers)
        found["synced_base"] = max(_national_count(directory, question), int(found["received"] or 0))
    if "programmes" in parts:
        found |= _programme_measures(directory, counted.within_by_procedure)
    if question.procedure is not None:
        return found
    if "remit" in parts or parts & USES:
        a, b = question.a, question.b
        remit = Remit.of(directory.remit(units, a, b)) if remits is None else remits.of(units, a, b)
        found |= _procedure_measures(remit, counted)
    if "petitions" in parts:
        found |= _petition_measures(counted.petitions)
    if "documents" in parts:
        found |= _document_measures(counted.documents)
    if "publications" in parts:
        found |= counted.publications._asdict()
    if "communes" in parts:
        communes = [each for each in units if each.level == "commune"]
        found["communes"] = len(communes)
        found["communes_certified_copy"] = sum(each.certified_copy for each in communes)
    return found


def _national_count(directory: Directory, question: Question) -> int:
    """The national report's count of received dossiers; it is of all procedures together."""
    if question.procedure is not None:
        return 0
    figures = directory.external(question.unit.code, question.label)
    return max((each.count or 0 for each in figures if each.code == NATIONAL_COUNT), default=0)


def is_reported(directory: Directory, question: Question) -> bool:
    """Whether there is a national report's count for the question."""
    return _national_count(directory, question) > 0


def _dossier_measures(sums: Sums) -> dict[str, Measure]:
    active, overdue = sums.active(), sums.overdue()
    ended = sums.in_period("ended")
    return {
        "active": active,
        "overdue": overdue,
        "on_time": active - overdue,
        "active_satisfied": (active - overdue) - (sums.active("_disliked") - sums.overdue("_disliked")),
        "ended": ended,
        "ended_on_time": ended - sums.in_period("ended_late"),
        "ended_signed_result": sums.in_period("ended_signed_result"),
        "received_online": sums.in_period("received", ONLINE),
        "received_postal": sums.in_period("received", CHANNELS.index("postal")),
        "received_fee_paid_online": sums.in_period("received_fee_paid_online"),
        **{
            f"received{each}": sums.in_period(f"received{each}") for each in ("", "_by_postal_clerk", "_fee", "_synced")
        },
        **{
            f"active_{each}": sums.active(f"_{each}")
            for each in ("e_result", "digitised", "reused", "shared_store", "population_data")
        },
        "returned_postal": sums.in_period("returned_postal"),
        "returned_online": sums.in_period("returned_online"),
        "processing_time": Fraction(
            sums.in_period("processing_seconds") * 1_000_000 + sums.in_period("processing_micros"), ended * _DAY_US
        )
        if ended
        else None,
    }


def _received(by: Mapping[tuple[str, int], Sequence[int]], procedure: str, *channels: int) -> int:
    return sum(by[procedure, each][0] for each in channels or range(len(CHANNELS)) if (procedure, each) in by)


def _programme_measures(directory: Directory, within: Mapping[tuple[str, int], Sequence[int]]) -> dict[str, Measure]:
    """The subsets of dossiers that an attribute of their procedure selects."""
    known = {code: directory.procedures[code] for code, _ in within if code in directory.procedures}
    eligible = [code for code, each in known.items() if each.full_eligible]
    full = [code for code in eligible if known[code].service_level == "full"]
    essential = [code for code, each in known.items() if each.essential and _received(within, code)]
    ratios = [Fraction(_received(within, code, ONLINE), _received(within, code)) for code in essential]
    return {
        "full_online_received": sum(_received(within, code, ONLINE) for code in full),
        "full_eligible_received": sum(_received(within, code) for code in eligible),
        "essential_online": sum(_received(within, code, ONLINE) for code in essential),
        "essential_received": sum(_received(within, code) for code in essential),
        "essential_mean": sum(ratios, Fraction(0)) / len(ratios) if ratios else None,
    }


def _procedure_measures(remit: Remit, counted: Counted) -> dict[str, Measure]:
    """Distinct procedures, numerators cut to the denominators' procedures."""
    within, before = counted.within_by_procedure, counted.before_by_procedure
    online = {code for (code, channel), counts in within.items() if channel == ONLINE and counts[0] > 0}
    paid = {code for (code, _), counts in within.items() if counts[1] > 0}
    population: dict[str, int] = {}
    for (code, _), counts in within.items():
        population[code] = population.get(code, 0) + counts[2]
    for (code, _), counts in before.items():
        population[code] = population.get(code, 0) + counts[2] - counts[3]
    return {
        "procedures": len(remit.procedures),
        "procedures_online_service": len(remit.online),
        "procedures_with_online_dossiers": len(remit.online & online),
        "procedures_fee": len(remit.fee),
        "procedures_paid_online": len(remit.fee & paid),
        "procedures_integrated": len(remit.integrated),
        "procedures_citizen": len(remit.citizen),
        "procedures_population_data": len(remit.citizen & {code for code, count in population.items() if count > 0}),
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


def balance(sums: Sums) -> dict[str, int]:
    """The balance of dossiers in a period; its identities hold for every unit and period."""
    ended, ended_late = sums.in_period("ended"), sums.in_period("ended_late")
    active = sums.active()
    return {
        "carried_over": sums.carried_over(),
        "received": sums.in_period("received"),
        **{f"received_{name}": sums.in_period("received", index) for index, name in enumerate(CHANNELS)},
        "active": active,
        "ended": ended,
        "ended_on_time": ended - ended_late,
        "ended_late": ended_late,
        "open": active - ended,
        "open_overdue": sums.overdue() - ended_late,
    }
