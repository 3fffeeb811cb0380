"""Instants, civil days, and the one way between them.

Civil time is fixed +07:00 (Asia/Ho_Chi_Minh, no daylight saving), whatever the server's zone.
"""

from __future__ import annotations

from datetime import date, timedelta, timezone
from typing import Final, NewType

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

Day = NewType("Day", int)
"""A civil date as days since 1970-01-01."""

CIVIL: Final = timezone(timedelta(hours=7))
"""Civil time of every period, day and deadline."""

_OFFSET: Final = 7 * 3_600_000_000
DAY: Final = 86_400_000_000
"""Microseconds of a civil day."""
_EPOCH: Final = date(1970, 1, 1).toordinal()


def day_of(instant: Instant) -> Day:
    """The civil day an instant lies in."""
    return Day((instant + _OFFSET) // DAY)


def start_of(day: Day) -> Instant:
    """00:00:00+07:00 of a civil day."""
    return Instant(day * DAY - _OFFSET)


def day_number(day: date) -> Day:
    """The civil day of a calendar date."""
    return Day(day.toordinal() - _EPOCH)


def date_of(day: Day) -> date:
    """The calendar date of a civil day."""
    return date.fromordinal(day + _EPOCH)
