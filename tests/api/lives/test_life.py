"""`GET /v1/dossiers/{subject}`: one life told so that a person sees why it counts as it does."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from app.api.lives.verdicts import BY_FACTS, SAYS
from app.domain.catalogues import indicators as catalogue
from app.store.read.dossiers import CONDITIONS
from tests.api.asking import card, indicator, of_problem, reception, retraction
from tests.running import Running

SUBJECT = "H44.07-260105-0001"


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def life(running: Running, subject: str = SUBJECT, key: str | None = None) -> dict:
    answer = await running.get(f"/v1/dossiers/{quote(subject, safe='')}", key)
    assert answer.status_code == 200, answer.text
    told: dict = answer.json()
    return told


def effects(told: dict) -> list[tuple[str, bool, str | None]]:
    return [(each["type"].partition(".")[2], each["effect"], each["cause"]) for each in told["events"]]


def verdict(told: dict, code: str) -> tuple[str, str]:
    [found] = [each for each in told["verdicts"] if each["indicator"] == code]
    return found["verdict"], found["reason"]


async def test_a_deadline_with_a_pause_is_told_step_by_step(served: Running) -> None:
    await served.push(
        [
            reception(served),
            served.event("dossier.supplement_requested", time="2026-01-08T08:00:00+07:00"),
            served.event("dossier.supplemented", time="2026-01-10T11:30:00+07:00"),
            served.event("dossier.due_changed", time="2026-01-11T08:00:00+07:00", due_at="2026-01-13T17:00:00+07:00"),
            served.event("dossier.completed", time="2026-01-15T20:30:00+07:00", electronic_result=True),
        ]
    )
    told = (await life(served))["dossier"]
    assert told["reckoning"] == {
        "basis": "due",
        "due_history": [
            {"due_at": "2026-01-12T17:00:00+07:00", "given_at": "2026-01-05T08:00:00+07:00", "type": "dossier.received",
             "source": "/h44/thu", "id": "e0"},
            {"due_at": "2026-01-13T17:00:00+07:00", "given_at": "2026-01-11T08:00:00+07:00",
             "type": "dossier.due_changed", "source": "/h44/thu", "id": "e3"},
        ],
        "working_days": None,
        "legal_end": None,
        "pauses": [
            {"from": "2026-01-08T08:00:00+07:00", "to": "2026-01-10T11:30:00+07:00", "seconds": 185400, "counts": True,
             "reason": None}
        ],
        "paused_seconds": 185400,
        "explanation": "Hẹn trả 17:00 13/01/2026, đã đổi 1 lần. Tạm dừng 1 lần chờ bổ sung, tổng cộng 2 ngày 3 giờ "
        "30 phút. Hạn giải quyết: 20:30 15/01/2026.",
    }  # fmt: skip
    assert (told["deadline"], told["ended_at"], told["on_time"]) == (
        "2026-01-15T20:30:00+07:00", "2026-01-15T20:30:00+07:00", True,
    )  # fmt: skip
    assert verdict(told, "DOSSIER_ON_TIME") == ("numerator", "Đã kết thúc trong hạn.")
    assert verdict(told, "RETURNED_BY_POST") == ("missing", "Chưa trả kết quả.")
    assert verdict(told, "FULL_ONLINE_DOSSIERS") == (
        "not_counted", "Thủ tục không thuộc diện cung cấp dịch vụ công toàn trình.",
    )  # fmt: skip


async def test_without_a_due_time_the_working_days_of_the_procedure_are_told(served: Running) -> None:
    await served.put("/v1/procedures", [{"code": "1.004555", "max_working_days": 3}])
    await served.push([reception(served, due_at=None)])
    told = (await life(served))["dossier"]["reckoning"]
    assert (told["basis"], told["working_days"], told["legal_end"]) == (
        "legal", 3, "2026-01-08T23:59:59.999999+07:00",
    )  # fmt: skip
    assert told["explanation"].startswith(
        "Không có hẹn trả; thời hạn của thủ tục là 3 ngày làm việc sau ngày tiếp nhận, đến hết 23:59 08/01/2026."
    )


async def test_a_dossier_that_never_falls_due_says_so(served: Running) -> None:
    await served.push([reception(served, due_at=None)])
    told = (await life(served))["dossier"]
    assert told["reckoning"]["basis"] == "none"
    assert "không bao giờ quá hạn" in told["reckoning"]["explanation"]
    assert told["on_time"] is None


async def test_a_dossier_without_a_due_time_has_a_deadline_by_its_second_request(served: Running) -> None:
    steps = (("supplement_requested", 6), ("supplemented", 7), ("supplement_requested", 8))
    events = [served.event(f"dossier.{name}", time=f"2026-01-{day:02}T08:00:00+07:00") for name, day in steps]
    await served.push([reception(served, due_at=None), *events])
    assert (await life(served))["dossier"]["reckoning"]["explanation"] == (
        "Không có hẹn trả và thủ tục không có thời hạn. Tạm dừng 1 lần chờ bổ sung, tổng cộng 1 ngày. Hồ sơ bị yêu cầu "
        "bổ sung lần thứ hai mà chưa trả lời, nên hạn là lúc yêu cầu lần hai. Hạn giải quyết: 08:00 08/01/2026."
    )


async def test_a_second_request_without_an_answer_sets_the_deadline(served: Running) -> None:
    await served.push(
        [
            reception(served),
            served.event("dossier.supplement_requested", time="2026-01-06T08:00:00+07:00"),
            served.event("dossier.supplemented", time="2026-01-07T08:00:00+07:00"),
            served.event("dossier.supplement_requested", time="2026-01-08T08:00:00+07:00"),
        ]
    )
    told = (await life(served))["dossier"]
    assert told["deadline"] == "2026-01-08T08:00:00+07:00"
    assert "yêu cầu bổ sung lần thứ hai" in told["reckoning"]["explanation"]
    assert [pause["counts"] for pause in told["reckoning"]["pauses"]] == [True, False]


async def test_of_three_requests_the_third_is_unanswered_and_the_second_the_deadline(served: Running) -> None:
    asked_and_answered = [
        ("supplement_requested", 6),
        ("supplemented", 7),
        ("supplement_requested", 8),
        ("supplemented", 9),
        ("supplement_requested", 10),
    ]
    events = [
        served.event(f"dossier.{name}", time=f"2026-01-{day:02}T08:00:00+07:00") for name, day in asked_and_answered
    ]
    await served.push([reception(served), *events])
    told = (await life(served))["dossier"]
    assert told["deadline"] == "2026-01-08T08:00:00+07:00"
    assert "bổ sung lần thứ ba mà chưa trả lời, nên hạn là lúc yêu cầu lần hai." in told["reckoning"]["explanation"]


async def test_a_due_time_moved_and_moved_back_was_moved_twice(served: Running) -> None:
    days = (12, 15, 12, 12)
    moves = [
        served.event(
            "dossier.due_changed", time=f"2026-01-0{6 + n}T08:00:00+07:00", due_at=f"2026-01-{day}T17:00:00+07:00"
        )
        for n, day in enumerate(days[1:])
    ]
    await served.push([reception(served), *moves])
    assert "Hẹn trả 17:00 12/01/2026, đã đổi 2 lần." in (await life(served))["dossier"]["reckoning"]["explanation"]


async def test_a_voided_life_without_a_reception_is_no_fault_any_more(served: Running) -> None:
    void = served.event("dossier.voided", time="2026-01-07T08:00:00+07:00")
    await served.push([served.event("dossier.completed", time="2026-01-06T08:00:00+07:00"), void])
    told = (await life(served))["dossier"]
    assert told["voided"] is True
    assert {each["reason"] for each in told["verdicts"]} == {"Đã hủy nên không tính vào chỉ số nào."}
    causes = (await served.get("/v1/data-quality", unit="H44")).json()["causes"]
    assert sum(each["count"] for each in causes) == 0
    assert (await served.get("/v1/data-quality", unit="H44", cause="no_reception")).json()["items"] == []
    # By a stranger it is none, and taken back it is none either.
    await served.push([retraction(served, void)])
    await served.push([served.event("dossier.voided", unit="H44.13", time="2026-01-08T08:00:00+07:00")])
    assert (await life(served))["dossier"]["voided"] is False
    assert (await served.get("/v1/data-quality", unit="H44", cause="no_reception")).json()["total"] == 1


async def test_every_event_says_whether_it_had_an_effect_and_if_not_why(served: Running) -> None:
    def event(name: str, day: int, **more: Any) -> dict:
        return served.event(f"dossier.{name}", time=f"2026-01-{day:02}T08:00:00+07:00", **more)

    await served.push(
        [
            event("submitted", 4, channel="online"),
            reception(served),
            reception(served, unit="H44.13", time="2026-01-05T09:00:00+07:00"),
            event("synced", 6, unit="H44.130"),
            event("supplemented", 7),
            event("due_changed", 8, due_at="2026-01-20T17:00:00+07:00"),
            event("due_changed", 9, due_at="2026-01-21T17:00:00+07:00"),
            event("supplement_requested", 10),
            event("supplement_requested", 11),
            event("supplemented", 12),
            event("paid", 13, via="cash"),
            event("paid", 14, via="local_gateway"),
            event("signed", 15, what="component"),
            event("completed", 16),
            event("completed", 17),
            event("rated", 18, satisfied=True),
            event("rated", 19, satisfied=False),
            event("not_accepted", 20),
        ]
    )
    told = await life(served)
    assert effects(told) == [
        ("submitted", False, "never_counts"),
        ("received", True, None),
        ("received", False, "second_reception"),
        ("synced", False, "foreign_unit"),
        ("supplemented", False, "answer_without_request"),
        ("due_changed", False, "due_replaced"),
        ("due_changed", True, None),
        ("supplement_requested", True, None),
        ("supplement_requested", False, "same_open_request"),
        ("supplemented", True, None),
        ("paid", False, "offline_payment"),
        ("paid", True, None),
        ("signed", False, "component_signature"),
        ("completed", True, None),
        ("completed", False, "ended_already"),
        ("rated", False, "satisfied"),
        ("rated", True, None),
        ("not_accepted", False, "never_counts"),
    ]
    reasons = {each["cause"]: each["reason"] for each in told["events"]}
    assert reasons["second_reception"] == "Hồ sơ đã được đơn vị H44.07 tiếp nhận; lần tiếp nhận này không tính."
    assert reasons["foreign_unit"].startswith("Đơn vị H44.130 không xử lý hồ sơ này")
    assert told["dossier"]["faults"] == [
        *("foreign_unit", "second_reception", "answer_without_request", "end_moved_back")
    ]
    assert told["events"][1] == {
        "type": "dossier.received", "time": "2026-01-05T08:00:00+07:00", "source": "/h44/thu", "id": "e1",
        "unit": "H44.07", "sequence": None,
        "data": {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"},
        "effect": True, "cause": None, "reason": None, "undoes": None, "undone_by": None,
    }  # fmt: skip


async def test_a_retraction_and_what_it_undid_point_at_each_other(served: Running) -> None:
    first, end = reception(served), served.event("dossier.completed", time="2026-01-06T08:00:00+07:00")
    back = retraction(served, end, time="2026-01-07T08:00:00+07:00")
    nothing = retraction(served, end | {"id": "never"}, time="2026-01-07T09:00:00+07:00")
    forth = retraction(served, back, time="2026-01-07T10:00:00+07:00")
    below = retraction(served, first, unit="H44.13", time="2026-01-07T11:00:00+07:00")
    await served.push([first, end, back, nothing, forth, below])
    told = await life(served)
    assert effects(told) == [
        ("received", True, None),
        ("completed", False, "retracted"),
        ("retracted", True, None),
        ("retracted", False, "nothing_to_retract"),
        ("retracted", False, "retraction_stays"),
        ("retracted", False, "not_above"),
    ]
    assert told["events"][1]["undone_by"] == {"source": "/h44/thu", "id": back["id"]}
    assert told["events"][1]["reason"] == f"Đã bị thu hồi bởi sự kiện {back['id']} của đơn vị H44.07."
    assert told["events"][2]["undoes"] == {"source": "/h44/thu", "id": end["id"]}
    assert told["dossier"]["ended_at"] is None


async def test_a_voided_dossier_and_one_never_received_count_nowhere_and_say_why(served: Running) -> None:
    await served.push([reception(served), served.event("dossier.voided", time="2026-01-06T08:00:00+07:00")])
    await served.push([served.event("dossier.completed", "other")])
    voided, other = (await life(served))["dossier"], (await life(served, "other"))["dossier"]
    for told, reason in ((voided, "Đã hủy"), (other, "Chưa có sự kiện tiếp nhận")):
        assert {each["verdict"] for each in told["verdicts"]} == {"not_counted"}
        assert {each["reason"].startswith(reason) for each in told["verdicts"]} == {True}
    assert (other["faults"], other["channel"], other["reckoning"]) == (["no_reception"], None, None)
    assert effects(await life(served, "other")) == [("completed", False, "no_reception")]


async def test_petitions_documents_and_a_procedure_of_one_code_are_all_told(served: Running) -> None:
    code, day = "1.004555", "2026-03-02T08:00:00+07:00"
    await served.push(
        [
            served.event("petition.received", code, "H44.07", time=day, about="staff"),
            served.event("petition.answered", code, "H44.07", time="2026-03-30T08:00:00+07:00"),
            served.event("petition.answered", code, "H44.13", time=day),
            served.event("document.sent", code, "H44.13", time=day, electronic=True, tier="agencies"),
            served.event(
                "procedure.announced", code, "H44", time=day, decided_on="2026-03-02", effective_on="2026-03-09"
            ),
            served.event(
                "procedure.published",
                code,
                "H44",
                time=day,
                decided_on="2026-03-02",
                published_on="2026-03-05",
                complete=True,
            ),
        ]
    )
    told = await life(served, code)
    assert told["dossier"] is None
    staff, silent = told["petitions"]
    assert (staff["unit"], staff["about"], staff["on_time"]) == ("H44.07", "staff", False)
    assert verdict(staff, "PETITION_PROCESSING_ON_TIME") == ("missing", "Đã kết thúc, quá hạn.")
    assert verdict(staff, "PETITION_CLASSIFICATION_STAFF")[0] == "numerator"
    assert (silent["unit"], silent["received_at"]) == ("H44.13", None)
    [sent] = told["documents"]
    assert (sent["unit"], sent["tier"], verdict(sent, "E_DOCUMENT_AGENCIES")[0]) == ("H44.13", "agencies", "numerator")
    assert verdict(sent, "SIGNED_DOCUMENT") == ("missing", "Không ký số.")
    assert verdict(sent, "E_DOCUMENT_COMMUNE") == ("not_counted", "Văn bản không thuộc cấp này.")
    assert told["procedure"] == {
        "announced": [{"decided_on": "2026-03-02", "effective_on": "2026-03-09"}],
        "published": [{"decided_on": "2026-03-02", "published_on": "2026-03-05", "complete": True}],
    }
    assert told["events"][-1]["data"] == {}


async def test_a_key_sees_only_what_it_reaches_and_nothing_else_is_there(served: Running) -> None:
    seven, thirteen = await served.make_key("H44.07", "read"), await served.make_key("H44.13", "read")
    moved = served.event("dossier.transferred", time="2026-01-06T08:00:00+07:00", to="H44.13")
    await served.push([reception(served)])
    assert (await life(served, key=seven))["dossier"]["unit"] == "H44.07"
    await served.push([moved])
    # Whoever handed it on may still read it; in lists and figures it is the other's. A third sees nothing.
    stranger = await served.make_key("H44.130", "read")
    assert of_problem(await served.get(f"/v1/dossiers/{SUBJECT}", stranger)) == (404, "unknown_subject", None)
    assert (await life(served, key=seven))["dossier"] == (await life(served, key=thirteen))["dossier"]
    assert (await card(served, "H44.07"))["balance"]["received"] == 0
    told = await life(served, key=thirteen)
    assert (told["dossier"]["unit"], told["dossier"]["receiving_unit"]) == ("H44.13", "H44.07")
    assert effects(told) == [("received", True, None), ("transferred", True, None)]
    await served.push([served.event("petition.received", "P", unit, about="staff") for unit in ("H44.07", "H44.13")])
    told = await life(served, "P", seven)
    assert [each["unit"] for each in told["petitions"]] == ["H44.07"]
    assert [each["unit"] for each in told["events"]] == ["H44.07"]


async def test_a_key_reaches_the_lives_of_units_merged_into_its_own(served: Running) -> None:
    await served.put("/v1/units", [{"code": "H44.07", "successor": "H44.13"}])
    await served.push([reception(served)])
    assert (await life(served, key=await served.make_key("H44.13", "read")))["dossier"]["unit"] == "H44.07"


@pytest.mark.parametrize(
    "subject", ["a/b//c", "./..", "a?b&c=d", "50%", "Đơn số 7", "a  b", "a b+c", "x" * 200, "a%2Fb"]
)
async def test_any_subject_can_be_asked_for(served: Running, subject: str) -> None:
    await served.push([reception(served, subject)])
    assert (await life(served, subject))["subject"] == subject


@pytest.mark.parametrize("path", ["none", "", "a%00b", "%FF", "x" * 5000, "%ED%A0%80"])
async def test_what_nobody_has_sent_is_not_there(served: Running, path: str) -> None:
    answer = await served.get(f"/v1/dossiers/{path}")
    assert of_problem(answer) == (404, "unknown_subject", None)


async def test_the_etag_changes_with_the_life_and_with_the_passing_of_its_deadline(served: Running) -> None:
    served.clock.at = datetime.fromisoformat("2026-01-12T17:00:00+07:00")
    await served.push([reception(served)])
    first = await served.get(f"/v1/dossiers/{SUBJECT}")
    tag = first.headers["etag"]
    assert (await served.get(f"/v1/dossiers/{SUBJECT}", headers={"If-None-Match": tag})).status_code == 304
    served.clock.at = datetime.fromisoformat("2026-01-12T17:00:00.000001+07:00")
    late = await served.get(f"/v1/dossiers/{SUBJECT}", headers={"If-None-Match": tag})
    assert late.status_code == 200
    assert verdict(late.json()["dossier"], "DOSSIER_ON_TIME") == ("missing", "Đang giải quyết, đã quá hạn.")


async def test_the_verdicts_are_those_of_the_scorecard_of_all_time(served: Running) -> None:
    await served.push([reception(served), served.event("dossier.completed", time="2026-01-06T08:00:00+07:00")])
    told = (await life(served))["dossier"]
    shown = await card(served, "H44.07", scope="own")
    for each in told["verdicts"]:
        figure = indicator(shown, each["indicator"])
        counts = {"numerator": (1, 1), "missing": (0, 1), "not_counted": (0, 0)}[each["verdict"]]
        assert (figure["numerator"], figure["denominator"]) == counts, each


def test_every_measure_that_lives_count_for_has_words_for_its_verdicts() -> None:
    assert {measure for conditions in CONDITIONS.values() for measure in conditions} == {
        *SAYS,
        *BY_FACTS,
    }


def test_papers_from_the_data_store_are_called_alike_in_the_verdict_and_in_the_indicators_name() -> None:
    name = catalogue.load().indicator("SYNCED_WITH_DVCQG_PERSONAL_STORAGE").name
    for words in SAYS["active_shared_store"]:
        assert name.endswith("giấy tờ từ kho dữ liệu")
        assert words.endswith("giấy tờ từ kho dữ liệu.")
