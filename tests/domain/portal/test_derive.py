"""What has happened to a dossier by its states and steps: corrections, back-dating, ends that are none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from app.domain.calendar.civil import CIVIL, Instant
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.rules import Rules
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.lives.dossier import DossierFacts
from app.domain.lives.events import DossierReceived, Event, EventRetracted
from app.domain.lives.flags import DUE_MOVED_LATE, END_MOVED_BACK
from app.domain.lives.life import fold
from app.domain.portal.derive import derive, difference
from app.domain.portal.state import Known, State, Step, Supplement

SUBJECT = "H44.07-260105-0001"
SOURCE = "/dvcqg/H44"
UNIT = UnitCode("H44.07")


def at(day: int, hour: int = 8, month: int = 1) -> Instant:
    """An hour of a day in 2026, civil time."""
    return Instant(round(datetime(2026, month, day, hour, tzinfo=CIVIL).timestamp()) * 1_000_000)


def state(status: int = 2, **more: Any) -> State:
    """A state: received on 5 January at eight, due on the 12th at five."""
    known: dict[str, Any] = {
        "procedure": ProcedureCode("1.004555"),
        "channel": "online",
        "received_at": at(5),
        "due_at": at(12, 17),
    }
    return State(status, **(known | more))


class Told:
    """A dossier of which one thing after the other is told, a minute between."""

    def __init__(self, now: Instant | None = None) -> None:
        self.known = Known()
        self.life: list[Event] = []
        self.now = now or at(1, month=2)

    def tell(self, *what: State | Step) -> list[Event]:
        """The events that this brings."""
        for each in what:
            self.known = self.known.told(each, self.now) if isinstance(each, State) else self.known.went([each])
        self.now = Instant(self.now + 60_000_000)
        new = difference(SUBJECT, self.life, SOURCE, UNIT, derive(self.known))
        self.life += new
        return new

    def facts(self) -> DossierFacts:
        """What all of it comes to."""
        found = fold(SUBJECT, list(self.life), lambda code: Rules(known=True), Calendar()).dossier
        assert found is not None
        return found


def names(events: list[Event]) -> list[str]:
    return [event.what.type for event in events]


def test_a_state_brings_what_it_tells_and_once() -> None:
    told = Told()
    assert names(told.tell(state())) == ["dossier.received", "dossier.synced"]
    assert told.tell(state()) == []
    ended = state(10, completed_at=at(9, 10), returned_at=at(9, 11), return_way="postal", result=True)
    assert names(told.tell(ended)) == ["dossier.completed", "dossier.returned"]
    assert told.tell(ended) == []
    # An older one that came late.
    assert told.tell(state()) == []
    assert (told.facts().ended_at, told.facts().returned_at, told.facts().returned_via) == (at(9, 10), at(9, 11), 1)


def test_ids_say_what_happened_and_are_never_used_again() -> None:
    told = Told()
    first = told.tell(state())
    changed = told.tell(state(received_at=at(6)))
    assert names(changed) == ["event.retracted", "event.retracted", "dossier.received", "dossier.synced"]
    back = told.tell(state(received_at=at(5)))
    assert names(back) == names(changed)
    [again] = [event for event in back if isinstance(event.what, DossierReceived)]
    [before] = [event for event in first if isinstance(event.what, DossierReceived)]
    assert again.id == f"{before.id}.2"
    assert told.facts().received_at == at(5)
    assert len({event.id for event in told.life}) == len(told.life)


def test_what_is_told_last_holds_within_one_call_too_and_whatever_the_clock_says() -> None:
    one, other = state(channel="online"), state(channel="postal")
    told = Told()
    told.tell(one, other, one)
    assert told.facts().channel == 0
    told.now = at(4)
    told.tell(other)
    assert told.facts().channel == 2


@pytest.mark.parametrize(
    ("corrected", "expected"),
    [
        ({"channel": "postal"}, {"channel": 2}),
        ({"procedure": ProcedureCode("1.000001")}, {"procedure": "1.000001"}),
        ({"due_at": at(14, 17)}, {"deadline": at(14, 17)}),
        ({"received_at": at(4)}, {"received_at": at(4)}),
        ({"due_at": None}, {"deadline": at(12, 17)}),
    ],
)
def test_a_correction_corrects(corrected: dict[str, Any], expected: dict[str, Any]) -> None:
    told = Told()
    told.tell(state())
    told.tell(state(**corrected))
    assert {name: getattr(told.facts(), name) for name in expected} == expected


def test_an_end_that_jumps_back_counts_and_is_told() -> None:
    told = Told()
    told.tell(state(9, completed_at=at(14, 9)))
    assert told.facts().late
    told.tell(state(9, completed_at=at(12, 16)))
    assert told.facts().ended_at == at(12, 16)
    assert not told.facts().late
    assert told.facts().faults & END_MOVED_BACK
    # One that moves on is a correction.
    told.tell(state(9, completed_at=at(14, 9)))
    assert told.facts().ended_at == at(14, 9)
    assert not told.facts().faults & END_MOVED_BACK


def test_a_due_time_that_was_seen_before_and_after_it_had_passed_was_moved_late() -> None:
    told = Told(at(5))
    told.tell(state())
    told.now = at(13)
    told.tell(state())
    told.tell(state(due_at=at(16, 17)))
    assert told.facts().deadline == at(16, 17)
    assert told.facts().faults & DUE_MOVED_LATE


def test_one_that_was_moved_in_time_or_is_told_long_afterwards_was_not() -> None:
    told = Told()
    told.tell(state())
    told.tell(state(due_at=at(16, 17)))
    assert not told.facts().faults & DUE_MOVED_LATE
    backlog = Told(at(1, month=9))
    backlog.tell(state())
    backlog.tell(state())
    backlog.tell(state(due_at=at(16, 17)))
    assert not backlog.facts().faults & DUE_MOVED_LATE


def test_a_step_that_ends_at_the_reception_is_no_end() -> None:
    told = Told()
    told.tell(state(9), Step(at(5), 2), Step(at(5), 9))
    assert told.facts().ended_at is None
    told.tell(Step(at(8), 9))
    assert told.facts().ended_at == at(8)


def test_a_step_that_ends_at_a_reception_that_was_corrected_since_is_no_end_either() -> None:
    for status in (4, 9):
        told = Told()
        told.tell(state(status), Step(at(5), 2), Step(at(5), 9), state(status, received_at=at(4)))
        assert (told.facts().received_at, told.facts().ended_at) == (at(4), None)
        told.tell(Step(at(8), 9))
        assert told.facts().ended_at == at(8)


def test_who_waits_for_a_supplement_and_is_told_as_ended_is_not() -> None:
    """Some software tells 9 for 5, with an end at the reception."""
    told = Told()
    told.tell(state(9), Step(at(5), 2), Step(at(7), 5), Step(at(5), 9))
    assert told.facts().ended_at == at(7), "the request, while it is the only one and open"
    told.tell(Step(at(9), 5, answer=True))
    assert told.facts().ended_at is None
    assert told.facts().deadline == at(14, 17)


PAID, FREE, FILED = ({"paid": "national_gateway", "online_payment": True}, {"fee": False, "amount": 0},
                     {"components": 2, "digitised": True})  # fmt: skip


@pytest.mark.parametrize(
    ("told", "then", "what", "left"),
    [
        (PAID, {"online_payment": False}, "dossier.paid", []),
        (PAID, {}, "dossier.paid", ["dossier.paid"]),
        (FILED, {"digitised": False}, "dossier.digitised", [0]),
        (FILED, {"components": 0}, "dossier.digitised", [0]),
        (FILED, {"components": 0, "digitised": True}, "dossier.digitised", [1]),
        (FILED, {}, "dossier.digitised", [2]),
        (FREE, {"amount": 8000}, "dossier.received", [None]),
        (FREE, {}, "dossier.received", [False]),
    ],
)
def test_what_a_later_state_takes_back_is_taken_back(told: Any, then: Any, what: str, left: list[Any]) -> None:
    lives = Told()
    lives.tell(state(4, **told), state(4, **then))
    events = derive(lives.known)
    field = {"dossier.paid": "type", "dossier.digitised": "components", "dossier.received": "fee"}[what]
    assert [getattr(each, field) for _, each in events if each.type == what] == left


@pytest.mark.parametrize(
    ("steps", "ended", "returned"),
    [
        ([(7, 4), (9, 9)], 9, None),
        ([(9, 9), (10, 10)], 9, 10),
        ([(9, 7)], 9, None),
        ([(9, 8)], 9, None),
        ([(9, 9), (10, 4)], None, None),
        ([(5, 9)], None, None),
    ],
)
def test_steps_end_a_dossier_whose_state_lags_behind(
    steps: list[tuple[int, int]], ended: int | None, returned: int | None
) -> None:
    told = Told()
    told.tell(state(4), *(Step(at(day), status) for day, status in steps))
    assert told.facts().ended_at == (None if ended is None else at(ended))
    assert told.facts().returned_at == (None if returned is None else at(returned))
    # The state that follows tells the very same, or better.
    told.tell(state(10, completed_at=at(9, 10), returned_at=at(10)))
    assert (told.facts().ended_at, told.facts().returned_at) == (at(9, 10), at(10))


@pytest.mark.parametrize(
    "early",
    [
        {"status": 9, "completed_at": at(2, month=2)},
        {"status": 10, "completed_at": at(9), "returned_at": at(2, month=2)},
        {"status": 4, "supplements": (Supplement(at(2, month=2)),)},
        {"status": 4, "received_at": at(2, month=2)},
    ],
)
def test_a_state_of_what_has_yet_to_happen_is_not_believed_until_it_is_told_again(early: dict[str, Any]) -> None:
    told = Told(at(1, month=2))
    told.tell(state(4))
    before = list(told.life)
    assert told.tell(state(**early)) == []
    assert told.life == before
    told.now = at(1, month=3)
    assert told.tell(state(4)) == [], "the time has passed, and it was put right"
    assert told.tell(state(**early)) != []


def test_a_time_to_come_that_a_status_does_not_tell_of_is_none() -> None:
    told = Told(at(1, month=2))
    assert names(told.tell(state(4, returned_at=at(1, month=3)))) == ["dossier.received", "dossier.synced"]


def test_a_step_that_does_not_accept_is_believed() -> None:
    told = Told()
    told.tell(state(2), Step(at(6), 3))
    assert [(when, each.type) for when, each in derive(told.known)] == [(at(6), "dossier.not_accepted")]


def test_supplements_of_steps_and_of_lists_are_the_same() -> None:
    steps, listed = Told(), Told()
    steps.tell(state(), Step(at(9), 4), Step(at(7), 5), Step(at(10), 5))
    listed.tell(state(supplements=(Supplement(at(7), at(9)), Supplement(at(10)))))
    assert steps.facts() == listed.facts()
    assert steps.facts().deadline == at(10), "the second request"


def test_a_supplement_of_a_list_is_answered_by_a_step_that_comes_before_the_next_list() -> None:
    told = Told()
    told.tell(state(5, supplements=(Supplement(at(7)),)), Step(at(7), 5), Step(at(6), 4), Step(at(5), 9))
    assert told.facts().ended_at == at(7)
    told.tell(Step(at(9), 5, answer=True))
    assert (told.facts().ended_at, told.facts().deadline) == (None, at(14, 17))
    # What a list says is better known.
    told.tell(state(4, supplements=(Supplement(at(7), at(8)),)))
    assert told.facts().deadline == at(13, 17)


def test_supplements_that_came_at_one_moment_are_told_once() -> None:
    """Else each message would add one more event to the life."""
    told, both = Told(), (Supplement(at(7), at(9)), Supplement(at(8), at(9)), Supplement(at(8), at(9)))
    first = names(told.tell(state(supplements=both)))
    assert first[2:] == ["dossier.supplement_requested", "dossier.supplemented", "dossier.supplement_requested"]
    assert told.tell(state(supplements=both)) == []
    steps = Told()
    steps.tell(state(), Step(at(6), 5), Step(at(7), 4), Step(at(7), 5), Step(at(7), 5, answer=True))
    assert steps.tell(state()) == []


def test_steps_before_any_state_wait_for_it() -> None:
    told = Told()
    assert told.tell(Step(at(7), 5), Step(at(9), 4)) == []
    assert names(told.tell(state())) == [
        "dossier.received", "dossier.synced", "dossier.supplement_requested", "dossier.supplemented",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (State(1, submitted_at=at(4)), ["dossier.submitted"]),
        (State(1), []),
        (state(3, refused_at=at(5, 9)), ["dossier.not_accepted"]),
        (state(procedure=None), []),
        (state(received_at=None), []),
        (state(7, completed_at=at(6)), ["dossier.received", "dossier.synced", "dossier.withdrawn"]),
        (state(8, completed_at=at(6)), ["dossier.received", "dossier.synced", "dossier.stopped"]),
        (state(8), ["dossier.received", "dossier.synced"]),
        (state(paid="national_gateway", amount=8000), ["dossier.received", "dossier.paid", "dossier.synced"]),
        (state(components=0), ["dossier.received", "dossier.digitised", "dossier.synced"]),
        (state(10, returned_at=at(6), result=False), ["dossier.received", "dossier.synced", "dossier.returned"]),
    ],
)
def test_what_a_state_tells(told: State, expected: list[str]) -> None:
    assert names(Told().tell(told)) == expected


def test_events_of_others_are_left_alone() -> None:
    told = Told()
    other = Event(at(5), "/h44/igate", "x", UNIT, DossierReceived(ProcedureCode("1.000001"), "counter"))
    told.life.append(other)
    told.tell(state())
    told.tell(state(received_at=at(6)))
    assert other in told.life
    assert not any(isinstance(event.what, EventRetracted) and event.what.id == "x" for event in told.life)


def test_a_unit_that_turns_out_to_be_another_takes_the_dossier_along() -> None:
    told = Told()
    told.tell(state())
    moved = difference(SUBJECT, told.life, SOURCE, UnitCode("H44.130"), derive(told.known))
    told.life += moved
    assert told.facts().unit == "H44.130"
    assert names(moved) == ["event.retracted", "event.retracted", "dossier.received", "dossier.synced"]
