"""One dossier of `DongBoHoSoMC`, and one step of `CapNhatTienDoHoSoMC`, reduced to what figures are made of.

Whatever tells of a person ends here: names, numbers, addresses, free texts, names and links of files are looked at for
being there, and nothing of them is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace

from app.domain.codes import ProcedureCode, is_unit_code
from app.domain.lives.events import Amount, Applicant, Channel, Count, PaidVia, Portal, ReturnedVia
from app.domain.portal.faults import OF_FEES
from app.domain.portal.state import (
    IN_PROCESS,
    NOT_ACCEPTED,
    PROCESSED,
    RETURNED,
    STATUSES,
    State,
    Step,
    Supplement,
)
from app.domain.push import Wrong
from app.intake.dvcqg.values import Fields, bare
from app.intake.personal import is_identity_number, is_personal, one_spelling, spelling_fault
from app.messages import MISSING, Message

_SUBJECT: Final = re.compile(r"[0-9A-Z][0-9A-Za-z._/-]{3,99}")
_CORE: Final = re.compile(r"(\d\.\d{6})(?!\d)", re.ASCII)
_AGENCY: Final = re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(?:\.\d{1,3}){0,3}", re.ASCII)
_STATUSES: Final[Mapping[int, int]] = {each: each for each in STATUSES}
_CHANNELS: Final[Mapping[int, Channel]] = {1: "counter", 2: "online", 3: "postal"}
_APPLICANTS: Final[Mapping[int, Applicant]] = {1: "citizen", 2: "organisation", 3: "organisation", 4: "organisation"}
_PORTALS: Final[Mapping[int, Portal]] = {1: "national", 2: "local"}
_RETURN_WAYS: Final[Mapping[int, ReturnedVia]] = {0: "counter", 1: "postal"}
_PAID: Final[Mapping[int, PaidVia]] = {1: "national_gateway", 2: "local_gateway"}
_POPULATION: Final = "1"
"""The number of the population database among those that were consulted."""
_ANSWER: Final = re.compile(
    r"(?!.*\b(?:(?<!hoan thanh )yeu cau|de nghi|huong dan|thong bao|phieu|van ban|chua|phai)\b.*\bbo sung"
    r"|.*\b(?:cho|can|tra|gui(?= (?:cho|lai|cong|nguoi|to)\b))"
    r"(?: (?:nop|cho|lai|de|ho so|cong dan|nguoi dan|nguoi nop|to chuc))* bo sung)"
    r"(?:.*\b(?:hoan thanh|da|nop|nhan|cong dan|nguoi dan)\b.{0,20}\bbo sung"
    r"|.*\bbo sung\b.{0,20}\b(?:xong|hoan thanh))"
)
"""Words, without their marks, by which a step says that a supplement came and not that one is asked for."""

_WORDS_LOOKED_AT: Final = 400
_CODES: Final = 100
"""Beyond them a number may be anything."""

_NO_STATUS: Final = Message("none of the codes 1 to 10: taken as not told", "không phải mã 1 đến 10: coi như không gửi")
_NO_CHANNEL: Final = Message(
    "none of the codes 1, 2, 3: taken as not told, and counted as the counter",
    "không phải mã 1, 2, 3: coi như không gửi, tính là trực tiếp",
)
_NO_CORE: Final = Message(
    "no core code such as 1.004555 in it: taken as not told; without a procedure a dossier is not counted",
    "không có mã gốc dạng 1.004555: coi như không gửi; hồ sơ không có thủ tục thì chưa được tính",
)
_NO_CODE: Final = Message("expected a dossier code such as H44.07-260105-0001", "cần mã hồ sơ dạng H44.07-260105-0001")
_IDENTITY: Final = Message("it looks like somebody's identity number", "giống số định danh cá nhân")


@dataclass(frozen=True)
class Read:
    """What could be read of one element: of which dossier, and what is wrong with it.

    Attributes:
        unread: values that are no code known here: as if they were not told, so a sender should be told of them.
        beside: codes, by their fields, that no figure is made of, but that may never vary.
    """

    subject: str | None
    what: State | Step | None
    faults: Sequence[Wrong] = ()
    unread: Sequence[Wrong] = ()
    beside: Sequence[tuple[str, str]] = ()


def dossier(given: object, agency: str = "") -> Read:
    """The state that an element of `data` tells.

    Args:
        agency: the unit code that the envelope names (madonvi).
    """
    faults: list[Wrong] = []
    fields = Fields(given if isinstance(given, Mapping) else {}, faults)
    subject = _subject(fields)
    files = fields.objects("TaiLieuNop")
    results, false_result = _results(fields)
    listed = fields.objects("DanhSachLePhi")
    fees = [each.amount("Gia") for each in listed]
    paid = fields.number("DuocThanhToanTrucTuyen")
    state = State(
        status=fields.code("TrangThaiHoSo", _STATUSES, _NO_STATUS),
        unit=agency if is_unit_code(agency) and not is_personal(agency) else "",
        procedure=_procedure(fields),
        channel=fields.code("KenhThucHien", _CHANNELS, _NO_CHANNEL),
        received_at=fields.instant("NgayTiepNhan"),
        due_at=fields.instant("NgayHenTra", until_end=True),
        completed_at=fields.instant("NgayKetThucXuLy"),
        returned_at=fields.instant("NgayTra"),
        refused_at=fields.instant("NgayTuChoi"),
        submitted_at=fields.instant("NgayNopHoSo"),
        return_way=_RETURN_WAYS.get(-1 if (way := fields.number("HinhThuc")) is None else way),
        applicant=_APPLICANTS.get(fields.number("LoaiDoiTuong") or 0),
        portal=_PORTALS.get(fields.number("NoiNopHoSo") or 0),
        components=_components(files),
        reused=_any(_standing(each, each.number("DuocTaiSuDung")) for each in files),
        shared_store=_any(_standing(each, each.number("DuocLayTuKhoDMQG")) for each in files),
        paid=_PAID.get(paid or 0),
        fee=False if fees and all(each == 0 for each in fees) else None,
        amount=_sum(fees),
        result=bool(results) if "DanhSachGiayToKetQua" in fields else None,
        supplements=_supplements(fields),
        digitised=fields.truth("HoSoCoThanhPhanSoHoa"),
        verified=fields.truth("TaiKhoanDuocXacThucVoiVNeID"),
        consulted=_any(each.text("MaCSDL") == _POPULATION for each in fields.objects("DSKetNoiCSDL")),
        false_result=false_result,
        online_payment=None if paid is None else paid in _PAID,
    )
    if state.status is None:
        state = replace(state, status=_by_times(state))
    codes = ((name, each.number(name)) for each in listed for name in OF_FEES)
    beside = tuple((name, str(code)) for name, code in codes if code is not None and code < _CODES)
    return Read(subject, None if faults else state, faults, fields.unread, beside)


def _by_times(state: State) -> int | None:
    """The status of a dossier of which none is told: as far on as its times are."""
    if state.refused_at is not None:
        return NOT_ACCEPTED
    if state.returned_at is not None:
        return RETURNED
    return None if state.completed_at is None else PROCESSED


def step(given: object) -> Read:
    """The step that an element of a progress call tells."""
    faults: list[Wrong] = []
    fields = Fields(given if isinstance(given, Mapping) else {}, faults)
    subject = _subject(fields)
    at, status = fields.instant("ThoiDiemXuLy"), fields.code("TrangThai", _STATUSES, _NO_STATUS)
    if at is None and not any(each.field == "ThoiDiemXuLy" for each in faults):
        faults.append(Wrong("invalid_value", "ThoiDiemXuLy", MISSING))
    if faults or at is None:
        return Read(subject, None, faults)
    words = " ".join(str(fields.get("NoiDungXuLy", ""))[:_WORDS_LOOKED_AT].split())
    came = _ANSWER.match(bare(words)) is not None
    return Read(subject, Step(at, IN_PROCESS if status is None else status, came), unread=fields.unread)


def _procedure(fields: Fields) -> ProcedureCode | None:
    text = fields.text("MaTTHC")
    found = procedure(text or "")
    if found is None and "MaTTHC" in fields:
        fields.unread.append(Wrong("invalid_code", "MaTTHC", _NO_CORE))
    return found


def _subject(fields: Fields) -> str | None:
    code = fields.text("MaHoSo")
    fault = MISSING
    if code is not None:
        code = one_spelling(code, 100)
        fault = _IDENTITY if is_identity_number(code) else spelling_fault(code) or _NO_CODE
        if fault is _NO_CODE and _SUBJECT.fullmatch(code):
            return code
    fields.faults.append(Wrong("personal_data" if fault is _IDENTITY else "invalid_code", "MaHoSo", fault))
    return None


def procedure(text: str) -> ProcedureCode | None:
    """The core code that a procedure's code begins with, whatever suffix follows; None of one that has none."""
    found = _CORE.match(text)
    return ProcedureCode(found[1]) if found else None


