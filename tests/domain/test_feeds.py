"""The rhythm of a feed, from histories told by hand: what is usual, when silence is an alarm, and when it is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from random import Random

import msgspec
import pytest

from app.domain.calendar.civil import Day, Instant
from app.domain.calendar.workdays import Calendar, seed_holidays, seed_workdays
from app.domain.feeds import HOUR, Feed, Rhythm, rhythm
from tests.domain.calendar.test_hours import SEEDED, at, shown

HOURS = ("08:00", "09:00", "10:00", "11:00", "14:00", "15:00", "16:00")


def workdays(first: str, last: str) -> Iterator[str]:
    """Monday to Friday without Tết and the other holidays of these tests' months."""
    day = date.fromisoformat(first)
    off = {"2026-11-24", *(f"2026-02-{n}" for n in range(16, 21))}
    while day <= date.fromisoformat(last):
        if day.weekday() < 5 and day.isoformat() not in off:
            yield day.isoformat()
        day += timedelta(days=1)


def told(arrivals: Iterable[str]) -> Feed:
    feed: Feed | None = None
    for each in arrivals:
        feed = feed or Feed.begun(at(each))
        feed.take(at(each), 1)
    assert feed is not None
    return feed


def hourly(first: str, last: str, hours: Iterable[str] = HOURS) -> list[str]:
    return [f"{day}T{hour}" for day in workdays(first, last) for hour in hours]


def stands(feed: Feed, now: str, calendar: Calendar = SEEDED) -> Rhythm:
    return rhythm(feed, calendar, at(now))


def test_the_usual_silence_is_from_the_last_event_of_a_day_to_the_first_of_the_next() -> None:
    """Every hour, 60 minutes (over lunch too); from 16:00 to 8:00 the next day 60 + 30."""
    found = stands(told(hourly("2026-10-26", "2026-11-20")), "2026-11-20T16:20")
    assert (found.state, found.usual_minutes, found.alarm_minutes, found.silence_minutes) == ("sending", 90, 270, 20)
    assert found.alarm_at is not None
    assert shown(found.alarm_at) == "2026-11-23T11:00:00", "60 minutes on Friday, 210 on Monday"


def test_silence_is_an_alarm_from_the_very_instant() -> None:
    feed = told(hourly("2026-10-26", "2026-11-20"))
    for now, state in (("2026-11-22T23:59", "sending"), ("2026-11-23T10:59:59.999999", "sending")):
        assert stands(feed, now).state == state
    found = stands(feed, "2026-11-23T11:00")
    assert (found.state, found.silence_minutes) == ("silent", 270)


def test_tet_raises_no_alarm_and_the_monday_after_it_does() -> None:
    feed = told(hourly("2026-01-19", "2026-02-13"))
    for day in range(14, 23):
        for hour in ("00:00", "10:00", "16:59", "23:59"):
            found = stands(feed, f"2026-02-{day}T{hour}")
            assert (found.state, found.silence_minutes) == ("sending", 60), "the last hour of Friday the 13th"
    assert stands(feed, "2026-02-23T10:59").state == "sending"
    assert stands(feed, "2026-02-23T11:00").state == "silent"


def test_tet_is_not_learned_as_a_long_silence() -> None:
    feed = told(hourly("2026-02-02", "2026-02-27"))
    assert stands(feed, "2026-02-27T17:00").usual_minutes == 90


def test_a_holiday_that_is_decreed_later_counts_for_what_was_and_what_comes() -> None:
    feed = told(hourly("2026-10-26", "2026-11-20"))
    decreed = Calendar(frozenset(seed_holidays(2025, 2027)) | {Day(20780)}, frozenset(seed_workdays(2025, 2027)))
    assert shown(Instant(20780 * 86_400_000_000)) == "2026-11-23T07:00:00"
    found = stands(feed, "2026-11-23T16:00", decreed)
    assert found.state == "sending"
    assert found.alarm_at == at("2026-11-25T11:00"), "the 24th is one, too"


