"""Whatever a push and a figure send names one root, so that on a cluster it goes to one node."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from app.store import engine
from app.store.connections.database import Database
from app.store.proof.rebuild import rebuild
from app.store.proof.verify import verify
from tests.intake.dvcqg.payloads import dossier
from tests.running import Running
from tests.store import released
from tests.store.citus.statements import Sent, found_in, listening
from tests.store.citus.test_distribution import DISTRIBUTED, REFERENCE
from tests.store.histories import CLOCK, arrivals, province, push

READINGS = [
    ("scorecard", {"unit": "H44", "period": "2026"}),
    ("scorecard", {"unit": "H44.13", "period": "2026-Q3", "compare": "previous"}),
    ("scorecard", {"unit": "H44.130", "period": "2026-11-23"}),
    ("ranking", {"unit": "H44", "level": "commune", "period": "2026", "indicator": "DOSSIER_ON_TIME"}),
    ("series", {"unit": "H44", "indicator": "TOTAL", "from_": "2026-01-01", "to": "2026-06-30", "bucket": "month"}),
    ("breakdown", {"unit": "H44", "indicator": "DOSSIER_ON_TIME", "period": "2026", "by": "procedure"}),
    ("dossiers", {"unit": "H44", "indicator": "DOSSIER_ON_TIME", "period": "2026", "side": "missing"}),
    ("today", {"unit": "H44", "within": "5"}),
]
READ = {
    "document", "life", "petition", "procedure_publication", "unit_change",
    "tally_dossier_month", "tally_dossier_year", "tally_dossier_unit_month", "tally_dossier_unit_year",
    "tally_petition_unit_year", "tally_document_unit_year",
}  # fmt: skip


async def hot_path(dsn: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Sent, Sent, list[dict[str, Any]]]:
    """What pushes send, of one event, some and many; what figures do; and these figures."""
    database = Database(dsn, 1, 1, 20)
    root_id = await province(database)
    await database.close()
    async with released.serving(dsn) as running:
        running.key = await running.make_key("H44", "ingest", "read", "admin")
        await running.service.database.close()
        with listening(monkeypatch) as pushed:
            await _push(running, root_id)
            await running.service.database.close()
        with listening(monkeypatch) as read:
            answers = [await running.get(f"/v1/{path}", None, None, **query) for path, query in READINGS]
    assert [each.status_code for each in answers] == [200] * len(READINGS)
    return pushed, read, [each.json() for each in answers]


async def _push(running: Running, root_id: int) -> None:
    told = {"procedure": "1.000001", "channel": "online"}
    first = running.event("dossier.received", "H44.13-260105-0001", "H44.13", **told)
    assert (await running.push([first]))["accepted"] == 1
    assert (await running.push([first]))["duplicates"] == 1
    assert (await running.push([running.event("dossier.received", unit="H44.99", **told)]))["rejected"] == 1
    for status in ("2", "4"):
        state = dossier("H44.13-260105-0002", NgayTiepNhan="20260105081200", TrangThaiHoSo=status)
        answer = await running.client.post(f"/dvcqg/{running.key}/DongBoHoSoMC", json=[state])
        assert answer.json()["error_code"] == "0"
    events = arrivals(seed=766, dossiers=120)
    assert await push(running.service.intake, root_id, events[:200]) > 100
    assert await push(running.service.intake, root_id, events[200:], at_once=2_000) > 256, "by COPY"


def touched(sent: Sent) -> set[str]:
    """The tables of roots that were read or written."""
    found = {table for table, _ in sent.copied}
    for each in sent.statements:
        scopes, inserted = found_in(each)
        found |= {table for scope in scopes for table in scope.tables.values()} | {row.table for row in inserted}
    return found & DISTRIBUTED


def test_a_statement_that_names_no_root_is_found() -> None:
    for statement in (
        "SELECT * FROM life WHERE root_id = ANY($1::int[])",
        "SELECT * FROM life WHERE root_id = $1 OR generation = $2",
        "SELECT * FROM life JOIN petition USING (subject) WHERE life.root_id = $1",
        "SELECT * FROM unit WHERE root_id = $1 AND EXISTS (SELECT FROM life WHERE generation = $2)",
        "WITH x AS (DELETE FROM receipt WHERE key = $1 RETURNING key) SELECT * FROM x WHERE root_id = $1",
        "UPDATE life SET version = 2 FROM unnest($1::int[]) AS new (root_id) WHERE life.root_id = new.root_id",
    ):
        scopes, _ = found_in(statement)
        assert not all(scope.of_one_root(DISTRIBUTED) for scope in scopes), statement
    for statement in (
        "SELECT * FROM life WHERE generation = $2 AND root_id = $1::int",
        "SELECT * FROM life JOIN petition ON petition.root_id = life.root_id WHERE life.root_id = $1",
        "SELECT * FROM feed AS f, source AS s WHERE f.root_id = $1 AND s.id = f.source_id",
    ):
        scopes, _ = found_in(statement)
        assert all(scope.of_one_root(DISTRIBUTED) for scope in scopes), statement


async def test_pushes_and_figures_name_one_root(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every engine; where that is a cluster, its plans say so as well."""
    pushed, read, _ = await hot_path(database, monkeypatch)
    _assert_of_one_root(pushed, read)
    connection = await asyncpg.connect(database)
    if (await engine.detect(connection)).citus is not None:
        for sent in (pushed, read):
            _assert_straight(sent)
            await _assert_one_task(database, sent)
    await connection.close()


