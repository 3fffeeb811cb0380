"""Announcing and publishing procedures (công bố, công khai thủ tục hành chính): facts of one procedure, and what is
counted.

Decisions are few, so the three indicators are counted straight from these facts; nothing of them is tallied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from app.domain.calendar.civil import Day
from app.domain.calendar.workdays import Calendar
from app.domain.lives.events import Event, ProcedureAnnounced, ProcedurePublished


class Announced(NamedTuple):
    """A decision that announces a procedure: civil dates of the decision and of its taking effect."""

    decided_on: int
    effective_on: int


class Published(NamedTuple):
    """A publication on the national database of what was decided on `decided_on`."""

    decided_on: int
    published_on: int
    complete: bool


class PublicationFacts(msgspec.Struct, frozen=True, gc=False):
    """All announcements and publications of one procedure that stand, in reading order."""

    announced: tuple[Announced, ...] = ()
    published: tuple[Published, ...] = ()


class PublicationCounts(NamedTuple):
    """Numbers of procedures: announced in the period, in time; decided upon, all published in time; published,
    complete.
    """

    announced: int
    announced_on_time: int
    updated: int
    updated_on_time: int
    published: int
    published_complete: int


def fold(events: Sequence[Event]) -> PublicationFacts:
    """The facts of a procedure's standing events in reading order."""
    announced, published = [], []
    for event in events:
        what = event.what
        if isinstance(what, ProcedureAnnounced):
            announced.append(Announced(what.decided_on, what.effective_on))
        elif isinstance(what, ProcedurePublished):
            published.append(Published(what.decided_on, what.published_on, what.complete))
    return PublicationFacts(tuple(announced), tuple(published))


def count(
    procedures: Iterable[PublicationFacts],
    first: Day,
    until: Day,
    calendar: Calendar,
    announce_within: int,
    publish_within: int,
) -> PublicationCounts:
    """Count over civil days `first` ≤ decided_on < `until`; the limits are working days (province 5 and 5, ministry 20
    and 10).
    """
    totals = [0] * 6
    for facts in procedures:
        announced = [each for each in facts.announced if first <= each.decided_on < until]
        if announced:
            totals[0] += 1
            totals[1] += all(
                each.effective_on >= calendar.nth_workday(Day(each.decided_on), announce_within) for each in announced
            )
        decided = _decided(facts, first, until)
        if decided:
            totals[2] += 1
            totals[3] += all(_published_in_time(facts, day, calendar, publish_within) for day in decided)
        so_far = [each for each in facts.published if each.published_on < until]
        if so_far:
            newest = max(each.published_on for each in so_far)
            totals[4] += 1
            totals[5] += [each for each in so_far if each.published_on == newest][-1].complete
    return PublicationCounts(*totals)


def last_day_to_publish(
    facts: PublicationFacts, first: Day, until: Day, calendar: Calendar, publish_within: int
) -> Day | None:
    """The last civil day on which all that was decided within the span can still be published in time; None where
    nothing is to be published any more.
    """
    missing = [
        calendar.nth_workday(Day(day), publish_within)
        for day in _decided(facts, first, until)
        if not _published_in_time(facts, day, calendar, publish_within)
    ]
    return min(missing, default=None)


def _decided(facts: PublicationFacts, first: Day, until: Day) -> set[int]:
    """The dates of a procedure's decisions within the span, announced or published."""
    decided = [*(each.decided_on for each in facts.announced), *(each.decided_on for each in facts.published)]
    return {day for day in decided if first <= day < until}


def _published_in_time(facts: PublicationFacts, decided_on: int, calendar: Calendar, within: int) -> bool:
    published = [each.published_on for each in facts.published if each.decided_on == decided_on]
    return bool(published) and min(published) <= calendar.nth_workday(Day(decided_on), within)
