"""The facts of a petition (phản ánh, kiến nghị), folded from its events.

The same algebra as a dossier's; a petition is a life per (root, unit, subject), so there are no transfers and no pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

import msgspec

from app.domain.calendar.civil import Instant, day_of
from app.domain.catalogues import indicators
from app.domain.catalogues.rules import WorkCalendar
from app.domain.lives.events import (
    About,
    Event,
    Happening,
    PetitionAnswered,
    PetitionForwarded,
    PetitionPublished,
    PetitionRated,
    PetitionReceived,
    PetitionRefused,
    PetitionSupplemented,
    PetitionSupplementRequested,
    PetitionVoided,
)

ABOUT: Final[tuple[About, ...]] = get_args(About)

_LIMITS: Final = indicators.load().limits

_Times = dict[type[Happening], int]
"""Instants by the type of event."""


class PetitionFacts(msgspec.Struct, frozen=True, gc=False):
    """One petition as figures see it: `about` indexes ABOUT, instants are µs; `late_published`: late by publication."""

    unit: str
    about: int
    disliked: bool
    voided: bool
    received_at: int | None
    ended_at: int | None
    deadline: int | None
    late_published: bool

    @property
    def counts(self) -> bool:
        """Whether the petition is in any figure at all."""
        return self.received_at is not None and not self.voided

    @property
    def late(self) -> bool:
        """Ended after the deadline, or answered in time but published late."""
        if self.ended_at is None or self.deadline is None:
            return False
        return self.ended_at > self.deadline or self.late_published

    @property
    def missed_at(self) -> int | None:
        """The instant at which it becomes overdue; for one late by publication its end."""
        if self.deadline is None:
            return None
        if self.ended_at is None:
            return self.deadline
        return min(self.deadline, self.ended_at) if self.late else None


def fold(events: Sequence[Event], calendar: WorkCalendar) -> PetitionFacts:
    """The facts of one unit's standing petition events of a subject, in reading order; at least one event."""
    first: _Times = {}
    last: _Times = {}
    about, disliked = ABOUT.index("other"), False
    for event in events:
        first.setdefault(type(event.what), event.time)
        last[type(event.what)] = event.time
        if isinstance(event.what, PetitionReceived):
            about = ABOUT.index(event.what.about)
        elif isinstance(event.what, PetitionRated) and not event.what.satisfied:
            disliked = True
    received, voided = first.get(PetitionReceived), PetitionVoided in first
    if received is None:
        return PetitionFacts(events[0].unit, about, disliked, voided, None, None, None, False)
    ended, within = _end(events, first, last)
    if ended is not None:
        ended = max(ended, received)
    late_published = False
    if ended is not None and PetitionAnswered in first and PetitionPublished in first:
        late_published = first[PetitionPublished] > calendar.end_of_nth_workday(
            day_of(Instant(ended)), _LIMITS.petition_publication
        )
    return PetitionFacts(
        unit=events[0].unit,
        about=about,
        disliked=disliked,
        voided=voided,
        received_at=received,
        ended_at=ended,
        deadline=calendar.end_of_nth_workday(day_of(Instant(received)), within),
        late_published=late_published,
    )


def _end(events: Sequence[Event], first: _Times, last: _Times) -> tuple[int | None, int]:
    """The end of handling and the working days allowed for it."""
    if PetitionAnswered in first:
        return first[PetitionAnswered], _LIMITS.petition_answer
    declined = [last[each] for each in (PetitionRefused, PetitionForwarded) if each in last]
    if declined:
        return max(declined), _LIMITS.petition_refusal
    if PetitionSupplementRequested in first:
        types = [type(event.what) for event in events]
        if PetitionSupplemented not in types[types.index(PetitionSupplementRequested) :]:
            return first[PetitionSupplementRequested], _LIMITS.petition_supplement
    return None, _LIMITS.petition_answer
