"""The calls of the four dialects: what is asked for, by whom, and about which dossiers.

An envelope object or a bare array; names in any case; what the address already says need not stand in the body.
`isUpdating` is read by nobody: whether a dossier is new is known better here.
"""

from __future__ import annotations

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
}
"""The services by their names in small letters."""


@dataclass(frozen=True)
class Call:
    """A call: `service` as SERVICES names it, None where it is none of them; `about` is the code that is asked for."""

    service: str | None
    agency: str
    session: str | None
    elements: Sequence[Any]
    about: str | None
    enveloped: bool


def read(body: bytes, service: str | None = None, query: Mapping[str, str] | None = None) -> Call:
    """The call that a body makes; an empty one says nothing more than the address.

    Args:
        service: as the path names it.

    Raises:
        BodyProblem: the body is no JSON.
    """
    try:
        given = readable(body) if body.strip() else {}
    except NotJson as problem:
        raise broken(problem.detail) from None
    enveloped = isinstance(given, dict)
    asked = Fields({}, [])
    if query:
        asked = Fields(query, [])
    told = Fields(given, []) if isinstance(given, dict) else asked
    name = service or told.text("service") or asked.text("service")
    agency = told.text("madonvi") or asked.text("MaDinhDanhDV") or asked.text("madonvi") or ""
    session = told.text("session") or asked.text("session")
    about = told.text("mahoso") or told.text("maTTHC") or asked.text("mahoso") or asked.text("maTTHC")
    elements = given if isinstance(given, list) else told.get("data", [])
    if isinstance(elements, dict):
        elements = [elements]
    if not isinstance(elements, list):
        elements = []
    if isinstance(given, dict) and "data" not in told and "mahoso" in told and len(told) > 3:
        elements = [given]  # one dossier without anything around it
    return Call(SERVICES.get((name or "").lower()), agency, session, elements, about, enveloped)
