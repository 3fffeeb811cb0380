"""Files of units and procedures: what each form says, exactly, and what is told of what it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.root import Catalogues, Unit
from app.domain.push import Rejected
from app.intake.catalogues import Row
from app.intake.imports.catalogue import Catalogue, Read, read
from app.intake.tables import Unreadable

from .workbook import decomposed, saved, workbook


def catalogues(*units: Unit) -> Catalogues:
    return Catalogues(
        1, "H44", 1, {each.code: each for each in units}, {}, Calendar(frozenset(), frozenset()), {}, [], ""
    )


def told(kind: Catalogue, content: Any, *units: Unit) -> Read:
    data = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    with saved(data) as path:
        return read(kind, path, catalogues(*units))


def rows(found: Read) -> dict[str, dict[str, Any]]:
    assert all(isinstance(each, Row) for each in found.rows), found.rows
    return {each.id: dict(each.changes) for each in found.rows if isinstance(each, Row)}


AGENCIES = [
    {"MADONVI": "000.00.00.H44", "TENDONVI": "UBND tỉnh\r\n Phú Thọ", "CAPDONVI": "1"},
    {"MaDonVi": "H44.07", "TenDonVi": "Sở Công Thương", "CapDonVi": 1},
    {"madonvi": "H44.130", "tendonvi": "UBND xã Tu Vũ", "capdonvi": "3", "LienHe": None},
    {"MADONVI": "H44.13", "TENDONVI": "Sở Tài chính", "CAPDONVI": "2"},
]
UNITS = {
    "H44": {"name": "UBND tỉnh Phú Thọ", "level": "province", "aliases": ("000.00.00.H44",)},
    "H44.07": {"name": "Sở Công Thương", "level": "department"},
    "H44.130": {"name": "UBND xã Tu Vũ", "level": "commune"},
    "H44.13": {"name": "Sở Tài chính"},
}


@pytest.mark.parametrize(
    "around",
    [
        lambda rows: rows,
        lambda rows: {"error_code": "0", "message": "Thành công", "result": rows},
        lambda rows: {"error_code": 0, "result": json.dumps(rows)},
        lambda rows: {"error_code": "0", "message": json.dumps({"result": rows})},
        lambda rows: {"message": json.dumps({"error_code": "0", "result": rows})},
        lambda rows: json.dumps({"Result": rows}),
        lambda rows: [{"result": [each]} for each in rows],
        lambda rows: "\n".join(json.dumps(each) for each in rows).encode(),
    ],
)
def test_agencies_are_read_out_of_whatever_lies_around_them(around: Any) -> None:
    found = told("units", around(AGENCIES))
    assert rows(found) == UNITS
    assert [(each.place, each.code, str(each.says)) for each in found.notes] == [
        (4, "H44.13", "there is no level of districts: none is set")
    ]


def test_an_old_code_is_known_by_an_alias_of_the_catalogue_or_the_file_and_by_nothing_else() -> None:
    known = Unit(1, "H44.07", aliases=("000.00.07.H44", "SCT"))
    found = told(
        "units",
        [
            {"MADONVI": "000.00.07.H44", "TENDONVI": "Sở Công Thương"},
            {"MADONVI": "000.00.13.H44", "TENDONVI": "Sở Tài chính"},
            {"MADONVI": "000.01.07.H44", "TENDONVI": "Chi cục"},
        ],
        known,
    )
    first, *others = found.rows
    assert isinstance(first, Row)
    assert (first.key, first.changes) == (
        ("H44.07",), {"name": "Sở Công Thương", "aliases": ("000.00.07.H44", "SCT")},
    )  # fmt: skip
    assert [each.code for each in others if isinstance(each, Rejected)] == ["unknown_unit", "unknown_unit"]
    table = "Mã định danh,Tên đơn vị,Mã cũ\nH44.13,Sở Tài chính,000.00.13.H44\n000.00.13.H44,Sở TC,\n".encode()
    assert [(each.id, each.changes) for each in told("units", table).rows if isinstance(each, Row)] == [
        ("H44.13", {"name": "Sở Tài chính", "aliases": ("000.00.13.H44",)}),
        ("H44.13", {"name": "Sở TC", "aliases": ("000.00.13.H44",)}),
    ]


TABLE: list[list[str | int | float | None]] = [
    ["DANH SÁCH ĐƠN VỊ"],
    ["STT", "Mã định danh", "Tên đơn vị", "Cấp", "Hiệu lực từ", "Mã cũ", "Ghi chú"],
    [1, "H44", "UBND tỉnh Phú Thọ", "Tỉnh", None, "000.00.00.H44", None],
    [2, "H44.07", "Sở Công Thương", "Sở", "01-07-2025", "00123; 000.00.07.H44", "mới"],
    [None, None, None, None, None, None, None],
    [3.0, "H44.130", "UBND xã Tu Vũ", "xã", "2025-07-01", None, None],
]


def _text(separator: str, encoding: str = "utf-8-sig") -> bytes:
    lines = (separator.join("" if cell is None else f'"{cell}"' for cell in row) for row in TABLE)
    text = "\r\n".join(lines)
    return (decomposed(text) if encoding == "cp1258" else text).encode(encoding)


@pytest.mark.parametrize(
    "data",
    [workbook(*TABLE), _text(","), _text(";"), _text("\t", "utf-16"), _text(";", "utf-16-le"), _text(",", "cp1258")],
)
def test_a_table_with_vietnamese_headers_is_read_by_them(data: bytes) -> None:
    found = told("units", data)
    assert rows(found) == {
        "H44": {"name": "UBND tỉnh Phú Thọ", "level": "province", "aliases": ("000.00.00.H44",)},
        "H44.07": {
            "name": "Sở Công Thương", "level": "department", "valid_from": 20270, "aliases": ("00123", "000.00.07.H44"),
        },
        "H44.130": {"name": "UBND xã Tu Vũ", "level": "commune", "valid_from": 20270},
    }  # fmt: skip
    assert found.places == [3, 4, 6]
    assert found.passed_over == ("STT", "Ghi chú")


UNDER_TWO = {
    "H44.60": {"name": "Xã Sáu Mươi", "level": "commune", "valid_from": 20270},
    "H44.61": {"name": "Xã Sáu Mốt", "level": "commune", "valid_to": 20269, "successor": "H44.60"},
}


@pytest.mark.parametrize("code_above", [True, False])
def test_a_header_merged_over_two_lines_hides_no_column_and_sums_are_no_units(code_above: bool) -> None:
    """As offices draw them: a column's cell is two lines high, or two columns' cells stand under one of theirs."""
    unit, place = ("Mã đơn vị", None) if code_above else ("Đơn vị", "Mã định danh")
    found = told("units", workbook(
        ["DANH MỤC"], [None],
        ["STT", unit, "Tên đơn vị", "Cấp", "Sáp nhập vào", "Hiệu lực", None],
        [None, place, None, None, None, "từ ngày", "đến ngày"],
        [1, "H44.60", "Xã Sáu Mươi", "Cấp xã", None, "01/07/2025", None],
        [2, "H44.61", "Xã Sáu Mốt", "Cấp xã", "H44.60", None, "30/06/2025"],
        ["Tổng cộng: 2 đơn vị"], ["Cộng", 2], [None, None, "Tổng số 2"], [None, "Tổng cộng", 2],
    ))  # fmt: skip
    assert rows(found) == UNDER_TWO
    assert found.places == [5, 6]


def test_a_unit_that_is_called_a_sum_is_one_and_a_faulty_line_is_told() -> None:
    table = "Mã;Tên\nH44.5;Tổng công ty A\n;Tổng công ty B\n;Chi cục C\n5;Chi cục D\n".encode()
    first, *others = told("units", table).rows
    assert isinstance(first, Row)
    assert first.changes == {"name": "Tổng công ty A"}
    assert len(others) == 3


def test_the_portals_own_table_of_units_is_read() -> None:
    table = b'unit_code,unit_name,level\nH44,UBND,\n"=""H44.01""",\'So,PROVINCE\nH44.100,Xa,COMMUNE\n'
    assert rows(told("units", table)) == {
        "H44": {"name": "UBND", "level": "province"}, "H44.01": {"name": "So", "level": "department"},
        "H44.100": {"name": "Xa", "level": "commune"},
    }  # fmt: skip


