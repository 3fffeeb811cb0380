"""What a file holds, whatever program wrote it: JSON, a sheet of a workbook, or a table of text."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from itertools import chain, islice, zip_longest
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from app.intake.bodies import BodyProblem, TableLines
from app.intake.imports.words import plain
from app.messages import Message

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"
_SUM: Final = re.compile(r"(?:tong cong|tong so)\b(?! ty)|cong$")
_COUNT: Final = re.compile(r"(?:\d+|\d{1,3}(?:[.,]\d{3})+)?", re.ASCII)
_HEADER_WITHIN: Final = 30
"""Lines from the top among which the header is looked for: titles and dates stand above it."""
_WITHIN: Final = ("result", "data")
"""Where an answer has its rows; some have them in the message, as JSON within JSON."""


_Line = tuple[int, list[str]]
"""A line of a table and its number."""


class Unreadable(Exception):
    """A file that nothing can be read from; says why."""


@dataclass(frozen=True, slots=True)
class Told:
    """One row, and its place: the line of a table or the number of an element, from 1."""

    place: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """The rows of a file; those of a `table` have texts by the header's names, as they are written there."""

    rows: Sequence[Told]
    table: bool


def read(data: bytes, column: Callable[[str], str | None], first: str) -> File:
    """The rows of a file; of a table those below the header, which names the `first` column.

    Args:
        column: the column that a header names, None for one that is not read.

    Raises:
        Unreadable: it is none of these, the table has no header, or there is no row.
    """
    if data.startswith((_ZIP, _OLE)):
        file = File(_table(_sheets(data), column, first), table=True)
    else:
        text = _text(data)
        if text.lstrip()[:1] in ("{", "[") or _is_text_of_json(text):
            file = File([Told(place, each) for place, each in enumerate(_flat(_json(text)), 1)], table=False)
        else:
            file = File(_table([_lines(text, column, first)], column, first), table=True)
    if not file.rows:
        raise Unreadable(Message("there is no row in it", "tệp không có dòng nào"))
    return file


def _text(data: bytes) -> str:
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(
            Message(
                "it is neither a workbook nor UTF-8: save it as XLSX or CSV UTF-8",
                "không phải bảng tính, cũng không phải UTF-8: hãy lưu lại dạng `XLSX` hoặc CSV UTF-8",
            )
        ) from None


def _is_text_of_json(text: str) -> bool:
    """Whether it is one text, which may hold the JSON; a table's first cell may be in quotes too."""
    if not text.lstrip().startswith('"'):
        return False
    try:
        return isinstance(json.loads(text), str)
    except ValueError:
        return False


