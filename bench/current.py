"""What one-stop software keeps today: the current state of each dossier, folded from the same events.

Written from a description of such software's tables, independently of the service's own fold. A due time stays as last
promised. Rows carry twenty columns of text, as real ones do, a little under 2 kB in all so that they stay in the heap.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Final, cast
from zlib import crc32

import asyncpg

from app.demo import province
from app.demo.year import procedures
from app.demo.year.lives import CloudEvent

SCHEMA: Final = "mot_cua"
_WIDE: Final = 20
_TEXT: Final = 72
_HELD: Final = 6_000
"""Lives waiting for more events: ten times what the demo shuffles together."""
_BATCH: Final = 2_000

_TABLES: Final = f"""
DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
CREATE SCHEMA {SCHEMA};
SET search_path = {SCHEMA};
CREATE TABLE groups (group_code text PRIMARY KEY, ma_dinh_danh text NOT NULL, group_name text, catalog text);
CREATE TABLE thu_tuc (ma_tthc text PRIMARY KEY, trang_thai_phi_le_phi boolean NOT NULL,
    khong_co_ket_qua boolean NOT NULL, linh_vuc text, su_dung boolean DEFAULT true, deleted_on timestamp);
CREATE TABLE don_vi_thu_tuc (ma_tthc text, don_vi_id text, muc_do text, deleted_on timestamp,
    PRIMARY KEY (ma_tthc, don_vi_id));
CREATE TABLE ho_so (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ma_ho_so text NOT NULL, ma_ho_so_khac text, don_vi_id text NOT NULL,
    ma_tthc text, ma_linh_vuc text, muc_do text, kenh_thuc_hien text, loai_doi_tuong text, trang_thai text NOT NULL,
    ngay_nop timestamp, ngay_tiep_nhan timestamp, ngay_hen_tra timestamp, ngay_ket_thuc_xu_ly timestamp,
    ngay_tra timestamp, ngay_yeu_cau_bo_sung timestamp, ngay_cong_dan_bo_sung timestamp, ngay_tu_choi timestamp,
    hinh_thuc_tra text, dinh_kem_ket_qua text, la_ho_so_chung_thuc boolean NOT NULL DEFAULT false,
    trang_thai_dong_bo text, trang_thai_so_hoa text, created_on timestamp, deleted_on timestamp,
    {", ".join(f"noi_dung_{number} text" for number in range(_WIDE))});
CREATE TABLE thanh_phan_ho_so (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ho_so text NOT NULL,
    trang_thai_so_hoa text NOT NULL, duoc_lay_tu_kho boolean NOT NULL, deleted_on timestamp);
CREATE TABLE yeu_cau_thanh_toan (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ma_ho_so text NOT NULL,
    don_vi text NOT NULL, so_tien bigint, trang_thai text, hinh_thuc_thanh_toan text, hinh_thuc_thu text,
    ngay_thu_phi timestamp, deleted_on timestamp);
