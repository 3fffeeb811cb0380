"""Exports of dossiers as offices have them (made up), and the payload that tells the same."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

from tests.intake.dvcqg.payloads import dossier, paper, result

HEADERS = ("STT", "Mã hồ sơ", "Mã TTHC", "Chủ hồ sơ", "Số CCCD", "Điện thoại", "Trích yếu", "Kênh nộp",
           "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày hoàn thành", "Ngày trả kết quả", "Hình thức trả", "Trạng thái",
           "Thanh toán trực tuyến", "Số hóa", "Tái sử dụng", "Kết quả điện tử", "Người xử lý")  # fmt: skip
PERSON = ("TRẦN THỊ THỬ NGHIỆM", "001099000111", "0912000111", "Đơn của bà Thử Nghiệm")
BEGIN = datetime(2026, 1, 5, 8)  # noqa: DTZ001 - civil
_CHANNELS = {"1": "Trực tiếp", "2": "Trực tuyến", "3": "Bưu chính công ích"}
_YES = {"0": "Không", "1": "Có"}
_STATUSES = {
    "2": "Được tiếp nhận", "3": "Không được tiếp nhận", "4": "Đang xử lý", "5": "Yêu cầu bổ sung giấy tờ",
    "7": "Công dân yêu cầu rút hồ sơ", "9": "Đã xử lý xong", "10": "Đã trả kết quả",
}  # fmt: skip


def stories(seed: int, count: int = 60) -> list[dict[str, Any]]:
    """Dossiers as live pushes tell them, with no more than a table's columns can say."""
    chance = random.Random(seed)
    told = []
    for number in range(count):
        received = BEGIN + timedelta(minutes=chance.randrange(200_000))
        due = received + timedelta(hours=chance.randrange(8, 200))
        ended = received + timedelta(minutes=chance.randrange(1, 15_000))
        status = chance.choice(list(_STATUSES))
        unit = chance.choice(["H44.07", "H44.13", "000.00.30.H44", "H44.99"])
        reused = chance.choice("01")
        told.append(dossier(
            f"{unit}-{received:%y%m%d}-{number:04}", chance.choice(["1.004555.000.00.00.H44", "1.000001"]),
            KenhThucHien=chance.choice("123"), NgayTiepNhan=f"{received:%Y%m%d%H%M%S}",
            NgayHenTra=f"{due:%Y%m%d%H%M%S}", TrangThaiHoSo=status, HinhThuc=chance.choice("01"),
            NgayKetThucXuLy=f"{ended:%Y%m%d%H%M%S}" if status in ("3", "7", "9", "10") else "",
            NgayTra=f"{ended + timedelta(hours=3):%Y%m%d%H%M%S}" if status == "10" else "",
            DuocThanhToanTrucTuyen=chance.choice("01"), HoSoCoThanhPhanSoHoa=chance.choice("01"),
            TaiLieuNop=[{name: paper(1, reused=reused)[name] for name in ("DuocTaiSuDung", "IsDeleted")}],
            DanhSachGiayToKetQua=[result(number)] if chance.random() < 0.5 else [],
            **dict.fromkeys(("LoaiDoiTuong", "NoiNopHoSo", "TaiKhoanDuocXacThucVoiVNeID"), ""), DSKetNoiCSDL=[],
        ))  # fmt: skip
    return told


def row_of(told: dict[str, Any], number: int = 1) -> list[Any]:
    """The row of an export that says what a payload does; times as a spreadsheet has them."""

    def at(name: str) -> datetime | None:
        text = told[name]
        return datetime.strptime(text, "%Y%m%d%H%M%S") if text else None  # noqa: DTZ007 - civil

    return [
        number, told["MaHoSo"], told["MaTTHC"], *PERSON, _CHANNELS[told["KenhThucHien"]], at("NgayTiepNhan"),
        at("NgayHenTra"), at("NgayKetThucXuLy"), at("NgayTra"), {"0": "Trực tiếp", "1": "Bưu chính"}[told["HinhThuc"]],
        _STATUSES[told["TrangThaiHoSo"]], _YES[told["DuocThanhToanTrucTuyen"]], _YES[told["HoSoCoThanhPhanSoHoa"]],
        _YES[told["TaiLieuNop"][0]["DuocTaiSuDung"]], _YES["1" if told["DanhSachGiayToKetQua"] else "0"], "Cán bộ Kín",
    ]  # fmt: skip


def workbook(path: Path, rows: list[list[Any]], headers: tuple[str, ...] = HEADERS, title: bool = True) -> Path:
    """An XLSX with title lines above the header, some cells of which are merged, as reports have them."""
    with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy hh:mm:ss"}) as book:
        sheet = book.add_worksheet("Hồ sơ")
        above = 0
        if title:
            sheet.merge_range(0, 0, 0, 8, "UBND TỈNH: DANH SÁCH HỒ SƠ")
            sheet.write(1, 0, "Từ ngày 01/01/2026 đến ngày 30/06/2026")
            above = 3
        sheet.write_row(above, 0, headers)
        for number, row in enumerate(rows, start=above + 1):
            for place, cell in enumerate(row):
                if cell is not None:
                    sheet.write(number, place, cell)
    return path


def table(rows: list[list[Any]], delimiter: str = ",", headers: tuple[str, ...] = HEADERS) -> str:
    """The same as CSV, times as people write them."""

    def text(cell: Any) -> str:
        said = f"{cell:%d/%m/%Y %H:%M:%S}" if isinstance(cell, datetime) else "" if cell is None else str(cell)
        return f'"{said}"' if delimiter in said else said

    return "".join(f"{delimiter.join(map(text, row))}\r\n" for row in [list(headers), *rows])
