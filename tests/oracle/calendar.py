"""Civil time and working days for the recount: a fixed +07:00, a set of holidays, dated overrides, period labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta, timezone

import holidays

CIVIL = timezone(timedelta(hours=7))
ONE_DAY = timedelta(days=1)


def parse_instant(text: str) -> datetime:
    """An aware instant from RFC 3339 text; digits finer than a microsecond are cut."""
    instant = datetime.fromisoformat(text.upper())
    if instant.tzinfo is None:
        raise ValueError(f"naive time {text!r}")
    return instant.astimezone(CIVIL)


def start_of(day: date) -> datetime:
    """00:00:00+07:00 of a civil day."""
    return datetime.combine(day, time.min, CIVIL)


def end_of(day: date) -> datetime:
    """23:59:59.999999+07:00 of a civil day."""
    return datetime.combine(day, time.max, CIVIL)


def seed_from_library(years: Iterable[int]) -> tuple[set[date], set[date]]:
    """(holidays, swapped working weekend days) of the library `holidays`, country VN, for the years given."""
    vietnam = holidays.country_holidays("VN", years=list(years))
    return set(vietnam), {day for day in vietnam.weekend_workdays if day.year in set(years)}


class Calendar:
    """Monday to Friday without holidays, plus swapped working days; a dated override beats everything."""

    def __init__(
        self,
        holidays: Iterable[date],
        overrides: Mapping[date, str] | None = None,
        workdays: Iterable[date] = (),
    ) -> None:
        self._holidays = frozenset(holidays)
        self._workdays = frozenset(workdays)
        self._overrides = dict(overrides or {})
        self._known: dict[tuple[date, int], date] = {}

    def is_workday(self, day: date) -> bool:
        override = self._overrides.get(day)
        if override is not None:
            return override == "workday"
        if day in self._workdays:
            return True
        return day.weekday() < 5 and day not in self._holidays

    def nth_workday_after(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`, the day itself not counted."""
        key = (day, count)
        if key not in self._known:
            current, left = day, count
            while left:
                current += ONE_DAY
                left -= self.is_workday(current)
            self._known[key] = current
        return self._known[key]

    def workdays_after(self, instant: datetime, count: int) -> datetime:
        """The last instant of the `count`-th working day after the civil day of `instant`."""
        return end_of(self.nth_workday_after(instant.astimezone(CIVIL).date(), count))


def _months(year: int, first: int, count: int) -> tuple[date, date]:
    after = first + count
    return date(year, first, 1), date(year + (after > 12), (after - 1) % 12 + 1, 1) - ONE_DAY


def period_days(label: str) -> tuple[date, date]:
    """First and last civil day of `2026`, `2026-H1`, `2026-9M`, `2026-Q3`, `2026-08`, `2026-W34`, `2026-08-15`."""
    year = int(label[:4])
    rest = label[5:]
    if not rest:
        return _months(year, 1, 12)
    if rest == "9M":
        return _months(year, 1, 9)
    if rest[0] == "H":
        return _months(year, 6 * int(rest[1:]) - 5, 6)
    if rest[0] == "Q":
        return _months(year, 3 * int(rest[1:]) - 2, 3)
    if rest[0] == "W":
        monday = date.fromisocalendar(year, int(rest[1:]), 1)
        return monday, monday + 6 * ONE_DAY
    if re.fullmatch(r"\d\d", rest):
        return _months(year, int(rest), 1)
    day = date.fromisoformat(label)
    return day, day
