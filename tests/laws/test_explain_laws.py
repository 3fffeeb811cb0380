"""What is said of a life is true of it: events said to have no effect may be left out, and faults are the recount's."""

from __future__ import annotations

import msgspec
import pytest

from app.domain import codes
from app.domain.lives import life
from app.domain.lives.events import DossierTransferred, Event, EventRetracted
from app.domain.lives.explain import CAUSES, explain
from app.domain.lives.flags import FAULTS
from app.domain.lives.life import LifeFacts
from app.domain.lives.reading import reading_order
from tests.laws.memory import arrivals, catalogues_of
from tests.oracle.histories import SEED_HOLIDAYS, SEED_WORKDAYS, History, history
from tests.oracle.recount import Recount


def lives_of(made: History) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for subject, event in arrivals(made.events, catalogues_of(made)):
        found.setdefault(subject, []).append(event)
    return found


def without_faults(facts: LifeFacts) -> LifeFacts:
    if facts.dossier is None:
        return facts
    return msgspec.structs.replace(facts, dossier=msgspec.structs.replace(facts.dossier, faults=0))


def way(receiving: str | None, events: list[Event]) -> list[str]:
    """The units a dossier has been at, in turn: what handed it on had an effect, also where it came back."""
    went = [receiving] if receiving is not None else []
    for event in sorted(events, key=reading_order):
        if isinstance(event.what, DossierTransferred) and codes.is_over_any(event.unit, went):
            went += [event.what.to] if event.what.to != went[-1] else []
    return went


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_events_without_an_effect_can_all_be_left_out_and_those_with_one_cannot(seed: int) -> None:
    made = history(seed, 200)
    catalogues = catalogues_of(made)
    for subject, events in lives_of(made).items():
        story = explain(subject, events, catalogues)
        assert {id(told.event) for told in story.events} == set(map(id, events))
        assert all((told.cause is None) == told.effect and told.cause in {None, *CAUSES} for told in story.events)
        effective = [told.event for told in story.events if told.effect]
        never_received = any(told.cause == "no_reception" for told in story.events)
        standing = [event for event in effective if not isinstance(event.what, EventRetracted)]
        if never_received:
            continue

        receiving = None if story.facts.dossier is None else story.facts.dossier.receiving_unit

        def folded(
            some: list[Event], subject: str = subject, receiving: str | None = receiving
        ) -> tuple[LifeFacts, list[str]]:
            found = without_faults(life.fold(subject, some, catalogues.rules_of, catalogues.calendar))
            return found, way(receiving, some)

        assert folded(effective) == folded(standing), subject
        assert folded(standing)[0] == without_faults(story.facts), subject
        for event in standing:
            assert folded([each for each in standing if each is not event]) != folded(standing), (subject, event)


@pytest.mark.parametrize("seed", [44, 45, 46, 47])
def test_the_faults_of_a_dossier_are_those_of_the_recount(seed: int) -> None:
    made = history(seed, 300)
    catalogues = catalogues_of(made)
    recount = Recount(made.events, made.units, made.procedures, SEED_HOLIDAYS, seed_workdays=SEED_WORKDAYS)
    met: set[str] = set()
    for subject, events in lives_of(made).items():
        facts = life.fold(subject, events, catalogues.rules_of, catalogues.calendar).dossier
        if facts is not None:
            faults = {name for name, bit in FAULTS.items() if facts.faults & bit}
            assert faults == recount.faults(subject), subject
            met |= faults
    assert met == set(FAULTS)
