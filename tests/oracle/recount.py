"""The recount: events and catalogues as plain dicts in, every figure of a question out.

Each life is folded once; a question then asks every life in scope. Nothing is tallied and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from . import reading
from .calendar import CIVIL, ONE_DAY, Calendar, period_days, start_of
from .catalogue import Procedures, Units
from .dossiers import fold
from .figures import Question, all_figures, balance
from .others import fold_document, fold_petition, fold_procedure
from .points import CERTIFIED_COPY, GROUPS, WORTH, Figure, group_scores, rating, scored


@dataclass(frozen=True)
class Answer:
    """The recounted scorecard of one question."""

    effective_end: datetime
    figures: Mapping[str, Figure]
    groups: Mapping[str, Fraction]
    total: Fraction
    rating: str
    balance: Mapping[str, int]


class PeriodInFuture(ValueError):
    """The period has not begun."""


class Recount:
    """The lives of one root, folded from any pile of accepted events, and the questions they answer."""

    def __init__(
        self,
        events: Iterable[Mapping],
        units: Iterable[Mapping],
        procedures: Iterable[Mapping],
        seed_holidays: Iterable[date],
        overrides: Mapping[date, str] | None = None,
        external: Iterable[Mapping] = (),
        seed_workdays: Iterable[date] = (),
    ) -> None:
        """`overrides`: day -> "holiday" or "workday"; `external`: rows of PUT /v1/external-figures."""
        self.units = Units(units)
        self.procedures = Procedures(procedures, self.units)
        self.calendar = Calendar(seed_holidays, overrides, seed_workdays)
        self._external = list(external)
        lives = reading.lives(reading.read_all(events, self.units))
        folded = {
            subject: fold(subject, events, self.procedures, self.calendar)
            for subject, events in lives["dossier"].items()
        }
        petitions = {
            (unit, subject): fold_petition(unit, subject, events, self.calendar)
            for (unit, subject), events in lives["petition"].items()
        }
        self.dossiers = {subject: facts for subject, (facts, _) in folded.items() if facts is not None}
        self.petitions = {life: facts for life, (facts, _) in petitions.items() if facts is not None}
        self.documents = {
            (unit, subject): fold_document(unit, subject, events)
            for (unit, subject), events in lives["document"].items()
        }
        self.transparency = {code: fold_procedure(code, events) for code, events in lives["procedure"].items()}
        self._faults = {subject: causes for subject, (_, causes) in folded.items()}
        self._petition_faults = {life: causes for life, (_, causes) in petitions.items()}

    def faults(self, subject: str) -> frozenset[str]:
        """Causes for which a dossier stands in the data-quality list."""
        return self._faults.get(subject, frozenset())

    def petition_faults(self, unit: str, subject: str) -> frozenset[str]:
        """Causes for which a petition of a unit stands in the data-quality list."""
        return self._petition_faults.get((self.units.canonical(unit), subject), frozenset())

    def answer(
        self,
        unit: str,
        first: date,
        last: date,
        scope: str = "subtree",
        procedure: str | None = None,
        *,
        now: datetime,
    ) -> Answer:
        """Every figure of a unit for the days first..last, both included, as of `now`."""
        question = self._question(self.units.canonical(unit), first, last, scope, procedure, now)
        figures = {
            code: scored(code, figure) if code in WORTH and code != CERTIFIED_COPY else figure
            for code, figure in all_figures(question, procedure).items()
        }
        groups = group_scores(figures)
        total = sum(groups.values(), Fraction(0))
        return Answer(question.end, figures, groups, total, rating(total), balance(question))

    def _question(
        self, unit: str, first: date, last: date, scope: str, procedure: str | None, now: datetime
    ) -> Question:
        start, end = start_of(first), start_of(last + ONE_DAY)
        if now <= start:
            raise PeriodInFuture(first)
        inside = self.units.scope(unit, scope)
        return Question(
            start=start,
            end=max(start, min(end, now.astimezone(CIVIL))),
            scope=inside,
            ministry=self.units.level(self.units.root_of(unit)) == "ministry",
            units=self.units,
            procedures=self.procedures,
            calendar=self.calendar,
            dossiers=[
                d
                for d in self.dossiers.values()
                if d.unit in inside and not d.voided and procedure in (None, d.procedure)
            ],
            petitions=[p for p in self.petitions.values() if p.unit in inside and not p.voided],
            documents=[d for d in self.documents.values() if d.unit in inside],
            # below the root these show the root's figures, so the scope plays no part
            transparency=list(self.transparency.values()),
            # the national report knows no procedures
            national_count=None if procedure is not None else self._national_count(unit, first, last),
        )

    def _national_count(self, unit: str, first: date, last: date) -> int | None:
        """The count of the national report entered for these very days."""
        counts = [
            row["count"]
            for row in self._external
            if row["code"] == "DOSSIER_SYNC"
            and row.get("count") is not None
            and self.units.canonical(row["unit"]) == unit
            and period_days(row["period"]) == (first, last)
        ]
        return counts[-1] if counts else None


__all__ = ["GROUPS", "Answer", "Figure", "PeriodInFuture", "Recount"]
