"""The ranking: order, ties, cohort and movement, against the recount and as the portal published it."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import Any

import pytest

from app.api.figures.ranking import rows
from app.demo import province
from app.domain import codes
from app.domain.catalogues import indicators
from app.domain.catalogues.root import Unit
from app.domain.figures import scoring
from app.domain.figures.standing import Standing
from tests.api.asking import of_problem, reception
from tests.domain.figures import published
from tests.running import Running

OFF = {"H44.125", "H44.158"}
"""Communes whose published payment score is a hundredth below the sum of its rounded parts (indicators, section 4)."""


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def ranking(running: Running, **query) -> dict:
    answer = await running.get("/v1/ranking", **query)
    assert answer.status_code == 200, answer.text
    told: dict = answer.json()
    return told


async def test_no_data_comes_last_without_a_rank_and_does_not_count(served: Running) -> None:
    await served.push([reception(served)])
    shown = await ranking(served, unit="H44", level="department", period="2026", indicator="ORIGINAL_RESULT_AVAILABLE")
    assert [(row["unit"]["code"], row["rank"], row["of"], row["score"]) for row in shown["rows"]] == [
        ("H44.07", 1, 1, 0),
        ("H44.13", None, 1, None),
    ]
    shown = await ranking(served, unit="H44", level="department", period="2026", group="digitisation")
    assert [(row["rank"], row["of"], row["score"]) for row in shown["rows"]] == [(1, 2, 2), (1, 2, 2)]


async def test_a_ranking_is_told_as_csv_too(served: Running) -> None:
    await served.push([reception(served)])
    query: dict[str, Any] = {"unit": "H44", "level": "department", "period": "2026", "indicator": "DOSSIER_ON_TIME"}
    answer = await served.get("/v1/ranking", headers={"accept": "text/csv"}, **query)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert answer.text.splitlines() == [
        "rank,of,unit.code,unit.name,unit.level,score,ratio,previous_rank,previous_score",
        "1,2,H44.07,Sở Công Thương,department,0.00,0.00,,",
        "1,2,H44.13,Sở Tài chính,department,0.00,,,",
    ]
    json_tag = (await served.get("/v1/ranking", **query)).headers["etag"]
    assert answer.headers["etag"] != json_tag
    again = await served.get(
        "/v1/ranking", headers={"accept": "text/csv", "if-none-match": answer.headers["etag"]}, **query
    )
    assert (again.status_code, again.content) == (304, b"")
    empty = await served.get("/v1/ranking", headers={"accept": "text/csv"}, **(query | {"level": "ministry"}))
    assert list(csv.reader(empty.text.splitlines())) == [
        ["rank", "of", "unit.code", "unit.name", "unit.level", "score", "ratio", "previous_rank", "previous_score"]
    ]


async def test_a_period_in_which_nothing_happened_has_no_ranks_to_compare_with(served: Running) -> None:
    await served.push([reception(served)])
    ranked_by: list[dict[str, str]] = [
        {},
        {"group": "progress"},
        {"group": "online"},
        {"indicator": "DOSSIER_ON_TIME"},
        {"indicator": "PETITION_PROCESSING_ON_TIME"},
        {"indicator": "ONLINE_WITH_DOSSIERS"},
    ]
    for by in ranked_by:
        shown = await ranking(served, unit="H44", level="department", period="2026", **by)
        assert [(row["previous_rank"], row["previous_score"]) for row in shown["rows"]] == [(None, None)] * 2, by
        assert shown["previous_period"] == "2025"
    # What the catalogue alone says holds for any year.
    for code, score in (("ONLINE_PROVISION", 0), ("ELECTRONIC_CERTIFIED_COPY", 2)):
        shown = await ranking(served, unit="H44", level="department", period="2026", indicator=code)
        assert [(row["previous_rank"], row["previous_score"]) for row in shown["rows"]] == [(1, score)] * 2
    # A dossier that was open then is something: one of two had it, and has a place.
    await served.push([reception(served, "H44.07-241230-0001", time="2024-12-30T08:00:00+07:00")])
    shown = await ranking(served, unit="H44", level="department", period="2026", indicator="DOSSIER_ON_TIME")
    assert [(row["previous_rank"], row["previous_score"]) for row in shown["rows"]] == [(1, 20), (None, None)]


async def test_a_blank_unit_keeps_its_place_among_the_others_of_the_compared_period(served: Running) -> None:
    # A disliked petition of one department: 0 of 6 points. The other had none, which earns all 6.
    told = served.event("petition.received", "PAKN-1", "H44.07", time="2025-03-03T08:00:00+07:00", about="staff")
    rated = served.event("petition.rated", "PAKN-1", "H44.07", time="2025-03-04T08:00:00+07:00", satisfied=False)
    await served.push([told, rated])
    query: dict[str, Any] = {"unit": "H44", "level": "department", "indicator": "PETITION_HANDLING_SATISFACTION"}
    before = await ranking(served, period="2025", **query)
    assert [(row["unit"]["code"], row["rank"], row["score"]) for row in before["rows"]] == [
        ("H44.13", 1, 6),
        ("H44.07", 2, 0),
    ]
    shown = await ranking(served, period="2026", **query)
    assert {row["unit"]["code"]: (row["previous_rank"], row["previous_score"]) for row in shown["rows"]} == {
        "H44.13": (None, None),
        "H44.07": (2, 0),
    }


COMMUNES = [
    {"code": "H44.120", "name": "Xã một", "level": "commune"},
    {"code": "H44.140", "name": "Xã hợp nhất", "level": "commune", "valid_from": "2026-07-01"},
    {"code": "H44.130", "valid_to": "2026-06-30", "successor": "H44.140"},
    {"code": "H44.131", "name": "Xã hai", "level": "commune", "valid_to": "2026-06-30", "successor": "H44.140"},
]


async def test_merged_units_are_ranked_and_moved_as_now_and_as_then(served: Running) -> None:
    assert (await served.put("/v1/units", COMMUNES)).json()["errors"] == []
    pushed = []
    # By unit and month: whether each dossier of that month ended on time.
    for unit, month, on_time in (
        *(("H44.120", 2, [True, False]), ("H44.130", 2, [True]), ("H44.131", 2, [False])),
        *(("H44.120", 5, [True, True, False]), ("H44.130", 5, [False]), ("H44.131", 5, [True, True, True])),
        *(("H44.120", 8, [True]), ("H44.130", 8, [False]), ("H44.140", 8, [True, True, True, False])),
    ):
        for number, each in enumerate(on_time):
            subject = f"{unit}-26{month:02}01-{number}"
            due, ended = f"2026-{month:02}-10T17:00:00+07:00", f"2026-{month:02}-{9 if each else 11:02}T08:00:00+07:00"
            pushed.append(reception(served, subject, unit, time=f"2026-{month:02}-01T08:00:00+07:00", due_at=due))
            pushed.append(served.event("dossier.completed", subject, unit, time=ended))
    await served.push(pushed)

    async def moved(period: str, seen: str) -> dict[str, tuple]:
        query: dict[str, Any] = {"unit": "H44", "level": "commune", "indicator": "DOSSIER_ON_TIME", "as": seen}
        shown = await ranking(served, period=period, **query)
        names = ("rank", "of", "score", "previous_rank", "previous_score")
        return {row["unit"]["code"]: tuple(row[name] for name in names) for row in shown["rows"]}

    assert await moved("2026-Q2", "then") == {
        "H44.131": (1, 3, 20, 3, 0),
        "H44.120": (2, 3, 13.33, 2, 10),
        "H44.130": (3, 3, 0, 1, 20),
    }
    assert await moved("2026-Q2", "now") == {"H44.140": (1, 2, 15, 1, 10), "H44.120": (2, 2, 13.33, 1, 10)}
    # From July on only the successor is there, with what its parts had before and still get.
    merged = {"H44.120": (1, 2, 20, 2, 13.33), "H44.140": (2, 2, 12, 1, 15)}
    assert await moved("2026-Q3", "then") == await moved("2026-Q3", "now") == merged
    assert await moved("2026", "then") == {
        "H44.131": (1, 4, 15, None, None),
        "H44.140": (1, 4, 15, None, None),
        "H44.120": (3, 4, 13.33, None, None),
        "H44.130": (4, 4, 6.67, None, None),
    }


async def test_several_rankings_are_one_answer_each_as_it_is_alone(served: Running) -> None:
    await served.push([reception(served), reception(served, "H44.13-251103-1", "H44.13", time="2025-11-03T08:00:00Z")])
    query: dict[str, Any] = {"unit": "H44", "level": "department", "period": "2026"}
    asked = ["TOTAL", "progress", "online", "DOSSIER_ON_TIME", "RETURNED_BY_POST", "AVERAGE_PROCESSING_TIME"]
    several = await ranking(served, **query, indicator=asked)
    alone = [
        await ranking(served, **query),
        await ranking(served, **query, group="progress"),
        *[await ranking(served, **query, indicator=each) for each in asked[2:]],
    ]
    of_all = {"unit", "scope", "procedure", "period", "catalogue", "refolding", "as", "level", "previous_period"}
    assert several.keys() == of_all | {"as_of", "rankings"}
    assert several["rankings"] == [{"by": each["by"], "rows": each["rows"]} for each in alone]
    assert [each["by"] for each in several["rankings"]] == ["total", *asked[1:]]
    assert {name: several[name] for name in of_all} == {name: alone[0][name] for name in of_all}
    # In the order asked, whichever that is.
    back = await ranking(served, **query, indicator=asked[::-1])
    assert back["rankings"] == several["rankings"][::-1]
    groups = await ranking(served, **query, group=["online", "progress"])
    assert groups["rankings"] == [several["rankings"][2], several["rankings"][1]]
    table = (await served.get("/v1/ranking", headers={"accept": "text/csv"}, **query, indicator=asked[1:4])).text
    assert table.splitlines()[:3] == [
        "by,rank,of,unit.code,unit.name,unit.level,score,ratio,previous_rank,previous_score",
        "progress,1,2,H44.07,Sở Công Thương,department,0.00,,,",
        "progress,1,2,H44.13,Sở Tài chính,department,0.00,,1,20.00",
    ]
    assert len(table.splitlines()) == 7


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"level": "commune", "indicator": ["TOTAL", "TOTAL"]}, (422, "invalid_parameter", "indicator")),
        ({"level": "commune", "indicator": ["TOTAL", "x"]}, (404, "unknown_indicator", "indicator")),
        ({"level": "commune", "group": ["progress", "TOTAL"]}, (422, "invalid_parameter", "group")),
        ({"level": ["commune", "department"]}, (422, "invalid_parameter", "level")),
        ({}, (422, "invalid_parameter", "level")),
        ({"level": "xã"}, (422, "invalid_parameter", "level")),
        ({"level": "commune", "group": "x"}, (422, "invalid_parameter", "group")),
        ({"level": "commune", "indicator": "X"}, (404, "unknown_indicator", "indicator")),
        (
            {"level": "commune", "group": "progress", "indicator": "DOSSIER_ON_TIME"},
            (422, "invalid_parameter", "indicator"),
        ),
        ({"level": "commune", "as": "before"}, (422, "invalid_parameter", "as")),
        ({"level": "commune", "by": "x"}, (422, "invalid_parameter", "by")),
        ({"level": "commune", "unit": "H45"}, (403, "forbidden_unit", "unit")),
        ({"level": "commune", "unit": "H44.99"}, (404, "unknown_unit", "unit")),
        ({"level": "commune", "period": "2027"}, (422, "period_in_future", "period")),
    ],
)
async def test_what_cannot_be_ranked_is_refused(served: Running, query: dict, problem: tuple) -> None:
    assert of_problem(await served.get("/v1/ranking", **({"unit": "H44", "period": "2026"} | query))) == problem


def _communes() -> list[Unit]:
    listed = [row for row in province.units() if row["level"] == "commune"]
    return [Unit(number, str(row["code"]), str(row["name"]), "commune") for number, row in enumerate(listed)]


def _published_order(scores: dict[str, Decimal]) -> list[tuple[int, str, Decimal]]:
    ranked = [(1 + sum(other > score for other in scores.values()), code, score) for code, score in scores.items()]
    return sorted(ranked, key=lambda each: (each[0], codes.sort_key(each[1])))


def test_the_148_communes_stand_by_progress_as_published() -> None:
    indicator = indicators.load().indicator("DOSSIER_ON_TIME")
    parts = {part.unit: part for part in published.progress()}
    communes = _communes()
    assert len(communes) == 148
    standings = {}
    for unit in communes:
        part = parts[unit.code]
        figure = scoring.score_indicator(indicator, {"on_time": part.numerator, "active": part.denominator})
        standings[unit.code] = Standing(figure.score, figure.ratio)
    shown = rows(communes, standings, {}, by_ratio=False)
    wanted = {unit.code: parts[unit.code].score for unit in communes}
    assert [(row["rank"], row["unit"]["code"], row["score"]) for row in shown] == _published_order(wanted)  # type: ignore[arg-type]
    assert {row["of"] for row in shown} == {148}


def test_the_148_communes_stand_by_payment_as_published() -> None:
    known = indicators.load()
    told = {row.unit: row for row in published.payment()}
    communes = _communes()
    scores = {}
    for unit in communes:
        points = [scoring.points(*counts, known.indicator(code)) for code, counts in told[unit.code].counts.items()]
        scores[unit.code] = sum((each for each in points if each is not None), Decimal(0))
    assert {code for code, score in scores.items() if score != told[code].score} == OFF
    # The table itself, on the published scores, all 148.
    wanted = {unit.code: told[unit.code].score for unit in communes}
    shown = rows(communes, {code: Standing(score) for code, score in wanted.items()}, {}, by_ratio=False)
    assert [(row["rank"], row["unit"]["code"], row["score"]) for row in shown] == _published_order(wanted)
    # From the published counts: every place is the published one when the two are left out.
    kept = [unit for unit in communes if unit.code not in OFF]
    shown = rows(kept, {unit.code: Standing(scores[unit.code]) for unit in kept}, {}, by_ratio=False)
    wanted = {code: score for code, score in wanted.items() if code not in OFF}
    assert [(row["rank"], row["unit"]["code"], row["score"]) for row in shown] == _published_order(wanted)
    # With the two among them, they alone stand otherwise: by a hundredth more, three places in all.
    shown = rows(communes, {code: Standing(score) for code, score in scores.items()}, {}, by_ratio=False)
    published_ranks = {
        code: rank for rank, code, _ in _published_order({unit.code: told[unit.code].score for unit in communes})
    }
    moved = {
        row["unit"]["code"]: (published_ranks[row["unit"]["code"]], row["rank"])
        for row in shown
        if row["rank"] != published_ranks[row["unit"]["code"]]
    }
    assert moved == {"H44.125": (13, 11), "H44.158": (34, 33), "H44.112": (34, 35)}
