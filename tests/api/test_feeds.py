"""`GET /v1/feeds`: each source and unit with its rhythm, its silence, and what is wrong with it."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from app.api import feeds
from app.api.feeds import COLUMNS
from tests.api.asking import of_problem, reception
from tests.running import Running

EVERYTHING = ("H44.07", "H44.13", "H44.130")


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


def civil(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+07:00")


def workdays(first: str, last: str) -> list[str]:
    start, days = date.fromisoformat(first), []
    for n in range((date.fromisoformat(last) - start).days + 1):
        day = start + timedelta(days=n)
        if day.weekday() < 5 and day.isoformat() != "2026-11-24":  # the day of culture
            days.append(day.isoformat())
    return days


async def send(served: Running, at: str, units: Iterable[str] = EVERYTHING, source: str = "/h44/thu") -> None:
    served.clock.at = civil(at)
    outcome = await served.push([served.event("dossier.synced", unit, unit, source=source) for unit in units])
    assert outcome["rejected"] == 0


async def month(served: Running, last: str = "2026-11-20", **more: Any) -> None:
    """Four weeks of three pushes a day: at 9:00, 11:00 and 15:00, so 9:00 comes 150 minutes after 15:00 + 30 … 210."""
    for day in workdays("2026-10-26", last):
        for hour in ("09:00", "11:00", "15:00"):
            await send(served, f"{day}T{hour}", **more)


async def asked(served: Running, now: str, unit: str = "H44", key: str | None = None) -> dict[str, Any]:
    served.clock.at = civil(now)
    await served.service.follower.finish()
    answer = await served.get("/v1/feeds", key, unit=unit)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def brief(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["source"], each["unit"]["code"], each["state"]) for each in told["rows"]]


async def test_one_feed_word_for_word(served: Running) -> None:
    """The longest gap of a day is the night's: 120 minutes to 17:00, 90 from 7:30."""
    await month(served, units=["H44.07"])
    told = await asked(served, "2026-11-23T08:00", "H44.07")
    assert told["rows"] == [
        {
            "source": "/h44/thu",
            "unit": {"code": "H44.07", "name": "Sở Công Thương", "level": "department"},
            "state": "sending",
            "first_at": "2026-10-26T09:00:00.000000+07:00",
            "last_at": "2026-11-20T15:00:00.000000+07:00",
            "events": 60,
            "usual_minutes": 210,
            "alarm_minutes": 630,
            "silence_minutes": 150,
            "alarm_at": "2026-11-25T08:30:00.000000+07:00",
            "rejections": 0,
            "faults": 1,
            "due_moved_late": 0,
            "end_moved_back": 0,
        }
    ]
    assert (told["states"], told["more"]) == ({"sending": 1, "silent": 0, "learning": 0, "ended": 0}, False)
    assert told["read_until"] == told["as_of"] == "2026-11-23T08:00:00.000000+07:00"
    assert told["sources"] == [
        {
            "source": "/h44/thu",
            "feeds": 1,
            "silent": 0,
            "last_at": "2026-11-20T15:00:00.000000+07:00",
            "rejections": [],
        }
    ]
    [faults] = told["faults"]
    assert (faults["unit"]["code"], faults["causes"]) == (
        "H44.07",
        [{"cause": "no_reception", "name": "Chưa có sự kiện tiếp nhận", "count": 1}],
    )


async def test_the_silent_one_is_seen_first_and_in_the_metrics(served: Running) -> None:
    await month(served)
    await send(served, "2026-11-23T09:00", ["H44.07", "H44.13"])
    await send(served, "2026-11-25T08:15", ["H44.07", "H44.13"])
    before = await asked(served, "2026-11-25T08:29:59")
    assert {each["state"] for each in before["rows"]} == {"sending"}
    told = await asked(served, "2026-11-25T08:30")
    assert brief(told) == [
        ("/h44/thu", "H44.130", "silent"),
        ("/h44/thu", "H44.07", "sending"),
        ("/h44/thu", "H44.13", "sending"),
    ]
    silent = told["rows"][0]
    assert (silent["alarm_at"], silent["silence_minutes"]) == ("2026-11-25T08:30:00.000000+07:00", 630)
    assert told["states"] == {"sending": 2, "silent": 1, "learning": 0, "ended": 0}
    assert [each["silent"] for each in told["sources"]] == [1]
    await feeds.measure(served.service)
    page = (await served.client.get("/metrics")).text
    found = sorted(line for line in page.splitlines() if line.startswith("chiso_feeds{"))
    assert found == [
        'chiso_feeds{root="H44",state="ended"} 0.0',
        'chiso_feeds{root="H44",state="learning"} 0.0',
        'chiso_feeds{root="H44",state="sending"} 2.0',
        'chiso_feeds{root="H44",state="silent"} 1.0',
    ], "four series a root, however many units"


async def test_a_new_source_is_learned_and_one_that_was_replaced_ends(served: Running) -> None:
    await month(served, units=["H44.07"])
    await send(served, "2026-11-20T16:00", ["H44.07"], source="/h44/moi")
    told = await asked(served, "2026-12-25T10:00")
    assert brief(told) == [("/h44/thu", "H44.07", "silent"), ("/h44/moi", "H44.07", "learning")]
    assert (await asked(served, "2027-02-19T10:00"))["states"] == {
        "sending": 0, "silent": 0, "learning": 0, "ended": 2,
    }  # fmt: skip


