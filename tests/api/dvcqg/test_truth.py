"""A source whose software fills fields with something else than the truth, and what is believed of it."""

from __future__ import annotations

from typing import Any

import pytest

from app.api.dvcqg import parked, receive
from app.api.events import take_in
from app.domain.portal.profile import Profile
from app.store.portal import sources
from tests.intake.dvcqg.payloads import dossier, paper, result, step
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


SOURCE = "/dvcqg/H44"
WAITING, PAID, STOPPED, DONE = (f"H44.07-260105-000{number}" for number in range(1, 5))
RECEIVED, DUE = "20260105081200", "20260112170000"
DATES: dict[str, Any] = {"NgayTiepNhan": RECEIVED, "NgayNopHoSo": RECEIVED, "NgayHenTra": DUE}
FEE = [{"TenPhiLePhi": "x", "MaPhiLePhi": "1", "HinhThucThu": "1", "Gia": "8.000", "LoaiPhiLePhi": "1"}]


async def told(served: Running, service: str, *elements: Any) -> None:
    answer = await served.client.post(f"/dvcqg/{served.key}/{service}", json=list(elements))
    assert answer.json() == {"error_code": "0", "message": "Thành công"}, answer.text


async def distrust(served: Running, *fields: str, success: Any = "0") -> bool:
    async with served.service.database.connection("write") as connection:
        root_id = await connection.fetchval("SELECT id FROM root WHERE code = 'H44'")
        return await sources.put(connection, root_id, SOURCE, "H44", Profile(frozenset(fields), success))


async def apply(served: Running) -> None:
    async with served.service.database.connection("read") as connection:
        waiting = await sources.unapplied(connection)
    for each in waiting:
        await parked.apply(served.service, each)


async def facts(served: Running, subject: str) -> dict[str, Any]:
    answer = await served.get(f"/v1/dossiers/{subject}", unit="H44")
    found: dict[str, Any] = answer.json()["dossier"]
    return found


def false_ends() -> list[tuple[str, list[Any]]]:
    """Three dossiers that wait for a supplement, were stopped, and are done; the first two are told as processed."""
    processed: dict[str, Any] = {"TrangThaiHoSo": "9", "DuocThanhToanTrucTuyen": "1", "DanhSachLePhi": FEE}
    return [
        ("DongBoHoSoMC", [
            dossier(WAITING, **DATES, **processed), dossier(STOPPED, **DATES, TrangThaiHoSo="9"),
            dossier(DONE, **DATES, TrangThaiHoSo="9", NgayKetThucXuLy="20260109100000"),
        ]),
        ("CapNhatTienDoHoSoMC", [
            step(WAITING, RECEIVED, "2", "Tiếp nhận hồ sơ"), step(WAITING, "20260106090000", "5", "Yêu cầu bổ sung"),
            step(WAITING, RECEIVED, "9", "Kết thúc xử lý hồ sơ"),
            step(STOPPED, RECEIVED, "2", "Tiếp nhận hồ sơ"), step(STOPPED, "20260107090000", "8", "Dừng xử lý"),
            step(STOPPED, RECEIVED, "9", "Kết thúc xử lý hồ sơ"),
        ]),
        # The supplement came, and the due time was moved; it is in process again.
        ("DongBoHoSoMC", [dossier(WAITING, **DATES | {"NgayHenTra": "20260116170000"}, TrangThaiHoSo="4")]),
        ("CapNhatTienDoHoSoMC", [step(WAITING, "20260108090000", "5", "Hoàn thành bổ sung hồ sơ")]),
    ]  # fmt: skip


async def test_statuses_told_as_processed_end_nothing(served: Running) -> None:
    await distrust(served, "TrangThaiHoSo", "DuocThanhToanTrucTuyen")
    for service, elements in false_ends():
        await told(served, service, *elements)
    waiting, stopped, done = [await facts(served, each) for each in (WAITING, STOPPED, DONE)]
    # 48 hours of the supplement, after the due time that was told last.
    assert (waiting["ended_at"], waiting["due_at"], waiting["deadline"]) == (
        None, "2026-01-16T17:00:00+07:00", "2026-01-18T17:00:00+07:00",
    )  # fmt: skip
    assert waiting["flags"] == ["fee", "synced"], "cash is not believed to be an online payment"
    assert (stopped["ended_at"], stopped["on_time"]) == ("2026-01-07T09:00:00+07:00", True)
    assert (done["ended_at"], done["on_time"]) == ("2026-01-09T10:00:00+07:00", True)


