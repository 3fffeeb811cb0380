"""Advice is exact for every count: all are tried."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domain.catalogues import indicators
from app.domain.figures import advice, scoring
from app.domain.figures.advice import Prospect
from app.domain.figures.scoring import ScoredIndicator

KNOWN = indicators.load()
SCORED = [each for group in KNOWN.groups for each in group.indicators if each.kind == "ratio"]
MENDED = [each.code for each in SCORED if each.mend is not None]
ZERO = Decimal(0)
JOINED = [each.code for each in SCORED if each.new is not None]


def figure(code: str, n: int | None, d: int | None) -> ScoredIndicator:
    each = KNOWN.indicator(code)
    score = None if n is None or d is None else scoring.points(n, d, each)
    return ScoredIndicator(each, n, d, None, score)


def advised(
    code: str, n: int | None, d: int | None, recoverable: int = 0, at_risk: int = 0, is_open: bool = True
) -> advice.Advice:
    [found] = advice.advise([(figure(code, n, d), Prospect(recoverable, at_risk))], is_open)
    return found


def points(code: str, n: int, d: int) -> Decimal:
    found = scoring.points(n, d, KNOWN.indicator(code))
    assert found is not None
    return found


def tried(scores: list[Decimal]) -> tuple[tuple[int, Decimal], tuple[int, Decimal]] | None:
    """The least numbers that bring all the points of the last score, and any; None where there are none."""
    if scores[-1] == scores[0]:
        return None
    whole = next(n for n, each in enumerate(scores) if each == scores[-1])
    first = next(n for n, each in enumerate(scores) if each > scores[0])
    return (whole, scores[whole] - scores[0]), (first, scores[first] - scores[0])


@pytest.mark.parametrize("code", MENDED)
def test_mended_are_the_least_numbers_that_trying_them_all_finds(code: str) -> None:
    for d in (1, 2, 3, 7, 19, 64, 127, 1000):
        for n in range(0, d + 1, max(1, d // 20)):
            for most in sorted({0, 1, (d - n) // 3, d - n}):
                if most > d - n:
                    continue
                found = advised(code, n, d, most, is_open=False)
                expected = tried([points(code, n + more, d) for more in range(most + 1)])
                assert found.lost == d - n - most
                if expected is None:
                    assert (found.gain, found.way, found.next) == (ZERO, None, None)
                    continue
                (needed, gain), (first, step) = expected
                assert (found.way, found.needed, found.gain) == ("mend", needed, gain)
                assert found.next == advice.Step(first, step)


@pytest.mark.parametrize("code", JOINED)
def test_new_ones_join_the_denominator_and_are_no_more_than_there_are(code: str) -> None:
    for d in (1, 2, 3, 7, 19, 64, 127, 1000):
        for n in range(0, d + 1, max(1, d // 20)):
            found = advised(code, n, d)
            expected = tried([points(code, n + more, d + more) for more in range(d + 1)])
            assert found.lost == d - n
            if expected is None:
                assert (found.gain, found.way, found.next) == (ZERO, None, None)
                continue
            (needed, gain), (first, step) = expected
            assert (found.way, found.needed, found.gain) == ("new", needed, gain)
            assert found.next == advice.Step(first, step)
            closed = advised(code, n, d, is_open=False)
            assert (closed.way, closed.needed, closed.gain, closed.next) == (None, None, ZERO, None)


def test_thirty_seven_online_dossiers_and_not_nineteen() -> None:
    found = advised("ONLINE_DOSSIERS", 0, 37)
    assert (found.way, found.needed, found.gain, found.lost) == ("new", 37, Decimal(6), 37)
    assert found.action == (
        "Số còn thiếu (37 hồ sơ không lấy lại được nữa) chỉ bù được bằng cái mới: tiếp nhận 37 hồ sơ mới nộp trực "
        "tuyến để thêm 6,00 điểm (mẫu số tăng từ 37 lên 74)."
    )


def test_the_sentence_says_which_way_it_is_and_what_is_at_risk() -> None:
    assert advised("ORIGINAL_RESULT_AVAILABLE", 0, 1000, 1000).action == (
        "Cấp kết quả điện tử cho 1.000 hồ sơ đang có để thêm 6,00 điểm (mẫu số giữ nguyên 1.000)."
    )
    assert advised("PAYMENT_DOSSIERS", 5, 10, 1, 1).action == (
        "Thu phí, lệ phí trực tuyến của 1 hồ sơ đang giải quyết để thêm 0,60 điểm (mẫu số giữ nguyên 10). Còn 4 hồ sơ "
        "không lấy lại được nữa. Sắp mất 1 hồ sơ: còn mở, đến hạn trong 3 ngày làm việc tới."
    )
    assert advised("DOSSIER_ON_TIME", 4, 4, at_risk=2).action == (
        "Đã đạt điểm tối đa. Sắp mất 2 hồ sơ: còn mở, đến hạn trong 3 ngày làm việc tới."
    )
    assert advised("DOSSIER_ON_TIME", 3, 4, is_open=False).action == ("Kỳ đã kết thúc: 1 hồ sơ không lấy lại được nữa.")
    [below] = advice.advise([(figure("PUBLISH_ON_TIME", 0, 89), Prospect())], False, "UBND tỉnh Phú Thọ")
    assert below.action == "Số chung của UBND tỉnh Phú Thọ. Kỳ đã kết thúc: 89 thủ tục không lấy lại được nữa."
    assert (below.gain, below.needed, below.lost) == (ZERO, None, 89)


def test_what_has_no_data_or_nothing_to_count_is_told_so() -> None:
    empty = advised("SO_HOA_GIAY_TO_GIAI_QUYET", 0, 0)
    assert (empty.gain, empty.needed, empty.next, empty.action) == (None, None, None, "Chưa có dữ liệu để tính điểm.")
    nothing = advised("DOSSIER_ON_TIME", 0, 0)
    assert (nothing.gain, nothing.needed, nothing.way) == (Decimal(20), 1, "new")
    assert nothing.action == (
        "Chỉ thêm điểm được bằng cái mới: xử lý đúng hạn 1 hồ sơ mới để thêm 20,00 điểm (mẫu số tăng từ 0 lên 1)."
    )
    without = advised("ONLINE_WITH_DOSSIERS", 0, 0)
    assert (without.gain, without.needed, without.way, without.action) == (ZERO, None, None, "Chưa có gì để tính.")
    full = advised("PETITION_PROCESSING_ON_TIME", 0, 0)
    assert (full.gain, full.needed, full.next, full.action) == (Decimal(0), 0, None, "Đã đạt điểm tối đa.")
    copies = scoring.score_indicator(KNOWN.indicator("ELECTRONIC_CERTIFIED_COPY"), {})
    [constant] = advice.advise([(copies, Prospect())], True)
    assert (constant.gain, constant.needed, constant.of, constant.lost) == (Decimal(0), 0, None, 0)


def test_most_points_come_first_then_what_is_at_hand_then_the_cheapest_and_what_has_no_data_last() -> None:
    found = advice.advise(
        [
            (figure("SO_HOA_GIAY_TO_GIAI_QUYET", 0, 0), Prospect()),
            (figure("ONLINE_DOSSIERS", 0, 5), Prospect()),
            (figure("ORIGINAL_RESULT_AVAILABLE", 0, 1000), Prospect(1000)),
            (figure("DOSSIER_SYNC", 0, 10), Prospect(10)),
            (figure("DOSSIER_ON_TIME", 9, 10), Prospect()),
            (figure("PAYMENT_DOSSIERS", 5, 10), Prospect(1)),
            (figure("PETITION_PROCESSING_ON_TIME", 2, 2), Prospect()),
        ],
        True,
    )
    assert [(each.indicator.code, each.gain, each.needed, each.way) for each in found] == [
        ("DOSSIER_SYNC", Decimal(6), 10, "mend"),
        ("ORIGINAL_RESULT_AVAILABLE", Decimal(6), 1000, "mend"),
        ("ONLINE_DOSSIERS", Decimal(6), 5, "new"),
        ("DOSSIER_ON_TIME", Decimal(1), 10, "new"),
        ("PAYMENT_DOSSIERS", Decimal("0.6"), 1, "mend"),
        ("PETITION_PROCESSING_ON_TIME", Decimal(0), 0, None),
        ("SO_HOA_GIAY_TO_GIAI_QUYET", None, None, None),
    ]
    # 6 + 6 + 0.6: new ones are not at hand.
    assert advice.recoverable(found) == Decimal("12.60")


def test_every_scored_indicator_has_words_of_its_own() -> None:
    words = [text for each in SCORED for text in (each.mend, each.new) if text is not None]
    assert len(set(words)) == len(words)
    assert all(each.mend or each.new for each in SCORED)
