"""What a PUT would make of a catalogue: rows laid over what stands there, those left out that cannot be.

Pure. One bad row never costs its neighbours, except those that are bad without it (a parent that is not taken in is
missing for its children).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

<<<<<<< HEAD
from app.domain.catalogues.root import Catalogues
from app.domain.push import Rejected, Warned, Wrong
from app.messages import Message
=======
from app.domain import codes
from app.domain.catalogues.root import LEVELS, Catalogues
from app.domain.push import Rejected, Warned
>>>>>>> 05e629d (A key of one unit does not change its unit's level, nor sets one above it)

Key = tuple[Any, ...]
Attributes = Mapping[str, Any]
Reason = tuple[str, str, Message]
"""Why a row cannot be: the contract's code, the field and a sentence."""

_OF_UNITS: Final = ("forbidden_unit", "unknown_unit")


class Row(Protocol):
    """A sound row (intake.catalogues.Row): what it is about, and the attributes it changes."""

    @property
    def index(self) -> int: ...

    @property
    def id(self) -> str: ...

    @property
    def key(self) -> Key: ...

    @property
    def changes(self) -> Attributes: ...


@dataclass(eq=False, slots=True)
class Entry:
    """A row on its way in; units are codes here, not aliases."""

    index: int
    id: str
    key: Key
    changes: dict[str, Any]
    fault: Rejected | None = None
    """Why it is left out, all that is known."""
    sound: bool = True
    """Whether all of it could be read."""

    @property
    def forbidden(self) -> bool:
        """Whether nothing more is told of it."""
        return self.fault is not None and any(each.code == "forbidden_unit" for each in self.fault.faults)

    def is_told(self, reason: Reason) -> bool:
        """Whether a reason may be told: not one of an attribute that could not be read, or was not sent."""
        code, name, _ = reason
        return self.sound or code in _OF_UNITS or name.partition("[")[0] in self.changes

    def blame(self, reasons: Iterable[Reason]) -> None:
        """Say why it is left out."""
        faults = [Wrong(*reason) for reason in reasons]
        if self.fault is not None:
            self.fault = self.fault.and_also(faults)
        elif faults:
            self.fault = Rejected(self.index, self.id, None, *faults[0]).and_also(faults[1:])


@dataclass(slots=True)
class Draft:
    """The rows of one PUT over the rows that stand (`stored`, by key); `defaults` are those of a new row. Rows that are
    left out are looked at further, for all that is wrong with them.
    """

    catalogues: Catalogues
    key_unit: str
    stored: Mapping[Key, Attributes]
    defaults: Attributes
    entries: list[Entry]
    left_out: list[Entry] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)

    @property
    def whole_root(self) -> bool:
        """Whether the key is one of the root itself."""
        return self.key_unit == self.catalogues.root

    @property
    def errors(self) -> list[Rejected]:
        """Why rows are left out."""
        return [each.fault for each in self.left_out if each.fault is not None]

    def refuse(self, guilty: Sequence[tuple[Entry, Sequence[Reason]]]) -> bool:
        """Leave rows out; the others are to be looked at again without them. Whether there were any."""
        for each, reasons_of_it in guilty:
            each.blame(reasons_of_it)
        left_out = {id(each) for each, _ in guilty}
        self.left_out += [each for each in self.entries if id(each) in left_out]
        self.entries = [each for each in self.entries if id(each) not in left_out]
        return bool(guilty)

    def warn_each(self, reason_of: Callable[[Entry], Reason | None]) -> None:
        """Say of every row that is taken in for which there is a reason to look at it."""
        found = ((each, reason_of(each)) for each in self.entries)
        self.warnings += [Warned(each.index, each.id, *reason) for each, reason in found if reason is not None]

    def refuse_each(self, reasons_of: Callable[[Entry], Iterable[Reason]]) -> bool:
        """Leave out every row for which there is a reason."""
        guilty = [(each, found) for each in self.entries if (found := list(reasons_of(each)))]
        for each in self.left_out:
            if not each.forbidden:
                each.blame(reason for reason in reasons_of(each) if each.is_told(reason))
        return self.refuse(guilty)

    def merged(self) -> dict[Key, dict[str, Any]]:
        """The rows that are touched, as they would stand: of a row that comes twice, the later attributes."""
        found: dict[Key, dict[str, Any]] = {}
        for each in self.entries:
            if each.key not in found:
                found[each.key] = dict(self.stored.get(each.key, self.defaults))
            found[each.key].update(each.changes)
        return found

    def changed(self, absent: Attributes | None = None) -> dict[Key, dict[str, Any]]:
        """The rows that would stand differently, in the order of their keys; `absent` says as much as no row at all."""
        return {key: now for key, now in sorted(self.merged().items()) if now != self.stored.get(key, absent)}

    def last_with(self, *names: str) -> dict[Key, Entry]:
        """By key, the last row that says one of the attributes, in the order sent."""
        found: dict[Key, Entry] = {}
        for each in self.entries:
            if not each.changes.keys().isdisjoint(names):
                found.pop(each.key, None)
                found[each.key] = each
        return found


