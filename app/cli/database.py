"""`chiso migrate`, `roles`, `rebuild`, `maintain` and `verify`: the care of a database."""

from __future__ import annotations

import asyncio
import re
from enum import StrEnum
from typing import Annotated, Any

import typer

from app.cli.maintain import of_command, wish
from app.cli.running import database, fail, note, run, say, stages
from app.messages import Message, of_error
from app.settings import Settings, of_environment
from app.store import audit, check, migrate, roles
from app.store.connections.database import Database
from app.store.proof import outcomes, rebuild, verify
from app.store.proof.report import Report
from app.store.retention.reach import LogCut
from app.store.retention.settle import settle
from app.store.retention.timescale import Step
from app.store.store import Store

_SECONDS = 15.0
_A_DAY = 86_400.0


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
        before = migrate.upgrade(dsn, timescale.value)
        for step in asyncio.run(_settled(dsn, settings, before)):
            say(step.says)
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


async def _settled(dsn: str, settings: Settings, before: str | None) -> list[Step]:
    """What has become of the log, as the settings say; told in the audit log with the migration, if there was any."""
    database = Database(dsn, 1, 1, _SECONDS, write_seconds=_A_DAY)
    try:
        steps = await settle(database, wish(settings))
        outcome: dict[str, Any] = {"log": [step.says.en for step in steps]} if steps else {}
        if before != migrate.head():
            outcome |= {"from": before, "to": migrate.head()}
        if outcome:
            async with database.connection("write") as connection:
                told = audit.ran("", "migrate", **outcome)
                await audit.write(connection, audit.NO_ROOT, audit.COMMAND_LINE, [told])
        return steps
    finally:
        await database.close()


def rebuild_command(root: Annotated[str, typer.Option(help="The root; all without it.")] = "") -> None:
    """Replay the event log into the next generation of facts and tallies, and swap; reads and writes go on."""

    async def work(store: Store) -> bool:
        whole = True
        found = await of_command(store, root)
        if not found:
            note(Message("there is no root: nothing was rebuilt", "chưa có đơn vị gốc: không có gì để dựng lại"))
        for root_id, code in found:
            try:
                with stages(f"rebuilding {code}") as told:
                    report = await rebuild.rebuild(store.database, store.intake, root_id, told)
            except LogCut as error:
                note(Message("{code}: {says}", "{code}: {says}", code=code, says=of_error(error)))
                whole = False
                continue
            print(f"{code}: {report}")
        return whole

    if not run(work):
        raise SystemExit(1)


def verify_command(
    deep: Annotated[bool, typer.Option("--deep", help="First fold the log anew and compare the facts.")] = False,
    within_log: Annotated[
        bool, typer.Option("--within-log", help="With --deep: as far as the log reaches is enough.")
    ] = False,
    root: Annotated[str, typer.Option(help="The root; all without it.")] = "",
) -> None:
    """Recount every tally from the facts, dossier by dossier; exit 1 and name the first that differ. With --deep, where
    old parts of the log were dropped, say how far it reaches: what is older cannot be proved by it, and is exit 1 too.
    """

    async def work(store: Store) -> list[Report]:
        reports = []
        for root_id, code in await of_command(store, root):
            with stages(f"verifying {code}") as told:
                reports.append(await verify.verify(store.database, root_id, deep, told))
            async with store.database.transaction() as connection:
                await outcomes.keep(connection, root_id, code, deep, reports[-1])
            print(f"{code}: {reports[-1]}")
        return reports

    reports = run(work)
    if not reports:
        note(Message("there is no root: nothing was verified", "chưa có đơn vị gốc: không có gì được đối chiếu"))
    if any(each.lacking for each in reports):
        note(
            Message(
                "the log lacks events that were taken in: put them back (`docs/operations.md`, `The event log`); until"
                " then `chiso rebuild` cannot help",
                "nhật ký thiếu sự kiện đã tiếp nhận: hãy khôi phục (`docs/operations.md`, mục `The event log`); trước"
                " đó `chiso rebuild` không giúp được",
            )
        )
    elif not all(each.clean for each in reports):
        note(
            Message(
                "not all is as it should be: `chiso rebuild` makes facts and tallies anew from the log; then verify"
                " again",
                "có chỗ không đúng: `chiso rebuild` dựng lại dữ kiện và các bảng tổng từ nhật ký; rồi chạy lại verify",
            )
        )
    elif within_log or not any(each.beyond for each in reports):
        return
    else:
        note(
            Message(
                "nothing differs, but what is older than the log reaches was not proved by it; `--within-log` is"
                " content with that",
                "không có gì sai khác, nhưng phần cũ hơn nhật ký chưa được đối chiếu; `--within-log` chấp nhận điều đó",
            )
        )
    raise SystemExit(1)
