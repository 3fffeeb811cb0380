"""`GET /v1/dossiers/{subject}`: one life, and why it counts as it does, in a person's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from app.api.dossiers import on_time
from app.api.http.answers import figure_response, instant
from app.api.http.auth import Access, access_for, root_for
from app.api.http.parameters import only
from app.api.http.problems import Problem
from app.api.http.service import Service, service_of
from app.domain.calendar.civil import Day, Instant, clock_of, date_of
from app.domain.catalogues import indicators
from app.domain.catalogues.indicators import Indicator
from app.domain.lives.document import TIERS, DocumentFacts
from app.domain.lives.dossier import CHANNELS, RETURN_WAYS, DossierFacts
from app.domain.lives.explain import CAUSES, Deadline, Told
from app.domain.lives.flags import FAULTS, FLAGS
from app.domain.lives.petition import ABOUT, PetitionFacts
from app.domain.lives.publication import PublicationFacts
from app.store.read.life import Seen, Verdict, is_subject, reach_of, tell
from app.store.snapshot import reading_moment

router = APIRouter()

_DAYS: Final = ("decided_on", "effective_on", "published_on")
_INSTANTS: Final = ("due_at", "submitted_at")

_IN_TIME: Final = ("Trong hạn tính đến nay.", "Quá hạn.")
_FLAG: Final = {
    "e_result": ("Có kết quả điện tử.", "Chưa có kết quả điện tử."),
    "digitised": ("Hồ sơ đã số hóa.", "Hồ sơ chưa số hóa."),
    "reused": ("Có sử dụng lại dữ liệu đã số hóa.", "Chưa sử dụng lại dữ liệu đã số hóa."),
    "shared_store": ("Đã đưa vào kho dữ liệu.", "Chưa đưa vào kho dữ liệu."),
    "population_data": ("Có dùng dữ liệu dân cư.", "Chưa dùng dữ liệu dân cư."),
}
_ONLINE: Final = ("Nộp trực tuyến.", "Không nộp trực tuyến.")
_ELECTRONIC: Final = ("Gửi điện tử.", "Không gửi điện tử.")
_SIGNED: Final = ("Có ký số.", "Không ký số.")
SAYS: Final[Mapping[str, tuple[str, str]]] = {
    "on_time": _IN_TIME,
    "petitions_on_time": _IN_TIME,
    "active_satisfied": ("Trong hạn và không có đánh giá không hài lòng.", "Quá hạn hoặc có đánh giá không hài lòng."),
    "petitions_satisfied": (
        "Trong hạn và không có đánh giá không hài lòng.",
        "Quá hạn hoặc có đánh giá không hài lòng.",
    ),
    "petitions_about_regulation": ("Phản ánh về quy định hành chính.", "Không phải về quy định hành chính."),
    "petitions_about_staff": ("Phản ánh về cán bộ, công chức.", "Không phải về cán bộ, công chức."),
    **{f"active_{flag}": says for flag, says in _FLAG.items()},
    "received_synced": ("Đã đồng bộ lên Cổng quốc gia.", "Chưa đồng bộ lên Cổng quốc gia."),
    "received_online": _ONLINE,
    "full_online_received": (
        "Nộp trực tuyến, thủ tục cung cấp dịch vụ công toàn trình.",
        "Không nộp trực tuyến, hoặc thủ tục không cung cấp dịch vụ công toàn trình.",
    ),
    "essential_online": _ONLINE,
    "received_postal": ("Nộp qua bưu chính công ích.", "Không nộp qua bưu chính công ích."),
    "received_by_postal_clerk": ("Nhân viên bưu điện tiếp nhận.", "Không phải nhân viên bưu điện tiếp nhận."),
    "received_fee_paid_online": ("Đã thanh toán trực tuyến.", "Chưa thanh toán trực tuyến."),
    "ended_on_time": ("Kết thúc trong hạn.", "Kết thúc sau hạn."),
    "ended_signed_result": ("Kết quả điện tử có ký số.", "Kết quả không ký số."),
    "returned_postal": ("Đã trả qua bưu chính công ích.", "Không trả qua bưu chính công ích."),
    "returned_online": ("Đã trả trực tuyến.", "Không trả trực tuyến."),
    **{
        f"documents_{kind}{tier}": says
        for kind, says in (("electronic", _ELECTRONIC), ("signed", _SIGNED))
        for tier in ("", "_province", "_agencies", "_commune")
    },
}
"""By numerator: what is said of a life that is in it, and of one that is missing."""

_OUTSIDE: Final[Mapping[str, str]] = {
    "ended": "Chưa kết thúc nên chưa tính.",
    "received_fee": "Không có phí, lệ phí.",
    "full_eligible_received": "Thủ tục không thuộc diện cung cấp dịch vụ công toàn trình.",
    "essential_received": "Thủ tục không thuộc nhóm dịch vụ công thiết yếu.",
    **{f"documents_electronic{tier}": "Không phải văn bản điện tử, hoặc thuộc cấp khác."
       for tier in ("", "_province", "_agencies", "_commune")},
    **{f"documents{tier}": "Văn bản không thuộc cấp này." for tier in ("_province", "_agencies", "_commune")},
}  # fmt: skip
"""By denominator: why a life that counts at all is not in it."""


@router.get("/v1/dossiers/{subject:path}", summary="One life explained", tags=["figures"])
async def one_life(
    subject: str,
    request: Request,
    access: Annotated[Access, Depends(access_for("read"))],
    service: Annotated[Service, Depends(service_of)],
) -> Response:
    """All that is known under one code, and why: facts, deadline, verdicts, and of every event whether it counted.

    `unit` names the root where a key does not. What the key does not reach is not there: 404, not 403.
    """
    query = only(request, ("unit",))
    seen = None
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, query.get("unit"))
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
        if "unit" in query:
            access.find_unit(moment.catalogues, query["unit"])
        if is_subject(subject):
            seen = await tell(connection, moment, subject, reach_of(moment.catalogues, access.unit))
    if seen is None:
        raise Problem("unknown_subject", "nothing is known of this subject here")
    body: dict[str, Any] = {
        "subject": subject,
        "catalogue": {"version": indicators.load().version, "hash": moment.catalogues.digest},
        "refolding": moment.refolding,
        **_parts(seen, moment.now),
        "events": [event(each) for each in seen.events],
    }
    return figure_response(request, body, {"as_of": instant(moment.now, micros=True)})


def _parts(seen: Seen, now: int) -> dict[str, Any]:
    """The dossier, petitions, documents and the procedure of a subject."""
    facts = seen.facts
    one = facts.dossier
    return {
        "dossier": None if one is None else dossier(one, seen, now),
        "petitions": [petition(each, seen, now) for each in facts.petitions],
        "documents": [document(each, seen, now) for each in facts.documents],
        "procedure": None if facts.publication is None else procedure(facts.publication),
    }


def dossier(facts: DossierFacts, seen: Seen, now: int) -> dict[str, Any]:
    """A dossier's facts, how its deadline came about, and what it counts in."""
    return {
        "unit": facts.unit,
        "receiving_unit": facts.receiving_unit,
        "procedure": facts.procedure,
        "channel": None if facts.received_at is None else CHANNELS[facts.channel],
        "received_at": at(facts.received_at),
        "due_at": at(facts.due_at),
        "deadline": at(facts.deadline),
        "ended_at": at(facts.ended_at),
        "on_time": on_time(facts.ended_at, facts.deadline, False, now) if facts.counts else None,
        "returned_at": at(facts.returned_at),
        "returned_via": None if facts.returned_via is None else RETURN_WAYS[facts.returned_via],
        "voided": facts.voided,
        "flags": [name for name, bit in FLAGS.items() if facts.flags & bit],
        "faults": [name for name, bit in FAULTS.items() if facts.faults & bit],
        "reckoning": None if seen.deadline is None else reckoning(seen.deadline, facts),
        "verdicts": verdicts(seen.verdicts.get(("life", facts.unit), []), _absence(facts, now)),
    }


