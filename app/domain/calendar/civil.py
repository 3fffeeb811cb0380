"""Instants, civil days, and the one way between them.

Civil time is fixed +07:00 (Asia/Ho_Chi_Minh, no daylight saving), whatever the server's zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, NewType

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

Day = NewType("Day", int)
"""A civil date as days since 1970-01-01."""

CIVIL: Final = timezone(timedelta(hours=7))
"""Civil time of every period, day and deadline."""

OFFSET: Final = 7 * 3_600_000_000
"""Microseconds by which civil time is ahead of UTC."""
DAY: Final = 86_400_000_000
"""Microseconds of a civil day."""
AHEAD: Final = 10 * 60 * 1_000_000
"""µs by which something may have happened later than it is told: clocks differ."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()


def day_of(instant: Instant) -> Day:
    """The civil day an instant lies in."""
    return Day((instant + OFFSET) // DAY)


def start_of(day: Day) -> Instant:
    """00:00:00+07:00 of a civil day."""
    return Instant(day * DAY - OFFSET)


def day_number(day: date) -> Day:
    """The civil day of a calendar date."""
    return Day(day.toordinal() - _EPOCH_DAY)


def date_of(day: Day) -> date:
    """The calendar date of a civil day."""
    return date.fromordinal(day + _EPOCH_DAY)


def clock_of(instant: Instant | int) -> datetime:
    """What the calendar and the clock show at an instant."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(CIVIL)
