"""The dialect of OAuth: one dossier a call, numbers for texts, other names for a few things; the same states and steps.

What differs is put as the others have it, so that one reading serves all: `LoaiDoiTuong` counts from 0, components
stand in `ThanhPhanHoSo`, the agency in `MaDonViTiepNhan`, and a status may come with the time it began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.intake.dvcqg import dossier
from app.intake.dvcqg.dossier import Read
from app.intake.dvcqg.values import Fields

_APPLICANTS: Final = {0: "1", 1: "2", 2: "4"}
"""A citizen, an enterprise, a household's business, by their numbers in the other dialects."""
_ELECTRONIC: Final = 2
_SUBMITTED: Final = "DuongDanTaiTepTin"
_RESULT: Final = "DuongDanTepTinKetQua"
_SENT: Final = ("IdTepTin", "HashTepTin")
_FILE: Final = (*_SENT, _SUBMITTED)
"""What a component has whose file was sent."""
_STEPS: Final = ("DanhSachTienTrinh", "TienTrinh")


def told(service: str, elements: Sequence[Any], agency: str) -> list[Read]:
    """The states and steps of `NoiHoSo`, `CapNhatTrangThai` or `CapNhatTienTrinh`."""
    if service == "CapNhatTienTrinh":
        return [dossier.step(_step(each)) for one in elements for each in _steps(one)]
    read = []
    for each in elements:
        fields = Fields(each if isinstance(each, Mapping) else {}, [])
        read.append(dossier.dossier(_dossier(fields), fields.text("MaDonViTiepNhan") or agency))
        if "ThoiDiemXuLy" in fields:
            read.append(dossier.step(_step(each)))
    return read


def _dossier(fields: Fields) -> dict[str, Any]:
    given = dict(fields)
    given["trangthaihoso"] = fields.get("TrangThaiHoSo", fields.get("TrangThai"))
    given["loaidoituong"] = _APPLICANTS.get(-1 if (kind := fields.number("LoaiDoiTuong")) is None else kind)
    components = fields.objects("ThanhPhanHoSo")
    if components:
        given["tailieunop"] = [*fields.objects("TaiLieuNop"), *map(_component, components)]
    if "DanhSachGiayToKetQua" in fields:
        given["danhsachgiaytoketqua"] = [_linked(each, _RESULT) for each in fields.objects("DanhSachGiayToKetQua")]
    return given


def _component(given: Fields) -> dict[str, Any]:
    """A submitted file: an electronic one, or one whose file was sent, is digitised where nothing else is said."""
    electronic = given.number("LoaiBan") == _ELECTRONIC or any(name in given for name in _FILE)
    return {"duocsohoa": electronic, **_linked(given, _SUBMITTED)}


def _linked(given: Fields, name: str) -> dict[str, Any]:
    """A file that was sent before is there as one with a link is: its id stands for the link."""
    sent = next((given[each] for each in _SENT if each in given), None)
    return {**given} if sent is None or name in given else {**given, name.lower(): sent}


def _step(given: object) -> dict[str, Any]:
    fields = Fields(given if isinstance(given, Mapping) else {}, [])
    return {**fields, "trangthai": fields.get("TrangThai", fields.get("TrangThaiHoSo"))}


def _steps(given: object) -> list[object]:
    """The steps of a call, which may stand in a list below the dossier's code."""
    fields = Fields(given if isinstance(given, Mapping) else {}, [])
    steps = next((rows for name in _STEPS if isinstance(rows := fields.get(name), list)), None)
    if steps is None:
        return [given]
    code = {"mahoso": fields.get("MaHoSo")}
    return [{**code, **Fields(each, [])} if isinstance(each, dict) else each for each in steps]
