"""Checks of a catalogue's attributes beside those that events have too (checks.py), and how a CSV cell becomes the
value that JSON would have had.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Context, Decimal
from typing import Any, Final

from app.domain import codes, feeds
from app.domain.calendar import periods
from app.domain.calendar.periods import FIRST_YEAR, LAST_YEAR
from app.domain.catalogues import indicators
from app.intake.checks import (
    AN_ARRAY,
    DATE,
    Check,
    Fault,
    as_whole,
    expected,
    invalid_procedure,
    likely_name,
    personal,
    shown,
    wrong,
)
from app.intake.personal import is_fit, is_personal, one_spelling, spelling_fault
from app.intake.values import MAX_UNIT
from app.messages import EMPTY, UNFIT, Message

_YEAR: Final = re.compile(r"[0-9]{4}")
_FIGURE_CODE: Final = re.compile(r"[A-Z0-9_]{1,40}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?")
_TURNING: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks of direction: with them a name reads otherwise than it is."""
_MOST_ITEMS: Final = 10_000
_DIGITS: Final = 40

_TEXT: Final = Message("a text", "văn bản")
_CODE: Final = Message("a code", "mã")
_ALIAS_LENGTH: Final = Message("a code of 1 to {most} characters", "mã từ 1 đến {most} ký tự", most=MAX_UNIT)
_UNIT_CODE: Final = Message("a unit code such as H44.07", "mã đơn vị, ví dụ H44.07")
_FIGURE: Final = Message("a code such as SIPAS", "mã, ví dụ SIPAS")
_FIGURE_FORM: Final = Message(
    "expected a code of A-Z, 0-9 and _ such as SIPAS", "cần mã gồm A-Z, 0-9 và _, ví dụ SIPAS"
)
_INDICATOR: Final = Message("an indicator's code", "mã chỉ số")
_NO_INDICATOR: Final = Message("no indicator has this code", "không có chỉ số nào mang mã này")
_YEARS: Final = Message(
    "expected a year from {first} to {last}", "cần năm từ {first} đến {last}", first=FIRST_YEAR, last=LAST_YEAR
)
_PERIOD: Final = Message("expected a period such as 2026-Q3", "cần kỳ, ví dụ 2026-Q3")
_NO_SUCH_DATE: Final = Message(
    "the range names a date that does not exist", "khoảng thời gian nêu một ngày không có thật"
)


def _fit(value: object, field: str, right: Message) -> str:
    if not isinstance(value, str):
        raise wrong(field, right, value)
    if not is_fit(value):
        raise Fault("invalid_value", field, UNFIT)
    return value


def name(longest: int) -> Check:
    """What something is called: a text that can be seen."""
    text_of = free_text(longest)

    def check(value: object, field: str) -> str:
        text = str(text_of(value, field))
        turned = _TURNING.search(text)
        fault = EMPTY if not text.strip() else spelling_fault(turned[0]) if turned else None
        if fault is not None:
            raise Fault("invalid_value", field, fault)
        return text

    return check


def free_text(longest: int) -> Check:
    """A text that people read; it must not look like somebody's number."""
    too_long = Message("a text of at most {longest} characters", "văn bản tối đa {longest} ký tự", longest=longest)

    def check(value: object, field: str) -> str:
        text = _fit(value, field, _TEXT)
        if len(text) > longest:
            raise Fault("invalid_value", field, too_long)
        if is_personal(text):
            raise personal(field)
        return text

    return check


def alias(value: object, field: str) -> str:
    """Another code a unit is known by, of any form (older agency codes have several)."""
    text = one_spelling(_fit(value, field, _CODE), MAX_UNIT)
    if (fault := spelling_fault(text)) is not None:
        raise Fault("invalid_value", field, fault)
    if not 1 <= len(text) <= MAX_UNIT:
        raise Fault("invalid_value", field, _ALIAS_LENGTH)
    return text


def unit_code(value: object, field: str) -> str:
    """A unit code of the right form, existing or not."""
    text = _fit(value, field, _UNIT_CODE)
    if not codes.is_unit_code(text):
        raise Fault("invalid_code", field, expected(_UNIT_CODE), shown(text))
    return text