async def test_a_cluster_is_told_the_same_in_statements_for_one_node(
    pretended: str, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent to Citus counts as what is sent to PostgreSQL, to the last figure; also after a rebuild."""
    pushed, read, told = await hot_path(pretended, monkeypatch)
    _assert_of_one_root(pushed, read)
    _assert_straight(pushed)
    _assert_straight(read)
    _, _, expected = await hot_path(postgres_database, monkeypatch)
    assert told == expected
    async with released.serving(pretended) as running:
        database, intake = running.service.database, running.service.intake
        root_id = int(next(iter(await _roots(database))))
        await running.service.refolder.finish(root_id)
        await running.service.follower.finish()
        report = await verify(database, root_id, deep=True, now=CLOCK)
        assert report.clean, report
        assert report.cells_compared > 1_000
        assert report.receipts == report.logged
        done = await rebuild(database, intake, root_id)
        assert (done.events, done.broken, done.left_out) == (report.logged, [], {})
        assert (await verify(database, root_id, deep=True, now=CLOCK)).clean


async def _roots(database: Database) -> list[int]:
    async with database.connection("read") as connection:
        return [row[0] for row in await connection.fetch("SELECT id FROM root")]


def _assert_of_one_root(pushed: Sent, read: Sent) -> None:
    assert touched(pushed) == DISTRIBUTED - {"audit", "feed", "log_reach", "verification"}
    assert touched(read) >= READ
    for sent in (pushed, read):
        for each in sent.statements:
            scopes, inserted = found_in(each)
            assert all(scope.of_one_root(DISTRIBUTED) for scope in scopes), each
            assert all("root_id" in row.columns for row in inserted if row.table in DISTRIBUTED), each
        assert all("root_id" in columns for table, columns in sent.copied)


def _assert_straight(sent: Sent) -> None:
    """Rows for a root's tables come by VALUES, each with its root; and no statement wants the coordinator's own tables,
    or a row's place on its node, beside them.
    """
    for each in sent.statements:
        scopes, inserted = found_in(each)
        tables = {table for scope in scopes for table in scope.tables.values()} | {row.table for row in inserted}
        assert all(row.roots for row in inserted if row.table in DISTRIBUTED), each
        if tables & DISTRIBUTED:
            assert tables <= DISTRIBUTED | REFERENCE, each
        if "pg_postmaster_start_time" in each:
            assert tables <= REFERENCE, each


async def _assert_one_task(dsn: str, sent: Sent) -> None:
    store = Database(dsn, 1, 1, 20)
    async with store.connection("write") as connection:
        for statement, values in sent.statements.items():
            scopes, inserted = found_in(statement)
            tables = {table for scope in scopes for table in scope.tables.values()} | {row.table for row in inserted}
            if tables & DISTRIBUTED:
                plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}", *values))
                assert "Task Count: 1\n" in plan, f"{statement}\n{plan}"
                assert "Distributed Subplan" not in plan, f"{statement}\n{plan}"
    await store.close()
