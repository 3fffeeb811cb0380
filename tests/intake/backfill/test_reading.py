"""Exports as they are saved: encodings, headers, dates and words."""

from __future__ import annotations

import calendar
import codecs
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from app.domain.calendar.civil import Instant
from app.domain.codes import ProcedureCode
from app.domain.portal.state import State, Supplement
from app.intake import tables
from app.intake.backfill import columns, mapping
from app.intake.backfill.mapping import Map
from app.intake.backfill.rows import Rows
from app.intake.dvcqg.dossier import Read, dossier
from tests.intake.dvcqg.exports import row_of, stories, table, workbook
from tests.intake.imports.workbook import decomposed


def read(path: Path, told: Map | None = None) -> tuple[columns.Columns, list[Read]]:
    """The columns and the rows that are dossiers'."""
    told = told or Map()
    rows = [row for _, row in tables.opened(path, columns.naming(told.columns), told.sheet).rows]
    found = columns.guess(rows, told.columns)
    reader = Rows(found, told)
    cells = [reader.cells(row) for row in rows[found.first :]]
    return found, [reader.read(each) for each in cells if not reader.is_none(each)]


def of_table(tmp_path: Path, headers: list[str], *rows: list[Any], told: Map | None = None) -> list[Read]:
    """What a workbook of a header and rows is read as."""
    return read(workbook(tmp_path / "t.xlsx", list(map(list, rows)), tuple(headers), title=False), told)[1]


def civil(*at: int) -> Instant:
    """µs of a civil time."""
    year, month, day, hour, minute, second = (*at, 0, 0, 0)[:6]
    return Instant(calendar.timegm((year, month, day, hour - 7, minute, second)) * 1_000_000)


EIGHT = datetime.fromisoformat("2026-01-05 08:00:00")
ENCODINGS = [
    ("utf-8", b""),
    ("utf-8", codecs.BOM_UTF8),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
    ("cp1258", b""),
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(("encoding", "mark"), ENCODINGS)
def test_a_csv_in_any_encoding_tells_what_the_workbook_does(
    tmp_path: Path, encoding: str, mark: bytes, delimiter: str
) -> None:
    told = stories(3)
    rows = [row_of(each, number) for number, each in enumerate(told)]
    text = "DANH SÁCH HỒ SƠ\r\n\r\n" + table(rows, delimiter)
    if encoding == "cp1258":
        text = decomposed(text)
    (tmp_path / "a.csv").write_bytes(mark + text.encode(encoding))
    expected = [replace(dossier(each), unread=()) for each in told]
    assert read(tmp_path / "a.csv")[1] == expected
    assert read(workbook(tmp_path / "a.xlsx", rows))[1] == expected


def test_headers_are_found_below_titles_merged_over_two_rows_and_numbered(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet("1")
        sheet.merge_range(0, 0, 0, 6, "BÁO CÁO")
        for place, text in enumerate(("TT", "Mã hồ sơ", "Mã thủ tục hành chính")):
            sheet.merge_range(3, place, 4, place, text)
        sheet.merge_range(3, 3, 3, 4, "Ngày")
        sheet.write_row(4, 3, ["tiếp nhận", "hẹn trả"])
        sheet.write(3, 6, "HỌ VÀ TÊN người nộp")
        sheet.write_row(5, 0, ["(1)", "(2)", "(3)", "(4)", "(5)", "", "(6)"])
        sheet.write_row(6, 0, [1, "H44.07-260105-0001", 1.00455, 46027.35, "09-01-2026", "", "A"])
        sheet.write_row(7, 0, ["", "", "", "", "Tổng: 1"])
    found, [only] = read(tmp_path / "a.xlsx")
    assert {name: column.place for name, column in found.read.items()} == {
        "code": 1, "procedure": 2, "received": 3, "due": 4,
    }  # fmt: skip
    assert found.personal == ["HỌ VÀ TÊN người nộp"]
    assert found.others == ["TT"]
    assert only.what == State(
        4,
        procedure=ProcedureCode("1.004550"),
        received_at=civil(2026, 1, 5, 8, 24),
        due_at=civil(2026, 1, 9, 23, 59, 59),
    )


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (46027.35, (2026, 1, 5, 8, 24)),
        ("46027,35", (2026, 1, 5, 8, 24)),
        ("05/01/2026 08:24:00", (2026, 1, 5, 8, 24)),
        ("5-1-2026 8:24", (2026, 1, 5, 8, 24)),
        ("08:24 05/01/2026", (2026, 1, 5, 8, 24)),
        ("2026-01-05T08:24:00.000", (2026, 1, 5, 8, 24)),
        ("20260105082400", (2026, 1, 5, 8, 24)),
        ("05.01.2026", (2026, 1, 5)),
        ("2026/01/05 08:24", (2026, 1, 5, 8, 24)),
        (20260105082400, (2026, 1, 5, 8, 24)),
        ("05/01/2026 8:24 SA", (2026, 1, 5, 8, 24)),
        ("05/01/2026 12:24:00 SA", (2026, 1, 5, 0, 24)),
        ("05/01/2026 1:24:00 CH", (2026, 1, 5, 13, 24)),
        ("05/01/2026 12:24 CH", (2026, 1, 5, 12, 24)),
        ("08h24 05/01/2026", (2026, 1, 5, 8, 24)),
    ],
)
def test_times_as_spreadsheets_and_people_write_them(tmp_path: Path, cell: Any, expected: tuple[int, ...]) -> None:
    [only] = of_table(tmp_path, ["MaHoSo", "MaTTHC", "NgayTiepNhan"], ["H44.07-260105-0001", "1.004555", cell])
    assert isinstance(only.what, State)
    assert only.what.received_at == civil(*expected)


