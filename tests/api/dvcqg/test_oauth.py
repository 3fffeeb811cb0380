"""The OAuth dialect: a token, files before the dossier, and the same facts as in the other dialects."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.intake.dvcqg.payloads import PERSON, PRIVATE
from tests.running import Running

CODE = "H44.07-20260303-0000012"
GOOD = {"code": 200, "message": "Thành công", "data": {}}


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


def _dossier(**fields: Any) -> dict[str, Any]:
    return {
        "MaHoSo": CODE, "MaTTHC": "1.004555", "MaDonViTiepNhan": "H44.07", "KenhThucHien": 2, "LoaiDoiTuong": 0,
        "NgayTiepNhan": "2026-03-03T09:05:00.000", "NgayHenTra": "2026-03-06 17:00:00", "TrangThaiHoSo": 2,
        "ThanhPhanHoSo": [{"TenThanhPhan": "CCCD bà Thử", "LoaiBan": 2, "IdTepTin": "x"}],
    } | PERSON | fields  # fmt: skip


async def call(served: Running, service: str, body: Any, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token or served.key}"}
    return await served.client.post(f"/dvcqg/oauth/api/v1/{service}", json=body, headers=headers)


async def test_a_token_is_made_of_the_key(served: Running) -> None:
    basic = "Basic " + base64.b64encode(f"a:{served.key}".encode()).decode()
    ways: list[dict[str, Any]] = [
        {"data": {"grant_type": "client_credentials", "client_id": "a", "client_secret": served.key}},
        {"json": {"clientId": "a", "clientSecret": served.key}},
        {"headers": {"Authorization": basic}},
    ]
    for sent in ways:
        told = (await served.client.post("/dvcqg/oauth/token", **sent)).json()
        assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
        assert told["data"]["access_token"] == told["access_token"]
        answer = await call(served, "NoiHoSo", _dossier(), told["access_token"])
        assert (answer.status_code, answer.json()) == (200, GOOD)


async def test_without_a_key_there_is_no_token(served: Running) -> None:
    reading = await served.make_key("H44", "read")
    for body, status in (("client_secret=x", 401), ("{", 401), ("", 401), (f"client_secret={reading}", 403)):
        assert (await served.client.post("/dvcqg/oauth/token", content=body)).status_code == status
    assert (await served.client.post("/dvcqg/oauth/token", content=b"x" * 20_000)).status_code == 413
    assert (await served.client.post("/dvcqg/oauth/NoiHoSo", json=_dossier())).status_code == 401


async def test_a_life_told_by_services_of_its_own(served: Running) -> None:
    """Received, a supplement of two days, ended in time against the due time moved by it, returned at the counter."""
    sent = await served.client.post(f"/dvcqg/{served.key}/UploadFile", files={"file": ("Thử.pdf", b"%PDF")})
    file = sent.json()["data"]
    assert (len(file["IdTepTin"]), len(file["HashTepTin"])) == (36, 64)
    steps = {"MaHoSo": CODE, "DanhSachTienTrinh": [
        {"ThoiDiemXuLy": "2026-03-03 09:05:00", "TrangThai": 2, "NguoiXuLy": "Cán bộ Kín"},
        {"ThoiDiemXuLy": "2026-03-03 10:00:00", "TrangThai": 4},
    ]}  # fmt: skip
    calls: list[tuple[str, Any]] = [
        ("NoiHoSo", _dossier(ThanhPhanHoSo=[{"TenThanhPhan": "CCCD bà Thử", "LoaiBan": 0, **file}])),
        ("CapNhatTienTrinh", steps),
        ("CapNhatTrangThai", {"MaHoSo": CODE, "TrangThai": 5, "ThoiDiemXuLy": "2026-03-04 09:00:00"}),
        ("CapNhatTrangThai", {"MaHoSo": CODE, "TrangThai": 4, "ThoiDiemXuLy": "2026-03-06 09:00:00"}),
        ("CapNhatTrangThai", {
            "MaHoSo": CODE, "TrangThai": 9, "NgayKetThucXuLy": "2026-03-06T16:45:00.250", "DanhSachLePhi": [],
            "DanhSachGiayToKetQua": [{"TenGiayTo": "Giấy phép bà Thử", "DuongDanTepTinKetQua": "x"}],
        }),
        ("CapNhatTrangThai", {"MaHoSo": CODE, "TrangThai": 10, "NgayTra": "2026-03-07 08:00:00"}),
    ]  # fmt: skip
    for service, body in [*calls, *reversed(calls)]:
        answer = await call(served, service, body)
        assert (answer.status_code, answer.json()) == (200, GOOD), service
    told = (await served.get(f"/v1/dossiers/{CODE}", unit="H44")).json()["dossier"]
    shown = ("unit", "procedure", "channel", "received_at", "deadline", "ended_at", "on_time", "flags")
    assert {name: told[name] for name in shown} == {
        "unit": "H44.07", "procedure": "1.004555", "channel": "online",
        "received_at": "2026-03-03T09:05:00+07:00", "deadline": "2026-03-08T17:00:00+07:00",
        "ended_at": "2026-03-06T16:45:00.250000+07:00", "on_time": True,
        "flags": ["fee", "e_result", "digitised", "synced"],
    }  # fmt: skip


async def test_what_is_wrong_has_the_status(served: Running) -> None:
    other = await served.make_key("H44.13", "ingest")
    for body, token, status in (
        (_dossier(NgayTiepNhan="hôm qua"), None, 422),
        (_dossier(MaHoSo="001099000111"), None, 422),
        ([], other, 200),
        (_dossier(), other, 403),
    ):
        answer = await call(served, "NoiHoSo", body, token)
        assert (answer.status_code, answer.json()["code"]) == (status, status)
        assert (answer.json()["message"] == "Thành công") is (status == 200)
        assert not any(text in answer.text for text in PRIVATE)


async def test_applicants_are_numbered_from_zero(served: Running) -> None:
    for number, kind in enumerate(["citizen", "organisation", "organisation", None]):
        code = f"H44.07-20260303-{number:07}"
        await call(served, "NoiHoSo", _dossier(MaHoSo=code, LoaiDoiTuong=number))
        told = (await served.get(f"/v1/dossiers/{code}", unit="H44")).json()
        [received] = [each["data"] for each in told["events"] if each["type"] == "dossier.received"]
        assert received.get("applicant") == kind


async def test_a_result_whose_file_was_sent_before_is_there(served: Running) -> None:
    """It has the id of a file and no link; one that was handed in is none."""
    ended = {"TrangThaiHoSo": 9, "NgayKetThucXuLy": "2026-03-06 16:45:00"}
    for number, (sent, there) in enumerate([({"IdTepTin": "y"}, True), ({"HashTepTin": "z"}, True),
                                            ({"IdTepTin": "x"}, False), ({"TenGiayTo": "a"}, False)]):  # fmt: skip
        code = f"H44.07-20260303-000010{number}"
        body = _dossier(MaHoSo=code, DanhSachGiayToKetQua=[sent], **ended)
        assert (await call(served, "NoiHoSo", body)).json() == GOOD
        told = (await served.get(f"/v1/dossiers/{code}", unit="H44")).json()["dossier"]
        assert ("e_result" in told["flags"]) is there, sent
