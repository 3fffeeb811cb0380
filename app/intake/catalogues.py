"""Catalogues in: the rows of a JSON array or a CSV table → what each of them changes, or why it cannot.

Pure: which units exist, what a key reaches and what stands in the catalogue already is asked later, by the store. A row
says only what it was told: an absent attribute is not among its changes, null is there as the attribute's default.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any, Final

import msgspec

from app.domain.catalogues.root import APPLICANTS, LEVELS, SERVICE_LEVELS, CatalogueName
from app.domain.push import MOST_FAULTS, Rejected
from app.intake import attributes, checks
from app.intake.bodies import (
    CHARSET,
    BodyProblem,
    NotJson,
    TableLines,
    broken,
    first_token,
    is_utf8,
    media_type,
    of_element,
    overfull,
    readable,
    split_array,
    whole_array,
    without_bom,
)
from app.intake.checks import AN_OBJECT, OF_CATALOGUE, Check, Fault, Faults, expected, shown, unknown_field
from app.intake.personal import is_fit
from app.messages import MISSING, NOT_UTF8, Message

__all__ = ["FORMS", "MAX_ROWS", "Form", "Row", "parse_rows", "rows_of"]


MAX_ROWS: Final = 50_000
"""Rows of one request: a country has some 4,000 units, and a calendar of a century 37,000 days."""

_GUARDED: Final = re.compile("'[=+@-]")
_MOST_COLUMNS: Final = 100
_LONGEST_ID = 200
_LARGEST = 10**15


_ONE_OF_BOTH: Final = Message(
    "a target is of one unit or of one level", "một chỉ tiêu là của một đơn vị hoặc của một cấp"
)
_NO_NULL: Final = Message("null is not allowed here", "ở đây không được là null")
_OVERFULL: Final = Message("the row is far too long, or has far too many parts", "dòng quá dài hoặc có quá nhiều phần")
_TABLE_NOT_UTF8: Final = Message(
    "the table is not UTF-8: save it as CSV UTF-8 (in Excel: Save As, CSV UTF-8)",
    "bảng không phải UTF-8: hãy lưu lại dạng CSV UTF-8 (trong Excel: Lưu dưới dạng, chọn CSV UTF-8)",
)
_TOO_WIDE: Final = Message("the row has more cells than the header", "dòng có nhiều ô hơn dòng tiêu đề")


@dataclass(frozen=True, slots=True)
class Row:
    """One sound row: what it is about, and the attributes it changes.

    `key` is (code,) of a unit or procedure, (indicator, unit, level, year) of a target with "" for the one that is not
    given, (code, unit, period label) of an external figure, (day,) of the calendar. `id` is how an answer names it.
    """

    index: int
    id: str
    key: tuple[Any, ...]
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Attribute:
    """How a column is read: from a CSV cell, checked, and what null stands for (`required`: null is refused)."""

    check: Check
    default: Any = None
    cell: Callable[[str], object] = str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """The columns of one catalogue: those of the key, of what an answer names a row by, and those that must be there;
    `whole` says what is wrong with a row beside its attributes. What is only `told` is passed over when it comes back.
    """

    columns: Mapping[str, _Attribute]
    key: tuple[str, ...]
    id: str
    must: tuple[str, ...]
    whole: Callable[[Mapping[str, object]], Fault | None] = lambda given: None
    told: tuple[str, ...] = ()


def _flag(default: bool) -> _Attribute:
    return _Attribute(checks.boolean, default, attributes.boolean_cell)


def _list(check: Check) -> _Attribute:
    return _Attribute(attributes.each(check), (), attributes.list_cell)


def _number() -> _Attribute:
    return _Attribute(attributes.number(-_LARGEST, _LARGEST, 6), None, attributes.number_cell)


def _whole(least: int, most: int) -> _Attribute:
    return _Attribute(checks.whole(least, most), None, attributes.number_cell)


_VALIDITY: Final = {"valid_from": _Attribute(checks.day), "valid_to": _Attribute(checks.day)}
_UNIT: Final = _Attribute(attributes.unit_code, required=True)

_UNITS: Final = {
    "code": _UNIT,
    "name": _Attribute(attributes.name(1_000)),
    "level": _Attribute(checks.choice(LEVELS)),
    "parent": _Attribute(attributes.unit_code),
    "certified_copy": _flag(False),
    **_VALIDITY,
    "successor": _Attribute(attributes.unit_code),
    "aliases": _list(attributes.alias),
}
_PROCEDURES: Final = {
    "code": _Attribute(attributes.procedure_code, required=True),
    "name": _Attribute(attributes.name(2_000)),
    "sector": _Attribute(attributes.free_text(500)),
    "service_level": _Attribute(checks.choice(SERVICE_LEVELS), "none"),
    "full_eligible": _flag(False),
    "fee": _flag(False),
    "payment_integrated": _flag(False),
    "issues_document": _flag(True),
    "applicants": _list(checks.choice(APPLICANTS)),
    "max_working_days": _whole(1, 1_000),
    "essential": _flag(False),
    "units": _list(attributes.unit_code),
    "levels": _list(checks.choice(LEVELS)),
    **_VALIDITY,
}
_TARGETS: Final = {
    "indicator": _Attribute(attributes.targeted, required=True),
    "unit": _Attribute(attributes.unit_code, ""),
    "level": _Attribute(checks.choice(LEVELS), ""),
    "period": _Attribute(attributes.year, cell=attributes.number_cell, required=True),
    # null is a value here: it takes the target away.
    "value": _Attribute(attributes.number(0, 100, 4), None, attributes.number_cell),
}
_EXTERNAL_FIGURES: Final = {
    "code": _Attribute(attributes.figure_code, required=True),
    "unit": _UNIT,
    "period": _Attribute(attributes.period, cell=attributes.number_cell, required=True),
    "value": _number(),
    "score": _number(),
    "max": _number(),
    "rank": _whole(0, 10**9),
    "of": _whole(0, 10**9),
    "count": _whole(0, _LARGEST),
    "source": _Attribute(attributes.free_text(500)),
    "note": _Attribute(attributes.free_text(500)),
}
_CALENDAR: Final = {
    "date": _Attribute(checks.day, required=True),
    "kind": _Attribute(checks.choice(("holiday", "workday")), required=True),
    "name": _Attribute(attributes.free_text(200), ""),
}


def _one_of_both(given: Mapping[str, object]) -> Fault | None:
    unit, level = (given.get(name) not in (None, "") for name in ("unit", "level"))
    return Fault("invalid_value", "level" if unit else "unit", _ONE_OF_BOTH) if unit == level else None


FORMS: Final[Mapping[CatalogueName, Form]] = {
    "units": Form(_UNITS, ("code",), "code", ("code",)),
    "procedures": Form(_PROCEDURES, ("code",), "code", ("code",)),
    "targets": Form(
        _TARGETS,
        ("indicator", "unit", "level", "period"),
        "indicator",
        ("indicator", "period", "value"),
        _one_of_both,
    ),
    "external-figures": Form(
        _EXTERNAL_FIGURES,
        ("code", "unit", "period"),
        "code",
        ("code", "unit", "period"),
        told=("entered_by", "entered_at"),
    ),
    "calendar": Form(_CALENDAR, ("date",), "date", ("date",), told=("seeded",)),
}


def parse_rows(
    kind: CatalogueName, body: bytes, content_type: str | None, max_rows: int = MAX_ROWS
) -> list[Row | Rejected]:
    """The rows of a decompressed body, one outcome for each. BodyProblem when the body as a whole cannot be taken."""
    media = media_type(content_type)
    if media.charset not in (None, "utf-8", "utf8", "us-ascii"):
        raise BodyProblem("unsupported_media_type", CHARSET)
    if media.name not in ("application/json", "text/csv"):
        no_table = Message(
            "a catalogue is application/json or text/csv", "danh mục phải là application/json hoặc text/csv"
        )
        raise BodyProblem("unsupported_media_type", no_table)
    if not is_utf8(body):
        raise broken(NOT_UTF8 if media.name == "application/json" else _TABLE_NOT_UTF8)
    form = FORMS[kind]
    values = _json_values(body, max_rows) if media.name == "application/json" else _csv_values(form, body, max_rows)
    return rows_of(kind, values)


def rows_of(kind: CatalogueName, values: Iterable[object]) -> list[Row | Rejected]:
    """Decoded values as rows, one outcome for each."""
    return [_outcome(FORMS[kind], index, value) for index, value in enumerate(values)]


def _outcome(form: Form, index: int, value: object) -> Row | Rejected:
    named = value.get(form.id) if isinstance(value, dict) else None
    row_id = named if isinstance(named, str) and len(named) <= _LONGEST_ID and is_fit(named) else None
    faults, row = Faults(), None
    if isinstance(value, dict):
        row = _row(form, index, str(row_id), value, faults)
    else:
        wrong = value if isinstance(value, Fault) else Fault("invalid_value", None, expected(AN_OBJECT), shown(value))
        faults.note(wrong)
    if row is not None and not faults:
        return row
    return Rejected(index, row_id, None, *faults[0], more=tuple(faults[1:]), read=row)


def _row(form: Form, index: int, row_id: str, given: Mapping[str, object], faults: Faults) -> Row | None:
    """A row with the attributes that are sound, where its key is; what is wrong with the others is noted."""
    unknown = (name for name in given if name not in form.columns and name not in form.told)
    for name in islice(unknown, MOST_FAULTS):
        faults.note(unknown_field(name, given, form.columns, OF_CATALOGUE))
    for name in form.must:
        if name not in given:
            faults.note(Fault("invalid_value", name, MISSING))
    sound = {}
    for name, value in given.items():
        if (column := form.columns.get(name)) is not None:
            try:
                sound[name] = _attribute(column, value, name)
            except Fault as fault:
                faults.note(fault)
    missing = form.whole(given)
    if missing is not None and missing.field not in {each.field for each in faults}:
        faults.note(missing)
    needed = {*form.must, *given} & set(form.key)
    if missing is not None or not sound.keys() >= needed:
        return None
    return Row(index, row_id, tuple(sound.pop(name, "") for name in form.key), sound)


def _attribute(column: _Attribute, given: object, name: str) -> Any:
    if given is not None:
        return column.check(given, name)
    if column.required:
        raise Fault("invalid_value", name, _NO_NULL)
    return column.default


def _decimal(text: str) -> Decimal:
    """A JSON number with a fraction or exponent, exactly; beyond every range not a number, which no check accepts."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