def draft_of(
    catalogues: Catalogues,
    key_unit: str,
    stored: Mapping[Key, Attributes],
    defaults: Attributes,
    rows: Sequence[Row | Rejected],
) -> Draft:
<<<<<<< HEAD
    """The unchecked draft; of rows that are refused already those are left out of which enough could be read."""
    draft = Draft(catalogues, key_unit, stored, defaults, [])
    for each in rows:
        if not isinstance(each, Rejected):
            draft.entries.append(Entry(each.index, each.id, each.key, dict(each.changes)))
        elif each.read is not None:
            row: Row = each.read
            draft.left_out.append(Entry(row.index, row.id, row.key, dict(row.changes), each, sound=False))
    return draft
=======
    """The unchecked draft."""
    entries = [Entry(row.index, row.id, row.key, dict(row.changes)) for row in rows]
    return Draft(catalogues, key_unit, stored, defaults, entries)


def check_units(draft: Draft) -> None:
    """Units: within the key's reach, and together a tree with unambiguous aliases and successions that end."""

    def beyond(entry: Entry) -> Reason | None:
        if codes.is_under(entry.key[0], draft.key_unit):
            return None
        return ("forbidden_unit", "code", "the key does not reach this unit")

    draft.refuse_each(beyond)
    draft.refuse_each(lambda entry: _level_beyond(draft, entry))
    draft.refuse_each(lambda entry: _reused_code(draft, entry))
    own = {each.key[0] for each in draft.entries}
    for each in draft.entries:
        successor = each.changes.get("successor")
        if successor is not None and successor not in own:
            each.changes["successor"] = draft.catalogues.resolve(successor)
    draft.refuse_each(lambda entry: _named_beyond(draft, entry))
    _settle(draft, _unit_references, _unit_aliases, _unit_cycles, _reversed_validity)
    merged = draft.merged()
    draft.warn_each(lambda entry: _renamed_after_its_end(draft, entry))
    draft.warn_each(lambda entry: _merged_without_end(merged[entry.key], entry))
    draft.warn_each(lambda entry: _moved_alias(draft, entry))


def _named_beyond(draft: Draft, entry: Entry) -> Reason | None:
    """A unit out of the key's reach that a row names anew, or names no longer: figures of both would change."""
    code, stored = entry.key[0], draft.stored.get(entry.key, draft.defaults)
    known = draft.catalogues.units.get(code)
    for name in ("parent", "successor"):
        before, now = stored[name], entry.changes.get(name, stored[name])
        # The lists tell a parent that nobody has named: sent back, it changes nothing.
        if now == before or (name == "parent" and known is not None and now == draft.catalogues.parent_of(known)):
            continue
        if any(each is not None and not codes.is_under(each, draft.key_unit) for each in (before, now)):
            return ("forbidden_unit", name, "the key does not reach the unit that is named, or was")
    for place, alias in enumerate(entry.changes.get("aliases", ())):
        new_code = alias not in stored["aliases"] and codes.is_under(alias, draft.catalogues.root)
        if new_code and not codes.is_under(alias, draft.key_unit):
            return ("forbidden_unit", f"aliases[{place}]", "the key does not reach a unit of this code")
    return None


def _level_beyond(draft: Draft, entry: Entry) -> Reason | None:
    """Another level of the key's own unit, or one above it: it decides beside which units out of reach one ranks."""
    before = draft.stored.get(entry.key, draft.defaults)["level"]
    now, above = entry.changes.get("level", before), draft.catalogues.level_of(draft.key_unit) or "department"
    if draft.whole_root or now == before:
        return None
    if (before and entry.key[0] == draft.key_unit) or (now and LEVELS.index(now) < LEVELS.index(above)):
        return ("forbidden_unit", "level", "the key does not reach the units of this level: this takes one of above")
    return None


