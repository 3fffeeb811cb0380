"""Advice: exact for every count by trying them all, and true when it is followed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domain.catalogues import indicators
from app.domain.figures import advice, scoring
from app.domain.figures.scoring import ScoredIndicator
from tests.api.asking import card, indicator, reception
from tests.running import Running

SCORED = [each for group in indicators.load().groups for each in group.indicators if each.kind == "ratio"]


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


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


async def advice_of(running: Running, **query) -> list[dict]:
    answer = await running.get("/v1/advice", **({"unit": "H44.07", "period": "2026"} | query))
    assert answer.status_code == 200, answer.text
    told: list[dict] = answer.json()
    return told


def of(told: list[dict], code: str) -> dict:
    [found] = [each for each in told if each["indicator"] == code]
    return found


# Indicator, and the event that puts one more dossier into its numerator.
WAYS = [
    ("ORIGINAL_RESULT_AVAILABLE", "dossier.completed", {"electronic_result": True}),
    ("REUSED_DIGITIZED_DATA", "dossier.digitised", {"components": 0, "reused": True}),
    ("PAYMENT_DOSSIERS", "dossier.paid", {"via": "national_gateway"}),
    ("DOSSIER_SYNC", "dossier.synced", {}),
]


@pytest.mark.parametrize(("code", "type_", "data"), WAYS)
@pytest.mark.parametrize("whole", [False, True])
async def test_advice_that_is_followed_gains_what_it_said(
    served: Running, code: str, type_: str, data: dict, whole: bool
) -> None:
    subjects = [f"H44.07-260105-{number:04}" for number in range(37)]
    await served.push([reception(served, subject, due_at="2027-01-01T00:00:00+07:00") for subject in subjects])

    async def follow(some: list[str]) -> None:
        await served.push([served.event(type_, each, time="2026-01-06T08:00:00+07:00", **data) for each in some])

    await follow(subjects[:5])
    before = indicator(await card(served, "H44.07"), code)
    told = of(await advice_of(served), code)
    assert told["of"] == before["denominator"] == 37
    step = {"needed": told["needed"], "gain": told["gain"]} if whole else told["next"]
    # One less than that brings nothing of it.
    await follow(subjects[5 : 5 + step["needed"] - 1])
    short = indicator(await card(served, "H44.07"), code)
    assert short["score"] < before["max"] if whole else short["score"] == before["score"]
    await follow(subjects[5 + step["needed"] - 1 : 5 + step["needed"]])
    after = indicator(await card(served, "H44.07"), code)
    assert after["denominator"] == 37
    assert round(after["score"] - before["score"], 2) == step["gain"]
    if whole:
        assert after["score"] == after["max"]
        assert of(await advice_of(served), code)["gain"] == 0


async def test_advice_is_a_list_of_all_scored_indicators_with_an_etag(served: Running) -> None:
    await served.push([reception(served)])
    told = await advice_of(served)
    assert len(told) == 21
    assert all(list(each) == ["indicator", "gain", "needed", "of", "next", "action"] for each in told)
    assert told[0] == {
        "indicator": "DOSSIER_ON_TIME",
        "gain": 20,
        "needed": 1,
        "of": 1,
        "next": {"needed": 1, "gain": 20},
        "action": "Thêm 1 hồ sơ xử lý đúng hạn.",
    }
    first = await served.get("/v1/advice", unit="H44.07", period="2026")
    tagged = {"if-none-match": first.headers["etag"]}
    assert (await served.get("/v1/advice", headers=tagged, unit="H44.07", period="2026")).status_code == 304
    await served.push([reception(served, "H44.07-260105-0002")])
    assert (await served.get("/v1/advice", headers=tagged, unit="H44.07", period="2026")).status_code == 200
    narrowed = await advice_of(served, procedure="1.004555")
    assert of(narrowed, "PETITION_PROCESSING_ON_TIME")["gain"] is None
    assert of(narrowed, "DOSSIER_ON_TIME")["gain"] == 20
