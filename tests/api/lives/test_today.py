"""`GET /v1/today`: what is late now and soon will be, and that the points at stake are those that are lost."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.api.asking import card, of_problem, reception
from tests.running import Running

ITEM = [
    "kind", "subject", "unit", "procedure", "channel", "received_at", "due_at", "deadline", "late", "working_days",
    "points", "points_exact", "flags",
]  # fmt: skip
TICK = timedelta(microseconds=1)


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def asked(running: Running, unit: str = "H44.07", **query: Any) -> dict:
    answer = await running.get("/v1/today", unit=unit, **query)
    assert answer.status_code == 200, answer.text
    told: dict = answer.json()
    return told


async def total(running: Running, unit: str = "H44.07") -> Decimal:
    """The points of this year's scorecard."""
    return Decimal(str((await card(running, unit))["total"]))


def dossier(running: Running, subject: str, due_at: str | None, **more: Any) -> dict:
    """One received in this month."""
    return reception(running, subject, **({"due_at": due_at, "time": "2026-11-16T08:00:00+07:00"} | more))


async def eight(running: Running) -> None:
    """Eight dossiers of a department: one late, five due on these days, two ended.

    Now is Monday the 23rd, 08:00; the 24th is a holiday.
    """
    due = ["2026-11-19T17:00:00+07:00", "2026-11-23T17:00:00+07:00", "2026-11-24T10:00:00+07:00"]
    due += ["2026-11-26T17:00:00+07:00", "2026-11-29T17:00:00+07:00", "2026-12-01T17:00:00+07:00"]
    events = [dossier(running, f"H44.07-{n}", each) for n, each in enumerate(due)]
    for subject in ("H44.07-6", "H44.07-7"):
        events.append(dossier(running, subject, "2026-11-20T17:00:00+07:00"))
        events.append(running.event("dossier.completed", subject, time="2026-11-17T08:00:00+07:00"))
    assert (await running.push(events))["errors"] == []


async def test_what_is_late_and_due_is_counted_and_listed_with_its_points(served: Running) -> None:
    await eight(served)
    told = await asked(served, within=5)
    assert told["period"]["label"] == "2026"
    assert told["late"] == {"dossiers": 1, "petitions": 0, "since": "2026-11-19T17:00:00+07:00"}
    # 7 of 8 are in time: 17.50 of 20 and 5.83 of 6 points; 6 of 8: 15.00 and 5.00; and so on.
    assert told["due"] == [
        {"within": 0, "to": "2026-11-24", "dossiers": 2, "petitions": 0, "points": 6.66},
        {"within": 1, "to": "2026-11-25", "dossiers": 2, "petitions": 0, "points": 6.66},
        # Sunday the 29th is still of the third working day, Friday the 27th.
        {"within": 3, "to": "2026-11-29", "dossiers": 4, "petitions": 0, "points": 13.33},
        {"within": 5, "to": "2026-12-01", "dossiers": 5, "petitions": 0, "points": 16.66},
    ]
    assert (told["within"], told["state"], told["total"], told["next"]) == (5, None, 6, None)
    listed = [
        (each["subject"], each["late"], each["working_days"], each["points"], each["points_exact"])
        for each in told["items"]
    ]
    assert listed == [
        ("H44.07-1", False, 0, 3.33, 3.333333),
        ("H44.07-2", False, 0, 3.33, 3.333333),
        ("H44.07-3", False, 2, 3.33, 3.333333),
        ("H44.07-4", False, 3, 3.33, 3.333333),
        ("H44.07-5", False, 5, 3.33, 3.333333),
        ("H44.07-0", True, 2, 0, 0),
    ]
    assert told["items"][0] == {
        "kind": "dossier",
        "subject": "H44.07-1",
        "unit": "H44.07",
        "procedure": "1.004555",
        "channel": "online",
        "received_at": "2026-11-16T08:00:00+07:00",
        "due_at": "2026-11-23T17:00:00+07:00",
        "deadline": "2026-11-23T17:00:00+07:00",
        "late": False,
        "working_days": 0,
        "points": 3.33,
        "points_exact": 3.333333,
        "flags": ["fee"],
    }
    assert list(told["items"][0]) == ITEM
    department = {"code": "H44.07", "name": "Sở Công Thương", "level": "department"}
    assert told["by_unit"] == [{"unit": department, "late": 1, "due": 5, "points": 16.66}]
    assert told["by_procedure"] == [
        {"procedure": "1.004555", "name": "Cấp giấy phép", "late": 1, "due": 5, "points": 16.66}
    ]
    balance = (await card(served, "H44.07"))["balance"]
    assert (balance["open_overdue"], balance["open"]) == (1, 6)


