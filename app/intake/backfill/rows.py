"""A row of an export as an element of the portal's payload, so that it is read by what reads that.

What a cell says in an office's own words is put as the payload has it. A word that is not known is a fault, never a
guess: a channel that is passed over would be counted as the counter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final

from app.domain.codes import likely_procedure_code
from app.domain.portal.state import NEW, NOT_ACCEPTED, PROCESSED, RETURNED
from app.domain.push import Wrong
from app.intake import tables
from app.intake.backfill.columns import FIELDS, Columns
from app.intake.backfill.mapping import Map
from app.intake.dvcqg.dossier import Read, dossier, procedure
from app.intake.dvcqg.values import bare
from app.intake.personal import is_personal
from app.intake.tables import Cell
from app.messages import MISSING, Message

_DATES: Final = ("submitted", "received", "due", "completed", "returned", "refused", "supplement_asked",
                 "supplement_answered")  # fmt: skip
_CODES: Final = ("code", "procedure", "unit", "amount")
_FILES: Final = ("reused", "shared_store")
_IN_PROCESS: Final = 4
_EXCEL: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - civil time, as all that an export says
_EXCEL_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_SERIAL: Final = re.compile(r"[2-7]\d{4}(?:[.,]\d+)?", re.ASCII)
_SERIALS: Final = (29_221, 73_416)
"""Excel's numbers of days, 1980 to 2100."""
_DAY: Final = re.compile(
    r"(?:(?P<before>\d{1,2}[:hH]\d{2}(?::\d{2})?)\s+)?(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})"
    r"(?:,?\s+(?P<after>\d{1,2}[:hH]\d{2}(?::\d{2})?)(?:\.\d+)?(?:\s+(?P<half>SA|CH))?)?",
    re.ASCII,
)
_MONTH_FIRST: Final = re.compile(
    r"\D*(?:0?[1-9]|1[0-2])/(?:1[3-9]|2\d|3[01])/\d{4}|.*\d\s*[AP]M$", re.ASCII | re.IGNORECASE
)
_DURATION: Final = re.compile(r"[^/]*\d *(?:ngay|gio|tuan|thang)\b[^/]*")
_CUT_OFF: Final = re.compile(r"\d(?:[.,]\d+)?e\+\d+", re.IGNORECASE)
_MOST_DIGITS: Final = 10**15
"""A spreadsheet keeps fifteen digits of a number, and has made zeros of the others."""
_YEAR_FIRST: Final = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?|(\d{4})(\d{2})(\d{2})(?:0000(?:00)?)?", re.ASCII
)
"""A day without a time, or with one that is none: midnight."""
_PLAIN: Final = {"code": re.compile(r"[\w./-]{1,100}"), "date": re.compile(r"[\d/:. T+Z-]{1,40}", re.ASCII)}
_NOTHING: Final = frozenset({"", "-", "--", "–", "null"})
_SHORT: Final = 6
_HIDDEN: Final = "***"
_LATENESS: Final = re.compile(r"[ ,:(-]*(?:dung|truoc|tre|qua|trong|som|con|chua den|sap den|sap qua) han\)?$")
"""What exports say beside a status, or instead of one, and times tell better."""
_NO_DOSSIER: Final = re.compile(r"\d+(?:[.,]\d+)*$|(?![^ ]*-\d).* ")
"""What stands below the rows where dossiers have their codes: a number, or several words."""
_NUMBERING: Final = re.compile(r"\(?\d{1,2}\)?|[A-Z]")

_ENDLESS: Final = Wrong(
    "invalid_value",
    "NgayKetThucXuLy",
    Message("it has ended, but not when is told", "đã kết thúc nhưng không có ngày kết thúc"),
)
_DIGITS_GONE: Final = Message(
    "a spreadsheet took the code for a number and has lost its digits: export it anew, its column as text",
    "phần mềm bảng tính coi mã là số và làm mất chữ số: hãy xuất lại, định dạng cột là văn bản",
)
_MONTH_BEFORE_DAY: Final = Message(
    "the month seems to stand before the day, then others of this column are read wrongly: export days as 25/01/2026",
    "tháng dường như đứng trước ngày, khi đó các ô khác của cột này bị đọc sai: hãy xuất ngày dạng 25/01/2026",
)
_NO_INSTANT: Final = Message(
    'a number of days is no time: name another column, or none (""), under [columns] of a map',
    'số ngày không phải là thời điểm: hãy nêu cột khác, hoặc không cột nào (""), ở `[columns]` của tệp `--map`',
)
_TORN: Final = Wrong(
    "invalid_value",
    None,
    Message(
        "more cells than the header has: put texts that hold the separator in quotation marks, or save it as XLSX",
        "nhiều ô hơn dòng tiêu đề: hãy đặt chữ có dấu ngăn ô trong dấu ngoặc kép, hoặc lưu thành `XLSX`",
    ),
)
_NO_PROCEDURE: Final = Message("expected a procedure code such as 1.004555", "cần mã thủ tục dạng 1.004555")


