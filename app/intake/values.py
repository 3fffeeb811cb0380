"""Checks of single values: texts, times, dates, codes, amounts, and what must not come in at all (personal data).

For every event type a plan is compiled once from the annotations of app.domain.events, so that a field is described in
one place only. Nothing here knows CloudEvents, catalogues or the clock.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from types import NoneType
from typing import Any, Literal, NamedTuple, cast, get_args, get_origin

import msgspec

from app.domain.calendar.civil import Day, Instant
from app.domain.codes import ProcedureCode, UnitCode, is_procedure_code
from app.domain.lives.events import TYPES, Amount, AnyHappening, Count, EventId, FreeText, Happening

MAX_ID = 200
MAX_SOURCE = 300
MAX_UNIT = 100
MAX_TEXT = 200
MAX_AMOUNT = 10**15
MAX_COUNT = 100_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_US = 86_400_000_000


_CIVIL_OFFSET_US = 7 * 3_600_000_000

EARLIEST = (date(2000, 1, 1).toordinal() - _EPOCH_DAY) * _DAY_US - _CIVIL_OFFSET_US
"""The first instant (of the civil year 2000) that is believed: before it clocks and forms were wrong, not offices at
work.
"""

_BEYOND = (date(2101, 1, 1).toordinal() - _EPOCH_DAY) * _DAY_US - _CIVIL_OFFSET_US

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DAYS: dict[str, int] = {}
"""Civil days met so far, as written, and their beginnings in µs since the epoch, were they UTC's."""

_MOST_DAYS = 20_000
_MINUTES = {f"T{hour:02}:{minute:02}": (hour * 60 + minute) * 60_000_000 for hour in range(24) for minute in range(60)}
_SECONDS = {f":{second:02}": second * 1_000_000 for second in range(60)}
_OFFSETS = {"Z": 0, "+00:00": 0, "+07:00": _CIVIL_OFFSET_US}

# Not in a CloudEvents string: control characters, lone surrogates, noncharacters. Line and paragraph separators break
# logs and exports in the same way.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

_IDENTITY = re.compile(r"0(?:0[1-9]|[1-8][0-9]|9[0-6])[0-9]{9}|[0-9]{9}")
_PHONE = re.compile(r"(?:(?:\+|00)?84|0)[1-9][0-9]{8,9}")
_PHONE_GAPS = re.compile(r"[\s.()\u2010-\u2015\u2212-]+")
_PHONE_HEADS = frozenset("+(08")
_PERSONAL_LONGEST = 40


class Fault(Exception):
    """One event cannot be taken: the contract's code, the field and why, in plain English."""

    def __init__(self, code: str, field: str | None, detail: str) -> None:
        super().__init__(f"{code} {field}: {detail}")
        self.code = code
        self.field = field
        self.detail = detail