def test_a_weekly_feed_is_not_alarmed_after_a_day_but_after_three_weeks() -> None:
    feed = told(f"{day}T09:00" for day in ("2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23"))
    found = stands(feed, "2026-11-24T16:00")
    assert (found.state, found.usual_minutes, found.alarm_minutes) == ("sending", 5 * 450, 15 * 450)
    assert found.alarm_at == at("2026-12-15T09:00"), "the 24th of November is a holiday"
    assert stands(feed, "2026-12-15T08:59").state == "sending"
    assert stands(feed, "2026-12-15T09:00").state == "silent"


def test_a_daily_feed_is_alarmed_after_three_days() -> None:
    found = stands(told(hourly("2026-10-26", "2026-11-20", ["17:05"])), "2026-11-23T08:00")
    assert (found.usual_minutes, found.alarm_at) == (450, at("2026-11-26T17:00"))


def test_a_busy_feed_may_be_silent_for_two_hours() -> None:
    minutes = [f"{hour:02}:{minute:02}" for hour in (*range(8, 11), *range(14, 17)) for minute in range(0, 60, 5)]
    found = stands(
        told(hourly("2026-10-26", "2026-11-20", sorted(["07:31", "11:29", "13:31", "16:59", *minutes]))),
        "2026-11-20T17:00",
    )
    assert (found.usual_minutes, found.alarm_minutes) == (34, 120), "from 10:55 to 11:29"
    assert found.alarm_at == at("2026-11-23T09:29")


@pytest.mark.parametrize(
    "arrivals",
    [
        ["2026-09-01T09:00"],
        [f"2026-09-01T09:{minute:02}" for minute in range(60)],
        hourly("2026-09-07", "2026-09-09"),
        ["2026-09-07T09:00", "2026-09-23T09:00"],
    ],
)
def test_a_feed_without_history_is_never_alarmed(arrivals: list[str]) -> None:
    feed = told(arrivals)
    for now in ("2026-09-24T10:00", "2026-11-20T17:00"):
        found = stands(feed, now)
        assert (found.state, found.usual_minutes, found.alarm_minutes, found.alarm_at) == ("learning", None, None, None)


def test_a_rhythm_is_known_after_five_working_days() -> None:
    arrivals = hourly("2026-11-16", "2026-11-20")
    assert stands(told(arrivals), "2026-11-23T08:00").state == "learning", "from Monday 8:00 to Friday 16:00"
    assert stands(told([*arrivals, "2026-11-23T07:59"]), "2026-11-23T08:00").state == "learning"
    assert stands(told([*arrivals, "2026-11-23T08:00"]), "2026-11-23T08:00").usual_minutes == 90


def test_an_outage_that_is_over_is_not_taken_for_usual() -> None:
    feed = told([*hourly("2026-10-26", "2026-11-03"), *hourly("2026-11-12", "2026-11-20")])
    assert stands(feed, "2026-11-20T16:00").usual_minutes == 90, "six working days, once"


def test_a_long_silence_does_not_forget_the_rhythm() -> None:
    feed = told(hourly("2026-07-06", "2026-08-20"))
    found = stands(feed, "2026-11-17T10:00")
    assert (found.state, found.usual_minutes, found.alarm_at) == ("silent", 90, at("2026-08-21T11:00"))
    assert stands(feed, "2026-11-18T16:00").state == "silent", "ninety days to the instant"
    assert stands(feed, "2026-11-18T16:00:00.000001").state == "ended"


def test_a_feed_of_a_unit_that_is_no_more_has_ended() -> None:
    feed = told(hourly("2026-10-26", "2026-11-20"))
    assert rhythm(feed, SEEDED, at("2026-11-27T10:00"), closed=True).state == "ended"


