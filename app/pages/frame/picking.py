"""The period picker: what a period is called, the one before and after, and the same place in other kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from app.api.http import parameters
from app.api.http.problems import Problem
from app.domain.calendar import periods
from app.domain.calendar.civil import date_of
from app.domain.calendar.periods import Period, PeriodKind
from app.messages import GIVEN_TWICE
from app.pages.frame.words import Language, say

KINDS: Final[tuple[tuple[PeriodKind, str], ...]] = (
    ("day", "Ngày"),
    ("week", "Tuần"),
    ("month", "Tháng"),
    ("quarter", "Quý"),
    ("half", "6 tháng"),
    ("nine_months", "9 tháng"),
    ("year", "Năm"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A period that can be chosen; `label` is None where there is none."""

    label: str | None
    text: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Picker:
    """What the picker of a page offers."""

    name: str
    before: str | None
    after: str | None
    kinds: tuple[Choice, ...]
    first: str
    last: str


def period_of(query: Sequence[tuple[str, str]], today: date) -> Period:
    """The period an address names, by the API's own rules; by default the present year.

    Raises Problem: invalid_period, or invalid_parameter where one is given twice.
    """
    named = [each for each in query if each[0] in ("period", "from", "to") and each[1]]
    told = dict(named)
    if len(told) < len(named):
        raise Problem("invalid_parameter", GIVEN_TWICE, "period")
    return parameters.period_of(told) if told else periods.parse(f"{today.year:04}")


def asked(period: Period) -> dict[str, str]:
    """The parameters of the API, and of other pages, that name a period."""
    if period.kind != "range":
        return {"period": period.label}
    return {"from": date_of(period.first).isoformat(), "to": date_of(period.last).isoformat()}


def picker(period: Period, today: date, language: Language) -> Picker:
    """What can be chosen beside a period."""
    first, last = date_of(period.first), date_of(period.last)
    # In another kind the page stays where it looks: at the end of what has passed.
    place = max(first, min(last, today))
    return Picker(
        name=name(period, language),
        before=_containing(period.kind, first - timedelta(days=1)),
        after=_begun(_after(period), today),
        kinds=tuple(Choice(_containing(kind, place), say(language, text), kind == period.kind) for kind, text in KINDS),
        first=first.isoformat(),
        last=min(last, max(first, today)).isoformat(),
    )


def name(period: Period, language: Language) -> str:
    """What a period is called: Năm 2026, Quý 3/2026, 6 tháng đầu năm 2026."""
    first, last = date_of(period.first), date_of(period.last)
    year = period.year
    match period.kind:
        case "year":
            return say(language, "Năm {year}", year=year)
        case "half":
            half = "6 tháng đầu năm {year}" if first.month == 1 else "6 tháng cuối năm {year}"
            return say(language, half, year=year)
        case "nine_months":
            return say(language, "9 tháng năm {year}", year=year)
        case "quarter":
            return say(language, "Quý {quarter}/{year}", quarter=(first.month + 2) // 3, year=year)
        case "month":
            return say(language, "Tháng {month}/{year}", month=first.month, year=year)
        case "week":
            return say(language, "Tuần {week}/{year}", week=first.isocalendar().week, year=year)
        case "day":
            return f"{first:%d/%m/%Y}"
        case "range":
            return f"{first:%d/%m/%Y} – {last:%d/%m/%Y}"


def _after(period: Period) -> str | None:
    if period.kind == "nine_months":
        return _containing("nine_months", date(period.year + 1, 1, 1))
    return _containing(period.kind, date_of(period.last) + timedelta(days=1))


def _begun(label: str | None, today: date) -> str | None:
    return label if label is not None and date_of(periods.parse(label).first) <= today else None


def _containing(kind: PeriodKind, day: date) -> str | None:
    """The label of the period of a kind that a day lies in; of a year's last quarter, nine months are those before."""
    year, iso = f"{day.year:04}", day.isocalendar()
    labels: dict[PeriodKind, str] = {
        "year": year,
        "half": f"{year}-H{(day.month + 5) // 6}",
        "nine_months": f"{year}-9M",
        "quarter": f"{year}-Q{(day.month + 2) // 3}",
        "month": f"{year}-{day.month:02}",
        "week": f"{iso.year:04}-W{iso.week:02}",
        "day": day.isoformat(),
    }
    label = labels.get(kind)
    return label if label and periods.FIRST_YEAR <= day.year <= periods.LAST_YEAR else None
