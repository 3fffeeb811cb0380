"""Columns of tables that people keep, by Vietnamese and English headers → the contract's attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from app.intake import tables
from app.intake.attributes import number_cell
from app.intake.imports import files, words

Kind = Literal["units", "procedures", "split"]
"""What a file tells of; the first column of each must be there."""
OLD_CODE: Final = "old_code"
"""A column of other codes of a unit, which are added to those it has."""

_VALIDITY: Final = {
    "valid_from": ("hieu luc tu", "hieu luc tu ngay", "ngay hieu luc", "tu ngay"),
    "valid_to": ("hieu luc den", "hieu luc den ngay", "ngay het hieu luc", "den ngay"),
}
_HEADERS: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = {
    "units": {
        "code": ("ma", "ma don vi", "ma dinh danh", "ma dinh danh don vi", "ma co quan", "madonvi", "unit code"),
        "name": ("ten", "ten don vi", "ten co quan", "don vi", "tendonvi", "unit name"),
        "level": ("cap", "cap don vi", "cap hanh chinh", "capdonvi"),
        "parent": ("don vi cap tren", "ma don vi cap tren", "don vi cha", "ma don vi cha", "truc thuoc"),
        "certified_copy": ("chung thuc ban sao dien tu", "chung thuc dien tu"),
        **_VALIDITY,
        "successor": ("don vi ke thua", "ma don vi ke thua", "sap nhap vao", "nhap vao"),
        "aliases": ("ma phu", "cac ma phu"),
        OLD_CODE: ("ma cu", "ma don vi cu", "ma dinh danh cu", "ma khac"),
    },
    "procedures": {
        "code": ("ma", "ma thu tuc", "ma thu tuc hanh chinh", "ma tthc", "matthc", "ma so tthc"),
        "name": ("ten", "ten thu tuc", "ten thu tuc hanh chinh", "ten tthc", "tentthc", "thu tuc hanh chinh"),
        "sector": ("linh vuc", "ten linh vuc", "tenlinhvuc"),
        "service_level": ("muc do", "muc do dvc", "muc do dich vu cong", "muc do dvc truc tuyen"),
        "full_eligible": ("du dieu kien toan trinh", "du dieu kien cung cap toan trinh"),
        "fee": ("phi", "le phi", "phi le phi", "co phi", "co thu phi", "sotien"),
        "payment_integrated": ("thanh toan truc tuyen", "tich hop thanh toan truc tuyen"),
        "issues_document": ("co ket qua", "co giay to ket qua", "tra ket qua"),
        "applicants": ("doi tuong", "doi tuong thuc hien"),
        "max_working_days": ("thoi han ngay lam viec", "so ngay lam viec", "thoi han giai quyet ngay lam viec"),
        "essential": ("thiet yeu", "dvc thiet yeu", "dich vu cong thiet yeu"),
        "units": ("don vi thuc hien", "ma don vi thuc hien", "co quan thuc hien"),
        "levels": ("cap thuc hien", "cap giai quyet"),
        **_VALIDITY,
    },
    "split": {
        "from": ("tu don vi", "don vi cu", "ma don vi cu", "don vi chuyen", "tu"),
        "to": ("den don vi", "don vi moi", "ma don vi moi", "don vi nhan", "den"),
        "since": ("tu ngay", "ngay", "ngay chia tach"),
        "procedure": ("ma tthc", "ma thu tuc", "ma thu tuc hanh chinh", "thu tuc", "matthc"),
        "dossier": ("ma ho so", "so ho so", "ho so", "mahoso"),
    },
}
_CODES: Final[Mapping[Kind, Mapping[str, str]]] = {
    kind: {name: column for column, names in columns.items() for name in (words.plain(column), *names)}
    for kind, columns in _HEADERS.items()
}


def _fee(text: str) -> object:
    known = words.truth(text)
    return known if isinstance(known, bool) else words.costs(text)


def _applicants(text: str) -> object:
    found, unread = words.applicants(words.items(text))
    return [*found, *unread]


def _list(text: str) -> object:
    return words.items(text)


_CELLS: Final[Mapping[str, Callable[[str], object]]] = {
    **dict.fromkeys(
        ("certified_copy", "full_eligible", "payment_integrated", "issues_document", "essential"), words.truth
    ),
    **dict.fromkeys(("valid_from", "valid_to", "since"), words.day),
    **dict.fromkeys(("aliases", OLD_CODE, "units"), _list),
    **dict.fromkeys(("name", "sector"), words.line),
    "fee": _fee,
    "applicants": _applicants,
    "service_level": words.service_level,
    "max_working_days": number_cell,
    "levels": lambda text: [words.level(each) for each in words.items(text)],
}


def column(kind: Kind, header: str) -> str | None:
    """The attribute that a header names; None for one that is not read."""
    return _CODES[kind].get(words.plain(header))


def read(kind: Kind, path: Path) -> files.File:
    """The rows of a file.

    Raises:
        Unreadable: nothing can be read from it.
    """
    return files.read(path, partial(column, kind), next(iter(_HEADERS[kind])))


def attributes(kind: Kind, cells: Mapping[str, str]) -> dict[str, Any]:
    """The attributes of a line; of two columns for the same thing, the first that says anything."""
    found: dict[str, Any] = {}
    for header, cell in cells.items():
        name = column(kind, header)
        if name is not None:
            text = tables.unmarked(cell)
            found.setdefault(name, _CELLS.get(name, str)(text))
    if kind == "units" and isinstance(level := found.get("level"), str):
        found["level"] = words.level(level, str(found.get("code", "")))
    return found
