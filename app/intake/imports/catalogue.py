"""A file of units or procedures → rows of the catalogue, as PUT takes them, and what people should know beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from app.domain.catalogues.root import Catalogues
from app.domain.push import Rejected
from app.intake.catalogues import Row, rows_of
from app.intake.checks import Fault, shown
from app.intake.dvcqg.values import Fields
from app.intake.imports import columns, files, portal, words
from app.intake.imports.columns import OLD_CODE
from app.messages import Message

_OLD_UNKNOWN: Final = Message(
    "an old agency code, and none of the catalogue's or the file's units has it beside its own",
    "mã cơ quan kiểu cũ mà không đơn vị nào trong danh mục hay trong tệp có làm mã phụ",
)
Catalogue = Literal["units", "procedures"]
_NAMES: Final[Mapping[Catalogue, str]] = {"units": "madonvi", "procedures": "matthc"}
"""By which field an element of the portal's is told from one of the contract's."""


class Note(NamedTuple):
    """Something to be told of a place in the file."""

    place: int
    code: str
    says: Message


@dataclass(slots=True)
class Read:
    """What a file brings. `places` are those of the rows by their index, `raw` the codes as written of procedures that
    are joined by their core; `left_out` rows are told in the notes, `passed_over` are headers that nobody reads.
    """

    rows: list[Row | Rejected] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    raw: dict[str, str] = field(default_factory=dict)
    left_out: int = 0
    passed_over: tuple[str, ...] = ()
    table: bool = False


class _Found(NamedTuple):
    place: int
    values: dict[str, Any]


def read(kind: Catalogue, path: Path, catalogues: Catalogues) -> Read:
    """The rows of a file, by what stands in the catalogue: old codes are known by it.

    Raises:
        Unreadable: nothing can be read from it.
    """
    file = columns.read(kind, path)
    into = Read(table=file.table)
    found = [each for told in file.rows if (each := _attributes(kind, told, file.table, into)) is not None]
    if file.table:
        headers = dict.fromkeys(name for told in file.rows for name in told.values)
        into.passed_over = tuple(name for name in headers if columns.column(kind, name) is None)
    values = _units(found, catalogues) if kind == "units" else _procedures(found, into)
    into.places = [each.place for each, _ in values]
    into.rows = rows_of(kind, [value for _, value in values])
    return into


def _attributes(kind: Catalogue, told: files.Told, table: bool, into: Read) -> _Found | None:
    """What an element or a line says; None where it is left out."""
    if table:
        return _Found(told.place, columns.attributes(kind, told.values))
    fields = Fields(told.values, [])
    if _NAMES[kind] not in fields:
        return _Found(told.place, dict(told.values))
    found, notes = portal.unit(fields) if kind == "units" else portal.procedure(fields)
    code = str(found["code"])
    if kind == "procedures" and not portal.is_published(fields):
        into.notes.append(Note(told.place, code, portal.NOT_PUBLISHED))
        into.left_out += 1
        return None
    into.notes += [Note(told.place, code, each) for each in notes]
    return _Found(told.place, found)


def _units(found: Sequence[_Found], catalogues: Catalogues) -> list[tuple[_Found, object]]:
    """Units by codes of today; an old code becomes one by itself (000.00.00.H44), or by an alias."""
    olds: dict[str, str] = {}
    for each in found:
        olds |= {old: str(each.values.get("code")) for old in _texts(each.values.get(OLD_CODE))}

    def today(code: object) -> object:
        if not isinstance(code, str) or not words.is_old_unit(code):
            return code
        return olds.get(code) or words.root_of_old(code) or catalogues.resolve(code)

    rows: list[tuple[_Found, object]] = []
    for each in found:
        values = dict(each.values)
        old = values.pop(OLD_CODE, None)
        added = _texts(old)
        for name in {"code", "parent", "successor"} & values.keys():
            now = today(values[name])
            if name == "code" and now != values[name]:
                added.append(values[name])
            values[name] = now
        code = values.get("code")
        if isinstance(code, str) and words.is_old_unit(code):
            rows.append((each, Fault("unknown_unit", "code", _OLD_UNKNOWN, shown(code))))
            continue
        level = words.level_of_root(code) if isinstance(code, str) else None
        if level is not None and "level" not in values and catalogues.level_of(str(code)) is None:
            values["level"] = level
        if added:
            known = catalogues.units.get(str(code))
            before = values.get("aliases") or (known.aliases if known is not None else ())
            values["aliases"] = list(dict.fromkeys([*_texts(before), *added]))
        rows.append((each, values))
    return rows


def _texts(value: object) -> list[str]:
    values = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return [each for each in values if isinstance(each, str)]


def _procedures(found: Sequence[_Found], into: Read) -> list[tuple[_Found, object]]:
    """Procedures by their core codes; of several of one core the one that says most, of equals the first."""
    of_core: dict[object, list[_Found]] = {}
    for each in found:
        code = each.values.get("code")
        of_core.setdefault(words.core(code) if isinstance(code, str) else id(each), []).append(each)
    rows: list[tuple[_Found, object]] = []
    for core, alike in of_core.items():
        best = max(alike, key=lambda each: len(each.values))
        for each in alike:
            if each is not best:
                into.left_out += 1
                into.notes.append(Note(each.place, str(each.values["code"]), _second(best)))
        values = dict(best.values)
        if isinstance(core, str) and core != values["code"]:
            into.raw[core] = values["code"]
            values["code"] = core
        rows.append((best, values))
    return sorted(rows, key=lambda row: row[0].place)


def _second(best: _Found) -> Message:
    return Message(
        "left out: {code} at {place} has the same core and says as much or more",
        "bỏ qua: {code} ở {place} cùng mã gốc và đầy đủ bằng hoặc hơn",
        code=str(best.values["code"]),
        place=best.place,
    )
