"""What the national portal published, from its tables or its JSON answers: figures by unit and indicator's code.

Pure. Which table it is, its header says; which answer, its keys. A row that cannot be read is told by its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, TypeVar

from app.intake import tables
from app.intake.lines import Refused
from app.messages import Message, of_error

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
_NAMED: Final = frozenset(
    ("unit_code", "unit_name", "period", _METRIC, *_OF_METRIC)
) | {name for parts in _TABLES.values() for each in parts
     for name in (*each.numerator, *each.denominator, each.ratio, each.score) if name}  # fmt: skip
"""All columns that are read, by which the header is found."""
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*")
_SUFFIX: Final = re.compile(r"\s+-\s+(Tỉnh|Thành phố)\s.*$")


def parse(path: Path) -> list[Figure]:
    """All figures of a file.

    Raises:
        Refused: it is neither a table nor an answer of the portal, or a row cannot be read; with row and column.
    """
    text = tables.text_of(path)
    figures = list(_table(path) if text is None or text.lstrip()[:1] != "{" else _answer(text))
    if not figures:
        raise Refused(Message("the file holds no figure", "tệp không có số liệu nào"))
    return figures


def plain_name(name: str) -> str:
    """A unit's name as it is compared: without what the portal appends, in small letters."""
    return " ".join(_SUFFIX.sub("", name).split()).casefold()


def _table(path: Path) -> Iterator[Figure]:
    try:
        columns, top, rows = tables.headed(tables.opened(path, _naming), _naming)
        parts = _parts(columns, top)
        needed = {"unit_code", *(_OF_METRIC[:2] if _METRIC in columns else _columns(parts))}
        for name in sorted(needed - set(columns)):
            raise _wrong(top, name, Message("the column is missing", "thiếu cột này"))
        for number, cells in rows:
            texts = list(map(tables.said, cells))
            if not any(texts):
                continue
            if len(texts) != len(columns):
                raise _wrong(number, "", Message("not as many cells as the header", "số ô khác dòng tiêu đề"))
            row = dict(zip(columns, texts, strict=True))
            if not row["unit_code"]:
                raise _wrong(number, "unit_code", Message("empty", "để trống"))
            yield from _figures(number, row["unit_code"], row.get("unit_name", ""), row.get("period", ""), row, parts)
    except tables.Unreadable as error:
        raise Refused(of_error(error)) from None


def _naming(header: str) -> str | None:
    return header if header in _NAMED else None


def _columns(parts: tuple[_Part, ...]) -> set[str]:
    return {name for each in parts for name in (*each.numerator, *each.denominator, each.ratio, each.score) if name}


def _parts(columns: list[str], top: int) -> tuple[_Part, ...]:
    if _METRIC in columns:
        return ()
    found = next((parts for name, parts in _TABLES.items() if name in columns), None)
    if found is None:
        raise _wrong(
            top, "", Message("no table of the portal has these columns", "không bảng nào của Cổng có các cột này")
        )
    return found


def _answer(text: str) -> Iterator[Figure]:
    try:
        given = json.loads(text, parse_float=Decimal)
    except RecursionError:
        raise Refused(Message("its JSON is far too deep", "JSON lồng quá sâu")) from None
    except ValueError as error:
        raise Refused(Message("not JSON: {why}", "không phải JSON: {why}", why=str(error))) from None
    data = given.get("data", given)
    data = data if isinstance(data, dict) else {}
    first, others = ("overview", "evaluation") if {"overview", "evaluation"} & data.keys() else ("parent", "children")
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
                if not isinstance(metric, dict) or not metric.get("code"):
                    raise _wrong(number, "metrics", Message("a figure without a code", "số liệu không có mã"))
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
    # 597.918 of a spreadsheet, and 5.0 of software that has one kind of number.
    text = re.sub("[.,]", "", text) if _GROUPED.fullmatch(text) else text.removesuffix(".0")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError(text)
    return int(text)


def _decimal(text: str) -> Decimal:
    # As a Vietnamese spreadsheet has them: 88,42 and 88,42 %.
    text = text.removesuffix("%").rstrip().replace(",", ".")
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) is None:
        raise ValueError(text)
    return Decimal(text)


def _wrong(row: int, column: str, why: Message) -> Refused:
    where = Message(", column {column}", ", cột {column}", column=column) if column else Message("", "")
    return Refused(Message("row {row}{where}: {why}", "dòng {row}{where}: {why}", row=row, where=where, why=why))
