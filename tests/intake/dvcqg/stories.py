"""Invented lives of dossiers, each told twice: in the portal's payload as it goes on, and in events of our own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.intake.dvcqg.payloads import dossier, paper, result, step

DONE, RETURNED, WITHDRAWN, STOPPED, NOT_ACCEPTED, OPEN = "9", "10", "7", "8", "3", "4"
_SERVICES = {True: "DongBoHoSoMC", False: "CapNhatTienDoHoSoMC"}


@dataclass
class Story:
    """A life. Times are civil; `ended` is None where it is open."""

    code: str
    unit: str
    procedure: str
    channel: int
    received: datetime
    due: datetime
    moved: datetime | None
    supplements: list[tuple[datetime, datetime | None]]
    end: str
    ended: datetime | None
    flags: dict[str, bool]

    def calls(self) -> list[tuple[datetime, str, dict[str, Any]]]:
        """When what is told, in order: the service, and the element of its `data`."""
        told: list[tuple[datetime, str, dict[str, Any]]] = []
        due = self.due

        def state(at: datetime, status: str, **more: Any) -> None:
            told.append((at, _SERVICES[True], self._state(due, status, **more)))

        def went(at: datetime, status: str, words: str = "Thẩm định") -> None:
            told.append((at, _SERVICES[False], step(self.code, _text(at), status, words)))

        if self.end == NOT_ACCEPTED:
            state(self.received, NOT_ACCEPTED, NgayTuChoi=_text(self.received))
            return told
        state(self.received, "2")
        went(self.received, "2", "Tiếp nhận hồ sơ")
        for asked, answered in self.supplements:
            state(asked, "5")
            went(asked, "5", "Yêu cầu bổ sung giấy tờ")
            if answered is not None:
                due = self.moved or due
                state(answered, "4")
                went(answered, "5", "Hoàn thành bổ sung hồ sơ")
        if self.ended is None:
            return told
        ended: dict[str, Any] = {"NgayKetThucXuLy": _text(self.ended)}
        if self.end in (WITHDRAWN, STOPPED):
            state(self.ended, self.end, **ended)
            return told
        if self.flags["result"]:
            ended |= {"DanhSachGiayToKetQua": [result(1)]}
        state(self.ended, DONE, **ended)
        went(self.ended, DONE, "Kết thúc xử lý hồ sơ")
        if self.end == RETURNED:
            back = self.ended + timedelta(hours=2)
            state(back, RETURNED, **ended, NgayTra=_text(back))
            went(back, RETURNED, "Trả kết quả")
        return told

    def _state(self, due: datetime, status: str, **more: Any) -> dict[str, Any]:
        reused, stored = str(int(self.flags["reused"])), str(int(self.flags["stored"]))
        return dossier(
            self.code, f"{self.procedure}.000.00.00.H44", KenhThucHien=str(self.channel), TrangThaiHoSo=status,
            NgayTiepNhan="" if self.end == NOT_ACCEPTED else _text(self.received), NgayHenTra=_text(due),
            TaiLieuNop=[paper(1, str(int(self.flags["digitised"])), reused, stored)],
            TaiKhoanDuocXacThucVoiVNeID=str(int(self.flags["verified"])),
            DuocThanhToanTrucTuyen=str(int(self.flags["paid"])),
            DanhSachGiayToKetQua=[],
        ) | more  # fmt: skip

    def events(self) -> list[dict[str, Any]]:
        """The same as CloudEvents, written down from the story and not from its calls."""
        told: list[tuple[datetime, str, dict[str, Any]]] = []
        if self.end == NOT_ACCEPTED:
            told.append((self.received, "dossier.not_accepted", {}))
        else:
            channel = {1: "counter", 2: "online", 3: "postal"}[self.channel]
            told += [
                (self.received, "dossier.received",
                 {"procedure": self.procedure, "channel": channel, "due_at": _iso(self.due), "applicant": "citizen"}),
                (self.received, "dossier.synced", {}),
                (self.received, "dossier.digitised", {
                    "components": int(self.flags["digitised"]), "reused": self.flags["reused"],
                    "shared_store": self.flags["stored"],
                    "population_data": self.flags["verified"] or self.flags["stored"],
                }),
            ]  # fmt: skip
            if self.flags["paid"]:
                told.append((self.received, "dossier.paid", {"via": "national_gateway"}))
            for asked, answered in self.supplements:
                told.append((asked, "dossier.supplement_requested", {}))
                if answered is not None:
                    told.append((answered, "dossier.supplemented", {"due_at": _iso(self.moved)} if self.moved else {}))
        if self.ended is not None:
            what: dict[str, Any] = {"electronic_result": self.flags["result"]}
            kind = {WITHDRAWN: "withdrawn", STOPPED: "stopped"}.get(self.end, "completed")
            told.append((self.ended, f"dossier.{kind}", what if kind == "completed" else {}))
            if self.end == RETURNED:
                told.append((self.ended + timedelta(hours=2), "dossier.returned", {"via": "counter"}))
        return [
            {"specversion": "1.0", "id": f"{self.code}/{number}", "source": "/story", "type": kind,
             "subject": self.code, "unit": self.unit, "time": _iso(at), "data": data}
            for number, (at, kind, data) in enumerate(told)
        ]  # fmt: skip


def stories(seed: int, unit: str, count: int, procedures: list[str]) -> list[Story]:
    """Lives of a unit in the months before November; the same for every unit but for the codes."""
    rng = Random(seed)
    return [_story(rng, unit, number, procedures) for number in range(count)]


def _story(rng: Random, unit: str, number: int, procedures: list[str]) -> Story:
    received = datetime(2026, 1, 5, 8) + timedelta(minutes=rng.randrange(290 * 24 * 60))  # noqa: DTZ001 - civil
    due = received + timedelta(days=rng.randint(1, 20), hours=rng.randint(0, 9))
    supplements: list[tuple[datetime, datetime | None]] = []
    at, moved = received + timedelta(hours=1), None
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        asked = at + timedelta(hours=rng.randint(1, 30))
        at = asked + timedelta(hours=rng.randint(2, 60))
        supplements.append((asked, at))
    if len(supplements) == 1 and rng.random() < 0.6:
        moved = max(due, at) + timedelta(days=rng.randint(1, 5))
    end = rng.choice((DONE, DONE, RETURNED, RETURNED, RETURNED, WITHDRAWN, STOPPED, NOT_ACCEPTED, OPEN, OPEN))
    if end == OPEN and supplements and moved is None and rng.random() < 0.5:
        supplements[-1] = (supplements[-1][0], None)
    ended = None if end in (OPEN, NOT_ACCEPTED) else at + timedelta(hours=rng.randint(1, 500))
    flags = {name: rng.random() < 0.5 for name in ("digitised", "reused", "stored", "verified", "paid", "result")}
    code = f"{unit}-{received:%y%m%d}-{number:04}"
    procedure = procedures[rng.randrange(len(procedures))]
    return Story(code, unit, procedure, rng.choice((1, 2, 2, 3)), received, due, moved, supplements, end, ended, flags)


def _text(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S")


def _iso(at: datetime | None) -> str:
    assert at is not None
    return f"{at.isoformat()}+07:00"
