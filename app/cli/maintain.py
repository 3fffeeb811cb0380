"""`chiso maintain`: the event log and the audit log as the settings say, the tallies of closed years in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from app.cli.running import note, run, say, stages, tell_audit
from app.messages import Message
from app.settings import Settings
from app.store import audit, snapshot
from app.store.audit import NO_ROOT
from app.store.catalogues import roots
from app.store.retention import drop, entries, reach
from app.store.retention.settle import look, settle
from app.store.retention.timescale import Wish
from app.store.store import Store
from app.store.tallies import layout


def wish(settings: Settings) -> Wish:
    """What the settings say of the event log."""
    return Wish(settings.events.compress_after_days, settings.events.keep_days)


async def of_command(store: Store, code: str) -> Sequence[tuple[int, str]]:
    """Ids and codes of the root that a command names, or of all."""
    async with store.database.connection("read") as connection:
        return await roots.found(connection, code)


def maintain_command(
    root: Annotated[str, typer.Option(help="The root; all without it.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Keep the database in order; figures stay as they are, reads and writes go on. As the settings say
    (CHISO_EVENTS__…, CHISO_AUDIT__KEEP_DAYS; not with --root) the event log is compressed, and what is older than it is
    to be kept is dropped, of it and of the audit log, by their owner. The tallies of closed years are written down unit
    by unit, so that a unit's figures are read from few pages.
    """

    async def work(store: Store) -> None:
        # Of a machine whose clock runs ahead, what is young would be old.
        async with store.database.connection("read") as connection:
            now = await snapshot.present(connection, store.clock())
        if not root:
            await _log(store, now, dry_run)
            await _audit(store, dry_run)
        for root_id, code in await of_command(store, root):
            with stages(f"looking at {code}") as told:
                years = await layout.look(store.database, root_id, now, told)
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
                    await layout.lay_out(store.database, root_id, year, told)
                tables = sorted({year.table for year in todo})
                for table in tables:
                    told(f"VACUUM {table}", 0, 0)
                    await layout.tidy(store.database, table)
            laid_out = sorted({year.year for year in todo})
            await tell_audit(store, root_id, audit.ran(code, "maintain", tables=tables, years_laid_out=laid_out))

    run(work)


async def _log(store: Store, now: int, dry_run: bool) -> None:
    """The event log: policies of TimescaleDB's, or what they would do."""
    wished = wish(store.settings)
    steps = await settle(store.database, wished, dry_run)
    for step in steps:
        say(_would(step.says) if dry_run else step.says)
    if steps and not dry_run:
        await tell_audit(store, NO_ROOT, audit.ran("", "maintain", log=[step.says.en for step in steps]))
    async with store.database.connection("read") as connection:
        engine, state = await look(connection)
    by_policy = engine.community and state.columnstore is not None
    if wished.compress_after is not None and not by_policy:
        note(
            Message(
                "the event log stays uncompressed: only a hypertable of TimescaleDB's community edition is compressed,"
                " and this is {engine}",
                "nhật ký sự kiện không được nén: chỉ nén được bảng của TimescaleDB bản cộng đồng, còn đây là {engine}",
                engine=str(engine),
            )
        )
    if wished.keep is None or by_policy:
        return
    overdue = await drop.look(store.database, now, wished.keep, count=dry_run)
    if dry_run:
        say(
            Message(
                "{events:,} events before {until} would be dropped from the log",
                "{events:,} sự kiện trước {until} sẽ bị xóa khỏi nhật ký",
                events=overdue.events or 0,
                until=drop.said(overdue),
            )
        )
        return
    with stages("the event log") as told:
        gone = await drop.drop(store.database, overdue, told, store.follower.finish)
    what = Message("rows", "dòng") if overdue.chunks is None else Message("chunks", "phân đoạn")
    say(
        Message(
            "{gone:,} {what} before {until} dropped from the log",
            "đã xóa {gone:,} {what} trước {until} khỏi nhật ký",
            gone=gone,
            what=what,
            until=drop.said(overdue),
        )
    )


async def _audit(store: Store, dry_run: bool) -> None:
    """The audit log: what is older than it is to be kept."""
    keep_days = store.settings.audit.keep_days
    if keep_days is None:
        return
    old = await (entries.look if dry_run else entries.drop)(store.database, keep_days)
    until = reach.when(old.until)
    if dry_run:
        say(
            Message(
                "{entries:,} entries before {until} would be dropped from the audit log",
                "{entries:,} mục trước {until} sẽ bị xóa khỏi nhật ký thao tác",
                entries=old.entries,
                until=until,
            )
        )
    else:
        say(
            Message(
                "{entries:,} entries before {until} dropped from the audit log",
                "đã xóa {entries:,} mục trước {until} khỏi nhật ký thao tác",
                entries=old.entries,
                until=until,
            )
        )


def _would(says: Message) -> Message:
    return Message("would be so: {says}", "sẽ thành: {says}", says=says)