def _json(text: str) -> object:
    """One value, or one a line."""
    try:
        return json.loads(text, parse_float=Decimal)
    except RecursionError:
        raise Unreadable(Message("its JSON is far too deep", "JSON lồng quá sâu")) from None
    except ValueError as problem:
        try:
            return [json.loads(line, parse_float=Decimal) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            told = Message("it is no JSON: {why}", "không phải JSON: {why}", why=str(problem))
            raise Unreadable(told) from None


def _flat(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects that an answer tells, out of whatever lies around them."""
    if isinstance(value, list):
        for each in value:
            yield from _flat(each)
    elif isinstance(value, str):
        try:
            within = json.loads(value, parse_float=Decimal)
        except (ValueError, RecursionError):
            return
        if isinstance(within, list | dict):
            yield from _flat(within)
    elif isinstance(value, dict):
        names = {str(name).lower(): name for name in value}
        if (found := next((names[each] for each in _WITHIN if each in names), None)) is not None:
            yield from _flat(value[found])
        elif "error_code" in names or list(names) == ["message"]:
            yield from _flat(value.get(names.get("message", "")))
        else:
            yield value


def _sheets(data: bytes) -> list[list[_Line]]:
    """The lines of each sheet that is shown."""
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(data))
        shown = [each.name for each in workbook.sheets_metadata if each.visible == SheetVisibleEnum.Visible]
        sheets = [workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in shown]
    except CalamineError as problem:
        told = Message("the workbook cannot be read: {why}", "không đọc được bảng tính: {why}", why=str(problem))
        raise Unreadable(told) from None
    return [[(number, [_cell(each) for each in cells]) for number, cells in enumerate(sheet, 1)] for sheet in sheets]


def _cell(value: object) -> str:
    """A cell as a text: a whole number without a fraction, a text as it stands ("00123")."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _lines(text: str, column: Callable[[str], str | None], first: str) -> Iterator[_Line]:
    """The lines of a table of text; its cells are set apart by what makes one of the first lines a header."""
    lines = TableLines(text.encode())
    top = [line.replace('"', "") for line in text.splitlines()[:_HEADER_WITHIN]]
    found = (each for each in ",;\t" if any(first in map(column, line.split(each)) for line in top))
    lines.separator = next(found, lines.separator)
    reader = csv.reader(lines, delimiter=lines.separator, strict=True)
    try:
        for cells in reader:
            lines.separators = 0
            yield lines.number, [each.strip() for each in cells]
    except (csv.Error, BodyProblem) as problem:
        why = problem.detail if isinstance(problem, BodyProblem) else str(problem)
        raise Unreadable(
            Message(
                "the table cannot be read at line {line}: {why}",
                "không đọc được bảng ở dòng {line}: {why}",
                line=lines.number,
                why=why,
            )
        ) from None


def _table(sheets: Iterable[Iterable[_Line]], column: Callable[[str], str | None], first: str) -> list[Told]:
    """The lines under a header as texts by its names; an empty cell is absent. Sheets without a header are none."""
    found: list[Told] = []
    headed = False
    for sheet in sheets:
        lines = iter(sheet)
        top = list(islice(lines, _HEADER_WITHIN + 1))
        at = next((place for place, (_, cells) in enumerate(top[:_HEADER_WITHIN]) if first in map(column, cells)), None)
        if at is None:
            continue
        headed = True
        header, below = _header([cells for _, cells in top], at, column)
        for number, cells in chain(top[below:], lines):
            if any(cells) and cells != header:
                told = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell}
                if not _is_sum(told, column, first):
                    found.append(Told(number, told))
    if not headed:
        raise Unreadable(
            Message(
                "no line of the table names its columns: one must be called `code` or `Mã …`, of a split `from`",
                "bảng không có dòng tiêu đề: cần một cột tên `code` hoặc `Mã …`, với chia tách là `Từ đơn vị`",
            )
        )
    return found


def _header(top: Sequence[list[str]], at: int, column: Callable[[str], str | None]) -> tuple[list[str], int]:
    """The header at a line, and where the lines under it begin: by itself, or as half of one merged over two lines."""
    choices = [(top[at], at + 1)]
    if at + 1 < len(top):
        choices.append((_merged(top[at], top[at + 1], column), at + 2))
    if at > 0:
        choices.append((_merged(top[at - 1], top[at], column), at + 1))
    return max(choices, key=lambda choice: len(set(map(column, choice[0])) - {None}))


def _merged(upper: Sequence[str], lower: Sequence[str], column: Callable[[str], str | None]) -> list[str]:
    """A header of two lines; of cells merged side by side only the first has the text."""
    above, both = "", []
    for own, text in zip_longest(upper, lower, fillvalue=""):
        above = own or above
        joined = f"{above} {text}"
        both.append(own if not text else joined if column(text) is None and column(joined) is not None else text)
    return both


def _is_sum(told: Mapping[str, str], column: Callable[[str], str | None], first: str) -> bool:
    """Whether a line below the others counts them instead of being one of them."""
    code = next((cell for name, cell in told.items() if column(name) == first), "")
    counted = _COUNT.fullmatch(code) is not None or _SUM.match(plain(code)) is not None
    return counted and any(_SUM.match(plain(cell)) for cell in told.values())
