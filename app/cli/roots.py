"""`chiso roots`: the provinces and ministries that the service keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from app.api.http.service import Service
from app.cli.running import fail, run
from app.store.catalogues import removal
from app.store.catalogues import roots as store

roots = typer.Typer(no_args_is_help=True, help="The top units (a province, a ministry) under which everything is kept.")


@roots.command("list")
def roots_list() -> None:
    """List all roots and how much each has."""

    async def work(service: Service) -> list[tuple[str, Mapping[str, int]]]:
        async with service.database.snapshot() as connection:
            return [(code, await removal.contents(connection, at)) for at, code in await store.found(connection)]

    for code, counts in run(work):
        print(f"{code:<8} {_told(counts)}")


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

    async def look(service: Service) -> Mapping[str, int]:
        async with service.database.connection("read") as connection:
            [(root_id, _)] = await store.found(connection, code)
            return await removal.contents(connection, root_id)

    async def work(service: Service) -> Mapping[str, int] | None:
        async with service.database.transaction() as connection:
            [(root_id, _)] = await store.found(connection, code)
            await removal.hold(connection, root_id)
            counts = await removal.contents(connection, root_id)
            if counts["events"] and not with_events:
                return None
            await removal.remove(connection, root_id)
            return counts

    counts = run(look)
    if dry_run:
        print(f"{code} would be removed: {_told(counts)}")
        return
    refusal = f"{code} has events: with --with-events they are lost for ever"
    if counts["events"] and not with_events:
        fail(refusal)
    if not yes and not typer.confirm(f"Remove {code} ({_told(counts)}) for ever?"):
        fail(f"{code} was not removed")
    removed = run(work)
    if removed is None:
        fail(refusal)
    print(f"{code} is removed: {_told(removed)}")


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())