async def test_three_working_days_are_looked_ahead_unless_another_number_is_asked_for(served: Running) -> None:
    await eight(served)
    told = await asked(served)
    assert (told["within"], [each["within"] for each in told["due"]], told["total"]) == (3, [0, 1, 3], 5)
    told = await asked(served, within=0)
    assert ([each["within"] for each in told["due"]], told["total"]) == ([0], 3)
    told = await asked(served, within=30)
    assert ([each["within"] for each in told["due"]], told["total"]) == ([0, 1, 3, 5, 30], 6)
    assert told["due"][-1]["to"] == "2027-01-06", "four in November, 23, three after New Year's Day"


@pytest.mark.parametrize("state", ["late", "due"])
async def test_a_list_has_one_state_where_it_is_asked_for(served: Running, state: str) -> None:
    await eight(served)
    told, every = await asked(served, state=state, within=5), await asked(served, within=5)
    assert told["items"] == [each for each in every["items"] if each["late"] == (state == "late")]
    assert (told["state"], told["total"]) == (state, len(told["items"]))
    assert (told["late"], told["due"], told["by_unit"]) == (every["late"], every["due"], every["by_unit"])


async def test_the_score_loses_what_is_told_when_one_ends_late(served: Running, now: datetime) -> None:
    await eight(served)
    await served.push([served.event("dossier.rated", "H44.07-1", satisfied=False, time="2026-11-17T08:00:00+07:00")])
    told = {each["subject"]: Decimal(str(each["points"])) for each in (await asked(served))["items"]}
    # Who is not satisfied any more is lost for satisfaction already.
    assert told["H44.07-1"] == Decimal("2.5")
    assert [each["subject"] for each in (await asked(served))["items"]][-2:] == ["H44.07-1", "H44.07-0"]
    before = await total(served)
    served.clock.at = datetime.fromisoformat("2026-11-23T17:00:00+07:00") + TICK
    await served.push([served.event("dossier.completed", "H44.07-1", time=served.clock.at.isoformat())])
    assert before - await total(served) == told["H44.07-1"]
    others = {each["subject"]: Decimal(str(each["points"])) for each in (await asked(served))["items"]}
    assert "H44.07-1" not in others
    # What is late is late: an end now costs nothing more.
    before = await total(served)
    await served.push([served.event("dossier.completed", "H44.07-0", time=served.clock.at.isoformat())])
    assert before - await total(served) == told["H44.07-0"] == Decimal(0)


async def test_the_score_loses_the_sum_that_is_told_when_all_of_a_horizon_end_late(served: Running) -> None:
    await eight(served)
    petitions = [f"PAKN-{n}" for n in range(3)]
    times = ("2026-11-03T08:00:00+07:00", "2026-11-04T08:00:00+07:00", "2026-11-19T08:00:00+07:00")
    await served.push(
        served.event("petition.received", each, about="staff", time=at)
        for each, at in zip(petitions, times, strict=True)
    )
    told = await asked(served, within=5)
    # Fifteen working days after the 3rd and the 4th: the 25th and the 26th.
    assert [(each["within"], each["dossiers"], each["petitions"]) for each in told["due"]] == [
        (0, 2, 0),
        (1, 2, 1),
        (3, 4, 2),
        (5, 5, 2),
    ]
    assert [each["subject"] for each in told["items"]][:2] == petitions[:2], "a third of twelve points each"
    assert [each["points"] for each in told["items"]][:2] == [4, 4]
    assert told["by_procedure"][1] == {"procedure": None, "name": None, "late": 0, "due": 2, "points": 8}
    before = await total(served)
    for horizon in told["due"]:
        served.clock.at = datetime.fromisoformat(f"{horizon['to']}T23:59:59.999999+07:00") + TICK
        assert before - await total(served) == Decimal(str(horizon["points"]))


