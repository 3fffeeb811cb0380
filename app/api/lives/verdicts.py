"""What a life counts in, on which side of each indicator it stands, and why: in a person's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from typing_extensions import TypedDict

from app.api.figures.view import IndicatorCode
from app.api.http.fields import answer, said
from app.domain.catalogues.indicators import Indicator
from app.store.read.life import Stand, Verdict

_IN_TIME: Final = ("Trong hạn tính đến nay.", "Quá hạn.")
_FLAG: Final = {
    "e_result": ("Có kết quả điện tử.", "Chưa có kết quả điện tử."),
    "digitised": ("Hồ sơ đã số hóa.", "Hồ sơ chưa số hóa."),
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
"""By measure: what is said of a life that is in it, and of one that is missing. Any that lives count for may be one
day the numerator of an indicator."""

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


@answer
class VerdictTold(TypedDict):
    """An indicator and the side it stands on."""

    indicator: IndicatorCode
    name: Annotated[str, said("Its name.", "Tỷ lệ hồ sơ đúng hạn")]
    verdict: Annotated[Stand, said("Where it stands now.", "numerator")]
    reason: Annotated[str, said("Why, in Vietnamese.", "Trong hạn tính đến nay.")]


def verdicts(found: list[Verdict], absence: str | None) -> list[VerdictTold]:
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


def _reason(indicator: Indicator, verdict: Stand, absence: str | None) -> str:
    yes, no = SAYS[indicator.numerator or ""]
    if verdict != "not_counted":
        return yes if verdict == "numerator" else no
    return absence or _OUTSIDE.get(indicator.denominator or "", "Chưa đến lúc được tính.")
