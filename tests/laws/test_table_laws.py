"""Rankings, series and breakdowns of random histories over HTTP, every row equal to the recount."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date
from typing import Any

import pytest

from app.domain import codes
from app.domain.catalogues import indicators as catalogue
from tests.laws.recounted import SECTORS, number, recounted, told
from tests.oracle.calendar import parse_instant, period_days
from tests.oracle.catalogue import Procedures, Units, upsert
from tests.oracle.points import GROUPS, WORTH, Figure, half_up
from tests.oracle.tabular import as_then, buckets, figures_over, parts_of_unit, places, ranked_units, standing
from tests.running import Running

INDICATORS = catalogue.load().indicators
ROW = ["rank", "of", "unit", "score", "ratio", "previous_rank", "previous_score"]


async def asked(running: Running, path: str, **query) -> dict:
    answer = await running.get(f"/v1/{path}", **query)
    assert answer.status_code == 200, answer.text
    shown: dict = answer.json()
    return shown


@pytest.mark.parametrize("seed", [31, 32])
async def test_every_ranking_equals_the_recount(running: Running, seed: int) -> None:
    oracle = await recounted(running, seed)
    indicators = [each.code for each in INDICATORS]
    cases: list[tuple[str, str, str, dict[str, str], str]] = [
        ("H44", level, period, {}, by)
        for level in ("department", "commune")
        for period in ("2026", "2026-Q3", "2025")
        for by in ("total", *GROUPS)
    ]
    cases += [("H44", "commune", "2026-11", {}, by) for by in indicators]
    cases += [("H44", "department", "2026-9M", {"scope": "own"}, by) for by in indicators]
    cases += [
        ("H44", "commune", "2026", {"procedure": "1.000001"}, by) for by in ("total", "progress", *indicators[:9])
    ]
    cases += [("H44.13", "department", "2026-11-23", {}, "DOSSIER_ON_TIME"), ("H44", "province", "2026", {}, "total")]
    for unit, level, period, more, by in cases:
        query = {} if by == "total" else {"group": by} if by in GROUPS else {"indicator": by}
        shown = await asked(running, "ranking", unit=unit, level=level, period=period, **more, **query)
        first, last = period_days(period)
        now = parse_instant(shown["as_of"])
        scope, procedure = more.get("scope", "subtree"), more.get("procedure")
        expected = {
            code: figures_over(oracle, (code, first, last, scope, procedure), now)
            for code in ranked_units(oracle, unit, level, first, last, now)
        }
        ranks = places({code: standing(figures, by) for code, figures in expected.items()})
        order = sorted(ranks, key=lambda code: (ranks[code] or 999, [int(part) for part in code[1:].split(".")]))
        where = f"{unit} {level} {period} {more} {by}"
        assert shown["by"] == by
        assert [row["unit"]["code"] for row in shown["rows"]] == order, where
        assert [row["rank"] for row in shown["rows"]] == [ranks[code] for code in order], where
        assert {row["of"] for row in shown["rows"]} <= {sum(rank is not None for rank in ranks.values())}, where
        for row in shown["rows"]:
            figures = expected[row["unit"]["code"]]
            if by in figures:
                assert number(row["score"]) == figures[by].score, where
                ratio = figures[by].ratio
                assert number(row["ratio"]) == (None if ratio is None else half_up(ratio * 100)), where
            else:
                assert number(row["score"]) == standing(figures, by), where
                assert row["ratio"] is None


CATALOGUE_COUNTS = {"ONLINE_WITH_DOSSIERS", "PAYMENT_PROCEDURES", "CITIZEN_DATA_CONNECTED_FORMALITY"}
"""Their denominators are of procedures in the catalogue, whether anything happened or not."""
CATALOGUE_ALONE = {"ONLINE_PROVISION", "PAYMENT_INTEGRATED", "ELECTRONIC_CERTIFIED_COPY", "CERTIFIED_COPY_COVERAGE"}
"""Nothing that happens is counted for these."""


def _something_counted(figures: dict[str, Figure], by: str) -> bool:
    """Whether anything was counted for what is ranked by: a numerator, a denominator or a value."""
    used = [each for each in WORTH if by in ("total", WORTH[each].group)] or [by]
    of_events = [each for each in used if each not in CATALOGUE_ALONE]
    counts = [figures[each].numerator for each in of_events]
    counts += [figures[each].denominator for each in of_events if each not in CATALOGUE_COUNTS]
    known = any(figures[each].value is not None for each in of_events)
    known = known or any(figures[each].ratio is not None for each in of_events if figures[each].denominator is None)
    return not of_events or any(counts) or known


async def test_rows_carry_the_movement_from_the_compared_periods_own_ranking(running: Running) -> None:
    oracle = await recounted(running, 33)
    cases = [("previous", "2026-Q3", "2026-Q2"), ("last_year", "2026-Q3", "2025-Q3"), ("previous", "2026", "2025")]
    bys = ["TOTAL", *GROUPS, *(each.code for each in INDICATORS)]
    told_before = Counter[bool]()
    for compare, period, before in cases:
        query = {"unit": "H44", "level": "commune", "indicator": bys}
        shown = await asked(running, "ranking", period=period, compare=compare, **query)
        earlier = await asked(running, "ranking", period=before, **query)
        if shown["period"]["open"]:
            # Compared up to the same day of the year before.
            cut = {"from": "2025-01-01", "to": f"2025{shown['as_of'][4:10]}"}
            earlier = await asked(running, "ranking", **cut, **query)
        assert shown["previous_period"] == before
        now = parse_instant(earlier["as_of"])
        first, last = (date.fromisoformat(earlier["period"][name]) for name in ("from", "to"))
        assert [each["by"] for each in shown["rankings"]] == ["total", *bys[1:]]
        for mine, own in zip(shown["rankings"], earlier["rankings"], strict=True):
            then = {row["unit"]["code"]: row for row in own["rows"]}
            assert mine["rows"]
            for row in mine["rows"]:
                assert [name for name in row if name != "value"] == ROW
                unit = row["unit"]["code"]
                figures = figures_over(oracle, (unit, first, last, "subtree", None), now)
                there = unit in then and _something_counted(figures, own["by"])
                told_before[there] += 1
                expected = (then[unit]["rank"], then[unit]["score"]) if there else (None, None)
                assert (row["previous_rank"], row["previous_score"]) == expected, (period, own["by"], unit)
    assert min(told_before[True], told_before[False]) > 20


@pytest.mark.parametrize("seed", [35])
async def test_what_is_compared_changes_nothing_that_is_asked(running: Running, seed: int) -> None:
    oracle = await recounted(running, seed)
    for begin, end, earlier in (
        ("2025-01-01", "2026-06-30", ("2024-01-01", "2025-06-30")),
        ("2025-03-10", "2026-11-23", ("2024-03-10", "2025-11-23")),
        # An open range: compared up to the same number of days.
        ("2025-06-01", "2026-12-31", ("2024-06-01", "2025-11-23")),
        ("2025-11-22", "2026-11-22", ("2024-11-22", "2025-11-22")),
    ):
        query: dict[str, Any] = {"unit": "H44", "from": begin, "to": end}
        cards = {each: await asked(running, "scorecard", compare=each, **query) for each in ("previous", "last_year")}
        now = parse_instant(cards["last_year"]["as_of"])
        first, last = date.fromisoformat(begin), date.fromisoformat(end)
        since, until = map(date.fromisoformat, earlier)
        figures = figures_over(oracle, ("H44", first, last, "subtree", None), now)
        before = figures_over(oracle, ("H44", since, until, "subtree", None), now)
        by_code = {name: _by_code(each) for name, each in cards.items()}
        for code, figure in figures.items():
            shown = by_code["last_year"][code]
            assert {name: shown[name] for name in ("numerator", "denominator", "ratio")} == told(figure), (query, code)
            assert shown["previous"]["ratio"] == told(before[code])["ratio"], (query, code)
            same = ("numerator", "denominator", "ratio", "score", "value")
            assert [shown.get(each) for each in same] == [by_code["previous"][code].get(each) for each in same]
        assert cards["last_year"]["balance"] == cards["previous"]["balance"]
        ranked: dict[str, Any] = {**query, "level": "commune", "indicator": "DOSSIER_ON_TIME"}
        shown = await asked(running, "ranking", compare="last_year", **ranked)
        alone = await asked(running, "ranking", compare="previous", **ranked)
        now_only = ("rank", "of", "unit", "score", "ratio")
        assert [[row[name] for name in now_only] for row in shown["rows"]] == [
            [row[name] for name in now_only] for row in alone["rows"]
        ]
        for row in shown["rows"]:
            code = row["unit"]["code"]
            mine = figures_over(oracle, (code, first, last, "subtree", None), now)["DOSSIER_ON_TIME"]
            assert number(row["score"]) == mine.score
            mine = figures_over(oracle, (code, since, until, "subtree", None), now)["DOSSIER_ON_TIME"]
            was_there = code in ranked_units(oracle, "H44", "commune", since, until, now)
            assert number(row["previous_score"]) == (mine.score if was_there and mine.denominator else None)


def _by_code(card: dict) -> dict[str, dict]:
    every = [each for group in card["groups"] for each in group["indicators"]] + card["operational"]
    return {each["code"]: each for each in every}


MERGER: list[dict[str, Any]] = [
    {"code": "H44.140", "name": "Xã hợp nhất", "level": "commune", "valid_from": "2026-07-01", "certified_copy": True},
    {"code": "H44.131", "valid_to": "2026-06-30", "successor": "H44.140", "certified_copy": True},
    {"code": "H44.134", "valid_to": "2026-06-30", "successor": "H44.140"},
    {"code": "H44.131.5", "valid_to": "2026-06-30"},
]
OLD, NEW = {"H44.131", "H44.134"}, {"H44.140"}


@pytest.mark.parametrize("seed", [36])
async def test_a_merger_is_seen_as_now_and_as_then(running: Running, seed: int) -> None:
    oracle = await recounted(running, seed)
    assert (await running.put("/v1/units", MERGER)).json()["errors"] == []
    oracle.units = Units(upsert([*oracle.units.rows.values()], MERGER))
    oracle.procedures = Procedures(oracle.procedures.rows.values(), oracle.units)
    cohorts = {}
    for period, seen in itertools.product(("2026-Q1", "2026", "2026-Q3"), ("now", "then")):
        first, last = period_days(period)
        recount = as_then(oracle, first, last) if seen == "then" else oracle
        shown = await asked(running, "ranking", unit="H44", level="commune", period=period, **{"as": seen})
        now = parse_instant(shown["as_of"])
        totals = {
            code: standing(figures_over(recount, (code, first, last, "subtree", None), now), "total")
            for code in ranked_units(recount, "H44", "commune", first, last, now)
        }
        assert {row["unit"]["code"]: number(row["score"]) for row in shown["rows"]} == totals
        for by in ("DOSSIER_ON_TIME", "PAYMENT_DOSSIERS", "CERTIFIED_COPY_COVERAGE", "PETITION_PROCESSING_ON_TIME"):
            query: dict[str, Any] = {"unit": "H44", "period": period, "as": seen}
            shown = await asked(running, "ranking", level="commune", indicator=by, **query)
            assert shown["as"] == seen
            now = parse_instant(shown["as_of"])
            figures = {
                code: figures_over(recount, (code, first, last, "subtree", None), now)
                for code in ranked_units(recount, "H44", "commune", first, last, now)
            }
            ranks = places({code: standing(each, by) for code, each in figures.items()})
            assert {row["unit"]["code"]: row["rank"] for row in shown["rows"]} == ranks
            cohorts[period, seen] = set(ranks)
            broken_down = await asked(running, "breakdown", by="unit", indicator=by, **query)
            parts = {row["key"]: row for row in broken_down["rows"]}
            for row in shown["rows"]:
                unit = row["unit"]["code"]
                figure = figures[unit][by]
                mine: dict[str, Any] = {**query, "unit": unit}
                told_here = _by_code(await asked(running, "scorecard", **mine))[by]
                expected = told(figure)
                assert {name: told_here[name] for name in expected} == expected, (mine, by)
                if unit in parts:
                    assert {name: parts[unit][name] for name in expected} == expected, (mine, by)
                listed = await asked(running, "dossiers", indicator=by, side="denominator", limit=500, **mine)
                assert listed["total"] == len(listed["items"]) == figure.denominator
    assert cohorts["2026-Q1", "now"] & (OLD | NEW) == NEW
    assert cohorts["2026-Q1", "then"] & (OLD | NEW) == OLD
    assert cohorts["2026", "then"] & (OLD | NEW) == OLD | NEW
    assert cohorts["2026-Q3", "now"] & (OLD | NEW) == cohorts["2026-Q3", "then"] & (OLD | NEW) == NEW
    # Merged without a word of when: held to have existed ever since.
    assert cohorts["2026-Q3", "then"] - cohorts["2026-Q3", "now"] == {"H44.132", "H44.133"}


async def test_merged_units_and_those_not_there_in_the_period_are_left_out(running: Running) -> None:
    await recounted(running, 34, 40)
    for level, period, expected in (
        ("commune", "2026-10", ["H44.130", "H44.131", "H44.131.5", "H44.134"]),
        ("commune", "2026-11", ["H44.130", "H44.131", "H44.131.5", "H44.134", "H44.135"]),
        ("department", "2026", ["H44.13", "H44.13.1", "H44.13.2", "H44.14", "H44.16"]),
        ("department", "2025", ["H44.13", "H44.13.1", "H44.13.2", "H44.14", "H44.16", "H44.17"]),
    ):
        shown = await asked(running, "ranking", unit="H44", level=level, period=period, group="progress")
        assert sorted((row["unit"]["code"] for row in shown["rows"]), key=codes.sort_key) == expected


SPANS = [
    ("day", "2026-10-15", "2026-11-30"),
    ("day", "2024-12-28", "2025-01-05"),
    ("week", "2025-12-03", "2026-02-10"),
    ("week", "2026-11-01", "2026-12-31"),
    ("month", "2025-06-10", "2026-12-31"),
    ("month", "2026-01-01", "2026-06-30"),
]


@pytest.mark.parametrize("seed", [41])
async def test_every_point_of_a_series_equals_the_recount(running: Running, seed: int) -> None:
    oracle = await recounted(running, seed)
    asks: list[tuple[str, str, str | None]] = [
        ("H44", "subtree", None),
        ("H44.130", "subtree", None),
        ("H44.13", "own", None),
    ]
    asks += [("H44", "subtree", "1.000001"), ("H44.14", "subtree", "9.999991")]
    for (unit, scope, procedure), (length, begin, end) in itertools.product(asks, SPANS):
        more: dict[str, Any] = {"procedure": procedure} if procedure else {}
        days = list(buckets(date.fromisoformat(begin), date.fromisoformat(end), length))
        expected = None
        for indicator in INDICATORS:
            query = {"unit": unit, "scope": scope, "from": begin, "to": end, "bucket": length} | more
            shown = await asked(running, "series", indicator=indicator.code, **query)
            if expected is None:
                now = parse_instant(shown["as_of"])
                begun = [(first, last) for first, last in days if first <= now.date()]
                expected = [figures_over(oracle, (unit, *each, scope, procedure), now) for each in begun]
            where = f"{unit} {scope} {procedure} {length} {begin} {indicator.code}"
            assert [(p["from"], p["to"]) for p in shown["points"]] == [(str(a), str(b)) for a, b in begun], where
            for point, figures in zip(shown["points"], expected, strict=True):
                figure = figures[indicator.code]
                assert {name: point[name] for name in ("numerator", "denominator", "ratio")} == told(figure), where
                assert number(point["score"]) == figure.score, where
                assert number(point.get("value")) == figure.value, where
        assert expected is not None
        query = {"unit": unit, "scope": scope, "from": begin, "to": end, "bucket": length} | more
        several = await asked(running, "series", indicator=["TOTAL", *GROUPS], **query)
        for line, by in zip(several["series"], ("total", *GROUPS), strict=True):
            points = [standing(figures, by) for figures in expected]
            assert [number(point["score"]) for point in line["points"]] == points, (query, by)


@pytest.mark.parametrize("seed", [42])
async def test_points_and_rows_add_up_to_the_scorecard_where_the_answer_says_so(running: Running, seed: int) -> None:
    await recounted(running, seed)
    for unit, period in (("H44", "2026-Q4"), ("H44.14", "2026-Q2")):
        card = await asked(running, "scorecard", unit=unit, period=period)
        every = [each for group in card["groups"] for each in group["indicators"]] + card["operational"]
        whole = {each["code"]: (each["numerator"], each["denominator"]) for each in every}
        additive = set()
        for indicator in INDICATORS:
            tables: list[tuple[str, str, dict[str, Any]]] = [
                ("series", "points", {"bucket": length, "indicator": indicator.code})
                for length in ("day", "week", "month")
            ]
            tables += [
                ("breakdown", "rows", {"by": by, "indicator": indicator.code})
                for by in ("unit", "procedure", "sector", "channel")
            ]
            for path, key, query in tables:
                answer = await running.get(f"/v1/{path}", unit=unit, period=period, **query)
                if answer.status_code == 422:
                    assert answer.json()["code"] == "no_breakdown"
                    continue
                shown = answer.json()
                assert (shown["note"] is None) == shown["additive"]
                if path == "breakdown":
                    assert (shown["total"]["numerator"], shown["total"]["denominator"]) == whole[indicator.code]
                if shown["additive"]:
                    additive.add((indicator.code, query.get("by", "time")))
                    sums = [sum(row[name] for row in shown[key]) for name in ("numerator", "denominator")]
                    assert tuple(sums) == whole[indicator.code], (unit, period, query)
        assert {by for code, by in additive if code == "DOSSIER_ON_TIME"} == {"unit", "procedure", "sector", "channel"}
        assert {by for code, by in additive if code == "SETTLED_ON_TIME"} >= {"time", "unit", "procedure", "channel"}
        assert {by for code, by in additive if code == "PETITION_PROCESSING_ON_TIME"} == {"unit"}
        assert {by for code, by in additive if code == "E_DOCUMENT"} == {"unit", "time"}
        distinct = ("ONLINE_PROVISION", "PUBLISH_ON_TIME", "PAYMENT_PROCEDURES")
        assert not [code for code, _ in additive if code in distinct]


@pytest.mark.parametrize("seed", [51])
async def test_every_row_of_a_breakdown_equals_the_recount(running: Running, seed: int) -> None:
    oracle = await recounted(running, seed)
    for unit, period in (("H44", "2026"), ("H44.13", "2026-11"), ("H44.130", "2025")):
        first, last = period_days(period)
        question = (unit, first, last, "subtree", None)
        for indicator in INDICATORS:
            query: dict[str, Any] = {"unit": unit, "period": period, "indicator": indicator.code}
            for by in ("unit", "procedure", "sector", "channel"):
                answer = await running.get("/v1/breakdown", by=by, **query)
                if answer.status_code == 422:
                    root_or_constant = indicator.counts == "publications" or indicator.kind == "constant"
                    assert root_or_constant or (by != "unit" and indicator.counts != "dossiers")
                    continue
                shown = answer.json()
                now = parse_instant(shown["as_of"])
                expected = {}
                if by == "unit":
                    for key, units in parts_of_unit(oracle, unit).items():
                        scope = "own" if key == unit else "subtree"
                        expected[key] = figures_over(oracle, (key, first, last, scope, None), now, units)
                else:
                    for key, keep in _parts(by).items():
                        expected[key] = figures_over(oracle, question, now, wanted=keep, reported=False)
                figures = {key: each[indicator.code] for key, each in expected.items()}
                if by in ("procedure", "sector"):
                    figures = {key: f for key, f in figures.items() if _shows(f)}
                rows = {row["key"]: row for row in shown["rows"]}
                where = f"{query} {by}"
                assert rows.keys() == figures.keys(), where
                for key, row in rows.items():
                    shown_counts = {name: row[name] for name in ("numerator", "denominator", "ratio")}
                    assert shown_counts == told(figures[key]), f"{where} {key}"
                    assert number(row.get("value")) == figures[key].value, f"{where} {key}"


def _shows(figure: Figure) -> bool:
    return bool(figure.numerator or figure.denominator or figure.ratio is not None or figure.value is not None)


def _parts(by: str) -> dict:
    if by == "channel":
        return {name: (lambda d, name=name: d.channel == name) for name in ("online", "counter", "postal")}
    known = [f"1.{number:06}" for number in range(1, 10)] + ["2.000010"] + ["9.999991", "9.999992"]
    if by == "procedure":
        return {code: (lambda d, code=code: d.procedure == code) for code in known}
    return {name: (lambda d, name=name: SECTORS.get(d.procedure, "") == name) for name in {*SECTORS.values(), ""}}
