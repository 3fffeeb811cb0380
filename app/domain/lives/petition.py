"""The facts of a petition (phản ánh, kiến nghị), folded from its events.

The same algebra as a dossier's; a petition is a life per (root, unit, subject), so there are no transfers and no pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from app.domain.calendar.civil import Instant, day_of
from app.domain.catalogues import indicators
from app.domain.catalogues.rules import WorkCalendar
from app.domain.lives.events import Event, PetitionRated, PetitionReceived

ABOUT: Final = ("regulation", "staff", "other")

# Places of the petition's event types in the contract's table.
_RECEIVED, _ASKED, _SUPPLEMENTED, _REFUSED, _FORWARDED, _ANSWERED, _PUBLISHED, _VOIDED = 20, 21, 22, 23, 24, 25, 26, 28

_LIMITS: Final = indicators.load().limits


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
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    about, disliked = ABOUT.index("other"), False
    for event in events:
        rank = event.what.rank
        first.setdefault(rank, event.time)
        last[rank] = event.time
        if isinstance(event.what, PetitionReceived):
            about = ABOUT.index(event.what.about)
        elif isinstance(event.what, PetitionRated) and not event.what.satisfied:
            disliked = True
    received, voided = first.get(_RECEIVED), _VOIDED in first
    if received is None:
        return PetitionFacts(events[0].unit, about, disliked, voided, None, None, None, False)
    ended, within = _end(events, first, last)
    if ended is not None:
        ended = max(ended, received)
    late_published = False
    if ended is not None and _ANSWERED in first and _PUBLISHED in first:
        late_published = first[_PUBLISHED] > calendar.end_of_nth_workday(
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


def _end(events: Sequence[Event], first: dict[int, int], last: dict[int, int]) -> tuple[int | None, int]:
    """The end of handling and the working days allowed for it."""
    if _ANSWERED in first:
        return first[_ANSWERED], _LIMITS.petition_answer
    if _REFUSED in last or _FORWARDED in last:
        return max(last[rank] for rank in (_REFUSED, _FORWARDED) if rank in last), _LIMITS.petition_refusal
    if _ASKED in first:
        ranks = [event.what.rank for event in events]
        if _SUPPLEMENTED not in ranks[ranks.index(_ASKED) :]:
            return first[_ASKED], _LIMITS.petition_supplement
    return None, _LIMITS.petition_answer
