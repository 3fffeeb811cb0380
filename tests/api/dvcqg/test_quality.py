"""What is wrong with what a source tells: by cause and unit, with the dossiers, and what never varies."""

from __future__ import annotations

from typing import Any

import pytest

from app.api.dvcqg import parked
from app.domain.portal.profile import Profile
from app.store.portal import sources
from tests.intake.dvcqg.payloads import dossier, paper, result, step
from tests.pages.asking import page_of
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


DATES: dict[str, Any] = {"NgayTiepNhan": "20260105081200", "NgayHenTra": "20260112170000"}
ENDED: dict[str, Any] = {**DATES, "TrangThaiHoSo": "9", "NgayKetThucXuLy": "20260109100000"}


def code(number: int, unit: str = "H44.07") -> str:
    return f"{unit}-260105-{number:04}"


async def told(served: Running, *elements: Any, service: str = "DongBoHoSoMC", key: str = "") -> Any:
    return (await served.client.post(f"/dvcqg/{key or served.key}/{service}", json=list(elements))).json()


async def quality(served: Running, unit: str = "H44", **query: Any) -> Any:
    answer = await served.get("/v1/data-quality", unit=unit, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def counted(served: Running, unit: str = "H44") -> dict[str, int]:
    return {each["cause"]: each["count"] for each in (await quality(served, unit))["causes"] if each["count"]}


async def every_fault(served: Running) -> None:
    """A dossier for each cause, numbered as they come, and a sound one."""
    await told(
        served,
        dossier(code(1, "H44.99"), **DATES),
        dossier(code(2), NgayHenTra="20260112170000"),
        dossier(code(3), NgayTiepNhan="20270105081200"),
        dossier(code(4), "THU-TUC-LA", **DATES),
        dossier(code(5), **DATES, KenhThucHien=""),
        dossier(code(6), "1.004555", **DATES),
        *(dossier(code(number), **DATES) for number in (7, 8)),
        dossier(code(9), **ENDED, TaiLieuNop=[paper(1)], DanhSachGiayToKetQua=[
            result(1) | {"DuongDanTepTinKetQua": paper(1)["DuongDanTaiTepTin"]},
        ]),
        dossier(code(10), **DATES, TrangThaiHoSo="9"),
        dossier(code(11), **ENDED, TaiLieuNop=[paper(1)], DanhSachGiayToKetQua=[result(1)]),
        # Neither is a fault: it is but registered, it was not accepted.
        dossier(code(12), TrangThaiHoSo="1"), dossier(code(13), TrangThaiHoSo="3"),
    )  # fmt: skip
    await told(served, dossier(code(6), "1.000001", **DATES), dossier(code(7), **DATES))
    await told(served, dossier(code(8), **DATES | {"NgayHenTra": "20260115170000"}))
    await told(served, step(code(10), "20260105081200", "9"), service="CapNhatTienDoHoSoMC")


BY_CAUSE = {
    "unknown_unit": code(1, "H44.99"), "reception_not_told": code(2), "time_in_future": code(3),
    "no_procedure_code": code(4), "channel_not_told": code(5), "code_used_again": code(6), "sent_again": code(7),
    "due_moved": code(8), "false_result": code(9), "ended_at_reception": code(10),
}  # fmt: skip


async def test_each_cause_has_its_dossier(served: Running) -> None:
    await every_fault(served)
    assert await counted(served) == dict.fromkeys(BY_CAUSE, 1)
    # What has no unit stands under that of the key.
    assert await counted(served, "H44.07") == dict.fromkeys(list(BY_CAUSE)[1:], 1)
    assert await counted(served, "H44.13") == {}
    for cause, subject in BY_CAUSE.items():
        page = await quality(served, cause=cause)
        assert (page["total"], [each["subject"] for each in page["items"]]) == (1, [subject]), cause
    [parked_one] = (await quality(served, cause="unknown_unit"))["items"]
    assert (parked_one["unit"], parked_one["procedure"], parked_one["received_at"]) == ("H44", None, None)
    [moved] = (await quality(served, cause="due_moved"))["items"]
    assert (moved["unit"], moved["procedure"], moved["due_at"]) == ("H44.07", "1.004555", "2026-01-15T17:00:00+07:00")
    await parked.measure(served.service)
    metrics = (await served.client.get("/metrics")).text
    for cause in BY_CAUSE:
        assert f'chiso_portal_faults{{cause="{cause}"}} 1.0' in metrics


async def test_a_voided_dossier_is_dealt_with(served: Running) -> None:
    await every_fault(served)
    await served.push([served.event("dossier.voided", code(8))])
    assert "due_moved" not in await counted(served)
    assert (await quality(served, cause="due_moved"))["items"] == []


async def test_what_was_parked_is_no_fault_once_its_unit_is_there(served: Running) -> None:
    await told(served, dossier(code(1, "H44.99"), **DATES))
    assert await counted(served) == {"unknown_unit": 1}
    assert (await served.put("/v1/units", [{"code": "H44.99", "name": "Xã Mới"}])).json()["errors"] == []
    async with served.service.database.connection("read") as connection:
        root_id = await connection.fetchval("SELECT id FROM root WHERE code = 'H44'")
    await parked.release(served.service, root_id)
    assert await counted(served) == {}


async def test_a_list_of_several_sources_is_read_page_by_page(served: Running) -> None:
    """Two sources tell of the same dossiers, and the list has each once for each."""
    key = await served.make_key("H44.07", "ingest")
    codes = [code(number) for number in range(1, 6)]
    for by in (served.key, key):
        await told(served, *(dossier(each, **DATES, KenhThucHien="") for each in codes), key=by)
    found: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = await quality(served, cause="channel_not_told", limit=3, **more)
        assert page["total"] == 10
        found += [each["subject"] for each in page["items"]]
        if page["next"] is None:
            break
        more = {"cursor": page["next"]}
    assert found == sorted(codes * 2)


async def test_what_never_varies_is_told_by_source(served: Running) -> None:
    """Nineteen dossiers say nothing; the twentieth does, and whatever varies is not there."""
    same: dict[str, Any] = {**DATES, "NgayNopHoSo": DATES["NgayTiepNhan"], "TaiLieuNop": [paper(1)]}
    varying = [{"KenhThucHien": "2", "HinhThuc": "1"}, {"DuocThanhToanTrucTuyen": "1", "LoaiDoiTuong": "2"}]
    await told(served, *(dossier(code(number), **same | more) for number, more in enumerate([{}] * 17 + varying, 1)))
    [source] = (await quality(served))["sources"]
    assert source == {
        "source": "/dvcqg/H44", "dossiers": 19, "untrusted": [], "constants": [],
        "no_data": ["RECEIVED_BY_POST_STAFF", "RETURNED_ONLINE", "SIGNED_RESULT"],
    }  # fmt: skip
    last = dossier(code(20), **same)
    del last["DSKetNoiCSDL"]
    await told(served, last)
    async with served.service.database.connection("write") as connection:
        root_id = await connection.fetchval("SELECT id FROM root WHERE code = 'H44'")
        await sources.put(connection, root_id, "/dvcqg/H44", "H44", Profile(frozenset({"MaCSDL", "DuocSoHoa"})))
    [source] = (await quality(served, "H44.13"))["sources"]
    assert (source["dossiers"], source["untrusted"]) == (20, ["DuocSoHoa", "MaCSDL"])
    page = await page_of(served, "/units/H44/feeds")
    said = page.one("section", aria_labelledby="quality").text
    assert "Không bao giờ đổi trong 20 hồ sơ: NoiNopHoSo HoSoCoThanhPhanSoHoa DuocSoHoa DuocTaiSuDung" in said
    assert "Không tin trường: DuocSoHoa MaCSDL" in said
    assert {each["field"]: each["value"] for each in source["constants"]} == {
        "NoiNopHoSo": "local", "HoSoCoThanhPhanSoHoa": "false", "DuocSoHoa": "true", "DuocTaiSuDung": "false",
        "DuocLayTuKhoDMQG": "false", "TaiKhoanDuocXacThucVoiVNeID": "false", "MaCSDL": "false",
        "DanhSachGiayToKetQua": "false", "NgayNopHoSo": "false",
    }  # fmt: skip


async def test_codes_of_fees_that_never_vary_are_told(served: Running) -> None:
    fee = {"MaPhiLePhi": "1", "HinhThucThu": 1, "LoaiPhiLePhi": "001099000111", "Gia": "8.000"}
    fees = [[fee], [fee | {"HinhThucThu": "4"}], []]
    elements = [dossier(code(number), **DATES, DanhSachLePhi=fees[number % 3]) for number in range(1, 21)]
    await told(served, *elements)
    [source] = (await quality(served))["sources"]
    of_fees = {each["field"]: each["value"] for each in source["constants"] if each["field"].endswith(("Phi", "Thu"))}
    assert of_fees == {"MaPhiLePhi": "1"}


async def test_a_field_that_is_never_told_is_told_so(served: Running) -> None:
    """As the payload was before it had channels, flags of digitisation and online payments."""
    late = ("KenhThucHien", "NoiNopHoSo", "HoSoCoThanhPhanSoHoa", "TaiKhoanDuocXacThucVoiVNeID", "NgayNopHoSo",
            "DuocThanhToanTrucTuyen", "DSKetNoiCSDL")  # fmt: skip
    elements = [dossier(code(number), **DATES, HinhThuc=str(number % 2)) for number in range(1, 21)]
    await told(served, *({name: value for name, value in each.items() if name not in late} for each in elements))
    [source] = (await quality(served))["sources"]
    assert {each["field"]: each["value"] for each in source["constants"]} == dict.fromkeys(
        ("KenhThucHien", "NoiNopHoSo", "HoSoCoThanhPhanSoHoa", "DuocSoHoa", "DuocTaiSuDung", "DuocLayTuKhoDMQG",
         "TaiKhoanDuocXacThucVoiVNeID", "MaCSDL", "DuocThanhToanTrucTuyen", "NgayNopHoSo")
    ) | {"LoaiDoiTuong": "citizen", "DanhSachGiayToKetQua": "false"}  # fmt: skip
    assert source["no_data"] == [
        "ONLINE_WITH_DOSSIERS", "ONLINE_DOSSIERS", "SO_HOA_GIAY_TO_GIAI_QUYET", "REUSED_DIGITIZED_DATA",
        "SYNCED_WITH_DVCQG_PERSONAL_STORAGE", "CITIZEN_DATA_CONNECTED_DOSSIER", "CITIZEN_DATA_CONNECTED_FORMALITY",
        "PAYMENT_DOSSIERS", "PAYMENT_PROCEDURES", "RECEIVED_BY_POST", "RECEIVED_BY_POST_STAFF", "RETURNED_ONLINE",
        "SIGNED_RESULT", "FULL_ONLINE_DOSSIERS", "ESSENTIAL_ONLINE_SUM", "ESSENTIAL_ONLINE_MEAN",
    ]  # fmt: skip
    # One of two fields that tell of digitisation is enough, and none of what varies is in doubt.
    async with served.service.database.connection("write") as connection:
        root_id = await connection.fetchval("SELECT id FROM root WHERE code = 'H44'")
        await sources.put(connection, root_id, "/dvcqg/H44", "H44", Profile(frozenset({"HinhThuc"})))
    await told(served, dossier(code(21), **DATES, TaiLieuNop=[paper(1)]))
    [source] = (await quality(served))["sources"]
    assert source["no_data"] == ["RETURNED_BY_POST", "RECEIVED_BY_POST_STAFF", "RETURNED_ONLINE", "SIGNED_RESULT"]
