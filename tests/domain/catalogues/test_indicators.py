"""The catalogue qd766-2026: its points, its rules, and that a contradictory file is refused."""

from __future__ import annotations

import hashlib
from datetime import date
from importlib.resources import files

import pytest

from app.domain.catalogues.indicators import MEASURES, CatalogueError, Limits, UnknownIndicator, load, read

CATALOGUE = load()
CONTENT = files("app.domain.catalogues").joinpath("qd766-2026.toml").read_bytes()


def changed(old: str, new: str) -> bytes:
    """The packaged file with the first occurrence of a text replaced."""
    assert old in CONTENT.decode()
    return CONTENT.decode().replace(old, new, 1).encode()


def test_it_names_its_version_its_date_and_the_digest_of_its_file() -> None:
    assert (CATALOGUE.version, CATALOGUE.valid_from) == ("qd766-2026", date(2026, 1, 1))
    assert CATALOGUE.digest == hashlib.sha256(CONTENT).hexdigest()
    assert load() is load()


def test_six_groups_share_a_hundred_points() -> None:
    assert [(group.code, group.name, group.max) for group in CATALOGUE.groups] == [
        ("transparency", "Công khai, minh bạch", 18),
        ("progress", "Tiến độ giải quyết", 20),
        ("online", "Dịch vụ công trực tuyến", 12),
        ("digitisation", "Số hóa hồ sơ", 22),
        ("payment", "Thanh toán trực tuyến", 10),
        ("satisfaction", "Mức độ hài lòng", 18),
    ]
    assert CATALOGUE.max == 100


def test_every_scored_indicator_has_its_maximum_its_threshold_and_its_zero_rule() -> None:
    expected: list[tuple[str, int, int, str]] = [
        ("PUBLISH_ON_TIME", 6, 100, "null"),
        ("PUBLIC_UPDATE_ON_TIME", 4, 100, "null"),
        ("PUBLIC_CONTENT_FULL", 2, 100, "null"),
        ("DOSSIER_SYNC", 6, 100, "null"),
        ("DOSSIER_ON_TIME", 20, 100, "zero"),
        ("ONLINE_PROVISION", 2, 80, "zero"),
        ("ONLINE_WITH_DOSSIERS", 4, 100, "zero"),
        ("ONLINE_DOSSIERS", 6, 50, "zero"),
        ("ORIGINAL_RESULT_AVAILABLE", 6, 100, "null"),
        ("SO_HOA_GIAY_TO_GIAI_QUYET", 4, 100, "null"),
        ("REUSED_DIGITIZED_DATA", 2, 80, "null"),
        ("SYNCED_WITH_DVCQG_PERSONAL_STORAGE", 4, 100, "null"),
        ("CITIZEN_DATA_CONNECTED_DOSSIER", 2, 100, "null"),
        ("CITIZEN_DATA_CONNECTED_FORMALITY", 2, 100, "null"),
        ("ELECTRONIC_CERTIFIED_COPY", 2, 100, "max"),
        ("PAYMENT_DOSSIERS", 6, 100, "zero"),
        ("PAYMENT_PROCEDURES", 2, 80, "zero"),
        ("PAYMENT_INTEGRATED", 2, 80, "zero"),
        ("PETITION_PROCESSING_ON_TIME", 6, 100, "max"),
        ("PETITION_HANDLING_SATISFACTION", 6, 100, "max"),
        ("DOSSIER_RECEIVING_SATISFACTION", 6, 90, "zero"),
    ]
    scored = [each for group in CATALOGUE.groups for each in group.indicators]
    assert [each.code for each in scored] == [code for code, *_ in expected]
    for each, (code, maximum, full_at, zero) in zip(scored, expected, strict=True):
        assert (code, each.max == maximum, each.full_at == full_at, each.zero) == (code, True, True, zero)


