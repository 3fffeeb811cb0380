"""A province as it lives now: an endless stream of events, each happening at the instant it is asked for.

Nothing here knows HTTP or reads a clock: `Living` is given a catalogue, a seed and the instants, and the same three
always tell the same story. What takes days in an office takes minutes here, so that a short run shows every kind of
event; promises are real ones, some working days ahead. plots.py draws what is to happen in a life, day.py when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import accumulate
from random import Random
from typing import Final

from app.demo.living.plots import Desk, Life, Manner, Offices, Plots
from app.demo.year.lives import CloudEvent
from app.domain.calendar.civil import Instant, clock_of, day_of, start_of
from app.domain.calendar.workdays import Calendar

OPEN: Final = 10_000
"""Lives that are gone on with; of more the last to be due is forgotten: nobody ends it, its deadline passes."""

RESENT: Final = 0.01
"""Share of events that are sent once more, as after an answer that got lost."""

_RECENT: Final = 500
_IN_MINUTES: Final = Manner()
_SECOND: Final = 1_000_000
_CLOSING: Final = 17 * 3600 * _SECOND
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def events(catalogue: Offices, seed: int, moments: Iterable[Instant]) -> Iterator[CloudEvent]:
    """One event for each of the moments, which never go back."""
    living: Living | None = None
    for now in moments:
        living = living or Living(catalogue, seed, now)
        yield living.next(now)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day, up to the hour `until`.

    `tempo`: how much happens, as a multiple of a working day's mean; `arriving`: the least share of new lives in it;
    `counter`: the share of these that begin at a counter or by post, the others online; `office`: how likely an officer
    takes up what waits on the desk. Citizens' acts (payments, ratings, petitions) know no hours.
    """

    until: float
    tempo: float
    arriving: float
    counter: float
    office: float


_NIGHT: Final = Part(6, 0.05, 0.7, 0, 0.25)
_LATE: Final = replace(_NIGHT, until=24)
_EVENING: Final = Part(22, 0.52, 0.6, 0, 0.5)
WORKED: Final = (
    _NIGHT,
    Part(7.5, 0.3, 0.7, 0, 0.25),
    Part(11.5, 2.5, 0.12, 0.45, 1),
    Part(13.5, 0.9, 0.5, 0, 0.5),
    Part(17, 2.5, 0.12, 0.45, 1),
    _EVENING,
    _LATE,
)
"""The parts of a working day; their tempo has the mean 1."""

FREE: Final = (_NIGHT, _EVENING, _LATE)
"""The parts of a Saturday, Sunday or holiday."""


def part_of(now: Instant, calendar: Calendar) -> Part:
    """The part of the day an instant lies in."""
    day = day_of(now)
    hour = (now - start_of(day)) / (3600 * _SECOND)
    return next(part for part in (WORKED if calendar.is_workday(day) else FREE) if hour < part.until)


