"""The series: its buckets at the edges, the open one, what adds up, and its limits."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from app.api.figures.series import buckets_of
from app.domain.calendar import periods
from tests.api.asking import card, counts, of_problem, reception
from tests.running import Running

CIVIL = timezone(timedelta(hours=7))


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def series(running: Running, indicator: str, bucket: str, **query) -> dict:
    answer = await running.get("/v1/series", unit="H44", indicator=indicator, bucket=bucket, **query)
    assert answer.status_code == 200, answer.text
    told: dict = answer.json()
    return told


def points(shown: dict) -> list[tuple]:
    return [tuple(point.values()) for point in shown["points"]]


@pytest.mark.parametrize(
    ("length", "first", "last", "labels"),
    [
        ("week", "2025-12-30", "2026-01-12", ["2025-12-30..2026-01-04", "2026-W02", "2026-01-12"]),
        ("week", "2000-01-01", "2000-01-10", ["2000-01-01..2000-01-02", "2000-W01", "2000-01-10"]),
        ("month", "2024-01-31", "2024-03-30", ["2024-01-31", "2024-02", "2024-03-01..2024-03-30"]),
        ("month", "2025-12-01", "2026-01-31", ["2025-12", "2026-01"]),
        ("day", "2026-02-28", "2026-03-01", ["2026-02-28", "2026-03-01"]),
    ],
)
def test_buckets_are_civil_and_cut_to_the_period(length: str, first: str, last: str, labels: list[str]) -> None:
    period = periods.from_dates(date.fromisoformat(first), date.fromisoformat(last))
    found = list(buckets_of(period, length))
    assert [each.label for each in found] == labels
    assert (found[0].first, found[-1].last) == (period.first, period.last)
    assert all(one.last + 1 == other.first for one, other in pairwise(found))


async def test_each_bucket_is_the_figure_of_that_period_and_empty_ones_are_there(served: Running) -> None:
    late = reception(served, "H44.07-1", due_at="2026-02-10T17:00:00+07:00")
    done = served.event("dossier.completed", "H44.07-1", time="2026-03-03T08:00:00+07:00")
    await served.push([late, done])
    shown = await series(served, "DOSSIER_ON_TIME", "month", from_="2026-01-05", to="2026-05-15")
    assert points(shown) == [
        ("2026-01-05", "2026-01-31", 1, 1, 100, 20),
        ("2026-02-01", "2026-02-28", 0, 1, 0, 0),
        ("2026-03-01", "2026-03-31", 0, 1, 0, 0),
        ("2026-04-01", "2026-04-30", 0, 0, None, 0),
        ("2026-05-01", "2026-05-15", 0, 0, None, 0),
    ]
    assert (shown["indicator"], shown["bucket"], shown["additive"]) == ("DOSSIER_ON_TIME", "month", False)
    assert "cộng các khoảng không bằng số của cả kỳ" in shown["note"]
    received = await series(served, "ONLINE_DOSSIERS", "month", period="2026-Q1")
    assert points(received)[0] == ("2026-01-01", "2026-01-31", 1, 1, 100, 6)
    assert (received["additive"], received["note"]) == (True, None)
    average = await series(served, "AVERAGE_PROCESSING_TIME", "month", period="2026-Q1")
    assert [point["value"] for point in average["points"]] == [None, None, 57.0]


async def test_the_open_bucket_is_as_of_now_and_later_ones_are_left_out(served: Running) -> None:
    served.clock.at = datetime(2026, 11, 23, 16, 59, 59, tzinfo=CIVIL)
    await served.push([reception(served, due_at="2026-11-23T17:00:00+07:00")])
    query: dict[str, Any] = {"indicator": "DOSSIER_ON_TIME", "bucket": "day", "from_": "2026-11-22", "to": "2026-11-30"}
    assert points(await series(served, **query)) == [
        ("2026-11-22", "2026-11-22", 1, 1, 100, 20),
        ("2026-11-23", "2026-11-23", 1, 1, 100, 20),
    ]
    served.clock.at += timedelta(seconds=1, microseconds=1)
    assert points(await series(served, **query))[1] == ("2026-11-23", "2026-11-23", 0, 1, 0, 0)
    weeks = await series(served, "DOSSIER_ON_TIME", "week", from_="2026-11-18", to="2026-11-30")
    assert [(p["from"], p["to"]) for p in weeks["points"]] == [
        ("2026-11-18", "2026-11-22"),
        ("2026-11-23", "2026-11-29"),
    ]
    served.clock.at = datetime(2026, 11, 24, tzinfo=CIVIL)
    assert len((await series(served, **query))["points"]) == 2
    served.clock.at += timedelta(microseconds=1)
    assert len((await series(served, **query))["points"]) == 3


async def test_a_month_of_the_series_takes_the_national_report_of_that_month(served: Running) -> None:
    await served.push([reception(served)])
    report = {"code": "DOSSIER_SYNC", "unit": "H44", "period": "2026-01", "count": 4, "source": "báo cáo"}
    assert (await served.put("/v1/external-figures", [report])).json()["errors"] == []
    shown = await series(served, "DOSSIER_SYNC", "month", from_="2026-01-01", to="2026-02-10")
    assert [point["denominator"] for point in shown["points"]] == [4, 0]
    assert not shown["additive"]


async def test_a_thousand_points_are_the_most(served: Running) -> None:
    query: dict[str, Any] = {"unit": "H44", "indicator": "DOSSIER_ON_TIME", "bucket": "day", "from": "2024-01-01"}
    answer = await served.get("/v1/series", to="2026-09-26", **query)
    assert len(answer.json()["points"]) == 1000
    assert of_problem(await served.get("/v1/series", to="2026-09-27", **query)) == (422, "invalid_parameter", "bucket")


async def test_several_series_are_one_answer_each_as_it_is_alone(served: Running) -> None:
    late = reception(served, "H44.07-1", due_at="2026-02-10T17:00:00+07:00")
    await served.push([late, served.event("dossier.completed", "H44.07-1", time="2026-03-03T08:00:00+07:00")])
    asked = ["TOTAL", "satisfaction", "DOSSIER_ON_TIME", "AVERAGE_PROCESSING_TIME", "ONLINE_DOSSIERS"]
    query: dict[str, Any] = {"unit": "H44", "bucket": "month", "from": "2026-01-05", "to": "2026-03-31"}
    several = (await served.get("/v1/series", indicator=asked, **query)).json()
    assert [each["indicator"] for each in several["series"]] == asked
    for each in several["series"]:
        alone = (await served.get("/v1/series", indicator=each["indicator"], **query)).json()
        assert {name: alone[name] for name in ("indicator", "additive", "note", "points")} == each
        assert several.keys() == (alone.keys() - each.keys()) | {"series"}
    # Every point is what a scorecard of its days has.
    for number, (begin, end) in enumerate(
        [("2026-01-05", "2026-01-31"), ("2026-02-01", "2026-02-28"), ("2026-03-01", "2026-03-31")]
    ):
        shown = await card(served, from_=begin, to=end)
        total, group, on_time, *_ = [each["points"][number] for each in several["series"]]
        assert total["score"] == shown["total"]
        assert group["score"] == next(each["score"] for each in shown["groups"] if each["code"] == "satisfaction")
        assert (on_time["numerator"], on_time["denominator"]) == counts(shown, "DOSSIER_ON_TIME")
        assert {total[name] for name in ("numerator", "denominator", "ratio")} == {None}
    # By hand, always: 6 + 6 without petitions, 2 for certified copies, 1.25 of 2 for one of two procedures online (full
    # at 80 %). In January 20 on time and 6 satisfied with it, 6 received online.
    assert [point["score"] for point in several["series"][0]["points"]] == [47.25, 15.25, 15.25]
    assert [point["score"] for point in several["series"][1]["points"]] == [18, 12, 12]
    assert [each["additive"] for each in several["series"]] == [False, False, False, False, True]
    assert several["series"][0]["note"].startswith("Điểm được tính lại")
    back = (await served.get("/v1/series", indicator=asked[::-1], **query)).json()
    assert back["series"] == several["series"][::-1]
    table = (await served.get("/v1/series", headers={"accept": "text/csv"}, indicator=asked[1:4], **query)).text
    assert table.splitlines() == [
        "indicator,from,to,numerator,denominator,ratio,score,value",
        "satisfaction,2026-01-05,2026-01-31,,,,18.00,",
        "satisfaction,2026-02-01,2026-02-28,,,,12.00,",
        "satisfaction,2026-03-01,2026-03-31,,,,12.00,",
        "DOSSIER_ON_TIME,2026-01-05,2026-01-31,1,1,100.00,20.00,",
        "DOSSIER_ON_TIME,2026-02-01,2026-02-28,0,1,0.00,0.00,",
        "DOSSIER_ON_TIME,2026-03-01,2026-03-31,0,1,0.00,0.00,",
        "AVERAGE_PROCESSING_TIME,2026-01-05,2026-01-31,,,,,",
        "AVERAGE_PROCESSING_TIME,2026-02-01,2026-02-28,,,,,",
        "AVERAGE_PROCESSING_TIME,2026-03-01,2026-03-31,,,,,57.00",
    ]


async def test_a_thousand_points_are_the_most_in_all(served: Running) -> None:
    query: dict[str, Any] = {"unit": "H44", "bucket": "day", "from": "2025-01-01", "indicator": ["TOTAL", "online"]}
    answer = await served.get("/v1/series", to="2026-05-15", **query)
    assert [len(each["points"]) for each in answer.json()["series"]] == [500, 500]
    assert of_problem(await served.get("/v1/series", to="2026-05-16", **query)) == (422, "invalid_parameter", "bucket")


async def test_a_series_is_told_as_csv_too_and_has_an_etag(served: Running) -> None:
    await served.push([reception(served, time="2026-11-20T08:00:00+07:00")])
    query: dict[str, Any] = {
        "unit": "H44",
        "indicator": "ONLINE_DOSSIERS",
        "bucket": "day",
        "from": "2026-11-20",
        "to": "2026-11-21",
    }
    answer = await served.get("/v1/series", headers={"accept": "text/csv"}, **query)
    assert answer.text.splitlines() == [
        "from,to,numerator,denominator,ratio,score",
        "2026-11-20,2026-11-20,1,1,100.00,6.00",
        "2026-11-21,2026-11-21,0,0,,0.00",
    ]
    plain = await served.get("/v1/series", **query)
    assert (
        await served.get("/v1/series", headers={"if-none-match": plain.headers["etag"]}, **query)
    ).status_code == 304


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"bucket": "day"}, (422, "invalid_parameter", "indicator")),
        ({"indicator": "DOSSIER_ON_TIME"}, (422, "invalid_parameter", "bucket")),
        ({"indicator": "DOSSIER_ON_TIME", "bucket": "year"}, (422, "invalid_parameter", "bucket")),
        ({"indicator": "X", "bucket": "day"}, (404, "unknown_indicator", "indicator")),
        ({"indicator": ["TOTAL", "X"], "bucket": "day"}, (404, "unknown_indicator", "indicator")),
        ({"indicator": ["TOTAL", "TOTAL"], "bucket": "day"}, (422, "invalid_parameter", "indicator")),
        ({"indicator": "TOTAL", "bucket": ["day", "week"]}, (422, "invalid_parameter", "bucket")),
        ({"indicator": "DOSSIER_ON_TIME", "bucket": "day", "by": "x"}, (422, "invalid_parameter", "by")),
    ],
)
async def test_wrong_parameters_are_refused(served: Running, query: dict, problem: tuple) -> None:
    assert of_problem(await served.get("/v1/series", unit="H44", period="2026", **query)) == problem