def petition(facts: PetitionFacts, seen: Seen, now: int) -> dict[str, Any]:
    """A petition's facts and what it counts in."""
    return {
        "unit": facts.unit,
        "about": ABOUT[facts.about],
        "received_at": at(facts.received_at),
        "deadline": at(facts.deadline),
        "ended_at": at(facts.ended_at),
        "on_time": on_time(facts.ended_at, facts.deadline, facts.late_published, now) if facts.counts else None,
        "late_published": facts.late_published,
        "disliked": facts.disliked,
        "voided": facts.voided,
        "verdicts": verdicts(seen.verdicts.get(("petition", facts.unit), []), _absence(facts, now)),
    }


def document(facts: DocumentFacts, seen: Seen, now: int) -> dict[str, Any]:
    """A document's facts and what it counts in."""
    absence = None if facts.sent_at < now else "Thời điểm gửi chưa đến."
    return {
        "unit": facts.unit,
        "sent_at": at(facts.sent_at),
        "electronic": facts.electronic,
        "signed": facts.signed,
        "tier": TIERS[facts.tier] if facts.tier else None,
        "verdicts": verdicts(seen.verdicts.get(("document", facts.unit), []), absence),
    }


def procedure(facts: PublicationFacts) -> dict[str, Any]:
    """What was decided and published of a procedure."""
    return {
        "announced": [{name: day(value) for name, value in each._asdict().items()} for each in facts.announced],
        "published": [
            {"decided_on": day(each.decided_on), "published_on": day(each.published_on), "complete": each.complete}
            for each in facts.published
        ],
    }


def _absence(facts: DossierFacts | PetitionFacts, now: int) -> str | None:
    """Why a life is in no indicator at all, None where it may be in some."""
    if facts.received_at is None:
        return CAUSES["no_reception"]
    if facts.voided:
        return "Đã hủy nên không tính vào chỉ số nào."
    return "Thời điểm tiếp nhận chưa đến." if facts.received_at >= now else None


