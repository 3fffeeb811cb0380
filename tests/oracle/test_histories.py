"""The random histories are as nasty as they promise, and the recount keeps its own laws on them."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from .calendar import parse_instant, period_days, start_of
from .histories import NOW, SEED_HOLIDAYS, SEED_WORKDAYS, History, history
from .recount import Recount


@pytest.fixture(scope="module")
def told_history() -> History:
    return history(1, 300)


def of_history(told: History, events: list[dict]) -> Recount:
    return Recount(events, told.units, told.procedures, SEED_HOLIDAYS, told.calendar, told.external, SEED_WORKDAYS)


PERIODS = ["2025", "2026", "2026-Q2", "2026-06", "2025-12-31", "2026-01-01", "2026-11-23"]


def test_neither_order_nor_repetition_matters(told_history: History) -> None:
    shuffled = told_history.events * 2
    Random(7).shuffle(shuffled)
    plain, mixed = of_history(told_history, told_history.events), of_history(told_history, shuffled)
    for period in PERIODS:
        assert plain.answer("H44", *period_days(period), now=NOW) == mixed.answer("H44", *period_days(period), now=NOW)


def test_the_direct_definitions_agree_with_the_four_counts(told_history: History) -> None:
    oracle = of_history(told_history, told_history.events)
    spans = [d.span for d in oracle.dossiers.values()] + [p.span for p in oracle.petitions.values()]
    for period in PERIODS:
        start, end = (start_of(day) for day in period_days(period))
        end = min(end + timedelta(days=1), NOW)
        for span in spans:
            ended = span.ended
            missed = span.deadline
            if span.on_time:
                missed = None
            elif ended is not None:
                missed = min(span.deadline or ended, ended)
            active = (span.received < end) - (ended is not None and ended < start)
            overdue = (missed is not None and missed < end) - (ended is not None and not span.on_time and ended < start)
            assert active == span.active_in(start, end)
            assert overdue == (span.active_in(start, end) and span.overdue_at(end))


def test_the_balance_balances_for_every_unit(told_history: History) -> None:
    oracle = of_history(told_history, told_history.events)
    for unit in oracle.units.rows:
        for period in PERIODS:
            b = oracle.answer(unit, *period_days(period), now=NOW).balance
            assert b["received"] == b["received_online"] + b["received_counter"] + b["received_postal"]
            assert b["active"] == b["carried_over"] + b["received"] == b["ended"] + b["open"]
            assert b["ended"] == b["ended_on_time"] + b["ended_late"]


def test_everything_a_history_promises_really_occurs() -> None:
    histories = [history(seed, 250).coverage for seed in range(4)]
    names = set().union(*histories)
    assert not [name for name in names if not any(coverage[name] for coverage in histories)]
    assert len(names) > 100


def test_no_event_of_a_history_lies_ahead_of_what_a_server_accepts(told_history: History) -> None:
    assert max(parse_instant(e["time"]) for e in told_history.events) <= NOW + timedelta(minutes=9)
    contents: dict = {}
    for e in told_history.events:
        spelt = (
            parse_instant(e["time"]),
            e["type"],
            e["subject"],
            e["unit"],
            e.get("sequence"),
            str(sorted(e["data"].items())),
        )
        assert contents.setdefault((e["source"], e["id"]), spelt) == spelt
