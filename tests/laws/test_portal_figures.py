"""Published figures, lived as dossiers and told in the portal's payload day by day with repeats: the portal's scores.

A one-stop system stands between: it takes the demo's events as its own, knows each dossier's present state, and tells
that state at the end of every day on which it changed, in the dialect of its unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from app.demo import province
from app.demo.year import events as simulate
from app.demo.year import procedures
from app.domain.calendar.civil import Instant
from app.domain.catalogues import indicators
from app.domain.figures import scoring
from tests.api.dvcqg.dialects import DIALECTS
from tests.intake.dvcqg.payloads import dossier, paper, result, step
from tests.running import Running

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
UNITS = {"session": "H44.01", "proxy": "H44.19", "gateway": "H44.13", "oauth": "H44.46"}
"""The smallest units that have dossiers at all, 333 together."""
SCORED = (
    "DOSSIER_ON_TIME", "ORIGINAL_RESULT_AVAILABLE", "SO_HOA_GIAY_TO_GIAI_QUYET", "REUSED_DIGITIZED_DATA",
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE", "CITIZEN_DATA_CONNECTED_DOSSIER", "CITIZEN_DATA_CONNECTED_FORMALITY",
    "PAYMENT_DOSSIERS", "PAYMENT_PROCEDURES", "PAYMENT_INTEGRATED",
)  # fmt: skip
"""What dossiers show that such a payload can tell."""
_ENDS = {"dossier.completed": "9", "dossier.refused": "8", "dossier.stopped": "8", "dossier.withdrawn": "7"}
_CHANNELS = {"counter": "1", "online": "2", "postal": "3"}
_ONLINE = {"national_gateway": "1", "local_gateway": "2"}

Element = dict[str, Any]


@pytest.fixture
def database(postgres_database: str) -> str:
    return postgres_database


def _lives(unit: str) -> list[list[Mapping[str, Any]]]:
    """Events of each of the unit's dossiers in order, without what was taken back or entered by mistake."""
    now = Instant((NOW - datetime(1970, 1, 1, tzinfo=UTC)) // NOW.resolution)
    once: dict[str, Mapping[str, Any]] = {str(each["id"]): each for each in simulate.events([unit], 1, 1, now)}
    gone = {str(each["data"]["id"]) for each in once.values() if each["type"] == "event.retracted"}
    lives: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for name, each in sorted(once.items(), key=lambda item: (item[1]["time"], item[0])):
        if name not in gone and str(each["type"]).startswith("dossier."):
            lives[str(each["subject"])].append(each)
    return [life for life in lives.values() if all(each["type"] != "dossier.voided" for each in life)]


def _state(unit: str, life: Iterable[Mapping[str, Any]]) -> tuple[Element | None, list[Element]]:
    """What a one-stop system tells of a dossier after these events, None of one not received; and its steps."""
    told: Element = {}
    code, free, amount, papers = "", False, 0, 0
    steps: list[Element] = []
    flags: dict[str, Any] = {}
    for each in life:
        at, data = _text(str(each["time"])), each["data"]
        # Of a dossier that was handed over the unit that handles it tells, by a code of its own.
        code = unit + "-" + str(each["subject"]).partition("-")[2]
        match kind := str(each["type"]):
            case "dossier.received":
                free = data.get("fee", True) is False
                told |= {
                    "NgayTiepNhan": at, "MaTTHC": data["procedure"], "KenhThucHien": _CHANNELS[data["channel"]],
                    "NgayHenTra": _text(data["due_at"]) if "due_at" in data else "", "TrangThaiHoSo": "2",
                    "LoaiDoiTuong": "1" if data.get("applicant") == "citizen" else "2",
                }  # fmt: skip
            case "dossier.not_accepted":
                told |= {"TrangThaiHoSo": "3", "NgayTuChoi": at}
            case "dossier.due_changed":
                told["NgayHenTra"] = _text(data["due_at"])
            case "dossier.digitised":
                papers, flags = data["components"], flags | data
            case "dossier.fee_requested":
                free, amount = data["amount"] == 0, data["amount"]
            case "dossier.fee_waived":
                free = True
            case "dossier.paid":
                told["DuocThanhToanTrucTuyen"] = _ONLINE.get(data["via"], "0")
            case "dossier.supplement_requested" | "dossier.supplemented":
                told["TrangThaiHoSo"] = "5" if kind == "dossier.supplement_requested" else "4"
                steps.append(step(code, at, told["TrangThaiHoSo"]))
            case "dossier.returned":
                told |= {"TrangThaiHoSo": "10", "NgayTra": at, "HinhThuc": "1" if data["via"] == "postal" else "0"}
            case _ if kind in _ENDS:
                told |= {"TrangThaiHoSo": _ENDS[kind], "NgayKetThucXuLy": at}
        if data.get("electronic_result"):
            told["DanhSachGiayToKetQua"] = [result(1)]
    if "TrangThaiHoSo" not in told:
        return None, []
    told["DanhSachLePhi"] = [{"MaPhiLePhi": "2", "Gia": "0" if free else str(amount)}] if free or amount else []
    # A paper that is no file tells of reuse where no file does.
    reused, stored = (str(int(flags.get(name) or False)) for name in ("reused", "shared_store"))
    told["TaiLieuNop"] = [paper(number, str(int(number < papers)), reused, stored) for number in range(max(papers, 1))]
    told["TaiKhoanDuocXacThucVoiVNeID"] = str(int(flags.get("population_data") or False))
    return dossier(code, **{"MaTTHC": told.pop("MaTTHC", ""), **told}), steps


def _text(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")


VIETNAM = datetime.fromisoformat("2026-01-01T00:00:00+07:00").tzinfo


async def _tell(running: Running, dialect: str, unit: str) -> int:
    """Tell a unit's year; how many states were told."""
    days: dict[str, list[list[Mapping[str, Any]]]] = defaultdict(list)
    for life in _lives(unit):
        for day in {str(each["time"])[:10] for each in life}:
            days[day].append([each for each in life if str(each["time"])[:10] <= day])
    before: list[Element] = []
    count = 0
    for day, lives in sorted(days.items()):
        running.clock.at = datetime.fromisoformat(f"{day}T23:59:59+07:00")
        told = [_state(unit, life) for life in lives]
        states = [state for state, _ in told if state is not None]
        steps = [each for _, of_one in told for each in of_one]
        repeats = before[::3]
        if states or repeats:
            await DIALECTS[dialect](running, "DongBoHoSoMC", [*states, *repeats])
        if steps:
            await DIALECTS[dialect](running, "CapNhatTienDoHoSoMC", [*steps, steps[0]])
        before, count = states, count + len(states) + len(repeats)
    return count


async def test_published_figures_told_as_states_give_the_published_scores(running: Running) -> None:
    running.clock.at = datetime.fromisoformat("2025-12-01T00:00:00+07:00")
    await running.catalogue(province.units(), procedures.procedures())
    told = sum([await _tell(running, dialect, unit) for dialect, unit in UNITS.items()])
    assert told > 600
    running.clock.at = NOW
    known, compared, differences = indicators.load(), 0, []
    for unit in UNITS.values():
        for period in ("2026", "2026-9M"):
            card = (await running.get("/v1/scorecard", unit=unit, period=period)).json()
            shown = {each["code"]: each for group in card["groups"] for each in group["indicators"]}
            expected = simulate.expected(unit)
            for code in (each for each in SCORED if each in expected):
                numerator, denominator = expected[code]
                score = scoring.points(Fraction(numerator), Fraction(denominator), known.indicator(code))
                found = (shown[code]["numerator"], shown[code]["denominator"], shown[code]["score"])
                compared += 1
                if found != (numerator, denominator, None if score is None else float(score)):
                    differences.append(f"{unit} {period} {code}: {found}, published {numerator}/{denominator} {score}")
    assert differences == []
    assert compared == 56
