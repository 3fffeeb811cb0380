"""What a PUT would make of a catalogue: rows laid over what stands there, those left out that cannot be.

Pure. One bad row never costs its neighbours, except those that are bad without it (a parent that is not taken in is
missing for its children).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from app.domain import codes
from app.domain.catalogues.root import Catalogues
from app.domain.push import Rejected, Warned
from app.messages import BEYOND_KEY, NO_UNIT, Message
from app.store.catalogues import reasons

Key = tuple[Any, ...]
Attributes = Mapping[str, Any]
Reason = tuple[str, str, Message]
"""Why a row cannot be: the contract's code, the field and a sentence."""


_FIGURES: Final = ("value", "score", "count", "rank")
"""What an external figure shows: at least one of these."""
_MOST_ROUNDS: Final = 50
"""Far beyond any catalogue that is meant; it bounds what contrived rows can cost."""


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


@dataclass(slots=True)
class Draft:
    """The rows of one PUT over the rows that stand (`stored`, by key); `defaults` are those of a new row."""

    catalogues: Catalogues
    key_unit: str
    stored: Mapping[Key, Attributes]
    defaults: Attributes
    entries: list[Entry]
    errors: list[Rejected] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)

    @property
    def whole_root(self) -> bool:
        """Whether the key is one of the root itself."""
        return self.key_unit == self.catalogues.root

    def refuse(self, guilty: Sequence[tuple[Entry, Reason]]) -> bool:
        """Leave rows out; the others are to be looked at again without them. Whether there were any."""
        self.errors += [Rejected(each.index, each.id, None, *reason) for each, reason in guilty]
        left_out = {id(each) for each, _ in guilty}
        self.entries = [each for each in self.entries if id(each) not in left_out]
        return bool(guilty)

    def warn_each(self, reason_of: Callable[[Entry], Reason | None]) -> None:
        """Say of every row that is taken in for which there is a reason to look at it."""
        found = ((each, reason_of(each)) for each in self.entries)
        self.warnings += [Warned(each.index, each.id, *reason) for each, reason in found if reason is not None]

    def refuse_each(self, reason_of: Callable[[Entry], Reason | None]) -> bool:
        """Leave out every row for which there is a reason."""
        found = ((each, reason_of(each)) for each in self.entries)
        return self.refuse([(each, reason) for each, reason in found if reason is not None])

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


Check = Callable[[Draft], None]


def draft_of(
    catalogues: Catalogues, key_unit: str, stored: Mapping[Key, Attributes], defaults: Attributes, rows: Sequence[Row]
) -> Draft:
    """The unchecked draft."""
    entries = [Entry(row.index, row.id, row.key, dict(row.changes)) for row in rows]
    return Draft(catalogues, key_unit, stored, defaults, entries)


def check_units(draft: Draft) -> None:
    """Units: within the key's reach, and together a tree with unambiguous aliases and successions that end."""

    def beyond(entry: Entry) -> Reason | None:
        if codes.is_under(entry.key[0], draft.key_unit):
            return None
        return ("forbidden_unit", "code", BEYOND_KEY)

    draft.refuse_each(beyond)
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
            return ("forbidden_unit", name, reasons.NAMED_BEYOND)
    for place, alias in enumerate(entry.changes.get("aliases", ())):
        new_code = alias not in stored["aliases"] and codes.is_under(alias, draft.catalogues.root)
        if new_code and not codes.is_under(alias, draft.key_unit):
            return ("forbidden_unit", f"aliases[{place}]", reasons.ALIAS_BEYOND)
    return None


def _reused_code(draft: Draft, entry: Entry) -> Reason | None:
    """A code that another unit had: its lives and figures would become those of the new one."""
    before = draft.stored.get(entry.key)
    if before is None or (before["valid_to"] is None and before["successor"] is None):
        return None
    now = {**before, **entry.changes}
    if before["valid_to"] is not None and now["valid_from"] is not None and now["valid_from"] > before["valid_to"]:
        return ("invalid_value", "valid_from", reasons.CODE_USED_BEFORE)
    if now["valid_to"] is None and now["successor"] is None and _other_name(before, now):
        return ("invalid_value", "name", reasons.CODE_OF_ENDED)
    return None


def _other_name(before: Attributes, now: Attributes) -> bool:
    return before["name"] is not None and now["name"] is not None and before["name"] != now["name"]


def _renamed_after_its_end(draft: Draft, entry: Entry) -> Reason | None:
    before = draft.stored.get(entry.key)
    ended = before is not None and (before["valid_to"] is not None or before["successor"] is not None)
    if before is None or not ended or not _other_name(before, {**before, **entry.changes}):
        return None
    return ("invalid_value", "name", reasons.RENAMED_AFTER_END)


