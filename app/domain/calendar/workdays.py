"""Working-day arithmetic: Monday to Friday without public holidays, plus dated swap days.

The calendar is data: `seed_holidays` and `seed_workdays` fill an editable table, and a `Calendar` is built from what
that table says. Nothing here knows a deadline's rule; see dossier.py and petition.py.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from app.domain.calendar.civil import Day, Instant, day_number, start_of

if TYPE_CHECKING:
    from holidays import HolidayBase

# Days are answered from the first to the last; the list reaches on, so that 1000 working days fit behind the last.
_FIRST: Final = day_number(date(1999, 1, 1))
_LAST: Final = day_number(date(2120, 12, 31))
_REACH: Final = day_number(date(2126, 12, 31))
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which civil days are worked. `workdays` (swap days, ngày làm bù) override weekends and `holidays` alike.

    Building one takes some 15 ms and 0.3 MiB (it lists every working day once), a question after that well under a
    microsecond.
    """

    holidays: frozenset[Day] = frozenset()
    workdays: frozenset[Day] = frozenset()
    _worked: array[int] = field(init=False, repr=False, compare=False)
    _upto: array[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Arrays, because lists of numbers took ten times as much. `upto`: how many days of `worked` lie on or before
        # the day at this index.
        worked, upto = array("i"), array("i")
        for number in range(_FIRST, _REACH + 1):
            if self.is_workday(Day(number)):
                worked.append(number)
            upto.append(len(worked))
        object.__setattr__(self, "_worked", worked)
        object.__setattr__(self, "_upto", upto)

    def is_workday(self, day: Day) -> bool:
        """Whether a civil day is worked."""
        # Day 0, 1 January 1970, was a Thursday.
        return day in self.workdays or ((day + 3) % 7 < 5 and day not in self.holidays)

    def workdays_to(self, day: Day) -> int:
        """How many days from 1999 on to a civil day, itself included, are worked. ValueError for one beyond 2126."""
        if not _FIRST <= day <= _REACH:
            raise ValueError("working days are counted in 1999-2126")
        return self._upto[day - _FIRST]

    def workday(self, n: int) -> Day:
        """The day to which `n` days are worked, n >= 1 (`workdays_to` of it is n, and it is worked itself).

        Raises ValueError when it lies beyond the calendar.
        """
        if not 1 <= n <= len(self._worked):
            raise ValueError("the calendar has too few working days")
        return Day(self._worked[n - 1])

    def nth_workday(self, day: Day, n: int) -> Day:
        """The `n`-th working day after a civil day, 1 <= n <= 1000.

        Raises ValueError for another `n`, a day outside 1999-2120, or a calendar with too few working days left.
        """
        if not (_FIRST <= day <= _LAST and 1 <= n <= _LONGEST):
            raise ValueError("working days are counted from a day in 1999-2120, 1 to 1000 of them")
        try:
            return Day(self._worked[self._upto[day - _FIRST] + n - 1])
        except IndexError:
            raise ValueError("the calendar has too few working days") from None

    def workdays_between(self, day: Day, last: Day) -> int:
        """How many working days come after a civil day up to another one, included; 0 where that is no later.

        Raises ValueError for a day outside 1999-2126.
        """
        if not (_FIRST <= day <= _REACH and _FIRST <= last <= _REACH):
            raise ValueError("working days are counted between days in 1999-2126")
        return max(0, self._upto[last - _FIRST] - self._upto[day - _FIRST])

    def end_of_nth_workday(self, day: Day, n: int) -> Instant:
        """The last microsecond, 23:59:59.999999+07:00, of the `n`-th working day after a civil day. Errors as there."""
        return Instant(start_of(Day(self.nth_workday(day, n) + 1)) - 1)


def seed_holidays(first_year: int, last_year: int) -> dict[Day, str]:
    """Vietnamese public holidays of the years, both included, with their Vietnamese names.

    Days off that are worked on another date are among them; `seed_workdays` gives those dates. Source: the library
    `holidays`, which knows each swap only once it is decreed and nothing after 2100.
    """
    known = _library(first_year, last_year)
    return {day_number(day): name for day, name in sorted(known.items()) if first_year <= day.year <= last_year}


def seed_workdays(first_year: int, last_year: int) -> dict[Day, str]:
    """The weekend days of the years that the library knows to be worked for a day off (ngày làm bù)."""
    known: set[date] = getattr(_library(first_year, last_year), "weekend_workdays", set())
    return {day_number(day): "Ngày làm bù" for day in sorted(known) if first_year <= day.year <= last_year}


def _library(first_year: int, last_year: int) -> HolidayBase:
    # Imported here: it costs a third of a second and is needed once in a database's life.
    from holidays import country_holidays

    return country_holidays("VN", years=range(first_year, last_year + 1), language="vi")
