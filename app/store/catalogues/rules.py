"""What rows have to be beside sound: within the key's reach, and in no contradiction to each other and what stands.

Pure. All that is wrong with a row is told; of one that the key does not reach, only that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from app.domain import codes
from app.domain.catalogues.root import LEVELS
from app.messages import BEYOND_KEY, NO_UNIT
from app.store.catalogues import reasons
from app.store.catalogues.draft import Attributes, Draft, Entry, Key, Reason

Check = Callable[[Draft], None]

_FIGURES: Final = ("value", "score", "count", "rank")
"""What an external figure shows: at least one of these."""
_MOST_ROUNDS: Final = 50
"""Far beyond any catalogue that is meant; it bounds what contrived rows can cost."""


def check_units(draft: Draft) -> None:
    """Units: within the key's reach, and together a tree with unambiguous aliases and successions that end."""

    def beyond(entry: Entry) -> Iterator[Reason]:
        if not codes.is_under(entry.key[0], draft.key_unit):
            yield ("forbidden_unit", "code", BEYOND_KEY)

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


def _named_beyond(draft: Draft, entry: Entry) -> Iterator[Reason]:
    """A unit out of the key's reach that a row names anew, or names no longer: figures of both would change."""
    code, stored = entry.key[0], draft.stored.get(entry.key, draft.defaults)
    known = draft.catalogues.units.get(code)
    for name in ("parent", "successor"):
        before, now = stored[name], entry.changes.get(name, stored[name])
        # The lists tell a parent that nobody has named: sent back, it changes nothing.
        if now == before or (name == "parent" and known is not None and now == draft.catalogues.parent_of(known)):
            continue
        if any(each is not None and not codes.is_under(each, draft.key_unit) for each in (before, now)):
            yield ("forbidden_unit", name, reasons.NAMED_BEYOND)
    for place, alias in enumerate(entry.changes.get("aliases", ())):
        new_code = alias not in stored["aliases"] and codes.is_under(alias, draft.catalogues.root)
        if new_code and not codes.is_under(alias, draft.key_unit):
            yield ("forbidden_unit", f"aliases[{place}]", reasons.ALIAS_BEYOND)


def _level_beyond(draft: Draft, entry: Entry) -> Iterator[Reason]:
    """Another level of the key's own unit, or one above it: it decides beside which units out of reach one ranks."""
    before = draft.stored.get(entry.key, draft.defaults)["level"]
    now, above = entry.changes.get("level", before), draft.catalogues.level_of(draft.key_unit) or "department"
    if draft.whole_root or now == before:
        return
    if (before and entry.key[0] == draft.key_unit) or (now and LEVELS.index(now) < LEVELS.index(above)):
        yield ("forbidden_unit", "level", reasons.LEVEL_BEYOND)


def _reused_code(draft: Draft, entry: Entry) -> Iterator[Reason]:
    """A code that another unit had: its lives and figures would become those of the new one."""
    before = draft.stored.get(entry.key)
    if before is None or (before["valid_to"] is None and before["successor"] is None):
        return
    now = {**before, **entry.changes}
    if before["valid_to"] is not None and now["valid_from"] is not None and now["valid_from"] > before["valid_to"]:
        yield ("invalid_value", "valid_from", reasons.CODE_USED_BEFORE)
    if now["valid_to"] is None and now["successor"] is None and _other_name(before, now):
        yield ("invalid_value", "name", reasons.CODE_OF_ENDED)


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
    contradicting = ("invalid_value", "code", reasons.CONTRADICTING)
    draft.refuse([(each, [contradicting]) for each in draft.entries])


def _unit_references(draft: Draft) -> bool:
    """Parents and successors that do not exist; in one go, however long the chains of those that name each other."""
    coming = Counter(each.key[0] for each in draft.entries)
    naming: dict[str | None, list[Entry]] = {}
    guilty: dict[int, tuple[Entry, list[Reason]]] = {}
    unseen = list(reversed(draft.entries))

    def exists(code: str) -> bool:
        return code in draft.catalogues.units or coming[code] > 0

    for each in draft.entries:
        for name in ("parent", "successor"):
            naming.setdefault(each.changes.get(name), []).append(each)
    while unseen:
        entry = unseen.pop()
        found = list(_reference_faults(entry, exists))
        if not found or id(entry) in guilty:
            continue
        guilty[id(entry)] = (entry, found)
        code = entry.key[0]
        coming[code] -= 1
        if not coming[code]:
            unseen += naming.get(code, ())
    # What is left of them knows now who is coming.
    refused = draft.refuse(list(guilty.values()))
    draft.refuse_each(lambda entry: _reference_faults(entry, exists))
    return refused