def test_a_day_alone_is_the_whole_day(tmp_path: Path) -> None:
    headers = ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày hoàn thành"]
    day, at = date(2026, 1, 5), EIGHT
    with xlsxwriter.Workbook(tmp_path / "a.xlsx", {"default_date_format": "dd/mm/yyyy"}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, headers)
        sheet.write_row(1, 0, ["H44.07-260105-0001", "1004555", at, day, day])
    [only] = read(tmp_path / "a.xlsx")[1]
    received = civil(2026, 1, 5, 8)
    assert only.what == State(
        9,
        procedure=ProcedureCode("1.004555"),
        received_at=received,
        due_at=civil(2026, 1, 5, 23, 59, 59),
        completed_at=received,
    )


@pytest.mark.parametrize(
    "day",
    ["12/01/2026", "12/01/2026 00:00", "2026-01-12", "2026/1/12", "2026-01-12 00:00", "2026-01-12T00:00:00",
     "2026-01-12 00:00:00.000", "20260112", "20260112000000", 20260112, 46034, "46034"],
)  # fmt: skip
def test_a_due_day_lasts_until_its_end_however_it_is_written(tmp_path: Path, day: Any) -> None:
    """Else all that was done on the last day would be late."""
    headers = ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", "Hạn trả", "Ngày hoàn thành"]
    [only] = of_table(tmp_path, headers, ["H44.07-260112-0001", "1.004555", "12/01/2026 08:00", day, day])
    assert isinstance(only.what, State)
    assert (only.what.due_at, only.what.completed_at) == (civil(2026, 1, 12, 23, 59, 59), civil(2026, 1, 12, 8))


def test_a_status_follows_from_times_and_lateness_beside_it_says_nothing(tmp_path: Path) -> None:
    headers = ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", "Ngày trả kết quả", "Tình trạng", "Ngày yêu cầu bổ sung",
               "Ngày nhận bổ sung"]  # fmt: skip
    at = EIGHT
    code, procedure = "H44.07-260105-0001", "1.004555"
    reads = of_table(
        tmp_path, headers,
        [code, procedure, at, at, None, at, at],
        [code, procedure, at, None, "Đã trả kết quả (trễ hạn)"],
        [code, procedure, at, None, "ĐANG XỬ LÝ quá hạn"],
        [code, procedure, None, None, "Không tiếp nhận"],
    )  # fmt: skip
    states = [each.what for each in reads]
    assert [each.status for each in states if isinstance(each, State)] == [10, 10, 4, 3]
    assert isinstance(states[0], State)
    assert states[0].supplements == (Supplement(civil(2026, 1, 5, 8), civil(2026, 1, 5, 8)),)


