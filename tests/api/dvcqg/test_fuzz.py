"""Whatever stands in the fields: no error of the server, nothing of a person kept, every neighbour counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.store.proof.verify import verify
from tests.api.dvcqg.kept import everything, found
from tests.intake.dvcqg.payloads import PERSON, PRIVATE, dossier, paper, result, step
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


ABSENT = object()
_TIMES = [
    "20260105081200", "05/01/2026 08:12:00", "2026-01-05 08:12:00", "2026-01-05T08:12:00.123", "20260105", "0" * 14,
    "20261340996199", "31/02/2026 08:00:00", "hôm qua", "99999999999999", "2026-01-05T08:12:00+99:99", 1.5,
]  # fmt: skip
_ODD = [
    "TRẦN THỊ THỬ NGHIỆM", "001099000111", "0", "1", "True", "false", "x", "Dinhkem", "không", "8.000", "9" * 5000,
    "\u0000", "\ud800", "\u202e", "'; DROP TABLE life; --", 10**400, -1, 0, 1, 7, 99, 1e308, True, False,
    [], {}, [None], [[]], [{}], [1, "bà Thử"], {"ChuHoSo": "THỬ NGHIỆM"}, "[" * 60, "x" * 100_000,
]  # fmt: skip
_JUNK = st.sampled_from([ABSENT, None, "", "  ", *_TIMES, *_ODD])


@st.composite
def _changed(draw: Any, base: dict[str, Any], keep: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with some fields left out, of another type or case, or nested."""
    told = dict(base)
    names = st.sampled_from(sorted(set(base) - set(keep)))
    for name in draw(st.lists(names, min_size=1, max_size=6, unique=True)):
        del told[name]
        value = draw(_JUNK)
        if value is not ABSENT:
            told[draw(st.sampled_from([name, name.lower(), name.upper()]))] = value
    return told


def _listed(base: dict[str, Any]) -> Any:
    return st.lists(_changed(base), max_size=3)


_FEE = {"TenPhiLePhi": "bà Thử", "MaPhiLePhi": "1", "HinhThucThu": "1", "Gia": "8.000", "LoaiPhiLePhi": "1"}
_ASKED = {"NgayBoSung": "20260106081200", "NgayTiepNhanBoSung": "20260107081200", "NguoiYeuCauBoSung": "Cán bộ Kín"}
_SOUND: dict[str, Any] = {"NgayTiepNhan": "20260105081200", "NgayHenTra": "20260112170000"}


@st.composite
def _dossiers(draw: Any) -> Any:
    code = f"H44.07-260105-{draw(st.integers(1, 60)):04}"
    nested = {
        "TaiLieuNop": draw(_listed(paper(1))), "DanhSachGiayToKetQua": draw(_listed(result(1))),
        "DanhSachLePhi": draw(_listed(_FEE)), "DanhSachHoSoBoSung": draw(_listed(_ASKED)),
        "TrangThaiHoSo": draw(st.sampled_from(["1", "2", "3", "4", "5", "7", "8", "9", "10", 9, "11"])),
    }  # fmt: skip
    told = dossier(code, **_SOUND) | {name: value for name, value in nested.items() if draw(st.booleans())}
    return draw(_changed(told, keep=tuple(PERSON)))


@st.composite
def _steps(draw: Any) -> Any:
    code = f"H44.07-260105-{draw(st.integers(1, 60)):04}"
    words = draw(st.sampled_from(["Yêu cầu bà Thử bổ sung", "Hoàn thành bổ sung", "Thẩm định"]))
    return draw(_changed(step(code, "20260107081200", draw(st.sampled_from(["2", "4", "5", "9", "10"])), words)))


@st.composite
def _by_oauth(draw: Any) -> tuple[str, Any]:
    told = draw(_dossiers())
    told["MaDonViTiepNhan"] = draw(st.sampled_from(["H44.07", "", None, 5, "THỬ NGHIỆM", "H99"]))
    told["ThanhPhanHoSo"] = draw(_listed({"TenThanhPhan": "bà Thử", "LoaiBan": 2, "IdTepTin": "x"}))
    service = draw(st.sampled_from(["NoiHoSo", "CapNhatTrangThai", "CapNhatTienTrinh"]))
    if service == "CapNhatTienTrinh" and draw(st.booleans()):
        told = {"MaHoSo": told.get("MaHoSo"), "DanhSachTienTrinh": draw(st.lists(_steps(), max_size=3))}
    return service, told


_ENVELOPES = st.fixed_dictionaries({}, optional={
    "service": st.sampled_from(["DongBoHoSoMC", "CapNhatTienDoHoSoMC", "TraCuuHoSo", "LayThuTuc", "TraCuuTechID", 5]),
    **{name: _JUNK.filter(lambda each: each is not ABSENT)
       for name in ("session", "madonvi", "isUpdating", "mahoso", "maTTHC", "mstorcmnd", "username", "password")},
    "data": st.one_of(_JUNK.filter(lambda each: each is not ABSENT), st.lists(_dossiers(), max_size=2), _dossiers()),
})  # fmt: skip


def _examples(strategy: Any, count: int) -> list[Any]:
    """The same examples at each run."""
    made: list[Any] = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def gather(example: Any) -> None:
        made.append(example)

    gather()
    return made


async def _post(served: Running, path: str, body: Any) -> Any:
    content = json.dumps(body).encode()
    answer = await served.client.post(f"/dvcqg/{served.key}/{path}", content=content)
    assert answer.status_code < 500, (path, body, answer.text)
    assert found(answer.text, PRIVATE) == [], (path, body, answer.text)
    return answer


async def test_nothing_breaks_it_and_nothing_personal_stays(served: Running, capfd: pytest.CaptureFixture[str]) -> None:
    sent = 0
    for service, strategy, count in (("DongBoHoSoMC", _dossiers(), 120), ("CapNhatTienDoHoSoMC", _steps(), 80)):
        examples = _examples(strategy, count)
        assert len(examples) >= count // 2
        for start in range(0, len(examples), 20):
            batch = examples[start : start + 20]
            code = f"H44.13-260105-{sent:04}"
            sound = dossier(code, **_SOUND) if service == "DongBoHoSoMC" else step(code, "20260106081200", "4")
            answer = await _post(served, service, [*batch[:10], sound, *batch[10:]])
            assert answer.status_code == 200
            told = answer.json()
            assert told["error_code"] == ("1" if told.get("errors") else "0")
            assert 10 not in [each["index"] for each in told.get("errors", [])]
            sent += service == "DongBoHoSoMC"
    for envelope in _examples(_ENVELOPES, 50):
        await _post(served, "", envelope)
    for service, told in _examples(_by_oauth(), 50):
        answer = await _post(served, service, told)
        assert answer.json()["code"] == answer.status_code
    card = (await served.get("/v1/scorecard", unit="H44.13", period="2026")).json()
    assert card["balance"]["received"] == sent >= 5
    async with served.service.database.connection("read") as connection:
        root_id = await connection.fetchval("SELECT id FROM root")
    assert (await verify(served.service.database, root_id, deep=True)).clean
    assert found(await everything(served, capfd), PRIVATE) == []
