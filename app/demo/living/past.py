"""The demo's recent past: how its province has lived since the published figures end, and how it lives on.

One story from 1 October 2026 on, always the same: told up to a later instant it goes on where it ended. Its offices
take hours and days, at a rate that fits the scale at which the published year is served. Each unit sends from one of
four sources; one commune has sent nothing for a week, whatever the day, so that the alarm of its feed can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from heapq import merge
from itertools import count, groupby
from random import Random
from typing import Final

from app.demo.living.plots import Manner, Office, Offices, Plots, demo_offices
from app.demo.living.stream import Living, part_of
from app.demo.province import ROOT, levels
from app.demo.year.lives import CloudEvent
from app.domain.calendar.civil import DAY, Day, Instant, clock_of, day_number, day_of, start_of
from app.domain.calendar.workdays import Calendar, seed_holidays, seed_workdays

SILENT: Final = "H44.195"
"""The commune that sends nothing in the last week; nothing is transferred to or from it."""

_SILENT_DAYS: Final = 7
_BEGIN: Final = start_of(day_number(date(2026, 10, 1)))
_YEARS: Final = (2026, 2030)
"""Of these the holidays are known; after them weekends only are free."""

_PER_DAY: Final = 220
_OUTSIDE: Final = 0.15
"""How much of the usual happens outside office hours: with more, offices would never get through what comes in."""

_SEED: Final = 1
_PAST: Final = Manner(slow=250, left=0.04, at_once=0)
_PRESENT: Final = Manner(slow=3, left=0.04, at_once=0)
_DOCUMENT_DAYS: Final = 3
"""Every office sends a document each so many working days: of them none falls silent by chance."""

_SLOT: Final = DAY // 48
"""Half an hour: the parts of a day begin and end with one."""

_TOGETHER: Final = DAY // 12
"""Two hours' events arrive together."""


@cache
def offices() -> Offices:
    """The demo's offices and days off; dossiers are transferred between units of the same source only."""
    known = demo_offices(ROOT, _BEGIN)
    calendar = Calendar(frozenset(seed_holidays(*_YEARS)), frozenset(seed_workdays(*_YEARS)))
    return replace(known, offices=_apart(known.offices), online=_apart(known.online), calendar=calendar)


def _apart(known: tuple[Office, ...]) -> tuple[Office, ...]:
    def peers(office: Office) -> tuple[str, ...]:
        if office.code == SILENT:
            return ()
        return tuple(each for each in office.peers if each != SILENT and source_of(each) == source_of(office.code))

    return tuple(replace(each, peers=peers(each)) for each in known)


def source_of(unit: str) -> str:
    """The source that sends a unit's events: departments share one, communes three."""
    if levels()[unit] != "commune":
        return "/h44/so"
    return f"/h44/xa-{int(unit.rpartition('.')[2]) % 3 + 1}"


def moments(now: Instant) -> Iterator[Instant]:
    """When something happens up to `now`: by chance, as often as the part of the day has it."""
    rng = Random(_SEED)  # noqa: S311  no secret: the same story every time
    for begin in count(_BEGIN, _SLOT):
        part = part_of(Instant(begin), offices().calendar)
        mean = DAY / (_PER_DAY * part.tempo * (1 if part.office == 1 else _OUTSIDE))
        at = begin + rng.expovariate(1 / mean)
        while at < begin + _SLOT:
            if at > now:
                return
            yield Instant(int(at))
            at += rng.expovariate(1 / mean)
        if begin > now:
            return


def events(now: Instant) -> Iterator[tuple[Instant, list[CloudEvent]]]:
    """What happens up to `now`: instants of arrival, none after `now`, and what arrives then, of two hours each."""
    silent = start_of(day_of(now)) - _SILENT_DAYS * DAY
    living = Living(offices(), _SEED, _BEGIN, _PAST)
    told = ((at, living.next(at)) for at in moments(now))
    whole = merge(told, _documents(now), key=lambda each: each[0])
    for window, some in groupby(whole, lambda each: each[0] // _TOGETHER):
        batch = [_sent(event) for at, event in some if event["unit"] != SILENT or at < silent]
        yield Instant(min(now, (window + 1) * _TOGETHER)), batch


def _documents(now: Instant) -> Iterator[tuple[Instant, CloudEvent]]:
    """The offices' documents up to `now`, a minute apart from 8:00 on, and when they are sent."""
    calendar, plots = offices().calendar, Plots(Random(_SEED), _PAST)  # noqa: S311  the same story every time
    worked = (day for day in count(day_of(_BEGIN)) if calendar.is_workday(Day(day)))
    for nth, day in enumerate(worked):
        for number, office in enumerate(offices().offices):
            at = Instant(start_of(Day(day)) + DAY // 3 + number * DAY // 1440)
            if at > now:
                return
            if (nth + number) % _DOCUMENT_DAYS == 0:
                [step] = plots.document(office.level)
                yield at, _document(office.code, at, step.data)


def _document(unit: str, at: Instant, data: dict[str, object]) -> CloudEvent:
    code = f"VB-{unit}-{clock_of(at):%y%m%d}"
    return {
        "specversion": "1.0",
        "id": code,
        "source": source_of(unit),
        "type": "document.sent",
        "subject": code,
        "time": clock_of(at).isoformat(timespec="milliseconds"),
        "unit": unit,
        "data": data,
    }


class Present:
    """The events from `start` on, of lives of their own whose steps take minutes."""

    def __init__(self, start: Instant) -> None:
        self._living = Living(offices(), _SEED, start, _PRESENT)

    def next(self, now: Instant) -> CloudEvent:
        """What happens now; never in the silent commune."""
        while (event := self._living.next(now))["unit"] == SILENT:
            pass
        return _sent(event)

    @staticmethod
    def pause(now: Instant) -> float:
        """Seconds until something happens again: four events a minute in office hours, else one."""
        return 15 if part_of(now, offices().calendar).tempo > 1 else 60


def _sent(event: CloudEvent) -> CloudEvent:
    return {**event, "source": source_of(str(event["unit"]))}