async def test_a_holiday_entered_by_hand_raises_no_alarm(served: Running) -> None:
    await month(served)
    at = "2026-11-25T10:00"
    assert (await asked(served, at))["states"]["silent"] == 3
    await served.put("/v1/calendar", [{"date": "2026-11-23", "kind": "holiday", "name": "Lũ lụt"}])
    assert (await asked(served, at))["states"]["silent"] == 0
    await feeds.measure(served.service)
    page = (await served.client.get("/metrics")).text
    assert 'chiso_feeds{root="H44",state="silent"} 0.0' in page


async def read_no_more(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the log to its end, and from here on nobody does."""

    async def nothing() -> bool:
        return False

    await served.service.follower.finish()
    monkeypatch.setattr(served.service.follower, "step", nothing)
    await asyncio.sleep(0.2)  # the step of the background that may be under way


async def test_nothing_is_told_before_the_log_was_read(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await read_no_more(served, monkeypatch)
    async with served.service.database.connection("write") as connection:
        await connection.execute("DELETE FROM feed_mark")
    told = (await served.get("/v1/feeds", unit="H44")).json()
    assert (told["read_until"], told["coverage"], told["rows"]) == (None, None, [])
    await feeds.measure(served.service)
    assert "chiso_feeds{" not in (await served.client.get("/metrics")).text


async def test_silence_is_measured_to_where_the_log_was_read(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that stopped reading takes nobody for silent."""
    await month(served)
    served.clock.at = civil("2026-11-20T16:00")
    await read_no_more(served, monkeypatch)
    await send(served, "2026-11-27T10:00", ["H44.07"])
    told = (await served.get("/v1/feeds", unit="H44")).json()
    read_until = told["read_until"]
    assert read_until == "2026-11-20T16:00:00.000000+07:00"
    assert (told["states"]["silent"], {each["silence_minutes"] for each in told["rows"]}) == (0, {60})
    monkeypatch.undo()
    assert (await asked(served, "2026-11-27T10:00"))["states"] == {
        "sending": 1, "silent": 2, "learning": 0, "ended": 0,
    }  # fmt: skip


async def test_coverage_is_of_the_units_that_are_due_by_level_against_targets(served: Running) -> None:
    targets = [
        {"indicator": "FEED_COVERAGE", "level": "commune", "period": "2026", "value": 90},
        {"indicator": "FEED_COVERAGE", "unit": "H44", "period": "2026", "value": 80.5},
    ]
    assert (await served.put("/v1/targets", targets)).json()["accepted"] == 2
    more = [
        {"code": "H44.14", "level": "department", "name": "Chưa gửi"},
        {"code": "H44.15", "level": "department", "valid_to": "2026-11-26"},
        {"code": "H44.16", "level": "department", "successor": "H44.13"},
        {"code": "H44.17", "level": "department", "valid_from": "2026-11-28"},
        {"code": "H44.131", "level": "commune"},
    ]
    await served.put("/v1/units", more)
    await send(served, "2026-11-20T09:00", ["H44.07"])
    await send(served, "2026-11-19T16:00", ["H44.130"])
    await send(served, "2026-11-25T09:00", ["H44.16"])
    told = (await asked(served, "2026-11-27T10:00"))["coverage"]
    assert told == {
        "due": 5, "live": 2, "ratio": 40, "target": 80.5, "gap": 40.5, "within": 5,
        "tiers": [
            {"level": "department", "due": 3, "live": 2, "ratio": 66.67, "target": None, "gap": None},
            {"level": "commune", "due": 2, "live": 0, "ratio": 0, "target": 90, "gap": 90},
        ],
        "absent": [
            {"code": "H44.14", "name": "Chưa gửi", "level": "department", "last_at": None},
            {"code": "H44.130", "name": "UBND xã Tu Vũ", "level": "commune",
             "last_at": "2026-11-19T16:00:00.000000+07:00"},
            {"code": "H44.131", "name": None, "level": "commune", "last_at": None},
        ],
    }  # fmt: skip
    assert (await asked(served, "2026-11-30T10:00"))["coverage"]["live"] == 1, "from the 23rd on, and one more is due"
    assert (await asked(served, "2026-11-30T10:00"))["coverage"]["due"] == 6
    await served.put("/v1/procedures", [{"code": "1.000001", "levels": []}])
    assert (await asked(served, "2026-11-27T10:00"))["coverage"]["tiers"][1]["due"] == 0, "nothing to apply"
    own = (await asked(served, "2026-11-27T10:00", "H44.130"))["coverage"]
    assert (own["due"], own["ratio"], own["target"]) == (0, None, 90)


async def test_rejections_and_faults_stand_beside_it_as_their_own_lists_have_them(served: Running) -> None:
    def event(name: str, subject: str, day: int, **more: Any) -> dict:
        return served.event(f"dossier.{name}", subject, time=f"2026-01-{day:02}T08:00:00+07:00", **more)

    await served.push(
        [
            *(reception(served, subject) for subject in ("late", "back", "back-2", "sound")),
            event("due_changed", "late", 13, due_at="2026-01-20T08:00:00+07:00"),
            *(event("completed", subject, day) for subject in ("back", "back-2") for day in (14, 11)),
            reception(served, "odd", name="Lan"),
            reception(served, "odd", name="Lan"),
            reception(served, "odd", "H44.99"),
            reception(served, "alien", source="/h44/khac", channel="fax"),
        ]
    )
    await served.post(b"not json\n")
    await served.push([served.event("petition.answered", "P", "H44.13")])
    told = await asked(served, "2026-11-23T08:00:01")
    assert told["sources"] == [
        {"source": None, "feeds": 0, "silent": 0, "last_at": None,
         "rejections": [{"code": "invalid_json", "count": 1}]},
        {"source": "/h44/khac", "feeds": 0, "silent": 0, "last_at": None,
         "rejections": [{"code": "invalid_value", "count": 1}]},
        {"source": "/h44/thu", "feeds": 2, "silent": 0, "last_at": "2026-11-23T08:00:00.123456+07:00",
         "rejections": [{"code": "unknown_field", "count": 2}, {"code": "unknown_unit", "count": 1}]},
    ]  # fmt: skip
    rows = {each["unit"]["code"]: each for each in told["rows"]}
    figures = ("rejections", "faults", "due_moved_late", "end_moved_back")
    assert [rows["H44.07"][name] for name in figures] == [3, 3, 1, 2]
    assert [rows["H44.13"][name] for name in figures] == [3, 1, 0, 0]
    for each in told["faults"]:
        own = (await served.get("/v1/data-quality", unit=each["unit"]["code"], scope="own")).json()["causes"]
        assert each["causes"] == [cause for cause in own if cause["count"]]
    assert [each["unit"]["code"] for each in told["faults"]] == ["H44.07", "H44.13"]
    moved = (await served.get("/v1/data-quality", unit="H44", cause="end_moved_back")).json()["items"]
    assert [each["subject"] for each in moved] == ["back", "back-2"]


async def test_a_key_sees_its_own_units_only(served: Running) -> None:
    await send(served, "2026-11-20T09:00")
    key = await served.make_key("H44.13", "read")
    served.clock.at = civil("2026-11-20T10:00")
    await served.service.follower.finish()
    assert of_problem(await served.get("/v1/feeds", key, unit="H44"))[:2] == (403, "forbidden_unit")
    told = (await served.get("/v1/feeds", key, unit="H44.13")).json()
    assert brief(told) == [("/h44/thu", "H44.13", "learning")]
    assert of_problem(await served.get("/v1/feeds"))[:2] == (422, "invalid_parameter")
    assert of_problem(await served.get("/v1/feeds", unit="H44", period="2026"))[:2] == (422, "invalid_parameter")
    assert of_problem(await served.get("/v1/feeds", unit="H44.99"))[:2] == (404, "unknown_unit")


async def test_the_table_and_the_tag(served: Running) -> None:
    await month(served, units=["H44.07", "H44.130"])
    told = await asked(served, "2026-11-20T15:30:10")
    answer = await served.get("/v1/feeds", unit="H44", headers={"Accept": "text/csv"})
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert tuple(table[0]) == COLUMNS
    assert [(each["source"], each["unit.code"], each["usual_minutes"]) for each in table] == [
        (each["source"], each["unit"]["code"], str(each["usual_minutes"])) for each in told["rows"]
    ]
    tag = (await served.get("/v1/feeds", unit="H44")).headers["etag"]
    served.clock.at = civil("2026-11-20T15:30:59")
    assert (await served.get("/v1/feeds", unit="H44", headers={"If-None-Match": tag})).status_code == 304
    served.clock.at = civil("2026-11-20T15:31")
    assert (await served.get("/v1/feeds", unit="H44", headers={"If-None-Match": tag})).status_code == 200


async def test_the_last_hours_are_counted_over_all_feeds_of_the_unit(served: Running) -> None:
    await send(served, "2026-11-22T10:59:59", ["H44.07"])
    await send(served, "2026-11-22T11:00", ["H44.07", "H44.13"])
    await send(served, "2026-11-23T09:59:59", ["H44.07"], source="/h44/kho")
    await send(served, "2026-11-23T10:00", EVERYTHING)
    told = await asked(served, "2026-11-23T10:30")
    hours = [(each["from"], each["events"]) for each in told["hours"]]
    assert len(hours) == 24
    assert hours[0] == ("2026-11-22T11:00:00+07:00", 2)
    assert hours[-2:] == [("2026-11-23T09:00:00+07:00", 1), ("2026-11-23T10:00:00+07:00", 3)]
    assert sum(events for _, events in hours) == 6
    own = await asked(served, "2026-11-23T10:30", "H44.13")
    assert [each["events"] for each in own["hours"] if each["events"]] == [1, 1]
    later = await asked(served, "2026-11-24T10:30", "H44.13")
    assert sum(each["events"] for each in later["hours"]) == 0