async def test_a_deadline_is_late_just_after_its_instant(served: Running) -> None:
    await eight(served)
    served.clock.at = datetime.fromisoformat("2026-11-23T17:00:00+07:00")
    for late in (1, 2):
        told = await asked(served)
        assert told["late"]["dossiers"] == late == (await card(served, "H44.07"))["balance"]["open_overdue"]
        assert [each["working_days"] for each in told["items"] if each["subject"] == "H44.07-1"] == [0]
        served.clock.at += TICK


async def test_what_ends_ahead_of_the_clock_is_open_until_then(served: Running, now: datetime) -> None:
    await eight(served)
    ahead = now + timedelta(minutes=5)
    await served.push([served.event("dossier.completed", f"H44.07-{n}", time=ahead.isoformat()) for n in (0, 1)])
    told = await asked(served)
    assert (told["late"]["dossiers"], told["total"]) == (1, 5)
    served.clock.at = ahead + TICK
    told = await asked(served)
    assert (told["late"]["dossiers"], told["total"]) == (0, 3)


async def test_what_is_due_after_the_year_costs_it_nothing(served: Running) -> None:
    await served.push([dossier(served, "H44.07-1", "2026-12-31T17:00:00+07:00")])
    await served.push([dossier(served, "H44.07-2", "2027-01-04T17:00:00+07:00")])
    served.clock.at = datetime.fromisoformat("2026-12-30T08:00:00+07:00")
    told = await asked(served)
    assert [(each["subject"], each["points"]) for each in told["items"]] == [("H44.07-1", 12.67), ("H44.07-2", 0)]
    assert [(each["dossiers"], each["points"]) for each in told["due"]] == [(0, 0), (1, 12.67), (2, 12.67)]
    before = await total(served)
    served.clock.at = datetime.fromisoformat("2027-01-04T17:00:00+07:00") + TICK
    assert before - await total(served) == Decimal("12.67")


async def test_points_are_those_of_the_unit_that_handles_it(served: Running) -> None:
    await eight(served)
    one = dossier(served, "H44.130-1", "2026-11-24T17:00:00+07:00", unit="H44.130", procedure="1.000001")
    await served.push([one])
    told = await asked(served, "H44")
    assert [(each["unit"], each["points"]) for each in told["items"]] == [
        ("H44.130", 26),
        *[("H44.07", 3.33)] * 4,
        ("H44.07", 0),
    ]
    assert [(each["unit"]["code"], each["late"], each["due"], each["points"]) for each in told["by_unit"]] == [
        ("H44.130", 0, 1, 26),
        ("H44.07", 1, 4, 13.33),
    ]
    # Of the province's nine, eight are in time: 17.78 and 5.93 points; four: 8.89 and 2.96; seven: 15.56 and 5.19.
    assert [(each["procedure"], each["due"], each["points"]) for each in told["by_procedure"]] == [
        ("1.004555", 4, 11.86),
        ("1.000001", 1, 2.96),
    ]
    narrowed = await asked(served, "H44", procedure="1.000001")
    assert (narrowed["procedure"], narrowed["total"], narrowed["due"][-1]["points"]) == ("1.000001", 1, 2.96)
    assert narrowed["items"] == told["items"][:1]
    alone = await asked(served, "H44", scope="own")
    assert (alone["scope"], alone["total"], alone["by_unit"], alone["due"][-1]["points"]) == ("own", 0, [], 0)


async def test_a_merged_units_dossiers_cost_its_successor(served: Running) -> None:
    await eight(served)
    await served.push([dossier(served, "H44.13-1", "2026-11-30T17:00:00+07:00", unit="H44.13")])
    await served.put("/v1/units", [{"code": "H44.07", "valid_to": "2026-11-20", "successor": "H44.13"}])
    told = await asked(served, "H44")
    assert [each["unit"]["code"] for each in told["by_unit"]] == ["H44.13"]
    # Eight of nine in time, seven of nine.
    assert {(each["unit"], each["points"]) for each in told["items"] if not each["late"]} == {("H44.07", 2.96)}