def _components(files: Sequence[Fields]) -> Count | None:
    flags = [_standing(each, each.truth("DuocSoHoa")) for each in files]
    return None if all(each is None for each in flags) else Count(sum(each is True for each in flags))


def _standing(file: Fields, flag: int | None) -> bool | None:
    """What a flag of a file tells of its dossier: of one that was deleted nothing holds any more."""
    return None if flag is None else bool(flag) and not file.truth("IsDeleted")


def _results(fields: Fields) -> tuple[set[str], bool]:
    """Links of files of the result, and whether others were told as such that were handed in: these are none."""
    handed_in = {_link(each, "DuongDanTaiTepTin") for each in fields.objects("TaiLieuNop")}
    told = {
        link for each in fields.objects("DanhSachGiayToKetQua") if (link := _link(each, "DuongDanTepTinKetQua")) != ""
    }
    return told - handed_in, not told.isdisjoint(handed_in)


def _link(file: Fields, name: str) -> str:
    """The first of a file's links, "" without any."""
    return str(file.get(name, "")).partition("##")[0].strip()


def _any(numbers: Any) -> bool | None:
    told = [each for each in numbers if each is not None]
    return any(told) if told else None


def _sum(fees: Sequence[Amount | None]) -> Amount | None:
    told = [each for each in fees if each is not None]
    return Amount(sum(told)) if told else None


def _supplements(fields: Fields) -> tuple[Supplement, ...]:
    found = []
    for each in fields.objects("DanhSachHoSoBoSung"):
        asked = each.instant("NgayBoSung")
        if asked is not None:
            found.append(Supplement(asked, each.instant("NgayTiepNhanBoSung")))
    return tuple(sorted(found, key=lambda each: each.asked_at))


def unit_codes(subject: str, agency: str) -> list[str]:
    """Codes of the unit that handles a dossier, the likeliest first: its own code's, the envelope's."""
    return [code for code in (subject.partition("-")[0], agency) if is_unit_code(code)]


def names_an_agency(code: str) -> bool:
    """Whether a code is shaped as the State's agencies have theirs, old or new; else it may be anything."""
    return _AGENCY.fullmatch(code) is not None
