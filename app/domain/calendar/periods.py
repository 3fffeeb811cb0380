"""The periods figures are asked for, half-open: an instant at 00:00:00+07:00 on the 1st belongs to the new month."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from app.domain.calendar.civil import DAY, Day, Instant, date_of, day_number, start_of
from app.messages import Message

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100

PeriodKind = Literal["year", "half", "nine_months", "quarter", "month", "week", "day", "range"]


class RefusedPeriod(ValueError):
    """A period no figures are given for. `detail` says why, in a sentence for people."""

    def __init__(self, detail: Message) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidPeriod(RefusedPeriod):
    """A text or a pair of dates that names no period."""


class PeriodInFuture(RefusedPeriod):
    """A period that has not begun."""


@dataclass(frozen=True, slots=True)
class Period:
    """A span of whole civil days, `first` and `last` included.

    `label` is its canonical text: ``2026-Q3``, ``2026-W34``, for free ranges ``2026-01-01..2026-04-20``.
    """

    label: str
    kind: PeriodKind
    first: Day
    last: Day

    @property
    def a(self) -> Instant:
        """The first instant of the period."""
        return start_of(self.first)

    @property
    def b(self) -> Instant:
        """The first instant after the period."""
        return start_of(Day(self.last + 1))

    @property
    def year(self) -> int:
        """The year it belongs to: that of its first day, of an ISO week the ISO year."""
        first = date_of(self.first)
        return first.isocalendar().year if self.kind == "week" else first.year

    def is_open(self, now: Instant) -> bool:
        """Whether the period still runs: its figures are as of now and provisional (tạm tính)."""
        return now < self.b

    def effective_end(self, now: Instant) -> Instant:
        """The end that figures are counted to, exclusive."""
        return max(self.a, min(self.b, now))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The span [a, b) another period is compared with.

    `label` names the full period, also when only its beginning is compared.
    """

    label: str
    a: Instant
    b: Instant


def parse(text: str) -> Period:
    """The period a label names: 2026, 2026-H1, 2026-9M, 2026-Q3, 2026-08, 2026-W34 (ISO week) or 2026-08-15.

    Raises InvalidPeriod for any other form, for dates that do not exist and for years outside 2000-2100.
    """
    for pattern, build in _FORMS:
        if found := pattern.fullmatch(text):
            year, *rest = map(int, found.groups())
            if not FIRST_YEAR <= year <= LAST_YEAR:
                raise InvalidPeriod(
                    Message(
                        "The year of a period lies in {first}-{last}.",
                        "Năm của kỳ phải từ {first} đến {last}.",
                        first=FIRST_YEAR,
                        last=LAST_YEAR,
                    )
                )
            try:
                return build(year, *rest)
            except ValueError:
                raise InvalidPeriod(
                    Message(
                        "The period names a date, month or week that does not exist.",
                        "Kỳ nêu một ngày, tháng hoặc tuần không có thật.",
                    )
                ) from None
    raise InvalidPeriod(
        Message(
            "A period is written like 2026, 2026-H1, 2026-9M, 2026-Q3, 2026-08, 2026-W34 or 2026-08-15, "
            "or given by two dates, both included.",
            "Kỳ được viết như 2026, 2026-H1, 2026-9M, 2026-Q3, 2026-08, 2026-W34 hoặc 2026-08-15, "
            "hoặc cho bằng hai ngày, tính cả hai.",
        )
    )


def from_dates(first: date, last: date) -> Period:
    """The free range of two dates, both included. Raises InvalidPeriod when they are reversed or outside 2000-2100."""
    if not (FIRST_YEAR <= first.year <= LAST_YEAR and FIRST_YEAR <= last.year <= LAST_YEAR):
        raise InvalidPeriod(
            Message(
                "The dates of a period lie in {first}-{last}.",
                "Các ngày của kỳ phải từ năm {first} đến {last}.",
                first=FIRST_YEAR,
                last=LAST_YEAR,
            )
        )
    if first > last:
        raise InvalidPeriod(
            Message(
                "The first date of a period is not after its last date.",
                "Ngày đầu của kỳ không được sau ngày cuối.",
            )
        )
    return _range(first, last)


def require_begun(period: Period, now: Instant) -> None:
    """Raises PeriodInFuture unless at least one instant of the period has passed."""
    if now <= period.a:
        raise PeriodInFuture(
            Message(
                "The period {period} begins in the future.", "Kỳ {period} bắt đầu ở tương lai.", period=period.label
            )
        )