"""
_INDEXES: Final = f"""
SET search_path = {SCHEMA};
CREATE UNIQUE INDEX ON ho_so (ma_ho_so, don_vi_id);
CREATE INDEX ON ho_so (ma_tthc);
CREATE INDEX ON ho_so (ma_ho_so);
CREATE INDEX ON ho_so (ma_ho_so_khac);
CREATE INDEX ON ho_so (deleted_on);
CREATE INDEX ON ho_so (ngay_tiep_nhan);
CREATE INDEX ON ho_so (created_on);
CREATE INDEX ON ho_so (trang_thai_so_hoa);
CREATE INDEX ON ho_so (trang_thai, la_ho_so_chung_thuc);
CREATE INDEX ON yeu_cau_thanh_toan (ma_ho_so);
CREATE INDEX ON yeu_cau_thanh_toan (deleted_on);
CREATE INDEX ON thanh_phan_ho_so (ho_so);
CREATE INDEX ON thanh_phan_ho_so (deleted_on);
"""
TUNED_INDEXES: Final = {
    "tuned_reception": "ho_so (don_vi_id, ngay_tiep_nhan)",
    "tuned_end": "ho_so (trang_thai, ngay_ket_thuc_xu_ly)",
}
"""What the tuned port has beside the indexes such software has; made and dropped around it."""

_DOSSIER: Final = (
    "ma_ho_so", "don_vi_id", "ma_tthc", "muc_do", "kenh_thuc_hien", "trang_thai", "ngay_nop", "ngay_tiep_nhan",
    "ngay_hen_tra", "ngay_ket_thuc_xu_ly", "ngay_tra", "ngay_yeu_cau_bo_sung", "ngay_cong_dan_bo_sung", "ngay_tu_choi",
    "dinh_kem_ket_qua", "created_on", "deleted_on",
)  # fmt: skip
_COMPONENT: Final = ("ho_so", "trang_thai_so_hoa", "duoc_lay_tu_kho")
_PAYMENT: Final = (
    "ma_ho_so", "don_vi", "so_tien", "trang_thai", "hinh_thuc_thanh_toan", "hinh_thuc_thu", "ngay_thu_phi",
)  # fmt: skip
_CHANNELS: Final = {"counter": "1", "online": "2", "postal": "3"}
_LEVELS: Final = {"full": "4", "partial": "3", "none": "2"}
_VIA: Final = {"cash": "tien-mat", "transfer": "chuyen-khoan"}
PAID: Final = "Đã thanh toán"
EXEMPT: Final = "Đối tượng miễn phí"


@dataclass
class _Dossier:
    """One dossier's rows while its events are read in the order in which they happened."""

    row: dict[str, Any] = field(default_factory=dict)
    components: int = 0
    reused: bool = False
    stored: bool = False
    fee: int | None = None
    exempt: bool = False
    paid: tuple[str, int | None, datetime] | None = None

    def read(self, event: CloudEvent) -> None:
        kind = str(event["type"]).removeprefix("dossier.")
        at, data = datetime.fromisoformat(str(event["time"])[:19]), cast(dict[str, Any], event["data"])
        row = self.row
        row.setdefault("ma_ho_so", event["subject"])
        row.setdefault("don_vi_id", event["unit"])
        row.setdefault("created_on", at)
        row.setdefault("trang_thai", "1")
        match kind:
            case "submitted":
                row["ngay_nop"] = at
            case "received":
                due = data.get("due_at")
                row |= {
                    "ma_tthc": data["procedure"],
                    "kenh_thuc_hien": _CHANNELS[data["channel"]],
                    "ngay_tiep_nhan": at,
                    "trang_thai": "2",
                    "ngay_hen_tra": datetime.fromisoformat(due[:19]) if due else None,
                }
            case "not_accepted":
                row |= {"trang_thai": "3", "ngay_tu_choi": at}
            case "due_changed":
                row["ngay_hen_tra"] = datetime.fromisoformat(data["due_at"][:19])
            case "transferred":
                row["don_vi_id"] = data["to"]
            case "supplement_requested":
                row |= {"trang_thai": "5", "ngay_yeu_cau_bo_sung": at}
            case "supplemented":
                row |= {"trang_thai": "4", "ngay_cong_dan_bo_sung": at}
            case "completed" | "returned":
                self._ended(kind, at, data)
            case "refused" | "stopped":
                row |= {"trang_thai": "8"}
            case "withdrawn":
                row |= {"trang_thai": "7", "ngay_ket_thuc_xu_ly": at}
            case "voided":
                row["deleted_on"] = at
            case _:
                self._aside(kind, at, data)

    def _ended(self, kind: str, at: datetime, data: dict[str, Any]) -> None:
        row = self.row
        row["trang_thai"] = "9" if kind == "completed" else "10"
        if row.get("ngay_ket_thuc_xu_ly") is None:
            row["ngay_ket_thuc_xu_ly"] = at
        if kind == "returned":
            row["ngay_tra"] = at
        if data.get("electronic_result"):
            row["dinh_kem_ket_qua"] = f"/files/{crc32(row['ma_ho_so'].encode()):08x}.pdf"

    def _aside(self, kind: str, at: datetime, data: dict[str, Any]) -> None:
        if self.row["trang_thai"] == "2":
            self.row["trang_thai"] = "4"
        if kind == "digitised":
            self.components = data["components"] or 0
            self.reused, self.stored = bool(data.get("reused")), bool(data.get("shared_store"))
        elif kind == "fee_requested":
            self.fee = data.get("amount")
        elif kind == "fee_waived":
            self.exempt = True
        elif kind == "paid":
            self.paid = (_VIA.get(data["via"], "truc-tuyen"), data.get("amount"), at)


