"""The load: events of the demo province in several shapes, made and encoded before any clock runs.

Most are lives as the demo tells them; `together` and `day` are the same lives of lives.py, and differ by nothing but
how the events of one dossier lie beside each other.

Every seed tells other lives of other dossiers, so that runs of one database never meet each other's events.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import StrEnum
from random import Random
from typing import Final, cast

import msgspec

from app.demo import province
from app.demo.hours import hours
from app.demo.year import events as simulate
from app.demo.year import procedures
from app.demo.year.lives import CloudEvent
from app.demo.year.targets import scaled
from app.domain.calendar.civil import Instant
from bench import lives

ONE_UNIT: Final = "H44.45"
"""The department with the most dossiers."""
ONE_DAY: Final = "2026-03-16"
YEAR: Final = 2026
_LONG_AFTER: Final = Instant(4_102_444_800_000_000)
_EVENTS_PER_DOSSIER: Final = 6.78
_SMALLEST_SCALE: Final = 0.0005


class Shape(StrEnum):
    """How the events of a run lie: what the judge of a fast path would try."""

    normal = "normal"
    live = "live"
    one_unit = "one-unit"
    one_procedure = "one-procedure"
    one_day = "one-day"
    all_new = "all-new"
    duplicates = "duplicates"
    reversed = "reversed"
    together = "together"
    day = "day"


MEANING: Final = {
    Shape.normal: "all units, as the demo tells them: unit after unit, locally shuffled, 1 % sent twice",
    Shape.live: "all units mixed, in the order in which things happened",
    Shape.one_unit: "everything at one unit",
    Shape.one_procedure: "every dossier of one procedure",
    Shape.one_day: "everything happens on one day",
    Shape.all_new: "receptions only, each of another dossier",
    Shape.duplicates: "everything was taken in before",
    Shape.reversed: "all units mixed, the latest first",
    Shape.together: "all units mixed, each dossier's whole life side by side, nothing sent twice: a backfill",
    Shape.day: "the same lives in the order in which things happened, a dossier's events hours apart: live days",
}


def made(shape: Shape, count: int, seed: int) -> list[CloudEvent]:
    """So many events of a shape. `duplicates` is as `normal`: what makes it one is that it is sent again."""
    events = list(itertools.islice(_SOURCES.get(shape, _normal)(count, seed), count))
    if shape in (Shape.live, Shape.reversed, Shape.day):
        events.sort(key=lambda event: str(event["time"]), reverse=shape is Shape.reversed)
    return events


def encoded(events: Iterable[CloudEvent]) -> list[bytes]:
    """Each event as JSON."""
    return [msgspec.json.encode(event) for event in events]


def apart(events: Iterable[CloudEvent], units: Collection[str]) -> list[CloudEvent]:
    """The events without those that could move a figure of one of these units."""
    kept = []
    for event in events:
        to = cast(dict[str, object], event.get("data") or {}).get("to")
        if event["unit"] not in units and to not in units and str(event["subject"]).partition("-")[0] not in units:
            kept.append(event)
    return kept


def key(event: CloudEvent) -> tuple[str, str]:
    """What tells an event apart: its source and id."""
    return str(event["source"]), str(event["id"])


def of_years(scale: float, seed: int, first: int, last: int) -> Iterator[CloudEvent]:
    """Whole years of the province as the demo tells them, publications and all, with the demo's own codes.

    What a year leaves open is finished in the first weeks of the next one, as it is in life; only the last year's
    dossiers are still open.
    """
    for year in range(first, last + 1):
        events = simulate.events(None, scale, seed, _LONG_AFTER, year)
        yield from events if year == last else _finished(events, seed, year)


_ENDED: Final = frozenset(
    f"dossier.{kind}"
    for kind in ("completed", "returned", "refused", "stopped", "withdrawn", "supplement_requested", "voided")
)
_WORKING_DAYS: Final = 40
"""In the first so many of a year the dossiers of the year before are finished."""


def _finished(events: Iterable[CloudEvent], seed: int, year: int) -> Iterator[CloudEvent]:
    """A year's events, and the end of each dossier that has none."""
    received: dict[str, CloudEvent] = {}
    moved: dict[str, str] = {}
    ended: set[str] = set()
    for event in events:
        subject = str(event["subject"])
        if event["type"] == "dossier.received":
            received[subject] = event | {"data": {}}
        elif event["type"] == "dossier.transferred":
            moved[subject] = str(cast(dict[str, object], event["data"])["to"])
        elif event["type"] in _ENDED:
            ended.add(subject)
        yield event
    when, rng = hours(year + 1), Random(f"{seed}:{year}:finished")  # noqa: S311  no secret
    for subject, event in received.items():
        if subject not in ended:
            at = when.moment(when.first + rng.randrange(_WORKING_DAYS), rng.random())
            yield event | {
                "id": f"{subject}/finished",
                "type": "dossier.completed",
                "time": when.text(at),
                "unit": moved.get(subject, event["unit"]),
            }


