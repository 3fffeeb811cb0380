"""The calls of the four dialects: what is asked for, by whom, and about which dossiers.

An envelope object or a bare array; names in any case; what the address already says need not stand in the body.
`isUpdating` is read by nobody: whether a dossier is new is known better here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.intake.bodies import NotJson, broken, readable
from app.intake.dvcqg.values import Fields

SERVICES: Final = {
    "dongbohosomc": "DongBoHoSoMC",
    "capnhattiendohosomc": "CapNhatTienDoHoSoMC",
    "dongbotiendohosomc": "CapNhatTienDoHoSoMC",
    "tracuuhoso": "TraCuuHoSo",
    "laythutuc": "LayThuTuc",
    "laydanhsachtthc": "LayDanhSachTTHC",
    "laydanhsachtthcdonvi": "LayDanhSachTTHC",
    "laydanhmuccoquan": "LayDanhMucCoQuan",
    "laydanhmuclinhvuc": "LayDanhMucLinhVuc",
    "noihoso": "NoiHoSo",
    "capnhattrangthai": "CapNhatTrangThai",
    "capnhattientrinh": "CapNhatTienTrinh",
}
"""The services by their names in small letters."""
PUSHES: Final = frozenset({"DongBoHoSoMC", "CapNhatTienDoHoSoMC"})
OAUTH: Final = frozenset({"NoiHoSo", "CapNhatTrangThai", "CapNhatTienTrinh"})
"""The services that tell of dossiers; those of OAuth have answers of their own."""
LOGIN: Final = "login"


@dataclass(frozen=True)
class Call:
    """A call: `service` as SERVICES names it, LOGIN, or None for any other; `about` is the code that is asked for.

    Attributes:
        elements: dossiers or steps; None where the body has no place for them, as an empty one has none.
    """

    service: str | None
    agency: str
    elements: Sequence[Any] | None
    about: str | None


def read(body: bytes, service: str | None = None, query: Mapping[str, str] | None = None) -> Call:
    """The call that a body makes; an empty one says nothing more than the address.

    Args:
        service: as the path names it.

    Raises:
        BodyProblem: the body is no JSON.
    """
    try:
        given = _unpacked(readable(_utf8(body))) if body.strip() else {}
    except NotJson as problem:
        raise broken(problem.detail) from None
    asked = Fields(query or {}, [])
    told = Fields(given, []) if isinstance(given, dict) else asked
    name = (service or told.text("service") or asked.text("service") or "").lower()
    known = SERVICES.get(name) or (LOGIN if "username" in told and "password" in told and not name else None)
    agency = told.text("madonvi") or asked.text("MaDinhDanhDV") or asked.text("madonvi") or ""
    about = told.text("mahoso") or told.text("maTTHC") or asked.text("mahoso") or asked.text("maTTHC")
    return Call(known, agency, _elements(given, told), about)


def _utf8(body: bytes) -> bytes:
    """A body in whatever Unicode it is written, a mark of its order of bytes before it or not."""
    encoding = json.detect_encoding(body)
    try:
        return body if encoding == "utf-8" else body.decode(encoding).encode()
    except UnicodeError:
        return body


def _unpacked(given: Any) -> Any:
    """What a text says that is itself JSON, an object or a list; anything else as it is."""
    if not isinstance(given, str) or given.lstrip()[:1] not in ("{", "["):
        return given
    try:
        return readable(given.encode("utf-8", "replace"))
    except NotJson:
        return given


def _elements(given: Any, told: Fields) -> list[Any] | None:
    """Dossiers or steps: whatever stands where they should is one, so that nothing is left out without a word."""
    if isinstance(given, dict):
        if "data" in told:
            given = _unpacked(told["data"])
        elif any(str(name).lower() == "data" for name in given):
            return []
        else:
            # One dossier without anything around it names itself.
            given = given if "mahoso" in told else None
    if given is None:
        return None
    if isinstance(given, list):
        return [_unpacked(each) for each in given]
    return [given]
