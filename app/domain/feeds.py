"""A feed: what one source sends of one unit; how often it usually does, and whether it has fallen silent.

Kept of a feed is when it sent first and last, and of each of its last days when it began, when it ended and the longest
gap between: enough to tell its rhythm with any calendar, and bounded however much it sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

import msgspec

from app.domain.calendar.civil import DAY, Day, Instant, day_of
from app.domain.calendar.hours import WORKDAY, clock_in, when_worked, worked_by, worked_to
from app.domain.calendar.workdays import Calendar

WINDOW_DAYS: Final = 28
"""Civil days before the last one it sent on, from which a feed's rhythm is learned."""
PERCENTILE: Final = 90
FACTOR: Final = 3
FLOOR_MINUTES: Final = 120
LEARNED_DAYS: Final = 3
"""A rhythm is known from so many days on which something came …"""
LEARNED_WORKDAYS: Final = 5
"""… that lie so many working days apart, first and last."""
ENDED_DAYS: Final = 90
"""After so many civil days without anything a feed has ended: it was replaced, or its office closed."""

State = Literal["sending", "silent", "learning", "ended"]
STATES: Final[tuple[State, ...]] = ("sending", "silent", "learning", "ended")
COVERAGE: Final = "FEED_COVERAGE"
"""The code under which catalogues have targets of how many units send."""
HOURS: Final = 24
"""So many hours, the last one among them, are told hour by hour."""
HOUR: Final = 3_600_000_000
"""Microseconds; civil hours begin with those of UTC."""
_MINUTE: Final = 60_000_000


class Sent(msgspec.Struct, array_like=True, gc=False):
    """A civil day on which something came: when first, when last, and the longest gap between by office hours, µs."""

    day: int
    first: int
    last: int
    longest: int = 0


class Feed(msgspec.Struct, gc=False):
    """All that is kept of a feed. Instants of arrival in µs; `recent`: the last days of `WINDOW_DAYS`, ascending;
    `by_hour`: how many came in the last hours, by number of the hour (since 1970); `received`: how many of them told
    that a dossier was received.
    """

    first_at: int
    last_at: int
    events: int
    recent: list[Sent]
    by_hour: dict[int, int]
    received: int = 0

    @classmethod
    def begun(cls, at: int) -> Feed:
        """A feed with which nothing has come yet, just before its first event."""
        return cls(at, at, 0, [Sent(day_of(Instant(at)), at, at)], {})

    def take(self, at: int, events: int, received: int = 0) -> None:
        """Take in events that arrived together. Feeds are read in the order of the log: where that and the clocks of
        several processes differ by a moment, what seems to be earlier is counted and makes no gap.
        """
        self.events += events
        self.received += received
        self._count(at // HOUR, events)
        self.first_at = min(self.first_at, at)
        if at <= self.last_at:
            return
        day = day_of(Instant(at))
        last = self.recent[-1]
        if day == last.day:
            gap = worked_by(clock_in(Instant(at))) - worked_by(clock_in(Instant(last.last)))
            self.recent[-1] = Sent(day, last.first, at, max(last.longest, gap))
        else:
            kept = [each for each in self.recent if each.day >= day - WINDOW_DAYS]
            self.recent = [*kept, Sent(day, at, at)]
        self.last_at = at

    def _count(self, hour: int, events: int) -> None:
        newest = max(self.by_hour, default=hour)
        if hour > newest:
            self.by_hour = {each: count for each, count in self.by_hour.items() if each > hour - HOURS}
        if hour > newest - HOURS:
            self.by_hour[hour] = self.by_hour.get(hour, 0) + events


class Rhythm(msgspec.Struct, frozen=True, gc=False):
    """How a feed stands at an instant; minutes are of working time, null where no rhythm is known yet.

    `alarm_at` is when its silence passes, or has passed, beyond what is usual.
    """

    state: State
    usual_minutes: int | None
    alarm_minutes: int | None
    silence_minutes: int
    alarm_at: Instant | None


def usual_minutes(recent: Sequence[Sent], calendar: Calendar) -> int | None:
    """The usual silence: of each day's longest gap of working time that of nine days in ten (nearest rank), in whole
    minutes, rounded up. None where too little is known.
    """
    if len(recent) < LEARNED_DAYS:
        return None
    worked = [_worked(each, calendar) for each in recent]
    if worked[-1][1] - worked[0][0] < LEARNED_WORKDAYS * WORKDAY:
        return None
    before = [0, *(first - last for (_, last, _), (first, _, _) in pairwise(worked))]
    within = [longest for _, _, longest in worked]
    gaps = sorted(map(max, within, before))
    return -(-gaps[-(-len(gaps) * PERCENTILE // 100) - 1] // _MINUTE)


def _worked(sent: Sent, calendar: Calendar) -> tuple[int, int, int]:
    """Working time (hours.worked_to) to the first and last arrival of a day, and in its longest gap."""
    days = calendar.workdays_to(Day(sent.day)) * WORKDAY
    if not calendar.is_workday(Day(sent.day)):
        return days, days, 0
    first, last = (days - WORKDAY + worked_by(clock_in(Instant(each))) for each in (sent.first, sent.last))
    return first, last, sent.longest


def rhythm(feed: Feed, calendar: Calendar, now: int, closed: bool = False) -> Rhythm:
    """How a feed stands at `now`, up to which all that came is known; `closed`: its unit is no more."""
    worked = worked_to(calendar, Instant(feed.last_at))
    silence = max(0, worked_to(calendar, Instant(max(now, feed.last_at))) - worked)
    usual = usual_minutes(feed.recent, calendar)
    alarm = None if usual is None else max(FACTOR * usual, FLOOR_MINUTES)
    alarm_at = None if alarm is None else when_worked(calendar, worked + alarm * _MINUTE)
    state: State = "sending"
    if closed or now - feed.last_at > ENDED_DAYS * DAY:
        state = "ended"
    elif alarm_at is None:
        state = "learning"
    elif now >= alarm_at:
        state = "silent"
    return Rhythm(state, usual, alarm, silence // _MINUTE, alarm_at)