class Rows:
    """Reads rows of one export."""

    def __init__(self, columns: Columns, map_: Map, from_1904: bool = False) -> None:
        self._words = map_.words
        self._epoch = _EXCEL_1904 if from_1904 else _EXCEL
        self._header, self._width = columns.read["code"].header, columns.width
        self._places = {name: column.place for name, column in columns.read.items()}
        self._memory: dict[tuple[str, Cell], int | None] = {}

    def cells(self, row: Sequence[Cell]) -> dict[str, Cell]:
        """What a row has in the columns that are read, by names of FIELDS; blank cells are left out."""
        width = len(row)
        found: dict[str, Cell] = {}
        for name, place in self._places.items():
            if place < width and (cell := row[place]) is not None:
                if isinstance(cell, str):
                    if cell[:1] in tables.TEXT_MARKS:
                        cell = tables.unmarked(cell)
                    if not (cell.strip() if len(cell) > _SHORT else not _says_nothing(cell)):
                        continue
                found[name] = cell
        return found

    def torn(self, row: Sequence[Cell]) -> Wrong | None:
        """The fault of a row that has more cells than the header: which of them are in their place nobody knows."""
        return _TORN if any(str(cell or "").strip() for cell in row[self._width :]) else None

    def is_none(self, cells: Mapping[str, Cell]) -> bool:
        """Whether it is no dossier's row: blank, a sum, who signed it, the header or its numbers again."""
        code, received = str(cells.get("code", "")).strip(), str(cells.get("received", "")).strip()
        if code == self._header:
            return True
        if not code:
            return not received
        if not received and "procedure" not in cells and _NO_DOSSIER.match(code):
            return True
        return _NUMBERING.fullmatch(code) is not None and (not received or _NUMBERING.fullmatch(received) is not None)

    def read(self, cells: Mapping[str, Cell]) -> Read:
        """The state that a row tells, or what is wrong with it; `unread` where it has ended and nobody knows when."""
        faults: list[Wrong] = []
        given: dict[str, Any] = {}
        for name, cell in cells.items():
            if name in self._words:
                code = self._code(name, cell)
                if code is None and name == "status" and not _said(name, cell):
                    continue
                if code is None:
                    faults.append(Wrong("invalid_value", FIELDS[name][0], _no_word(name)))
                given[name] = code
            else:
                given[name] = _instant(cell, self._epoch) if name in _DATES else cell
        _sound_days(given)
        status = given.setdefault("status", _status(given))
        if "procedure" in given:
            given["procedure"] = _procedure(given["procedure"])
            if procedure(given["procedure"]) is None:
                faults.append(Wrong("invalid_code", "MaTTHC", _NO_PROCEDURE))
        for name, needed in (("procedure", True), ("received", status not in (NEW, NOT_ACCEPTED))):
            if needed and name not in given:
                faults.append(Wrong("invalid_value", FIELDS[name][0], MISSING))
        read = dossier(_element(given), str(given.get("unit", "")).strip())
        faults = [*(_plainer(each, cells) for each in read.faults), *faults]
        if _is_cut_off(cells.get("code")):
            faults.insert(0, Wrong("invalid_code", "MaHoSo", _DIGITS_GONE))
        endless = status in (PROCESSED, RETURNED) and not given.keys() & {"completed", "returned"}
        return Read(read.subject, None if faults else read.what, faults, (_ENDLESS,) if endless else ())

    def _code(self, name: str, cell: Cell) -> int | None:
        key = (name, cell)
        if key not in self._memory:
            if len(self._memory) > 1_000:
                self._memory.clear()
            code = self._words[name].get(_said(name, cell))
            self._memory[key] = None if code is None else int(code)
        return self._memory[key]

    def shown(self, cells: Mapping[str, Cell]) -> list[str]:
        """Cells as they may be written down again, column by column: somebody's name or number is hidden."""
        return [self._shown(name, cells[name]) if name in cells else "" for name in self._places]

    def _shown(self, name: str, cell: Cell) -> str:
        text = " ".join(str(cell).split())
        if name in self._words and self._code(name, cell) is not None:
            return text
        if is_personal(text):
            return _HIDDEN
        if name in _DATES or name in _CODES:
            plain = _PLAIN["date" if name in _DATES else "code"]
            return text if plain.fullmatch(text) else _HIDDEN
        # People's names have a capital in every word, what a list of values offers in its first only.
        words = text.split(" ")
        in_sentence = all(each[:1].islower() for each in words[1:]) and text.replace(" ", "").isalpha()
        return text if len(text) <= 60 and in_sentence else _HIDDEN


def _is_cut_off(code: Cell) -> bool:
    """Whether a code has been a number of more digits than are left of it."""
    if isinstance(code, (int, float)):
        return code >= _MOST_DIGITS
    return isinstance(code, str) and code[1:2] in (".", ",", "e", "E") and _CUT_OFF.fullmatch(code.strip()) is not None


