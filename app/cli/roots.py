"""`chiso roots`: the provinces and ministries that the service keeps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated

import typer

from app.cli.running import fail, note, run, say
from app.messages import Message, spoken
from app.store.catalogues import removal
from app.store.catalogues import roots as stored
from app.store.store import Store

roots = typer.Typer(no_args_is_help=True, help="The top units (a province, a ministry) under which everything is kept.")


@roots.command("list")
def roots_list() -> None:
    """List all roots and how much each has."""

    async def work(store: Store) -> list[tuple[str, Mapping[str, int]]]:
        async with store.database.snapshot() as connection:
            return [(code, await removal.contents(connection, at)) for at, code in await stored.found(connection)]

    found = run(work)
    if not found:
        note(Message("there is no root yet", "chưa có đơn vị gốc nào"))
    for code, counts in found:
        print(f"{code:<8} {_told(counts).said(spoken(os.environ))}")


@roots.command("remove")
def roots_remove(
    code: Annotated[str, typer.Argument(help="The root, as `chiso roots list` shows it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    with_events: Annotated[
        bool, typer.Option("--with-events", help="Also a root that has events: they are lost for ever.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a root with all that is kept under it: units, procedures, keys, events, figures."""

    async def look(store: Store) -> Mapping[str, int]:
        async with store.database.connection("read") as connection:
            [(root_id, _)] = await stored.found(connection, code)
            return await removal.contents(connection, root_id)

    async def work(store: Store) -> Mapping[str, int] | None:
        async with store.database.transaction() as connection:
            [(root_id, _)] = await stored.found(connection, code)
            await removal.hold(connection, root_id)
            counts = await removal.contents(connection, root_id)
            if counts["events"] and not with_events:
                return None
            await removal.remove(connection, root_id)
            return counts

    counts = run(look)
    if dry_run:
        say(Message("{code} would be removed: {counts}", "{code} sẽ bị xóa: {counts}", code=code, counts=_told(counts)))
        return
    refusal = Message(
        "{code} has events: with --with-events they are lost for ever",
        "{code} có sự kiện: với --with-events chúng mất vĩnh viễn",
        code=code,
    )
    if counts["events"] and not with_events:
        fail(refusal)
    sure = Message(
        "Remove {code} ({counts}) for ever?", "Xóa vĩnh viễn {code} ({counts})?", code=code, counts=_told(counts)
    )
    if not yes and not typer.confirm(sure.said(spoken(os.environ))):
        fail(Message("{code} was not removed", "{code} không bị xóa", code=code))
    removed = run(work)
    if removed is None:
        fail(refusal)
    say(Message("{code} is removed: {counts}", "{code} đã bị xóa: {counts}", code=code, counts=_told(removed)))


def _told(counts: Mapping[str, int]) -> Message:
    return Message(
        "{units:,} units, {procedures:,} procedures, {keys:,} keys, {events:,} events, {lives:,} lives",
        "{units:,} đơn vị, {procedures:,} thủ tục hành chính, {keys:,} khóa API, {events:,} sự kiện, {lives:,} hồ sơ",
        units=counts["units"],
        procedures=counts["procedures"],
        keys=counts["keys"],
        events=counts["events"],
        lives=counts["lives"],
    )
