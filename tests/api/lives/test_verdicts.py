"""What is said of a life beside each indicator is true of that very life: a table of lives and sentences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asking import reception
from tests.running import Running

SOON, LONG_AGO = "2026-12-31T17:00:00+07:00", "2026-01-12T17:00:00+07:00"
Happened = tuple[str, dict[str, Any]]


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


def on(day: int, **data: Any) -> dict[str, Any]:
    return {"time": f"2026-01-{day:02}T08:00:00+07:00", **data}


DISLIKED: Happened = ("rated", on(20, satisfied=False))
DONE: Happened = ("completed", on(9))
DONE_LATE: Happened = ("completed", on(13))
WITH_RESULT: Happened = ("completed", on(9, electronic_result=True))

DOSSIERS: list[tuple[dict[str, Any], list[Happened], str, str, str]] = [
    # What its reception tells, what happened then, and an indicator: on which side it stands, and what is said.
    ({"due_at": SOON}, [], "DOSSIER_ON_TIME", "numerator", "Đang giải quyết, còn trong hạn."),
    ({"due_at": None}, [], "DOSSIER_ON_TIME", "numerator", "Đang giải quyết, không có thời hạn."),
    ({"due_at": LONG_AGO}, [], "DOSSIER_ON_TIME", "missing", "Đang giải quyết, đã quá hạn."),
    ({"due_at": LONG_AGO}, [DONE], "DOSSIER_ON_TIME", "numerator", "Đã kết thúc trong hạn."),
    ({"due_at": LONG_AGO}, [DONE_LATE], "DOSSIER_ON_TIME", "missing", "Đã kết thúc, quá hạn."),
    ({"due_at": None}, [DONE], "DOSSIER_ON_TIME", "numerator", "Đã kết thúc trong hạn."),
    ({"due_at": LONG_AGO}, [DONE], "SETTLED_ON_TIME", "numerator", "Đã kết thúc trong hạn."),
    ({"due_at": LONG_AGO}, [DONE_LATE], "SETTLED_ON_TIME", "missing", "Đã kết thúc, quá hạn."),
    ({"due_at": SOON}, [], "SETTLED_ON_TIME", "not_counted", "Chưa kết thúc nên chưa tính."),
    ({"due_at": SOON}, [], "DOSSIER_RECEIVING_SATISFACTION", "numerator",
     "Đang giải quyết, còn trong hạn; không có đánh giá không hài lòng."),
    ({"due_at": SOON}, [DISLIKED], "DOSSIER_RECEIVING_SATISFACTION", "missing",
     "Đang giải quyết, còn trong hạn; có đánh giá không hài lòng."),
    ({"due_at": LONG_AGO}, [DONE_LATE], "DOSSIER_RECEIVING_SATISFACTION", "missing",
     "Đã kết thúc, quá hạn; không có đánh giá không hài lòng."),
    ({"due_at": LONG_AGO}, [DONE_LATE, DISLIKED], "DOSSIER_RECEIVING_SATISFACTION", "missing",
     "Đã kết thúc, quá hạn; có đánh giá không hài lòng."),
    ({}, [DONE], "RETURNED_BY_POST", "missing", "Chưa trả kết quả."),
    ({}, [DONE, ("returned", on(10, via="counter"))], "RETURNED_BY_POST", "missing", "Đã trả trực tiếp tại quầy."),
    ({}, [DONE, ("returned", on(10, via="online"))], "RETURNED_BY_POST", "missing", "Đã trả trực tuyến."),
    ({}, [DONE, ("returned", on(10, via="postal"))], "RETURNED_BY_POST", "numerator", "Đã trả qua bưu chính công ích."),
    ({}, [DONE, ("returned", on(10, via="postal"))], "RETURNED_ONLINE", "missing", "Đã trả qua bưu chính công ích."),
    ({}, [DONE], "SIGNED_RESULT", "missing", "Chưa có kết quả điện tử."),
    ({}, [WITH_RESULT], "SIGNED_RESULT", "missing", "Kết quả điện tử chưa được ký số."),
    ({}, [WITH_RESULT], "SO_HOA_GIAY_TO_GIAI_QUYET", "missing",
     "Đã có kết quả điện tử, chưa có thành phần hồ sơ nào được số hóa."),
    ({}, [("digitised", on(6, components=1))], "SO_HOA_GIAY_TO_GIAI_QUYET", "missing",
     "Chưa được tính là số hóa: cần thành phần hồ sơ đã số hóa và, khi thủ tục cấp giấy tờ, kết quả điện tử."),
    ({"channel": "counter", "procedure": "1.000001"}, [], "FULL_ONLINE_DOSSIERS", "missing", "Không nộp trực tuyến."),
    ({"procedure": "1.000002"}, [], "FULL_ONLINE_DOSSIERS", "missing",
     "Thủ tục không cung cấp dịch vụ công toàn trình."),
    ({"procedure": "1.000001"}, [], "FULL_ONLINE_DOSSIERS", "numerator",
     "Nộp trực tuyến, thủ tục cung cấp dịch vụ công toàn trình."),
]  # fmt: skip

ANSWERED: Happened = ("answered", on(7))
PETITIONS: list[tuple[str, list[Happened], str, str, str]] = [
    ("2026-11-20T08:00:00+07:00", [], "PETITION_PROCESSING_ON_TIME", "numerator", "Đang giải quyết, còn trong hạn."),
    ("2026-01-05T08:00:00+07:00", [], "PETITION_PROCESSING_ON_TIME", "missing", "Đang giải quyết, đã quá hạn."),
    ("2026-01-05T08:00:00+07:00", [ANSWERED], "PETITION_PROCESSING_ON_TIME", "numerator", "Đã kết thúc trong hạn."),
    ("2026-01-05T08:00:00+07:00", [("refused", on(9))], "PETITION_PROCESSING_ON_TIME", "missing",
     "Đã kết thúc, quá hạn."),
    ("2026-01-05T08:00:00+07:00", [ANSWERED, ("published", on(20))], "PETITION_PROCESSING_ON_TIME", "missing",
     "Đã trả lời trong hạn nhưng công khai quá hạn."),
    ("2026-01-05T08:00:00+07:00", [ANSWERED, DISLIKED], "PETITION_HANDLING_SATISFACTION", "missing",
     "Đã kết thúc trong hạn; có đánh giá không hài lòng."),
]  # fmt: skip


async def said(running: Running, subject: str, noun: str, code: str) -> tuple[str, str]:
    told = (await running.get(f"/v1/dossiers/{subject}")).json()[noun]
    [found] = [each for each in (told[0] if noun != "dossier" else told)["verdicts"] if each["indicator"] == code]
    return found["verdict"], found["reason"]


async def test_what_is_said_of_a_dossier_is_true_of_it(served: Running) -> None:
    full = [{"code": "1.000001", "full_eligible": True}, {"code": "1.000002", "full_eligible": True}]
    await served.put("/v1/procedures", full)
    events = []
    for n, (received, happened, *_) in enumerate(DOSSIERS):
        events.append(reception(served, f"D-{n}", **received))
        events += [served.event(f"dossier.{name}", f"D-{n}", **more) for name, more in happened]
    assert (await served.push(events))["rejected"] == 0
    for n, (_, _, code, *expected) in enumerate(DOSSIERS):
        assert await said(served, f"D-{n}", "dossier", code) == tuple(expected), DOSSIERS[n]


async def test_what_is_said_of_a_petition_is_true_of_it(served: Running) -> None:
    events = []
    for n, (time, happened, *_) in enumerate(PETITIONS):
        events.append(served.event("petition.received", f"P-{n}", time=time, about="staff"))
        events += [served.event(f"petition.{name}", f"P-{n}", **more) for name, more in happened]
    assert (await served.push(events))["rejected"] == 0
    for n, (_, _, code, *expected) in enumerate(PETITIONS):
        assert await said(served, f"P-{n}", "petitions", code) == tuple(expected), PETITIONS[n]


async def test_of_a_document_outside_an_indicator_the_very_reason_is_said(served: Running) -> None:
    for subject, electronic, tier in (("A", True, "commune"), ("B", False, "commune"), ("C", False, "agencies")):
        event = served.event("document.sent", subject, electronic=electronic, tier=tier)
        assert (await served.push([event]))["rejected"] == 0
    for subject, code, expected in (
        ("A", "SIGNED_DOCUMENT_AGENCIES", "Văn bản không thuộc cấp này."),
        ("B", "SIGNED_DOCUMENT_COMMUNE", "Không phải văn bản điện tử."),
        ("B", "E_DOCUMENT_AGENCIES", "Văn bản không thuộc cấp này."),
        ("C", "SIGNED_DOCUMENT", "Không phải văn bản điện tử."),
    ):
        assert await said(served, subject, "documents", code) == ("not_counted", expected)
