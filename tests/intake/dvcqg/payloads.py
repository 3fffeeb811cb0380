"""Payloads as one-stop software sends them to the national portal, with what they tell of people (made up)."""

from __future__ import annotations

from typing import Any

PERSON = {
    "SoGiayToChuHoSo": "001099000111", "ChuHoSo": "TRẦN THỊ THỬ NGHIỆM", "MaDoiTuong": "TECHID-0099",
    "Email": "thu.nghiem@example.invalid", "Fax": "02100000111", "SoDienThoai": "0912000111",
    "TrichYeuHoSo": "Đơn của bà Thử Nghiệm", "ThongTinKhac": "nhà ở ngõ 9", "GhiChu": "gọi bà Thử",
    "ThongTinTra": "giao tận tay bà Thử", "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "001099000111"}],
}  # fmt: skip
"""What must not be kept, under the names it comes by."""
PRIVATE = ("001099000111", "THỬ NGHIỆM", "TECHID-0099", "thu.nghiem", "02100000111", "0912000111", "Thử", "ngõ 9",
           "files.example.invalid", "Cán bộ Kín")  # fmt: skip
"""Texts of which none may be found again anywhere."""


def dossier(code: str, procedure: str = "1.004555.000.00.00.H44", **fields: Any) -> dict[str, Any]:
    """An element of DongBoHoSoMC; keywords are its own names."""
    return {
        "MaHoSo": code, "MaTTHC": procedure, "TenTTHC": "Cấp giấy phép", "MaLinhVuc": "G01-LV01", "TenLinhVuc": "A",
        "KenhThucHien": "1", "LoaiDoiTuong": "1", "NgayNopHoSo": "", "NgayTiepNhan": "", "NgayHenTra": "",
        "TrangThaiHoSo": "2", "NgayTra": "", "HinhThuc": "0", "NgayKetThucXuLy": "", "DonViXuLy": "Sở Công Thương",
        "TaiLieuNop": [], "DanhSachLePhi": [], "DanhSachTepDinhKemKhac": [], "DanhSachHoSoBoSung": [],
        "DanhSachGiayToKetQua": [], "NoiNopHoSo": "2", "HoSoCoThanhPhanSoHoa": "0", "TaiKhoanDuocXacThucVoiVNeID": "0",
        "DuocThanhToanTrucTuyen": "0", "NgayTuChoi": "", "DSKetNoiCSDL": [{"MaCSDL": "7"}],
    } | PERSON | fields  # fmt: skip


def paper(number: int, digitised: str = "1", reused: str = "0", stored: str = "0", deleted: str = "False") -> dict:
    """A submitted file."""
    link = f"https://files.example.invalid/nop/{number}.pdf?nguoi=Thử"
    return {
        "TepDinhKemId": "", "TenTepDinhKem": f"CCCD bà Thử {number}.pdf", "IsDeleted": deleted,
        "MaThanhPhanHoSo": f"KQ.H44.{number:06}", "DuongDanTaiTepTin": link, "DuocSoHoa": digitised,
        "DuocTaiSuDung": reused, "DuocLayTuKhoDMQG": stored, "MaKetQuaThayThe": None,
    }  # fmt: skip


def result(number: int) -> dict:
    """A file of the result."""
    return {
        "TenGiayTo": "Giấy phép bà Thử.pdf", "MaThanhPhanHoSo": "", "GiayToId": "", "MaGiayToKetQua": "KQ.H44.000900",
        "DuongDanTepTinKetQua": f"https://files.example.invalid/kq/{number}.pdf",
    }  # fmt: skip


def step(code: str, at: str, status: str, words: str = "Thẩm định") -> dict[str, Any]:
    """An element of CapNhatTienDoHoSoMC."""
    return {
        "MaHoSo": code, "NguoiXuLy": "Cán bộ Kín", "ChucDanh": "", "ThoiDiemXuLy": at, "PhongBanXuLy": "Phòng A",
        "NoiDungXuLy": words, "TrangThai": status, "NgayBatDau": "", "NgayKetThucTheoQuyDinh": "",
    }  # fmt: skip


ONLINE = "H44.07-260303-0012"
COUNTER = "000.00.30.H44-260310-0003"
POSTAL = "H44.07-260512-0004"

_PAPERS = [paper(1), paper(2, reused="2", stored="1")]
_FEE = [{"TenPhiLePhi": "Lệ phí", "MaPhiLePhi": "2", "HinhThucThu": "1", "Gia": "8.000", "LoaiPhiLePhi": "1"}]