class Tables:
    """Rows of the three moving tables, made from a stream of events and copied in batches."""

    def __init__(self, connection: asyncpg.Connection, seed: int) -> None:
        self._connection = connection
        self._rng = Random(seed)  # noqa: S311  no secret
        self._lives: OrderedDict[str, dict[str, CloudEvent]] = OrderedDict()
        self._rows: dict[str, list[tuple[Any, ...]]] = {"ho_so": [], "thanh_phan_ho_so": [], "yeu_cau_thanh_toan": []}
        self._levels = {str(row["code"]): _LEVELS[str(row["service_level"])] for row in procedures.procedures()}
        self.dossiers = 0

    async def prepare(self) -> None:
        """Empty tables and the catalogues."""
        await self._connection.execute(_TABLES)
        units = province.units()
        groups = [
            (u["code"], u["code"], u["name"], "xa-phuong" if u["level"] == "commune" else "so-ban-nganh") for u in units
        ]
        await self._copy("groups", groups, ("group_code", "ma_dinh_danh", "group_name", "catalog"))
        kinds = procedures.procedures()
        known = [(p["code"], p["fee"], not p["issues_document"], p["sector"]) for p in kinds]
        await self._copy("thu_tuc", known, ("ma_tthc", "trang_thai_phi_le_phi", "khong_co_ket_qua", "linh_vuc"))
        offered = [
            (p["code"], u["code"], self._levels[str(p["code"])])
            for p in kinds
            for u in units
            if u["code"] in cast(list[str], p["units"]) or u["level"] in cast(list[str], p["levels"])
        ]
        await self._copy("don_vi_thu_tuc", offered, ("ma_tthc", "don_vi_id", "muc_do"))

    async def add(self, events: Iterable[CloudEvent]) -> None:
        """More events, in the order of arrival; all of a life's within the demo's window."""
        for event in events:
            subject = str(event["subject"])
            if str(event["type"]).startswith(("dossier.", "event.")) and not subject.startswith("PAKN-"):
                self._lives.setdefault(subject, {})[str(event["id"])] = event
        while len(self._lives) > _HELD:
            self._fold(self._lives.popitem(last=False)[1].values())
        if len(self._rows["ho_so"]) >= _BATCH:
            await self._flush()

    async def finish(self) -> None:
        """The rest, then indexes and statistics."""
        while self._lives:
            self._fold(self._lives.popitem()[1].values())
        await self._flush()
        await self._connection.execute(_INDEXES)
        await self._connection.execute(
            f"VACUUM (ANALYZE) {SCHEMA}.ho_so, {SCHEMA}.thanh_phan_ho_so, {SCHEMA}.yeu_cau_thanh_toan, "
            f"{SCHEMA}.groups, {SCHEMA}.thu_tuc, {SCHEMA}.don_vi_thu_tuc"
        )

    def _fold(self, events: Iterable[CloudEvent]) -> None:
        told = list(events)
        retracted = {str(cast(dict[str, Any], e["data"])["id"]) for e in told if e["type"] == "event.retracted"}
        kept = [e for e in told if e["type"] != "event.retracted" and e["id"] not in retracted]
        dossier = _Dossier()
        # Events of one second in the order in which they were entered.
        for event in sorted(kept, key=lambda e: (str(e["time"]), int(str(e["id"]).rpartition("/")[2]))):
            dossier.read(event)
        if dossier.row:
            self._take(dossier)

    def _take(self, dossier: _Dossier) -> None:
        row, code = dossier.row, dossier.row["ma_ho_so"]
        row["muc_do"] = self._levels.get(row.get("ma_tthc", ""))
        text = self._rng.randbytes(_WIDE * _TEXT // 2).hex()
        wide = [text[start : start + _TEXT] for start in range(0, len(text), _TEXT)]
        self._rows["ho_so"].append((*(row.get(name) for name in _DOSSIER), *wide))
        self.dossiers += 1
        for nth in range(max(dossier.components, 2 + crc32(code.encode()) % 5)):
            digitised = nth < dossier.components
            state = "2" if digitised and dossier.reused else "1" if digitised else "0"
            self._rows["thanh_phan_ho_so"].append((code, state, digitised and dossier.stored))
        payments = self._rows["yeu_cau_thanh_toan"]
        if dossier.paid:
            form, amount, at = dossier.paid
            payments.append((code, row["don_vi_id"], amount, PAID, form, "Thu trước", at))
        elif dossier.exempt:
            payments.append((code, row["don_vi_id"], 0, PAID, None, EXEMPT, None))
        elif dossier.fee is not None:
            payments.append((code, row["don_vi_id"], dossier.fee, "Chưa thanh toán", None, "Thu sau", None))

    async def _flush(self) -> None:
        wide = tuple(f"noi_dung_{number}" for number in range(_WIDE))
        columns = {"ho_so": (*_DOSSIER, *wide), "thanh_phan_ho_so": _COMPONENT, "yeu_cau_thanh_toan": _PAYMENT}
        for name, rows in self._rows.items():
            await self._copy(name, rows, columns[name])
            rows.clear()

    async def _copy(self, name: str, rows: Iterable[tuple[Any, ...]], columns: tuple[str, ...]) -> None:
        await self._connection.copy_records_to_table(name, records=rows, columns=columns, schema_name=SCHEMA)


def counted(events: Iterator[CloudEvent], size: int) -> Iterator[list[CloudEvent]]:
    """The events in lists of `size`."""
    held: list[CloudEvent] = []
    for event in events:
        held.append(event)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held
