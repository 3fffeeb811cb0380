"""An export gives what live pushes of the same dossiers give, whole or in pieces, and keeps nothing of a person."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.api.dvcqg import backfill
from app.api.dvcqg.backfill import Filled
from app.api.http.auth import Access
from app.intake import tables
from app.intake.backfill import columns
from app.intake.backfill.mapping import Map
from app.intake.backfill.rows import Rows
from tests.conftest import _copy
from tests.intake.dvcqg.exports import row_of, stories, workbook
from tests.intake.dvcqg.payloads import PRIVATE, dossier, paper
from tests.running import Running, serving, settings_for


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


@pytest.fixture
def another_database(postgres_dsn: str, stocked_template: str) -> Iterator[str]:
    yield from _copy(postgres_dsn, stocked_template)


@pytest_asyncio.fixture
async def another(another_database: str, tmp_path: Path, now: datetime) -> AsyncIterator[Running]:
    """A service on a database of its own, as `served`."""
    async with serving(settings_for(another_database, tmp_path), another_database) as made:
        made.clock.at = now
        yield made


async def fill(served: Running, path: Path, dry_run: bool = False, done: Any = lambda _: None) -> Filled:
    """Take in an export with what a key of H44 reaches."""
    table = tables.opened(path, columns.naming({}))
    rows = list(table.rows)
    found = columns.guess([row for _, row in rows[:40]], {})
    async with served.service.database.connection("read") as connection:
        root_id = await connection.fetchval("SELECT id FROM root WHERE code = 'H44'")
    filled = Filled()
    access = Access(root_id, "H44", "H44", "", "")
    reader = Rows(found, Map())
    try:
        await backfill.fill(served.service, access, rows[found.first :], reader, done, filled, dry_run)
    except Interrupted:
        return filled
    return filled


class Interrupted(Exception):
    """The command was broken off."""


async def push(served: Running, told: list[dict[str, Any]]) -> None:
    """The same live, one dossier a call."""
    for each in told:
        answer = await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", json=[each])
        assert answer.json()["error_code"] == "0", answer.text


async def kept(served: Running) -> tuple[Any, ...]:
    """All lives and figures, and the ids of all events."""
    async with served.service.database.connection("read") as connection:
        lives = await connection.fetch("SELECT subject, events FROM life ORDER BY subject")
        known = await connection.fetch("SELECT source, subject, unit, parked FROM portal_dossier ORDER BY subject")
    cards = [(await served.get("/v1/scorecard", unit=unit, period="2026")).json() for unit in ("H44", "H44.07")]
    for card in cards:
        for name in ("as_of", "computed_at", "revision", "generated_at"):
            card.pop(name, None)
    return [tuple(each) for each in lives], [tuple(each) for each in known], cards


@pytest.mark.parametrize("seed", range(3))
async def test_an_export_and_live_pushes_give_the_same(
    served: Running, another: Running, tmp_path: Path, seed: int
) -> None:
    told = stories(seed)
    await push(another, told)
    filled = await fill(served, workbook(tmp_path / "a.xlsx", [row_of(each) for each in told]))
    parked = sum(each["MaHoSo"].startswith("H44.99") for each in told)
    assert (filled.new, filled.known, filled.parked, filled.faulty) == (60, 0, parked, 0), filled.errors
    mine, live = await kept(served), await kept(another)
    assert len(mine[0]) > 30 and parked > 5
    assert mine == live


@pytest.mark.parametrize("seed", range(3))
async def test_broken_off_anywhere_and_run_again_it_is_the_same_as_at_one_go(
    served: Running, another: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(backfill, "_BATCH", 7)
    told = stories(seed)
    path = workbook(tmp_path / "a.xlsx", [row_of(each) for each in told])
    chance = random.Random(seed)
    for _ in range(4):
        left = chance.randrange(1, 6)

        def done(_: int) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Interrupted

        await fill(served, path, done=done)
    whole = await fill(served, path)
    assert (whole.new + whole.known, whole.faulty) == (60, 0)
    assert whole.known >= 7
    await fill(another, path)
    assert await kept(served) == await kept(another)
    again = await fill(served, path)
    assert (again.new, again.known, again.faulty) == (0, 60, 0)
    assert await kept(served) == await kept(another)


async def test_a_dry_run_says_what_a_run_does_and_writes_nothing(served: Running, tmp_path: Path) -> None:
    told = [*stories(5, 20), dossier("H44.07-270105-0001", NgayTiepNhan="20270105080000", TaiLieuNop=[paper(1)])]
    rows = [row_of(each) for each in told]
    rows += [rows[0], ["21", "", "1.004555"], ["", "Tổng cộng"], [22, "001099000111", "1.004555", *rows[0][3:]]]
    path = workbook(tmp_path / "a.xlsx", rows)
    before = await kept(served)
    dry = await fill(served, path, dry_run=True)
    assert await kept(served) == before
    wet = await fill(served, path)
    for each in (dry, wet):
        assert (each.new, each.known, each.faulty) == (20, 1, 2)
        faults = sorted((one.line, one.fault.code, one.fault.field) for one in each.errors)
        assert faults == [(25, "future_time", "NgayTiepNhan"), (29, "personal_data", "MaHoSo")]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_row_with_more_cells_than_the_header_is_refused(served: Running, tmp_path: Path, dry_run: bool) -> None:
    """A comma in a text that stands in no quotation marks: the days after it would be read out of their columns."""
    (tmp_path / "a.csv").write_text(
        "Mã hồ sơ,Mã TTHC,Trích yếu,Ngày nộp,Ngày tiếp nhận,Ngày hẹn trả\n"
        "H44.07-260105-0001,1.004555,Đơn,05/01/2026 07:00,05/01/2026 08:00,12/01/2026,,\n"
        "H44.07-260105-0002,1.004555,,04/01/2026 07:00,05/01/2026 08:00,06/01/2026,12/01/2026\n",
        "utf-8",
    )
    filled = await fill(served, tmp_path / "a.csv", dry_run=dry_run)
    [fault] = filled.errors
    assert (filled.new, filled.faulty, fault.line) == (1, 1, 3)
    assert str(fault.fault.detail).startswith("more cells than the header has")


async def test_a_later_push_corrects_what_an_export_told(served: Running, tmp_path: Path) -> None:
    code = "H44.07-260105-0001"
    told = dossier(
        code, NgayTiepNhan="20260105080000", NgayHenTra="20260109170000", TrangThaiHoSo="4", TaiLieuNop=[paper(1)]
    )
    await fill(served, workbook(tmp_path / "a.xlsx", [row_of(told)]))
    await push(served, [told | {"TrangThaiHoSo": "9", "NgayKetThucXuLy": "20260108080000", "KenhThucHien": "2"}])
    life = (await served.get(f"/v1/dossiers/{code}", unit="H44")).json()["dossier"]
    assert (life["channel"], life["ended_at"], life["on_time"]) == ("online", "2026-01-08T08:00:00+07:00", True)
    # Told again as it was, the older state changes nothing.
    await fill(served, tmp_path / "a.xlsx")
    assert (await served.get(f"/v1/dossiers/{code}", unit="H44")).json()["dossier"] == life


async def test_nothing_of_a_person_is_kept(served: Running, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    await fill(served, workbook(tmp_path / "a.xlsx", [row_of(each) for each in stories(1)]))
    async with served.service.database.connection("read") as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [
            str(row[0]) for table in tables for row in await connection.fetch(f"SELECT t::text FROM {table[0]} AS t")
        ]
    out, err = capfd.readouterr()
    kept = "\n".join([*rows, (await served.client.get("/metrics")).text, out, err])
    assert len(kept) > 10_000
    for text in PRIVATE:
        assert text not in kept and text.encode().hex() not in kept, text
