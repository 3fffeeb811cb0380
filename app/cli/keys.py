"""`chiso keys`: who may push and read."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated

import typer

from app.api.http.service import Service
from app.cli.running import console, fail, run
from app.domain import codes
from app.store import keys as store
from app.store import roots

keys = typer.Typer(no_args_is_help=True, help="Keys of the vendors, offices and dashboards that use the service.")


class KeyScope(StrEnum):
    """What a key may do."""

    ingest = "ingest"
    read = "read"
    admin = "admin"


@keys.command("create")
def keys_create(
    scope: Annotated[list[KeyScope], typer.Option(help="What it may do; repeat for several.")],
    unit: Annotated[str, typer.Option(help="The unit it reaches, with all under it.")],
    name: Annotated[str, typer.Option(help="Whose it is, shown in lists and beside what it enters.")] = "",
) -> None:
    """Make a key and print it, this once only."""
    if not codes.is_unit_code(unit):
        fail(f"{unit!r} is no unit code; one looks like H44 or H44.07")

    async def work(service: Service) -> str:
        async with service.database.connection("write") as connection, connection.transaction():
            root_id = await roots.ensure(connection, codes.root_of(unit))
            scopes = tuple(dict.fromkeys(each.value for each in scope))
            return await store.create(connection, service.pepper, root_id, unit, scopes, name)

    print(run(work))
    console.print("Keep it: it is not stored and cannot be shown again.", highlight=False)


@keys.command("list")
def keys_list() -> None:
    """List all keys, without their texts."""

    async def work(service: Service) -> list[store.ListedKey]:
        async with service.database.connection("read") as connection:
            return await store.listing(connection)

    for key in run(work):
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(key.created_at / 1e6))
        state = "revoked" if key.revoked_at is not None else "in force"
        print(f"{key.id}  {key.unit:<16} {','.join(key.scopes):<18} {created}  {state:<8}  {key.name}")


@keys.command("revoke")
def keys_revoke(key_id: Annotated[str, typer.Argument(help="The id as `chiso keys list` shows it.")]) -> None:
    """Put a key out of force at once."""

    async def work(service: Service) -> bool:
        async with service.database.connection("write") as connection:
            return await store.revoke(connection, key_id)

    if not run(work):
        fail(f"no key {key_id} is in force; see chiso keys list")
    print(f"key {key_id} is revoked")