STORIES: dict[str, list[tuple[str, list[dict[str, Any]]]]] = {
    # Online, ended before it was due, with an electronic result, and papers from the citizen's store.
    ONLINE: [
        ("DongBoHoSoMC", [dossier(
            ONLINE, KenhThucHien="2", NgayTiepNhan="20260303090500", NgayHenTra="20260306170000", TaiLieuNop=_PAPERS,
            HoSoCoThanhPhanSoHoa="1", TaiKhoanDuocXacThucVoiVNeID="1", NoiNopHoSo="1", NgayNopHoSo="20260303081500",
        )]),
        ("CapNhatTienDoHoSoMC", [
            step(ONLINE, "20260303090500", "2", "Tiếp nhận hồ sơ"), step(ONLINE, "20260303100000", "4"),
        ]),
        ("DongBoHoSoMC", [dossier(
            ONLINE, KenhThucHien="2", NgayTiepNhan="20260303090500", NgayHenTra="20260306170000", TaiLieuNop=_PAPERS,
            HoSoCoThanhPhanSoHoa="1", TaiKhoanDuocXacThucVoiVNeID="1", NoiNopHoSo="1", NgayNopHoSo="20260303081500",
            TrangThaiHoSo="10", NgayKetThucXuLy="20260305154500", NgayTra="20260305161000",
            DanhSachGiayToKetQua=[result(1)],
        )]),
        ("CapNhatTienDoHoSoMC", [
            step(ONLINE, "20260305154500", "9", "Kết thúc xử lý hồ sơ"),
            step(ONLINE, "20260305161000", "10", "Trả kết quả"),
        ]),
    ],
    # At the counter of a commune by its old code, two days late, returned by post; one file was taken back.
    COUNTER: [
        ("DongBoHoSoMC", [dossier(
            COUNTER, "1.000001.000.00.00.H44", NgayTiepNhan="20260310102000", NgayHenTra="20260324170000",
            TrangThaiHoSo="10", NgayKetThucXuLy="20260326110500", NgayTra="20260328090000", HinhThuc="1",
            TaiLieuNop=[paper(3), paper(4, deleted="True")], HoSoCoThanhPhanSoHoa="1",
        )]),
        ("CapNhatTienDoHoSoMC", [
            step(COUNTER, "20260310102000", "2", "Tiếp nhận hồ sơ"), step(COUNTER, "20260311083000", "4"),
            step(COUNTER, "20260326110500", "9", "Kết thúc xử lý hồ sơ"),
            step(COUNTER, "20260328090000", "10", "Trả kết quả qua bưu chính"),
        ]),
    ],
    # Through the post, one supplement that moves the due time, a fee paid online.
    POSTAL: [
        ("DongBoHoSoMC", [dossier(
            POSTAL, KenhThucHien="3", NgayTiepNhan="20260512084000", NgayHenTra="20260514170000", TrangThaiHoSo="5",
            HinhThuc="1", TaiLieuNop=[paper(5)], HoSoCoThanhPhanSoHoa="1", DanhSachLePhi=_FEE,
            DuocThanhToanTrucTuyen="1",
        )]),
        ("CapNhatTienDoHoSoMC", [
            step(POSTAL, "20260512084000", "2", "Tiếp nhận hồ sơ"), step(POSTAL, "20260512101500", "4"),
            step(POSTAL, "20260513093000", "5", "Yêu cầu bổ sung giấy tờ"),
        ]),
        ("DongBoHoSoMC", [dossier(
            POSTAL, KenhThucHien="3", NgayTiepNhan="20260512084000", NgayHenTra="20260516170000", TrangThaiHoSo="10",
            NgayKetThucXuLy="20260516103000", NgayTra="20260519090000", HinhThuc="1", TaiLieuNop=[paper(5), paper(6)],
            HoSoCoThanhPhanSoHoa="1", DanhSachLePhi=_FEE, DuocThanhToanTrucTuyen="1", DanhSachGiayToKetQua=[result(2)],
        )]),
        ("CapNhatTienDoHoSoMC", [
            step(POSTAL, "20260515143000", "5", "Hoàn thành bổ sung hồ sơ"),
            step(POSTAL, "20260516103000", "9", "Kết thúc xử lý hồ sơ"),
            step(POSTAL, "20260519090000", "10", "Trả kết quả qua bưu chính"),
        ]),
    ],
}  # fmt: skip
"""Three dossiers, each with the calls that tell of it, in their order: service and elements."""
