"""Rows of a spreadsheet or a table of text, whatever it was saved by, and the header among them.

Workbooks by their first bytes, else text: in UTF-8, UTF-16 or Windows-1258; with commas, semicolons or tabs.
"""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import chain, islice, pairwise, zip_longest
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple, cast

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from app.messages import Message, Told, verbatim

Cell = str | int | float | bool | date | datetime | time | timedelta | None
Numbered = tuple[int, list[Cell]]
"""A row's number, as a person sees it in the file, and its cells."""
Naming = Callable[[str], str | None]
"""The column that a header names; None for one that is not read."""

MOST_UNPACKED: Final = 400 * 1024 * 1024
"""Bytes of an XLSX without its compression: it is read as a whole, and takes about twice as many of memory."""
HEADER_WITHIN: Final = 30
"""Rows among which the header is looked for: titles and dates stand above it."""
TEXT_MARKS: Final = ("=", "'")
_MARKED: Final = re.compile(r"""="([^"]*)"|'([^']*)""")
_MOST_XLS: Final = 150 * 1024 * 1024
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_LOOKED_AT: Final = 64 * 1024
_ABOUT: Final = "xl/workbook.xml"
_DATE_1904: Final = re.compile(rb"""date1904=["'](?:1|true)["']""")
_DELIMITERS: Final = ",;\t|"
_DECOMPOSED: Final = "cp1258"
"""An encoding that has the marks of tones as letters of their own."""


class Unreadable(Told):
    """A file that nothing can be read from, or too big a one; says why."""


@dataclass(frozen=True)
class Table:
    """An opened sheet, or a table of text.

    Attributes:
        about: how many rows it has.
        left: the place of the first cells, from 0: columns before them have nothing in them.
        from_1904: whether its numbers of days begin with 1904 instead of 1900.
        unread: other sheets that have rows and are shown.
    """

    rows: Iterator[Numbered]
    about: int
    name: str = ""
    left: int = 0
    from_1904: bool = False
    unread: Sequence[str] = ()


def opened(path: Path, naming: Naming, sheet: str | None = None) -> Table:
    """The sheet that is named, or the first; see `sheets`."""
    found = sheets(path, naming, sheet)
    first = next(found, Table(iter(()), 0))
    # Of the others one at a time stands in memory.
    return replace(first, unread=list(map(attrgetter("name"), found)))


def sheets(path: Path, naming: Naming, sheet: str | None = None) -> Iterator[Table]:
    """A workbook's sheets that are shown and have rows, or the one that is named; a text is one table. Blank rows too.

    Raises:
        Unreadable: it is no table, or too big.
    """
    head = _head(path)
    if head.startswith((_ZIP, _OLE)):
        _require_bounded(path, head)
        yield from _workbook(path, sheet)
    elif head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<":
        raise Unreadable(_NO_TABLE)
    else:
        encoding = _encoding(path, head)
        about = sum(chunk.count(b"\n") for chunk in _chunks(path))
        yield Table(_records(path, encoding, _delimiter(path, encoding, naming)), about)


def text_of(path: Path) -> str | None:
    """A file as a text; None of a workbook."""
    head = _head(path)
    return None if head.startswith((_ZIP, _OLE)) else "".join(_lines(path, _encoding(path, head)))


class Headed(NamedTuple):
    """A table by its header: the names in it, the number of its (last) row, and the rows below."""

    names: list[str]
    number: int
    rows: Iterator[Numbered]


def headed(table: Table, naming: Naming) -> Headed:
    """A table by the header that is found; of an empty one there is none."""
    top = list(islice(table.rows, HEADER_WITHIN))
    names, below = header([cells for _, cells in top], naming)
    return Headed(names, top[below - 1][0] if below else 1, chain(top[below:], table.rows))


def said(cell: Cell) -> str:
    """A cell as a text: a whole number without a fraction, a text as it stands ("00123")."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat(" ")
    return "" if cell is None else cell.isoformat() if isinstance(cell, date) else str(cell).strip()


def unmarked(text: str) -> str:
    """A cell's text without what programs write around it for a spreadsheet to leave it one."""
    marked = _MARKED.fullmatch(text.strip())
    return text if marked is None else marked[1] or marked[2] or ""


def header(rows: Sequence[Sequence[Cell]], naming: Naming) -> tuple[list[str], int]:
    """The header among the first rows, by how many columns it names, and where the rows under it begin.

    A row is one by itself, or the lower half of one merged over two.
    """
    texts = [[" ".join(each.split()) if isinstance(each, str) else "" for each in row] for row in rows[:HEADER_WITHIN]]
    choices = [(row, place) for place, row in enumerate(texts, 1)]
    choices += [(_merged(*both, naming), place) for place, both in enumerate(pairwise(texts), 2)]
    return max(choices, key=lambda choice: _named(choice[0], naming), default=([], 0))