def test_unscored_indicators_stand_in_order_behind_the_groups() -> None:
    assert [each.code for each in CATALOGUE.operational] == [
        *("PETITION_CLASSIFICATION_TTHC", "PETITION_CLASSIFICATION_STAFF"),
        *("AVERAGE_PROCESSING_TIME", "CERTIFIED_COPY_COVERAGE"),
        *("RETURNED_BY_POST", "RECEIVED_BY_POST", "RECEIVED_BY_POST_STAFF", "RETURNED_ONLINE", "SIGNED_RESULT"),
        *("FULL_ONLINE_DOSSIERS", "ESSENTIAL_ONLINE_SUM", "ESSENTIAL_ONLINE_MEAN"),
        *("E_DOCUMENT", "E_DOCUMENT_PROVINCE", "E_DOCUMENT_AGENCIES", "E_DOCUMENT_COMMUNE"),
        *("SIGNED_DOCUMENT", "SIGNED_DOCUMENT_PROVINCE", "SIGNED_DOCUMENT_AGENCIES", "SIGNED_DOCUMENT_COMMUNE"),
        "SETTLED_ON_TIME",
    ]
    assert all(each.max is None and each.full_at is None for each in CATALOGUE.operational)


def test_an_indicator_is_found_by_its_code_and_an_unknown_code_is_an_error() -> None:
    found = CATALOGUE.indicator("ONLINE_DOSSIERS")
    assert (found.group, found.measures) == ("online", ("received_online", "received"))
    with pytest.raises(UnknownIndicator):
        CATALOGUE.indicator("online_dossiers")
    assert len(CATALOGUE.indicators) == 42


def test_only_the_first_three_of_transparency_show_the_root() -> None:
    assert [each.code for each in CATALOGUE.indicators if each.root_only] == [
        "PUBLISH_ON_TIME",
        "PUBLIC_UPDATE_ON_TIME",
        "PUBLIC_CONTENT_FULL",
    ]


def test_limits_are_working_days() -> None:
    assert CATALOGUE.limits == Limits(
        announce=5,
        announce_ministry=20,
        publish=5,
        publish_ministry=10,
        petition_answer=15,
        petition_refusal=2,
        petition_supplement=5,
        petition_publication=2,
        soon=3,
    )


def test_every_indicator_says_in_words_what_it_counts_and_where_it_comes_from() -> None:
    assert all(each.name and each.formula.endswith(".") and each.source for each in CATALOGUE.indicators)
    assert len({each.name for each in CATALOGUE.indicators}) == 42


def test_all_measures_but_the_overdue_dossiers_are_used() -> None:
    assert MEASURES.keys() - {name for each in CATALOGUE.indicators for name in each.measures} == {"overdue"}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("max = 18", "max = 19", "101 points, not 100"),
        ("max = 6", "max = 7", "the indicators of transparency have 19 points, the group 18"),
        ('denominator = "announced"', 'denominator = "anounced"', "unknown measures: anounced"),
        ('denominator = "announced"', "", "PUBLISH_ON_TIME is of kind ratio, which takes denominator and numerator"),
        ('code = "PUBLIC_UPDATE_ON_TIME"', 'code = "PUBLISH_ON_TIME"', "a code stands twice"),
        ("full_at = 100", "full_at = 0", "no positive maximum and threshold"),
        ("full_at = 100", "full = 100", "Indicator has no full"),
        ("full_at = 100", 'full_at = "100"', "is no Fraction"),
        ('zero = "null"', 'zero = "none"', "Invalid enum value 'none'"),
        ('kind = "ratio"', "", "kind"),
        ('group = "satisfaction"', 'group = "happiness"', "unknown group"),
        ("at_least = 80", "at_least = 95", "rating bands"),
        ("announce = 5 ", "", "announce"),
        ('version = "qd766-2026"', "", "'version' is missing"),
        ('version = "qd766-2026"', 'version = "', "catalogue: "),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(old: str, new: str, fault: str) -> None:
    with pytest.raises(CatalogueError, match=fault):
        read(changed(old, new))


def test_a_threshold_may_be_a_decimal_fraction() -> None:
    found = read(changed("full_at = 80", "full_at = 33.3")).indicator("ONLINE_PROVISION")
    assert found.full_at is not None
    assert (found.full_at.numerator, found.full_at.denominator) == (333, 10)


@pytest.mark.parametrize("version", ["qd766-1999", "../codes", ""])
def test_a_version_that_is_not_packaged_is_an_error(version: str) -> None:
    with pytest.raises(CatalogueError):
        load(version)
