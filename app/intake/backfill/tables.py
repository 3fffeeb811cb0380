"""Rows of a spreadsheet or a CSV file, whatever it was saved by.

XLSX and XLS by their first bytes, else CSV: in UTF-8, UTF-16 or Windows-1258; with commas, semicolons or tabs.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Final, cast

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from app.messages import Message, verbatim

Cell = str | int | float | bool | date | datetime | time | timedelta | None
Numbered = tuple[int, list[Cell]]
"""A row's number, as a person sees it in the file, and its cells."""

MOST_UNPACKED: Final = 400 * 1024 * 1024
"""Bytes of an XLSX without its compression: it is read as a whole, and takes about twice as many of memory."""
_MOST_XLS: Final = 150 * 1024 * 1024
_LOOKED_AT: Final = 64 * 1024
_ROWS_LOOKED_AT: Final = 40
_ABOUT: Final = "xl/workbook.xml"
_DATE_1904: Final = re.compile(rb"""date1904=["'](?:1|true)["']""")
_DELIMITERS: Final = ",;\t|"


class Unreadable(Exception):
    """A file that is no table, or too big a one."""


@dataclass(frozen=True)
class Table:
    """An opened file. `about` is how many rows it has.

    Attributes:
        from_1904: whether its numbers of days begin with 1904 instead of 1900.
        unread: other sheets that have rows and are shown.
    """

    rows: Iterator[Numbered]
    about: int
    from_1904: bool = False
    unread: Sequence[str] = ()


def opened(path: Path, sheet: str | None = None) -> Table:
    """A file's rows, blank ones too.

    Args:
        sheet: which sheet of a workbook; without it the first that is shown and has rows.

    Raises:
        Unreadable: it is no table, or too big.
    """
    with path.open("rb") as stream:
        head = stream.read(_LOOKED_AT)
    if head.startswith(b"PK"):
        _require_bounded(path)
        return _workbook(path, sheet)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        if path.stat().st_size > _MOST_XLS:
            raise Unreadable(_too_big(_MOST_XLS))
        return _workbook(path, sheet)
    if head.lstrip(codecs.BOM_UTF8).lstrip()[:1] == b"<":
        raise Unreadable(_NO_TABLE)
    encoding = _encoding(path, head)
    about = sum(chunk.count(b"\n") for chunk in _chunks(path))
    return Table(_lines(path, encoding, _delimiter(path, encoding)), about)


def _require_bounded(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(each.file_size for each in packed.infolist() if each.filename.endswith(".xml"))
    except zipfile.BadZipFile:
        raise Unreadable(_NO_TABLE) from None
    if unpacked > MOST_UNPACKED:
        raise Unreadable(_too_big(MOST_UNPACKED))


def _workbook(path: Path, name: str | None) -> Table:
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
                rows = cast(Iterator[list[Cell]], sheet.iter_rows())
                others = [one for one in shown if one != each and book.get_sheet_by_name(one).height]
                return Table(enumerate(rows, start=sheet.start[0] + 1), sheet.height, _from_1904(path), others)
    except CalamineError as error:
        raise Unreadable(Message("{why}", "không đọc được bảng tính: {why}", why=str(error))) from None
    return Table(iter(()), 0)


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
        return "cp1258"
    return "utf-8-sig"


def _delimiter(path: Path, encoding: str) -> str:
    """The one by which the first rows have most cells."""

    def cells(delimiter: str) -> int:
        with path.open(encoding=encoding, errors="replace", newline="") as stream:
            try:
                rows = list(islice(csv.reader(stream, delimiter=delimiter), _ROWS_LOOKED_AT))
            except csv.Error:
                return 0
        return sum(len(row) - 1 for row in rows)

    return max(_DELIMITERS, key=cells)


def _lines(path: Path, encoding: str, delimiter: str) -> Iterator[Numbered]:
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        rows = csv.reader(_without_nul(stream), delimiter=delimiter)
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


def _without_nul(stream: io.TextIOBase) -> Iterator[str]:
    for line in stream:
        yield line.replace("\0", "") if "\0" in line else line


def _too_big(most: int) -> Message:
    return Message(
        "the workbook is too big (more than {most:,} MiB unpacked): save it as CSV, or split it",
        "bảng tính quá lớn (hơn {most:,} MiB khi giải nén): hãy lưu thành CSV, hoặc tách ra",
        most=most >> 20,
    )


_NO_TABLE: Final = Message(
    "no spreadsheet and no CSV, whatever its name says: open it in a spreadsheet and save it as XLSX or CSV",
    "không phải bảng tính hay CSV, dù tên tệp ghi gì: hãy mở bằng phần mềm bảng tính và lưu thành `XLSX` hoặc CSV",
)