def procedure_code(value: object, field: str) -> str:
    """A core procedure code, six digits after the point: a spreadsheet that takes it for a number eats zeros."""
    if not isinstance(value, str) or not codes.is_core_procedure_code(value):
        raise invalid_procedure(value, field)
    return value


def figure_code(value: object, field: str) -> str:
    """The code of an external figure: capital letters, digits and underscores."""
    text = _fit(value, field, _FIGURE)
    if _FIGURE_CODE.fullmatch(text) is None:
        raise Fault("invalid_code", field, _FIGURE_FORM, shown(text))
    return text


def targeted(value: object, field: str) -> str:
    """The code of what has targets: an indicator of the catalogue, or the coverage of feeds."""
    text = _fit(value, field, _INDICATOR)
    if text == feeds.COVERAGE:
        return text
    try:
        return indicators.load().indicator(text).code
    except indicators.UnknownIndicator:
        likely = likely_name(text, (each.code.lower() for each in indicators.load().indicators))
        raise Fault("unknown_indicator", field, _NO_INDICATOR, likely=likely.upper() if likely else None) from None


def each(check: Check) -> Check:
    """A list whose items pass `check`; what stands twice is kept once. An item's field is ``name[0]``."""

    def check_all(value: object, field: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise wrong(field, AN_ARRAY, value)
        if len(value) > _MOST_ITEMS:
            too_many = Message("at most {most:,} items", "tối đa {most:,} mục", most=_MOST_ITEMS)
            raise Fault("invalid_value", field, too_many)
        return tuple(dict.fromkeys(check(item, f"{field}[{index}]") for index, item in enumerate(value)))

    return check_all


def number(least: int, most: int, places: int) -> Check:
    """An exact number of a range, with at most so many decimals."""
    right = Message(
        "a number from {least} to {most} with at most {places} decimals",
        "số từ {least} đến {most} có tối đa {places} chữ số thập phân",
        least=least,
        most=most,
        places=places,
    )

    def check(value: object, field: str) -> Decimal:
        if type(value) not in (int, float, Decimal) or not least <= _ordered(value) <= most:
            raise wrong(field, right, value)
        # A fraction is a float only in a row that could not be read the exact way.
        exact = Decimal(repr(value) if isinstance(value, float) else value)  # type: ignore[arg-type]
        if len(exact.as_tuple().digits) > _DIGITS:
            raise wrong(field, right, value)
        exact = exact.normalize(Context(prec=_DIGITS))
        exponent = exact.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -places:
            raise Fault("invalid_value", field, expected(right))
        return exact if exponent <= 0 else exact.quantize(Decimal(1))

    return check


def _ordered(value: Any) -> Any:
    """The value for a comparison; what is not a number at all lies outside every range."""
    return value if value == value else Decimal("Infinity")


def year(value: object, field: str) -> int:
    """A year, as a number or as its label."""
    number = int(value) if isinstance(value, str) and _YEAR.fullmatch(value) else as_whole(value)
    if number is not None and FIRST_YEAR <= number <= LAST_YEAR:
        return number
    raise Fault("invalid_period", field, _YEARS, shown(value))


def period(value: object, field: str) -> str:
    """The canonical label of a period, of any kind, or of two dates with two dots between them."""
    number = as_whole(value)
    if number is not None and 0 <= number <= 9999:
        value = str(number)
    if not isinstance(value, str):
        raise Fault("invalid_period", field, _PERIOD, shown(value))
    first, dots, last = value.partition("..")
    try:
        if dots and DATE.fullmatch(first) and DATE.fullmatch(last):
            return periods.from_dates(date.fromisoformat(first), date.fromisoformat(last)).label
        return periods.parse(value).label
    except periods.InvalidPeriod as problem:
        raise Fault("invalid_period", field, problem.detail) from None
    except ValueError:
        raise Fault("invalid_period", field, _NO_SUCH_DATE) from None


def boolean_cell(text: str) -> object:
    """true, false, 1 or 0, in any case; other text stays, to be refused."""
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)


def number_cell(text: str) -> object:
    """A number, perhaps with a decimal point or an exponent (1E+05); other text stays, to be refused."""
    return Decimal(text) if _NUMBER.fullmatch(text) else text


def list_cell(text: str) -> object:
    """Items between semicolons."""
    return [item.strip() for item in text.split(";") if item.strip()]
