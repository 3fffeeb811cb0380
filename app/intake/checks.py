"""Checks that events and catalogues share: each takes a decoded value that is not null and the field's name, and gives
the domain's value or raises Fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from math import isfinite
from types import NoneType
from typing import Any, Final

from app.domain import codes
from app.domain.calendar.civil import Day, day_number
from app.domain.calendar.periods import FIRST_YEAR, LAST_YEAR
from app.domain.push import MOST_FAULTS, Wrong
from app.intake.personal import field_name, is_personal
from app.messages import Message, with_likely

Check = Callable[[object, str], Any]

_LENGTHS_APART: Final = 3
_ALIKE: Final = 0.75

_MOST_DIGITS: Final = 30

DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Fault(Exception):
    """An event or a row cannot be taken: the contract's code, the field and why, in plain words.

    `plain` says why without anything that was sent, which is what may be kept; `detail` also what was `sent` instead
    and what was `likely` meant.
    """

    def __init__(
        self, code: str, field: str | None, plain: Message, sent: str | Message | None = None, likely: str | None = None
    ) -> None:
        super().__init__(code, field, plain)
        self.code = code
        self.field = field
        self.plain = plain
        instead = Message("{plain}, not {sent}", "{plain}, nhận được {sent}", plain=plain, sent=sent) if sent else plain
        self.detail = with_likely(instead, likely)

    def within(self, field: str) -> Wrong:
        """The same as a fault of a field that this one is a part of ("" is none)."""
        named = f"{field}{self.field}" if self.field is not None else None
        return Wrong(self.code, named, self.detail, None if self.plain is self.detail else self.plain)


class Faults(list[Wrong]):
    """What is wrong with one event, as far as it is told."""

    def take(self, check: Callable[..., Any], *arguments: Any, within: str = "") -> Any:
        """What a check gives; None when it found a fault, which is noted: nothing is made of the event then."""
        try:
            return check(*arguments)
        except Fault as fault:
            self.note(fault, within)
            return None

    def note(self, fault: Fault, within: str = "") -> None:
        """Add a fault, while there is room."""
        if len(self) < MOST_FAULTS:
            self.append(fault.within(within))


def likely_name(text: str, names: Iterable[str]) -> str | None:
    """The name that was likely meant by one that is none of them."""
    text = text.strip().lower()
    # Comparing takes long: only what is nearly as long is compared.
    near = [name for name in names if abs(len(name) - len(text)) <= _LENGTHS_APART]
    return next(iter(get_close_matches(text, near, 1, _ALIKE)), None) if near else None


AN_ARRAY: Final = Message("an array", "một mảng")
AN_OBJECT: Final = Message("an object", "một đối tượng")
JSON_OBJECT: Final = Message("a JSON object", "một đối tượng JSON")
_HUGE: Final = Message("a huge number", "một số quá lớn")
_NAMES: Final[dict[type, str | Message]] = {
    NoneType: "null",
    list: AN_ARRAY,
    dict: AN_OBJECT,
}
_FRACTION: Final = Message("a fraction", "một số lẻ")
_OTHER: Final = Message("something else", "kiểu khác")
_BOOLEAN: Final = Message("true or false", "true hoặc false")
NO_SUCH_DAY: Final = Message("a day that exists", "ngày có thật")
_DATE: Final = Message("a date such as 2026-01-05", "ngày, ví dụ 2026-01-05")
_DATE_SPAN: Final = Message(
    "expected a date in {first}-01-01 to {last}-12-31",
    "cần ngày từ {first}-01-01 đến {last}-12-31",
    first=FIRST_YEAR,
    last=LAST_YEAR,
)
_PERSONAL: Final = Message(
    "the value looks like an identity or phone number; send none",
    "giá trị giống số định danh hoặc số điện thoại; không gửi các số này",
)
_PROCEDURE: Final = Message(
    "expected a text with a procedure code such as 1.004555", "cần mã thủ tục hành chính dạng văn bản, ví dụ 1.004555"
)
_NONE: Final = Message("none", "không có")


def shown(value: object, limit: int = 60) -> str | Message:
    """A value as it may stand in a message: escaped and short, whatever was sent."""
    if not isinstance(value, str):
        return _named(value)
    text = repr(value[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _named(value: object) -> str | Message:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else _HUGE
    if isinstance(value, float):
        # One without a fraction is told as the number that it is; what is beyond every number was huge.
        return _named(int(value)) if value.is_integer() else _FRACTION if isfinite(value) else _HUGE
    return f"{value}"[:40] if isinstance(value, Decimal) else _NAMES.get(type(value), _OTHER)


def expected(what: Message) -> Message:
    """That something else than what was sent is expected."""
    return Message("expected {what}", "cần {what}", what=what)


def wrong(field: str, right: Message, value: object, likely: str | None = None) -> Fault:
    """A value is not what it must be; personal data in its place is the graver finding and is never echoed."""
    if isinstance(value, str) and is_personal(value):
        return personal(field)
    return Fault("invalid_value", field, expected(right), shown(value), likely)


def personal(field: str) -> Fault:
    """A value looks like somebody's number."""
    return Fault("personal_data", field, _PERSONAL)