def test_what_is_wrong_with_a_row_is_told_and_names_are_hidden(tmp_path: Path) -> None:
    headers = ["Mã hồ sơ", "Mã TTHC", "Kênh", "Ngày tiếp nhận"]
    code, procedure, at = "H44.07-260105-0001", "1.004555", "05/01/2026 08:00:00"
    rows: list[list[Any]] = [
        [code, procedure, "Nguyễn Văn Thử", at],
        [code, procedure, "Qua ứng dụng", at],
        [code, "cấp phép", "Trực tuyến", at],
        [code, procedure, "Trực tuyến", "hôm nọ"],
        [code, procedure, "Trực tuyến", None],
        ["0912 000 111", procedure, "Trực tuyến", at],
    ]
    path = workbook(tmp_path / "a.xlsx", rows, tuple(headers), title=False)
    reads = read(path)[1]
    assert [[(fault.code, fault.field) for fault in each.faults][:1] for each in reads] == [
        [("invalid_value", "KenhThucHien")], [("invalid_value", "KenhThucHien")], [("invalid_code", "MaTTHC")],
        [("invalid_value", "NgayTiepNhan")], [("invalid_value", "NgayTiepNhan")], [("invalid_code", "MaHoSo")],
    ]  # fmt: skip
    assert all(each.what is None for each in reads)
    found = columns.guess([list(headers)], {})
    reader = Rows(found, Map())
    assert [reader.shown(reader.cells(row)) for row in rows] == [
        [code, procedure, "***", at],
        [code, procedure, "Qua ứng dụng", at],
        [code, "***", "Trực tuyến", at],
        [code, procedure, "Trực tuyến", "***"],
        [code, procedure, "Trực tuyến", ""],
        ["***", procedure, "Trực tuyến", at],
    ]


def test_a_map_names_columns_values_and_the_sheet(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        'sheet = "Hồ sơ"\n[columns]\nreceived = "Vào sổ"\nstatus = ""\n[values.channel]\n"Qua ứng dụng" = "online"\n',
        encoding="utf-8",
    )
    told = mapping.read(tmp_path / "map.toml")
    headers = ["Mã hồ sơ", "Mã TTHC", "Vào sổ", "Kênh", "Trạng thái"]
    [only] = of_table(
        tmp_path, headers, ["H44.07-260105-0001", "1.004555", "05/01/2026", "qua  ỨNG DỤNG", "lạ"], told=told
    )
    assert only.what == State(4, procedure=ProcedureCode("1.004555"), channel="online", received_at=civil(2026, 1, 5))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[columns]\nrecieved = 'x'", "columns.recieved is nothing that a map says; likely received is meant"),
        ("[values.channel]\n'a' = 'boat'", "values.channel: boat is none of: 1, counter"),
        ("columns = 3", "columns must be a table"),
        ("x", "map.toml: "),
    ],
)
def test_a_map_that_cannot_be_followed_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(mapping.BadMap) as refused:
        mapping.read(tmp_path / "map.toml")
    assert says in str(refused.value)


def test_a_column_that_is_not_found_is_told_with_the_nearest(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [], ("Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận đơn", "Họ tên"))
    with pytest.raises(columns.NoColumns) as refused:
        read(path)
    assert str(refused.value) == (
        'no column for received (received at); name it under [columns] of a map: received = "Ngày tiếp nhận đơn"'
    )


