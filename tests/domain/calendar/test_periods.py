"""Periods: their forms and edges in civil time, and what they are compared with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.calendar.civil import CIVIL, Day, Instant, date_of, day_number, day_of, start_of
from app.domain.calendar.periods import (
    Comparison,
    InvalidPeriod,
    Period,
    PeriodInFuture,
    from_dates,
    last_year,
    parse,
    previous,
    require_begun,
)


def at(text: str) -> Instant:
    """An instant from civil time: a date, or a date and a time."""
    moment = datetime.fromisoformat(text).replace(tzinfo=CIVIL)
    return Instant((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


LATER = at("2110-01-01")


def span(period: Period) -> tuple[str, str]:
    return str(date_of(period.first)), str(date_of(period.last))


def shown(comparison: Comparison | None) -> tuple[str, str, str] | None:
    """The label and the first and last civil day of a comparison."""
    if comparison is None:
        return None
    assert comparison.b == start_of(day_of(comparison.b)), "a comparison ends at midnight"
    last = day_of(Instant(comparison.b - 1))
    return comparison.label, str(date_of(day_of(comparison.a))), str(date_of(last))


# --------------------------------------------------------------------------------------------------------- civil time


def test_midnight_in_civil_time_belongs_to_the_new_day() -> None:
    first = day_number(date(2026, 7, 1))
    assert start_of(first) == at("2026-07-01T00:00:00")
    assert day_of(at("2026-07-01T00:00:00")) == first
    assert day_of(at("2026-06-30T23:59:59.999999")) == first - 1
    assert day_of(Instant(at("2026-06-30T23:59:59.999999") + 1)) == first


def test_civil_time_is_seven_hours_before_utc_in_every_century() -> None:
    assert start_of(Day(0)) == -7 * 3600 * 10**6
    for day in (date(1899, 12, 31), date(1999, 2, 28), date(2026, 11, 23), date(2100, 12, 31)):
        number = day_number(day)
        assert date_of(number) == day
        assert start_of(number) == at(str(day))
        assert day_of(start_of(number)) == number


# -------------------------------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("label", "kind", "first", "last"),
    [
        ("2026", "year", "2026-01-01", "2026-12-31"),
        ("2026-H1", "half", "2026-01-01", "2026-06-30"),
        ("2026-H2", "half", "2026-07-01", "2026-12-31"),
        ("2026-9M", "nine_months", "2026-01-01", "2026-09-30"),
        ("2026-Q1", "quarter", "2026-01-01", "2026-03-31"),
        ("2026-Q2", "quarter", "2026-04-01", "2026-06-30"),
        ("2026-Q3", "quarter", "2026-07-01", "2026-09-30"),
        ("2026-Q4", "quarter", "2026-10-01", "2026-12-31"),
        ("2026-08", "month", "2026-08-01", "2026-08-31"),
        ("2026-12", "month", "2026-12-01", "2026-12-31"),
        ("2028-02", "month", "2028-02-01", "2028-02-29"),
        ("2100-02", "month", "2100-02-01", "2100-02-28"),
        ("2026-W34", "week", "2026-08-17", "2026-08-23"),
        ("2026-W01", "week", "2025-12-29", "2026-01-04"),
        ("2026-W53", "week", "2026-12-28", "2027-01-03"),
        ("2000-W01", "week", "2000-01-03", "2000-01-09"),
        ("2026-08-15", "day", "2026-08-15", "2026-08-15"),
        ("2000", "year", "2000-01-01", "2000-12-31"),
        ("2100", "year", "2100-01-01", "2100-12-31"),
    ],
)
def test_a_label_names_its_days_and_is_its_own_canonical_form(label: str, kind: str, first: str, last: str) -> None:
    period = parse(label)
    assert (period.label, period.kind, *span(period)) == (label, kind, first, last)
    assert period.a == at(first)
    assert period.b == at(last) + 24 * 3600 * 10**6


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " 2026",
            "2026 ",
            "2026\n",
            "26",
            "02026",
            "\u0662026",
            "2026-",
            "2026-q3",
            "2026-Q0",
            "2026-Q5",
            "2026-H0",
        ),
        *(
            "2026-H3",
            "2026-6M",
            "2026-9m",
            "2026-00",
            "2026-13",
            "2026-8",
            "2026-W00",
            "2026-W54",
            "2025-W53",
            "2026-W1",
        ),
        *("2026-02-29", "2026-04-31", "2026-08-15T00:00", "20260815", "1999", "2101", "1999-12-31", "2101-01-01"),
        *("1999-W52", "0000", "9999-12", "2026-01-01..2026-04-20", "-2026", "2026-Q3-01"),
    ],
)
def test_any_other_text_is_no_period(text: str) -> None:
    with pytest.raises(InvalidPeriod) as refused:
        parse(text)
    assert refused.value.detail


def test_two_dates_are_both_included() -> None:
    period = from_dates(date(2026, 1, 1), date(2026, 4, 20))
    assert (period.label, period.kind) == ("2026-01-01..2026-04-20", "range")
    assert (period.a, period.b) == (at("2026-01-01"), at("2026-04-21"))
    one = from_dates(date(2026, 1, 1), date(2026, 1, 1))
    assert (one.label, one.b - one.a) == ("2026-01-01..2026-01-01", 86_400 * 10**6)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 1, 2), date(2026, 1, 1)),
        (date(1999, 12, 31), date(2026, 1, 1)),
        (date(2026, 1, 1), date(2101, 1, 1)),
    ],
)
def test_reversed_or_far_dates_are_no_period(first: date, last: date) -> None:
    with pytest.raises(InvalidPeriod):
        from_dates(first, last)


# ------------------------------------------------------------------------------------------------- open, begun, ended


def test_a_period_is_open_until_its_last_microsecond() -> None:
    period = parse("2026-Q3")
    assert period.is_open(Instant(period.b - 1))
    assert not period.is_open(period.b)


def test_the_effective_end_is_now_within_the_period() -> None:
    period = parse("2026-Q3")
    now = at("2026-08-15T09:30:00.000001")
    assert period.effective_end(now) == now
    assert period.effective_end(LATER) == period.b
    assert period.effective_end(at("2026-01-01")) == period.a


def test_a_period_begins_one_microsecond_after_its_midnight() -> None:
    period = parse("2026-Q3")
    require_begun(period, Instant(period.a + 1))
    for now in (period.a, Instant(period.a - 1)):
        with pytest.raises(PeriodInFuture, match="2026-Q3"):
            require_begun(period, now)


# -------------------------------------------------------------------------------------------------------- comparisons


@pytest.mark.parametrize(
    ("label", "before", "year_earlier"),
    [
        ("2026", ("2025", "2025-01-01", "2025-12-31"), ("2025", "2025-01-01", "2025-12-31")),
        ("2026-H1", ("2025-H2", "2025-07-01", "2025-12-31"), ("2025-H1", "2025-01-01", "2025-06-30")),
        ("2026-H2", ("2026-H1", "2026-01-01", "2026-06-30"), ("2025-H2", "2025-07-01", "2025-12-31")),
        ("2026-9M", ("2025-9M", "2025-01-01", "2025-09-30"), ("2025-9M", "2025-01-01", "2025-09-30")),
        ("2026-Q1", ("2025-Q4", "2025-10-01", "2025-12-31"), ("2025-Q1", "2025-01-01", "2025-03-31")),
        ("2026-Q2", ("2026-Q1", "2026-01-01", "2026-03-31"), ("2025-Q2", "2025-04-01", "2025-06-30")),
        ("2026-Q3", ("2026-Q2", "2026-04-01", "2026-06-30"), ("2025-Q3", "2025-07-01", "2025-09-30")),
        ("2026-Q4", ("2026-Q3", "2026-07-01", "2026-09-30"), ("2025-Q4", "2025-10-01", "2025-12-31")),
        ("2026-01", ("2025-12", "2025-12-01", "2025-12-31"), ("2025-01", "2025-01-01", "2025-01-31")),
        ("2028-02", ("2028-01", "2028-01-01", "2028-01-31"), ("2027-02", "2027-02-01", "2027-02-28")),
        ("2029-02", ("2029-01", "2029-01-01", "2029-01-31"), ("2028-02", "2028-02-01", "2028-02-29")),
        ("2026-W34", ("2026-W33", "2026-08-10", "2026-08-16"), ("2025-W34", "2025-08-18", "2025-08-24")),
        ("2026-W01", ("2025-W52", "2025-12-22", "2025-12-28"), ("2025-W01", "2024-12-30", "2025-01-05")),
        ("2027-W01", ("2026-W53", "2026-12-28", "2027-01-03"), ("2026-W01", "2025-12-29", "2026-01-04")),
        ("2026-W53", ("2026-W52", "2026-12-21", "2026-12-27"), None),
        ("2026-03-01", ("2026-02-28", "2026-02-28", "2026-02-28"), ("2025-03-01", "2025-03-01", "2025-03-01")),
        ("2028-02-29", ("2028-02-28", "2028-02-28", "2028-02-28"), None),
        ("2000", ("1999", "1999-01-01", "1999-12-31"), ("1999", "1999-01-01", "1999-12-31")),
        ("2000-01-01", ("1999-12-31", "1999-12-31", "1999-12-31"), ("1999-01-01", "1999-01-01", "1999-01-01")),
    ],
)
def test_a_closed_period_is_compared_in_full(
    label: str, before: tuple[str, str, str], year_earlier: tuple[str, str, str] | None
) -> None:
    assert shown(previous(parse(label), LATER)) == before
    assert shown(last_year(parse(label), LATER)) == year_earlier


def test_a_free_range_is_compared_with_the_equal_length_before_and_with_its_dates_a_year_earlier() -> None:
    period = from_dates(date(2026, 1, 1), date(2026, 4, 20))
    assert shown(previous(period, LATER)) == ("2025-09-13..2025-12-31", "2025-09-13", "2025-12-31")
    assert shown(last_year(period, LATER)) == ("2025-01-01..2025-04-20", "2025-01-01", "2025-04-20")


def test_a_range_with_a_29_february_at_either_end_has_no_last_year() -> None:
    assert last_year(from_dates(date(2028, 2, 29), date(2028, 3, 5)), LATER) is None
    assert last_year(from_dates(date(2028, 2, 1), date(2028, 2, 29)), LATER) is None
    assert shown(last_year(from_dates(date(2028, 2, 1), date(2028, 3, 1)), LATER)) == (
        "2027-02-01..2027-03-01",
        "2027-02-01",
        "2027-03-01",
    )


def test_the_longest_range_is_compared_with_a_span_before_the_year_2000() -> None:
    period = from_dates(date(2000, 1, 1), date(2100, 12, 31))
    assert shown(previous(period, LATER)) == ("1898-12-31..1999-12-31", "1898-12-31", "1999-12-31")


@pytest.mark.parametrize(
    ("label", "now", "before", "year_earlier"),
    [
        # The 46th civil day has started: 46 days are compared.
        (
            "2026-Q3",
            "2026-08-15T08:00",
            ("2026-Q2", "2026-04-01", "2026-05-16"),
            ("2025-Q3", "2025-07-01", "2025-08-15"),
        ),
        ("2026", "2026-11-23T08:00", ("2025", "2025-01-01", "2025-11-23"), ("2025", "2025-01-01", "2025-11-23")),
        # 31 days of March against the 28 of February: at most its own end.
        (
            "2026-03",
            "2026-03-31T12:00",
            ("2026-02", "2026-02-01", "2026-02-28"),
            ("2025-03", "2025-03-01", "2025-03-31"),
        ),
        (
            "2028-02",
            "2028-02-29T12:00",
            ("2028-01", "2028-01-01", "2028-01-29"),
            ("2027-02", "2027-02-01", "2027-02-28"),
        ),
        (
            "2026-W34",
            "2026-08-19T00:00:01",
            ("2026-W33", "2026-08-10", "2026-08-12"),
            ("2025-W34", "2025-08-18", "2025-08-20"),
        ),
        ("2026-08-15", "2026-08-15T00:00:01", ("2026-08-14",) * 3, ("2025-08-15",) * 3),
    ],
)
def test_an_open_period_is_compared_over_as_many_civil_days_as_have_started(
    label: str, now: str, before: tuple[str, str, str], year_earlier: tuple[str, str, str]
) -> None:
    assert parse(label).is_open(at(now))
    assert shown(previous(parse(label), at(now))) == before
    assert shown(last_year(parse(label), at(now))) == year_earlier


def test_an_open_range_is_compared_over_as_many_civil_days_as_have_started() -> None:
    period = from_dates(date(2026, 11, 21), date(2026, 11, 30))
    now = at("2026-11-23T08:00")
    assert shown(previous(period, now)) == ("2026-11-11..2026-11-20", "2026-11-11", "2026-11-13")
    assert shown(last_year(period, now)) == ("2025-11-21..2025-11-30", "2025-11-21", "2025-11-23")


def test_a_day_counts_as_started_from_its_first_microsecond_on() -> None:
    period = parse("2026-08")
    midnight = at("2026-08-03")
    assert shown(previous(period, midnight)) == ("2026-07", "2026-07-01", "2026-07-02")
    assert shown(previous(period, Instant(midnight + 1))) == ("2026-07", "2026-07-01", "2026-07-03")


def test_the_comparison_turns_full_when_the_period_ends() -> None:
    period = parse("2026-02")
    assert shown(previous(period, Instant(period.b - 1))) == ("2026-01", "2026-01-01", "2026-01-28")
    assert shown(previous(period, period.b)) == ("2026-01", "2026-01-01", "2026-01-31")
