"""A filled database as the last release leaves it: its rows and what it answers, kept in released.json.

`python -m tests.store.released` writes that file anew from the code as it is: with a release, and until the first one
whenever 0001 changes. Never to make test_upgrade.py pass.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql

from app.domain.portal.profile import Profile
from app.main import create_app, create_service
from app.store import migrate
from app.store.embedded.server import start
from app.store.portal import sources, untold
from app.store.proof import outcomes, verify
from app.store.schema import metadata
from tests.intake.dvcqg.payloads import dossier
from tests.oracle.histories import NOW
from tests.running import Clock, Running, settings_for
from tests.store.histories import arrivals, province, push

LAST_RELEASE = "0001"
"""Its revision."""

FILE = Path(__file__).with_suffix(".json")
Rows = dict[str, list[dict[str, Any]]]
"""By table."""

_OWNED = """
    SELECT relname, attname, pg_get_serial_sequence(relname, attname)
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
      AND pg_get_serial_sequence(relname, attname) IS NOT NULL
"""


@asynccontextmanager
async def serving(dsn: str) -> AsyncIterator[Running]:
    """A service that does nothing in the background, at the instant at which the histories end."""
    with tempfile.TemporaryDirectory() as folder:
        service = create_service(settings_for(dsn, Path(folder)), dsn, clock := Clock(NOW))
        transport = httpx.ASGITransport(create_app(service))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://chiso.test") as client:
                yield Running(service, client, clock, "")
        finally:
            await service.database.close()


async def fill(running: Running) -> None:
    """Something of everything that is kept."""
    root_id = await province(running.service.database)
    running.key = await running.make_key("H44", "ingest", "read", "admin")
    await push(running.service.intake, root_id, arrivals(seed=766, dossiers=20))
    await running.push([running.event("dossier.received", "H44.13-260105-0001", "H44.13", colour="red")])
    target = {"indicator": "DOSSIER_ON_TIME", "level": "commune", "period": "2026", "value": 0.9}
    figure = {"code": "SATISFACTION_SURVEY", "unit": "H44.13", "period": "2026", "value": 0.5}
    holiday = {"date": "2026-03-04", "kind": "holiday"}
    for path, row in (("targets", target), ("external-figures", figure), ("calendar", holiday)):
        assert (await running.put(f"/v1/{path}", [row])).json()["accepted"] == 1
    # The second is of a unit of which nobody else tells.
    assert (await running.put("/v1/units", [{"code": "H44.99", "level": "commune"}])).json()["accepted"] == 1
    told = [
        dossier(code, NgayTiepNhan="20260105081200", NgayHenTra="20260112170000")
        for code in ("H44.13-260105-0002", "H44.99-260105-0003")
    ]
    answer = await running.client.post(f"/dvcqg/{running.key}/DongBoHoSoMC", json=told)
    assert answer.json()["error_code"] == "0"
    async with running.service.database.connection("write") as connection:
        await sources.put(connection, root_id, "/dvcqg/H44", "H44", Profile(frozenset({"MaCSDL"})))
    await running.service.refolder.finish(root_id)
    await running.service.follower.finish()
    await untold.settle(running.service.database)
    report = await verify.verify(running.service.database, root_id, deep=True, now=running.clock())
    async with running.service.database.connection("write") as connection:
        await outcomes.keep(connection, root_id, "H44", True, report)
    # Older events than these were dropped from its log; it had none.
    async with running.service.database.connection("write") as connection:
        await connection.execute("INSERT INTO log_reach VALUES ($1, '2020-01-01')", root_id)
    # Left half-way through folding lives of one procedure again.
    assert (await running.put("/v1/procedures", [{"code": "1.000001", "fee": False}])).json()["accepted"] == 1
    assert await running.service.refolder.step(root_id, size=1)


async def answers(running: Running) -> dict[str, Any]:
    """Numerator, denominator and score of every indicator, by unit and period; and the whole score."""
    key = await running.make_key("H44", "read")
    found = {}
    for unit in ("H44", "H44.13", "H44.130"):
        for period in ("2026", "2026-Q1", "2026-05"):
            answer = (await running.get("/v1/scorecard", key, unit=unit, period=period)).json()
            indicators = (each for group in answer["groups"] for each in group["indicators"])
            told = {each["code"]: [each["numerator"], each["denominator"], each["score"]] for each in indicators}
            found[f"{unit} {period}"] = told | {"total": answer["total"]}
    return found


def rows_of(dsn: str) -> Rows:
    """All rows of all tables but Alembic's own, without what is null."""
    with psycopg.connect(dsn) as connection:
        names = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        query = "SELECT coalesce(json_agg(json_strip_nulls(to_json(row)) ORDER BY row::text), '[]') FROM {} AS row"
        found = {each: connection.execute(sql.SQL(query).format(sql.Identifier(each))).fetchone() for each in names}
    return {name: row[0] for name, row in found.items() if row is not None and name != "alembic_version"}


def load(dsn: str, rows: Rows) -> None:
    """Put the rows into a database of the same schema in which there are none."""
    with psycopg.connect(dsn) as connection:
        for name in sorted(rows, key=lambda name: name != "root"):  # which others refer to
            query = "INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %s)"
            connection.execute(sql.SQL(query).format(sql.Identifier(name)), [json.dumps(rows[name])])
        for table, column, sequence in connection.execute(_OWNED).fetchall():
            query = "SELECT setval(%s, (SELECT max({}) FROM {}))"
            connection.execute(sql.SQL(query).format(sql.Identifier(column), sql.Identifier(table)), [sequence])


async def _record(dsn: str) -> None:
    migrate.upgrade(dsn)
    assert migrate.head() == LAST_RELEASE
    async with serving(dsn) as running:
        await fill(running)
        told = {"rows": rows_of(dsn), "answers": await answers(running)}
    assert all(told["rows"][table.name] for table in metadata.sorted_tables), "something of everything"
    FILE.write_text(json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("},{", "},\n{") + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        with start(Path(made)) as server:
            asyncio.run(_record(server.dsn))