async def test_a_list_is_read_page_by_page_as_of_the_first(served: Running, now: datetime) -> None:
    await eight(served)
    every = await asked(served, within=5)
    cursor, items = None, []
    for _ in range(3):
        page = await asked(served, within=5, limit=2, **({"cursor": cursor} if cursor else {}))
        served.clock.at = now + timedelta(days=1)
        items += page["items"]
        assert {name: page[name] for name in ("as_of", "total", "late", "due")} == {
            name: every[name] for name in ("as_of", "total", "late", "due")
        }
        cursor = page["next"]
    assert (items, cursor) == (every["items"], None)
    served.clock.at = now
    cursor = (await asked(served, limit=2))["next"]
    other = await served.get("/v1/today", unit="H44.07", within=5, cursor=cursor)
    assert of_problem(other) == (422, "invalid_parameter", "cursor")
    await served.push([served.event("dossier.rated", "H44.07-7", satisfied=False, time="2026-11-20T08:00:00+07:00")])
    changed = await served.get("/v1/today", unit="H44.07", cursor=cursor)
    assert of_problem(changed) == (409, "snapshot_changed", "cursor")


async def test_a_304_keeps_no_cursor_that_is_dead(served: Running, now: datetime) -> None:
    await eight(served)
    page = await served.get("/v1/today", unit="H44.07", limit=1)
    known = {"If-None-Match": page.headers["etag"]}
    served.clock.at = now + timedelta(minutes=1)
    assert (await served.get("/v1/today", unit="H44.07", limit=1, headers=known)).status_code == 304
    await served.push([served.event("dossier.synced", "H44.07-7", time="2026-11-20T08:00:00+07:00")])
    assert (await served.get("/v1/today", unit="H44.07", limit=1, headers=known)).status_code == 200


async def test_the_list_comes_as_a_table_with_a_link_to_the_next_page(served: Running) -> None:
    await eight(served)
    answer = await served.get("/v1/today", headers={"Accept": "text/csv"}, unit="H44.07", limit=3)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == ITEM
    assert [(row["subject"], row["points"]) for row in rows] == [(f"H44.07-{n}", "3.33") for n in (1, 2, 3)]
    target = answer.headers["link"].removeprefix("<").partition(">")[0]
    more = await served.client.get(target, headers={"Authorization": f"Bearer {served.key}"})
    assert [each["subject"] for each in more.json()["items"]] == ["H44.07-4", "H44.07-0"]
    file = await served.get("/v1/today", unit="H44.07", format="csv")
    assert len(file.content.decode("utf-8-sig").splitlines()) == 1 + 5


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"unit": None}, (422, "invalid_parameter", "unit")),
        ({"unit": "H44.99"}, (404, "unknown_unit", "unit")),
        ({"within": "31"}, (422, "invalid_parameter", "within")),
        ({"within": "-1"}, (422, "invalid_parameter", "within")),
        ({"within": "1.0"}, (422, "invalid_parameter", "within")),
        ({"within": "٣"}, (422, "invalid_parameter", "within")),
        ({"state": "open"}, (422, "invalid_parameter", "state")),
        ({"procedure": "x"}, (422, "invalid_parameter", "procedure")),
        ({"period": "2026"}, (422, "invalid_parameter", "period")),
    ],
)
async def test_what_makes_no_sense_is_refused(served: Running, query: dict, expected: tuple) -> None:
    asked = {name: value for name, value in ({"unit": "H44"} | query).items() if value is not None}
    assert of_problem(await served.get("/v1/today", **asked)) == expected


async def test_a_key_reads_its_own_subtree_only(served: Running) -> None:
    key = await served.make_key("H44.13", "read")
    refused = await served.get("/v1/today", key=key, unit="H44")
    assert of_problem(refused) == (403, "forbidden_unit", "unit")
    assert (await served.get("/v1/today", key=key, unit="H44.13")).status_code == 200