_ROW: Final = msgspec.json.Decoder(float_hook=_decimal)


def _json_values(body: bytes, max_rows: int) -> Iterator[object]:
    """The elements of an array, or the one object, decoded; a Fault where one of them cannot be."""
    body = without_bom(body)
    single = first_token(body) != b"["
    for index, text in enumerate([body] if single else _elements(body, max_rows)):
        try:
            yield (Fault("too_large", None, _OVERFULL) if overfull(text) else _decoded(text))
        except NotJson as problem:
            if problem.grammar:
                raise broken(problem.detail if single else of_element(index, problem.detail)) from None
            yield Fault("invalid_json", None, problem.detail)


def _elements(body: bytes, max_rows: int) -> Sequence[bytes | msgspec.Raw]:
    """The texts of an array's elements, by the fast decoder unless one of them makes it give up."""
    elements: Sequence[bytes | msgspec.Raw] | None = whole_array(body, max_rows)
    if elements is None:
        try:
            elements = split_array(body, max_rows)
        except BodyProblem as problem:
            raise _too_many(max_rows) if problem.code == "too_many_events" else problem from None
    if len(elements) > max_rows:
        raise _too_many(max_rows)
    return elements


def _decoded(text: bytes | msgspec.Raw) -> object:
    try:
        return _ROW.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Lone surrogates among them: this reader keeps them, so that the check can name the field.
        return readable(bytes(text))