def verdicts(found: list[Verdict], absence: str | None) -> list[dict[str, Any]]:
    """On which side of each indicator a life stands, and why."""
    return [
        {
            "indicator": indicator.code,
            "name": indicator.name,
            "verdict": verdict,
            "reason": _reason(indicator, verdict, absence),
        }
        for indicator, verdict in found
    ]


def _reason(indicator: Indicator, verdict: str, absence: str | None) -> str:
    yes, no = SAYS[indicator.numerator or ""]
    if verdict != "not_counted":
        return yes if verdict == "numerator" else no
    return absence or _OUTSIDE.get(indicator.denominator or "", "Chưa đến lúc được tính.")


def reckoning(deadline: Deadline, facts: DossierFacts) -> dict[str, Any]:
    """How a deadline came about: due times, pauses, working days; and the same in sentences."""
    stood = sum((pause.until or pause.start) - pause.start for pause in deadline.pauses if pause.counts)
    return {
        "basis": "due" if facts.due_at is not None else "legal" if deadline.legal is not None else "none",
        "due_history": [
            {"due_at": at(due), "given_at": at(by.time), "type": by.what.type, "source": by.source, "id": by.id}
            for by, due in deadline.dues
        ],
        "working_days": deadline.legal_days,
        "legal_end": at(deadline.legal),
        "pauses": [
            {
                "from": at(pause.start),
                "to": at(pause.until),
                "seconds": None if pause.until is None else (pause.until - pause.start) / 1_000_000,
                "counts": pause.counts,
                "reason": None if pause.cause is None else CAUSES[pause.cause],
            }
            for pause in deadline.pauses
        ],
        "paused_seconds": stood / 1_000_000,
        "explanation": " ".join(_sentences(deadline, facts, stood)),
    }


def _sentences(deadline: Deadline, facts: DossierFacts, stood: int) -> list[str]:
    said = []
    if facts.due_at is not None:
        moved = len({due for _, due in deadline.dues}) - 1
        said.append(f"Hẹn trả {spoken(facts.due_at)}{f', đã đổi {moved} lần' if moved else ''}.")
    elif deadline.legal is not None:
        said.append(
            f"Không có hẹn trả; thời hạn của thủ tục là {deadline.legal_days} ngày làm việc sau ngày tiếp nhận, "
            f"đến hết {spoken(deadline.legal)}."
        )
    else:
        said.append("Không có hẹn trả và thủ tục không có thời hạn, nên không bao giờ quá hạn.")
    if stood:
        count = sum(pause.counts for pause in deadline.pauses)
        said.append(f"Tạm dừng {count} lần chờ bổ sung, tổng cộng {_length(stood)}.")
    if deadline.second_request is not None:
        said.append("Hồ sơ bị yêu cầu bổ sung lần thứ hai mà chưa trả lời, nên hạn là lúc yêu cầu lần hai.")
    if facts.faults & FAULTS["deadline_before_reception"]:
        said.append("Hạn tính ra sớm hơn lúc tiếp nhận, nên lấy lúc tiếp nhận.")
    if facts.deadline is not None:
        said.append(f"Hạn giải quyết: {spoken(facts.deadline)}.")
    return said


def event(told: Told) -> dict[str, Any]:
    """An event, whether it had an effect, and if not why."""
    one = told.event
    other = None if told.other is None else {"source": told.other.source, "id": told.other.id}
    fields = {name: getattr(one.what, name) for name in one.what.__struct_fields__}
    return {
        "type": one.what.type,
        "time": at(one.time),
        "source": one.source,
        "id": one.id,
        "unit": one.unit,
        "sequence": one.sequence or None,
        "data": {name: _datum(name, value) for name, value in fields.items() if value is not None},
        "effect": told.effect,
        "cause": told.cause,
        "reason": told.reason,
        "undoes": other if told.effect else None,
        "undone_by": other if told.cause == "retracted" else None,
    }


def _datum(name: str, value: Any) -> Any:
    return at(value) if name in _INSTANTS else day(value) if name in _DAYS else value


def at(moment: int | None) -> str | None:
    """An instant as clients read it."""
    return None if moment is None else instant(Instant(moment))


def day(number: int) -> str:
    """A civil date as clients read it."""
    return date_of(Day(number)).isoformat()


def spoken(moment: int) -> str:
    """An instant as people say it: hours and minutes, then the date."""
    return f"{clock_of(moment):%H:%M %d/%m/%Y}"


def _length(micros: int) -> str:
    minutes = micros // 60_000_000
    parts = ((minutes // 1440, "ngày"), (minutes // 60 % 24, "giờ"), (minutes % 60, "phút"))
    return " ".join(f"{count} {name}" for count, name in parts if count) or "chưa đến một phút"
