"""What a file holds, whatever program wrote it: JSON, a sheet of a workbook, or a table of text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from app.intake import tables
from app.intake.imports.words import plain
from app.intake.tables import Naming, Table, Unreadable
from app.messages import Message

_SUM: Final = re.compile(r"(?:tong cong|tong so)\b(?! ty)|cong$")
_COUNT: Final = re.compile(r"(?:\d+|\d{1,3}(?:[.,]\d{3})+)?", re.ASCII)
_WITHIN: Final = ("result", "data")
"""Where an answer has its rows; some have them in the message, as JSON within JSON."""


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


def read(path: Path, naming: Naming, first: str) -> File:
    """The rows of a file; of a table those below the header, which names the `first` column.

    Raises:
        Unreadable: it is none of these, the table has no header, or there is no row.
    """
    text = tables.text_of(path)
    if text is not None and (text.lstrip()[:1] in ("{", "[") or _is_text_of_json(text)):
        file = File([Told(place, each) for place, each in enumerate(_flat(_json(text)), 1)], table=False)
    else:
        file = File(_table(tables.sheets(path, naming), naming, first), table=True)
    if not file.rows:
        raise Unreadable(Message("there is no row in it", "tệp không có dòng nào"))
    return file


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


def _table(sheets: Iterable[Table], naming: Naming, first: str) -> list[Told]:
    """The rows under a header as texts by its names; an empty cell is absent. Sheets without a header are none."""
    found: list[Told] = []
    headed = False
    for sheet in sheets:
        header, _, rows = tables.headed(sheet, naming)
        if first not in map(naming, header):
            continue
        headed = True
        for number, row in rows:
            cells = list(map(tables.said, row))
            if any(cells[len(header) :]):
                raise Unreadable(
                    Message(
                        "line {line} has more cells than the header: put texts with the separator in quotation marks",
                        "dòng {line} nhiều ô hơn dòng tiêu đề: hãy đặt chữ có dấu ngăn ô trong dấu ngoặc kép",
                        line=number,
                    )
                )
            if cells != header:
                told = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell}
                if told and not _is_sum(told, naming, first):
                    found.append(Told(number, told))
    if not headed:
        raise Unreadable(
            Message(
                "no line of the table names its columns: one must be called `code` or `Mã …`, of a split `from`",
                "bảng không có dòng tiêu đề: cần một cột tên `code` hoặc `Mã …`, với chia tách là `Từ đơn vị`",
            )
        )
    return found


def _is_sum(told: Mapping[str, str], naming: Naming, first: str) -> bool:
    """Whether a line below the others counts them instead of being one of them."""
    code = next((cell for name, cell in told.items() if naming(name) == first), "")
    counted = _COUNT.fullmatch(code) is not None or _SUM.match(plain(code)) is not None
    return counted and any(_SUM.match(plain(cell)) for cell in told.values())
