"""The demo's recent past, at clocks of the test: how much it is, that it is sound, and how it goes on."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from app.demo import load, province
from app.demo.living import past
from app.domain.calendar.civil import Instant
from app.domain.feeds import rhythm
from app.main import create_service
from app.store.catalogues import roots
from app.store.feeds import kept as feeds
from tests.running import EPOCH, Running

SATURDAY = datetime.fromisoformat("2026-11-28T21:30:00+07:00")
THURSDAY = datetime.fromisoformat("2026-10-15T10:20:00+07:00")
FRIDAY = THURSDAY + timedelta(days=1)


def micros(at: datetime) -> Instant:
    return Instant((at - EPOCH) // timedelta(microseconds=1))


def told(at: datetime) -> dict[tuple[str, str], dict]:
    """Each event of the story up to an instant, once."""
    return {(str(event["source"]), str(event["id"])): event for _, batch in past.events(micros(at)) for event in batch}


def silent(events: dict[tuple[str, str], dict], since: str, until: str) -> int:
    return sum(event["unit"] == past.SILENT and since <= event["time"] < until for event in events.values())


async def loaded(running: Running, database: str, at: datetime):
    """What a start at an instant takes in."""
    arrival = load.Arrival()
    service = create_service(running.service.settings, database, arrival)
    try:
        return await load.load_past(service, arrival, micros(at), lambda _: None)
    finally:
        await service.database.close()


def test_nothing_is_ahead_and_every_event_arrives_within_two_hours() -> None:
    arrivals = list(past.events(micros(SATURDAY)))
    for at, batch in arrivals:
        arrived = EPOCH + timedelta(microseconds=at)
        assert arrived <= SATURDAY
        for event in batch:
            assert arrived - timedelta(days=60) < datetime.fromisoformat(str(event["time"])) <= arrived
    assert len(told(SATURDAY)) == 9_710
    assert [at for at, _ in arrivals] == sorted({at for at, _ in arrivals})


def test_working_days_are_alike_and_days_off_quiet() -> None:
    days = Counter(event["time"][:10] for event in told(SATURDAY).values())
    off = {"2026-11-24"}
    first = datetime(2026, 10, 1, tzinfo=UTC)
    for nth in range(58):
        day = first + timedelta(days=nth)
        text = f"{day:%Y-%m-%d}"
        low, high = (3, 40) if day.weekday() >= 5 or text in off else (150, 300)
        assert low <= days[text] <= high, (text, days[text])


def test_a_later_end_tells_the_same_story_further() -> None:
    before, after = told(THURSDAY), told(FRIDAY)
    assert {key: after[key] for key in before} == before
    new = [event for key, event in after.items() if key not in before]
    # The silent commune's day that is now a week ago comes with the new day.
    late = [event for event in new if event["unit"] == past.SILENT]
    assert all("2026-10-08" <= event["time"][:10] < "2026-10-09" for event in late)
    rest = [event for event in new if event["unit"] != past.SILENT]
    assert all(THURSDAY < datetime.fromisoformat(event["time"]) <= FRIDAY for event in rest)
    assert len(rest) > 100


def test_the_silent_commune_is_silent_for_a_week() -> None:
    events = told(SATURDAY)
    assert silent(events, "2026-11-21", "2026-11-29") == 0
    assert silent(events, "2026-11-14", "2026-11-21") > 10


def test_a_unit_sends_from_one_of_four_sources() -> None:
    found = {(event["unit"], event["source"]) for event in told(SATURDAY).values()}
    assert {source for _, source in found} == {"/h44/so", "/h44/xa-1", "/h44/xa-2", "/h44/xa-3"}
    assert len({unit for unit, _ in found}) == len(found)
    assert ("H44.07", "/h44/so") in found


def test_the_living_present_leaves_the_silent_commune_alone_and_clashes_with_nothing() -> None:
    start = micros(SATURDAY)
    present = past.Present(start)
    events = [present.next(Instant(start + nth * 15_000_000)) for nth in range(3_000)]
    assert past.SILENT not in {event["unit"] for event in events}
    before = told(SATURDAY)
    assert not {(event["source"], event["id"]) for event in events} & before.keys()
    assert not {event["subject"] for event in events} & {event["subject"] for event in before.values()}
    # Saturday night, and Friday's office hours.
    assert past.Present.pause(start) == 60
    assert past.Present.pause(micros(SATURDAY - timedelta(days=1, hours=12))) == 15


async def test_starts_add_what_is_new_and_the_pages_have_something_to_show(running: Running, database: str) -> None:
    await load.load_catalogues(running.service)
    events, more = told(THURSDAY), told(FRIDAY)
    first = await loaded(running, database, THURSDAY)
    assert (first.accepted, first.rejected, first.errors) == (len(events), 0, [])
    again = await loaded(running, database, THURSDAY)
    assert (again.accepted, again.duplicates, again.rejected) == (0, first.accepted + first.duplicates, 0)
    later = await loaded(running, database, FRIDAY)
    assert (later.accepted, later.rejected) == (len(more) - len(events), 0)

    running.clock.at = FRIDAY
    today = (await running.get("/v1/today", unit="H44", within=5)).json()
    assert (today["late"]["dossiers"], [each["dossiers"] for each in today["due"]]) == recount(more)
    assert today["due"][-1]["dossiers"] > 10


def recount(events: dict[tuple[str, str], dict]) -> tuple[int, list[int]]:
    """Late dossiers on that Friday, and those due within 0, 1, 3 and 5 working days, event by event."""
    gone = {event["data"]["id"] for event in events.values() if event["type"] == "event.retracted"}
    ends = {f"dossier.{kind}" for kind in ("completed", "refused", "stopped", "withdrawn", "voided", "not_accepted")}
    dues: dict[str, str] = {}
    waits: set[str] = set()
    for event in sorted(events.values(), key=lambda each: each["time"]):
        if event["id"] in gone:
            continue
        if due := event["data"].get("due_at"):
            dues[event["subject"]] = due[:16]
        if event["type"] in ends:
            dues[event["subject"]] = ""
        if event["type"] == "dossier.supplement_requested":
            waits.add(event["subject"])
        if event["type"] == "dossier.supplemented":
            waits.discard(event["subject"])
    # Where a supplement is waited for the clock stands.
    open_ = [due for subject, due in dues.items() if due and subject not in waits]
    now = f"{FRIDAY:%Y-%m-%dT%H:%M}"
    # Saturday and Sunday belong to Friday, the next working days are the 19th to the 23rd.
    ends_at = ("2026-10-19", "2026-10-20", "2026-10-22", "2026-10-24")
    return sum(due < now for due in open_), [sum(now <= due < end for due in open_) for end in ends_at]


async def test_the_served_province_lives_on(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await load.load_catalogues(running.service)
    monkeypatch.setattr(past.Present, "pause", lambda _self, _now: 0.01)
    living = asyncio.create_task(load.live_on(running.service))

    async def told() -> int:
        async with running.service.database.connection("read") as connection:
            return int(await connection.fetchval("SELECT count(*) FROM event"))

    async with asyncio.timeout(30):
        while await told() < 20:
            await asyncio.sleep(0.05)
    living.cancel()
    await asyncio.wait([living])
    assert living.cancelled()
    assert (await running.get("/v1/rejections", unit="H44")).json()["items"] == []


async def test_feeds_are_sending_but_for_the_silent_one(running: Running, database: str) -> None:
    await load.load_catalogues(running.service)
    await loaded(running, database, SATURDAY)
    await running.service.follower.finish()
    async with running.service.database.connection("read") as connection:
        [(root_id, _)] = await roots.found(connection, province.ROOT)
        rows = await connection.fetch("SELECT code, id FROM unit WHERE root_id = $1", root_id)
        codes = {row["id"]: row["code"] for row in rows}
        known = await feeds.of_units(connection, root_id, list(codes))
    assert len(known) == len({codes[each.unit_id] for each in known}) == 163
    states = {codes[each.unit_id]: rhythm(each.feed, past.offices().calendar, micros(SATURDAY)).state for each in known}
    assert [code for code, state in states.items() if state != "sending"] == [past.SILENT]
    assert states[past.SILENT] == "silent"
