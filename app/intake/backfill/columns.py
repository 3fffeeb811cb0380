"""Which column of an export tells what: guessed from its header, overridden by a map."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from app.intake import tables
from app.intake.dvcqg.values import bare
from app.intake.tables import Cell
from app.messages import Message, Told, also

FIELDS: Final[Mapping[str, tuple[str, Message, tuple[str, ...]]]] = {
    "code": (
        "MaHoSo", Message("dossier code", "mã hồ sơ"),
        ("sohoso", "mahs", "sohs", "masohoso", "mabiennhan", "sobiennhan", "masobiennhan", "mahosotthc"),
    ),
    "procedure": (
        "MaTTHC", Message("procedure code", "mã thủ tục"),
        ("mathutuc", "mathutuchanhchinh", "masothutuc", "masotthc", "matt", "mathutucquocgia", "matthcquocgia",
         "matthcqg"),
    ),
    "unit": (
        "MaDonVi", Message("unit code", "mã đơn vị"),
        ("madonvixuly", "macoquan", "madinhdanhdonvi", "madinhdanhcoquan", "madinhdanhdv", "madonvitiepnhan"),
    ),
    "channel": (
        "KenhThucHien", Message("channel", "kênh nộp"),
        ("kenh", "kenhnop", "kenhtiepnhan", "kenhnophoso", "hinhthucnop", "hinhthucnophoso", "hinhthuctiepnhan",
         "phuongthucnop", "phuongthuctiepnhan", "cachthucnop", "cachthucthuchien", "loaitiepnhan", "nguontiepnhan",
         "loaihinhtiepnhan", "loaihinhnop"),
    ),
    "submitted": ("NgayNopHoSo", Message("submitted at", "ngày nộp"), ("ngaynop",)),
    "received": (
        "NgayTiepNhan", Message("received at", "ngày tiếp nhận"),
        ("ngaytiepnhanhoso", "ngaynhan", "ngaynhanhoso", "tiepnhan", "ngaytn", "ngayvaoso"),
    ),
    "due": (
        "NgayHenTra", Message("due at", "ngày hẹn trả"),
        ("ngayhentraketqua", "hentra", "hentraketqua", "ngayhen", "ngayhentrakq", "ngayhentrahoso", "ngaytratheohen",
         "hantraketqua", "hantra", "hantrahoso", "ngaydenhan", "ngayhethan", "ngayhethanxuly", "hanxuly",
         "hangiaiquyet", "thoihantraketqua", "thoihantra", "thoihanxuly", "thoihangiaiquyet"),
    ),
    "completed": (
        "NgayKetThucXuLy", Message("completed at", "ngày kết thúc xử lý"),
        ("ngayhoanthanh", "ngayketthuc", "ngaygiaiquyetxong", "ngayxulyxong", "ngaycoketqua", "ngayhoanthanhxuly",
         "hoanthanh", "ketthucxuly", "ngaygiaiquyet", "ngaycokq", "ngayhoantat", "ngayxong"),
    ),
    "returned": (
        "NgayTra", Message("returned at", "ngày trả kết quả"),
        ("ngaytraketqua", "traketqua", "ngaytrakq", "ngaytrahoso", "ngaygiaotra", "ngaytraketquachocongdan",
         "ngaytraketquachonguoidan"),
    ),
    "refused": (
        "NgayTuChoi", Message("refused at", "ngày từ chối"), ("ngaytuchoitiepnhan", "ngaykhongtiepnhan"),
    ),
    "way": (
        "HinhThuc", Message("form of return", "hình thức trả"),
        ("hinhthuctra", "hinhthuctraketqua", "hinhthuctrakq", "hinhthucnhanketqua", "noinhanketqua", "cachthuctra",
         "phuongthuctraketqua"),
    ),
    "status": ("TrangThaiHoSo", Message("status", "trạng thái"), (
        "trangthai", "tinhtrang", "tinhtranghoso", "trangthaixuly", "tinhtrangxuly", "tinhtranggiaiquyet",
        "trangthaigiaiquyet",
    )),
    "applicant": (
        "LoaiDoiTuong", Message("kind of applicant", "loại đối tượng"), ("doituong", "loaichuhoso", "doituongnop"),
    ),
    "portal": ("NoiNopHoSo", Message("portal", "nơi nộp hồ sơ"), ("noinop", "congnop", "nguonhoso")),
    "paid": (
        "DuocThanhToanTrucTuyen", Message("paid online", "thanh toán trực tuyến"),
        ("thanhtoantructuyen", "thanhtoanonline", "tttt", "dathanhtoantructuyen"),
    ),
    "amount": (
        "Gia", Message("fees in đồng", "phí, lệ phí"),
        ("philephi", "lephi", "phi", "sotien", "tongphilephi", "tongtien"),
    ),
    "digitised": (
        "HoSoCoThanhPhanSoHoa", Message("components digitised", "số hóa thành phần hồ sơ"),
        ("sohoa", "sohoathanhphanhoso", "sohoahoso", "sohoathanhphan", "sohoatphs", "dasohoa", "cosohoa"),
    ),
    "reused": (
        "DuocTaiSuDung", Message("data reused", "tái sử dụng"),
        ("taisudung", "taisudungdulieu", "khaithactaisudung", "taisudungsohoa", "taisudungthanhphan"),
    ),
    "shared_store": (
        "DuocLayTuKhoDMQG", Message("from the shared store", "lấy từ kho dùng chung"),
        ("khodulieu", "laytukho", "khodungchung", "laytukhodulieu", "khaithackho"),
    ),
    "population_data": (
        "TaiKhoanDuocXacThucVoiVNeID", Message("population data used", "khai thác CSDL dân cư"),
        ("vneid", "xacthucvneid", "khaithacdancu", "csdldancu", "khaithaccsdldancu"),
    ),
    "result": (
        "KetQuaDienTu", Message("electronic result", "kết quả điện tử"),
        ("cokeetquadientu", "coketquadientu", "traketquadientu", "bandientu", "ketquasohoa", "sohoaketqua", "kqdientu",
         "kqdt", "capketquadientu"),
    ),
    "supplement_asked": (
        "NgayBoSung", Message("supplement asked at", "ngày yêu cầu bổ sung"),
        ("ngayyeucaubosung", "ngayyeucaubosunghoso"),
    ),
    "supplement_answered": (
        "NgayTiepNhanBoSung", Message("supplement received at", "ngày nhận bổ sung"),
        ("ngaynhanbosung", "ngaydabosung", "ngayhoanthanhbosung"),
    ),
}  # fmt: skip
"""What a column can tell, by its name in a map: the payload's field, what it is, and other headers it goes by (in small
letters, without marks and blanks), the surest first: "Thời hạn giải quyết" may be a number of days.
"""
REQUIRED: Final = ("code", "procedure", "received")
"""Without these no dossier is counted at all."""

_BY_HEADER: Final = {
    key: name for name, (payload, about, others) in FIELDS.items() for key in (payload.lower(), name, *others)
} | {re.sub("[^a-z]", "", bare(about.vi)): name for name, (_, about, _) in FIELDS.items()}
_RANKS: Final = {key: rank for rank, key in enumerate(_BY_HEADER)}
"""Of several headers for the same, the one that comes first is read."""
_PERSONAL: Final = re.compile(
    "chuhoso|nguoi|hoten|hovaten|cccd|cmnd|cancuoc|dinhdanh|giayto|dienthoai|sdt|email|diachi|ngaysinh|gioitinh|canbo"
    "|congdan|doanhnghiep|tochuc|masothue|taikhoan|trichyeu|noidung|ghichu|thongtin|chuyenvien|fax|thuongtru|quequan"
)
_WITHIN_BRACKETS: Final = re.compile(r"\([^)]*\)|\[[^]]*\]")
_SHORTENED: Final = {"hs": "ho so", "kq": "ket qua", "kqgq": "ket qua", "tn": "tiep nhan", "thuc te": "", "luc": ""}
_SHORT: Final = re.compile(rf"\b(?:{'|'.join(_SHORTENED)})\b")
"""Words that say the same as others, or nothing."""
_TIME_OF: Final = re.compile("^(?:thoigian|thoidiem|ngaygio|giongay)")
_NO_LETTERS: Final = re.compile("[^a-z]")
_TCVN3: Final = re.compile("[A-Za-z][µ¶·¸¹®¬]|[µ¶·¸¹®¬][A-Za-z]")
"""Letters of the fonts before Unicode (.VnTime) as they look in any other."""
_OLD_LETTERS: Final = Message(
    "its letters look like TCVN3 (.VnTime): convert the file to Unicode first",
    "chữ có vẻ là TCVN3 (`.VnTime`): hãy chuyển tệp sang `Unicode` trước",
)
_LIKELY: Final = 0.6


class NoColumns(Told):
    """The columns that figures need are not there."""


@dataclass(frozen=True)
class Column:
    """A column that is read: its place from 0, its header as it is written, and whether a map named it."""

    place: int
    header: str
    named: bool = False


@dataclass(frozen=True)
class Columns:
    """The columns of a table, by names of FIELDS, and the headers of those that are not read.

    Attributes:
        first: the row of data that is the first, counted from the first row of the file.
        width: how many cells the header has.
        personal: headers of columns that tell of people.
        others: those of all others.
    """

    read: Mapping[str, Column]
    first: int
    width: int
    personal: Sequence[str]
    others: Sequence[str]


def key_of(header: str) -> str:
    """What a header is compared by."""
    plain = _SHORT.sub(lambda found: _SHORTENED[found[0]], bare(_WITHIN_BRACKETS.sub(" ", header)))
    return _TIME_OF.sub("ngay", _NO_LETTERS.sub("", plain))


def naming(named: Mapping[str, str]) -> tables.Naming:
    """Which of FIELDS a header names, by a map's before the usual ones."""
    by_key = _BY_HEADER | {key_of(text): name for name, text in named.items() if text}
    return lambda header: by_key.get(key_of(header))


