"""The points of the oracle, against scores the portal published."""

from __future__ import annotations

from fractions import Fraction

import pytest

from .points import counted, half_up, scored


@pytest.mark.parametrize(
    ("code", "numerator", "denominator", "points"),
    [
        ("DOSSIER_ON_TIME", 528684, 597918, "17.68"),
        ("ONLINE_DOSSIERS", 589496, 597894, "6"),
        ("DOSSIER_RECEIVING_SATISFACTION", 402886, 464494, "5.78"),
        ("ORIGINAL_RESULT_AVAILABLE", 334358, 464494, "4.32"),
        ("PAYMENT_PROCEDURES", 115, 311, "0.92"),
        ("PETITION_HANDLING_SATISFACTION", 0, 0, "6"),
    ],
)
def test_points_are_those_the_portal_published(code: str, numerator: int, denominator: int, points: str) -> None:
    assert scored(code, counted(numerator, denominator)).score == Fraction(points)


def test_rounding_is_half_up() -> None:
    assert half_up(Fraction(5, 1000)) == Fraction(1, 100)
    assert half_up(Fraction(1159, 1913) * 100) == Fraction("60.59")