def test_sheets_that_are_hidden_are_not_read(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        for number, name in enumerate(("Ẩn", "1", "2")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["Mã đơn vị", "Tên đơn vị"])
            sheet.write_row(1, 0, [f"H44.{number}", f"Đơn vị {number}"])
        book.worksheets()[1].activate()
        book.worksheets()[0].hide()
    found = rows(told("units", (tmp_path / "a.xlsx").read_bytes()))
    assert found == {"H44.1": {"name": "Đơn vị 1"}, "H44.2": {"name": "Đơn vị 2"}}


def test_commas_in_names_set_nothing_apart_where_the_header_has_semicolons() -> None:
    table = "Danh sách, năm 2026\n\nMã;Tên\nH44.5;Ban A, B, C, D và E\n".encode()
    assert rows(told("units", table)) == {"H44.5": {"name": "Ban A, B, C, D và E"}}


def test_what_put_takes_is_taken_as_put_does() -> None:
    row = {"code": "H44.07", "name": None, "level": "department", "aliases": ["STP"], "valid_to": "2026-06-30"}
    assert rows(told("units", [row])) == {
        "H44.07": {"name": None, "level": "department", "aliases": ("STP",), "valid_to": 20634}
    }
    table = b"code,name,level,parent,certified_copy,successor,aliases\nH44.5,X,province,H44,true,H44.6,a;b\n"
    assert rows(told("units", table)) == {
        "H44.5": {
            "name": "X", "level": "province", "parent": "H44", "certified_copy": True, "successor": "H44.6",
            "aliases": ("a", "b"),
        }
    }  # fmt: skip
    (wrong,) = told("units", [{"code": "H44.07", "nmae": "Sở"}]).rows
    assert isinstance(wrong, Rejected)
    assert (wrong.code, wrong.field) == ("unknown_field", "nmae")


PROCEDURE: dict[str, Any] = {
    "ID": 1, "MATTHC": "1.004555.000.00.00.H44", "TENTTHC": "Cấp giấy phép\n kinh doanh", "TRANGTHAI": "1",
    "CAPTHUCHIEN": [{"CAPTHUCHIEN": "1", "TENCAP": "Cấp Tỉnh"}, {"CAPTHUCHIEN": 3}, {"CAPTHUCHIEN": "2"}],
    "LINHVUCTHUCHIEN": [{"MALINHVUC": "G03-GD10", "TENLINHVUC": "Công Thương"}, {"TENLINHVUC": "Khác"}],
    "CACHTHUCTHUCHIEN": [
        {"KENH": "1", "THOIGIAN": [
            {"THOIGIANGIAIQUYET": "5", "DONVITINH": "Ngày làm việc", "PHILEPHI": [{"SOTIEN": "không"}]},
            {"THOIGIANGIAIQUYET": 8, "DONVITINH": "Ngày", "PHILEPHI": []},
        ]},
        {"KENH": "2", "THOIGIAN": [
            {"THOIGIANGIAIQUYET": "40", "DONVITINH": "Giờ", "PHILEPHI": [{"MAPHILEPHI": "2", "SOTIEN": "50.000"}]},
        ]},
    ],
    "KETQUATHUCHIEN": [{"MAKETQUA": "KQ.G15.000031", "TENKETQUA": "Giấy phép"}],
    "DOITUONGTHUCHIEN": [{"MADOITUONG": "1", "TENDOITUONG": "Công dân Việt Nam"}, {"TENDOITUONG": "Doanh nghiệp"}],
    "MUCDO": "4",
}  # fmt: skip


def test_the_facts_of_a_procedure_follow_from_what_the_portal_tells() -> None:
    found = told("procedures", {"error_code": "0", "result": [PROCEDURE]})
    assert rows(found) == {
        "1.004555": {
            "name": "Cấp giấy phép kinh doanh", "sector": "Công Thương", "issues_document": True,
            "levels": ("province", "commune"), "applicants": ("citizen", "organisation"), "fee": True,
            "max_working_days": 6,
        }
    }  # fmt: skip
    assert found.raw == {"1.004555": "1.004555.000.00.00.H44"}


@pytest.mark.parametrize(
    ("time", "unit", "days"),
    [
        ("15", "Ngày làm việc", 15),
        (15.0, "ngày  làm việc", 15),
        ("0.5", "Ngày làm việc", 1),
        ("2,5", "Ngày làm việc", 3),
        ("7", "Ngày", 5),
        ("10", "Ngày", 8),
        ("14", "Ngày", 10),
        ("1", "Ngày", 1),
        ("4", "Giờ", 1),
        ("8", "Giờ", 1),
        ("9", "Giờ", 2),
        ("1", "Tháng", 22),
        ("7", "Tháng", 150),
        ("2", "Tuần", 10),
        ("0", "Ngày", None),
        ("", "Ngày", None),
        ("5", "", None),
        ("ngay", "Ngày", None),
        ("3 đến 5", "Ngày", None),
    ],
)
def test_a_legal_time_in_working_days(time: object, unit: str, days: int | None) -> None:
    ways = [{"KENH": "1", "THOIGIAN": [{"THOIGIANGIAIQUYET": time, "DONVITINH": unit}]}]
    found = rows(told("procedures", [{"MATTHC": "1.004555", "CACHTHUCTHUCHIEN": ways}]))["1.004555"]
    assert found == {"fee": False} | ({} if days is None else {"max_working_days": days})


@pytest.mark.parametrize(
    ("amount", "fee"),
    [("không", False), ("50.000", True), ("0", False), ("0 đồng", False), (8000, True), ("Miễn phí", False),
     ("8.000 đồng/bản", True), (None, False)],
)  # fmt: skip
def test_an_amount_with_a_digit_is_a_fee(amount: object, fee: bool) -> None:
    ways = [{"THOIGIAN": [{"PHILEPHI": [{"SOTIEN": amount}]}, {"PHILEPHI": []}]}]
    assert rows(told("procedures", [{"MATTHC": "1.004555", "CACHTHUCTHUCHIEN": ways}])) == {"1.004555": {"fee": fee}}


def test_what_is_not_told_stays_and_no_result_is_no_document() -> None:
    found = told("procedures", [{"MATTHC": "1.000001", "TENTTHC": "A"}, {"MATTHC": "1.000002", "KETQUATHUCHIEN": []}])
    assert rows(found) == {"1.000001": {"name": "A"}, "1.000002": {"issues_document": False}}


def test_of_two_codes_of_one_core_the_fullest_wins_and_the_other_is_told() -> None:
    found = told(
        "procedures",
        [
            {"MATTHC": "1.000001.H44", "TENTTHC": "A"},
            {"MATTHC": "1.000001.000.00.00.H44", "TENTTHC": "B", "KETQUATHUCHIEN": []},
            {"MATTHC": "1.000002_1", "TENTTHC": "C"},
            {"MATTHC": "1.000002.000.00.00.H44.02", "TENTTHC": "D"},
            {"MATTHC": "1.000003", "TENTTHC": "E", "TRANGTHAI": "0"},
            {"MATTHC": "TS_lop1.000.00.00.H44", "TENTTHC": "F"},
        ],
    )
    *sound, local = found.rows
    assert [(each.id, each.changes) for each in sound if isinstance(each, Row)] == [
        ("1.000001", {"name": "B", "issues_document": False}),
        ("1.000002", {"name": "C"}),
    ]
    assert isinstance(local, Rejected)
    assert (local.code, found.places) == ("invalid_code", [2, 3, 6])
    assert found.raw == {"1.000001": "1.000001.000.00.00.H44", "1.000002": "1.000002_1"}
    assert found.left_out == 3
    assert [(each.place, each.code, str(each.says).partition(":")[0]) for each in found.notes] == [
        (5, "1.000003", "not published (`TRANGTHAI`)"),
        (1, "1.000001.H44", "left out"),
        (4, "1.000002.000.00.00.H44.02", "left out"),
    ]


def test_a_table_of_procedures_and_one_in_which_a_spreadsheet_took_codes_for_numbers() -> None:
    header = [
        "Mã TTHC",
        "Tên thủ tục",
        "Lĩnh vực",
        "Mức độ",
        "Phí, lệ phí",
        "Đối tượng",
        "Cấp thực hiện",
        "Số ngày làm việc",
    ]
    data = workbook(
        header,
        ["1.004555", "Cấp phép", "Công Thương", "Toàn trình", "50.000", "Công dân; tổ chức", "tỉnh; xã", 5],
        ["1.000001", "Chứng thực", "Tư pháp", 3, "không", "cá nhân", "xã", 1.0],
        [1.00455, "Nhầm", None, None, None, None, None, None],
    )
    first, second, wrong = told("procedures", data).rows
    assert isinstance(first, Row)
    assert first.changes == {
        "name": "Cấp phép", "sector": "Công Thương", "service_level": "full", "fee": True,
        "applicants": ("citizen", "organisation"), "levels": ("province", "commune"), "max_working_days": 5,
    }  # fmt: skip
    assert isinstance(second, Row)
    assert second.changes == {
        "name": "Chứng thực", "sector": "Tư pháp", "service_level": "partial", "fee": False,
        "applicants": ("citizen",), "levels": ("commune",), "max_working_days": 1,
    }  # fmt: skip
    assert isinstance(wrong, Rejected)
    assert (wrong.code, "1.004550" in str(wrong.detail)) == ("invalid_code", True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no line of the table names its columns"),
        (b"code,name\n\n", "there is no row in it"),
        (b'{"error_code": "1", "message": "khong tim thay"}', "there is no row in it"),
        (b"a,b\n1,2\n", "no line of the table names its columns"),
        (b"[{]", "it is no JSON"),
        (b"\xff\x00\xff", "no line of the table names its columns"),
        (b"PK\x03\x04 broken", "no spreadsheet and no CSV, whatever its name says"),
        ("Mã,Tên\nH44.5,Sở A\nH44.6,Ban B, C và D\n".encode(), "line 3 has more cells than the header"),
        (b'code,name\n"H44,x\n', "from line 2 on it is no CSV"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, says: str) -> None:
    with pytest.raises(Unreadable) as refused:
        told("units", data)
    assert str(refused.value.args[0]).startswith(says)
