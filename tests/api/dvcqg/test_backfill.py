"""An export gives what live pushes of the same dossiers give, whole or in pieces, and keeps nothing of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.api.dvcqg import backfill
from app.api.dvcqg.backfill import Filled
from app.api.http.auth import Access
from app.intake.backfill import columns, tables
from app.intake.backfill.mapping import Map
from app.intake.backfill.rows import Rows
from tests.conftest import _copy
from tests.intake.dvcqg.exports import row_of, stories, workbook
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
    table = tables.opened(path)
    rows = list(table.rows)
    found = columns.guess([row for _, row in rows[:40]], {})
    async with served.service.database.connection("read") as connection:
        root_id = await connection.fetchval("SELECT id FROM root WHERE code = 'H44'")
    filled = Filled()
    access = Access(root_id, "H44", "H44", "", "")
    reader = Rows(found.read, Map())
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
