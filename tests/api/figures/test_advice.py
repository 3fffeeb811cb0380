"""Advice that is followed gains what it said."""

from __future__ import annotations

import pytest

from tests.api.asking import card, indicator, reception
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


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
