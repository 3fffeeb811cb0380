"""A list of what a split of units has moved: by procedure since a day, or dossier by dossier."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.domain.calendar.civil import Day
from app.domain.catalogues.root import Catalogues
from app.domain.codes import UnitCode
from app.domain.lives.moving import Move
from app.domain.push import Rejected
from app.intake import attributes, checks
from app.intake.checks import Check, Fault, Faults, shown
from app.intake.imports import columns, words
from app.messages import MISSING, NO_UNIT, Message

Read = tuple[list[Move | Rejected], list[int], tuple[str, ...], bool]
"""What each row says, its place, the headers that nobody reads, and whether it is a table."""

_SUBJECT: Final = attributes.name(200)
_CHECKS: Final[Mapping[str, Check]] = {
    "from": attributes.alias,
    "to": attributes.alias,
    "since": checks.day,
    "procedure": attributes.procedure_code,
    "dossier": _SUBJECT,
}
_ONE_OF_BOTH: Final = Message(
    "a row names a procedure or a dossier, one of both", "mỗi dòng nêu một thủ tục hoặc một hồ sơ, không phải cả hai"
)
_SAME: Final = Message("it moves to where it is", "chuyển đến chính đơn vị đang giữ")
_TWICE: Final = Message("a row above is about the same", "một dòng ở trên đã nêu")
_AHEAD: Final = Message("the day is still to come", "ngày này chưa đến")
_NO_PROCEDURE: Final = Message(
    "the catalogue has no procedure of this code", "danh mục không có thủ tục hành chính mang mã này"
)


def read(path: Path, catalogues: Catalogues, today: Day) -> Read:
    """The moves that a file lists, units by their codes.

    Raises:
        Unreadable: nothing can be read from it.
    """
    file = columns.read("split", path)
    rows: list[Move | Rejected] = []
    listed: set[tuple[str | None, ...]] = set()
    headers: dict[str, None] = {}
    for index, told in enumerate(file.rows):
        headers |= dict.fromkeys(told.values)
        given = columns.attributes("split", told.values) if file.table else dict(told.values)
        row = _move(index, given, catalogues, today)
        if not isinstance(row, Rejected):
            about = (row.dossier,) if row.dossier is not None else (row.from_, row.procedure)
            if about in listed:
                row = Rejected(
                    index, about[-1], None, "invalid_value", "dossier" if row.dossier else "procedure", _TWICE
                )
            listed.add(about)
        rows.append(row)
    unread = tuple(name for name in headers if columns.column("split", name) is None)
    return rows, [each.place for each in file.rows], unread, file.table


def _move(index: int, given: dict[str, Any], catalogues: Catalogues, today: Day) -> Move | Rejected:
    faults = Faults()
    if isinstance(code := given.get("procedure"), str):
        given["procedure"] = words.core(code)
    sound: dict[str, Any] = {}
    for name, check in _CHECKS.items():
        if (value := given.get(name)) is not None:
            sound[name] = faults.take(check, value, name)
        elif name in ("from", "to", "since"):
            faults.note(Fault("invalid_value", name, MISSING))
    named = [name for name in ("procedure", "dossier") if given.get(name) is not None]
    if len(named) != 1:
        faults.note(Fault("invalid_value", "dossier", _ONE_OF_BOTH))
    if not faults:
        for fault in _faults(sound, catalogues, today):
            faults.note(fault)
    if faults:
        row_id = next((str(given[name])[:200] for name in named), None)
        return Rejected(index, row_id, None, *faults[0], more=tuple(faults[1:]))
    from_, to = (UnitCode(catalogues.resolve(sound[name])) for name in ("from", "to"))
    return Move(from_, to, sound["since"], sound.get("procedure"), sound.get("dossier"))


def _faults(sound: Mapping[str, Any], catalogues: Catalogues, today: Day) -> list[Fault]:
    """What the catalogue and the clock say of a move that can be read."""
    units = {name: catalogues.resolve(sound[name]) for name in ("from", "to")}
    found = [
        Fault("unknown_unit", name, NO_UNIT, shown(code))
        for name, code in units.items()
        if code not in catalogues.units
    ]
    if units["from"] == units["to"]:
        found.append(Fault("invalid_value", "to", _SAME))
    if sound["since"] > today:
        found.append(Fault("future_time", "since", _AHEAD))
    if "procedure" in sound and sound["procedure"] not in catalogues.procedures:
        found.append(Fault("invalid_value", "procedure", _NO_PROCEDURE))
    return found
