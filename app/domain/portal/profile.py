"""What is known of a source's software: which fields it fills with something else than the truth.

What was told is kept as it was told; a profile is laid over it whenever events are derived, so one that is set later
corrects what is in already, and one that is taken back restores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from app.domain.portal.state import IN_PROCESS, PROCESSED, STOPPED, Known, State, Step

REWRITTEN: Final = "TrangThaiHoSo"
"""Of this field only what cannot be is not believed: "processed" (9) of a dossier that tells no end."""
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "KenhThucHien": ("channel",),
    "NoiNopHoSo": ("portal",),
    "NgayNopHoSo": ("submitted_at",),
    "LoaiDoiTuong": ("applicant",),
    "HinhThuc": ("return_way",),
    "HoSoCoThanhPhanSoHoa": ("digitised",),
    "DuocSoHoa": ("components",),
    "DuocTaiSuDung": ("reused",),
    "DuocLayTuKhoDMQG": ("shared_store",),
    "TaiKhoanDuocXacThucVoiVNeID": ("verified",),
    "MaCSDL": ("consulted",),
    "DuocThanhToanTrucTuyen": ("paid", "online_payment"),
    "DanhSachLePhi": ("fee", "amount"),
    "DanhSachGiayToKetQua": ("result",),
    REWRITTEN: (),
}
"""The fields of the payload that may be distrusted, and what of a state each one tells."""

Success = Literal["0", "00"]
SUCCESSES: Final[tuple[Success, ...]] = ("0", "00")


class Profile(msgspec.Struct, frozen=True):
    """What of a source is not believed (names of FIELDS), and the code by which its client knows success."""

    untrusted: frozenset[str] = frozenset()
    success: Success = "0"


TRUSTED: Final = Profile()
"""Of a source of which nothing else is known."""


def believed(known: Known, profile: Profile) -> Known:
    """What is known without what is not believed: as if it had not been told."""
    if not profile.untrusted:
        return known
    gone: dict[str, Any] = {name: None for field in profile.untrusted for name in FIELDS[field]}
    states = []
    for seen in known.states:
        state = msgspec.structs.replace(seen.state, **gone) if gone else seen.state
        if REWRITTEN in profile.untrusted and tells_no_end(state):
            state = msgspec.structs.replace(state, status=_status(state, known.steps), completed_at=None)
        states.append(msgspec.structs.replace(seen, state=state))
    return msgspec.structs.replace(known, states=tuple(states))


def tells_no_end(state: State) -> bool:
    """Whether a dossier is told to be processed (9) but has no end, or none after its reception."""
    if state.status != PROCESSED or state.returned_at is not None:
        return False
    end, received = state.completed_at, state.received_at
    return end is None or (received is not None and end <= received)


def _status(state: State, steps: tuple[Step, ...]) -> int:
    """What a dossier's status was before it was told as processed: stopped where its last step says so."""
    true = [each for each in steps if not (each.status == PROCESSED and each.at <= (state.received_at or each.at))]
    return STOPPED if true and true[-1].status == STOPPED else IN_PROCESS
