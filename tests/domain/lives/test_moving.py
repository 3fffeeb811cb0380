"""Which dossiers a list of moves means, and the events that move them."""

from __future__ import annotations

from datetime import date

from app.domain.calendar.civil import Day, Instant, day_number, start_of
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.rules import Rules
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.lives.events import (
    AnyHappening,
    DossierCompleted,
    DossierReceived,
    DossierTransferred,
    Event,
    EventId,
    EventRetracted,
)
from app.domain.lives.moving import SOURCE, Candidate, Move, unmoved, verdict

SUBJECT = "H44.131-260105-0001"
OLD, NEW, OTHER = UnitCode("H44.131"), UnitCode("H44.140"), UnitCode("H44.14")
JUNE = day_number(date(2026, 6, 1))
OF_PROCEDURE = Move(OLD, NEW, JUNE, procedure="1.000001")
NAMED = Move(OLD, NEW, JUNE, dossier=SUBJECT)
CALENDAR = Calendar(frozenset(), frozenset())


def on(day: int, event_id: str, what: AnyHappening, unit: UnitCode = OLD, source: str = "/h44") -> Event:
    """An event so many days after the first of June."""
    return Event(Instant(start_of(Day(JUNE + day))), source, EventId(event_id), unit, what)


def candidate(*life: Event, unit: UnitCode = OLD) -> Candidate:
    received = next(each.time for each in life if isinstance(each.what, DossierReceived))
    ended = next((each.time for each in life if isinstance(each.what, DossierCompleted)), None)
    return Candidate(SUBJECT, unit, "1.000001", received, ended, life)


def received(day: int) -> Event:
    return on(day, "r", DossierReceived(ProcedureCode("1.000001"), "counter"))


def done(day: int) -> Event:
    return on(day, "c", DossierCompleted())


def moved(day: int, number: int = 1) -> Event:
    return on(day, f"{SUBJECT}/split:{number}", DossierTransferred(NEW), source=SOURCE)


def taken_back(day: int, number: int = 1) -> Event:
    event_id = f"{SUBJECT}/split:{number}"
    return on(day, f"{event_id}-", EventRetracted(EventId(event_id)), source=SOURCE)


def test_open_and_later_ones_of_the_procedure_move_and_any_that_is_named() -> None:
    assert verdict(OF_PROCEDURE, candidate(received(-9)), False) == ("moves", moved(0))
    assert verdict(OF_PROCEDURE, candidate(received(-9), done(0)), False) == ("moves", moved(0))
    assert verdict(OF_PROCEDURE, candidate(received(-9), done(-1)), False) == ("stays", None)
    assert verdict(OF_PROCEDURE, candidate(received(3), done(4)), False) == ("moves", moved(3))
    assert verdict(NAMED, candidate(received(-9), done(-1)), False) == ("moves", moved(0))
    assert verdict(NAMED, candidate(received(-9), unit=OTHER), False) == ("elsewhere", None)
    assert verdict(NAMED, candidate(received(-9), unit=NEW), False) == ("stays", None)


def test_what_was_moved_is_moved_once_and_comes_back_by_a_retraction() -> None:
    life = candidate(received(-9), moved(0), unit=NEW)
    as_it_was = unmoved(life, lambda _: Rules(), CALENDAR)
    assert as_it_was.unit == OLD
    assert verdict(OF_PROCEDURE, as_it_was, False) == ("moved", None)
    assert verdict(OF_PROCEDURE, as_it_was, True) == ("back", taken_back(0))
    back = unmoved(candidate(received(-9), moved(0), taken_back(0)), lambda _: Rules(), CALENDAR)
    assert verdict(OF_PROCEDURE, back, True) == ("stays", None)
    assert verdict(OF_PROCEDURE, back, False) == ("moves", moved(0, 2))


def test_an_end_that_is_told_late_takes_a_dossier_back_that_had_ended_before() -> None:
    life = candidate(received(-9), done(-1), moved(0), unit=NEW)
    assert verdict(OF_PROCEDURE, unmoved(life, lambda _: Rules(), CALENDAR), False) == ("back", taken_back(0))
