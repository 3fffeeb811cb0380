"""What is wrong with what a source tells: of one dossier as bits, of the source as values that never vary.

Nothing of this changes a figure; it is shown to whoever can have the software mended, or set the source's profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from app.domain.calendar.civil import AHEAD, Instant
from app.domain.lives.flags import PORTAL_FAULTS
from app.domain.portal.state import NEW, NOT_ACCEPTED, PROCESSED, Known, State

FEW: Final = 20
"""Of fewer dossiers a value that never varies says nothing."""


def faults(known: Known, parked: bool) -> int:
    """What is wrong with a dossier, as bits of PORTAL_FAULTS. `parked`: its unit is not there."""
    states = [seen.state for seen in known.in_order()]
    found = {"unknown_unit": parked}
    if states:
        now = states[-1]
        received = {each.received_at for each in states if each.received_at is not None}
        found |= {
            "reception_not_told": not received and now.status not in (NEW, NOT_ACCEPTED),
            "time_in_future": any(
                at > seen.first + AHEAD
                for seen in known.states
                for at in (seen.state.received_at, seen.state.completed_at, seen.state.returned_at)
                if at is not None
            ),
            "no_procedure_code": all(each.procedure is None for each in states),
            "channel_not_told": all(each.channel is None for each in states),
            "code_used_again": len(received) > 1 or len({each.procedure for each in states} - {None}) > 1,
            "sent_again": any(seen.times > 1 for seen in known.states),
            "due_moved": len({each.due_at for each in states} - {None}) > 1,
            "false_result": now.false_result,
            "ended_at_reception": _ended_at_reception(known, states, received),
        }
    return sum(PORTAL_FAULTS[name] for name, there in found.items() if there)


def _ended_at_reception(known: Known, states: Sequence[State], received: set[Instant]) -> bool:
    told = any(each.status == PROCESSED and each.at in received for each in known.steps)
    return told or any(each.completed_at is not None and each.completed_at in received for each in states)


def values(state: State) -> Iterator[tuple[str, str]]:
    """Codes and flags of a state, by the payload's field; of what it does not tell nothing."""
    told: Mapping[str, object] = {
        "KenhThucHien": state.channel,
        "NoiNopHoSo": state.portal,
        "LoaiDoiTuong": state.applicant,
        "HinhThuc": state.return_way,
        "HoSoCoThanhPhanSoHoa": state.digitised,
        "DuocSoHoa": None if state.components is None else state.components > 0,
        "DuocTaiSuDung": state.reused,
        "DuocLayTuKhoDMQG": state.shared_store,
        "TaiKhoanDuocXacThucVoiVNeID": state.verified,
        "MaCSDL": state.consulted,
        "DuocThanhToanTrucTuyen": state.online_payment,
        "DanhSachGiayToKetQua": state.result,
        "NgayNopHoSo": None if state.submitted_at is None else state.submitted_at != state.received_at,
    }
    yield from ((name, str(value).lower()) for name, value in told.items() if value is not None)


FIELDS: Final = (
    *("KenhThucHien", "NoiNopHoSo", "LoaiDoiTuong", "HinhThuc", "HoSoCoThanhPhanSoHoa", "DuocSoHoa", "DuocTaiSuDung"),
    *("DuocLayTuKhoDMQG", "TaiKhoanDuocXacThucVoiVNeID", "MaCSDL", "DuocThanhToanTrucTuyen"),
    *("DanhSachGiayToKetQua", "NgayNopHoSo"),
)
"""The fields whose values are looked at."""
OF_FEES: Final = ("MaPhiLePhi", "HinhThucThu", "LoaiPhiLePhi")
"""Those of a fee: figures are made of none, and it is no news where there are no fees."""


class Constant(NamedTuple):
    """A field that never varies, and its one value; None: it is never told."""

    field: str
    value: str | None


def constants(told: Iterable[tuple[str, str]], dossiers: int) -> list[Constant]:
    """The fields that never vary in what a source tells of so many dossiers; of few dossiers none."""
    if dossiers < FEW:
        return []
    by_field: dict[str, set[str]] = {field: set() for field in FIELDS}
    for field, value in told:
        by_field.setdefault(field, set()).add(value)
    return [Constant(field, next(iter(found), None)) for field, found in by_field.items() if len(found) < 2]