def _reused_code(draft: Draft, entry: Entry) -> Reason | None:
    """A code that another unit had: its lives and figures would become those of the new one."""
    before = draft.stored.get(entry.key)
    if before is None or (before["valid_to"] is None and before["successor"] is None):
        return None
    now = {**before, **entry.changes}
    if before["valid_to"] is not None and now["valid_from"] is not None and now["valid_from"] > before["valid_to"]:
        return ("invalid_value", "valid_from", "the code was a unit's until before that day: take one of its own")
    if now["valid_to"] is None and now["successor"] is None and _other_name(before, now):
        return (
            "invalid_value",
            "name",
            "the code is that of a unit that has ended: take another for a new one",
        )
    return None


def _other_name(before: Attributes, now: Attributes) -> bool:
    return before["name"] is not None and now["name"] is not None and before["name"] != now["name"]


def _renamed_after_its_end(draft: Draft, entry: Entry) -> Reason | None:
    before = draft.stored.get(entry.key)
    ended = before is not None and (before["valid_to"] is not None or before["successor"] is not None)
    if before is None or not ended or not _other_name(before, {**before, **entry.changes}):
        return None
    return ("invalid_value", "name", "the unit has ended; if this is another one, it takes a code of its own")


def _merged_without_end(now: Attributes, entry: Entry) -> Reason | None:
    if entry.changes.keys().isdisjoint(("successor", "valid_to")) or now["successor"] is None or now["valid_to"]:
        return None
    return ("invalid_value", "valid_to", "merged, but not since when: as=then shows it in every period")


def _moved_alias(draft: Draft, entry: Entry) -> Reason | None:
    for place, alias in enumerate(entry.changes.get("aliases", ())):
        if alias not in draft.catalogues.units and draft.catalogues.resolve(alias) not in (alias, entry.key[0]):
            return ("invalid_value", f"aliases[{place}]", "another unit had this alias: what came under it stays there")
    return None


def _settle(draft: Draft, *rules: Callable[[Draft], bool]) -> None:
    """Apply rules until they leave out nothing more: what is left out changes what the others stand beside."""
    for _ in range(_MOST_ROUNDS):
        if not any(rule(draft) for rule in rules):
            return
    draft.refuse_each(lambda entry: ("invalid_value", "code", "the rows contradict each other again and again"))


def _unit_references(draft: Draft) -> bool:
    """Parents and successors that do not exist; in one go, however long the chains of those that name each other."""
    coming = Counter(each.key[0] for each in draft.entries)
    naming: dict[str | None, list[Entry]] = {}
    guilty: dict[int, tuple[Entry, Reason]] = {}
    unseen = list(reversed(draft.entries))
    for each in draft.entries:
        for name in ("parent", "successor"):
            naming.setdefault(each.changes.get(name), []).append(each)
    while unseen:
        entry = unseen.pop()
        reason = _reference_fault(entry, lambda code: code in draft.catalogues.units or coming[code] > 0)
        if reason is None or id(entry) in guilty:
            continue
        guilty[id(entry)] = (entry, reason)
        code = entry.key[0]
        coming[code] -= 1
        if not coming[code]:
            unseen += naming.get(code, ())
    return draft.refuse(list(guilty.values()))


def _reference_fault(entry: Entry, exists: Callable[[str], bool]) -> Reason | None:
    code, parent, successor = entry.key[0], entry.changes.get("parent"), entry.changes.get("successor")
    if parent is not None and (parent == code or not codes.is_under(code, parent)):
        return ("invalid_value", "parent", "a parent stands above its unit by dotted segments")
    if parent is not None and not exists(parent):
        return ("unknown_unit", "parent", "no unit of the catalogue has this code")
    if successor == code:
        return ("invalid_value", "successor", "a unit cannot be its own successor")
    if successor is not None and not exists(successor):
        return ("unknown_unit", "successor", "no unit of the catalogue has this code")
    return None


def _unit_aliases(draft: Draft) -> bool:
    present = draft.catalogues.units.keys() | {each.key[0] for each in draft.entries}
    telling = draft.last_with("aliases")
    owners: dict[str, str] = {}
    for code, unit in draft.catalogues.units.items():
        if (code,) not in telling:
            owners.update(dict.fromkeys(unit.aliases, code))

    def taken(entry: Entry) -> Reason | None:
        code = entry.key[0]
        if code not in draft.catalogues.units and code in owners:
            return ("invalid_value", "code", "another unit has this code as an alias")
        if telling.get(entry.key) is entry:
            for place, alias in enumerate(entry.changes["aliases"]):
                if alias in present:
                    return ("invalid_value", f"aliases[{place}]", "a unit has this code of its own")
                if owners.setdefault(alias, code) != code:
                    return ("invalid_value", f"aliases[{place}]", "another unit has this alias")
        return None

    return draft.refuse_each(taken)


