"""Advice that is followed gains what it said: the n-th of what it names gains it, n-1 do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from app.domain.catalogues import indicators
from tests.api.asking import card, indicator, of_problem, reception
from tests.running import Running

ASKED: dict[str, Any] = {"unit": "H44", "period": "2026"}
RECENTLY = "2026-11-20T09:00:00+07:00"
NEXT_YEAR = "2027-01-04T17:00:00+07:00"
KEYS = ["indicator", "gain", "needed", "of", "way", "next", "at_risk", "lost", "action"]
HEADING = ["unit", "scope", "procedure", "period", "as_of", "catalogue", "refolding"]
Events = list[dict[str, Any]]


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def advice_of(running: Running, **query: Any) -> dict:
    answer = await running.get("/v1/advice", **(ASKED | query))
    assert answer.status_code == 200, answer.text
    told: dict = answer.json()
    return told


def of(told: dict, code: str) -> dict:
    found: dict
    [found] = [each for each in told["items"] if each["indicator"] == code]
    assert list(found) == KEYS
    return found


async def listed(running: Running, code: str, side: str, **query: Any) -> list[str]:
    """The subjects of a list, whose total is their number."""
    answer = await running.get("/v1/dossiers", indicator=code, side=side, limit=1000, **(ASKED | query))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["total"] == len(told["items"])
    return [each["subject"] for each in told["items"]]


def dossiers(served: Running, first: int, count: int, **more: Any) -> Events:
    """Receptions of the department, open and due next year unless told otherwise."""
    asked = {"due_at": NEXT_YEAR} | more
    return [reception(served, f"H44.07-260105-{number:04}", **asked) for number in range(first, first + count)]


def happened(served: Running, type_: str, events: Events, **more: Any) -> Events:
    """The same happening to each of some dossiers."""
    return [
        served.event(type_, each["subject"], each["unit"], **({"time": "2026-02-02T08:00:00+07:00"} | more))
        for each in events
    ]


def some(served: Running) -> Events:
    """37 dossiers: 20 open, 17 ended, of these 8 late."""
    ended = dossiers(served, 20, 9) + dossiers(served, 29, 8, due_at="2026-01-12T17:00:00+07:00")
    return dossiers(served, 0, 20) + ended + happened(served, "dossier.completed", ended)


def with_fee(served: Running) -> Events:
    """37 dossiers with a fee: 3 paid, 22 open and 12 ended without a payment."""
    paid, waiting, gone = (dossiers(served, *each, fee=True) for each in ((0, 3), (3, 22), (25, 12)))
    events = happened(served, "dossier.paid", paid, via="national_gateway")
    return [*paid, *waiting, *gone, *events, *happened(served, "dossier.completed", gone)]


def disliked(served: Running) -> Events:
    """`some`, and 5 of those in time were not liked."""
    return some(served) + happened(served, "dossier.rated", dossiers(served, 0, 5), satisfied=False)


def at_counter(served: Running) -> Events:
    return dossiers(served, 0, 37, channel="counter")


def announced(served: Running, subject: str, decided_on: str, effective_on: str) -> dict:
    return served.event(
        "procedure.announced", subject, "H44", time=RECENTLY, decided_on=decided_on, effective_on=effective_on
    )


def published(served: Running, subject: str, decided_on: str, published_on: str, complete: bool = True) -> dict:
    return served.event(
        "procedure.published", subject, "H44", time=f"{published_on}T07:00:00+07:00", decided_on=decided_on,
        published_on=published_on, complete=complete,
    )  # fmt: skip


def decisions(served: Running) -> Events:
    """Of 19 decided procedures 4 published in time, 6 not any more, 9 still to be."""
    old = [announced(served, f"1.{n:06}", "2026-03-02", "2026-03-03") for n in range(10)]
    told = [published(served, f"1.{n:06}", "2026-03-02", "2026-03-04") for n in range(4)]
    return old + told + [announced(served, f"1.{n:06}", "2026-11-19", "2026-11-20") for n in range(10, 19)]


def incomplete(served: Running) -> Events:
    return [published(served, f"2.{n:06}", "2026-03-02", "2026-03-04", complete=n < 4) for n in range(19)]


def petitions(served: Running) -> Events:
    """19 petitions, 6 of them long overdue and 2 not liked."""
    times = ["2026-11-20T08:00:00+07:00"] * 13 + ["2026-05-04T08:00:00+07:00"] * 6
    events = [served.event("petition.received", f"P-{n}", time=each, about="staff") for n, each in enumerate(times)]
    return events + [
        served.event("petition.rated", f"P-{n}", time="2026-11-21T08:00:00+07:00", satisfied=False) for n in (0, 1)
    ]


@dataclass(frozen=True)
class Case:
    """A state, what is done of what its advice names, and the advice's way, number and what is lost.

    `act` makes the events of one more: of a subject of the list `recoverable`, or of a number of its own; a dict is a
    row of the catalogue of procedures.
    """

    code: str
    state: Callable[[Running], Events]
    act: Callable[[Running, str], Events | dict]
    way: str
    needed: int
    of: int
    lost: int


def digitise(**data: Any) -> Callable[[Running, str], Events]:
    return lambda served, subject: [served.event("dossier.digitised", subject, time=RECENTLY, **data)]


def scan(served: Running, subject: str) -> Events:
    result = served.event("dossier.returned", subject, time=RECENTLY, via="online", electronic_result=True)
    return [*digitise(components=2)(served, subject), result]


def received(served: Running, number: str, procedure: str = "1.004555", **more: Any) -> Events:
    asked = {"time": RECENTLY, "due_at": NEXT_YEAR, "procedure": procedure} | more
    return [reception(served, f"H44.07-261120-{number.replace('.', '')}", **asked)]


def used(served: Running, procedure: str, type_: str, **data: Any) -> Events:
    """A new dossier of a procedure, and what happens to it."""
    new = received(served, procedure, procedure)
    return new + happened(served, type_, new, time=RECENTLY, **data)


def petition(served: Running, number: str) -> Events:
    return [served.event("petition.received", f"N-{number}", time=RECENTLY, about="staff")]


CASES = [
    Case("DOSSIER_SYNC", some, lambda served, each: [served.event("dossier.synced", each, time=RECENTLY)],
         "mend", 37, 37, 0),
    Case("ORIGINAL_RESULT_AVAILABLE", some,
         lambda served, each: [
             served.event("dossier.returned", each, time=RECENTLY, via="online", electronic_result=True)
         ],
         "mend", 37, 37, 0),
    Case("SO_HOA_GIAY_TO_GIAI_QUYET", some, scan, "mend", 37, 37, 0),
    # From 80 % on it is full: 29.6 of 37, and 29.52 rounds to it.
    Case("REUSED_DIGITIZED_DATA", some, digitise(reused=True), "mend", 30, 37, 0),
    Case("SYNCED_WITH_DVCQG_PERSONAL_STORAGE", some, digitise(shared_store=True), "mend", 37, 37, 0),
    Case("CITIZEN_DATA_CONNECTED_DOSSIER", some, digitise(population_data=True), "mend", 37, 37, 0),
    Case("PAYMENT_DOSSIERS", with_fee,
         lambda served, each: [served.event("dossier.paid", each, time=RECENTLY, via="local_gateway")],
         "mend", 22, 37, 12),
    Case("PUBLIC_UPDATE_ON_TIME", decisions,
         lambda served, each: [published(served, each, "2026-11-19", "2026-11-23")], "mend", 9, 19, 6),
    Case("PUBLIC_CONTENT_FULL", incomplete,
         lambda served, each: [published(served, each, "2026-03-02", "2026-11-23")], "mend", 15, 19, 0),
    Case("ONLINE_WITH_DOSSIERS", lambda served: [], lambda served, each: received(served, each, each),
         "mend", 12, 12, 0),
    Case("CITIZEN_DATA_CONNECTED_FORMALITY", lambda served: [],
         lambda served, each: used(served, each, "dossier.digitised", population_data=True),
         "mend", 12, 12, 0),
    Case("PAYMENT_PROCEDURES", lambda served: [],
         lambda served, each: used(served, each, "dossier.paid", via="national_gateway"),
         "mend", 10, 12, 0),
    Case("PAYMENT_INTEGRATED", lambda served: [],
         lambda served, each: {"code": each, "payment_integrated": True}, "mend", 10, 12, 0),
    Case("ONLINE_PROVISION", lambda served: [],
         lambda served, each: {"code": each, "service_level": "partial"}, "mend", 8, 25, 0),
    # 37 - 19 at the counter: 37 new online ones make 37 of 74.
    Case("ONLINE_DOSSIERS", at_counter, received, "new", 37, 37, 37),
    # (29 + k) / (37 + k), as many new ones as there are at most: 66 of 74 are 17.84 points, 65 of 73 are 17.81.
    Case("DOSSIER_ON_TIME", some, received, "new", 37, 37, 8),
    # (24 + k) / (37 + k), 61 of 74.
    Case("DOSSIER_RECEIVING_SATISFACTION", disliked, received, "new", 37, 37, 13),
    Case("PETITION_PROCESSING_ON_TIME", petitions, petition, "new", 19, 19, 6),
    Case("PETITION_HANDLING_SATISFACTION", petitions, petition, "new", 19, 19, 8),
    Case("PUBLISH_ON_TIME", decisions,
         lambda served, each: [announced(served, f"2.{int(each):06}", "2026-11-20", "2026-12-20")],
         "new", 19, 19, 19),
]  # fmt: skip


async def procedures(served: Running) -> None:
    """Twelve procedures of the department with a fee and an online service for citizens, and twelve with nothing."""
    full = {"levels": ["department"], "service_level": "full", "fee": True, "applicants": ["citizen"]}
    plain = {"levels": ["department"], "fee": False, "service_level": "none"}
    rows = [{"code": f"3.{n:06}", **(full if n < 12 else plain)} for n in range(24)]
    gone = [{"code": "1.004555", "fee": False, "levels": ["department"], "applicants": ["organisation"]}]
    answer = await served.put("/v1/procedures", [*rows, *gone])
    assert answer.json()["errors"] == []


async def follow(served: Running, case: Case, subjects: list[str]) -> None:
    done = [case.act(served, each) for each in subjects]
    rows = [each for each in done if isinstance(each, dict)]
    events = [event for each in done if isinstance(each, list) for event in each]
    if rows:
        assert (await served.put("/v1/procedures", rows)).json()["errors"] == []
    if events:
        assert (await served.push(events))["rejected"] == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
@pytest.mark.parametrize("whole", [False, True], ids=["next", "whole"])
async def test_the_nth_gains_what_was_said_and_one_less_does_not(served: Running, case: Case, whole: bool) -> None:
    query = {"unit": "H44.07"} if case.of in (12, 25) else {"unit": "H44"}
    if case.of in (12, 25):
        await procedures(served)
    if events := case.state(served):
        assert (await served.push(events))["rejected"] == 0
    before = indicator(await card(served, **query), case.code)
    told = of(await advice_of(served, **query), case.code)
    assert (told["way"], told["needed"], told["of"], told["lost"]) == (case.way, case.needed, case.of, case.lost)
    winnable = await listed(served, case.code, "recoverable", **query)
    lost = await listed(served, case.code, "lost", **query)
    assert sorted(winnable + lost) == sorted(await listed(served, case.code, "missing", **query))
    assert len(lost) == told["lost"]
    step = {"needed": told["needed"], "gain": told["gain"]} if whole else told["next"]
    n = step["needed"]
    subjects = winnable if case.way == "mend" else [str(number) for number in range(n)]
    await follow(served, case, subjects[: n - 1])
    short = indicator(await card(served, **query), case.code)
    assert round(short["score"] - before["score"], 2) < step["gain"]
    if not whole:
        assert short["score"] == before["score"]
    await follow(served, case, subjects[n - 1 : n])
    after = indicator(await card(served, **query), case.code)
    assert after["denominator"] == case.of + (n if case.way == "new" else 0)
    assert after["numerator"] == before["numerator"] + n
    assert round(after["score"] - before["score"], 2) == step["gain"]


def test_every_scored_indicator_that_counts_is_proven() -> None:
    counting = {each.code for group in indicators.load().groups for each in group.indicators if each.kind == "ratio"}
    assert {case.code for case in CASES} == counting


async def test_winning_all_that_can_be_won_reaches_the_points_that_were_told(served: Running) -> None:
    await served.push([*some(served), *decisions(served)])
    total, told = (await card(served))["total"], await advice_of(served)
    gains = {each["indicator"]: each["gain"] for each in told["items"] if each["way"] == "mend"}
    mended = {
        "DOSSIER_SYNC": 6,
        "ORIGINAL_RESULT_AVAILABLE": 6,
        "SO_HOA_GIAY_TO_GIAI_QUYET": 4,
        "REUSED_DIGITIZED_DATA": 2,
        "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": 4,
        "CITIZEN_DATA_CONNECTED_DOSSIER": 2,
        # 4 and 13 of 19 are 0.84 and 2.74 of 4 points; 20 of 37 dossiers with a fee are open.
        "PUBLIC_UPDATE_ON_TIME": 1.9,
        "PAYMENT_DOSSIERS": 3.24,
    }
    # One of two procedures has an online service, without a dossier; the other one a fee, and dossiers.
    by_procedure = {
        "ONLINE_PROVISION": 0.75,
        "ONLINE_WITH_DOSSIERS": 4,
        "CITIZEN_DATA_CONNECTED_FORMALITY": 2,
        "PAYMENT_PROCEDURES": 2,
        "PAYMENT_INTEGRATED": 2,
    }
    assert gains == mended | by_procedure
    assert told["recoverable"] == 39.89 == round(sum(gains.values()), 2)
    # Payments first: what is returned is no longer open.
    for case in reversed(CASES):
        if case.code in mended:
            await follow(served, case, await listed(served, case.code, "recoverable"))
    # Open dossiers that are returned with a result stay in time; their procedure has got data and a payment, too.
    assert round((await card(served))["total"] - total, 2) == round(sum(mended.values()) + 2 + 2, 2)
    assert (await advice_of(served))["recoverable"] == 0.75 + 4 + 2


async def test_what_falls_due_soon_is_at_risk_until_it_ends_or_is_late(served: Running, now: datetime) -> None:
    # The third working day after Monday the 23rd is Friday the 27th: the 24th is a public holiday.
    soon = dossiers(served, 0, 2, due_at="2026-11-27T23:59:59.999999+07:00", fee=True)
    later = dossiers(served, 2, 1, due_at="2026-11-28T00:00:00+07:00", fee=True)
    late = dossiers(served, 3, 1, due_at="2026-11-23T08:00:00+07:00", fee=True)
    await served.push(soon + later + late)
    for code in ("DOSSIER_ON_TIME", "DOSSIER_RECEIVING_SATISFACTION", "PAYMENT_DOSSIERS"):
        told = of(await advice_of(served), code)
        assert (told["at_risk"], await listed(served, code, "at_risk")) == (2, [each["subject"] for each in soon])
    assert of(await advice_of(served), "DOSSIER_ON_TIME")["lost"] == 1
    # What is due in December is no risk of November's.
    assert of(await advice_of(served, period="2026-11"), "DOSSIER_ON_TIME")["at_risk"] == 2
    served.clock.at = datetime.fromisoformat("2026-11-30T08:00:00+07:00")
    december = dossiers(served, 9, 1, due_at="2026-12-01T17:00:00+07:00")
    await served.push(december)
    assert of(await advice_of(served, period="2026-11"), "DOSSIER_ON_TIME")["at_risk"] == 0
    assert of(await advice_of(served), "DOSSIER_ON_TIME")["at_risk"] == 1
    await served.push(happened(served, "dossier.completed", december, time="2026-11-30T07:59:00+07:00"))
    assert of(await advice_of(served), "DOSSIER_ON_TIME")["at_risk"] == 0


async def test_petitions_and_decisions_are_at_risk_within_three_working_days(served: Running) -> None:
    # Fifteen working days after the 5th end on Friday the 27th, after the 6th on Monday the 30th of November.
    days = ("2026-11-05", "2026-11-05", "2026-11-06", "2026-10-05")
    events = [
        served.event("petition.received", f"P-{n}", time=f"{day}T08:00:00+07:00", about="staff")
        for n, day in enumerate(days)
    ]
    rated = served.event("petition.rated", "P-1", time=RECENTLY, satisfied=False)
    # Five working days after the 19th end on the 27th, after the 20th on the 30th.
    decided = [announced(served, f"1.{n:06}", f"2026-11-{19 + n}", "2026-12-31") for n in range(2)]
    await served.push([*events, rated, *decided])
    told = await advice_of(served)
    for code, at_risk, lost in (
        ("PETITION_PROCESSING_ON_TIME", ["P-0", "P-1"], 1),
        ("PETITION_HANDLING_SATISFACTION", ["P-0"], 2),
        ("PUBLIC_UPDATE_ON_TIME", ["1.000000"], 0),
    ):
        assert (of(told, code)["at_risk"], of(told, code)["lost"]) == (len(at_risk), lost), code
        assert await listed(served, code, "at_risk") == at_risk
    # Lost when the day is over.
    served.clock.at = datetime.fromisoformat("2026-11-28T00:00:00+07:00")
    assert of(await advice_of(served), "PUBLIC_UPDATE_ON_TIME")["lost"] == 1
    assert of(await advice_of(served), "PETITION_PROCESSING_ON_TIME")["lost"] == 3


async def test_of_a_period_that_has_ended_only_what_a_later_event_earns_can_be_won(served: Running) -> None:
    await served.push([*with_fee(served), *decisions(served), *incomplete(served)])
    told = await advice_of(served, period="2026-Q1")
    for code, way, lost in (
        ("ORIGINAL_RESULT_AVAILABLE", "mend", 0),
        ("PAYMENT_DOSSIERS", "mend", 12),
        ("PUBLIC_CONTENT_FULL", None, 15),
        ("PUBLIC_UPDATE_ON_TIME", None, 6),
        ("PUBLISH_ON_TIME", None, 10),
    ):
        assert (of(told, code)["way"], of(told, code)["lost"]) == (way, lost), code
    assert of(told, "PUBLISH_ON_TIME")["action"] == "Kỳ đã kết thúc: 10 thủ tục không lấy lại được nữa."


async def test_procedures_of_a_period_that_has_ended_are_won_by_dossiers_it_has(served: Running) -> None:
    await procedures(served)
    events = [
        event
        for n in range(4)
        for event in received(served, str(n), f"3.{n:06}", time="2026-03-02T08:00:00+07:00", channel="counter")
    ]
    done = happened(served, "dossier.completed", events[:1], time="2026-03-03T08:00:00+07:00")
    await served.push(events + done)
    query = {"unit": "H44.07", "period": "2026-Q1"}
    told = await advice_of(served, **query)
    for code, winnable in (
        ("CITIZEN_DATA_CONNECTED_FORMALITY", ["3.000000", "3.000001", "3.000002", "3.000003"]),
        ("PAYMENT_PROCEDURES", ["3.000001", "3.000002", "3.000003"]),
        ("ONLINE_WITH_DOSSIERS", []),
    ):
        assert await listed(served, code, "recoverable", **query) == winnable
        assert of(told, code)["lost"] == 12 - len(winnable)
        assert len(await listed(served, code, "lost", **query)) == 12 - len(winnable)


async def test_a_procedure_that_is_no_longer_valid_gets_no_new_dossier(served: Running) -> None:
    await procedures(served)
    gone = [{"code": f"3.{n:06}", "valid_to": "2026-06-30"} for n in range(3)]
    assert (await served.put("/v1/procedures", gone)).json()["errors"] == []
    await served.push(received(served, "1", "3.000001", channel="counter"))
    query = {"unit": "H44.07"}
    told = await advice_of(served, **query)
    for code, lost in (
        ("ONLINE_WITH_DOSSIERS", ["3.000000", "3.000001", "3.000002"]),
        ("PAYMENT_PROCEDURES", ["3.000000", "3.000002"]),
        ("CITIZEN_DATA_CONNECTED_FORMALITY", ["3.000000", "3.000002"]),
    ):
        assert await listed(served, code, "lost", **query) == lost
        assert len(await listed(served, code, "recoverable", **query)) == 12 - len(lost)
        assert (of(told, code)["of"], of(told, code)["lost"]) == (12, len(lost))


async def test_a_national_report_of_more_dossiers_is_won_by_sending_them(served: Running) -> None:
    await served.push(some(served))
    await served.put("/v1/external-figures", [{"code": "DOSSIER_SYNC", "unit": "H44", "period": "2026", "count": 40}])
    told = of(await advice_of(served), "DOSSIER_SYNC")
    assert (told["needed"], told["of"], told["lost"]) == (40, 40, 0)
    answer = (await served.get("/v1/dossiers", indicator="DOSSIER_SYNC", side="recoverable", **ASKED)).json()
    assert (answer["total"], len(answer["items"])) == (40, 37)
    assert "(37)" in answer["note"]


async def test_only_indicators_that_score_by_counting_have_prospects(served: Running) -> None:
    for code in ("RETURNED_BY_POST", "ELECTRONIC_CERTIFIED_COPY", "CERTIFIED_COPY_COVERAGE"):
        for side in ("recoverable", "at_risk", "lost"):
            answer = await served.get("/v1/dossiers", indicator=code, side=side, **ASKED)
            assert of_problem(answer) == (422, "invalid_parameter", "side")


async def test_advice_tells_all_scored_indicators_with_an_etag(served: Running) -> None:
    await served.push([reception(served)])
    told = await advice_of(served, unit="H44.07")
    assert list(told) == [*HEADING, "recoverable", "items"]
    assert len(told["items"]) == 21
    assert told["items"][0] == {
        "indicator": "DOSSIER_ON_TIME",
        "gain": 10,
        "needed": 1,
        "of": 1,
        "way": "new",
        "next": {"needed": 1, "gain": 10},
        "at_risk": 0,
        "lost": 1,
        "action": "Số còn thiếu (1 hồ sơ không lấy lại được nữa) chỉ bù được bằng cái mới: xử lý đúng hạn 1 hồ sơ mới "
        "để thêm 10,00 điểm (mẫu số tăng từ 1 lên 2).",
    }
    first = await served.get("/v1/advice", unit="H44.07", period="2026")
    tagged = {"if-none-match": first.headers["etag"]}
    assert (await served.get("/v1/advice", headers=tagged, unit="H44.07", period="2026")).status_code == 304
    await served.push([reception(served, "H44.07-260105-0002")])
    assert (await served.get("/v1/advice", headers=tagged, unit="H44.07", period="2026")).status_code == 200
    narrowed = await advice_of(served, unit="H44.07", procedure="1.004555")
    assert of(narrowed, "PETITION_PROCESSING_ON_TIME")["gain"] is None
    assert of(narrowed, "DOSSIER_ON_TIME")["lost"] == 2


async def test_advice_on_a_period_that_has_ended_moves_on_with_the_clock(served: Running) -> None:
    await served.push([reception(served, due_at="2026-11-24T08:00:00+07:00", fee=True)])
    assert of(await advice_of(served, period="2026-Q1"), "PAYMENT_DOSSIERS")["at_risk"] == 1
    served.clock.at = datetime.fromisoformat("2026-11-24T08:00:00.000001+07:00")
    assert of(await advice_of(served, period="2026-Q1"), "PAYMENT_DOSSIERS")["at_risk"] == 0
