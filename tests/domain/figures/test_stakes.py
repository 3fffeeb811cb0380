"""What is at stake: a score's loss by what ends late, rounded as the score is and before."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from app.domain.calendar import periods
from app.domain.calendar.civil import Instant, date_of, day_number, day_of, start_of
from app.domain.calendar.workdays import Calendar
from app.domain.figures.stakes import NOTHING, Ahead, Class, Counted, Open, at_stake

PRESENT = {
    **{"active": 3000, "on_time": 2900, "active_satisfied": 2850},
    **{"petitions_active": 4, "petitions_on_time": 4, "petitions_satisfied": 3},
}


@pytest.mark.parametrize(
    ("late", "points", "exact"),
    [
        # 19.333 of 20 points; satisfaction has all of its points from 2,700 of 3,000 on.
        (Open(dossiers=1), "0.00", Fraction(20, 3000)),
        (Open(dossiers=2), "0.01", Fraction(40, 3000)),
        (Open(dossiers=3), "0.02", Fraction(60, 3000)),
        (Open(dossiers=150), "1.00", Fraction(1)),
        # 18.27 points for 2,740 in time, and 5.98 for 2,690 who are satisfied.
        (Open(dossiers=160), "1.08", Fraction(3200, 3000) + 6 - Fraction(6 * 2690, 2700)),
        (Open(dossiers=160, dossiers_disliked=10), "1.06", Fraction(3200, 3000)),
        (Open(petitions=1), "3.00", Fraction(3)),
        (Open(petitions=1, petitions_disliked=1), "1.50", Fraction(3, 2)),
        (Open(dossiers=3, petitions=1), "3.02", Fraction(60, 3000) + 3),
        (Open(), "0.00", Fraction(0)),
    ],
)
def test_what_is_lost_is_the_difference_of_two_scores(late: Open, points: str, exact: Fraction) -> None:
    assert at_stake(PRESENT, late) == (Decimal(points), exact)


def test_nothing_is_at_stake_without_figures() -> None:
    assert at_stake(dict.fromkeys(PRESENT, 0), Open(dossiers=1, petitions=1)) == NOTHING


def test_days_off_belong_to_the_working_day_before() -> None:
    calendar = Calendar(frozenset([day_number(date(2026, 11, 24))]))
    friday = Instant(start_of(day_number(date(2026, 11, 20))) + 1)
    ahead = Ahead.of(friday, 5, periods.parse("2026"), calendar)
    last_days = {within: date_of(day_of(Instant(until - 1))).isoformat() for within, until in ahead.until.items()}
    assert last_days == {0: "2026-11-22", 1: "2026-11-24", 3: "2026-11-26", 5: "2026-11-30"}
    assert ahead.edges == (friday, *ahead.until.values())
    counted = [Counted(Class(1, "dossier", False), None, slot, 1, 0) for slot in range(5)]
    assert [[each.slot for each in ahead.due(counted, within)] for within in (0, 1, 3, 5)] == [
        [1],
        [1, 2],
        [1, 2, 3],
        [1, 2, 3, 4],
    ]
    assert [ahead.costs(slot) for slot in range(5)] == [False, True, True, True, True]


def test_what_is_due_after_the_year_is_in_a_slot_of_its_own() -> None:
    calendar = Calendar()
    wednesday = Instant(start_of(day_number(date(2026, 12, 30))))
    ahead = Ahead.of(wednesday, 3, periods.parse("2026"), calendar)
    days = [date_of(day_of(each)).isoformat() for each in ahead.edges]
    assert days == ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-05"]
    assert [ahead.costs(slot) for slot in range(4)] == [False, True, True, False]
