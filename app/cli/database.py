"""`chiso migrate`, `rebuild` and `verify`: the care of a database."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from app.api.http.service import Service
from app.cli.running import database, run, stages
from app.settings import Settings
from app.store import migrate, roots
from app.store.proof import rebuild, verify


async def _roots(service: Service, code: str) -> Sequence[tuple[int, str]]:
    async with service.database.connection("read") as connection:
        return await roots.found(connection, code)


class Timescale(StrEnum):
    """Whether the event log becomes a hypertable."""

    auto = "auto"
    require = "require"
    off = "off"


def migrate_command(
    timescale: Annotated[Timescale, typer.Option(help="Event log as a hypertable.")] = Timescale.auto,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements instead of running them.")] = False,
) -> None:
    """Bring the database to this version's schema."""
    if sql:
        print(migrate.sql(timescale.value))
        return
    settings = Settings()
    with database(settings) as dsn:
        migrate.upgrade(dsn, timescale.value)
    print(f"the database is at revision {migrate.head()}")


def rebuild_command(root: Annotated[str, typer.Option(help="The root; all without it.")] = "") -> None:
    """Replay the event log into the next generation of facts and tallies, and swap; reads and writes go on."""

    async def work(service: Service) -> None:
        for root_id, code in await _roots(service, root):
            with stages(f"rebuilding {code}") as told:
                report = await rebuild.rebuild(service.database, service.intake, root_id, told)
            print(f"{code}: {report}")

    run(work)


def verify_command(
    deep: Annotated[bool, typer.Option("--deep", help="First fold the log anew and compare the facts.")] = False,
    root: Annotated[str, typer.Option(help="The root; all without it.")] = "",
) -> None:
    """Recount every tally from the facts, dossier by dossier; exit 1 and name the cells that differ."""

    async def work(service: Service) -> bool:
        clean = True
        for root_id, code in await _roots(service, root):
            with stages(f"verifying {code}") as told:
                report = await verify.verify(service.database, root_id, deep, told)
            print(f"{code}: {report}")
            clean = clean and report.clean
        return clean

    if not run(work):
        raise SystemExit(1)
