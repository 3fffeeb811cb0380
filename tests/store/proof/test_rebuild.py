"""Rebuild: the log gives the same figures again, beside writers, and whatever happens to it on the way."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from app.store.connections.database import Database
from app.store.proof import rebuild as rebuilding
from app.store.proof.rebuild import RebuildRunning, rebuild
from app.store.proof.verify import verify
from app.store.schema import TALLIES
from app.store.write.intake import Intake
from tests.store.histories import CLOCK, arrivals, province, push

FACTS = ("life", "petition", "document", "procedure_publication")
FEES = "UPDATE procedure SET fee = NOT fee, known = true WHERE code IN ('1.000001', '1.000003', '9.999991')"
HOLIDAY = "INSERT INTO calendar_day (root_id, day, kind) SELECT id, '2026-03-04', 'holiday' FROM root"
TABLES = (*FACTS, *(table.name for table in TALLIES.values()))


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many chunks and many rounds of a small history."""
    monkeypatch.setattr(rebuilding, "_CHUNK", 60)
    monkeypatch.setattr(rebuilding, "_FEW", 5)
    monkeypatch.setattr(rebuilding, "_MOST", 40)
    monkeypatch.setattr(rebuilding, "_REFOLDED", 7)
    monkeypatch.setattr(rebuilding, "_CLEARED", 11)


async def content(store: Database) -> dict[str, list[dict[str, Any]]]:
    """Everything with a generation, without it: facts as stored, cells that are not all zeros."""
    found = {}
    async with store.connection("read") as connection:
        generation = await connection.fetchval("SELECT generation FROM root")
        for table in TABLES:
            rows = [dict(row) for row in await connection.fetch(f"SELECT * FROM {table}")]
            assert {row.pop("generation") for row in rows} <= {generation}, "rows of another generation were left"
            for row in rows:
                # When and how often a row was written is its history, not its content.
                row.pop("revision", None)
                row.pop("version", None)
            keys = ("subject", "unit_id", "bucket", "procedure_id", "channel", "about", "tier")
            if table not in FACTS:
                rows = [{name: 0 if cell is None else cell for name, cell in row.items()} for row in rows]
                rows = [row for row in rows if any(row[name] for name in row.keys() - {*keys, "root_id"})]
            found[table] = sorted(rows, key=lambda row: str([row.get(key) for key in (*keys, "ordinal")]))
    return found


async def value(store: Database, statement: str, *values: Any) -> Any:
    async with store.connection("write") as connection:
        return await connection.fetchval(statement, *values)


async def assert_true_to_the_log(store: Database, root_id: int) -> None:
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert report.fact_differences == []
    assert report.differences == []
    assert report.clean


async def test_the_log_gives_the_same_facts_and_tallies_again(store: Database, intake: Intake):
    root_id = await province(store)
    accepted = await push(intake, root_id, arrivals(seed=1, dossiers=130))
    before = await content(store)
    report = await rebuild(store, intake, root_id)
    after = await content(store)
    for table in TABLES:
        assert after[table] == before[table], table
    assert (report.events, report.lives) == (accepted, len(after["life"]))
    assert all(before[table] for table in TABLES)
    assert await value(store, "SELECT (generation, revision) FROM root") == (2, 3)
    told = await value(store, "SELECT (by, action, unit, code, after) FROM audit WHERE kind = 'command'")
    assert told == ("command_line", "ran", "H44", "rebuild", f'{{"events": {accepted}, "generation": 2}}')
    await assert_true_to_the_log(store, root_id)


async def test_a_root_without_events_may_be_rebuilt_and_then_written(store: Database, intake: Intake):
    root_id = await province(store)
    report = await rebuild(store, intake, root_id)
    assert (report.events, report.lives) == (0, 0)
    await push(intake, root_id, arrivals(seed=2, dossiers=20))
    await assert_true_to_the_log(store, root_id)


async def test_wrong_figures_are_right_afterwards(store: Database, intake: Intake):
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=5, dossiers=60))
    before = await content(store)
    await value(store, "UPDATE tally_dossier_unit_day SET received = coalesce(received, 0) + 1")
    await value(store, "UPDATE life SET flags = 0")
    await value(store, "DELETE FROM document")
    await rebuild(store, intake, root_id)
    assert await content(store) == before