def test_what_is_no_table_or_too_big_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.xls").write_text("<html><table></table></html>")
    (tmp_path / "b.xlsx").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "c.csv").write_text('Mã hồ sơ,Mã TTHC\n"' + "x" * 140_000)
    for name, says in (("a.xls", "no spreadsheet"), ("b.xlsx", "no spreadsheet"), ("c.csv", "from line 2 on")):
        with pytest.raises(tables.Unreadable) as refused:
            read(tmp_path / name)
        assert says in str(refused.value)
    big = workbook(tmp_path / "d.xlsx", [row_of(each) for each in stories(1)])
    monkeypatch.setattr(tables, "MOST_UNPACKED", 10_000)
    with pytest.raises(tables.Unreadable):
        read(big)


def test_a_sheet_that_is_hidden_is_not_read_and_others_that_are_shown_are_told(tmp_path: Path) -> None:
    """What people do not see is no history of theirs: lists to choose from, last year's copy."""
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        for number, name in enumerate(("Ẩn", "Tháng 1", "Tháng 2", "Trống")):
            sheet = book.add_worksheet(name)
            if name != "Trống":
                sheet.write_row(0, 0, ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận"])
                sheet.write_row(1, 0, [f"H44.07-260105-000{number}", "1.004555", "05/01/2026"])
        book.worksheets()[1].activate()
        book.worksheets()[0].hide()
    table = tables.opened(tmp_path / "a.xlsx", columns.naming({}))
    assert [row[0] for _, row in table.rows] == ["Mã hồ sơ", "H44.07-260105-0001"]
    assert table.unread == ["Tháng 2"]
    assert [row[0] for _, row in tables.opened(tmp_path / "a.xlsx", columns.naming({}), "Ẩn").rows][
        1
    ] == "H44.07-260105-0000"


@pytest.mark.parametrize(("from_1904", "serial"), [(False, 46027.35), (True, 46027.35 - 1462)])
def test_days_are_counted_from_where_the_workbook_says(tmp_path: Path, from_1904: bool, serial: float) -> None:
    """A number without a date's format is days, too: of a workbook of 1904 four years and a day fewer."""
    with xlsxwriter.Workbook(tmp_path / "a.xlsx", {"date_1904": from_1904}) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", "Ngày hẹn trả"])
        sheet.write_row(1, 0, ["H44.07-260105-0001", "1.004555", serial])
        sheet.write_datetime(1, 3, datetime.fromisoformat("2026-01-12 17:00:00"), day)
    table = tables.opened(tmp_path / "a.xlsx", columns.naming({}))
    [header, row] = [row for _, row in table.rows]
    reader = Rows(columns.guess([header], {}), Map(), table.from_1904)
    what = reader.read(reader.cells(row)).what
    assert isinstance(what, State)
    assert (what.received_at, what.due_at) == (civil(2026, 1, 5, 8, 24), civil(2026, 1, 12, 17))


@pytest.mark.parametrize("code", [5000, 4.0, "5.000", "Tổng cộng: 4 hồ sơ", "Người lập biểu", "Phú Thọ, ngày 5-1"])
def test_what_stands_below_the_rows_is_no_dossier(tmp_path: Path, code: Any) -> None:
    headers, sound = ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", "Phí"], ["H44.07-260105-0001", "1.004555", "05/01/2026"]
    assert len(of_table(tmp_path, headers, sound, ["", "", "", ""], [code, "", "", 120000])) == 1
    assert [each.what for each in of_table(tmp_path, headers, ["H44.07-260105-0002"])] == [None]
    assert [each.what for each in of_table(tmp_path, headers, [code, "1.004555", ""])] == [None]


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("code", "Số biên nhận|Mã số biên nhận|Mã HS|Số HS|MaHS|Mã hồ sơ TTHC"),
        ("procedure", "Mã số TTHC|Mã TTHC quốc gia|Mã thủ tục (QG)"),
        ("received", "Ngày nhận HS|Ngày tiếp nhận HS|Tiếp nhận lúc|Ngày TN|Thời gian tiếp nhận HS|Ngày vào sổ"),
        ("due", "Hạn trả|Hẹn trả KQ|Hạn trả KQ|Thời hạn xử lý|Ngày hẹn trả HS|Ngày trả theo hẹn|Ngày hết hạn xử lý"),
        ("completed", "Ngày hoàn tất|Ngày xong|Ngày hoàn thành thực tế|Ngày kết thúc thực tế|Ngày có KQ"),
        ("returned", "Ngày trả thực tế|Ngày giao trả|Ngày trả KQ|Ngày trả kết quả cho công dân|Ngày trả KQ thực tế"),
        ("channel", "Loại hình tiếp nhận|Hình thức nộp HS|Kênh tiếp nhận"),
        ("status", "Trạng thái xử lý|Tình trạng xử lý|Tình trạng HS|Tình trạng giải quyết"),
        ("way", "Hình thức trả KQ|Hình thức nhận KQ"),
        ("result", "KQ điện tử"),
    ],
)
def test_a_header_in_the_ways_offices_write_it(name: str, headers: str) -> None:
    sound = {"code": "Mã hồ sơ", "procedure": "Mã TTHC", "received": "Ngày tiếp nhận"}
    for header in headers.split("|"):
        found = columns.guess([[*(sound | {name: header}).values()]], {}).read
        assert found[name].header == header, header
        assert len(found) == len(sound | {name: header})


