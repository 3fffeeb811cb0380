"""Codes: their forms, and which unit stands above which."""

from __future__ import annotations

import pytest

from app.domain.codes import (
    ancestors,
    is_over_any,
    is_procedure_code,
    is_related,
    is_under,
    is_unit_code,
    likely_unit_code,
    owner_in,
    root_of,
    sort_key,
)
from tests.domain.figures import published


def test_h44_13_stands_above_h44_13_1_but_not_above_h44_130() -> None:
    assert is_under("H44.13.1", "H44.13")
    assert not is_under("H44.130", "H44.13")
    assert not is_under("H44.13", "H44.130")


def test_a_unit_is_under_itself_and_under_its_root_only_downwards() -> None:
    assert is_under("H44", "H44")
    assert is_under("H44.130", "H44")
    assert not is_under("H44", "H44.130")
    assert not is_under("H440", "H44")
    assert not is_under("H44.13", "H44.1")


def test_units_are_related_up_and_down_but_not_sideways() -> None:
    assert is_related("H44", "H44.13")
    assert is_related("H44.13", "H44")
    assert not is_related("H44.13", "H44.130")


def test_a_unit_is_over_any_of_several_when_it_is_one_or_above_one() -> None:
    assert is_over_any("H44.13", ["H44.07", "H44.13.1"])
    assert not is_over_any("H44.13", ["H44.07", "H44.130", "H44"])
    assert not is_over_any("H44.13", [])


def test_root_and_ancestors_go_by_segments() -> None:
    assert root_of("H15.50.05.13") == "H15"
    assert root_of("H44") == "H44"
    assert ancestors("H15.50.05.13") == ["H15.50.05", "H15.50", "H15"]
    assert ancestors("H44") == []


def test_units_are_read_in_the_order_of_their_numbers() -> None:
    assert sorted(["H44.130", "H44.14", "H44", "H44.13.1", "H44.13"], key=sort_key) == [
        "H44",
        "H44.13",
        "H44.13.1",
        "H44.14",
        "H44.130",
    ]


@pytest.mark.parametrize("code", ["H44", "H44.07", "H44.130", "H15.50.05.13", "G22", "000.00.07.H44"])
def test_agency_codes_are_units(code: str) -> None:
    assert is_unit_code(code)


@pytest.mark.parametrize("code", ["", "H44.", ".H44", "H44..07", "H44-07", "H44 ", "H44\n", "H44.Ạ", "H44/07"])
def test_other_texts_are_no_units(code: str) -> None:
    assert not is_unit_code(code)


def test_every_unit_of_the_portal_has_the_form_and_stands_under_the_province() -> None:
    codes = [row["unit_code"] for row in published.rows("units.csv")]
    assert len(set(codes)) == 164
    assert all(is_unit_code(code) and is_under(code, "H44") for code in codes)


@pytest.mark.parametrize(
    ("code", "is_one"),
    [
        ("1.004555", True),
        ("2.000488", True),
        ("1.004555.000.00.00.H44", False),
        ("1004555", False),
        ("1.", False),
        (".1", False),
        ("1.004555\n", False),
        ("\u0661.004555", False),
        ("", False),
    ],
)
def test_a_procedure_code_is_digits_dot_digits(code: str, is_one: bool) -> None:
    assert is_procedure_code(code) is is_one


@pytest.mark.parametrize(
    ("text", "likely"),
    [
        ("h44.07", "H44.07"),
        ("H44-07", "H44.07"),
        ("H44 / 07", "H44.07"),
        ("H44.7", "H44.07"),
        ("44.07", "H44.07"),
        ("H4407", None),
        ("H44.08", None),
        ("H44.07", None),
        ("", None),
        ("x" * 1_000_000, None),
    ],
)
def test_a_unit_that_was_likely_meant_exists(text: str, likely: str | None) -> None:
    assert likely_unit_code(text, {"H44", "H44.07"}.__contains__) == likely


def test_the_owner_of_a_dossier_code_stands_before_its_first_hyphen() -> None:
    assert owner_in("H44.07-260105-0001") == "H44.07"
    assert owner_in("H44.07") == "H44.07"
