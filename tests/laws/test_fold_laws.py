"""The laws, on the fold alone: whatever the order, the repeats and the splits, the figures are those of the recount."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.calendar import periods
from app.domain.lives.events import Event, EventId, EventRetracted
from tests.laws.memory import Memory, arrivals, catalogues_of, shown
from tests.oracle.histories import NOW, SEED_HOLIDAYS, SEED_WORKDAYS, history
from tests.oracle.http_client import differences_of
from tests.oracle.recount import Recount
from tests.seeds import dice

PERIODS = ["2026", "2025", "2026-H1", "2026-9M", "2026-Q3", "2026-Q4", "2026-08", "2026-11", "2026-W34", "2026-11-23"]


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_every_figure_of_a_random_history_equals_the_recount(seed: int) -> None:
    made = history(seed, 150)
    recount = Recount(
        made.events, made.units, made.procedures, SEED_HOLIDAYS, external=made.external, seed_workdays=SEED_WORKDAYS
    )
    catalogues = catalogues_of(made)
    memory = Memory(arrivals(made.events, catalogues), catalogues)
    known = [row["code"] for row in made.procedures]
    differences = []
    for number, unit in enumerate(catalogues.units):
        for label in PERIODS:
            period = periods.parse(label)
            for scope, procedure in (("subtree", None), ("own", None), ("subtree", known[number % len(known)])):
                first, last = (date(1970, 1, 1) + timedelta(days=day) for day in (period.first, period.last))
                expected = recount.answer(unit, first, last, scope, procedure, now=NOW)
                answer = shown(memory, unit, period, scope, procedure, NOW)
                where = f"{unit} {label} {scope} {procedure}"
                differences += [f"{where}: {each}" for each in differences_of(answer, expected, (first, last))]
    assert not differences, "\n".join(differences[:20])


@pytest.mark.parametrize("seed", [11, 12])
def test_the_order_of_arrival_and_repeats_leave_no_trace(seed: int) -> None:
    made = history(seed, 120)
    catalogues = catalogues_of(made)
    straight = Memory(arrivals(made.events, catalogues), catalogues)
    mixed = made.events * 2
    dice(seed).shuffle(mixed)
    again = Memory(arrivals(mixed, catalogues), catalogues)
    assert again.facts == straight.facts
    assert {s: set(map(repr, e)) for s, e in again.lives.items()} == {
        s: set(map(repr, e)) for s, e in straight.lives.items()
    }


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(seed=st.integers(0, 10**9), rng=st.randoms(use_true_random=False), data=st.data())
def test_the_laws_hold_on_any_history(seed: int, rng: random.Random, data: st.DataObject) -> None:
    made = history(seed, 12)
    catalogues = catalogues_of(made)
    taken = arrivals(made.events, catalogues)
    straight = Memory(taken, catalogues)

    # Any order, anything twice: nothing is left of it.
    mixed = made.events + rng.sample(made.events, len(made.events) // 3)
    rng.shuffle(mixed)
    assert Memory(arrivals(mixed, catalogues), catalogues).cells == straight.cells

    # A retraction by the event's own unit: as if the event had never been sent.
    subject, gone = data.draw(st.sampled_from([each for each in taken if not isinstance(each[1].what, EventRetracted)]))
    retraction = Event(gone.time, gone.source, "retraction", gone.unit, EventRetracted(EventId(gone.id)))
    with_retraction = Memory([*taken, (subject, retraction)], catalogues)
    without = Memory([each for each in taken if each != (subject, gone)], catalogues)
    assert with_retraction.cells == without.cells

    # Any unit, any period: the recount's figures, and the balance.
    unit = data.draw(st.sampled_from(sorted(catalogues.units)))
    label = data.draw(st.sampled_from(PERIODS))
    scope = data.draw(st.sampled_from(["own", "subtree"]))
    period = periods.parse(label)
    first, last = (date(1970, 1, 1) + timedelta(days=day) for day in (period.first, period.last))
    recount = Recount(
        made.events, made.units, made.procedures, SEED_HOLIDAYS, external=made.external, seed_workdays=SEED_WORKDAYS
    )
    answer = shown(straight, unit, period, scope, None, NOW)
    expected = recount.answer(unit, first, last, scope, None, now=NOW)
    assert list(differences_of(answer, expected, (first, last))) == []
    balance = answer["balance"]
    assert balance["received"] == sum(balance[f"received_{channel}"] for channel in ("online", "counter", "postal"))
    assert balance["active"] == balance["carried_over"] + balance["received"]
    assert balance["active"] == balance["ended"] + balance["open"]
    assert balance["ended"] == balance["ended_on_time"] + balance["ended_late"]