def test_nights_and_weekends_send_too_and_change_nothing() -> None:
    """A portal that never sleeps: what comes at night ends a silence and is none."""
    days = [f"2026-11-{day:02}" for day in range(1, 21)]
    feed = told(f"{day}T{hour}" for day in days for hour in ("02:00", *HOURS, "22:00"))
    assert stands(feed, "2026-11-20T23:00").usual_minutes == 60


def test_one_silent_commune_among_148_is_seen() -> None:
    rng = Random(148)
    feeds = {}
    for commune in range(148):
        minutes = sorted(rng.sample(range(8 * 60, 11 * 60), 4) + rng.sample(range(14 * 60, 16 * 60), 4))
        hours = [f"{minute // 60:02}:{minute % 60:02}" for minute in minutes]
        feeds[commune] = told(hourly("2026-10-26", "2026-11-25" if commune == 77 else "2026-11-27", hours))
    for now in ("2026-11-27T17:00", "2026-11-28T12:00", "2026-11-30T07:30"):
        assert [commune for commune, feed in feeds.items() if stands(feed, now).state == "silent"] == [77]
    assert [commune for commune, feed in feeds.items() if stands(feed, "2026-11-26T07:30").state == "silent"] == []


def test_chance_alone_raises_hardly_any_alarm() -> None:
    """148 feeds whose events come at random, some eight a day: a month of looking every half hour."""
    rng = Random(766)
    days = list(workdays("2026-10-01", "2026-11-27"))
    false = 0
    for _ in range(148):
        clock, feed, alarms = rng.expovariate(8), None, set()
        while clock < len(days):
            worked = int((clock % 1) * 450)
            minute = 450 + worked + (120 if worked >= 240 else 0)
            arrival = at(f"{days[int(clock)]}T{minute // 60:02}:{minute % 60:02}")
            if feed is None:
                feed = Feed.begun(arrival)
            elif arrival > feed.last_at + 7_200_000_000 and rhythm(feed, SEEDED, arrival).state == "silent":
                alarms.add(arrival)
            feed.take(arrival, 1)
            clock += rng.expovariate(8)
        false += len(alarms)
    assert false <= 1


def test_what_is_kept_is_bounded_however_long_a_feed_sends() -> None:
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(700)]
    feed = told(f"{day.isoformat()}T{hour}" for day in days for hour in HOURS)
    assert (feed.events, len(feed.recent)) == (4_900, 29)
    assert len(msgspec.msgpack.encode(feed.recent)) < 1_000
    assert (feed.first_at, feed.last_at) == (at("2024-01-01T08:00"), at("2025-11-30T16:00"))


def test_what_arrives_out_of_order_by_a_moment_is_counted_and_makes_no_gap() -> None:
    feed = told(["2026-11-20T09:00", "2026-11-20T10:00", "2026-11-20T09:59", "2026-11-20T08:59"])
    assert (feed.events, feed.first_at, feed.last_at) == (4, at("2026-11-20T08:59"), at("2026-11-20T10:00"))
    assert [each.longest for each in feed.recent] == [3_600_000_000]


def test_the_clock_going_back_shows_no_negative_silence() -> None:
    feed = told(["2026-11-20T09:00"])
    assert stands(feed, "2026-11-20T08:00").silence_minutes == 0


def test_hours_are_kept_for_a_day_whatever_order_they_come_in() -> None:
    feed = Feed.begun(5 * HOUR)
    for came, events in ((5 * HOUR, 2), (5 * HOUR + 1, 3), (7 * HOUR, 1), (6 * HOUR, 4)):
        feed.take(came, events)
    assert feed.by_hour == {5: 5, 7: 1, 6: 4}
    feed.take(29 * HOUR, 1)
    assert feed.by_hour == {7: 1, 6: 4, 29: 1}
    feed.take(5 * HOUR, 9)
    assert feed.by_hour == {7: 1, 6: 4, 29: 1}
    assert feed.events == 20