def _too_many(max_rows: int) -> BodyProblem:
    return BodyProblem(
        "too_large", Message("at most {most:,} rows at once", "tối đa {most:,} dòng mỗi lần", most=max_rows)
    )


def _csv_values(form: Form, body: bytes, max_rows: int) -> Iterator[object]:
    """The lines under the header as objects: an empty cell is absent. Blank lines are skipped and not counted.

    Cells are set apart by what the header has: comma, semicolon (as Excel does it in Vietnamese) or tab.
    """
    lines = TableLines(without_bom(body))
    reader = csv.reader(lines, delimiter=lines.separator, strict=True)
    header: list[str] | None = None
    count = 0
    try:
        for line in reader:
            lines.separators = 0
            cells = [cell.strip() for cell in line]
            if not any(cells):
                continue
            if header is None:
                header = _header(cells)
                continue
            count += 1
            if count > max_rows:
                raise _too_many(max_rows)
            yield _csv_value(form, header, cells)
    except csv.Error as error:
        # The closed list has nothing nearer for text that is no table.
        unread = Message(
            "the table cannot be read at line {line}: {error}",
            "không đọc được bảng ở dòng {line}",
            line=lines.number,
            error=str(error),
        )
        raise broken(unread) from None
    if header is None:
        raise BodyProblem("invalid_value", Message("the table has no header row", "bảng không có dòng tiêu đề"))


def _header(names: list[str]) -> list[str]:
    if len(names) > _MOST_COLUMNS:
        many = Message(
            "the header has {count:,} columns; {most} are the most",
            "dòng tiêu đề có {count:,} cột; tối đa {most} cột",
            count=len(names),
            most=_MOST_COLUMNS,
        )
        raise BodyProblem("invalid_value", many)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        repeated = Message(
            "the header names a column twice: {name}", "dòng tiêu đề nêu một cột hai lần: {name}", name=shown(twice)
        )
        raise BodyProblem("invalid_value", repeated)
    return names


def _csv_value(form: Form, header: Sequence[str], cells: Sequence[str]) -> object:
    if any(cells[len(header) :]):
        return Fault("invalid_value", None, _TOO_WIDE)
    value: dict[str, object] = {}
    for name, cell in zip(header, cells, strict=False):
        if cell:
            # As our own tables have it before what a spreadsheet would take for a formula.
            cell = cell[1:] if _GUARDED.match(cell) else cell
            column = form.columns.get(name)
            value[name] = column.cell(cell) if column is not None else cell
    return value
