"""`chiso migrate`, `roles`, `rebuild`, `maintain` and `verify`: the care of a database."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from app.api.http.service import Service
from app.cli.running import database, fail, note, run, say, stages
from app.messages import Message
from app.settings import of_environment
from app.store import check, migrate, roles
from app.store.catalogues import roots
from app.store.proof import rebuild, verify
from app.store.tallies import layout


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
    settings = of_environment()
    with database(settings) as dsn:
        asyncio.run(check.answers(dsn, 15))
        migrate.upgrade(dsn, timescale.value)
    say(Message("the database is at revision {at}", "cơ sở dữ liệu ở bản {at}", at=migrate.head()))


def roles_command(
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements; nothing is run.")] = False,
    prefix: Annotated[str, typer.Option(help="What the names of the roles begin with.")] = "chiso",
) -> None:
    """Print the SQL that makes the roles of the database: PREFIX_owner runs `chiso migrate`, PREFIX_writer all else,
    PREFIX_reader looks at tables. A superuser runs it (chiso roles --sql | psql -d chiso), again after a migration.
    """
    if not re.fullmatch("[a-z][a-z0-9_]{0,50}", prefix):
        fail(
            Message(
                "{prefix!r} is no beginning of roles' names: small letters, digits and _, at most 51",
                "{prefix!r} không dùng làm đầu tên vai trò được: chỉ gồm chữ thường, chữ số và _, tối đa 51 ký tự",
                prefix=prefix,
            )
        )
    if not sql:
        fail(
            Message(
                "nothing is run: `chiso roles --sql` prints what a superuser runs in the database",
                "không có gì được chạy: `chiso roles --sql` in ra các lệnh để siêu người dùng chạy trong cơ sở dữ liệu",
            )
        )
    print(roles.sql(prefix), end="")


def wait_command(
    seconds: Annotated[float, typer.Option(help="How long to wait at most.", min=0, max=86_400)] = 600,
) -> None:
    """Wait until the database is at this version's revision or a newer one; for what starts a service while another
    process runs `chiso migrate`.
    """
    settings = of_environment()
    with database(settings) as dsn:
        asyncio.run(check.awaited(dsn, seconds))


def rebuild_command(root: Annotated[str, typer.Option(help="The root; all without it.")] = "") -> None:
    """Replay the event log into the next generation of facts and tallies, and swap; reads and writes go on."""

    async def work(service: Service) -> None:
        for root_id, code in await _roots(service, root):
            with stages(f"rebuilding {code}") as told:
                report = await rebuild.rebuild(service.database, service.intake, root_id, told)
            print(f"{code}: {report}")

    run(work)


def maintain_command(
    root: Annotated[str, typer.Option(help="The root; all without it.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which years are not in order.")] = False,
) -> None:
    """Write the tallies of closed years down unit by unit, so that a unit's figures are read from few pages; they stay
    as they are, reads and writes go on. Worth it once after each turn of the year, and after a backfill.
    """

    async def work(service: Service) -> None:
        for root_id, code in await _roots(service, root):
            now = service.clock() or time.time_ns() // 1000
            with stages(f"looking at {code}") as told:
                years = await layout.look(service.database, root_id, now, told)
            todo = [year for year in years if not year.in_order]
            say(
                Message(
                    "{code}: {todo} of {years} closed years of tallies are not in order",
                    "{code}: {todo} trong {years} năm đã khép của các bảng tổng chưa được sắp xếp",
                    code=code,
                    todo=len(todo),
                    years=len(years),
                )
            )
            if dry_run or not todo:
                for year in todo:
                    say(
                        Message(
                            "  {table} {year}: {rows:,} rows, {turns:,} turns to another page",
                            "  {table} {year}: {rows:,} dòng, {turns:,} lần sang trang khác",
                            table=year.table,
                            year=year.year,
                            rows=year.rows,
                            turns=year.turns,
                        )
                    )
                continue
            with stages(f"laying out {code}") as told:
                for year in todo:
                    await layout.lay_out(service.database, root_id, year, told)
                for table in sorted({year.table for year in todo}):
                    told(f"VACUUM {table}", 0, 0)
                    await layout.tidy(service.database, table)

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
        note(
            Message(
                "not all is as it should be: `chiso rebuild` makes facts and tallies anew from the log; then verify"
                " again",
                "có chỗ không đúng: `chiso rebuild` dựng lại dữ kiện và các bảng tổng từ nhật ký; rồi chạy lại verify",
            )
        )
        raise SystemExit(1)
