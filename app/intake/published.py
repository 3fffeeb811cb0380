"""What the national portal published, from its tables or its JSON answers: figures by unit and indicator's code.

Pure. Which table it is, its header says; which answer, its keys. A row that cannot be read is told by its place.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from app.intake.lines import Refused
from app.messages import Message

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a unit: counts, percent (days of an average), points; None for what is not told.

    `unit` is a code, or "" where only the `name` is known; `period` "" where the file has none; `row` counts from 1.
    """

    unit: str
    name: str
    period: str
    code: str
    numerator: int | None
    denominator: int | None
    ratio: Decimal | None
    score: Decimal | None
    row: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a figure stands in a row: columns whose sums are its counts, of its ratio and its points."""

    code: str
    numerator: tuple[str, ...] = ()
    denominator: tuple[str, ...] = ()
    ratio: str = ""
    score: str = ""


_TABLES: Final[Mapping[str, tuple[_Part, ...]]] = {
    "total_received": (
        _Part("DOSSIER_ON_TIME", ("total_on_time",), ("total_received",), "ratio", "score"),
        _Part("AVERAGE_PROCESSING_TIME", ratio="avg_processing_days"),
    ),
    "dossiers_with_fee": (
        _Part("PAYMENT_DOSSIERS", ("dossiers_paid_online",), ("dossiers_with_fee",)),
        _Part("PAYMENT_PROCEDURES", ("procedures_paid_online",), ("fee_procedures_distinct",)),
        _Part("PAYMENT_INTEGRATED", ("procedures_integrated",), ("procedures_with_fee",)),
        _Part("payment", score="score"),
    ),
    "channelTotalSum": (
        _Part("ONLINE_PROVISION", ("partialCount", "fullCount"), ("authorityCount",)),
        _Part("ONLINE_WITH_DOSSIERS", ("onlineDossierCount",), ("onlineServiceTotal",)),
        _Part("ONLINE_DOSSIERS", ("channelOnlineSum",), ("channelTotalSum",)),
        _Part("online", score="totalScore"),
    ),
    "totalReceived": (
        _Part("DOSSIER_ON_TIME", ("totalOnTime",), ("totalReceived",), "ratio", "score"),
        _Part("AVERAGE_PROCESSING_TIME", ratio="avgProcessingDays"),
    ),
    "totalDossierFinancialObligation": (
        _Part("PAYMENT_DOSSIERS", ("totalDossierOnlinePaymentSuccess",), ("totalDossierFinancialObligation",)),
        _Part(
            "PAYMENT_PROCEDURES",
            ("totalDossierOnlineFormalityPaymentSuccess",),
            ("totalFeeDossierFormalityDistinct",),
        ),
        _Part("PAYMENT_INTEGRATED", ("totalFeeDossierFormality",), ("totalFeeFormality",)),
        _Part("payment", score="totalScore"),
    ),
    "totalScore": (_Part("online", score="totalScore"),),
}  # fmt: skip
"""Tables and rows of trees by a column that only they have, in the order in which it is looked for."""

_METRIC: Final = "metric_code"
_OF_METRIC: Final = ("numerator", "denominator", "ratio", "score")
_SUFFIX: Final = re.compile(r"\s+-\s+(Tỉnh|Thành phố)\s.*$")


def parse(content: bytes) -> list[Figure]:
    """All figures of a file.

    Raises:
        Refused: it is neither a table nor an answer of the portal, or a row cannot be read; with row and column.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(Message("not UTF-8: save it as CSV UTF-8", "không phải UTF-8: hãy lưu dạng CSV UTF-8")) from None
    figures = list(_answer(text) if text.lstrip()[:1] == "{" else _table(text))
    if not figures:
        raise Refused(Message("the file holds no figure", "tệp không có số liệu nào"))
    return figures


def plain_name(name: str) -> str:
    """A unit's name as it is compared: without what the portal appends, in small letters."""
    return " ".join(_SUFFIX.sub("", name).split()).casefold()


