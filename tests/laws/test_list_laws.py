"""The list is the number, and the recount's: on random histories, for every indicator, side, period, unit and scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.domain.catalogues import indicators
from tests.api.asking import card, indicator
from tests.api.lives.test_dossiers import whole
from tests.oracle.calendar import period_days
from tests.oracle.histories import NOW, SEED_HOLIDAYS, SEED_WORKDAYS, History, history
from tests.oracle.lists import Member, behind
from tests.oracle.recount import Recount
from tests.running import Running
from tests.seeds import dice

SIDES = ("numerator", "missing", "denominator")
APART = ("RETURNED_BY_POST", "RETURNED_ONLINE")
QUESTIONS = [
    ("H44", "2026", "subtree", None),
    ("H44", "2026-Q3", "subtree", "1.000001"),
    ("H44", "2025", "own", None),
    ("H44.13", "2026-Q3", "subtree", None),
    ("H44.14", "2026-11-23", "subtree", None),
    ("H44.13.1", "2026-11", "own", None),
    ("H44.130", "2026-Q4", "subtree", None),
    ("000.00.14.H44", "2026-W34", "subtree", None),
    ("H44.131", "2025", "subtree", "9.999991"),
]


def members(items: list[dict]) -> list[Member]:
    return [(each["kind"], each["subject"], each["unit"]) for each in items]


async def load(running: Running, made: History) -> Recount:
    running.clock.at = NOW
    await running.catalogue(made.units, made.procedures)
    assert (await running.put("/v1/external-figures", made.external)).json()["errors"] == []
    assert (await running.push(made.events))["errors"] == []
    options: dict[str, Any] = {"external": made.external, "seed_workdays": SEED_WORKDAYS}
    return Recount(made.events, made.units, made.procedures, SEED_HOLIDAYS, **options)


@pytest.mark.parametrize(("seed", "questions"), [(31, QUESTIONS[0::2]), (32, QUESTIONS[1::2])])
async def test_the_list_is_the_number_and_the_recounts_for_every_indicator_and_side(
    running: Running, seed: int, questions: list
) -> None:
    made = history(seed, 130)
    recount = await load(running, made)
    rng = dice(seed)
    for unit, label, scope, procedure in questions:
        query = {"unit": unit, "period": label, "scope": scope} | ({"procedure": procedure} if procedure else {})
        shown = await card(running, **query)
        first, last = period_days(label)
        sides = behind(recount._question(recount.units.canonical(unit), first, last, scope, procedure, NOW), procedure)
        for each in indicators.load().indicators:
            figure = indicator(shown, each.code)
            within, counted = sides.get(each.code, (set(), set()))
            expected = {"numerator": within, "denominator": counted, "missing": counted - within}
            for side in SIDES:
                where = f"{each.code} {side} of {query}"
                limit = rng.choice((7, 50, 1000))
                items, told = await whole(running, limit, indicator=each.code, side=side, **query)
                listed = members(items)
                assert len(listed) == len(set(listed)), where
                assert set(listed) == expected[side], where
                if each.code not in APART or side != "missing":
                    assert told["total"] == number(figure, side), where
                if each.code != "DOSSIER_SYNC" or side == "numerator":
                    assert told["total"] == len(items), where
                elif told["total"] != len(items):
                    assert told["note"].startswith("Mẫu số lấy theo báo cáo"), where
                    assert f"({len(items)})" in told["note"]


async def test_what_is_missing_can_be_won_or_is_lost_and_advice_tells_the_lists_numbers(running: Running) -> None:
    await load(running, history(33, 130))
    rng = dice(33)
    for unit, label, scope, procedure in QUESTIONS:
        query: dict[str, Any] = {"unit": unit, "period": label, "scope": scope} | (
            {"procedure": procedure} if procedure else {}
        )
        advised = {each["indicator"]: each for each in (await running.get("/v1/advice", **query)).json()["items"]}
        for each in indicators.load().indicators:
            if each.recover is None:
                continue
            where = f"{each.code} of {query}"
            sides: dict[str, set[Member]] = {}
            totals: dict[str, int] = {}
            for side in ("numerator", "missing", "recoverable", "at_risk", "lost"):
                limit = rng.choice((7, 50, 1000))
                items, told = await whole(running, limit, indicator=each.code, side=side, **query)
                sides[side], totals[side] = set(members(items)), told["total"]
                if each.code != "DOSSIER_SYNC":
                    assert told["total"] == len(items) == len(sides[side]), where
            assert sides["recoverable"] | sides["lost"] == sides["missing"], where
            assert not sides["recoverable"] & sides["lost"], where
            assert totals["recoverable"] + totals["lost"] == totals["missing"], where
            assert sides["at_risk"] <= sides["numerator" if each.at_risk == "numerator" else "recoverable"], where
            if advised[each.code]["gain"] is not None:
                assert (advised[each.code]["lost"], advised[each.code]["at_risk"]) == (
                    totals["lost"], totals["at_risk"],
                ), where  # fmt: skip


def number(figure: Mapping, side: str) -> int:
    n, d = figure["numerator"] or 0, figure["denominator"] or 0
    return {"numerator": n, "denominator": d, "missing": d - n}[side]
