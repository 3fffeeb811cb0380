"""Dossiers whose unit is not there wait for it, by whatever way it comes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.api.dvcqg import parked
from tests.faults.serving import chiso, environment
from tests.intake.dvcqg.payloads import dossier
from tests.running import Running


@pytest.fixture
def database(stocked_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(parked, "_POLL_SECONDS", 0.05)
    return stocked_database


async def test_a_unit_that_is_imported_releases_its_dossiers(
    served: Running, stocked_database: str, tmp_path: Path
) -> None:
    sound = {"NgayTiepNhan": "20260105081200", "NgayHenTra": "20260112170000"}
    codes = ("H44.99-260105-0001", "000.00.77.H44-260105-0002", "H44.990-260105-0003")
    body = [dossier(code, **sound) for code in codes]
    answer = await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", json=body)
    assert answer.json() == {"error_code": "0", "message": "Thành công", "waiting": 3}
    table = tmp_path / "units.csv"
    table.write_text("Mã định danh,Tên đơn vị,Cấp,Mã cũ\nH44.99,UBND xã Mới,Xã,000.00.77.H44\n", "utf-8")
    settings = environment(CHISO_DATABASE__DSN=stocked_database, CHISO_DATA_DIR=str(tmp_path))
    ended = await asyncio.to_thread(chiso, settings, "import", "units", str(table))
    assert ended.returncode == 0, ended.stderr

    async def received(unit: str) -> int:
        shown = await served.get("/v1/scorecard", unit=unit, period="2026")
        count: int = shown.json()["balance"]["received"]
        return count

    async with asyncio.timeout(60):
        while await received("H44.99") != 2:
            await asyncio.sleep(0.05)
    # H44.99 is not above H44.990, which still waits.
    assert await received("H44") == 2