@pytest.mark.parametrize("said", ["Đúng hạn", "Quá hạn", "Trễ hạn", "(còn hạn)", "Chưa đến hạn"])
def test_lateness_instead_of_a_status_leaves_that_to_the_times(tmp_path: Path, said: str) -> None:
    headers = ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", "Ngày hoàn thành", "Tình trạng"]
    open_, ended = of_table(
        tmp_path,
        headers,
        ["H44.07-260105-0001", "1.004555", "05/01/2026 08:00", "", said],
        ["H44.07-260105-0002", "1.004555", "05/01/2026 08:00", "09/01/2026 08:00", said],
    )
    assert [each.what.status for each in (open_, ended) if isinstance(each.what, State)] == [4, 9]


@pytest.mark.parametrize("nothing", ["", " ", "-", " – ", "NULL"])
def test_what_offices_write_where_there_is_nothing_is_nothing(tmp_path: Path, nothing: str) -> None:
    headers = ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", "Ngày hoàn thành", "Hạn trả", "Tình trạng", "Số hóa"]
    row = ["H44.07-260105-0001", "1.004555", "05/01/2026 08:00", *[nothing] * 4]
    [only] = of_table(tmp_path, headers, row)
    assert only.what == State(4, procedure=ProcedureCode("1.004555"), received_at=civil(2026, 1, 5, 8))


def test_letters_of_before_unicode_are_told(tmp_path: Path) -> None:
    with pytest.raises(columns.NoColumns) as refused:
        read(workbook(tmp_path / "a.xlsx", [], ("M· hå s¬", "M· TTHC", "Ngµy tiÕp nhËn"), title=False))
    assert "its letters look like TCVN3 (.VnTime): convert the file to Unicode first" in str(refused.value)


def test_commas_in_texts_set_nothing_apart_where_the_header_has_semicolons(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "Hồ sơ, quý I, năm 2026\nMã hồ sơ;Mã TTHC;Ngày tiếp nhận;Trích yếu\n"
        "H44.07-260105-0001;1.004555;05/01/2026 08:00;a, b, c, d, e, f, g, h\n",
        encoding="utf-8",
    )
    [only] = read(tmp_path / "a.csv")[1]
    assert only.what == State(4, procedure=ProcedureCode("1.004555"), received_at=civil(2026, 1, 5, 8))


def test_a_quotation_mark_out_of_its_place_hides_no_dossier(tmp_path: Path) -> None:
    """Up to the next mark all rows were one cell of this one, and nobody was told."""
    rows = [f"H44.07-260105-000{number},1.004555,05/01/2026,Bà Thử\n" for number in range(4)]
    rows[1] = rows[1].replace("Bà", '"Bà')
    rows[3] = rows[3].replace("Bà Thử", '"Bà Thử"')
    (tmp_path / "a.csv").write_text("Mã hồ sơ,Mã TTHC,Ngày tiếp nhận,Trích yếu\n" + "".join(rows), encoding="utf-8")
    with pytest.raises(tables.Unreadable) as refused:
        read(tmp_path / "a.csv")
    assert str(refused.value).startswith("from line 3 on it is no CSV (a quotation mark that is not closed?)")


