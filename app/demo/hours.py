"""Working hours of the demo's offices: days that are worked, moments in them, and how a moment is written.

A moment is a whole number of seconds since 1 January 00:00 (+07:00) of the demo's year, negative in the year before.
The offices work 7:30-11:30 and 13:30-17:00. The demo's events end on 26 September, when the portal was read.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from app.domain.calendar.civil import Instant, day_number, start_of
from app.domain.calendar.workdays import seed_holidays

DAY = 86_400
_MORNING, _NOON, _AFTERNOON, CLOSING = 27_000, 41_400, 48_600, 61_200
_HALF = _NOON - _MORNING
_WORKED = _HALF + CLOSING - _AFTERNOON


class Hours:
    """The working days of one year and of the December before it, by index into `days`.

    `first` is the index of the year's first working day, `last` that of the last one before the portal was read.
    """

    def __init__(self, year: int) -> None:
        january = date(year, 1, 1)
        self._new_year = day_number(january)
        holidays = {day - self._new_year for day in seed_holidays(year - 1, year + 1)}
        self.length = (date(year + 1, 1, 1) - january).days
        read = (date(year, 9, 26) - january).days
        weekday = january.weekday()

        def worked(day: int) -> bool:
            return (weekday + day) % 7 < 5 and day not in holidays

        self.days = [day for day in range(-31, self.length) if worked(day)]
        self.first = next(index for index, day in enumerate(self.days) if day >= 0)
        self.last = max(index for index, day in enumerate(self.days) if day <= read)
        self.closed = (read + 1) * DAY
        """Nothing happens from here on: the midnight after the portal was read."""
        self.later = [day for day in range(self.length, self.length + 360) if worked(day)]
        """Working days of the year after: the due days of dossiers that are open in time whenever the year is read."""
        self._worked = worked
        self._texts = [(january + timedelta(days=day)).isoformat() for day in range(-60, self.length + 400)]

    def morning(self, index: int, part: float) -> int:
        """A moment of the morning of a working day, `part` in [0, 1) of the way through it."""
        return self.days[index] * DAY + _MORNING + int(part * _HALF)

    def afternoon(self, index: int, part: float) -> int:
        """A moment of the afternoon of a working day."""
        return self.days[index] * DAY + _AFTERNOON + int(part * (CLOSING - _AFTERNOON))

    def moment(self, index: int, part: float) -> int:
        """A moment of the working hours of a working day, at least half an hour before closing."""
        worked = int(part * (_WORKED - 1800))
        return self.days[index] * DAY + (_MORNING if worked < _HALF else _AFTERNOON - _HALF) + worked

    def closing(self, index: int) -> int:
        """17:00 of a working day: when what is promised for that day is due."""
        return self.days[index] * DAY + CLOSING

    def is_worked(self, moment: int) -> bool:
        """Whether the day of a moment is worked and lies before the end of the demo's year of events."""
        return moment < self.closed and self._worked(moment // DAY)

    def text(self, moment: int) -> str:
        """A moment as RFC 3339 in civil time."""
        day, second = divmod(moment, DAY)
        minute, second = divmod(second, 60)
        hour, minute = divmod(minute, 60)
        return f"{self._texts[day + 60]}T{hour:02}:{minute:02}:{second:02}+07:00"

    def date(self, day: int) -> str:
        """A civil day, counted from 1 January, as a date."""
        return self._texts[day + 60]

    def stamp(self, moment: int) -> str:
        """The day of a moment as yymmdd, as dossier codes carry it."""
        day = self._texts[moment // DAY + 60]
        return day[2:4] + day[5:7] + day[8:10]

    def since(self, now: Instant) -> int:
        """An instant (µs since the epoch) as a moment, whole seconds cut."""
        return (now - start_of(self._new_year)) // 1_000_000


@lru_cache(maxsize=4)
def hours(year: int) -> Hours:
    """The working hours of a year; finding its holidays takes half a second once."""
    return Hours(year)
