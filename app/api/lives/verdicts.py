"""What a life counts in, on which side of each indicator it stands, and why: in a person's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from typing_extensions import TypedDict

from app.api.figures.view import IndicatorCode
from app.api.http.fields import answer, said
from app.domain.catalogues.indicators import Indicator
from app.domain.lives.document import DocumentFacts
from app.domain.lives.dossier import CHANNELS, RETURN_WAYS, DossierFacts
from app.domain.lives.flags import DISLIKED, E_RESULT
from app.domain.lives.petition import PetitionFacts
from app.store.read.life import Stand, Verdict

Facts = DossierFacts | PetitionFacts | DocumentFacts
"""What is known of a life."""

_FLAG: Final = {
    "e_result": ("Có kết quả điện tử.", "Chưa có kết quả điện tử."),
    "digitised": (
        "Hồ sơ đã số hóa.",
        "Chưa được tính là số hóa: cần thành phần hồ sơ đã số hóa và, khi thủ tục cấp giấy tờ, kết quả điện tử.",
    ),
    "reused": ("Có sử dụng lại dữ liệu đã số hóa.", "Chưa sử dụng lại dữ liệu đã số hóa."),
    "shared_store": ("Có dùng giấy tờ từ kho dữ liệu.", "Chưa dùng giấy tờ từ kho dữ liệu."),
    "population_data": ("Có dùng dữ liệu dân cư.", "Chưa dùng dữ liệu dân cư."),
}
_ONLINE: Final = ("Nộp trực tuyến.", "Không nộp trực tuyến.")
_ELECTRONIC: Final = ("Gửi điện tử.", "Không gửi điện tử.")
_SIGNED: Final = ("Có ký số.", "Không ký số.")
_OPEN: Final = ("Có giải quyết trong kỳ.", "Không giải quyết trong kỳ.")
_RECEIVED: Final = ("Đã tiếp nhận trong kỳ.", "Không tiếp nhận trong kỳ.")
_OF_TIER: Final = ("Văn bản thuộc cấp này.", "Văn bản không thuộc cấp này.")
SAYS: Final[Mapping[str, tuple[str, str]]] = {
    "active": _OPEN,
    "petitions_active": _OPEN,
    "received": _RECEIVED,
    "synced_base": _RECEIVED,
    "received_fee": ("Có phí, lệ phí.", "Không có phí, lệ phí."),
    "full_eligible_received": (
        "Thủ tục thuộc diện cung cấp dịch vụ công toàn trình.",
        "Thủ tục không thuộc diện cung cấp dịch vụ công toàn trình.",
    ),
    "essential_received": (
        "Thủ tục thuộc nhóm dịch vụ công thiết yếu.",
        "Thủ tục không thuộc nhóm dịch vụ công thiết yếu.",
    ),
    "ended": ("Đã kết thúc.", "Chưa kết thúc."),
    "documents": ("Đã gửi trong kỳ.", "Không gửi trong kỳ."),
    **{f"documents_{tier}": _OF_TIER for tier in ("province", "agencies", "commune")},
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
    "ended_signed_result": ("Kết quả điện tử có ký số.", "Kết quả điện tử chưa được ký số."),
    "returned_postal": ("Đã trả qua bưu chính công ích.", "Không trả qua bưu chính công ích."),
    "returned_online": ("Đã trả trực tuyến.", "Không trả trực tuyến."),
    **{
        f"documents_{kind}{tier}": says
        for kind, says in (("electronic", _ELECTRONIC), ("signed", _SIGNED))
        for tier in ("", "_province", "_agencies", "_commune")
    },
}
"""By measure: what is said of a life that is in it, and of one that is missing. Any that lives count for may be one day
the numerator of an indicator; those of BY_FACTS say more."""

BY_FACTS: Final = ("on_time", "ended_on_time", "petitions_on_time", "active_satisfied", "petitions_satisfied")
"""Measures of which is said what the facts are: open or ended, in time or not, disliked or not."""

_RETURNED: Final = {
    "counter": "Đã trả trực tiếp tại quầy.",
    "postal": "Đã trả qua bưu chính công ích.",
    "online": "Đã trả trực tuyến.",
}

_OUTSIDE: Final[Mapping[str, str]] = {
    "ended": "Chưa kết thúc nên chưa tính.",
    "received_fee": "Không có phí, lệ phí.",
    "full_eligible_received": "Thủ tục không thuộc diện cung cấp dịch vụ công toàn trình.",
    "essential_received": "Thủ tục không thuộc nhóm dịch vụ công thiết yếu.",
    **{f"documents{kind}{tier}": _OF_TIER[1] for kind in ("", "_electronic")
       for tier in ("_province", "_agencies", "_commune")},
}  # fmt: skip
"""By denominator: why a life that counts at all is not in it."""


@answer
class VerdictTold(TypedDict):
    """An indicator and the side it stands on."""

    indicator: IndicatorCode
    name: Annotated[str, said("Its name.", "Tỷ lệ hồ sơ đúng hạn")]
    verdict: Annotated[Stand, said("Where it stands now.", "numerator")]
    reason: Annotated[str, said("Why, in Vietnamese.", "Đang giải quyết, còn trong hạn.")]


def verdicts(found: list[Verdict], absence: str | None, facts: Facts, now: int) -> list[VerdictTold]:
    """On which side of each indicator a life stands now, and why; `absence`: why in none at all."""
    return [
        {
            "indicator": indicator.code,
            "name": indicator.name,
            "verdict": verdict,
            "reason": absence or _reason(indicator, verdict, facts, now),
        }
        for indicator, verdict in found
    ]


def _reason(indicator: Indicator, verdict: Stand, facts: Facts, now: int) -> str:
    measure, whole = indicator.numerator or "", indicator.denominator or ""
    if verdict == "not_counted":
        if isinstance(facts, DocumentFacts) and whole.startswith("documents_electronic") and not facts.electronic:
            return "Không phải văn bản điện tử."
        return _OUTSIDE.get(whole, "Chưa đến lúc được tính.")
    if measure in BY_FACTS and not isinstance(facts, DocumentFacts):
        state = _on_time(facts, now)
        if measure.endswith("on_time"):
            return f"{state}."
        return f"{state}; {'có' if _is_disliked(facts) else 'không có'} đánh giá không hài lòng."
    if verdict == "numerator":
        return SAYS[measure][0]
    nearer = _missing(measure, facts, now) if isinstance(facts, DossierFacts) else None
    return nearer or SAYS[measure][1]


def _on_time(facts: DossierFacts | PetitionFacts, now: int) -> str:
    """Whether it ended in time, or is still open in time."""
    if facts.ended_at is None or facts.ended_at >= now:
        if facts.deadline is None:
            return "Đang giải quyết, không có thời hạn"
        return "Đang giải quyết, còn trong hạn" if facts.deadline >= now else "Đang giải quyết, đã quá hạn"
    if facts.deadline is not None and facts.ended_at > facts.deadline:
        return "Đã kết thúc, quá hạn"
    if isinstance(facts, PetitionFacts) and facts.late_published:
        return "Đã trả lời trong hạn nhưng công khai quá hạn"
    return "Đã kết thúc trong hạn"


def _is_disliked(facts: DossierFacts | PetitionFacts) -> bool:
    return facts.disliked if isinstance(facts, PetitionFacts) else bool(facts.flags & DISLIKED)


def _missing(measure: str, facts: DossierFacts, now: int) -> str | None:
    """What a dossier is missing, as near as its facts tell; None where the words of the measure do."""
    if measure.startswith("returned_"):
        if facts.returned_via is None or facts.returned_at is None or facts.returned_at >= now:
            return "Chưa trả kết quả."
        return _RETURNED[RETURN_WAYS[facts.returned_via]]
    if measure == "full_online_received":
        online = CHANNELS[facts.channel] == "online"
        return "Thủ tục không cung cấp dịch vụ công toàn trình." if online else _ONLINE[1]
    if measure == "active_digitised" and facts.flags & E_RESULT:
        return "Đã có kết quả điện tử, chưa có thành phần hồ sơ nào được số hóa."
    if measure == "ended_signed_result" and not facts.flags & E_RESULT:
        return "Chưa có kết quả điện tử."
    return None