def previous(period: Period, now: Instant) -> Comparison | None:
    """The period of the same kind before: 9M the year before, a free range the equal length directly before.

    When `period` is open, the comparison is cut after the same number of civil days. None where no such dates exist.
    """
    return _compared(period, _before, now)


def last_year(period: Period, now: Instant) -> Comparison | None:
    """The same period one year earlier, cut like `previous`.

    None where there is none: a week 53 the earlier year lacks, 29 February.
    """
    return _compared(period, _year_earlier, now)


def _compared(period: Period, other: Callable[[Period], Period], now: Instant) -> Comparison | None:
    try:
        whole = other(period)
    except (ValueError, OverflowError):  # what the calendar lacks: week 53, 29 February, a year before 1
        return None
    end = whole.b
    if period.is_open(now):
        # At 00:00:00 sharp the new day has not started: nothing of it is counted yet.
        passed = max(0, -((period.a - now) // DAY))
        end = min(end, start_of(Day(whole.first + passed)))
    return Comparison(whole.label, whole.a, end)


def _before(period: Period) -> Period:
    first = date_of(period.first)
    year = first.year
    match period.kind:
        case "year":
            return _year(year - 1)
        case "half":
            return _half(year, 1) if first.month > 1 else _half(year - 1, 2)
        case "nine_months":
            return _nine_months(year - 1)
        case "quarter":
            return _quarter(year, first.month // 3) if first.month > 1 else _quarter(year - 1, 4)
        case "month":
            return _month(year, first.month - 1) if first.month > 1 else _month(year - 1, 12)
        case "week":
            return _week(*(first - timedelta(days=7)).isocalendar()[:2])
        case "day":
            return _of_date(first - timedelta(days=1))
        case "range":
            length = timedelta(days=period.last - period.first + 1)
            return _range(first - length, first - timedelta(days=1))


def _year_earlier(period: Period) -> Period:
    first = date_of(period.first)
    year = first.year - 1
    match period.kind:
        case "year":
            return _year(year)
        case "half":
            return _half(year, 1 if first.month == 1 else 2)
        case "nine_months":
            return _nine_months(year)
        case "quarter":
            return _quarter(year, first.month // 3 + 1)
        case "month":
            return _month(year, first.month)
        case "week":
            iso_year, week, _ = first.isocalendar()
            return _week(iso_year - 1, week)
        case "day":
            return _day(year, first.month, first.day)
        case "range":
            last = date_of(period.last)
            return _range(first.replace(year=year), last.replace(year=last.year - 1))


def _year(year: int) -> Period:
    return _months(f"{year:04}", "year", year, 1, 12)


def _half(year: int, half: int) -> Period:
    return _months(f"{year:04}-H{half}", "half", year, 6 * half - 5, 6)


def _nine_months(year: int) -> Period:
    return _months(f"{year:04}-9M", "nine_months", year, 1, 9)


def _quarter(year: int, quarter: int) -> Period:
    return _months(f"{year:04}-Q{quarter}", "quarter", year, 3 * quarter - 2, 3)


def _month(year: int, month: int) -> Period:
    return _months(f"{year:04}-{month:02}", "month", year, month, 1)


def _months(label: str, kind: PeriodKind, year: int, month: int, count: int) -> Period:
    last_month = month + count - 1
    after = date(year, last_month + 1, 1) if last_month < 12 else date(year + 1, 1, 1)
    return Period(label, kind, day_number(date(year, month, 1)), Day(day_number(after) - 1))


def _week(year: int, week: int) -> Period:
    monday = day_number(date.fromisocalendar(year, week, 1))
    return Period(f"{year:04}-W{week:02}", "week", monday, Day(monday + 6))


def _day(year: int, month: int, day: int) -> Period:
    return _of_date(date(year, month, day))


def _of_date(day: date) -> Period:
    return Period(day.isoformat(), "day", day_number(day), day_number(day))


def _range(first: date, last: date) -> Period:
    return Period(f"{first.isoformat()}..{last.isoformat()}", "range", day_number(first), day_number(last))


# [0-9], not \d: digits of other scripts are no label.
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[..., Period]], ...]] = (
    (re.compile(r"([0-9]{4})"), _year),
    (re.compile(r"([0-9]{4})-H([12])"), _half),
    (re.compile(r"([0-9]{4})-9M"), _nine_months),
    (re.compile(r"([0-9]{4})-Q([1-4])"), _quarter),
    (re.compile(r"([0-9]{4})-([0-9]{2})"), _month),
    (re.compile(r"([0-9]{4})-W([0-9]{2})"), _week),
    (re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})"), _day),
)