def _merged_without_end(now: Attributes, entry: Entry) -> Reason | None:
    if entry.changes.keys().isdisjoint(("successor", "valid_to")) or now["successor"] is None or now["valid_to"]:
        return None
    return ("invalid_value", "valid_to", reasons.MERGED_WITHOUT_DAY)


def _moved_alias(draft: Draft, entry: Entry) -> Reason | None:
    for place, alias in enumerate(entry.changes.get("aliases", ())):
        if alias not in draft.catalogues.units and draft.catalogues.resolve(alias) not in (alias, entry.key[0]):
            return ("invalid_value", f"aliases[{place}]", reasons.ALIAS_MOVED)
    return None


def _settle(draft: Draft, *rules: Callable[[Draft], bool]) -> None:
    """Apply rules until they leave out nothing more: what is left out changes what the others stand beside."""
    for _ in range(_MOST_ROUNDS):
        if not any(rule(draft) for rule in rules):
            return
    draft.refuse_each(lambda entry: ("invalid_value", "code", reasons.CONTRADICTING))


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
        return ("invalid_value", "parent", reasons.PARENT_NOT_ABOVE)
    if parent is not None and not exists(parent):
        return ("unknown_unit", "parent", reasons.NO_UNIT_OF_CODE)
    if successor == code:
        return ("invalid_value", "successor", reasons.OWN_SUCCESSOR)
    if successor is not None and not exists(successor):
        return ("unknown_unit", "successor", reasons.NO_UNIT_OF_CODE)
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
            return ("invalid_value", "code", reasons.CODE_IS_ALIAS)
        if telling.get(entry.key) is entry:
            for place, alias in enumerate(entry.changes["aliases"]):
                if alias in present:
                    return ("invalid_value", f"aliases[{place}]", reasons.ALIAS_IS_CODE)
                if owners.setdefault(alias, code) != code:
                    return ("invalid_value", f"aliases[{place}]", reasons.ALIAS_TAKEN)
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
    reason = ("invalid_value", "successor", reasons.SUCCESSORS_IN_RING)
    return draft.refuse([(each, reason) for each in guilty.values()])


def _reversed_validity(draft: Draft) -> bool:
    merged = draft.merged()

    def is_reversed(entry: Entry) -> bool:
        first, last = merged[entry.key]["valid_from"], merged[entry.key]["valid_to"]
        return first is not None and last is not None and first > last

    reason = ("invalid_value", "valid_to", reasons.VALIDITY_REVERSED)
    telling = draft.last_with("valid_from", "valid_to").values()
    return draft.refuse([(each, reason) for each in telling if is_reversed(each)])


def check_procedures(draft: Draft) -> None:
    """Procedures: only by a key of the root, applied by units that exist."""

    def wrong(entry: Entry) -> Reason | None:
        if not draft.whole_root:
            return ("forbidden_unit", "code", reasons.PROCEDURES_OF_ROOT)
        if "units" in entry.changes:
            units = [draft.catalogues.resolve(each) for each in entry.changes["units"]]
            for place, unit in enumerate(units):
                if unit not in draft.catalogues.units:
                    return ("unknown_unit", f"units[{place}]", NO_UNIT)
            entry.changes["units"] = tuple(dict.fromkeys(units))
        return None

    draft.refuse_each(wrong)
    _settle(draft, _reversed_validity)


def _unit_fault(draft: Draft, unit: str) -> Reason | None:
    if not codes.is_under(unit, draft.key_unit):
        return ("forbidden_unit", "unit", BEYOND_KEY)
    if unit not in draft.catalogues.units:
        return ("unknown_unit", "unit", NO_UNIT)
    return None


def check_targets(draft: Draft) -> None:
    """Targets: of a unit within reach, or of a level by a key of the root."""

    def wrong(entry: Entry) -> Reason | None:
        indicator, unit, level, year = entry.key
        if not unit:
            whole = draft.whole_root
            return None if whole else ("forbidden_unit", "level", reasons.LEVELS_OF_ROOT)
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
        return ("invalid_value", "value", reasons.NOTHING_TO_SHOW)

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
            return ("forbidden_unit", "date", reasons.CALENDAR_OF_ROOT)
        if merged[entry.key]["kind"] is None:
            return ("invalid_value", "kind", reasons.KIND_OF_NEW_DAY)
        return None

    merged = draft.merged()
    draft.refuse_each(wrong)
