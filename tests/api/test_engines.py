"""What could depend on the engine: the log across a quarter of a century, and reading it whole again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.store.proof.verify import verify
from tests.api.asking import AGAIN, ONE, card, reception, retraction
from tests.running import Running


async def the_root(running: Running) -> int:
    async with running.service.database.connection("read") as connection:
        return int(await connection.fetchval("SELECT id FROM root WHERE code = 'H44'"))


async def test_events_of_all_times_are_logged_counted_and_verified(running: Running, now: datetime) -> None:
    running.clock.at = now
    await running.catalogue()
    first = datetime(1999, 12, 31, 17, tzinfo=UTC)
    step = (now - first) / 60
    times = [first, now + timedelta(minutes=10)] + [first + step * number for number in range(1, 60)]
    events = [reception(running, f"{n}", time=at.isoformat(), due_at=None) for n, at in enumerate(times)]
    events += [running.event("dossier.completed", f"{n}", time=at.isoformat()) for n, at in enumerate(times) if n % 2]
    assert await running.push(events) == ONE | {"accepted": len(events)}
    assert await running.push(events[::-1]) == AGAIN | {"duplicates": len(events)}
    await running.push([retraction(running, events[0]), running.event("dossier.voided", "3")])
    running.clock.at = now + timedelta(minutes=10, microseconds=1)
    report = await verify(running.service.database, await the_root(running), deep=True, now=running.clock())
    assert report.clean, report
    assert report.logged == len(events) + 2
    received = 0
    for period in ("2000", "2001-01-01", "2026"):
        received = (await card(running, period=period))["balance"]["received"]
    whole = await card(running, from_="2000-01-01", to="2026-12-31")
    assert (whole["balance"]["received"], whole["balance"]["ended"]) == (59, 29)
    assert received == sum(at.year == 2026 for at in times)


async def test_a_single_event_is_accepted_once_and_a_duplicate_ever_after(running: Running, now: datetime) -> None:
    running.clock.at = now
    await running.catalogue()
    event = reception(running)
    assert await running.push([event]) == ONE
    for _ in range(3):
        assert await running.push([event, event]) == AGAIN | {"duplicates": 2}
    assert (await card(running))["balance"]["received"] == 1
