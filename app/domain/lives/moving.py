"""Dossiers that a split of a unit takes to another: whose list names them are handed over by an event of their own.

A contribution belongs to the present unit, so what is handed over is the new unit's in every period. What had ended
before the day of the split stays where it was handled, unless it is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from app.domain.calendar.civil import Day, Instant, start_of
from app.domain.catalogues.rules import RulesOf, WorkCalendar
from app.domain.codes import UnitCode
from app.domain.lives.dossier import fold
from app.domain.lives.events import DossierTransferred, Event, EventId, EventRetracted
from app.domain.lives.reading import without_retracted

SOURCE: Final = "/chiso/split"
"""The source of these events, and of nothing else."""


class Move(NamedTuple):
    """What moves from a unit to another since a day: the named dossier, or those of a procedure that were received
    since then, or had not ended by then.
    """

    from_: UnitCode
    to: UnitCode
    since: Day
    procedure: str | None = None
    dossier: str | None = None


class Candidate(NamedTuple):
    """A dossier that may move: its present unit, its facts (instants in µs) and all events of its life."""

    subject: str
    unit: str
    procedure: str
    received_at: int
    ended_at: int | None
    life: Sequence[Event]


Verdict = Literal["moves", "moved", "back", "stays", "elsewhere"]


def meant(move: Move, dossier: Candidate) -> bool:
    """Whether a move is about a dossier, wherever that is."""
    if move.dossier is not None:
        return move.dossier == dossier.subject
    since = start_of(move.since)
    late_enough = dossier.ended_at is None or dossier.ended_at >= since or dossier.received_at >= since
    return move.procedure == dossier.procedure and late_enough


def unmoved(dossier: Candidate, rules_of: RulesOf, calendar: WorkCalendar) -> Candidate:
    """A dossier as it would be if no list had moved it: so a list means the same dossiers whenever it is read."""
    others = [each for each in dossier.life if each.source != SOURCE]
    if len(others) == len(dossier.life):
        return dossier
    facts = fold(dossier.subject, without_retracted(others), rules_of, calendar)
    if facts is None or facts.received_at is None or facts.procedure is None:
        return dossier
    return dossier._replace(
        unit=facts.unit, procedure=facts.procedure, received_at=facts.received_at, ended_at=facts.ended_at
    )


def standing(move: Move, dossier: Candidate) -> Event | None:
    """The event by which a list has moved a dossier so, where it stands."""
    mine = [each for each in dossier.life if each.source == SOURCE]
    done = (each for each in without_retracted(mine) if each.what == DossierTransferred(move.to))
    return next((each for each in done if each.unit == move.from_), None)


def verdict(move: Move, dossier: Candidate, undo: bool) -> tuple[Verdict, Event | None]:
    """What becomes of a dossier (`unmoved`), and the event that does it; where it was done already, none.

    Args:
        undo: whether nothing shall have moved.
    """
    done = standing(move, dossier)
    wanted = not undo and dossier.unit == move.from_ and meant(move, dossier)
    if done:
        return ("moved", None) if wanted else ("back", _retraction(done))
    if wanted:
        at = max(start_of(move.since), Instant(dossier.received_at))
        mine = [each for each in dossier.life if each.source == SOURCE]
        number = sum(isinstance(each.what, DossierTransferred) for each in mine) + 1
        # One that was taken back is never sent again.
        event_id = EventId(f"{dossier.subject}/split:{number}")
        return "moves", Event(at, SOURCE, event_id, move.from_, DossierTransferred(move.to))
    return ("stays" if undo or dossier.unit in (move.from_, move.to) else "elsewhere"), None


def _retraction(done: Event) -> Event:
    return Event(done.time, SOURCE, EventId(f"{done.id}-"), done.unit, EventRetracted(EventId(done.id)))
