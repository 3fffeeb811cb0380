"""Remits in parts are those that the catalogues tell, and what units have in common is kept once."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from app.domain.calendar.civil import Instant, day_number, start_of
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.remits import Remit, Remits
from app.domain.catalogues.root import Catalogues, Procedure, Unit

UNITS = [
    Unit(1, "H44", level="province"),
    Unit(2, "H44.07", level="department"),
    Unit(3, "H44.101", level="commune"),
    Unit(4, "H44.102", level="commune"),
    Unit(5, "H44.103"),
]
PROCEDURES = [
    Procedure(1, "1.000001", levels=("commune",), service_level="full", applicants=("citizen",)),
    Procedure(2, "1.000002", levels=("commune", "department"), fee=True, payment_integrated=True),
    Procedure(3, "1.000003", levels=("commune",), valid_from=day_number(date(2026, 5, 1))),
    Procedure(4, "1.000004", units=("H44.101",), fee=True),
    Procedure(5, "1.000005", units=("H44.101", "H44.07"), service_level="partial"),
    # Of units, and so of no level.
    Procedure(6, "1.000006", units=("H44.07",), levels=("commune",)),
    Procedure(7, "1.000007", units=("H44.103",), valid_to=day_number(date(2026, 2, 1))),
]
CATALOGUES = Catalogues(
    1, "H44", 1, {each.code: each for each in UNITS}, {each.code: each for each in PROCEDURES}, Calendar(), {}, [], ""
)


def instant(text: str) -> Instant:
    return start_of(day_number(date.fromisoformat(text)))


YEAR = instant("2026-01-01"), instant("2027-01-01")


@pytest.mark.parametrize("span", [YEAR, (instant("2026-01-05"), instant("2026-01-12")), (YEAR[0], YEAR[0] + 1)])
@pytest.mark.parametrize("count", range(1, len(UNITS) + 1))
def test_the_parts_are_the_remit_and_have_nothing_in_common(count: int, span: tuple[Instant, Instant]) -> None:
    remits = Remits.within(CATALOGUES, *YEAR)
    for units in itertools.combinations(UNITS, count):
        parts = remits.of(units, *span)
        expected = Remit.of(CATALOGUES.remit(units, *span))
        assert Remit.together(parts) == expected
        assert [sum(len(part[place]) for part in parts) for place in range(5)] == [len(each) for each in expected]


def test_what_a_level_applies_is_kept_once_for_its_units() -> None:
    remits = Remits.within(CATALOGUES, *YEAR)
    one, other = remits.of([UNITS[2]], *YEAR), remits.of([UNITS[3]], *YEAR)
    assert one[0].procedures == {4, 5}
    assert other[0].procedures == set()
    assert one[1] is other[1]
    assert one[1].procedures == {1, 2}


def test_equal_sets_of_a_remit_are_one() -> None:
    remit = Remit.of(PROCEDURES[3:4])
    assert remit.procedures is remit.fee
    assert remit.online is remit.integrated
