"""Period labels of the oracle."""

from __future__ import annotations

from datetime import date

from .calendar import period_days


def test_period_labels_name_their_days() -> None:
    assert period_days("2026") == (date(2026, 1, 1), date(2026, 12, 31))
    assert period_days("2026-H2") == (date(2026, 7, 1), date(2026, 12, 31))
    assert period_days("2026-9M") == (date(2026, 1, 1), date(2026, 9, 30))
    assert period_days("2026-Q4") == (date(2026, 10, 1), date(2026, 12, 31))
    assert period_days("2026-02") == (date(2026, 2, 1), date(2026, 2, 28))
    assert period_days("2026-W53") == (date(2026, 12, 28), date(2027, 1, 3))
    assert period_days("2026-08-15") == (date(2026, 8, 15), date(2026, 8, 15))