def _normal(count: int, seed: int) -> Iterator[CloudEvent]:
    return _stories(count, seed, [unit for unit in province.levels() if unit != province.ROOT])


def _one_unit(count: int, seed: int) -> Iterator[CloudEvent]:
    for event in _stories(count, seed, [ONE_UNIT]):
        # A dossier that was sent to the wrong unit first begins there; here nobody errs.
        if event["unit"] == ONE_UNIT and event["type"] != "dossier.transferred":
            yield event


def _one_procedure(count: int, seed: int) -> Iterator[CloudEvent]:
    code = str(next(row["code"] for row in procedures.procedures() if not row.get("units")))
    for event in _normal(count, seed):
        data = cast(dict[str, object], event["data"])
        yield event | {"data": data | {"procedure": code}} if "procedure" in data else event


def _one_day(count: int, seed: int) -> Iterator[CloudEvent]:
    for event in _normal(count, seed):
        # The order of a life is kept: its events follow each other by minutes.
        line = int(str(event["id"]).rpartition("/")[2])
        yield event | {"time": f"{ONE_DAY}T{8 + line // 60:02}:{line % 60:02}:{str(event['time'])[17:]}"}


def _whole_lives(_: int, seed: int) -> Iterator[CloudEvent]:
    return lives.together(seed)


def _all_new(count: int, seed: int) -> Iterator[CloudEvent]:
    seen = set()
    for event in _normal(8 * count, seed):
        if event["type"] == "dossier.received" and event["subject"] not in seen:
            seen.add(event["subject"])
            yield event


_SOURCES: Final[dict[Shape, Callable[[int, int], Iterator[CloudEvent]]]] = {
    Shape.one_unit: _one_unit,
    Shape.one_procedure: _one_procedure,
    Shape.one_day: _one_day,
    Shape.all_new: _all_new,
    Shape.together: _whole_lives,
    Shape.day: _whole_lives,
}


def _stories(count: int, seed: int, units: list[str]) -> Iterator[CloudEvent]:
    """Events without end: one story of about `count` events, then another, each of dossiers of its own."""
    whole = sum(scaled(unit, 1).active for unit in units) * _EVENTS_PER_DOSSIER
    scale = min(1.0, max(_SMALLEST_SCALE, round(1.2 * count / whole, 4)))
    for nth in itertools.count():
        tag = f"b{seed}.{nth}"
        for event in simulate.events(units, scale, seed * 1000 + nth, _LONG_AFTER, YEAR):
            yield _renamed(event, tag)


def _renamed(event: CloudEvent, tag: str) -> CloudEvent:
    """The event as one of a dossier that only this story has."""
    line = str(event["id"]).rpartition("/")[2]
    subject = f"{event['subject']}.{tag}"
    renamed = event | {"subject": subject, "id": f"{subject}/{line}"}
    if event["type"] == "event.retracted":
        target = str(cast(dict[str, object], event["data"])["id"]).rpartition("/")[2]
        renamed["data"] = {"id": f"{subject}/{target}"}
    return renamed
