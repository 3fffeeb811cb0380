"""Of what software that sends the portal's payload tells nothing: none counted there is no zero, but no data.

A field tells nothing when its source has never filled it, or when it is not believed. What a source always tells alike
is told all the same: a commune may well receive everything at the counter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from app.domain.catalogues import indicators
from app.domain.portal.faults import FIELDS

_STORE: Final = "DuocLayTuKhoDMQG"
_POPULATION: Final = ("TaiKhoanDuocXacThucVoiVNeID", _STORE, "MaCSDL")
_CHANNEL: Final = ("KenhThucHien",)
_PAID: Final = ("DuocThanhToanTrucTuyen",)
_FED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("procedures_with_online_dossiers", "received_online", "received_postal"), _CHANNEL),
    **dict.fromkeys(("full_online_received", "essential_online", "essential_mean"), _CHANNEL),
    "active_e_result": ("DanhSachGiayToKetQua",),
    "active_digitised": ("HoSoCoThanhPhanSoHoa", "DuocSoHoa"),
    "active_reused": ("DuocTaiSuDung",),
    "active_shared_store": (_STORE,),
    **dict.fromkeys(("active_population_data", "procedures_population_data"), _POPULATION),
    **dict.fromkeys(("received_fee_paid_online", "procedures_paid_online"), _PAID),
    "returned_postal": ("HinhThuc",),
    # Nothing in the payload tells who received or signed, or that a result was returned online.
    **dict.fromkeys(("received_by_postal_clerk", "returned_online", "ended_signed_result"), ()),
}
"""Measures, and the fields of which each is enough to tell them of a dossier."""


def untold(untrusted: Iterable[str], told: Iterable[str]) -> frozenset[str]:
    """The measures of which a source tells nothing.

    Args:
        untrusted: the fields of its that are not believed.
        told: those that it has ever filled.
    """
    silent = frozenset(FIELDS).difference(told).union(untrusted)
    return frozenset([measure for measure, fields in _FED_BY.items() if silent.issuperset(fields)])


def without_data(measures: frozenset[str]) -> list[str]:
    """Codes of the indicators that these measures are the numerators of, or their values."""
    return [each.code for each in indicators.load().indicators if (each.numerator or each.value) in measures]
