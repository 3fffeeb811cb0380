"""What would gain points: how many more of what an indicator's numerator counts, exactly by the rule that scores it.

Points are half-up cents of min(max, max × n/d ÷ full_at); so how many more are needed for a number of cents is the
rounding solved for n, in integers. The denominator stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from app.domain.catalogues.indicators import Indicator
from app.domain.figures import scoring
from app.domain.figures.scoring import ScoredIndicator

_CENTS: Final = 100


@dataclass(frozen=True, slots=True)
class Step:
    """So many more in the numerator, and the points they bring."""

    needed: int
    gain: Decimal


@dataclass(frozen=True, slots=True)
class Advice:
    """One indicator's way to its maximum.

    Attributes:
        gain: points to the maximum; None without a score.
        needed: more in the numerator until the maximum; None where no number of them does it.
        next: the cheapest step that brings any points.
        of: the denominator.
        action: what to do, in Vietnamese.
    """

    indicator: Indicator
    gain: Decimal | None
    needed: int | None
    next: Step | None
    of: int | None
    action: str


def advise(figures: Iterable[ScoredIndicator]) -> list[Advice]:
    """Advice on scored indicators: most points first, then the cheapest; those without data last."""
    return sorted((_advice(each) for each in figures if each.indicator.max is not None), key=_order)


def _order(advice: Advice) -> tuple[bool, Decimal, bool, int]:
    return advice.gain is None, -(advice.gain or Decimal(0)), advice.needed is None, advice.needed or 0


def _advice(figure: ScoredIndicator) -> Advice:
    indicator, score, n, d = figure.indicator, figure.score, figure.numerator, figure.denominator
    assert indicator.max is not None
    what = _WHAT.get(indicator.code, f"{_OF[indicator.counts]} đạt chỉ số “{indicator.name}”")
    if score is None:
        return Advice(indicator, None, None, None, d, "Chưa có dữ liệu để tính điểm.")
    gain = scoring.half_up(Fraction(indicator.max) - Fraction(score))
    if not gain:
        return Advice(indicator, gain, 0, None, d, "Đã đạt điểm tối đa.")
    if n is None or not d:
        return Advice(indicator, gain, None, None, d, f"Chưa có gì để tính; cần {what}.")
    least = needed(indicator, n, d, _CENTS * indicator.max)
    following = _next(indicator, n, d, score)
    action = "Không thể đạt điểm tối đa với mẫu số hiện tại."
    if least is not None:
        action = f"Thêm {_number(least)} {what}."
    return Advice(indicator, gain, least, following, d, action)


def needed(indicator: Indicator, n: int, d: int, cents: int) -> int | None:
    """How many more in the numerator until the points reach `cents`, d > 0; None where even all of d do not."""
    assert indicator.max is not None
    assert indicator.full_at is not None
    # 100 × points ≥ cents - 1/2, points = max × 100 n/d ÷ full_at: the least such n.
    share = Fraction((2 * cents - 1) * d * indicator.full_at, 200 * 100 * indicator.max)
    least = -(-share.numerator // share.denominator)
    return max(0, least - n) if least <= max(n, d) else None


def _next(indicator: Indicator, n: int, d: int, score: Decimal) -> Step | None:
    more = needed(indicator, n, d, int(score * _CENTS) + 1)
    if more is None:
        return None
    after = scoring.points(n + more, d, indicator)
    assert after is not None
    return Step(more, scoring.half_up(Fraction(after) - Fraction(score)))


def _number(count: int) -> str:
    return f"{count:,}".replace(",", ".")


_OF: Final = {
    "dossiers": "hồ sơ",
    "procedures": "thủ tục",
    "petitions": "phản ánh, kiến nghị",
    "communes": "xã, phường",
    "documents": "văn bản",
    "publications": "thủ tục",
}
_WHAT: Final = {
    "PUBLISH_ON_TIME": "thủ tục công bố đúng hạn",
    "PUBLIC_UPDATE_ON_TIME": "thủ tục cập nhật, công khai đúng hạn",
    "PUBLIC_CONTENT_FULL": "thủ tục công khai đầy đủ nội dung",
    "DOSSIER_SYNC": "hồ sơ đồng bộ lên Cổng Dịch vụ công quốc gia",
    "DOSSIER_ON_TIME": "hồ sơ xử lý đúng hạn",
    "ONLINE_PROVISION": "thủ tục cung cấp dịch vụ công trực tuyến",
    "ONLINE_WITH_DOSSIERS": "thủ tục trực tuyến có hồ sơ nộp trực tuyến",
    "ONLINE_DOSSIERS": "hồ sơ nộp trực tuyến",
    "ORIGINAL_RESULT_AVAILABLE": "hồ sơ có kết quả điện tử",
    "SO_HOA_GIAY_TO_GIAI_QUYET": "hồ sơ được số hóa",
    "REUSED_DIGITIZED_DATA": "hồ sơ sử dụng lại dữ liệu đã số hóa",
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": "hồ sơ dùng giấy tờ từ kho dữ liệu",
    "CITIZEN_DATA_CONNECTED_DOSSIER": "hồ sơ khai thác dữ liệu dân cư",
    "CITIZEN_DATA_CONNECTED_FORMALITY": "thủ tục có hồ sơ khai thác dữ liệu dân cư",
    "PAYMENT_DOSSIERS": "hồ sơ thanh toán trực tuyến",
    "PAYMENT_PROCEDURES": "thủ tục có hồ sơ thanh toán trực tuyến",
    "PAYMENT_INTEGRATED": "thủ tục tích hợp thanh toán trên Cổng Dịch vụ công quốc gia",
    "PETITION_PROCESSING_ON_TIME": "phản ánh, kiến nghị xử lý đúng hạn",
    "PETITION_HANDLING_SATISFACTION": "phản ánh, kiến nghị xử lý đúng hạn và không bị chê",
    "DOSSIER_RECEIVING_SATISFACTION": "hồ sơ đúng hạn và không bị đánh giá không hài lòng",
}
