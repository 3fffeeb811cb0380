"""What an edit of a catalogue did, as the audit log tells it: an entry a row that stands differently now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.domain.calendar.civil import Day, date_of
from app.domain.catalogues.root import CatalogueName
from app.store.audit import Change
from app.store.catalogues.draft import Draft, Key
from app.store.catalogues.tables import CATALOGUES

_DAYS: Final = ("valid_from", "valid_to", "day")


def changes(kind: CatalogueName, draft: Draft, changed: Mapping[Key, Mapping[str, Any]]) -> list[Change]:
    """Changes in the order of their keys; of each the attributes that differ, of a new or removed row those that say
    more than nothing."""
    catalogue = CATALOGUES[kind]
    found = []
    for key, now in changed.items():
        names = dict(zip(catalogue.key, key, strict=True))
        code = "/".join(str(_plain(name, value)) for name, value in names.items() if value != "")
        unit = (names["code"] if kind == "units" else names.get("unit")) or draft.catalogues.root
        stood = draft.stored.get(key)
        gone = catalogue.removable and now == catalogue.defaults
        before = _differing(stood, now) if stood is not None and not gone else _differing(stood, catalogue.defaults)
        after = None if gone else _differing(now, catalogue.defaults if stood is None else stood)
        action = "created" if stood is None else "removed" if gone else "changed"
        found.append(Change(unit, action, kind, code, before, after))  # type: ignore[arg-type]
    return found


def _differing(of: Mapping[str, Any] | None, other: Mapping[str, Any]) -> dict[str, Any] | None:
    """The attributes of a row that another has otherwise."""
    return None if of is None else {name: _plain(name, value) for name, value in of.items() if value != other[name]}


def _plain(name: str, value: Any) -> Any:
    return date_of(Day(value)).isoformat() if name in _DAYS and value is not None else value