def _table(text: str) -> Iterator[Figure]:
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        columns = [each.strip() for each in reader.fieldnames or ()]
        parts = _parts(columns)
        needed = {"unit_code", *(_OF_METRIC[:2] if _METRIC in columns else _columns(parts))}
        for name in sorted(needed - set(columns)):
            raise _wrong(1, name, Message("the column is missing", "thiếu cột này"))
        reader.fieldnames = columns
        for number, row in enumerate(reader, 2):
            if not any(row.values()):
                continue
            if None in row or None in row.values():
                raise _wrong(number, "", Message("not as many cells as the header", "số ô khác dòng tiêu đề"))
            unit = row["unit_code"].strip()
            if not unit:
                raise _wrong(number, "unit_code", Message("empty", "để trống"))
            yield from _figures(number, unit, row.get("unit_name") or "", row.get("period") or "", row, parts)
    except csv.Error as error:
        unread = Message("cannot be read as a table: {why}", "không đọc được như bảng: {why}", why=str(error))
        raise _wrong(reader.line_num, "", unread) from None


def _columns(parts: tuple[_Part, ...]) -> set[str]:
    return {name for each in parts for name in (*each.numerator, *each.denominator, each.ratio, each.score) if name}


def _parts(columns: list[str]) -> tuple[_Part, ...]:
    if _METRIC in columns:
        return ()
    found = next((parts for name, parts in _TABLES.items() if name in columns), None)
    if found is None:
        raise _wrong(
            1, "", Message("no table of the portal has these columns", "không bảng nào của Cổng có các cột này")
        )
    return found


def _answer(text: str) -> Iterator[Figure]:
    try:
        given = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise Refused(Message("not JSON: {why}", "không phải JSON: {why}", why=str(error))) from None
    data = given.get("data", given)
    data = data if isinstance(data, dict) else {}
    first, others = ("overview", "evaluation") if "evaluation" in data else ("parent", "children")
    rows = [data.get(first), *(data[others] if isinstance(data.get(others), list) else ())]
    if not any(isinstance(each, dict) for each in rows):
        unknown = Message("no answer of the portal's evaluation", "không phải câu trả lời đánh giá của Cổng")
        raise Refused(unknown)
    for number, row in enumerate(rows, 1):
        if row is None:
            continue
        if not isinstance(row, dict):
            raise _wrong(number, others, Message("no object", "không phải đối tượng"))
        unit, name = str(row.get("departmentCode") or ""), str(row.get("departmentName") or "")
        if not unit and not name:
            raise _wrong(number, "departmentCode", Message("empty", "để trống"))
        if isinstance(row.get("metrics"), list):
            for metric in row["metrics"]:
                yield from _figures(number, unit, name, "", {**metric, _METRIC: metric.get("code")}, ())
            continue
        parts = next((parts for column, parts in _TABLES.items() if column in row), ())
        # The parent of a tree has its points under another name than its children.
        scored = {**row, "score": row.get("score", row.get("totalScore"))}
        yield from _figures(number, unit, name, "", scored, parts)


def _figures(
    number: int, unit: str, name: str, period: str, row: Mapping[str, Any], parts: tuple[_Part, ...]
) -> Iterator[Figure]:
    if _METRIC in row:
        parts = (_Part(str(row[_METRIC]).strip(), ("numerator",), ("denominator",), "ratio", "score"),)
    for each in parts:
        yield Figure(
            unit, name, period, each.code,
            _sum(number, row, each.numerator), _sum(number, row, each.denominator),
            _read(number, row, each.ratio, _decimal), _read(number, row, each.score, _decimal), number,
        )  # fmt: skip


def _sum(number: int, row: Mapping[str, Any], columns: tuple[str, ...]) -> int | None:
    told = [_read(number, row, name, _whole) for name in columns]
    return None if not told or None in told else sum(each for each in told if each is not None)


def _read(number: int, row: Mapping[str, Any], column: str, read: Callable[[str], _T]) -> _T | None:
    value = row.get(column) if column else None
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    try:
        return read(text)
    except (ValueError, InvalidOperation):
        unread = Message("{text} is no number from 0 on", "{text} không phải số từ 0 trở lên", text=text[:40])
        raise _wrong(number, column, unread) from None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError(text)
    return int(text)


def _decimal(text: str) -> Decimal:
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) is None:
        raise ValueError(text)
    return Decimal(text)


def _wrong(row: int, column: str, why: Message) -> Refused:
    where = Message(", column {column}", ", cột {column}", column=column) if column else Message("", "")
    return Refused(Message("row {row}{where}: {why}", "dòng {row}{where}: {why}", row=row, where=where, why=why))