def _named(row: Sequence[str], naming: Naming) -> int:
    return len({naming(each) for each in row if each} - {None})


def _merged(upper: Sequence[str], lower: Sequence[str], naming: Naming) -> list[str]:
    """A header of two rows; of cells merged side by side only the first has the text."""
    above, both = "", []
    for own, text in zip_longest(upper, lower, fillvalue=""):
        above = own or above
        joined = f"{above} {text}".strip()
        both.append(joined if text and naming(text) is None and naming(joined) is not None else text or own)
    return both


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_LOOKED_AT)


def _require_bounded(path: Path, head: bytes) -> None:
    if head.startswith(_OLE):
        most, unpacked = _MOST_XLS, path.stat().st_size
    else:
        most = MOST_UNPACKED
        try:
            with zipfile.ZipFile(path) as packed:
                unpacked = sum(each.file_size for each in packed.infolist() if each.filename.endswith((".xml", ".bin")))
        except zipfile.BadZipFile:
            raise Unreadable(_NO_TABLE) from None
    if unpacked > most:
        raise Unreadable(
            Message(
                "the workbook is too big (more than {most:,} MiB unpacked): save it as CSV, or split it",
                "bảng tính quá lớn (hơn {most:,} MiB khi giải nén): hãy lưu thành CSV, hoặc tách ra",
                most=most >> 20,
            )
        )


def _workbook(path: Path, name: str | None) -> Iterator[Table]:
    try:
        book = CalamineWorkbook.from_path(path)
        if name is not None and name not in book.sheet_names:
            raise Unreadable(
                Message(
                    "there is no sheet {name!r}; there are: {names}",
                    "không có trang tính {name!r}; có: {names}",
                    name=name,
                    names=", ".join(book.sheet_names),
                )
            )
        shown = [each.name for each in book.sheets_metadata if each.visible == SheetVisibleEnum.Visible]
        for each in [name] if name is not None else shown:
            sheet = book.get_sheet_by_name(each)
            if sheet.height and sheet.start is not None:
                # Its rows are those from the top of the sheet on, their cells those from its first column in use.
                rows = enumerate(cast(Iterator[list[Cell]], sheet.iter_rows()), start=1)
                yield Table(rows, sheet.height, each, sheet.start[1], _from_1904(path))
                del sheet, rows
    except CalamineError as error:
        raise Unreadable(
            Message("the workbook cannot be read: {why}", "không đọc được bảng tính: {why}", why=str(error))
        ) from None


def _from_1904(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed, packed.open(_ABOUT) as about:
            return _DATE_1904.search(about.read(_LOOKED_AT)) is not None
    except (zipfile.BadZipFile, KeyError):
        return False


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            yield chunk


def _encoding(path: Path, head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _DECOMPOSED
    return "utf-8-sig"


def _delimiter(path: Path, encoding: str, naming: Naming) -> str:
    """The one by which a row among the first is most of a header; of equals that by which these have most cells."""

    def found(delimiter: str) -> tuple[int, int]:
        try:
            rows = list(islice(csv.reader(_lines(path, encoding), delimiter=delimiter), HEADER_WITHIN + 1))
        except csv.Error:
            return 0, 0
        return _named(header(rows, naming)[0], naming), sum(len(row) - 1 for row in rows)

    return max(_DELIMITERS, key=found)


def _records(path: Path, encoding: str, delimiter: str) -> Iterator[Numbered]:
    # A quotation mark out of its place is told: else the rows up to the next one would be a cell of this one.
    rows = csv.reader(_lines(path, encoding), delimiter=delimiter, strict=True)
    number = 1
    try:
        for row in rows:
            yield number, list[Cell](row)
            number = rows.line_num + 1
    except csv.Error as error:
        raise Unreadable(
            Message(
                "from line {number:,} on it is no CSV (a quotation mark that is not closed?): {why}",
                "từ dòng {number:,} không còn là CSV (dấu ngoặc kép chưa đóng?): {why}",
                number=number,
                why=verbatim(str(error)),
            )
        ) from None


def _lines(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        for line in stream:
            text = line.replace("\0", "") if "\0" in line else line
            yield unicodedata.normalize("NFC", text) if encoding == _DECOMPOSED else text


_NO_TABLE: Final = Message(
    "no spreadsheet and no CSV, whatever its name says: open it in a spreadsheet and save it as XLSX or CSV",
    "không phải bảng tính hay CSV, dù tên tệp ghi gì: hãy mở bằng phần mềm bảng tính và lưu thành `XLSX` hoặc CSV",
)
