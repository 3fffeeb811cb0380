"""The real province of the demo: the 164 units of Phú Thọ (H44) and what the national portal published about them.

The figures are facts read from the portal on 26 September 2026 (files in ``portal_2026/``). They steer the simulator
and tell what a full replay must show; nothing here ever reaches a table of counts.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files

ROOT = "H44"

Pair = tuple[int, int]
"""A numerator and its denominator."""


@dataclass(frozen=True, slots=True)
class Published:
    """The portal's counts of one unit for the year; None = not published for it.

    `active` counts dossiers carried over or received, `on_time` those of them ended or still open in time. The first
    block of fields exists for all units, the second for 61 of them, the last for the province alone.
    """

    active: int
    on_time: int
    average_days: Fraction
    fee: int
    paid: int
    fee_procedures: int
    paid_procedures: int
    integrated_procedures: int

    satisfied: int | None
    e_result: int | None
    digitised: int | None
    reused: int | None
    shared_store: int | None
    population_data: int | None
    connected_procedures: int | None
    citizen_procedures: int | None
    synced: int | None
    petitions: int | None
    petitions_on_time: int | None
    petitions_satisfied: int | None
    petitions_regulation: int | None
    petitions_staff: int | None

    ended: int | None
    online: int | None
    received: int | None
    announced: Pair | None
    updated: Pair | None
    complete: Pair | None


def _rows(name: str) -> list[dict[str, str]]:
    text = files("app.demo").joinpath("portal_2026", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _pairs(*names: str) -> dict[str, dict[str, Pair]]:
    """unit → indicator → its published pair, of files with one row per unit and indicator."""
    pairs: dict[str, dict[str, Pair]] = {}
    for name in names:
        for row in _rows(name):
            if row["numerator"]:
                pairs.setdefault(row["unit_code"], {})[row["metric_code"]] = (
                    int(row["numerator"]),
                    int(row["denominator"]),
                )
    return pairs


@cache
def levels() -> dict[str, str]:
    """unit code → level in the portal's order. The portal calls departments PROVINCE and communes COMMUNE."""
    level = {"COMMUNE": "commune", "PROVINCE": "department"}
    return {
        row["unit_code"]: "province" if row["unit_code"] == ROOT else level[row["level"]] for row in _rows("units.csv")
    }


@cache
def published() -> dict[str, Published]:
    """What the portal published, by unit code, in the portal's order."""
    payments = {row["unit_code"]: row for row in _rows("payment_year.csv")}
    progress = {row["unit_code"]: row for row in _rows("progress_year.csv")}
    pairs = _pairs("satisfaction_year.csv", "digitized_year.csv", "transparency_year.csv")
    return {unit: _published(unit, progress[unit], payments[unit], pairs.get(unit, {})) for unit in levels()}


def _published(unit: str, progress: dict[str, str], payment: dict[str, str], pairs: dict[str, Pair]) -> Published:
    def top(code: str) -> int | None:
        return pairs[code][0] if code in pairs else None

    def base(code: str) -> int | None:
        return pairs[code][1] if code in pairs else None

    # Units below the province repeat its figures of transparency; only the province lives them.
    of_root = unit == ROOT
    online = _rows("online_year.csv")[0] if of_root else {}
    return Published(
        active=int(progress["total_received"]),
        on_time=int(progress["total_on_time"]),
        average_days=Fraction(progress["avg_processing_days"]),
        fee=int(payment["dossiers_with_fee"]),
        paid=int(payment["dossiers_paid_online"]),
        fee_procedures=int(payment["procedures_with_fee"]),
        paid_procedures=int(payment["procedures_paid_online"]),
        integrated_procedures=int(payment["procedures_integrated"]),
        satisfied=top("DOSSIER_RECEIVING_SATISFACTION"),
        e_result=top("ORIGINAL_RESULT_AVAILABLE"),
        digitised=top("SO_HOA_GIAY_TO_GIAI_QUYET"),
        reused=top("REUSED_DIGITIZED_DATA"),
        shared_store=top("SYNCED_WITH_DVCQG_PERSONAL_STORAGE"),
        population_data=top("CITIZEN_DATA_CONNECTED_DOSSIER"),
        connected_procedures=top("CITIZEN_DATA_CONNECTED_FORMALITY"),
        citizen_procedures=base("CITIZEN_DATA_CONNECTED_FORMALITY"),
        synced=top("DOSSIER_SYNC"),
        petitions=base("PETITION_PROCESSING_ON_TIME"),
        petitions_on_time=top("PETITION_PROCESSING_ON_TIME"),
        petitions_satisfied=top("PETITION_HANDLING_SATISFACTION"),
        petitions_regulation=top("PETITION_CLASSIFICATION_TTHC"),
        petitions_staff=top("PETITION_CLASSIFICATION_STAFF"),
        ended=int(progress["total_completed"]) if of_root else None,
        online=int(online["channelOnlineSum"]) if of_root else None,
        received=int(online["channelTotalSum"]) if of_root else None,
        announced=pairs["PUBLISH_ON_TIME"] if of_root else None,
        updated=pairs["PUBLIC_UPDATE_ON_TIME"] if of_root else None,
        complete=pairs["PUBLIC_CONTENT_FULL"] if of_root else None,
    )


def units() -> list[dict[str, object]]:
    """The units in the shape of ``PUT /v1/units``: code, name, level, and certified_copy for communes."""
    listed: list[dict[str, object]] = []
    for row in _rows("units.csv"):
        level = levels()[row["unit_code"]]
        unit: dict[str, object] = {"code": row["unit_code"], "name": row["unit_name"], "level": level}
        listed.append(unit | ({"certified_copy": False} if level == "commune" else {}))
    return listed
