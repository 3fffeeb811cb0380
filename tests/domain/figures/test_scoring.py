"""Points, ratios and ranks: the portal's published figures, the press vectors, the rules of nothing over nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from app.domain.catalogues.indicators import MEASURES, load
from app.domain.figures.scoring import (
    Measure,
    Scored,
    attained,
    change,
    gap,
    growth,
    half_up,
    points,
    ranks,
    rating,
    ratio,
    score,
    score_indicator,
)
from tests.domain.figures import published

CATALOGUE = load()


def d(text: str) -> Decimal:
    return Decimal(text)


def earned(code: str, numerator: int, denominator: int) -> Decimal | None:
    return points(numerator, denominator, CATALOGUE.indicator(code))


def sum_of(*parts: tuple[str, int, int]) -> Decimal:
    return sum((earned(*part) or d("0") for part in parts), d("0"))


def measures(**given: Measure) -> dict[str, Measure]:
    return {**dict.fromkeys(MEASURES, 0), **given}


def group_of(scored: Scored, code: str) -> Decimal:
    return next(group.score for group in scored.groups if group.code == code)


# ------------------------------------------------------------------------------------------- the published figures


def test_every_published_score_of_progress_follows_to_the_cent() -> None:
    rows = list(published.progress())
    assert len(rows) == 164
    for row in rows:
        assert row.numerator is not None
        assert row.denominator is not None
        assert (row.unit, earned(row.indicator, row.numerator, row.denominator)) == (row.unit, row.score)


def test_every_published_score_of_satisfaction_digitisation_and_transparency_follows_to_the_cent() -> None:
    compared: Counter[str] = Counter()
    for row in published.parts():
        indicator = CATALOGUE.indicator(row.indicator)
        assert (indicator.max or 0) == row.maximum
        if row.numerator is None or row.denominator is None:
            assert indicator.kind == "constant"
            scored = score_indicator(indicator, {})
            assert (scored.ratio, scored.score, scored.numerator) == (row.ratio, row.score, None)
        elif indicator.max is not None:
            assert (row, earned(row.indicator, row.numerator, row.denominator)) == (row, row.score)
        compared["scored" if indicator.max is not None else "unscored"] += 1
    assert compared == {"scored": 61 * (3 + 7 + 4), "unscored": 61 * 2}


def test_every_published_ratio_with_a_denominator_follows_to_two_decimals() -> None:
    for row in [*published.progress(), *published.parts()]:
        if row.denominator:
            assert (row, ratio(row.numerator or 0, row.denominator)) == (row, row.ratio)


def test_every_published_score_of_payment_follows_but_the_two_that_are_a_hundredth_off() -> None:
    rows = list(published.payment())
    assert len(rows) == 164
    off = {}
    for row in rows:
        by_rule = sum_of(*((code, *counts) for code, counts in row.counts.items()))
        if by_rule != row.score:
            off[row.unit] = (row.score, by_rule)
    assert off == {"H44.125": (d("7.22"), d("7.23")), "H44.158": (d("7.01"), d("7.02"))}


def test_the_published_online_score_of_the_province_is_the_sum_of_its_three_parts() -> None:
    (row,) = published.rows("online_year.csv")
    services = int(row["partialCount"]) + int(row["fullCount"])
    parts = (
        ("ONLINE_PROVISION", services, int(row["authorityCount"])),
        ("ONLINE_WITH_DOSSIERS", int(row["onlineDossierCount"]), int(row["onlineServiceTotal"])),
        ("ONLINE_DOSSIERS", int(row["channelOnlineSum"]), int(row["channelTotalSum"])),
    )
    assert [earned(*part) for part in parts] == [d("1.46"), d("1.10"), d("6.00")]
    assert sum_of(*parts) == d("8.56") == d(row["totalScore"])


@pytest.mark.parametrize(
    ("counts", "total"),
    [
        ((233203, 268066, 115, 311, 66, 311), "6.67"),
        ((3082, 3816, 17, 37, 10, 37), "6.68"),
        ((14, 14, 2, 3, 0, 3), "7.67"),
        ((4151, 4369, 8, 32, 6, 32), "6.80"),
    ],
)
def test_payment_scores_of_the_third_quarter_follow(counts: tuple[int, ...], total: str) -> None:
    dossiers, with_fee, paid, of, integrated, among = counts
    assert sum_of(
        ("PAYMENT_DOSSIERS", dossiers, with_fee),
        ("PAYMENT_PROCEDURES", paid, of),
        ("PAYMENT_INTEGRATED", integrated, among),
    ) == d(total)


def test_satisfaction_of_the_third_quarter_follows() -> None:
    scored = score(
        CATALOGUE,
        measures(
            active=464494,
            active_satisfied=402886,
            petitions_active=499,
            petitions_on_time=300,
            petitions_satisfied=238,
        ),
    )
    group = scored.groups[-1]
    assert [(part.ratio, part.score) for part in group.indicators] == [
        (d("60.12"), d("3.61")),
        (d("47.70"), d("2.86")),
        (d("86.74"), d("5.78")),
    ]
    assert group.score == d("12.25")


def test_digitisation_sums_rounded_parts_to_8_75_not_8_74() -> None:
    given = measures(
        active=464494,
        active_e_result=334358,
        active_digitised=83994,
        active_reused=64382,
        active_shared_store=0,
        active_population_data=192191,
        procedures_citizen=1300,
        procedures_population_data=342,
    )
    scored = score(CATALOGUE, given)
    assert [part.score for part in scored.groups[3].indicators] == list(
        map(d, ("4.32", "0.72", "0.35", "0.00", "0.83", "0.53", "2.00"))
    )
    assert group_of(scored, "digitisation") == d("8.75")
    parts = (6 * 334358, 4 * 83994, 2 * 64382 * Fraction(5, 4), 2 * 192191)
    exact = Fraction(sum(parts)) / 464494 + Fraction(2 * 342, 1300)
    assert half_up(exact + 2) == d("8.74")


# ----------------------------------------------------------------------------------------------- the press vectors


@pytest.mark.parametrize(
    ("numerator", "denominator", "shown"),
    [
        (25392, 220782, "11.50"),
        (329, 2030, "16.21"),
        (385, 429, "89.74"),
        (1159, 1913, "60.59"),  # the source cut it to 60.58
        (23, 25, "92.00"),
        (14, 19, "73.68"),
        (6, 9, "66.67"),
        (528684, 597918, "88.42"),
    ],
)
def test_ratios_of_the_press_reports_are_rounded_half_up(numerator: int, denominator: int, shown: str) -> None:
    assert ratio(numerator, denominator) == d(shown)


def test_a_rise_is_in_points_and_not_in_percent_of_percent() -> None:
    assert change(d("100"), d("76")) == 24
    assert change(d("81"), d("56")) == 25
    assert change(d("88.42"), d("87.90")) == d("0.52")
    assert change(None, d("1")) is None
    assert change(d("1"), None) is None


@pytest.mark.parametrize(
    ("target", "shown", "missing", "reached"), [("80", "28.61", "51.39", "35.76"), ("50", "22", "28", "44")]
)
def test_gap_and_attainment_come_from_the_shown_ratio(target: str, shown: str, missing: str, reached: str) -> None:
    assert gap(d(target), d(shown)) == d(missing)
    assert attained(d(target), d(shown)) == d(reached)


def test_gap_is_negative_beyond_the_target_and_attainment_of_zero_is_no_number() -> None:
    assert gap(d("50"), d("60.5")) == d("-10.50")
    assert attained(d("50"), d("60.5")) == d("121.00")
    assert attained(d("0"), d("60.5")) is None
    assert gap(d("0"), d("60.5")) == d("-60.50")
    assert gap(None, d("1")) is attained(None, d("1")) is gap(d("1"), None) is attained(d("1"), None) is None


def test_growth_over_nothing_is_no_number() -> None:
    assert growth(17746, 10000) == d("77.46")
    assert growth(5, 10) == d("-50.00")
    assert growth(5, 0) is None
    assert growth(0, 0) is None
    assert growth(None, 5) is growth(5, None) is None


# ------------------------------------------------------------------------------------------------ rounding, zeros


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        (Fraction(5, 1000), "0.01"),
        (Fraction(4999, 1000000), "0.00"),
        (Fraction(125, 1000), "0.13"),
        (Fraction(-125, 1000), "-0.13"),
        (Fraction(-1, 1000), "0.00"),
        (Fraction(10**40 * 2 + 1, 200), "1" + "0" * 38 + ".01"),
    ],
)
def test_halves_are_rounded_away_from_zero_however_large_the_number(exact: Fraction, shown: str) -> None:
    assert str(half_up(exact)) == shown


def test_a_half_that_floats_would_lose_is_rounded_up() -> None:
    assert earned("DOSSIER_ON_TIME", 10005, 200000) == d("1.00")
    assert earned("DOSSIER_ON_TIME", 10050, 200000) == d("1.01")  # 1.005 exactly; 1.00499… as a float


@pytest.mark.parametrize(
    ("code", "at_zero"),
    [
        ("PUBLISH_ON_TIME", None),
        ("PUBLIC_UPDATE_ON_TIME", None),
        ("PUBLIC_CONTENT_FULL", None),
        ("DOSSIER_SYNC", None),
        ("DOSSIER_ON_TIME", "0"),
        ("ONLINE_PROVISION", "0"),
        ("ONLINE_WITH_DOSSIERS", "0"),
        ("ONLINE_DOSSIERS", "0"),
        ("ORIGINAL_RESULT_AVAILABLE", None),
        ("SO_HOA_GIAY_TO_GIAI_QUYET", None),
        ("REUSED_DIGITIZED_DATA", None),
        ("SYNCED_WITH_DVCQG_PERSONAL_STORAGE", None),
        ("CITIZEN_DATA_CONNECTED_DOSSIER", None),
        ("CITIZEN_DATA_CONNECTED_FORMALITY", None),
        ("PAYMENT_DOSSIERS", "0"),
        ("PAYMENT_PROCEDURES", "0"),
        ("PAYMENT_INTEGRATED", "0"),
        ("PETITION_PROCESSING_ON_TIME", "6"),
        ("PETITION_HANDLING_SATISFACTION", "6"),
        ("DOSSIER_RECEIVING_SATISFACTION", "0"),
    ],
)
def test_nothing_over_nothing_gives_what_the_catalogue_says_and_no_ratio(code: str, at_zero: str | None) -> None:
    scored = score_indicator(CATALOGUE.indicator(code), measures())
    assert (scored.numerator, scored.denominator, scored.ratio) == (0, 0, None)
    assert scored.score == (None if at_zero is None else d(at_zero))


@pytest.mark.parametrize(
    ("code", "full"),
    [
        ("ONLINE_PROVISION", 80),
        ("ONLINE_DOSSIERS", 50),
        ("REUSED_DIGITIZED_DATA", 80),
        ("PAYMENT_PROCEDURES", 80),
        ("PAYMENT_INTEGRATED", 80),
        ("DOSSIER_RECEIVING_SATISFACTION", 90),
        ("SO_HOA_GIAY_TO_GIAI_QUYET", 100),
    ],
)
def test_points_are_full_at_the_threshold_and_never_more(code: str, full: int) -> None:
    maximum = CATALOGUE.indicator(code).max
    assert earned(code, full, 100) == maximum
    assert earned(code, 200, 100) == maximum
    assert earned(code, full - 1, 100) == half_up(Fraction((maximum or 0) * (full - 1), full))


def test_a_fractional_threshold_stays_exact() -> None:
    third = replace(CATALOGUE.indicator("DOSSIER_ON_TIME"), full_at=Fraction(100, 3))
    assert points(1, 3, third) == 20


def test_an_indicator_without_points_has_none() -> None:
    with pytest.raises(ValueError, match="RETURNED_BY_POST has no points"):
        earned("RETURNED_BY_POST", 1, 2)


# ---------------------------------------------------------------------------------------------------- the scorecard


def test_a_unit_without_anything_gets_petitions_and_certified_copies_in_full() -> None:
    scored = score(CATALOGUE, measures())
    assert [(group.code, group.score, group.max) for group in scored.groups] == [
        ("transparency", d("0.00"), 18),
        ("progress", d("0.00"), 20),
        ("online", d("0.00"), 12),
        ("digitisation", d("2.00"), 22),
        ("payment", d("0.00"), 10),
        ("satisfaction", d("12.00"), 18),
    ]
    assert (scored.total, scored.max, scored.rating) == (d("14.00"), 100, "Yếu")


def test_a_unit_that_does_all_gets_a_hundred() -> None:
    scored = score(CATALOGUE, dict.fromkeys(MEASURES, 1))
    assert (str(scored.total), scored.rating) == ("100.00", "Xuất sắc")


def test_a_measure_without_data_makes_its_indicator_null_and_adds_nothing() -> None:
    scored = score(CATALOGUE, {**dict.fromkeys(MEASURES, 1), "active": None, "processing_time": None})
    progress = scored.groups[1]
    assert (progress.score, progress.max) == (d("0.00"), 20)
    part = progress.indicators[0]
    assert (part.numerator, part.denominator, part.ratio, part.score) == (None, None, None, None)
    assert scored.total == 100 - 20 - 18 - 6
    average = next(part for part in scored.operational if part.indicator.code == "AVERAGE_PROCESSING_TIME")
    assert average.value is None


def test_a_measure_that_was_forgotten_is_an_error_and_not_missing_data() -> None:
    with pytest.raises(KeyError):
        score(CATALOGUE, {})


def test_narrowed_to_a_procedure_only_indicators_of_dossiers_have_figures() -> None:
    scored = score(CATALOGUE, dict.fromkeys(MEASURES, 1), narrowed=True)
    everything = [part for group in scored.groups for part in group.indicators] + list(scored.operational)
    for part in everything:
        empty = (part.numerator, part.denominator, part.ratio, part.score, part.value) == (None,) * 5
        assert empty == (part.indicator.counts != "dossiers"), part.indicator.code
    assert [group.score for group in scored.groups] == list(map(d, ("6", "20", "6", "18", "6", "6")))
    assert scored.max == 100


def test_mean_and_average_show_one_number_without_counts() -> None:
    scored = score(CATALOGUE, measures(essential_mean=Fraction(2, 3), processing_time=Fraction(821, 200)))
    by_code = {part.indicator.code: part for part in scored.operational}
    mean = by_code["ESSENTIAL_ONLINE_MEAN"]
    assert (mean.numerator, mean.denominator, mean.ratio, mean.score, mean.value) == (
        None,
        None,
        d("66.67"),
        None,
        None,
    )
    average = by_code["AVERAGE_PROCESSING_TIME"]
    assert (average.numerator, average.ratio, average.score, average.value) == (None, None, None, d("4.11"))


def test_returned_by_post_has_counts_and_a_ratio_but_no_points() -> None:
    scored = score_indicator(CATALOGUE.indicator("RETURNED_BY_POST"), measures(returned_postal=329, ended=2030))
    assert (scored.numerator, scored.denominator, scored.ratio, scored.score) == (329, 2030, d("16.21"), None)


@pytest.mark.parametrize(
    ("total", "name"),
    [
        ("100", "Xuất sắc"),
        ("90.00", "Xuất sắc"),
        ("89.99", "Tốt"),
        ("80", "Tốt"),
        ("79.99", "Khá"),
        ("70", "Khá"),
        ("69.99", "Trung bình"),
        ("61.50", "Trung bình"),
        ("50", "Trung bình"),
        ("49.99", "Yếu"),
        ("0", "Yếu"),
    ],
)
def test_a_rating_begins_exactly_at_its_band(total: str, name: str) -> None:
    assert rating(CATALOGUE, d(total)) == name


def test_ranks_share_ties_and_leave_out_those_without_a_value() -> None:
    assert ranks([d("9"), d("8"), d("8.00"), d("7")]) == [1, 2, 2, 4]
    assert ranks([None, d("7"), d("9"), None, d("9")]) == [None, 3, 1, None, 1]
    assert ranks([]) == []
