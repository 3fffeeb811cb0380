"""Q1-Q6: the questions such software answers by counting its current rows, in two ports.

Literal: casts on columns, conditional counts, the indexes that software has. Tuned: half-open ranges, FILTER, two more
indexes, and a condition in WHERE that an index can serve. Both must give the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from bench.current import EXEMPT, PAID, SCHEMA

_OPEN: Final = "h.trang_thai IN ('2','4')"
_DONE: Final = "h.trang_thai IN ('9','10')"
_DONE_OR_WITHDRAWN: Final = "h.trang_thai IN ('9','10','7')"
_WITHDRAWN: Final = "h.trang_thai = '7'"
_ASKED: Final = "h.trang_thai = '5'"
_HELD: Final = "h.trang_thai IN ('6','8')"
_COUNTED: Final = "h.trang_thai IN ('2','4','5','6','7','8','9','10')"
_TN: Final = "h.ngay_tiep_nhan"
_KT: Final = "h.ngay_ket_thuc_xu_ly"
_HEN: Final = "h.ngay_hen_tra"


@dataclass(frozen=True)
class Port:
    """How days and counts are written for a period of whole days, both included."""

    first: date
    last: date
    tuned: bool

    @property
    def name(self) -> str:
        """literal or tuned."""
        return "tuned" if self.tuned else "literal"

    def _at(self, day: date) -> str:
        return f"timestamp '{day}'"

    def since(self, column: str, day: date) -> str:
        """d(x) ≥ day."""
        return f"{column} >= {self._at(day)}" if self.tuned else f"{column}::date >= date '{day}'"

    def until(self, column: str, day: date) -> str:
        """d(x) ≤ day."""
        after = day + timedelta(days=1)
        return f"{column} < {self._at(after)}" if self.tuned else f"{column}::date <= date '{day}'"

    def within(self, column: str) -> str:
        """first ≤ d(x) ≤ last."""
        return f"({self.since(column, self.first)} AND {self.until(column, self.last)})"

    def count(self, condition: str) -> str:
        """A conditional count of dossiers."""
        return f"count(*) FILTER (WHERE {condition})" if self.tuned else f"count(CASE WHEN {condition} THEN h.id END)"

    def distinct(self, what: str, condition: str) -> str:
        """A conditional count of different values."""
        if self.tuned:
            return f"count(DISTINCT {what}) FILTER (WHERE {condition})"
        return f"count(DISTINCT CASE WHEN {condition} THEN {what} END)"


@dataclass(frozen=True)
class Progress:
    """The conditions of the progress report."""

    port: Port

    @property
    def received(self) -> str:
        return self.port.within(_TN)

    @property
    def carried(self) -> str:
        p, day_before = self.port, self.port.first - timedelta(days=1)
        return (
            f"({p.until(_TN, day_before)} AND (h.trang_thai IN ('2','4','5','6','8')"
            f" OR ({_DONE_OR_WITHDRAWN} AND {p.since(_KT, p.first)})))"
        )

    @property
    def done(self) -> str:
        return f"({_DONE} AND {self.port.within(_KT)})"

    @property
    def withdrawn(self) -> str:
        return f"({_WITHDRAWN} AND {self.port.until(_TN, self.port.last)} AND {self.port.within(_KT)})"

    @property
    def early(self) -> str:
        return f"({self.done} AND {_KT}::date < {_HEN}::date)"

    @property
    def late(self) -> str:
        return f"({self.done} AND {_KT}::date > {_HEN}::date)"

    @property
    def on_day(self) -> str:
        return f"(({self.done} AND ({_KT}::date = {_HEN}::date OR {_HEN} IS NULL)) OR {self.withdrawn})"

    @property
    def open(self) -> str:
        p, after = self.port, self.port.last + timedelta(days=1)
        return (
            f"({p.until(_TN, p.last)} AND ({_OPEN} OR ({_DONE_OR_WITHDRAWN} AND {p.since(_KT, after)})"
            f" OR ({_ASKED} AND {p.since('h.ngay_yeu_cau_bo_sung', after)})))"
        )

    @property
    def open_late(self) -> str:
        return f"({self.open} AND {self.port.until(_HEN, self.port.last - timedelta(days=1))})"

    @property
    def open_in_time(self) -> str:
        return f"({self.open} AND ({self.port.since(_HEN, self.port.last)} OR {_HEN} IS NULL))"

    @property
    def supplement(self) -> str:
        p = self.port
        asked = f"{p.until('h.ngay_yeu_cau_bo_sung', p.last)} OR h.ngay_yeu_cau_bo_sung IS NULL"
        return f"({p.until(_TN, p.last)} AND (({_ASKED} AND ({asked})) OR {_HELD}))"

    @property
    def where(self) -> str:
        """The dossiers of the report."""
        if not self.port.tuned:
            return (
                f"h.trang_thai NOT IN ('1','3') AND ({self.open} OR {self.done} OR {self.supplement}"
                f" OR {self.withdrawn})"
            )
        # The same rows, as long as no end lies before its reception: everything alive, and ends since the first day.
        return (
            f"{self.port.until(_TN, self.port.last)} AND (h.trang_thai IN ('2','4','5','6','8')"
            f" OR ({_DONE_OR_WITHDRAWN} AND {self.port.since(_KT, self.port.first)}))"
        )


def q1(port: Port, prefix: str = "") -> str:
    """Progress by agency; of the agencies under a prefix when there is one (Q2)."""
    its = Progress(port)
    columns = [
        "count(*)",
        port.count(its.carried),
        port.count(its.received),
        *(port.count(f"{its.received} AND h.kenh_thuc_hien = '{channel}'") for channel in "213"),
        port.count(f"{its.done} OR {its.withdrawn}"),
        port.count(its.early),
        port.count(its.on_day),
        port.count(its.late),
        port.count(f"{its.open} OR {its.supplement}"),
        port.count(f"{its.open_in_time} OR {its.supplement}"),
        port.count(its.open_late),
    ]
    under = f" AND g.ma_dinh_danh LIKE '{prefix}%'" if prefix else ""
    return (
        f"SELECT h.don_vi_id, {', '.join(columns)} FROM {SCHEMA}.ho_so h"
        f" JOIN {SCHEMA}.thu_tuc t ON t.ma_tthc = h.ma_tthc"
        f" JOIN {SCHEMA}.groups g ON g.group_code = h.don_vi_id"
        f" WHERE h.deleted_on IS NULL AND {its.where}{under} GROUP BY h.don_vi_id ORDER BY 1"
    )


def q3(port: Port) -> str:
    """Online service: dossiers by level of service."""
    columns = [
        "count(DISTINCT h.ma_tthc)",
        port.count("h.kenh_thuc_hien IN ('1','2')"),
    ]
    for level in ("IN ('3','4')", "= '4'", "= '3'"):
        columns += [
            port.distinct("h.ma_tthc", f"d.muc_do {level}"),
            port.count(f"d.muc_do {level} AND h.kenh_thuc_hien IN ('1','2')"),
            port.count(f"d.muc_do {level} AND h.kenh_thuc_hien = '2'"),
        ]
    columns += [port.distinct("h.ma_tthc", "d.muc_do = '2'"), port.count("d.muc_do = '2'")]
    return (
        f"SELECT h.don_vi_id, {', '.join(columns)} FROM {SCHEMA}.ho_so h"
        f" JOIN {SCHEMA}.thu_tuc t ON t.ma_tthc = h.ma_tthc"
        f" JOIN {SCHEMA}.don_vi_thu_tuc d ON d.ma_tthc = h.ma_tthc AND d.don_vi_id = h.don_vi_id"
        f" JOIN {SCHEMA}.groups g ON g.group_code = h.don_vi_id"
        f" WHERE {port.within(_TN)} AND {_COUNTED} AND h.deleted_on IS NULL AND t.deleted_on IS NULL"
        " AND d.deleted_on IS NULL GROUP BY h.don_vi_id ORDER BY 1"
    )


def q4(port: Port) -> str:
    """Digitisation. Tuned: components are gathered by dossier first, so that nothing fans out."""
    settled = _DONE_OR_WITHDRAWN
    empty = "coalesce(h.dinh_kem_ket_qua, '') = ''"
    from_first_second = f"{_TN} >= timestamp '{port.first} 00:00:01'"
    if port.tuned:
        parts = (
            f"LEFT JOIN (SELECT ho_so, count(*) AS n, bool_or(trang_thai_so_hoa IN ('2','3')) AS reused,"
            f" bool_or(trang_thai_so_hoa IN ('2','3') AND duoc_lay_tu_kho) AS stored"
            f" FROM {SCHEMA}.thanh_phan_ho_so WHERE deleted_on IS NULL GROUP BY ho_so) c ON c.ho_so = h.ma_ho_so"
        )
        conditions = ["c.n IS NULL", "c.n > 0", "c.reused", "c.stored"]
        counts, extra = ["count(*)", *map(port.count, conditions)], ""
    else:
        parts = f"LEFT JOIN {SCHEMA}.thanh_phan_ho_so c ON c.ho_so = h.ma_ho_so"
        reused = "c.trang_thai_so_hoa IN ('2','3')"
        conditions = ["c.id IS NULL", "c.id IS NOT NULL", reused, f"{reused} AND c.duoc_lay_tu_kho"]
        counts = ["count(DISTINCT h.id)", *(port.distinct("h.id", each) for each in conditions)]
        extra = " AND c.deleted_on IS NULL"
    ends = [settled, f"{settled} AND {empty}", f"{settled} AND (NOT {empty} OR t.khong_co_ket_qua)"]
    counts += [port.count(each) if port.tuned else port.distinct("h.id", each) for each in ends]
    return (
        f"SELECT h.don_vi_id, {', '.join(counts)} FROM {SCHEMA}.ho_so h"
        f" JOIN {SCHEMA}.groups g ON g.group_code = h.don_vi_id"
        f" JOIN {SCHEMA}.thu_tuc t ON t.ma_tthc = h.ma_tthc {parts} WHERE {from_first_second}"
        f" AND {port.until(_TN, port.last)} AND {_COUNTED} AND h.deleted_on IS NULL AND t.deleted_on IS NULL{extra}"
        " GROUP BY h.don_vi_id ORDER BY 1"
    )


def q5(port: Port) -> str:
    """Online payment: procedures and dossiers."""
    paid = f"p.trang_thai = '{PAID}' AND p.hinh_thuc_thu <> '{EXEMPT}'"
    online = f"p.trang_thai = '{PAID}' AND p.hinh_thuc_thanh_toan = 'truc-tuyen'"
    columns = [
        "count(DISTINCT d.ma_tthc)",
        port.distinct("h.ma_tthc", "h.id IS NOT NULL"),
        port.distinct("h.ma_tthc", paid),
        port.distinct("h.ma_tthc", online),
        "count(h.id)",
        port.distinct("h.id", online),
    ]
    return (
        f"SELECT d.don_vi_id, {', '.join(columns)} FROM {SCHEMA}.don_vi_thu_tuc d"
        f" JOIN {SCHEMA}.thu_tuc t ON t.ma_tthc = d.ma_tthc JOIN {SCHEMA}.groups g ON g.group_code = d.don_vi_id"
        f" LEFT JOIN {SCHEMA}.ho_so h ON h.ma_tthc = d.ma_tthc AND h.don_vi_id = d.don_vi_id"
        f" LEFT JOIN {SCHEMA}.yeu_cau_thanh_toan p ON p.ma_ho_so = h.ma_ho_so"
        f" WHERE t.trang_thai_phi_le_phi AND {port.within(_TN)} GROUP BY d.don_vi_id ORDER BY 1"
    )


def q6(port: Port, unit: str) -> str:
    """One agency's row of the batch job: dossiers × payments × components, everything counted distinct."""
    its = Progress(port)
    conditions = [
        "true",
        "h.trang_thai <> '3'",
        its.open_in_time,
        its.early,
        its.on_day,
        its.late,
        its.withdrawn,
        "h.kenh_thuc_hien = '2'",
        "h.muc_do IN ('3','4')",
        "h.muc_do IN ('3','4') AND h.kenh_thuc_hien = '2'",
        "t.trang_thai_phi_le_phi",
        f"p.trang_thai = '{PAID}'",
        f"p.trang_thai = '{PAID}' AND p.hinh_thuc_thanh_toan = 'truc-tuyen'",
        f"{_DONE} AND h.dinh_kem_ket_qua IS NOT NULL",
        "c.trang_thai_so_hoa <> '0'",
        "c.trang_thai_so_hoa IN ('2','3')",
        "c.duoc_lay_tu_kho",
    ]
    columns = [port.distinct("h.id", each) for each in conditions]
    columns += [
        port.distinct("h.ma_tthc", each) for each in ("true", "h.kenh_thuc_hien = '2'", f"p.trang_thai = '{PAID}'")
    ]
    return (
        f"SELECT {', '.join(columns)} FROM {SCHEMA}.ho_so h JOIN {SCHEMA}.groups g ON g.group_code = h.don_vi_id"
        f" LEFT JOIN {SCHEMA}.thu_tuc t ON t.ma_tthc = h.ma_tthc"
        f" LEFT JOIN {SCHEMA}.yeu_cau_thanh_toan p ON p.ma_ho_so = h.ma_ho_so"
        f" LEFT JOIN {SCHEMA}.thanh_phan_ho_so c ON c.ho_so = h.ma_ho_so"
        f" WHERE {port.within(_TN)} AND h.trang_thai <> '1' AND h.deleted_on IS NULL AND h.don_vi_id = '{unit}'"
    )


