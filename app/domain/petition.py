"""The facts of a petition (phản ánh, kiến nghị), folded from its events.

The same algebra as a dossier's; a petition is a life per (root, unit, subject), so there are no transfers and no pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from app.domain import catalogue
from app.domain.dossier import WorkCalendar
from app.domain.events import Day, Event

ABOUT: Final = ("regulation", "staff", "other")
_CIVIL_OFFSET: Final = 7 * 3_600_000_000
_DAY: Final = 86_400_000_000

_LIMITS: Final = catalogue.load().limits


class PetitionFacts(msgspec.Struct, frozen=True, gc=False):
    """One petition as figures see it. `about` indexes ABOUT; instants in µs; `late_published` is late by publication."""

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
        if rank == 20:
            about = ABOUT.index(event.what.about)  # type: ignore[union-attr]
        elif rank == 27 and not event.what.satisfied:  # type: ignore[union-attr]
            disliked = True
    received, voided = first.get(20), 28 in first
    if received is None:
        return PetitionFacts(events[0].unit, about, disliked, voided, None, None, None, False)
    ended, within = _end(events, first, last)
    if ended is not None:
        ended = max(ended, received)
    late_published = False
    if ended is not None and 25 in first and 26 in first:
        late_published = first[26] > calendar.end_of_nth_workday(_civil_day(ended), _LIMITS.petition_publication)
    return PetitionFacts(
        unit=events[0].unit,
        about=about,
        disliked=disliked,
        voided=voided,
        received_at=received,
        ended_at=ended,
        deadline=calendar.end_of_nth_workday(_civil_day(received), within),
        late_published=late_published,
    )


def _civil_day(instant: int) -> Day:
    return Day((instant + _CIVIL_OFFSET) // _DAY)


def _end(events: Sequence[Event], first: dict[int, int], last: dict[int, int]) -> tuple[int | None, int]:
    """The end of handling and the working days allowed for it."""
    if 25 in first:
        return first[25], _LIMITS.petition_answer
    if 23 in last or 24 in last:
        return max(last.get(23, last.get(24, 0)), last.get(24, last.get(23, 0))), _LIMITS.petition_refusal
    if 21 in first:
        ranks = [event.what.rank for event in events]
        if 22 not in ranks[ranks.index(21) :]:
            return first[21], _LIMITS.petition_supplement
    return None, _LIMITS.petition_answer