def test_a_sheet_that_begins_within_has_its_rows_and_columns_where_people_see_them(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(4, 2, ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận"])
        sheet.write_row(5, 2, ["H44.07-260105-0001", "1.004555", "05/01/2026"])
    table = tables.opened(tmp_path / "a.xlsx", columns.naming({}))
    rows = dict(table.rows)
    assert (table.left, list(rows), rows[6][0]) == (2, [1, 2, 3, 4, 5, 6], "H44.07-260105-0001")


@pytest.mark.parametrize(
    ("headers", "place"),
    [
        (["Thời hạn giải quyết", "Ngày hẹn trả"], 1),
        (["Ngày hẹn trả", "Thời hạn giải quyết"], 0),
        (["Hạn xử lý", "Thời hạn xử lý"], 0),
        (["Thời hạn giải quyết"], 0),
    ],
)
def test_of_columns_for_the_same_the_surest_is_read(headers: list[str], place: int) -> None:
    found = columns.guess([[*headers, "Số biên nhận", "Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận"]], {})
    assert (found.read["due"].place, found.read["code"].header) == (place, "Mã hồ sơ")
    assert found.others == [*(each for each in headers if each != headers[place]), "Số biên nhận"]


@pytest.mark.parametrize(
    ("name", "cell", "says"),
    [
        (0, 260105000012345678.0, "a spreadsheet took the code for a number and has lost its digits"),
        (0, "2.60105E+11", "a spreadsheet took the code for a number and has lost its digits"),
        (0, "2,60105e+11", "a spreadsheet took the code for a number and has lost its digits"),
        (2, "1/25/2026", "the month seems to stand before the day"),
        (2, "1/25/2026 8:00", "the month seems to stand before the day"),
        (2, "1/5/2026 8:00:00 AM", "the month seems to stand before the day"),
        (2, "13/13/2026", "expected a time such as"),
        (2, "08 giờ 24 phút ngày 05/01/2026", "expected a time such as"),
        (3, "15 ngày làm việc", "a number of days is no time"),
        (3, "Không quá 03 ngày kể từ ngày nhận đủ hồ sơ", "a number of days is no time"),
    ],
)
def test_what_a_spreadsheet_has_spoilt_is_refused_and_told(tmp_path: Path, name: int, cell: Any, says: str) -> None:
    row: list[Any] = ["H44.07-260105-0001", "1.004555", "05/01/2026", "12/01/2026"]
    row[name] = cell
    [only] = of_table(tmp_path, ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", "Hạn trả"], row)
    assert only.what is None
    assert str(only.faults[0].detail).startswith(says)


def test_a_number_of_fifteen_digits_is_a_code_and_a_header_again_is_no_row(tmp_path: Path) -> None:
    headers = ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận"]
    [only] = of_table(tmp_path, headers, [260105000012345, "1.004555", "05/01/2026"], headers)
    assert only.subject == "260105000012345"
    assert isinstance(only.what, State)


@pytest.mark.parametrize("mark", ['"=""{}"""', "'{}"])
def test_what_keeps_a_spreadsheet_from_taking_a_code_for_a_number_is_no_part_of_it(tmp_path: Path, mark: str) -> None:
    cells = ["H44.07-260105-0001", "1.004555", "05/01/2026", "", "Trực tuyến"]
    (tmp_path / "a.csv").write_text(
        f"Mã hồ sơ,Mã TTHC,Ngày tiếp nhận,Ngày hẹn trả,Kênh\n{','.join(map(mark.format, cells))}\n", "utf-8"
    )
    [only] = read(tmp_path / "a.csv")[1]
    state = State(4, procedure=ProcedureCode("1.004555"), channel="online", received_at=civil(2026, 1, 5))
    assert (only.subject, only.what) == (cells[0], state)