def guess(rows: Sequence[Sequence[Cell]], named: Mapping[str, str]) -> Columns:
    """The columns by the header that is found among the first rows.

    Args:
        named: headers by names of FIELDS, as a map gives them; "" where a column is not to be read.

    Raises:
        NoColumns: one that is required or named is not there.
    """
    header, first = tables.header(rows, naming(named))
    if not first:
        raise NoColumns(Message("the file is empty", "tệp trống"))
    found = _columns(header, named, first)
    missing = [name for name in FIELDS if name not in found.read and (name in REQUIRED or named.get(name))]
    if missing:
        raise NoColumns(_told(missing, found, named))
    return found


def _columns(header: Sequence[str], named: Mapping[str, str], first: int) -> Columns:
    read: dict[str, Column] = {}
    by_key = {key_of(text): name for name, text in named.items() if text}
    for place, text in enumerate(header):
        name = by_key.get(key_of(text)) if text else None
        if name is not None:
            read.setdefault(name, Column(place, text, named=True))
    taken = {column.place for column in read.values()}
    guessed: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for place, text in enumerate(header):
        name = _BY_HEADER.get(key_of(text)) if text and place not in taken else None
        if name is not None and name not in named and name not in read:
            guessed[name].append((place, text))
    for name, places in guessed.items():
        place, text = min(places, key=lambda each: _RANKS[key_of(each[1])])
        read[name] = Column(place, text)
        taken.add(place)
    left = [text for place, text in enumerate(header) if text and place not in taken]
    personal = [text for text in left if _PERSONAL.search(key_of(text))]
    return Columns(read, first, len(header), personal, [text for text in left if text not in personal])


def _told(missing: Sequence[str], found: Columns, named: Mapping[str, str]) -> Message:
    lines = []
    keys = {key_of(text): text for text in found.others}
    for name in missing:
        _, about, others = FIELDS[name]
        wanted = [key_of(named[name])] if named.get(name) else [_NO_LETTERS.sub("", bare(about.vi)), *others]
        near = [each for one in wanted for each in get_close_matches(one, keys, 1, _LIKELY)]
        likely = keys[near[0]] if near else None
        lines.append(
            Message(
                'no column for {name} ({about}); name it under [columns] of a map: {name} = "{likely}"',
                'không thấy cột {name} ({about}); hãy nêu ở `[columns]` của tệp `--map`: {name} = "{likely}"',
                name=name,
                about=about,
                likely=likely or "…",
            )
        )
    if any(_TCVN3.search(text) for text in found.others):
        lines.append(_OLD_LETTERS)
    return also(lines)