def _reference_faults(entry: Entry, exists: Callable[[str], bool]) -> Iterator[Reason]:
    code, parent, successor = entry.key[0], entry.changes.get("parent"), entry.changes.get("successor")
    if parent is not None and (parent == code or not codes.is_under(code, parent)):
        yield ("invalid_value", "parent", reasons.PARENT_NOT_ABOVE)
    elif parent is not None and not exists(parent):
        yield ("unknown_unit", "parent", reasons.NO_UNIT_OF_CODE)
    if successor == code:
        yield ("invalid_value", "successor", reasons.OWN_SUCCESSOR)
    elif successor is not None and not exists(successor):
        yield ("unknown_unit", "successor", reasons.NO_UNIT_OF_CODE)


def _unit_aliases(draft: Draft) -> bool:
    present = draft.catalogues.units.keys() | {each.key[0] for each in draft.entries}
    telling = draft.last_with("aliases")
    owners: dict[str, str] = {}
    for code, unit in draft.catalogues.units.items():
        if (code,) not in telling:
            owners.update(dict.fromkeys(unit.aliases, code))

    def taken(entry: Entry) -> Iterator[Reason]:
        code = entry.key[0]
        if code not in draft.catalogues.units and code in owners:
            yield ("invalid_value", "code", reasons.CODE_IS_ALIAS)
        if telling.get(entry.key) is entry or entry.fault is not None:
            for place, alias in enumerate(entry.changes.get("aliases", ())):
                owner = owners.get(alias, code) if entry.fault else owners.setdefault(alias, code)
                if alias in present:
                    yield ("invalid_value", f"aliases[{place}]", reasons.ALIAS_IS_CODE)
                elif owner != code:
                    yield ("invalid_value", f"aliases[{place}]", reasons.ALIAS_TAKEN)

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
    return draft.refuse([(each, [reason]) for each in guilty.values()])


def _reversed_validity(draft: Draft) -> bool:
    merged = draft.merged()
    telling = {id(each) for each in draft.last_with("valid_from", "valid_to").values()}

    def is_reversed(entry: Entry) -> Iterator[Reason]:
        # One that is left out is told of itself.
        now = merged[entry.key] if entry.fault is None else {**draft.defaults, **entry.changes}
        first, last = now["valid_from"], now["valid_to"]
        if (id(entry) in telling or entry.fault is not None) and None not in (first, last) and first > last:
            yield ("invalid_value", "valid_to", reasons.VALIDITY_REVERSED)

    return draft.refuse_each(is_reversed)


def check_procedures(draft: Draft) -> None:
    """Procedures: only by a key of the root, applied by units that exist."""

    def wrong(entry: Entry) -> Iterator[Reason]:
        if not draft.whole_root:
            yield ("forbidden_unit", "code", reasons.PROCEDURES_OF_ROOT)
        elif "units" in entry.changes:
            units = [draft.catalogues.resolve(each) for each in entry.changes["units"]]
            for place, unit in enumerate(units):
                if unit not in draft.catalogues.units:
                    yield ("unknown_unit", f"units[{place}]", NO_UNIT)
            entry.changes["units"] = tuple(dict.fromkeys(units))

    draft.refuse_each(wrong)
    _settle(draft, _reversed_validity)


def _unit_fault(draft: Draft, unit: str) -> Iterator[Reason]:
    if not codes.is_under(unit, draft.key_unit):
        yield ("forbidden_unit", "unit", BEYOND_KEY)
    elif unit not in draft.catalogues.units:
        yield ("unknown_unit", "unit", NO_UNIT)


def check_targets(draft: Draft) -> None:
    """Targets: of a unit within reach, or of a level by a key of the root."""

    def wrong(entry: Entry) -> Iterator[Reason]:
        indicator, unit, level, year = entry.key
        if unit:
            entry.key = (indicator, draft.catalogues.resolve(unit), level, year)
            yield from _unit_fault(draft, entry.key[1])
        elif not draft.whole_root:
            yield ("forbidden_unit", "level", reasons.LEVELS_OF_ROOT)

    draft.refuse_each(wrong)


def check_external_figures(draft: Draft) -> None:
    """External figures: of a unit within reach, and with something to show; what is emptied by null is removed."""

    def wrong(entry: Entry) -> Iterator[Reason]:
        code, unit, period = entry.key
        entry.key = (code, draft.catalogues.resolve(unit), period)
        yield from _unit_fault(draft, entry.key[1])

    def shows(key: Key) -> bool:
        return any(merged[key][name] is not None for name in _FIGURES)

    def empty(entry: Entry) -> Iterator[Reason]:
        if entry.fault is None and entry.key not in removed and not shows(entry.key):
            yield ("invalid_value", "value", reasons.NOTHING_TO_SHOW)

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

    def wrong(entry: Entry) -> Iterator[Reason]:
        if not draft.whole_root:
            yield ("forbidden_unit", "date", reasons.CALENDAR_OF_ROOT)
        elif entry.fault is None and merged[entry.key]["kind"] is None:
            yield ("invalid_value", "kind", reasons.KIND_OF_NEW_DAY)

    merged = draft.merged()
    draft.refuse_each(wrong)