def _plainer(fault: Wrong, cells: Mapping[str, Cell]) -> Wrong:
    """What is wrong with a time, where more can be told than that it cannot be read."""
    cell = next((cells[name] for name in _DATES if FIELDS[name][0] == fault.field and name in cells), None)
    if isinstance(cell, str) and _MONTH_FIRST.match(cell.strip()):
        return fault._replace(detail=_MONTH_BEFORE_DAY, plain=None)
    return fault._replace(detail=_NO_INSTANT, plain=None) if _DURATION.fullmatch(bare(str(cell))) else fault


def _says_nothing(text: str) -> bool:
    return text.strip().lower() in _NOTHING


def _no_word(name: str) -> Message:
    return Message(
        "not a value that is known here; say what it means under [values.{name}] of a map",
        "giá trị chưa biết; hãy nêu nghĩa ở `[values.{name}]` của tệp `--map`",
        name=name,
    )


def _said(name: str, cell: Cell) -> str:
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = " ".join(bare(str(cell)).split())
    return _LATENESS.sub("", text) if name == "status" else text


def _procedure(cell: Cell) -> str:
    """A procedure's code as text: 1.00455 is what a spreadsheet makes of 1.004550, and 1004550 where a point stands
    between thousands.
    """
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
    return text if procedure(text) is not None else likely_procedure_code(text) or text


def _instant(cell: Cell, epoch: datetime) -> Cell:
    """A time as the payload has it, whatever a spreadsheet made of it; its numbers count days since `epoch`."""
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if not cell.microsecond else _rounded(cell)
    if isinstance(cell, date):
        return f"{cell:%Y-%m-%d} 00:00:00"
    if isinstance(cell, (int, float)) and not isinstance(cell, bool) and _SERIALS[0] <= cell < _SERIALS[1]:
        return _rounded(epoch + timedelta(days=cell))
    if isinstance(cell, float) and cell.is_integer():
        cell = str(int(cell))
    if isinstance(cell, str):
        text = " ".join(cell.split())
        if _SERIAL.fullmatch(text):
            return _rounded(epoch + timedelta(days=float(text.replace(",", "."))))
        found = _DAY.fullmatch(text)
        if found is not None:
            time = (found["before"] or found["after"] or "0:00").lower().replace("h", ":")
            hour, _, rest = time.partition(":")
            # Sáng and chiều, as a Vietnamese spreadsheet has them.
            at = int(hour) if found["half"] is None else int(hour) % 12 + 12 * (found["half"] == "CH")
            seconds = rest if len(rest) > 2 else f"{rest}:00"
            return f"{found['year']}-{int(found['month']):02}-{int(found['day']):02} {at:02}:{seconds}"
        found = _YEAR_FIRST.fullmatch(text)
        if found is not None:
            year, month, day = (int(each) for each in found.groups() if each is not None)
            return f"{year}-{month:02}-{day:02} 00:00:00"
        return text.replace("/", "-") if text[4:5] == "/" else text
    return str(cell) if isinstance(cell, (time_of_day, timedelta)) else cell


def _rounded(at: datetime) -> str:
    """To the second: a day as a fraction has a rest."""
    return (at + timedelta(microseconds=500_000)).replace(microsecond=0).isoformat(" ")


def _sound_days(given: dict[str, Any]) -> None:
    """A day without a time is the whole day: due until its end, and what ended on the day of reception did so after.

    With nothing but midnight, whatever was done on the last day would be late, and an end lie before the reception.
    """
    due = given.get("due")
    if isinstance(due, str) and due.endswith(" 00:00:00"):
        given["due"] = f"{due[:10]} 23:59:59"
    received = given.get("received")
    for name in ("completed", "returned"):
        at = given.get(name)
        if isinstance(at, str) and isinstance(received, str) and at.endswith(" 00:00:00") and at[:10] == received[:10]:
            given[name] = received


def _status(given: Mapping[str, Any]) -> int:
    """The status of a row that names none: as far on as its times are."""
    for name, status in (("refused", NOT_ACCEPTED), ("returned", RETURNED), ("completed", PROCESSED)):
        if name in given:
            return status
    return _IN_PROCESS


def _element(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was read of a row as an element of DongBoHoSoMC."""
    element: dict[str, Any] = {}
    file: dict[str, Any] = {}
    supplement: dict[str, Any] = {}
    for name, value in given.items():
        payload = FIELDS[name][0]
        if name in _FILES:
            file[payload] = value
        elif name == "result":
            link = {"DuongDanTepTinKetQua": "x"} if value else {}
            element["DanhSachGiayToKetQua"] = [link]
        elif name == "amount":
            element["DanhSachLePhi"] = [{payload: value}]
        elif name.startswith("supplement"):
            supplement[payload] = value
        else:
            element[payload] = value
    if file:
        element["TaiLieuNop"] = [file]
    if supplement:
        element["DanhSachHoSoBoSung"] = [supplement]
    return element
