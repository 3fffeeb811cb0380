"""The period picker."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

import pytest

from app.api.http.problems import Problem
from app.domain.calendar import periods
from app.pages.frame import picking

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("label", "vietnamese", "before", "after"),
    [
        ("2026", "Năm 2026", "2025", None),
        ("2025", "Năm 2025", "2024", "2026"),
        ("2026-H1", "6 tháng đầu năm 2026", "2025-H2", "2026-H2"),
        ("2026-H2", "6 tháng cuối năm 2026", "2026-H1", None),
        ("2025-9M", "9 tháng năm 2025", "2024-9M", "2026-9M"),
        ("2026-9M", "9 tháng năm 2026", "2025-9M", None),
        ("2026-Q1", "Quý 1/2026", "2025-Q4", "2026-Q2"),
        ("2026-Q4", "Quý 4/2026", "2026-Q3", None),
        ("2026-01", "Tháng 1/2026", "2025-12", "2026-02"),
        ("2026-11", "Tháng 11/2026", "2026-10", None),
        ("2026-W01", "Tuần 1/2026", "2025-W52", "2026-W02"),
        ("2026-11-27", "27/11/2026", "2026-11-26", "2026-11-28"),
        ("2026-11-28", "28/11/2026", "2026-11-27", None),
        ("2000", "Năm 2000", None, "2001"),
    ],
)
def test_a_period_its_name_and_its_neighbours(
    label: str, vietnamese: str, before: str | None, after: str | None
) -> None:
    found = picking.picker(periods.parse(label), TODAY, "vi")
    assert (found.name, found.before, found.after) == (vietnamese, before, after)


def test_nine_months_of_a_year_before_are_followed_by_the_next_year() -> None:
    assert picking.picker(periods.parse("2024-9M"), TODAY, "vi").after == "2025-9M"


def test_other_kinds_stay_where_the_page_looks() -> None:
    open_year = picking.picker(periods.parse("2026"), TODAY, "vi")
    assert [each.label for each in open_year.kinds] == [
        "2026-11-28", "2026-W48", "2026-11", "2026-Q4", "2026-H2", "2026-9M", "2026",
    ]  # fmt: skip
    assert [each.text for each in open_year.kinds if each.chosen] == ["Năm"]
    closed = picking.picker(periods.parse("2025-Q1"), TODAY, "vi")
    assert [each.label for each in closed.kinds] == [
        "2025-03-31", "2025-W14", "2025-03", "2025-Q1", "2025-H1", "2025-9M", "2025",
    ]  # fmt: skip


def test_two_dates_are_a_period() -> None:
    chosen = picking.period_of([("from", "2026-01-01"), ("to", "2026-04-20")], TODAY)
    assert picking.asked(chosen) == {"from": "2026-01-01", "to": "2026-04-20"}
    found = picking.picker(chosen, TODAY, "vi")
    assert found.name == "01/01/2026 – 20/04/2026"
    assert (found.before, found.after) == (None, None)
    assert (found.first, found.last) == ("2026-01-01", "2026-04-20")


def test_without_one_it_is_the_present_year() -> None:
    assert picking.period_of([("lang", "en"), ("period", "")], TODAY).label == "2026"


@pytest.mark.parametrize(
    "query",
    [
        "period=x",
        "period=2026-13",
        "from=2026-01-01",
        "from=2026-01-01&to=x",
        "from=2026-02-01&to=2026-01-01",
        "from=20260101&to=20260301",
        "period=2026&from=2026-02-01&to=2026-02-05",
        "period=2026&period=2025",
    ],
)
def test_what_the_api_refuses_names_no_period(query: str) -> None:
    with pytest.raises(Problem) as refused:
        picking.period_of(parse_qsl(query), TODAY)
    assert refused.value.code == ("invalid_parameter" if query.count("period") == 2 else "invalid_period")
