"""Rows of catalogues: what a table or an array says, exactly, and what is refused with its field."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.domain.calendar.civil import day_number
from app.domain.catalogues.root import CatalogueName
from app.domain.push import MOST_FAULTS, Rejected
from app.intake.bodies import BodyProblem
from app.intake.catalogues import Row, parse_rows

JSON = "application/json"
CSV = "text/csv; charset=utf-8"


def rows(kind: CatalogueName, *values: object) -> list[Row | Rejected]:
    return parse_rows(kind, json.dumps(values).encode(), JSON)


def sound(kind: CatalogueName, value: object) -> Row:
    (row,) = rows(kind, value)
    assert isinstance(row, Row), row
    return row


def refused(kind: CatalogueName, value: object) -> tuple[str, str | None]:
    (row,) = rows(kind, value)
    assert isinstance(row, Rejected), row
    return row.code, row.field


def test_an_absent_attribute_is_no_change_and_null_is_the_default():
    row = sound("procedures", {"code": "1.004555", "fee": True, "issues_document": None, "units": None, "name": None})
    assert row == Row(0, "1.004555", ("1.004555",), {"fee": True, "issues_document": True, "units": (), "name": None})


def test_one_object_is_a_table_of_one_row():
    assert parse_rows("units", b' {"code":"H44"}', JSON) == [Row(0, "H44", ("H44",), {})]


def test_a_unit_is_read_with_all_its_attributes():
    row = sound(
        "units",
        {
            "code": "H44.07",
            "name": "Sở Tư pháp",
            "level": "department",
            "parent": "H44",
            "certified_copy": False,
            "valid_from": "2026-01-01",
            "valid_to": "2100-12-31",
            "successor": "H44.08",
            "aliases": ["000.00.07.H44", "STP", "STP"],
        },
    )
    assert row.changes == {
        "name": "Sở Tư pháp",
        "level": "department",
        "parent": "H44",
        "certified_copy": False,
        "valid_from": day_number(date(2026, 1, 1)),
        "valid_to": day_number(date(2100, 12, 31)),
        "successor": "H44.08",
        "aliases": ("000.00.07.H44", "STP"),
    }


def test_a_table_says_the_same_as_an_array():
    table = (
        "\ufeffcode,name,fee,max_working_days,applicants,units,valid_from\r\n"
        '1.004555,"Chứng thực, bản sao",TRUE,10,citizen; organisation,,2026-01-01\r\n'
        "\r\n"
        "1.000001,,0,,,H44.07;H44.08,\r\n"
    ).encode()
    assert parse_rows("procedures", table, CSV) == rows(
        "procedures",
        {
            "code": "1.004555",
            "name": "Chứng thực, bản sao",
            "fee": True,
            "max_working_days": 10,
            "applicants": ["citizen", "organisation"],
            "valid_from": "2026-01-01",
        },
        {"code": "1.000001", "fee": False, "units": ["H44.07", "H44.08"]},
    )


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        ("1.000001,perhaps,5", "invalid_value", "fee"),
        ("1.000001,true,5.5", "invalid_value", "max_working_days"),
        ("1.000001,true,0", "invalid_value", "max_working_days"),
        ("x,true,5", "invalid_code", "code"),
        (",true,5", "invalid_value", "code"),
        ("1.000001,true,5,more", "invalid_value", None),
    ],
)
def test_a_bad_line_of_a_table_costs_only_itself(line, code, field):
    table = f"code,fee,max_working_days\n1.000005,true,5\n{line}\n1.000006,false,1".encode()
    first, bad, last = parse_rows("procedures", table, CSV)
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(bad, Rejected)
    assert (bad.index, bad.code, bad.field) == (1, code, field)


def test_the_apostrophe_before_what_looks_like_a_formula_is_none_of_the_text():
    (row,) = parse_rows("units", b"code,name,aliases\nH44,'=1+1,'-a;'b\n", CSV)
    assert isinstance(row, Row)
    assert row.changes == {"name": "=1+1", "aliases": ("-a", "'b")}


def test_a_column_that_is_not_known_costs_the_rows_that_use_it():
    with_it, without = parse_rows("units", b"code,phone\nH44,1\nH44.07,\n", CSV)
    assert isinstance(with_it, Rejected)
    assert (with_it.code, with_it.field) == ("unknown_field", "phone")
    assert without == Row(1, "H44.07", ("H44.07",), {})


@pytest.mark.parametrize(
    ("value", "code", "field"),
    [
        ({"code": "H44", "tel": 1}, "unknown_field", "tel"),
        ({"code": "H44", "0912345678": 1}, "unknown_field", "*"),
        ({}, "invalid_value", "code"),
        ({"code": None}, "invalid_value", "code"),
        ({"code": 44}, "invalid_value", "code"),
        ({"code": "H44/07"}, "invalid_code", "code"),
        ({"code": "H44", "name": 5}, "invalid_value", "name"),
        ({"code": "H44", "name": "a\x00b"}, "invalid_value", "name"),
        ({"code": "H44", "name": "\ud800"}, "invalid_value", "name"),
        ({"code": "H44", "name": "x" * 1001}, "invalid_value", "name"),
        ({"code": "H44", "name": "0912 345 678"}, "personal_data", "name"),
        ({"code": "H44", "valid_from": "0912345678"}, "personal_data", "valid_from"),
        ({"code": "H44", "level": "001099012345"}, "personal_data", "level"),
        ({"code": "H44", "certified_copy": "0912345678"}, "personal_data", "certified_copy"),
        ({"code": "H44", "level": "village"}, "invalid_value", "level"),
        ({"code": "H44", "certified_copy": 1}, "invalid_value", "certified_copy"),
        ({"code": "H44", "certified_copy": "true"}, "invalid_value", "certified_copy"),
        ({"code": "H44", "valid_from": "2026-02-30"}, "invalid_value", "valid_from"),
        ({"code": "H44", "valid_from": "1999-12-31"}, "time_out_of_range", "valid_from"),
        ({"code": "H44", "valid_to": "2101-01-01"}, "time_out_of_range", "valid_to"),
        ({"code": "H44", "aliases": "STP"}, "invalid_value", "aliases"),
        ({"code": "H44", "aliases": ["STP", ""]}, "invalid_value", "aliases[1]"),
        ({"code": "H44", "aliases": ["STP", "a "]}, "invalid_value", "aliases[1]"),
        ({"code": "H44", "aliases": ["a\u200bb"]}, "invalid_value", "aliases[0]"),
        ({"code": "H44", "parent": "'; --"}, "invalid_code", "parent"),
        (["H44"], "invalid_value", None),
        (None, "invalid_value", None),
    ],
)
def test_a_unit_is_refused_with_the_field(value, code, field):
    assert refused("units", value) == (code, field)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_working_days": 1001}, "max_working_days"),
        ({"max_working_days": True}, "max_working_days"),
        ({"max_working_days": 5.5}, "max_working_days"),
        ({"service_level": "4"}, "service_level"),
        ({"applicants": ["citizen", "company"]}, "applicants[1]"),
        ({"levels": ["village"]}, "levels[0]"),
        ({"fee": "yes"}, "fee"),
    ],
)
def test_a_procedure_is_refused_with_the_field(changes, field):
    assert refused("procedures", {"code": "1.004555", **changes}) == ("invalid_value", field)


@pytest.mark.parametrize(
    ("code", "likely"),
    [
        ("1.00455", "1.004550"),
        ("1.0", "1.000000"),
        ("1,00455", "1.004550"),
        ("1004555", "1.004555"),
        ("1.0045550", "1.004555"),
        (" 1.004555", "1.004555"),
        ("1.004555.000.00.00.H44", "1.004555"),
        (1.00455, "1.004550"),
        ("1.0045551", None),
        ("TS_lop1", None),
        (1004555, None),
        (True, None),
        ([], None),
    ],
)
def test_a_procedure_of_a_catalogue_has_six_digits_and_the_likely_code_is_named(code, likely):
    bad, good = rows("procedures", {"code": code}, {"code": "1.004550"})
    assert isinstance(bad, Rejected)
    assert (bad.code, bad.field) == ("invalid_code" if isinstance(code, str) or likely else "invalid_value", "code")
    assert bad.detail.en.endswith(f"; likely {likely} is meant") if likely else "likely" not in bad.detail.en
    assert good == Row(1, "1.004550", ("1.004550",), {})
    if isinstance(code, str):
        (cell,) = parse_rows("procedures", f'code\n"{code.strip()}"\n'.encode(), CSV)
        assert isinstance(cell, Row) is (code.strip() == "1.004555")


@pytest.mark.parametrize("name", ["", "   ", "UBND \u202exã", "a\u2066b", "\u200f"])
def test_a_name_can_be_seen_and_reads_as_it_is(name):
    assert refused("units", {"code": "H44.07", "name": name}) == ("invalid_value", "name")
    assert refused("procedures", {"code": "1.004555", "name": name}) == ("invalid_value", "name")


def test_a_whole_number_is_one_however_it_is_written():
    spelt = b'[{"code":"1.004555","max_working_days":10.0},{"code":"1.004555","max_working_days":1e1}]'
    table = b"code,max_working_days\n1.004555,10.0\n1.004555,1E+1\n1.004555,10.00"
    found = [each for text, kind in ((spelt, JSON), (table, CSV)) for each in parse_rows("procedures", text, kind)]
    told = [each.changes for each in found if isinstance(each, Row)]
    assert told == [{"max_working_days": 10}] * 5
    assert all(type(each["max_working_days"]) is int for each in told)
    figure = {"code": "DTI", "unit": "H44", "value": 1}
    assert sound("external-figures", {**figure, "period": 2026.0, "count": 1e5}).changes["count"] == 100_000
    assert sound("external-figures", {**figure, "period": 2026.0}).key == ("DTI", "H44", "2026")
    assert sound("targets", {**TARGET, "period": 2026.0}).key[3] == 2026
    for odd in (b"1e-1", b"1e400", b"1e999999999", b"-1e999999999", b"10.0000000000000000000001", b'"10"'):
        (row,) = parse_rows("procedures", b'[{"code":"1.004555","max_working_days":%b}]' % odd, JSON)
        assert isinstance(row, Rejected)
        assert (row.code, row.field) == ("invalid_value", "max_working_days")


TARGET: dict[str, Any] = {"indicator": "DOSSIER_ON_TIME", "unit": "H44", "period": "2026", "value": 80}


def test_a_target_is_of_a_unit_or_of_a_level():
    assert sound("targets", TARGET).key == ("DOSSIER_ON_TIME", "H44", "", 2026)
    of_level = {"indicator": "RETURNED_BY_POST", "level": "commune", "period": 2026, "value": None}
    assert sound("targets", of_level) == Row(
        0, "RETURNED_BY_POST", ("RETURNED_BY_POST", "", "commune", 2026), {"value": None}
    )
    assert refused("targets", TARGET | {"level": "commune"}) == ("invalid_value", "level")
    assert refused("targets", TARGET | {"unit": None}) == ("invalid_value", "unit")


def test_a_target_is_an_exact_decimal():
    body = b'[{"indicator":"DOSSIER_ON_TIME","unit":"H44","period":2026,"value":%s}]'
    for text, expected in ((b"28.61", "28.61"), (b"1E2", "100"), (b"80.5000", "80.5"), (b"0", "0")):
        (row,) = parse_rows("targets", body % text, JSON)
        assert isinstance(row, Row)
        assert str(row.changes["value"]) == expected
    for text in (b"100.01", b"-1", b"1e400", b"1e99999999999999999999", b"0.00001", b"true", b'"80"'):
        (bad,) = parse_rows("targets", body % text, JSON)
        assert isinstance(bad, Rejected)
        assert (bad.code, bad.field) == ("invalid_value", "value")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"indicator": "NICE"}, "unknown_indicator", "indicator"),
        ({"period": "2026-Q1"}, "invalid_period", "period"),
        ({"period": 1999}, "invalid_period", "period"),
        ({"period": None}, "invalid_value", "period"),
    ],
)
def test_a_target_is_refused_with_the_field(changes, code, field):
    assert refused("targets", TARGET | changes) == (code, field)


def test_a_target_without_a_value_is_refused_rather_than_removed():
    assert refused("targets", {key: TARGET[key] for key in ("indicator", "unit", "period")}) == (
        "invalid_value",
        "value",
    )


def test_an_external_figure_keeps_the_canonical_label_of_its_period():
    figure = {"code": "DTI", "unit": "H44", "value": 0.71, "rank": 12, "of": 34, "source": "Bộ KH&CN"}
    for period, label in (("2026-Q3", "2026-Q3"), ("2026-01-01..2026-04-20", "2026-01-01..2026-04-20"), (2026, "2026")):
        row = sound("external-figures", figure | {"period": period})
        assert row.key == ("DTI", "H44", label)
        assert row.changes == {"value": Decimal("0.71"), "rank": 12, "of": 34, "source": "Bộ KH&CN"}


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"code": "dti"}, "invalid_code", "code"),
        ({"period": "2026-H3"}, "invalid_period", "period"),
        ({"period": "2026-05-01..2026-04-01"}, "invalid_period", "period"),
        ({"period": "2026-02-30..2026-04-01"}, "invalid_period", "period"),
        ({"rank": -1}, "invalid_value", "rank"),
        ({"count": 1.5}, "invalid_value", "count"),
        ({"value": "0.71"}, "invalid_value", "value"),
        ({"note": "x" * 501}, "invalid_value", "note"),
    ],
)
def test_an_external_figure_is_refused_with_the_field(changes, code, field):
    assert refused("external-figures", {"code": "DTI", "unit": "H44", "period": "2026", **changes}) == (code, field)


def test_a_day_of_the_calendar_is_named_by_its_date():
    row = sound("calendar", {"date": "2026-08-31", "kind": "holiday", "name": "Nghỉ bù"})
    assert row == Row(0, "2026-08-31", (day_number(date(2026, 8, 31)),), {"kind": "holiday", "name": "Nghỉ bù"})
    assert refused("calendar", {"date": "2026-08-31", "kind": None}) == ("invalid_value", "kind")
    assert refused("calendar", {"date": "1999-08-31", "kind": "holiday"}) == ("time_out_of_range", "date")


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"", JSON, "invalid_json"),
        (b"[{]", JSON, "invalid_json"),
        (b'[{"code":"H44"}', JSON, "invalid_json"),
        (b'[{"code":NaN}]', JSON, "invalid_json"),
        (b'{"code":"\xff"}', JSON, "invalid_json"),
        (b"[]", "application/xml", "unsupported_media_type"),
        (b"[]", None, "unsupported_media_type"),
        (b"code\nH44", "text/csv; charset=windows-1258", "unsupported_media_type"),
        (b"", CSV, "invalid_value"),
        (b"code,code\nH44,H44", CSV, "invalid_value"),
        (b'code\n"H44', CSV, "invalid_json"),
        (b"[" + b"{}," * 60_000 + b"{}]", JSON, "too_large"),
        (b"code\n" + b"H44\n" * 60_000, CSV, "too_large"),
    ],
)
def test_a_body_that_is_no_table_is_refused_as_a_whole(body, content_type, code):
    with pytest.raises(BodyProblem) as caught:
        parse_rows("units", body, content_type)
    assert caught.value.code == code


def test_an_empty_array_and_a_header_alone_hold_no_rows():
    assert parse_rows("units", b"[]", JSON) == []
    assert parse_rows("units", b"code,name\n", CSV) == []


def faults(kind: CatalogueName, *values: object) -> list[list[tuple[str, str | None]]]:
    return [[(each.code, each.field) for each in refused_row(kind, value).faults] for value in values]


def refused_row(kind: CatalogueName, value: object) -> Rejected:
    (row,) = rows(kind, value)
    assert isinstance(row, Rejected)
    return row


def test_all_that_is_wrong_with_a_row_is_told_at_once():
    assert faults(
        "units",
        {"kode": "H44", "level": "comune", "valid_from": "2026-02-30", "aliases": ["a "]},
        {"code": "H44/07", "name": 5},
    ) == [
        [("unknown_field", "kode"), ("invalid_value", "code"), ("invalid_value", "level"),
         ("invalid_value", "valid_from"), ("invalid_value", "aliases[0]")],
        [("invalid_code", "code"), ("invalid_value", "name")],
    ]  # fmt: skip
    assert faults(
        "targets",
        {"indicator": "X", "unit": "H44", "level": "commune", "period": 1999, "value": 101},
        {"indicator": "DOSSIER_ON_TIME", "unit": "h 44", "period": 2026, "value": 5},
    ) == [
        [("unknown_indicator", "indicator"), ("invalid_period", "period"), ("invalid_value", "value"),
         ("invalid_value", "level")],
        [("invalid_code", "unit")],
    ]  # fmt: skip
    many = refused_row("units", {f"x{n}": n for n in range(20_000)})
    assert len(many.faults) == MOST_FAULTS


def test_what_was_likely_meant_is_named_for_a_name_of_a_closed_list():
    told = refused_row("units", {"code": "H44", "level": "comune"}).detail
    assert told.en == "expected one of ministry, province, department, commune, not 'comune'; likely commune is meant"
    assert told.vi == "cần một trong ministry, province, department, commune, nhận được 'comune'; có lẽ là commune"


def test_a_day_that_does_not_exist_is_called_so():
    told = refused_row("calendar", {"date": "2026-02-30", "kind": "holiday"}).detail
    assert told.en == "expected a day that exists, not '2026-02-30'"
    assert told.vi == "cần ngày có thật, nhận được '2026-02-30'"


@pytest.mark.parametrize("year", ["2026", "2026.0", "2.026E+03"])
def test_a_year_that_a_spreadsheet_took_for_a_number_is_a_year(year):
    (target,) = parse_rows("targets", f"indicator,level,period,value\nDOSSIER_ON_TIME,commune,{year},90".encode(), CSV)
    (figure,) = parse_rows("external-figures", f"code,unit,period,value\nDTI,H44,{year},0.5".encode(), CSV)
    assert isinstance(target, Row)
    assert isinstance(figure, Row)
    assert (target.key[3], figure.key[2]) == (2026, "2026")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_are_set_apart_by_what_the_header_has(separator, end):
    lines = ["", separator * 2, "code|name|aliases", 'H44|"UBND, tỉnh; Phú Thọ"|"a;b"', separator * 2, "H44.07||"]
    table = end.join(line.replace("|", separator) for line in lines)
    first, second = parse_rows("units", ("\ufeff" + table).encode(), CSV)
    assert first == Row(0, "H44", ("H44",), {"name": "UBND, tỉnh; Phú Thọ", "aliases": ("a", "b")})
    assert second == Row(1, "H44.07", ("H44.07",), {})


def test_a_header_with_several_separators_is_read_by_commas():
    (row,) = parse_rows("units", b"code,name;x\nH44,1", CSV)
    assert isinstance(row, Rejected)
    assert (row.code, row.field) == ("unknown_field", "*")


@pytest.mark.parametrize("encoding", ["utf-16", "windows-1258", "utf-16-be"])
def test_a_table_that_is_not_utf_8_is_told_how_to_save_it(encoding):
    with pytest.raises(BodyProblem) as refused:
        parse_rows("units", "code,name\nH44,UBND xã Đầm Hà à\n".replace("ầ", "â").encode(encoding, "replace"), CSV)
    assert (refused.value.code, refused.value.detail.en) == (
        "invalid_json",
        "the table is not UTF-8: save it as CSV UTF-8 (in Excel: Save As, CSV UTF-8)",
    )


@pytest.mark.parametrize("separator", [b",", b";", b"\t"])
def test_a_header_or_row_of_separators_only_is_refused(separator):
    for table in (b"code" + separator * 100_000, b"code" + separator + b"name\nH44" + separator * 100_000 + b"x"):
        with pytest.raises(BodyProblem) as refused:
            parse_rows("units", table, CSV)
        assert refused.value.code == "too_large"
