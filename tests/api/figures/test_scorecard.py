"""The scorecard: its shape, what it says of open periods as time passes, and when its ETag changes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from tests.api.asking import card, counts, indicator, of_errors, of_problem, reception
from tests.running import Running

CIVIL = timezone(timedelta(hours=7))
TICK = timedelta(microseconds=1)
NARROWED_TO_NULL = {
    "PUBLISH_ON_TIME", "PUBLIC_UPDATE_ON_TIME", "PUBLIC_CONTENT_FULL", "ONLINE_PROVISION", "ONLINE_WITH_DOSSIERS",
    "CITIZEN_DATA_CONNECTED_FORMALITY", "ELECTRONIC_CERTIFIED_COPY", "PAYMENT_PROCEDURES", "PAYMENT_INTEGRATED",
    "PETITION_PROCESSING_ON_TIME", "PETITION_HANDLING_SATISFACTION", "PETITION_CLASSIFICATION_TTHC",
    "PETITION_CLASSIFICATION_STAFF", "CERTIFIED_COPY_COVERAGE", "E_DOCUMENT", "E_DOCUMENT_PROVINCE",
    "E_DOCUMENT_AGENCIES", "E_DOCUMENT_COMMUNE", "SIGNED_DOCUMENT", "SIGNED_DOCUMENT_PROVINCE",
    "SIGNED_DOCUMENT_AGENCIES", "SIGNED_DOCUMENT_COMMUNE", "ESSENTIAL_ONLINE_MEAN",
}  # fmt: skip


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


def civil(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=CIVIL)  # type: ignore[arg-type, misc]


async def push_quarters(served: Running) -> None:
    """In the second quarter one of two dossiers in time, in the third three of four."""
    events = []
    for quarter, month, late, number in (("Q2", 5, 1, 2), ("Q3", 8, 1, 4)):
        for each in range(number):
            subject, day = f"H44.07-{quarter}-{each}", 9 if each < number - late else 13
            events += [
                reception(served, subject, time=f"2026-0{month}-05T08:00:00+07:00",
                          due_at=f"2026-0{month}-10T17:00:00+07:00", channel="online" if each else "counter"),
                served.event("dossier.completed", subject, time=f"2026-0{month}-{day:02}T08:00:00+07:00"),
            ]  # fmt: skip
    await served.push(events)


async def test_the_answer_has_the_contracts_shape(served: Running) -> None:
    await push_quarters(served)
    await served.put(
        "/v1/external-figures",
        [{"code": "DTI", "unit": "H44", "period": "2026-Q3", "value": 0.71, "rank": 12, "of": 34, "source": "Bộ"}],
    )
    answer = await card(served, "H44", "2026-Q3")
    assert list(answer) == [
        "unit", "scope", "procedure", "period", "as_of", "catalogue", "refolding", "total", "max", "rating", "groups",
        "operational", "external", "balance",
    ]  # fmt: skip
    assert answer["unit"] == {"code": "H44", "name": "UBND tỉnh Phú Thọ", "level": "province"}
    assert (answer["scope"], answer["procedure"], answer["refolding"]) == ("subtree", None, False)
    assert answer["period"] == {
        "label": "2026-Q3",
        "from": "2026-07-01",
        "to": "2026-09-30",
        "open": False,
        "effective_end": "2026-10-01T00:00:00+07:00",
    }
    assert answer["as_of"] == "2026-11-23T08:00:00.123456+07:00"
    assert answer["catalogue"]["version"] == "qd766-2026"
    assert list(answer["catalogue"]) == ["version", "hash"]
    # 20 × 3/4 in time, online 3/4 of at least 50 %, provision 1 of 2, no fee paid, certified copies, petitions 0/0,
    # satisfaction 3/4 of 90 %, synced 0/4.
    assert {group["code"]: (group["score"], group["max"]) for group in answer["groups"]} == {
        "transparency": (0, 18),
        "progress": (15, 20),
        "online": (7.25, 12),
        "digitisation": (2, 22),
        "payment": (0, 10),
        "satisfaction": (17, 18),
    }
    assert (answer["total"], answer["max"], answer["rating"]) == (41.25, 100, "Yếu")
    [on_time] = answer["groups"][1]["indicators"]
    assert on_time == {
        "code": "DOSSIER_ON_TIME",
        "name": "Hồ sơ xử lý trước hạn, đúng hạn",
        "numerator": 3,
        "denominator": 4,
        "ratio": 75,
        "score": 15,
        "max": 20,
        "target": None,
        "gap": None,
        "attained": None,
        "previous": {"period": "2026-Q2", "ratio": 50, "score": 10},
        "change": 25,
    }
    for each in [each for group in answer["groups"] for each in group["indicators"]] + answer["operational"]:
        assert set(on_time) - set(each) == set(), each["code"]
    [external] = answer["external"]
    assert external.pop("entered_by")
    assert external == {
        "code": "DTI",
        "value": 0.71,
        "score": None,
        "max": None,
        "rank": 12,
        "of": 34,
        "count": None,
        "source": "Bộ",
        "note": None,
        "entered_at": "2026-11-23T08:00:00.123456+07:00",
    }
    assert answer["balance"] == {
        "carried_over": 0,
        "received": 4,
        "received_online": 3,
        "received_counter": 1,
        "received_postal": 0,
        "active": 4,
        "ended": 4,
        "ended_on_time": 3,
        "ended_late": 1,
        "open": 0,
        "open_overdue": 0,
    }


async def test_operational_indicators_have_no_points_and_the_average_a_value(served: Running) -> None:
    await push_quarters(served)
    answer = await card(served, "H44", "2026-Q3")
    average = indicator(answer, "AVERAGE_PROCESSING_TIME")
    assert (average["value"], average["ratio"], average["score"]) == (5, None, None)
    assert average["previous"] == {"period": "2026-Q2", "ratio": None, "score": None, "value": 6}
    settled = indicator(answer, "SETTLED_ON_TIME")
    assert (settled["numerator"], settled["denominator"], settled["ratio"]) == (3, 4, 75)
    assert {each["score"] for each in answer["operational"]} == {None}
    assert {each["max"] for each in answer["operational"]} == {None}


async def test_nothing_at_all_is_shown_as_zero_counts_without_ratios(served: Running) -> None:
    answer = await card(served, "H44.130", "2026-Q3")
    on_time, fee = indicator(answer, "DOSSIER_ON_TIME"), indicator(answer, "ORIGINAL_RESULT_AVAILABLE")
    assert (on_time["numerator"], on_time["denominator"], on_time["ratio"], on_time["score"]) == (0, 0, None, 0)
    assert (fee["numerator"], fee["denominator"], fee["ratio"], fee["score"]) == (0, 0, None, None)
    assert on_time["change"] is None
    assert indicator(answer, "PETITION_PROCESSING_ON_TIME")["score"] == 6
    assert indicator(answer, "ELECTRONIC_CERTIFIED_COPY") | {"previous": 0} == {
        "code": "ELECTRONIC_CERTIFIED_COPY", "name": "Chứng thực bản sao điện tử", "numerator": None,
        "denominator": None, "ratio": 100, "score": 2, "max": 2, "target": None, "gap": None, "attained": None,
        "previous": 0, "change": 0,
    }  # fmt: skip


async def test_figures_are_compared_with_the_same_period_a_year_earlier_when_asked(served: Running) -> None:
    await push_quarters(served)
    done = served.event("dossier.completed", "old", time="2025-08-09T08:00:00+07:00")
    await served.push([reception(served, "old", time="2025-08-05T08:00:00+07:00"), done])
    answer = await card(served, period="2026-Q3", compare="last_year")
    on_time = indicator(answer, "DOSSIER_ON_TIME")
    assert on_time["previous"] == {"period": "2025-Q3", "ratio": 100, "score": 20}
    assert on_time["change"] == -25
    ranged = await card(served, from_="2026-08-01", to="2026-08-31", compare="last_year")
    assert ranged["period"]["label"] == "2026-08-01..2026-08-31"
    assert indicator(ranged, "DOSSIER_ON_TIME")["previous"]["period"] == "2025-08-01..2025-08-31"
    before = await card(served, from_="2026-08-01", to="2026-08-31")
    assert indicator(before, "DOSSIER_ON_TIME")["previous"]["period"] == "2026-07-01..2026-07-31"
    nine = await card(served, period="2026-9M")
    assert indicator(nine, "DOSSIER_ON_TIME")["previous"]["period"] == "2025-9M"


async def test_where_there_is_no_such_period_nothing_is_compared(served: Running) -> None:
    for period in ("2020-W53", "2024-02-29"):
        on_time = indicator(await card(served, period=period, compare="last_year"), "DOSSIER_ON_TIME")
        assert (on_time["previous"], on_time["change"]) == (None, None)


async def test_an_open_period_is_compared_with_as_many_days_of_the_one_before(served: Running) -> None:
    receptions = {"2026-10-01": 0, "2026-10-23": 1, "2026-10-24": 2, "2026-11-01": 3}
    await served.push(
        [reception(served, f"{n}", time=f"{day}T23:00:00+07:00", channel="online" if n != 1 else "counter")
         for day, n in receptions.items()]
    )  # fmt: skip
    now = await card(served, period="2026-11")
    assert now["period"]["open"] is True
    assert now["period"]["effective_end"] == "2026-11-23T08:00:00.123456+07:00"
    assert counts(now, "ONLINE_DOSSIERS") == (1, 1)
    assert indicator(now, "ONLINE_DOSSIERS")["previous"] == {"period": "2026-10", "ratio": 50, "score": 6}
    served.clock.at = civil(2026, 11, 24, 0, 0, 0) + TICK
    later = await card(served, period="2026-11")
    assert indicator(later, "ONLINE_DOSSIERS")["previous"] == {"period": "2026-10", "ratio": 66.67, "score": 6}


async def test_a_deadline_is_missed_the_moment_it_has_passed(served: Running) -> None:
    due = civil(2026, 11, 23, 17, 0, 0)
    await served.push([reception(served, time="2026-11-20T08:00:00+07:00", due_at=due.isoformat())])
    seen = []
    for at in (due - TICK, due, due + TICK):
        served.clock.at = at
        now = await card(served, period="2026-11-23")
        seen.append((counts(now, "DOSSIER_ON_TIME"), now["balance"]["open_overdue"]))
    assert seen == [((1, 1), 0), ((1, 1), 0), ((0, 1), 1)]


async def test_an_event_ahead_of_the_clock_counts_when_its_time_has_come(served: Running) -> None:
    assert served.clock.at is not None
    ahead = served.clock.at + timedelta(minutes=9)
    end = served.clock.at + timedelta(minutes=9, seconds=30)
    await served.push(
        [
            reception(served, time=ahead.isoformat(), due_at="2026-11-30T17:00:00+07:00"),
            served.event("dossier.completed", time=end.isoformat()),
        ]
    )
    seen = []
    for at in (served.clock.at, ahead, ahead + TICK, end, end + TICK):
        served.clock.at = at
        for period in ("2026-11-23", "2026"):
            balance = (await card(served, period=period))["balance"]
            seen.append((balance["received"], balance["ended"]))
    assert seen == [(0, 0), (0, 0), (0, 0), (0, 0), (1, 0), (1, 0), (1, 0), (1, 0), (1, 1), (1, 1)]


async def test_an_event_ahead_of_midnight_counts_in_the_new_day_when_that_has_come(served: Running) -> None:
    midnight = civil(2026, 11, 24)
    served.clock.at = midnight - timedelta(minutes=5)
    await served.push([reception(served, time=midnight.isoformat(), due_at="2026-11-30T17:00:00+07:00")])
    assert (await card(served, period="2026-11-23"))["balance"]["received"] == 0
    for at in (midnight - TICK, midnight):
        served.clock.at = at
        answer = await served.get("/v1/scorecard", unit="H44", period="2026-11-24")
        assert of_problem(answer) == (422, "period_in_future", "period")
    served.clock.at = midnight + TICK
    new, old = await card(served, period="2026-11-24"), await card(served, period="2026-11-23")
    assert (new["balance"]["received"], new["period"]["open"]) == (1, True)
    assert (old["balance"]["received"], old["period"]["open"]) == (0, False)


async def test_a_target_is_the_units_own_or_that_of_its_level_for_the_year(served: Running) -> None:
    await served.push(
        [reception(served, f"{n}", channel="online" if n == 0 else "counter") for n in range(3)]
    )  # fmt: skip
    rows = [
        {"indicator": "ONLINE_DOSSIERS", "level": "department", "period": "2026", "value": 80},
        {"indicator": "ONLINE_DOSSIERS", "unit": "H44.13", "period": "2026", "value": 70.5},
        {"indicator": "ONLINE_DOSSIERS", "level": "department", "period": "2025", "value": 60},
    ]
    assert (await served.put("/v1/targets", rows)).json()["accepted"] == 3

    async def told(unit: str, period: str = "2026-Q1") -> tuple:
        found = indicator(await card(served, unit, period), "ONLINE_DOSSIERS")
        return found["target"], found["gap"], found["attained"]

    assert await told("H44.07") == (80, 46.67, 41.66)
    assert await told("H44.13") == (70.5, None, None)
    assert await told("H44.07", "2025") == (60, None, None)
    assert await told("H44") == (None, None, None)
    assert (await served.put("/v1/targets", [rows[0] | {"value": None}])).json()["errors"] == []
    assert await told("H44.07") == (None, None, None)


async def test_the_target_of_a_week_is_that_of_its_iso_year(served: Running) -> None:
    rows = [
        {"indicator": "ONLINE_DOSSIERS", "unit": "H44", "period": year, "value": value}
        for year, value in (("2025", 50), ("2026", 60))
    ]
    assert (await served.put("/v1/targets", rows)).json()["errors"] == []
    targets = {}
    # 2026-W01 begins on 29 December 2025; a range of the same days is of the year in which it begins.
    for query in ({"period": "2026-W01"}, {"period": "2025-W52"}, {"period": "2025-12-29"},
                  {"from": "2025-12-29", "to": "2026-01-04"}, {"period": "2026-01-01"}):  # fmt: skip
        answer = await served.client.get(
            "/v1/scorecard", params={"unit": "H44", **query}, headers={"Authorization": f"Bearer {served.key}"}
        )
        targets[" ".join(query.values())] = indicator(answer.json(), "ONLINE_DOSSIERS")["target"]
    assert targets == {
        "2026-W01": 60,
        "2025-W52": 50,
        "2025-12-29": 50,
        "2025-12-29 2026-01-04": 50,
        "2026-01-01": 60,
    }


async def test_what_was_entered_with_more_decimals_is_shown_with_two_rounded_half_up(served: Running) -> None:
    await served.push([reception(served, f"{n}", channel="online" if n < 7 else "counter") for n in range(8)])
    shown = []
    for value in (93.335, 93.3349, 80.005, 87.505, 0.004):
        row = {"indicator": "ONLINE_DOSSIERS", "unit": "H44", "period": "2026", "value": value}
        assert (await served.put("/v1/targets", [row])).json()["errors"] == []
        answer = await served.get("/v1/scorecard", unit="H44", period="2026")
        found = indicator(answer.json(), "ONLINE_DOSSIERS")
        assert found["ratio"] == 87.5
        shown.append((found["target"], found["gap"]))
    assert shown == [(93.34, 5.84), (93.33, 5.83), (80.01, -7.49), (87.51, 0.01), (0, -87.5)]
    for score, told in ((1.005, 1.01), (2.345678, 2.35), (-0.125, -0.13), (7, 7)):
        row = {"code": "DTI", "unit": "H44", "period": "2026", "value": 0.712345, "score": score}
        assert (await served.put("/v1/external-figures", [row])).json()["errors"] == []
        [external] = (await card(served))["external"]
        assert (external["score"], external["value"]) == (told, 0.712345)


async def test_the_national_count_is_the_base_of_synced_dossiers_of_that_very_unit_and_period(served: Running) -> None:
    subjects = [f"{n}" for n in range(4)]
    synced = [served.event("dossier.synced", subject) for subject in subjects[:2]]
    await served.push([reception(served, subject) for subject in subjects] + synced)
    assert counts(await card(served, period="2026-Q1"), "DOSSIER_SYNC") == (2, 4)
    row = {"code": "DOSSIER_SYNC", "unit": "H44", "period": "2026-Q1", "count": 10, "source": "báo cáo quốc gia"}
    assert (await served.put("/v1/external-figures", [row])).json()["accepted"] == 1
    asked = await card(served, period="2026-Q1")
    assert counts(asked, "DOSSIER_SYNC") == (2, 10)
    assert indicator(asked, "DOSSIER_SYNC")["score"] == 1.2
    assert [(each["code"], each["count"]) for each in asked["external"]] == [("DOSSIER_SYNC", 10)]
    assert counts(await card(served, period="2026"), "DOSSIER_SYNC") == (2, 4)
    assert counts(await card(served, "H44.07", "2026-Q1"), "DOSSIER_SYNC") == (2, 4)
    assert counts(await card(served, period="2026-Q1", procedure="1.004555"), "DOSSIER_SYNC") == (2, 4)
    await served.put("/v1/external-figures", [row | {"count": 3}])
    assert counts(await card(served, period="2026-Q1"), "DOSSIER_SYNC") == (2, 4)


async def test_the_scope_is_the_unit_alone_or_all_under_it(served: Running) -> None:
    await served.push([reception(served, "one", "H44"), *(reception(served, f"{n}", "H44.07") for n in range(2))])
    seen = {
        (unit, scope): (await card(served, unit, scope=scope))["balance"]["received"]
        for unit in ("H44", "H44.07", "H44.13")
        for scope in ("own", "subtree")
    }
    assert seen == {
        ("H44", "own"): 1, ("H44", "subtree"): 3, ("H44.07", "own"): 2, ("H44.07", "subtree"): 2, ("H44.13", "own"): 0,
        ("H44.13", "subtree"): 0,
    }  # fmt: skip
    assert (await card(served, "H44", scope="own"))["scope"] == "own"


async def test_narrowed_to_a_procedure_what_counts_other_things_is_null(served: Running) -> None:
    await served.push([reception(served, "one"), reception(served, "two", procedure="1.000001")])
    await served.push([served.event("petition.received", "PA-1", about="staff")])
    answer = await card(served, procedure="1.004555")
    assert answer["procedure"] == "1.004555"
    assert answer["balance"]["received"] == 1
    every = [each for group in answer["groups"] for each in group["indicators"]] + answer["operational"]
    nulls = {each["code"] for each in every if each["numerator"] is None and each.get("value", 0) == 0}
    assert nulls == NARROWED_TO_NULL
    for each in every:
        if each["code"] in NARROWED_TO_NULL:
            assert [each[name] for name in ("numerator", "denominator", "ratio", "score")] == [None] * 4
    assert (await card(served, procedure="9.999999"))["balance"]["received"] == 0


async def test_a_catalogue_edit_that_counts_folds_lives_again_and_says_so(served: Running) -> None:
    await served.push([reception(served)])
    assert counts(await card(served), "PAYMENT_DOSSIERS") == (0, 1)
    answer = (await served.put("/v1/procedures", [{"code": "1.004555", "fee": False}])).json()
    assert (answer["accepted"], answer["refolding"]) == (1, 1)
    for _ in range(600):
        if not (now := await card(served))["refolding"]:
            break
        await asyncio.sleep(0.05)
    assert now["refolding"] is False
    assert counts(now, "PAYMENT_DOSSIERS") == (0, 0)


async def test_the_etag_holds_while_nothing_but_the_time_of_asking_moves(served: Running) -> None:
    assert served.clock.at is not None
    await push_quarters(served)
    for period in ("2026", "2026-Q3", "2026-11-23"):
        first = await served.get("/v1/scorecard", unit="H44", period=period)
        tag = first.headers["etag"]
        assert tag.startswith('W/"')
        assert first.headers["cache-control"] == "no-cache"
        served.clock.at += timedelta(seconds=1)
        again = await served.get("/v1/scorecard", unit="H44", period=period)
        assert again.headers["etag"] == tag
        assert again.json()["as_of"] != first.json()["as_of"]
        for header in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
            same = await served.get("/v1/scorecard", headers={"If-None-Match": header}, unit="H44", period=period)
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        other = await served.get("/v1/scorecard", headers={"If-None-Match": 'W/"x"'}, unit="H44", period=period)
        assert other.status_code == 200


async def test_the_etag_changes_with_events_deadlines_midnight_and_every_edit(served: Running) -> None:
    assert served.clock.at is not None
    due = served.clock.at + timedelta(minutes=1)
    edits = {
        "target": ("/v1/targets", {"indicator": "ONLINE_DOSSIERS", "level": "province", "period": "2026", "value": 50}),
        "external figure": ("/v1/external-figures", {"code": "DTI", "unit": "H44", "period": "2026-11", "value": 1}),
        "procedure": ("/v1/procedures", {"code": "1.000001", "service_level": "none"}),
        "unit": ("/v1/units", {"code": "H44", "name": "Tỉnh"}),
        "day": ("/v1/calendar", {"date": "2026-12-31", "kind": "holiday"}),
    }

    async def tag() -> str:
        return str((await served.get("/v1/scorecard", unit="H44", period="2026-11")).headers["etag"])

    tags = {"before": await tag()}
    await served.push([reception(served, time="2026-11-20T08:00:00+07:00", due_at=due.isoformat())])
    tags["event"] = await tag()
    await served.push([served.event("dossier.synced")])
    tags["flag"] = await tag()
    served.clock.at = due
    assert await tag() == tags["flag"]
    served.clock.at = due + TICK
    tags["deadline"] = await tag()
    for name, (path, row) in edits.items():
        assert of_errors((await served.put(path, [row])).json()) == {}
        tags[name] = await tag()
        assert of_errors((await served.put(path, [row])).json()) == {}
        assert await tag() == tags[name], name
    ahead = served.clock.at + timedelta(minutes=9)
    await served.push([reception(served, "two", time=ahead.isoformat())])
    served.clock.at = ahead + TICK
    tags["event ahead"] = await tag()
    await served.push([reception(served, "old", time="2026-10-24T08:00:00+07:00")])
    tags["carried over"] = await tag()
    served.clock.at = civil(2026, 11, 24, 0, 0, 1)
    tags["midnight"] = await tag()
    assert len(set(tags.values())) == len(tags), tags


async def test_units_periods_scopes_and_procedures_have_etags_of_their_own(served: Running) -> None:
    asked: list[dict] = [
        {"unit": "H44", "period": "2026"}, {"unit": "H44.07", "period": "2026"}, {"unit": "H44", "period": "2026-11"},
        {"unit": "H44", "period": "2026", "scope": "own"}, {"unit": "H44", "period": "2026", "procedure": "1.004555"},
    ]  # fmt: skip
    await push_quarters(served)
    tags = [(await served.get("/v1/scorecard", **query)).headers["etag"] for query in asked]
    assert len(set(tags)) == 5


async def test_the_order_of_the_parameters_does_not_matter(served: Running) -> None:
    headers = {"Authorization": f"Bearer {served.key}"}
    one = await served.client.get("/v1/scorecard?unit=H44&period=2026&scope=own", headers=headers)
    other = await served.client.get("/v1/scorecard?scope=own&period=2026&unit=H44", headers=headers)
    assert one.content == other.content


async def test_the_indicators_are_explained(served: Running) -> None:
    answer = (await served.get("/v1/indicators")).json()
    assert answer["version"] == "qd766-2026"
    assert sum(group["max"] for group in answer["groups"]) == answer["max"] == 100
    assert [(each["name"], each["at_least"]) for each in answer["rating_bands"]] == [
        ("Xuất sắc", 90),
        ("Tốt", 80),
        ("Khá", 70),
        ("Trung bình", 50),
        ("Yếu", 0),
    ]
    shown = await card(served)
    codes = [each["code"] for group in shown["groups"] for each in group["indicators"]]
    assert [each["code"] for each in answer["indicators"]] == codes + [each["code"] for each in shown["operational"]]
    for each in answer["indicators"]:
        assert all(each[name] for name in ("name", "formula", "source")), each["code"]
    [online] = [each for each in answer["indicators"] if each["code"] == "ONLINE_DOSSIERS"]
    assert (online["group"], online["max"], online["full_at"], online["zero_rule"]) == ("online", 6, 50, "zero")


async def test_the_flow_of_a_day_is_the_scorecard_of_that_day(served: Running) -> None:
    """What a wall shows of today: by channel, ended in time or late, by way of return, signed results, open ones."""
    events = [
        reception(
            served, f"a{n}", channel=channel, time="2026-11-23T07:30:00+07:00", due_at="2026-11-30T17:00:00+07:00"
        )
        for n, channel in enumerate(("online", "online", "online", "counter", "counter", "postal"))
    ]
    # Of the day before: five, of which one is late already and one ends late today.
    for n, due in enumerate((20, 20, 27, 27, 27)):
        due_at = f"2026-11-{due}T17:00:00+07:00"
        events.append(reception(served, f"b{n}", time="2026-11-18T08:00:00+07:00", due_at=due_at))
    today = {"time": "2026-11-23T07:45:00+07:00"}
    events += [
        served.event("dossier.completed", "b1", electronic_result=True, signed=True, **today),
        served.event("dossier.completed", "b2", electronic_result=True, signed=True, **today),
        served.event("dossier.completed", "b3", **today),
        served.event("dossier.returned", "b1", via="postal", **today),
        served.event("dossier.returned", "b2", via="online", **today),
        served.event("dossier.returned", "b3", via="counter", **today),
    ]
    assert (await served.push(events))["errors"] == []
    for unit in ("H44", "H44.07"):
        told = await card(served, unit, "2026-11-23")
        assert told["balance"] == {
            "carried_over": 5,
            "received": 6,
            "received_online": 3,
            "received_counter": 2,
            "received_postal": 1,
            "active": 11,
            "ended": 3,
            "ended_on_time": 2,
            "ended_late": 1,
            "open": 8,
            "open_overdue": 1,
        }
        assert counts(told, "RETURNED_BY_POST") == (1, 3)
        assert counts(told, "RETURNED_ONLINE") == (1, 3)
        assert counts(told, "RECEIVED_BY_POST") == (1, 6)
        assert counts(told, "SIGNED_RESULT") == (2, 3)
        assert counts(told, "SETTLED_ON_TIME") == (2, 3)
        assert told["period"]["open"] is True