class Living:
    """The offices of a catalogue at work from `start` on. The start is part of every code, so that runs never clash."""

    def __init__(self, catalogue: Offices, seed: int, start: Instant, manner: Manner = _IN_MINUTES) -> None:
        self._catalogue = catalogue
        self._rng = Random(seed)  # noqa: S311  no secret: the same seed must tell the same story
        self._run = f"s{seed}t{_base36(start // 1000)}"
        self._source = source_of(catalogue.under)
        self._plots = Plots(self._rng, manner)
        self._slow = manner.slow
        # A few offices have much to do, many little.
        self._busy = list(accumulate(0.2 + self._rng.expovariate(1) for _ in catalogue.offices))
        self._online_busy = list(accumulate(0.2 + self._rng.expovariate(1) for _ in catalogue.online))
        self._waiting: dict[Desk, list[tuple[Instant, int, Life]]] = {"citizen": [], "office": [], "reception": []}
        self._recent: deque[CloudEvent] = deque(maxlen=_RECENT)
        self._begun = self._told = 0

    def next(self, now: Instant) -> CloudEvent:
        """What happens now: one step of a life that is open, the beginning of another, or an event sent once more."""
        draw = self._rng.random
        if self._recent and draw() < RESENT:
            return self._recent[int(draw() * len(self._recent))]
        part = part_of(now, self._catalogue.calendar)
        life = None if draw() < part.arriving else self._due(now, part)
        event = self._step(life or self._begin(now, part), now)
        self._recent.append(event)
        return event

    @property
    def open(self) -> int:
        """How many lives are to go on."""
        return sum(map(len, self._waiting.values()))

    def _due(self, now: Instant, part: Part) -> Life | None:
        """The life whose next step waits longest, if somebody is there to take it."""
        at_work = self._rng.random() < part.office
        for desks in (("citizen", "office"), ("reception",)) if at_work else (("citizen",),):
            # What is begun is gone on with first: when few are at work, those few still bring dossiers to their end.
            heaps = [self._waiting[desk] for desk in desks]
            ready = [heap for heap in heaps if heap and heap[0][0] <= now]
            if ready:
                return heappop(min(ready, key=lambda heap: heap[0][:2]))[2]
        return None

    def _begin(self, now: Instant, part: Part) -> Life:
        """A new life: most are dossiers; in working hours offices also send documents to each other."""
        draw, plots = self._rng.random, self._plots
        self._begun += 1
        online = bool(self._catalogue.online) and draw() >= part.counter
        offices = (self._catalogue.online, self._online_busy) if online else (self._catalogue.offices, self._busy)
        office = self._rng.choices(offices[0], cum_weights=offices[1])[0]
        code = f"{office.code}-{clock_of(now):%y%m%d}-{self._run}.{self._begun}"
        chance = draw()
        if chance < 0.03:
            return Life(f"PAKN-{code}", office.code, plots.petition())
        if chance < 0.06 and part.office == 1:
            return Life(f"VB-{code}", office.code, plots.document(office.level))
        return Life(code, office.code, plots.dossier(office, online=online))

    def _step(self, life: Life, now: Instant) -> CloudEvent:
        """The life's next step happens now; the one after it is put on its desk."""
        step = life.steps.pop()
        data = dict(step.data)
        if step.promise is not None:
            data["due_at"] = _text(self._promised(step.promise, now))
        elif step.type == "event.retracted":
            data["id"] = life.last
        self._told += 1
        life.last = f"{self._run}-{self._told}"
        event: CloudEvent = {
            "specversion": "1.0",
            "id": life.last,
            "source": self._source,
            "type": step.type,
            "subject": life.subject,
            "time": _text(now),
            "unit": life.unit,
            "data": data,
        }
        if step.type == "dossier.transferred":
            life.unit = str(data["to"])
        if life.steps:
            self._wait(life, now)
        return event

    def _wait(self, life: Life, now: Instant) -> None:
        step = life.steps[-1]
        # Never within a second: the steps of a life are to be told apart by their times.
        seconds = 1 + self._rng.expovariate(1 / (step.wait * self._slow))
        heap = self._waiting[step.desk]
        heappush(heap, (Instant(now + int(seconds * _SECOND)), self._told, life))
        if self.open > OPEN:
            # The end of a heap is among those that wait longest still; taking it away leaves a heap.
            max(self._waiting.values(), key=len).pop()

    def _promised(self, promise: tuple[int, int], now: Instant) -> Instant:
        days, seconds = promise
        if days == 0:
            return Instant(now + seconds * _SECOND)
        day = self._catalogue.calendar.nth_workday(day_of(now), days)
        return Instant(start_of(day) + _CLOSING)


def source_of(under: str) -> str:
    """The source that all events of a simulation of this unit bear: always the same, so that it can be watched."""
    return f"/{under.lower()}/simulate"


def _text(at: Instant) -> str:
    return clock_of(at).isoformat(timespec="milliseconds")


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
