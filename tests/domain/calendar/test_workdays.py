"""Working days: weekends, holidays, swap days, and the end of the n-th."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.domain.calendar.civil import Day, date_of, day_number, day_of, start_of
from app.domain.calendar.workdays import Calendar, seed_holidays, seed_workdays


def on(text: str) -> Day:
    return day_number(date.fromisoformat(text))


PLAIN = Calendar()
SEEDED = Calendar(frozenset(seed_holidays(2025, 2027)), frozenset(seed_workdays(2025, 2027)))


def test_monday_to_friday_are_worked() -> None:
    week = [PLAIN.is_workday(Day(on("2026-11-23") + offset)) for offset in range(7)]
    assert week == [True] * 5 + [False] * 2
    assert PLAIN.is_workday(on("1969-12-31"))
    assert not PLAIN.is_workday(on("1969-12-28"))


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        ("2026-11-20", 1, "2026-11-23"),  # from a Friday
        ("2026-11-21", 1, "2026-11-23"),  # from a Saturday
        ("2026-11-22", 1, "2026-11-23"),
        ("2026-11-23", 1, "2026-11-24"),  # the day itself never counts
        ("2026-11-23", 5, "2026-11-30"),
        ("2026-11-23", 1000, "2030-09-23"),
        ("1999-01-01", 1, "1999-01-04"),
        ("2120-12-31", 1000, "2124-10-31"),
    ],
)
def test_the_nth_working_day_is_counted_after_the_day(day: str, n: int, expected: str) -> None:
    assert str(date_of(PLAIN.nth_workday(on(day), n))) == expected


def test_the_end_is_the_last_microsecond_of_that_civil_day() -> None:
    end = PLAIN.end_of_nth_workday(on("2026-11-20"), 1)
    assert end == start_of(on("2026-11-24")) - 1
    assert day_of(end) == on("2026-11-23")


def test_swap_days_override_weekends_and_holidays() -> None:
    saturday, monday = on("2026-11-28"), on("2026-11-30")
    calendar = Calendar(holidays=frozenset({saturday, monday}), workdays=frozenset({saturday}))
    assert calendar.is_workday(saturday)
    assert not calendar.is_workday(monday)
    assert calendar.nth_workday(on("2026-11-27"), 1) == saturday
    assert calendar.nth_workday(on("2026-11-27"), 2) == on("2026-12-01")


def test_the_sum_over_many_days_agrees_with_counting_one_by_one() -> None:
    for start in range(on("2026-01-20"), on("2026-03-10")):
        day, counted = date_of(Day(start)), 0
        while counted < 12:
            day += timedelta(days=1)
            counted += SEEDED.is_workday(day_number(day))
        assert date_of(SEEDED.nth_workday(Day(start), 12)) == day


@pytest.mark.parametrize(("day", "n"), [("2026-11-20", 0), ("2026-11-20", 1001), ("1998-12-31", 1), ("2121-01-01", 1)])
def test_what_lies_outside_is_an_error_and_no_wrong_day(day: str, n: int) -> None:
    with pytest.raises(ValueError, match="working days"):
        PLAIN.nth_workday(on(day), n)


def test_calendars_of_the_same_days_are_equal() -> None:
    assert Calendar(frozenset({on("2026-01-01")})) == Calendar(frozenset({on("2026-01-01")}))
    assert Calendar(frozenset({on("2026-01-01")})) != PLAIN


def test_the_seed_has_the_public_holidays_with_vietnamese_names() -> None:
    seed = seed_holidays(2026, 2026)
    assert seed[on("2026-01-01")] == "Tết Dương lịch"
    assert seed[on("2026-02-17")] == "Tết Nguyên Đán"
    assert {on("2026-04-30"), on("2026-05-01"), on("2026-09-02")} <= seed.keys()
    assert {date_of(day).year for day in seed} == {2026}


def test_petition_deadlines_step_over_tet_of_2026() -> None:
    # Received on the Friday before Tết (off from Monday 16 to Friday 20 February).
    assert SEEDED.nth_workday(on("2026-02-13"), 1) == on("2026-02-23")
    assert SEEDED.nth_workday(on("2026-02-13"), 15) == on("2026-03-13")


def test_a_day_off_that_is_worked_on_a_saturday_moves_the_count() -> None:
    # Monday 31 August 2026 is off, Saturday 22 August worked instead.
    assert SEEDED.nth_workday(on("2026-08-21"), 1) == on("2026-08-22")
    assert SEEDED.nth_workday(on("2026-08-28"), 1) == on("2026-09-03")


def test_beyond_what_the_library_knows_the_seed_is_empty() -> None:
    assert seed_holidays(2115, 2116) == {}
    assert seed_workdays(2115, 2116) == {}


def test_working_days_between_two_days_leave_the_first_out() -> None:
    calendar = Calendar(
        frozenset([day_number(date(2026, 9, 2))]),
        frozenset([day_number(date(2026, 9, 5))]),
    )
    monday = date(2026, 8, 31)
    # The 2nd is a holiday, Saturday the 5th is worked.
    counted = [calendar.workdays_between(day_number(monday), day_number(monday) + n) for n in range(9)]  # type: ignore[arg-type]
    assert counted == [0, 1, 1, 2, 3, 4, 4, 5, 6]
    assert calendar.workdays_between(day_number(monday), day_number(date(2026, 8, 3))) == 0
    with pytest.raises(ValueError, match="1999-2126"):
        calendar.workdays_between(day_number(date(1998, 12, 31)), day_number(monday))