def _unit_cycles(draft: Draft) -> bool:
    telling = draft.last_with("successor")
    after = {code: unit.successor for code, unit in draft.catalogues.units.items()}
    after |= {key[0]: now["successor"] for key, now in draft.merged().items()}
    walked: set[str] = set()
    guilty: dict[int, Entry] = {}
    for entry in telling.values():
        path: dict[str, None] = {}
        at: str | None = entry.key[0]
        while at is not None and at not in path and at not in walked:
            path[at] = None
            at = after.get(at)
        if at is not None and at in path:
            steps = list(path)
            ring = steps[steps.index(at) :]
            last = max((telling[(code,)] for code in ring if (code,) in telling), key=lambda each: each.index)
            guilty[last.index] = last
        # Also a ring, once found: nobody walks it again.
        walked.update(path)
    reason = ("invalid_value", "successor", "the successors lead back to this unit")
    return draft.refuse([(each, reason) for each in guilty.values()])


def _reversed_validity(draft: Draft) -> bool:
    merged = draft.merged()

    def is_reversed(entry: Entry) -> bool:
        first, last = merged[entry.key]["valid_from"], merged[entry.key]["valid_to"]
        return first is not None and last is not None and first > last

    reason = ("invalid_value", "valid_to", "the validity ends before it begins")
    telling = draft.last_with("valid_from", "valid_to").values()
    return draft.refuse([(each, reason) for each in telling if is_reversed(each)])


def check_procedures(draft: Draft) -> None:
    """Procedures: only by a key of the root, applied by units that exist."""

    def wrong(entry: Entry) -> Reason | None:
        if not draft.whole_root:
            return ("forbidden_unit", "code", "procedures are the root's: this takes a key of the root itself")
        if "units" in entry.changes:
            units = [draft.catalogues.resolve(each) for each in entry.changes["units"]]
            for place, unit in enumerate(units):
                if unit not in draft.catalogues.units:
                    return ("unknown_unit", f"units[{place}]", "no unit of the catalogue has this code or alias")
            entry.changes["units"] = tuple(dict.fromkeys(units))
        return None

    draft.refuse_each(wrong)
    _settle(draft, _reversed_validity)


def _unit_fault(draft: Draft, unit: str) -> Reason | None:
    if not codes.is_under(unit, draft.key_unit):
        return ("forbidden_unit", "unit", "the key does not reach this unit")
    if unit not in draft.catalogues.units:
        return ("unknown_unit", "unit", "no unit of the catalogue has this code or alias")
    return None


def check_targets(draft: Draft) -> None:
    """Targets: of a unit within reach, or of a level by a key of the root."""

    def wrong(entry: Entry) -> Reason | None:
        indicator, unit, level, year = entry.key
        if not unit:
            whole = draft.whole_root
            return None if whole else ("forbidden_unit", "level", "targets of a level take a key of the root itself")
        entry.key = (indicator, draft.catalogues.resolve(unit), level, year)
        return _unit_fault(draft, entry.key[1])

    draft.refuse_each(wrong)


def check_external_figures(draft: Draft) -> None:
    """External figures: of a unit within reach, and with something to show; what is emptied by null is removed."""

    def wrong(entry: Entry) -> Reason | None:
        code, unit, period = entry.key
        entry.key = (code, draft.catalogues.resolve(unit), period)
        return _unit_fault(draft, entry.key[1])

    def shows(key: Key) -> bool:
        return any(merged[key][name] is not None for name in _FIGURES)

    def empty(entry: Entry) -> Reason | None:
        if entry.key in removed or shows(entry.key):
            return None
        return ("invalid_value", "value", "at least one of value, score, count and rank is to be given")

    draft.refuse_each(wrong)
    merged = draft.merged()
    removed = set()
    for key, entry in draft.last_with(*_FIGURES).items():
        # A row that says nothing but null takes the figure away.
        if not shows(key) and all(value is None for value in entry.changes.values()):
            entry.changes = dict(draft.defaults)
            removed.add(key)
    draft.refuse_each(empty)


def check_calendar(draft: Draft) -> None:
    """Days: only by a key of the root, and each of some kind."""

    def wrong(entry: Entry) -> Reason | None:
        if not draft.whole_root:
            return ("forbidden_unit", "date", "the calendar is the root's: this takes a key of the root itself")
        if merged[entry.key]["kind"] is None:
            return ("invalid_value", "kind", "required for a day that is not in the calendar yet")
        return None

    merged = draft.merged()
    draft.refuse_each(wrong)
>>>>>>> 05e629d (A key of one unit does not change its unit's level, nor sets one above it)