def counts(port: Port) -> str:
    """What every side can be asked: received, by channel, and done early and late by calendar day."""
    its = Progress(port)
    parts = [its.received, *(f"{its.received} AND h.kenh_thuc_hien = '{channel}'" for channel in "213")]
    parts += [its.early, its.late]
    return (
        f"SELECT {', '.join(map(port.count, parts))} FROM {SCHEMA}.ho_so h"
        f" WHERE h.deleted_on IS NULL AND h.trang_thai NOT IN ('1','3')"
    )


def facts(port: Port) -> str:
    """Done early and late by calendar day as the service's own facts have them, of the dossiers ended with a result."""
    end, due = "(l.ended_at AT TIME ZONE 'Asia/Ho_Chi_Minh')", "(l.due_at AT TIME ZONE 'Asia/Ho_Chi_Minh')"
    return (
        f"SELECT count(*) FILTER (WHERE {end}::date < {due}::date), count(*) FILTER (WHERE {end}::date > {due}::date)"
        f" FROM {SCHEMA}.ho_so h JOIN public.life l ON l.subject = h.ma_ho_so"
        " JOIN public.root r ON r.id = l.root_id AND r.generation = l.generation"
        f" WHERE h.deleted_on IS NULL AND {_DONE} AND NOT l.voided AND {port.within(end)}"
    )
