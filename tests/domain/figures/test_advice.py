"""Advice is exact for every count: all are tried."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domain.catalogues import indicators
from app.domain.figures import advice, scoring
from app.domain.figures.scoring import ScoredIndicator

SCORED = [each for group in indicators.load().groups for each in group.indicators if each.kind == "ratio"]


def advised(each: indicators.Indicator, n: int | None, d: int | None) -> advice.Advice:
    score = None if n is None or d is None else scoring.points(n, d, each)
    [found] = advice.advise([ScoredIndicator(each, n, d, None, score)])
    return found


@pytest.mark.parametrize("code", [each.code for each in SCORED])
def test_needed_and_next_are_the_least_numbers_that_trying_them_all_finds(code: str) -> None:
    each = indicators.load().indicator(code)
    assert each.max is not None
    for d in (1, 2, 3, 7, 19, 64, 127, 1000, 2999):
        scores = [scoring.points(n, d, each) for n in range(d + 1)]
        for n in range(0, d + 1, max(1, d // 40)):
            found = advised(each, n, d)
            here = scores[n]
            assert here is not None
            assert found.gain == each.max - here
            full = next(more for more in range(d + 1) if scores[n + more] == each.max)
            assert found.needed == full
            better = [(more, scores[n + more]) for more in range(d - n + 1) if scores[n + more] > here]  # type: ignore[operator]
            if not better:
                assert found.next is None
                assert found.gain == 0
                continue
            more, after = better[0]
            assert after is not None
            assert found.next == advice.Step(more, after - here)


def test_what_has_no_data_or_nothing_to_count_is_told_so() -> None:
    known = indicators.load()
    on_time, digitised = known.indicator("DOSSIER_ON_TIME"), known.indicator("SO_HOA_GIAY_TO_GIAI_QUYET")
    petitions, copies = known.indicator("PETITION_PROCESSING_ON_TIME"), known.indicator("ELECTRONIC_CERTIFIED_COPY")
    empty = advised(digitised, 0, 0)
    assert (empty.gain, empty.needed, empty.next, empty.action) == (None, None, None, "Chưa có dữ liệu để tính điểm.")
    nothing = advised(on_time, 0, 0)
    assert (nothing.gain, nothing.needed, nothing.next) == (Decimal(20), None, None)
    full = advised(petitions, 0, 0)
    assert (full.gain, full.needed, full.next, full.action) == (Decimal(0), 0, None, "Đã đạt điểm tối đa.")
    [constant] = advice.advise([scoring.score_indicator(copies, {})])
    assert (constant.gain, constant.needed, constant.of) == (Decimal(0), 0, None)


def test_most_points_come_first_then_the_cheapest_and_what_has_no_data_last() -> None:
    known = indicators.load()

    def figure(code: str, n: int, d: int) -> ScoredIndicator:
        each = known.indicator(code)
        return ScoredIndicator(each, n, d, None, scoring.points(n, d, each))

    found = advice.advise(
        [
            figure("SO_HOA_GIAY_TO_GIAI_QUYET", 0, 0),
            figure("ORIGINAL_RESULT_AVAILABLE", 0, 1000),
            figure("PAYMENT_DOSSIERS", 0, 0),
            figure("DOSSIER_SYNC", 0, 10),
            figure("DOSSIER_ON_TIME", 9, 10),
            figure("ONLINE_DOSSIERS", 1, 2),
        ]
    )
    assert [(each.indicator.code, each.gain, each.needed) for each in found] == [
        ("DOSSIER_SYNC", Decimal(6), 10),
        ("ORIGINAL_RESULT_AVAILABLE", Decimal(6), 1000),
        ("PAYMENT_DOSSIERS", Decimal(6), None),
        ("DOSSIER_ON_TIME", Decimal(2), 1),
        ("ONLINE_DOSSIERS", Decimal(0), 0),
        ("SO_HOA_GIAY_TO_GIAI_QUYET", None, None),
    ]
    assert found[1].action == "Thêm 1.000 hồ sơ có kết quả điện tử."


def test_every_scored_indicator_has_words_of_its_own() -> None:
    actions = [advised(each, 0, 1000).action for each in SCORED]
    assert not [action for action in actions if "đạt chỉ số" in action]
    assert len(set(actions)) == len(actions)
