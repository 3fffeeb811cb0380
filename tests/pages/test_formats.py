"""Numbers, days and times as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.pages.frame.formats import Formats

VI, EN = Formats("vi"), Formats("en")


@pytest.mark.parametrize(
    ("value", "vietnamese", "english"),
    [(25392, "25.392", "25,392"), (0, "0", "0"), (1_000_000, "1.000.000", "1,000,000"), (None, "–", "–")],
)
def test_counts(value: int | None, vietnamese: str, english: str) -> None:
    assert (VI.count(value), EN.count(value)) == (vietnamese, english)


@pytest.mark.parametrize(
    ("value", "vietnamese", "english"),
    [
        (Decimal("11.5"), "11,50\xa0%", "11.50\xa0%"),
        (Decimal("100"), "100,00\xa0%", "100.00\xa0%"),
        (Decimal("1234.5"), "1.234,50\xa0%", "1,234.50\xa0%"),
        (None, "–", "–"),
    ],
)
def test_percents(value: Decimal | None, vietnamese: str, english: str) -> None:
    assert (VI.percent(value), EN.percent(value)) == (vietnamese, english)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Decimal("0.52"), "▲\xa00,52"),
        (Decimal("-1.2"), "▼\xa01,20"),
        (Decimal("0.00"), "=\xa00"),
        (2, "▲\xa02"),
        (-3, "▼\xa03"),
        (None, "–"),
    ],
)
def test_changes_have_a_sign_and_an_arrow(value: Decimal | int | None, told: str) -> None:
    assert VI.signed(value) == told


def test_what_there_is_no_data_for_is_no_number() -> None:
    assert str(VI.data(None, "–")) == '<span class="nothing">–</span>'
    assert str(VI.data(Decimal("61.71"), "61,71")) == '<data value="61.71">61,71</data>'
    assert str(VI.data(0, "0")) == '<data value="0">0</data>'


def test_days_and_times_are_civil() -> None:
    at = "2026-11-28T02:52:02.123456+00:00"
    assert VI.moment(at) == "09:52:02, 28/11/2026"
    assert VI.minute(at) == "09:52, 28/11/2026"
    assert VI.day("2026-11-28") == "28/11/2026"
    assert (VI.day(None), VI.minute(None), VI.moment(None)) == ("–", "–", "–")
