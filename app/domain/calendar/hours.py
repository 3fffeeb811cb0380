"""Working time: the office hours of working days, 7:30-11:30 and 13:30-17:00, as µs.

Nights, lunch, weekends and holidays are no time at all: from Friday 16:55 to Monday 7:35 ten minutes pass.
"""

from __future__ import annotations

from typing import Final

from app.domain.calendar.civil import OFFSET, Day, Instant, day_of, start_of
from app.domain.calendar.workdays import Calendar

_MINUTE: Final = 60_000_000
_MORNING, _NOON, _AFTERNOON, _CLOSING = (minutes * _MINUTE for minutes in (450, 690, 810, 1020))
_BEFORE_NOON: Final = _NOON - _MORNING

OFFICE_HOURS: Final = "07:30-11:30, 13:30-17:00"
WORKDAY: Final = _BEFORE_NOON + _CLOSING - _AFTERNOON
"""Working time of a working day: seven and a half hours."""


def worked_by(clock: int) -> int:
    """Working time of a working day that has passed so many µs after its midnight."""
    morning = min(max(clock - _MORNING, 0), _BEFORE_NOON)
    return morning + min(max(clock - _AFTERNOON, 0), WORKDAY - _BEFORE_NOON)


def clock_in(instant: Instant) -> int:
    """Since the midnight of its civil day, µs."""
    return (instant + OFFSET) % 86_400_000_000


def worked_to(calendar: Calendar, instant: Instant) -> int:
    """Working time from 1999 on to an instant: the difference of two is what passed between them.

    Raises ValueError for an instant beyond 1999-2126.
    """
    day = day_of(instant)
    days = calendar.workdays_to(day)
    return days * WORKDAY - (WORKDAY - worked_by(clock_in(instant)) if calendar.is_workday(day) else 0)


def when_worked(calendar: Calendar, total: int) -> Instant:
    """The first instant to which so much working time, more than none, has passed (`worked_to`)."""
    days, rest = divmod(total - 1, WORKDAY)
    return Instant(start_of(calendar.workday(days + 1)) + _clock_of(rest + 1))


def _clock_of(worked: int) -> int:
    """When so much of a working day has been worked, from midnight."""
    return _MORNING + worked if worked <= _BEFORE_NOON else _AFTERNOON + worked - _BEFORE_NOON


def since_workday(calendar: Calendar, now: Instant, n: int) -> Instant:
    """The midnight with which the last `n` working days began, today's among them where it is worked."""
    return start_of(calendar.workday(max(1, calendar.workdays_to(Day(day_of(now))) - n + 1)))