def invalid_procedure(value: object, field: str) -> Fault:
    """A value, a text or a number, is no procedure code; the one that was likely meant is named."""
    if isinstance(value, str) and is_personal(value):
        return personal(field)
    likely = codes.likely_procedure_code(str(value)) if isinstance(value, str | float | Decimal) else None
    told = f"{value}"[:40] if isinstance(value, float | Decimal) else shown(value)
    code = "invalid_code" if isinstance(value, str) or likely else "invalid_value"
    return Fault(code, field, _PROCEDURE, told, likely)


OF_TYPE: Final = Message("this type", "loại sự kiện này")
OF_CATALOGUE: Final = Message("this catalogue", "danh mục này")


def unknown_field(key: str, given: Iterable[str], known: Collection[str], owner: Message) -> Fault:
    """A key of `given` is no field; one that does not look like a field's name is told by its place alone."""
    name = field_name(key)
    detail = Message(
        "not a field of {owner}, which takes {known}",
        "không phải trường của {owner}; các trường là {known}",
        owner=owner,
        known=", ".join(known) or _NONE,
    )
    if name == "*":
        place = next(number for number, each in enumerate(given, start=1) if each == key)
        detail = Message(
            "{fault}; what stands as the name of number {place} is not repeated, as it looks like no name of a field",
            "{fault}; tên trường thứ {place} không được nhắc lại vì không giống tên một trường",
            fault=detail,
            place=place,
        )
    return Fault("unknown_field", name, detail, likely=likely_name(key, known))


def boolean(value: object, field: str) -> bool:
    """true or false, nothing that merely resembles them."""
    if value is True or value is False:
        return value
    raise wrong(field, _BOOLEAN, value)


def as_whole(value: object) -> int | None:
    """A number without a fraction as an int, however it was written (100000, 100000.0, 1e5); None for all else."""
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    # One with a huge exponent is not to be written out; no whole number anywhere is as large.
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < _MOST_DIGITS:
        return int(value) if value == value.to_integral_value() else None
    return None


def whole(least: int, most: int) -> Check:
    """A whole number of a range."""
    span = Message("a whole number from {least} to {most}", "số nguyên từ {least} đến {most}", least=least, most=most)

    def check(value: object, field: str) -> int:
        number = as_whole(value)
        if number is not None and least <= number <= most:
            return number
        raise wrong(field, span, value)

    return check


def one_of_names(names: Iterable[str]) -> Message:
    """That one of these is to be chosen."""
    return Message("one of {names}", "một trong {names}", names=", ".join(names))


def choice(names: Collection[str]) -> Check:
    """One of a closed set of names."""
    allowed = frozenset(names)
    one = one_of_names(names)

    def check(value: object, field: str) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise wrong(field, one, value, likely_name(value, names) if isinstance(value, str) else None)

    return check


def day(value: object, field: str) -> Day:
    """A civil day, as days since 1970."""
    if not isinstance(value, str) or DATE.fullmatch(value) is None:
        raise wrong(field, _DATE, value)
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise wrong(field, NO_SUCH_DAY, value) from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Fault("time_out_of_range", field, _DATE_SPAN)
    return day_number(found)