async def test_a_profile_makes_right_what_is_in_and_is_taken_back_without_a_trace(served: Running) -> None:
    for service, elements in false_ends():
        await told(served, service, *elements)

    async def seen() -> list[Any]:
        told = [await facts(served, each) for each in (WAITING, STOPPED, DONE)]
        return [(each["due_at"], each["ended_at"], "paid_online" in each["flags"]) for each in told]

    believed = await seen()
    assert believed[0][2] is True
    assert believed[1][1] is None, "it has no end of its own"
    assert await distrust(served, "TrangThaiHoSo", "DuocThanhToanTrucTuyen")
    assert not await distrust(served, "TrangThaiHoSo", "DuocThanhToanTrucTuyen"), "nothing changes"
    await apply(served)
    assert await seen() == [
        ("2026-01-16T17:00:00+07:00", None, False),
        ("2026-01-12T17:00:00+07:00", "2026-01-07T09:00:00+07:00", False),
        ("2026-01-12T17:00:00+07:00", "2026-01-09T10:00:00+07:00", False),
    ]
    assert await distrust(served)
    await apply(served)
    assert await seen() == believed
    async with served.service.database.connection("read") as connection:
        assert await sources.unapplied(connection) == []
    entries = (await served.get("/v1/audit", kind="source")).json()["items"]
    assert [(each["action"], each["code"], each["after"]) for each in entries] == [
        ("changed", SOURCE, {"success": "0", "untrusted": []}),
        ("created", SOURCE, {"success": "0", "untrusted": ["DuocThanhToanTrucTuyen", "TrangThaiHoSo"]}),
    ]


async def test_a_pass_goes_on_where_it_was_left(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = [f"H44.07-260105-{number:04}" for number in range(1, 8)]
    await told(served, "DongBoHoSoMC", *(dossier(each, **DATES, DuocThanhToanTrucTuyen="1") for each in codes))
    monkeypatch.setattr(parked, "_AT_ONCE", 2)
    async with served.service.database.transaction() as connection:
        root_id = await connection.fetchval("SELECT id FROM root WHERE code = 'H44'")
        await sources.put(connection, root_id, SOURCE, "H44", Profile(frozenset({"DuocThanhToanTrucTuyen"})))
        await sources.applied(connection, await sources.read(connection, root_id, SOURCE), codes[2])
    await apply(served)
    paid = ["paid_online" in (await facts(served, each))["flags"] for each in codes]
    assert paid == [True, True, True, False, False, False, False]


async def test_a_file_that_was_handed_in_is_no_result(served: Running) -> None:
    ended = {"TrangThaiHoSo": "9", "NgayKetThucXuLy": "20260109100000"}
    papers = [paper(1), paper(2, deleted="True")]
    false = [result(1) | {"DuongDanTepTinKetQua": each["DuongDanTaiTepTin"]} for each in papers]
    for code, results in ((WAITING, false), (DONE, [false[0], result(1)])):
        await told(
            served,
            "DongBoHoSoMC",
            dossier(code, **DATES, **ended, TaiLieuNop=papers, DanhSachGiayToKetQua=results),
        )
    assert (await facts(served, WAITING))["flags"] == ["fee", "synced"]
    assert (await facts(served, DONE))["flags"] == ["fee", "e_result", "digitised", "synced"]


async def test_the_code_of_success_is_the_sources(served: Running) -> None:
    await distrust(served, success="00")
    base, done = f"/dvcqg/{served.key}", {"error_code": "00", "message": "Thành công"}
    for body in ([dossier(DONE, **DATES)], []):
        answer = await served.client.post(f"{base}/DongBoHoSoMC", json=body)
        assert answer.json() == done
    for login in (f"{base}/login", base):
        told = await served.client.post(login, json={"username": "x", "password": "y"})
        assert told.json()["error_code"] == "00"
    found = await served.client.post(f"{base}/TraCuuHoSo", json={"mahoso": DONE})
    assert found.json() == done | {"result": [{"MaHoSo": DONE, "TrangThaiHoSo": "2"}]}
    for path, code in ((f"{base}/DongBoHoSoMC", "1"), (f"{base}/DongBoHoSoMC/00", "1")):
        assert (await served.client.post(path, json=[{}])).json()["error_code"] == code


async def test_a_push_reads_the_profile_once(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, read = [], sources.read

    async def counted(*arguments: Any) -> sources.Kept:
        calls.append(arguments)
        return await read(*arguments)

    monkeypatch.setattr(sources, "read", counted)
    await told(served, "DongBoHoSoMC", dossier(DONE, **DATES))
    await told(served, "DongBoHoSoMC", dossier(DONE, **DATES))
    assert len(calls) == 2


async def test_a_profile_that_changes_under_a_push_holds_for_it(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def changed_before(*arguments: Any) -> Any:
        await distrust(served, "DuocThanhToanTrucTuyen")
        return await take_in(*arguments)

    monkeypatch.setattr(receive, "take_in", changed_before)
    await told(served, "DongBoHoSoMC", dossier(PAID, **DATES, DuocThanhToanTrucTuyen="1", DanhSachLePhi=FEE))
    assert "paid_online" not in (await facts(served, PAID))["flags"]
