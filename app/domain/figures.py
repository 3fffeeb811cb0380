"""From counters to measures: what each name of the catalogue's closed set is, for one unit, scope and period.

Two sums carry everything: the counters before the period's first day and those within it. Active, overdue and open
follow from them by the identities of the four counts; nothing here looks at a single dossier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from app.domain import catalogue as catalogues
from app.domain.directory import Directory, Procedure, Scope, Unit
from app.domain.document import TIERS
from app.domain.dossier import CHANNELS
from app.domain.events import Instant
from app.domain.petition import ABOUT
from app.domain.publication import PublicationCounts
from app.domain.scoring import Measure
from app.domain.tally import Family

_DAY_US = 86_400_000_000
ONLINE = CHANNELS.index("online")
NATIONAL_COUNT = "DOSSIER_SYNC"
"""Code of the external figure whose `count` is the national report's number of dossiers."""

BY_PROCEDURE = ("received", "received_fee_paid_online", "received_population_data", "ended_population_data")
"""The dossiers' counters that are also needed by procedure and channel."""


@dataclass(frozen=True)
class Question:
    """Which figures: a unit within a scope, a period [a, b) whose end is already cut at now, perhaps one procedure."""

    unit: Unit
    scope: Scope
    label: str
    a: Instant
    b: Instant
    procedure: str | None = None


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
    before_by_procedure: Mapping[tuple[str, int], Sequence[int]]
    within_by_procedure: Mapping[tuple[str, int], Sequence[int]]
    publications: PublicationCounts


def measures(directory: Directory, question: Question, counted: Counted) -> dict[str, Measure]:
    """Every measure of the catalogue's closed set; None where a question narrowed to a procedure has none."""
    units = directory.in_scope(question.unit.code, question.scope)
    found: dict[str, Measure] = dict.fromkeys(catalogues.MEASURES)
    found |= _dossier_measures(counted.dossiers)
    found["synced_base"] = max(_national_count(directory, question), int(found["received"] or 0))
    found |= _programme_measures(directory, counted.within_by_procedure)
    if question.procedure is None:
        found |= _procedure_measures(directory.remit(units, question.a, question.b), counted)
        found |= _petition_measures(counted.petitions)
        found |= _document_measures(counted.documents)
        found |= counted.publications._asdict()
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


def _procedure_measures(remit: Iterable[Procedure], counted: Counted) -> dict[str, Measure]:
    """Distinct procedures, numerators cut to the denominators' procedures."""
    remit = list(remit)
    online = [each.code for each in remit if each.service_level in ("partial", "full")]
    fee = [each for each in remit if each.fee]
    citizens = [each.code for each in remit if "citizen" in each.applicants]
    within, before = counted.within_by_procedure, counted.before_by_procedure
    paid = {code for (code, _), counts in within.items() if counts[1] > 0}
    population: dict[str, int] = {}
    for (code, _), counts in within.items():
        population[code] = population.get(code, 0) + counts[2]
    for (code, _), counts in before.items():
        population[code] = population.get(code, 0) + counts[2] - counts[3]
    return {
        "procedures": len(remit),
        "procedures_online_service": len(online),
        "procedures_with_online_dossiers": sum(_received(within, code, ONLINE) > 0 for code in online),
        "procedures_fee": len(fee),
        "procedures_paid_online": sum(each.code in paid for each in fee),
        "procedures_integrated": sum(each.payment_integrated for each in fee),
        "procedures_citizen": len(citizens),
        "procedures_population_data": sum(population.get(code, 0) > 0 for code in citizens),
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
