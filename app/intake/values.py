"""How the `data` of each event type is read: texts, times, dates, codes, amounts.

For every event type a plan is compiled once from the annotations of app.domain.lives.events, so that a field is
described in one place only. Nothing here knows CloudEvents, catalogues or the clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import islice
from types import NoneType
from typing import Any, Literal, NamedTuple, cast, get_args, get_origin

import msgspec

from app.domain.calendar.civil import DAY, OFFSET, Day, Instant, day_number, start_of
from app.domain.calendar.periods import FIRST_YEAR, LAST_YEAR
from app.domain.codes import ProcedureCode, UnitCode, is_procedure_code
from app.domain.lives.events import TYPES, Amount, AnyHappening, Count, EventId, FreeText, Happening
from app.domain.push import MOST_FAULTS
from app.intake.checks import (
    OF_TYPE,
    Check,
    Fault,
    Faults,
    boolean,
    choice,
    day,
    invalid_procedure,
    personal,
    shown,
    unknown_field,
    whole,
    wrong,
)
from app.intake.personal import is_fit, is_personal, one_spelling, spelling_fault
from app.messages import MISSING, UNFIT, Message

A_TIME = Message(
    "an RFC 3339 time with offset such as 2026-01-05T08:12:00+07:00",
    "thời điểm RFC 3339 có múi giờ, ví dụ 2026-01-05T08:12:00+07:00",
)
_TIME_SPAN = Message(
    "expected a time in {first}-01-01 to {last}-12-31 such as 2026-01-05T08:12:00+07:00",
    "cần thời điểm từ {first}-01-01 đến {last}-12-31, ví dụ 2026-01-05T08:12:00+07:00",
    first=FIRST_YEAR,
    last=LAST_YEAR,
)
_EXISTING = Message("a time that exists", "thời điểm có thật")
_EMPTY = Message("an empty text", "văn bản trống")

MAX_ID = 200
MAX_SOURCE = 300
MAX_UNIT = 100
MAX_TEXT = 200
MAX_AMOUNT = 10**15
MAX_COUNT = 100_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

EARLIEST = start_of(day_number(date(FIRST_YEAR, 1, 1)))
"""The first instant (of the civil year 2000) that is believed: before it clocks and forms were wrong, not offices at
work.
"""

BEYOND = start_of(day_number(date(LAST_YEAR + 1, 1, 1)))

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_DAYS: dict[str, int] = {}
"""Civil days met so far, as written, and their beginnings in µs since the epoch, were they UTC's."""

_MOST_DAYS = 20_000
_MINUTES = {f"T{hour:02}:{minute:02}": (hour * 60 + minute) * 60_000_000 for hour in range(24) for minute in range(60)}
_SECONDS = {f":{second:02}": second * 1_000_000 for second in range(60)}
_OFFSETS = {"Z": 0, "+00:00": 0, "+07:00": OFFSET}


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
        _DAYS[text[:10]] = day_number(date.fromisoformat(text[:10])) * DAY
    return Instant(since.days * DAY + since.seconds * 1_000_000 + since.microseconds)


def right_time(value: object) -> Message:
    """What is expected instead of a value that is no time."""
    return _EXISTING if isinstance(value, str) and _INSTANT.fullmatch(value) else A_TIME


def _instant(value: object, key: str) -> object:
    micros = instant(value) if isinstance(value, str) else None
    if micros is None:
        raise wrong(key, right_time(value), value)
    if not EARLIEST <= micros < BEYOND:
        raise Fault("time_out_of_range", key, _TIME_SPAN)
    return micros


def _procedure(value: object, key: str) -> object:
    if not isinstance(value, str):
        raise invalid_procedure(value, key)
    # Before the form: the dots of a phone number make it look like a code.
    if is_personal(value):
        raise personal(key)
    if not is_procedure_code(value):
        raise invalid_procedure(value, key)
    return value


def _text(what: Message, shortest: int, longest: int, *, numbers: bool = False, names: bool = True) -> Check:
    """A text of so many characters; `numbers`: may look like an identity number, as ids of events do; `names`: it names
    something, so it has one spelling.
    """

    right = Message(
        "expected {what} of {shortest} to {longest} characters",
        "cần {what} từ {shortest} đến {longest} ký tự",
        what=what,
        shortest=shortest,
        longest=longest,
    )

    def check(value: object, key: str) -> object:
        if isinstance(value, str):
            value = one_spelling(value, longest) if names else value
            if not numbers and is_personal(value):
                raise personal(key)
            if not is_fit(value):
                raise Fault("invalid_value", key, UNFIT)
            if names and (fault := spelling_fault(value)) is not None:
                raise Fault("invalid_value", key, fault)
            if shortest <= len(value) <= longest:
                return value
        raise Fault("invalid_value", key, right, shown(value, 40) if value != "" else _EMPTY)

    return check


_CHECKS: dict[object, Check] = {
    Instant: _instant,
    Day: day,
    bool: boolean,
    Amount: whole(0, MAX_AMOUNT),
    Count: whole(0, MAX_COUNT),
    ProcedureCode: _procedure,
    UnitCode: _text(Message("a unit code", "mã đơn vị"), 1, MAX_UNIT),
    FreeText: _text(Message("a text", "văn bản"), 0, MAX_TEXT, names=False),
    EventId: _text(Message("the id of an event", "mã sự kiện"), 1, MAX_ID, numbers=True),
}


class Plan(NamedTuple):
    """How the `data` of one event type is read."""

    kind: Callable[..., AnyHappening]
    checks: dict[str, Check]
    required: tuple[str, ...]

    def read(self, data: dict[str, Any], faults: Faults) -> AnyHappening | None:
        """The happening, or None and its faults: unknown keys first, then the fields as sent, then what is missing."""
        checks = self.checks
        if not data.keys() <= checks.keys():
            for key in islice((key for key in data if key not in checks), MOST_FAULTS):
                faults.note(unknown_field(key, data, checks, OF_TYPE), "data.")
        # null is absent.
        sent = {key: value for key, value in data.items() if value is not None and key in checks}
        values = {key: faults.take(checks[key], value, key, within="data.") for key, value in sent.items()}
        for key in self.required:
            if key not in sent:
                faults.note(Fault("invalid_value", key, MISSING), "data.")
        return None if faults else self.kind(**values)


def alternatives(annotation: Any) -> Any:
    """A field's annotation without None, whether it is optional or not."""
    options = [each for each in get_args(annotation) if each is not NoneType]
    return options[0] if NoneType in get_args(annotation) and len(options) == 1 else annotation


def _check_of(annotation: Any) -> Check:
    """The check of a field's annotation."""
    inner = alternatives(annotation)
    return choice(get_args(inner)) if get_origin(inner) is Literal else _CHECKS[inner]


def _plan(kind: type[Happening]) -> Plan:
    fields = msgspec.structs.fields(kind)
    checks = {field.name: _check_of(field.type) for field in fields}
    required = tuple(field.name for field in fields if field.required)
    return Plan(cast(Callable[..., AnyHappening], kind), checks, required)


PLANS: dict[str, Plan] = {kind.type: _plan(kind) for kind in TYPES}
"""By event type."""
