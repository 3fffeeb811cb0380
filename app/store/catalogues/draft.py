"""What a PUT would make of a catalogue: rows laid over what stands there, those left out that cannot be.

Pure. One bad row never costs its neighbours, except those that are bad without it (a parent that is not taken in is
missing for its children).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from app.domain.catalogues.root import Catalogues
from app.domain.push import Rejected, Warned, Wrong
from app.messages import Message

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
    """The unchecked draft; of rows that are refused already those are left out of which enough could be read."""
    draft = Draft(catalogues, key_unit, stored, defaults, [])
    for each in rows:
        if not isinstance(each, Rejected):
            draft.entries.append(Entry(each.index, each.id, each.key, dict(each.changes)))
        elif each.read is not None:
            row: Row = each.read
            draft.left_out.append(Entry(row.index, row.id, row.key, dict(row.changes), each, sound=False))
    return draft
