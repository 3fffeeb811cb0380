"""The demo's living offices, day and night for three weeks: none of them is taken for silent but the one that is."""

from __future__ import annotations

from collections.abc import Iterator

from app.demo.living.stream import events, part_of
from app.domain.calendar.civil import DAY, Instant, clock_of
from app.domain.calendar.workdays import Calendar, seed_holidays, seed_workdays
from app.domain.feeds import Feed, rhythm
from tests.demo.test_living import catalogue, micros

FIRST = micros("2026-11-02T00:00:00+07:00")
LAST = micros("2026-11-20T17:00:00+07:00")
STOPPED = micros("2026-11-19T09:00:00+07:00")
HALF_AN_HOUR = DAY // 48
SEEDED = Calendar(frozenset(seed_holidays(2026, 2026)), frozenset(seed_workdays(2026, 2026)))


def moments() -> Iterator[Instant]:
    """Some 800 events a working day, by the hour."""
    at = FIRST
    while at < LAST:
        yield at
        at = Instant(at + int(DAY / 800 / part_of(at, SEEDED).tempo))


def test_a_living_day_raises_no_alarm_and_an_office_that_stops_does() -> None:
    feeds: dict[str, Feed] = {}
    look, looked = STOPPED - 3 * DAY, 0
    for at, event in zip(moments(), events(catalogue(), 1, moments()), strict=True):
        while look <= min(at, STOPPED):
            states = {rhythm(each, SEEDED, look).state for each in feeds.values()}
            assert states == {"sending"}, clock_of(look)
            look += HALF_AN_HOUR
            looked += 1
        unit = str(event["unit"])
        if unit != "H44.130" or at < STOPPED:
            feeds.setdefault(unit, Feed.begun(at)).take(at, 1)
    assert looked == 3 * 48 + 1
    assert set(feeds) == {"H44.07", "H44.13", "H44.130"}
    assert [unit for unit, each in sorted(feeds.items()) if rhythm(each, SEEDED, LAST).state == "silent"] == ["H44.130"]