@pytest.mark.usefixtures("small_steps")
async def test_what_is_written_meanwhile_is_in_it(store: Database, intake: Intake):
    root_id = await province(store)
    items = arrivals(seed=7, dossiers=260)
    half = len(items) // 2
    accepted = await push(intake, root_id, items[:half])
    done = asyncio.Event()

    async def write(part: list[Any]) -> int:
        taken = 0
        for start in range(0, len(part), 7):
            taken += await push(intake, root_id, part[start : start + 7])
            if not done.is_set():
                await asyncio.sleep(0.005)
        return taken

    async def replay() -> rebuilding.Report:
        try:
            return await rebuild(store, intake, root_id)
        finally:
            done.set()

    quarter = (half + len(items)) // 2
    report, first, second = await asyncio.gather(replay(), write(items[half:quarter]), write(items[quarter:]))
    logged = await value(store, "SELECT count(*) FROM event")
    assert logged == accepted + first + second
    # Some came during the rebuild, or this test shows nothing.
    assert accepted < report.events <= logged
    assert await value(store, "SELECT generation FROM root") == 2
    await assert_true_to_the_log(store, root_id)
    kept = await content(store)
    await rebuild(store, intake, root_id)
    assert await content(store) == kept


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("stage", ["replay", "swapped", "clear"])
async def test_a_rebuild_that_dies_leaves_the_figures_and_the_next_one_starts_clean(
    store: Database, intake: Intake, stage: str
):
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=11, dossiers=40))
    before = await content(store)
    told = 0

    def die(at: str, done: int, of: int) -> None:
        nonlocal told
        told += at == stage
        if told == 3 or (told and stage == "swapped"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rebuild(store, intake, root_id, die)
    assert await value(store, "SELECT generation FROM root") == (1 if stage == "replay" else 2)
    assert await value(store, "SELECT count(DISTINCT generation) FROM life") == 2
    await push(intake, root_id, arrivals(seed=12, dossiers=10))
    await assert_true_to_the_log(store, root_id)
    await rebuild(store, intake, root_id)
    await assert_true_to_the_log(store, root_id)
    again = await content(store)
    known = {row["subject"] for row in before["life"]}
    assert known < {row["subject"] for row in again["life"]}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("first", [FEES, HOLIDAY])
async def test_edits_of_the_catalogue_on_the_way_are_folded_in(
    store: Database, intake: Intake, database: str, first: str
):
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=13, dossiers=130))
    edits = iter([first, FEES])
    calls = 0

    def edit(stage: str, done: int, of: int) -> None:
        nonlocal calls
        calls += 1
        if stage == "replay" and calls in (4, 9):
            with psycopg.connect(database) as connection:
                connection.execute("SELECT pg_advisory_xact_lock(7660001, %s)", [root_id])
                connection.execute(next(edits))
                connection.execute("UPDATE root SET revision = revision + 1")
                connection.execute(
                    "INSERT INTO refold (root_id, revision, procedures, calendar, total)"
                    " SELECT id, revision, '{}', true, 1 FROM root ON CONFLICT DO NOTHING"
                )

    await rebuild(store, intake, root_id, edit)
    assert next(edits, None) is None
    assert await value(store, "SELECT count(*) FROM refold") == 0
    # Those that no edit touches are as they were folded first.
    assert (await value(store, "SELECT count(DISTINCT revision) FROM life") > 1) == (first == FEES)
    await assert_true_to_the_log(store, root_id)


async def test_two_rebuilds_at_once_are_refused_and_nothing_is_counted_twice(store: Database, intake: Intake):
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=17, dossiers=60))
    before = await content(store)
    results = await asyncio.gather(
        rebuild(store, intake, root_id), rebuild(store, intake, root_id), return_exceptions=True
    )
    assert [type(each) for each in results].count(RebuildRunning) == 1
    assert await content(store) == before
    await rebuild(store, intake, root_id)
    assert await content(store) == before


async def test_figures_kept_by_version_end_with_the_swap(store: Database, intake: Intake):
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=19, dossiers=20))
    changes = await value(store, "SELECT sum(changes) FROM unit_change")
    await rebuild(store, intake, root_id)
    assert await value(store, "SELECT sum(changes) FROM unit_change") == changes
    assert await value(store, "SELECT revision FROM root") == 3
