"""The catalogues of one root as they stand at one revision: units, procedures, calendar, targets, external figures.

They never change; an edit makes new ones with the next revision. Facts are folded with what `rules_of` and the
calendar say; everything else here is applied when a figure is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from app.domain import codes
from app.domain.calendar.civil import Day, Instant, start_of
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.rules import Rules

Scope = Literal["own", "subtree"]
Seen = Literal["now", "then"]
"""Merged units under their successors, or as units of their own in the periods in which they existed."""
CatalogueName = Literal["units", "procedures", "targets", "external-figures", "calendar"]
LEVELS = ("ministry", "province", "department", "commune")
SERVICE_LEVELS = ("none", "partial", "full")
APPLICANTS = ("citizen", "organisation")


@dataclass(frozen=True, slots=True)
class Unit:
    """An agency (cơ quan, đơn vị): a node of the tree that dotted codes span."""

    id: int
    code: str
    name: str | None = None
    level: str | None = None
    parent: str | None = None
    certified_copy: bool = False
    valid_from: Day | None = None
    valid_to: Day | None = None
    successor: str | None = None
    aliases: tuple[str, ...] = ()

    def existed(self, a: Instant, b: Instant) -> bool:
        """Whether its validity overlaps [a, b)."""
        return overlaps(self.valid_from, self.valid_to, a, b)


@dataclass(frozen=True, slots=True)
class Procedure:
    """An administrative procedure (thủ tục hành chính) with today's attributes."""

    id: int
    code: str
    name: str | None = None
    sector: str | None = None
    service_level: str = "none"
    full_eligible: bool = False
    fee: bool = False
    payment_integrated: bool = False
    issues_document: bool = True
    applicants: tuple[str, ...] = ()
    max_working_days: int | None = None
    essential: bool = False
    units: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    valid_from: Day | None = None
    valid_to: Day | None = None

    def is_valid_on(self, day: Day) -> bool:
        """Whether `day` lies in the validity, both days included."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def overlaps(valid_from: Day | None, valid_to: Day | None, a: Instant, b: Instant) -> bool:
    """Whether a validity (both days included, open where None) overlaps [a, b)."""
    begins_before = valid_from is None or start_of(valid_from) < b
    ends_after = valid_to is None or start_of(Day(valid_to + 1)) > a
    return begins_before and ends_after


@dataclass(frozen=True, slots=True)
class ExternalFigure:
    """A figure entered by hand (SIPAS, DTI, a national report's count), with who, when and from where."""

    code: str
    unit: str
    period: str
    value: Decimal | None
    score: Decimal | None
    max: Decimal | None
    rank: int | None
    of: int | None
    count: int | None
    source: str | None
    note: str | None
    entered_by: str
    entered_at: Instant


_UNKNOWN = Rules()
_KEPT_THEN = 8


@dataclass(frozen=True)
class Catalogues:
    """All catalogues of one root at one `revision`; `digest` names their content.

    `lineage` is the same number for as long as the database was not put back to an earlier state, nor these edited.
    `untold`: by unit (id) that has dossiers, the measures of which no source of theirs tells anything; empty where
    there is no such measure.
    """

    root_id: int
    root: str
    revision: int
    units: Mapping[str, Unit]
    procedures: Mapping[str, Procedure]
    calendar: Calendar
    targets: Mapping[tuple[str, str, str, int], Decimal]
    externals: Sequence[ExternalFigure]
    digest: str
    lineage: int = 0
    untold: Mapping[int, frozenset[str]] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict, repr=False)
    _rules: dict[str, Rules] = field(default_factory=dict, repr=False)
    _by_id: dict[int, Unit] = field(default_factory=dict, repr=False)
    _scopes: dict[tuple[str, str], tuple[Unit, ...]] = field(default_factory=dict, repr=False)
    kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What others have worked out of these catalogues alone, by who did."""

    def __post_init__(self) -> None:
        for unit in self.units.values():
            self._by_id[unit.id] = unit
            for alias in unit.aliases:
                self._aliases[alias] = unit.code
        equal: dict[Rules, Rules] = {}
        for each in self.procedures.values():
            rules = Rules(True, each.fee, each.issues_document, each.max_working_days)
            self._rules[each.code] = equal.setdefault(rules, rules)

    @property
    def rows(self) -> int:
        """How many rows they were made of, but for the calendar's."""
        return len(self.units) + len(self.procedures) + len(self.targets) + len(self.externals)

    def resolve(self, text: str) -> str:
        """The code an alias stands for; any other text as it is."""
        return text if text in self.units else self._aliases.get(text, text)

    def unit_by_id(self, unit_id: int) -> Unit:
        """The unit with the database's id."""
        return self._by_id[unit_id]

    def rules_of(self, procedure: str) -> Rules:
        """The counted attributes of a procedure, the defaults for one the catalogue does not know."""
        return self._rules.get(procedure, _UNKNOWN)

    def parent_of(self, unit: Unit) -> str | None:
        """The parent as entered, else the nearest existing ancestor by dotted segments."""
        return unit.parent or next((code for code in codes.ancestors(unit.code) if code in self.units), None)

    def level_of(self, code: str) -> str | None:
        """The level of a unit, None for an unknown one."""
        return self.units[code].level if code in self.units else None

    def in_scope(self, unit: str, scope: Scope) -> tuple[Unit, ...]:
        """The units a figure of `unit` sums: itself, or all under it and all merged into one of these."""
        if scope == "own":
            return (self.units[unit],)
        found = self._scopes.get((unit, scope))
        if found is None:
            inside = {code for code in self.units if codes.is_under(code, unit)}
            while merged := {
                each.code for each in self.units.values() if each.successor in inside and each.code not in inside
            }:
                inside |= merged
            found = tuple(self.units[code] for code in sorted(inside, key=codes.sort_key))
            self._scopes[(unit, scope)] = found
        return found

    def standing_as(self, units: Collection[Unit]) -> dict[int, Unit]:
        """As which of `units` each of them (by id) stands: a merged one as its last successor that is among them."""
        inside = {unit.code for unit in units}
        found: dict[int, Unit] = {}
        for unit in units:
            stands = unit
            # Successions end: see _last_successor.
            while stands.successor in inside:
                stands = self.units[stands.successor]
            found[unit.id] = stands
        return found

    def seen_then(self, a: Instant, b: Instant) -> Catalogues:
        """The catalogues with the units of [a, b) as they were: merged ones that existed in it are not merged yet.

        One that says no `valid_to` is held to have existed ever since.
        """
        apart = frozenset([each.code for each in self.units.values() if each.successor and each.existed(a, b)])
        if not apart:
            return self
        kept: dict[frozenset[str], Catalogues] = self.kept.setdefault("then", {})
        if apart not in kept:
            if len(kept) >= _KEPT_THEN:
                kept.clear()
            units = {
                code: replace(unit, successor=None) if code in apart else unit for code, unit in self.units.items()
            }
            kept[apart] = replace(self, units=units, _by_id={}, _scopes={})
        return kept[apart]

    def standing_in(self, a: Instant, b: Instant) -> list[Unit]:
        """The units that stand for themselves and were there in [a, b), or had a part that was before it merged."""
        there: dict[str, Unit] = {}
        for unit in self.units.values():
            if unit.existed(a, b):
                found = self.last_successor(unit)
                there[found.code] = found
        return list(there.values())

    def last_successor(self, unit: Unit) -> Unit:
        """The unit that now stands for one: itself, or the last into which it was merged."""
        seen = set[str]()
        # Successions end: a ring is refused when it is put (store/catalogues/draft.py).
        while unit.successor is not None and unit.code not in seen:
            seen.add(unit.code)
            unit = self.units[unit.successor]
        return unit

    def remit(self, units: Iterable[Unit], a: Instant, b: Instant) -> list[Procedure]:
        """The procedures in the remit of `units` whose validity overlaps [a, b): those that list one of them, or list
        none
        and name the level of one."""
        inside = {unit.code for unit in units}
        levels = {unit.level for unit in units}
        return [
            each
            for each in self.procedures.values()
            if (not inside.isdisjoint(each.units) if each.units else not levels.isdisjoint(each.levels))
            and overlaps(each.valid_from, each.valid_to, a, b)
        ]

    def target(self, indicator: str, unit: Unit, year: int) -> Decimal | None:
        """The year's target of an indicator: the unit's own, else the one of its level."""
        own = self.targets.get((indicator, unit.code, "", year))
        return own if own is not None else self.targets.get((indicator, "", unit.level or "", year))

    def external(self, unit: str, period: str) -> list[ExternalFigure]:
        """The external figures of a unit and period label."""
        return [each for each in self.externals if each.unit == unit and each.period == period]
