"""What is late and soon will be is the recount's, on random histories, and so is what the scores lose by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from tests.api.asking import card
from tests.laws.test_list_laws import load, members
from tests.oracle.calendar import CIVIL, ONE_DAY, period_days, start_of
from tests.oracle.dossiers import Dossier
from tests.oracle.histories import NOW, PROCEDURES, UNITS, history
from tests.oracle.others import Petition
from tests.oracle.recount import Recount
from tests.running import Running
from tests.seeds import dice

YEAR = period_days("2026")
YEAR_END = start_of(YEAR[1] + ONE_DAY)
QUESTIONS: list[tuple[str, str, str | None, int]] = [
    ("H44", "subtree", None, 5),
    ("H44", "own", None, 30),
    ("H44", "subtree", "1.000001", 30),
    ("H44.13", "subtree", None, 30),
    ("H44.14", "subtree", None, 3),
    ("H44.130", "subtree", None, 1),
    ("H44.131", "subtree", None, 30),
]
Life = Dossier | Petition


def shown(number: Fraction) -> float:
    return float(number)


class Lost:
    """Recounts a unit's score with some lives late."""

    def __init__(self, recount: Recount) -> None:
        self._recount = recount

    def points(self, unit: str, late: Iterable[Life]) -> Fraction:
        """What this year's score of a unit loses when these have been late for a while."""
        before = self._recount.answer(unit, *YEAR, now=NOW).total
        dossiers, petitions = dict(self._recount.dossiers), dict(self._recount.petitions)
        for life in late:
            was = life.span.received
            moved = replace(life.span, deadline=min(was, NOW - timedelta(seconds=1)), ended=None)
            if isinstance(life, Dossier):
                self._recount.dossiers[life.subject] = replace(life, span=moved)
            else:
                self._recount.petitions[life.unit, life.subject] = replace(life, span=moved)
        after = self._recount.answer(unit, *YEAR, now=NOW).total
        self._recount.dossiers, self._recount.petitions = dossiers, petitions
        return before - after


def open_lives(recount: Recount, unit: str, scope: str, procedure: str | None) -> list[Life]:
    question = recount._question(recount.units.canonical(unit), *YEAR, scope, procedure, NOW)
    petitions = question.petitions if procedure is None else []
    lives: list[Life] = [*question.dossiers, *petitions]
    return [each for each in lives if each.span.open_at(NOW)]


def before(recount: Recount, within: int) -> Any:
    """The instant before which that is due that is due within so many working days."""
    return start_of(recount.calendar.nth_workday_after(NOW.astimezone(CIVIL).date(), within + 1))


def workdays(recount: Recount, first: date, last: date) -> int:
    return sum(recount.calendar.is_workday(first + ONE_DAY * n) for n in range(1, (last - first).days + 1))


def named(life: Life) -> tuple[str, str, str]:
    return ("dossier" if isinstance(life, Dossier) else "petition", life.subject, life.unit)


def open_ones(seed: int) -> Iterator[dict[str, Any]]:
    """Events of open dossiers and petitions whose deadlines lie around now and the year's end, some disliked."""
    rng = dice(seed)
    for number in range(70):
        unit = rng.choice(UNITS)["code"]
        received = NOW - timedelta(days=rng.randrange(1, 30), minutes=rng.randrange(1000))
        kind, data = "petition", dict[str, Any](about=rng.choice(("staff", "regulation", "other")))
        if rng.random() < 0.7:
            due = NOW + timedelta(days=rng.choice((-9, -2, 0, 1, 2, 3, 5, 8, 13, 40, 50)), minutes=rng.randrange(600))
            kind, data = "dossier", {"procedure": rng.choice(PROCEDURES)["code"], "channel": "counter"}
            data["due_at"] = due.isoformat()
        told: list[tuple[str, datetime, dict[str, Any]]] = [("received", received, data)]
        if rng.random() < 0.2:
            told.append(("rated", received + timedelta(hours=1), {"satisfied": False}))
        for what, at, content in told:
            event = {"specversion": "1.0", "source": "/today", "id": f"{number}-{what}", "type": f"{kind}.{what}"}
            subject = f"{unit}-{number}" if kind == "dossier" else f"PAKN-{number}"
            yield event | {"subject": subject, "unit": unit, "time": at.isoformat(), "data": content}


SUCCESSORS = {"H44.15": "H44.14", "H44.132": "H44.130", "H44.133": "H44.130"}


@pytest.mark.parametrize("seed", [41, 42])
async def test_today_is_the_recounts_and_so_is_what_is_at_stake(running: Running, seed: int) -> None:
    made = history(seed, 130)
    recount = await load(running, replace(made, events=[*made.events, *open_ones(seed)]))
    lost, today = Lost(recount), NOW.astimezone(CIVIL).date()
    seen = 0
    for unit, scope, procedure, within in QUESTIONS:
        query: dict[str, Any] = {"unit": unit, "scope": scope} | ({"procedure": procedure} if procedure else {})
        answer = await running.get("/v1/today", within=within, limit=1000, **query)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        lives = {
            named(each): each
            for each in open_lives(recount, unit, scope, procedure)
            if each.span.deadline is not None and each.span.deadline < before(recount, within)
        }
        late = {name for name, each in lives.items() if each.span.overdue_at(NOW)}
        assert sorted(members(told["items"])) == sorted(lives), query
        assert told["total"] == len(lives) == sum(row["late"] + row["due"] for row in told["by_unit"])
        assert told["total"] == sum(row["late"] + row["due"] for row in told["by_procedure"])
        assert {name for name, item in zip(members(told["items"]), told["items"], strict=True) if item["late"]} == late
        assert told["late"]["dossiers"] == (await card(running, **query))["balance"]["open_overdue"]
        assert told["late"]["dossiers"] + told["late"]["petitions"] == len(late)
        for horizon in told["due"]:
            due = [
                each
                for name, each in lives.items()
                if name not in late and each.span.deadline < before(recount, horizon["within"])
            ]
            assert horizon["dossiers"] + horizon["petitions"] == len(due)
            costly = [each for each in due if each.span.deadline < YEAR_END]  # type: ignore[operator]
            assert horizon["points"] == shown(lost.points(unit, costly)), (query, horizon)
        keys = []
        for item, name in zip(told["items"], members(told["items"]), strict=True):
            life = lives[name]  # type: ignore[index]
            deadline = life.span.deadline
            assert deadline is not None
            there = deadline.astimezone(CIVIL).date()
            span = (there, today) if item["late"] else (today, there)
            assert item["working_days"] == workdays(recount, *span), item
            costs = not item["late"] and deadline < YEAR_END
            handler = SUCCESSORS.get(life.unit, life.unit)
            assert item["points"] == (shown(lost.points(handler, [life])) if costs else 0), item
            keys.append((-item["points_exact"], deadline, life.subject))
            seen += costs
        assert keys == sorted(keys), query
        for row in told["by_unit"]:
            code = row["unit"]["code"]
            mine = [
                each
                for name, each in lives.items()
                if SUCCESSORS.get(each.unit, each.unit) == code and name not in late and each.span.deadline < YEAR_END  # type: ignore[operator]
            ]
            assert row["points"] == shown(lost.points(code, mine)), row
    assert seen >= 40