def shown(value: object, limit: int = 60) -> str:
    """A value as it may stand in a message: escaped and short, whatever was sent."""
    text = repr(value[: limit + 1]) if isinstance(value, str) else _named(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _named(value: object) -> str:
    names: dict[type, str] = {NoneType: "null", list: "an array", dict: "an object", float: "a fraction"}
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else "a huge number"
    return names.get(type(value), "something else")


def is_fit(text: str) -> bool:
    """Whether a text has no control characters, lone surrogates, line separators or noncharacters."""
    return text.isprintable() or _UNFIT.search(text) is None


def is_identity_number(text: str) -> bool:
    """Whether the whole text looks like an identity number: 12 digits beginning 001-096 (căn cước) or 9 (CMND)."""
    # The quick way out for nearly everything: no such number begins with a letter.
    if text[:1].isalpha():
        return False
    digits = _plain(text).replace(" ", "")
    return digits.isdigit() and _IDENTITY.fullmatch(digits) is not None


def is_personal(text: str) -> bool:
    """Whether the whole text looks like an identity number or a Vietnamese phone number, however it is spaced."""
    if text[:1].isalpha():
        return False
    plain = _plain(text)
    if is_identity_number(plain):
        return True
    if plain[:1] not in _PHONE_HEADS:
        return False
    # A "0" in brackets after the country code is a habit of letterheads: +84 (0) 24 …
    return _PHONE.fullmatch(_PHONE_GAPS.sub("", plain.replace("(0)", ""))) is not None


def _plain(text: str) -> str:
    """Stripped, with full-width digits and odd spaces made ordinary; nothing when too long to be such a number."""
    text = text.strip()
    if len(text) > _PERSONAL_LONGEST:
        return ""
    if text.isascii():
        return text
    # Invisible characters (zero-width spaces and the like) hide a number from a pattern, not from a reader.
    return "".join(filter(str.isprintable, unicodedata.normalize("NFKC", text))).strip()


def instant(text: str) -> Instant | None:
    """Microseconds since the epoch of an aware RFC 3339 time, finer digits cut; None when it is none."""
    try:
        # Nearly every time is of a day met before, to the second: then it is the sum of its parts.
        micros = _DAYS[text[:10]] + _MINUTES[text[10:16]] + _SECONDS[text[16:19]] - _OFFSETS[text[19:]]
    except KeyError:
        return _spelt_out(text)
    return Instant(micros)


def _spelt_out(text: str) -> Instant | None:
    if _INSTANT.fullmatch(text) is None:
        return None
    try:
        since = datetime.fromisoformat(text.upper()) - _EPOCH
    except ValueError:
        return None
    if len(_DAYS) < _MOST_DAYS:
        _DAYS[text[:10]] = (date.fromisoformat(text[:10]).toordinal() - _EPOCH_DAY) * _DAY_US
    return Instant(since.days * _DAY_US + since.seconds * 1_000_000 + since.microseconds)


def _fault(code: str, key: str, detail: str) -> Fault:
    return Fault(code, f"data.{key}", detail)


def _wrong(key: str, expected: str, value: object) -> Fault:
    """A value is not what it must be; personal data in its place is the graver finding and is never echoed."""
    if isinstance(value, str) and is_personal(value):
        return _personal(key)
    return _fault("invalid_value", key, f"expected {expected}, not {shown(value)}")


def _personal(key: str) -> Fault:
    return _fault("personal_data", key, "the value looks like an identity or phone number; send none")


def _instant(value: object, key: str) -> object:
    micros = instant(value) if isinstance(value, str) else None
    if micros is None:
        raise _wrong(key, "an RFC 3339 time with offset such as 2026-01-05T08:12:00+07:00", value)
    if not EARLIEST <= micros < _BEYOND:
        raise _fault("time_out_of_range", key, "expected a time in 2000-01-01 to 2100-12-31")
    return micros


def _day(value: object, key: str) -> object:
    try:
        if not isinstance(value, str) or _DATE.fullmatch(value) is None:
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise _wrong(key, "a date such as 2026-01-05", value) from None
    if not 2000 <= day.year <= 2100:
        raise _fault("time_out_of_range", key, "expected a date in 2000-01-01 to 2100-12-31")
    return day.toordinal() - _EPOCH_DAY


def _bool(value: object, key: str) -> object:
    if value is True or value is False:
        return value
    raise _wrong(key, "true or false", value)


def _whole(highest: int) -> Check:
    def check(value: object, key: str) -> object:
        if type(value) is int and 0 <= value <= highest:
            return value
        raise _wrong(key, f"a whole number from 0 to {highest}", value)

    return check


def _procedure(value: object, key: str) -> object:
    if not isinstance(value, str):
        raise _wrong(key, "a procedure code such as 1.004555", value)
    # Before the form: the dots of a phone number make it look like a code.
    if is_personal(value):
        raise _personal(key)
    if not is_procedure_code(value):
        raise _fault("invalid_code", key, f"expected a procedure code such as 1.004555, not {shown(value)}")
    return value


def _text(expected: str, shortest: int, longest: int, *, numbers: bool = False) -> Check:
    """A text of so many characters; `numbers`: may look like an identity number, as ids of events do."""

    def check(value: object, key: str) -> object:
        if isinstance(value, str):
            if not numbers and is_personal(value):
                raise _personal(key)
            if not is_fit(value):
                raise _fault("invalid_value", key, "control characters and lone surrogates are not allowed")
            if shortest <= len(value) <= longest:
                return value
        detail = f"expected {expected} of {shortest} to {longest} characters, not "
        raise _fault("invalid_value", key, detail + (shown(value, 40) if value != "" else "an empty text"))

    return check


def _choice(*names: str) -> Check:
    allowed = frozenset(names)
    expected = f"one of {', '.join(names)}"

    def check(value: object, key: str) -> object:
        if isinstance(value, str) and value in allowed:
            return value
        raise _wrong(key, expected, value)

    return check


Check = Callable[[object, str], object]
"""Takes a decoded value that is not null and its key in `data`; gives the domain's value or raises Fault."""

_CHECKS: dict[object, Check] = {
    Instant: _instant,
    Day: _day,
    bool: _bool,
    Amount: _whole(MAX_AMOUNT),
    Count: _whole(MAX_COUNT),
    ProcedureCode: _procedure,
    UnitCode: _text("a unit code", 1, MAX_UNIT),
    FreeText: _text("a text", 0, MAX_TEXT),
    EventId: _text("the id of an event", 1, MAX_ID, numbers=True),
}


class Plan(NamedTuple):
    """How the `data` of one event type is read."""

    kind: Callable[..., AnyHappening]
    checks: dict[str, Check]
    required: tuple[str, ...]

    def read(self, data: dict[str, Any]) -> AnyHappening:
        """The happening, or Fault: an unknown key first, then the fields as sent, then what is missing."""
        checks = self.checks
        if not data.keys() <= checks.keys():
            raise self._unknown(data)
        # null is absent.
        values = {key: checks[key](value, key) for key, value in data.items() if value is not None}
        for key in self.required:
            if key not in values:
                raise _fault("invalid_value", key, "required, but missing")
        return self.kind(**values)

    def _unknown(self, data: dict[str, Any]) -> Fault:
        key = next(key for key in data if key not in self.checks)
        return _fault(
            "unknown_field", _bare(key), f"not a field of this type, which takes {', '.join(self.checks) or 'none'}"
        )


def _bare(key: str) -> str:
    """A key as part of a field's name: as it is when short and printable, else escaped and cut."""
    if len(key) <= 60 and key.isprintable():
        return key
    return shown(key)[1:].rstrip("'\"")


def alternatives(annotation: Any) -> Any:
    """A field's annotation without None, whether it is optional or not."""
    options = [each for each in get_args(annotation) if each is not NoneType]
    return options[0] if NoneType in get_args(annotation) and len(options) == 1 else annotation


def _check_of(annotation: Any) -> Check:
    """The check of a field's annotation."""
    inner = alternatives(annotation)
    return _choice(*get_args(inner)) if get_origin(inner) is Literal else _CHECKS[inner]


def _plan(kind: type[Happening]) -> Plan:
    fields = msgspec.structs.fields(kind)
    checks = {field.name: _check_of(field.type) for field in fields}
    required = tuple(field.name for field in fields if field.required)
    return Plan(cast(Callable[..., AnyHappening], kind), checks, required)


PLANS: dict[str, Plan] = {kind.type: _plan(kind) for kind in TYPES}
"""By event type."""
