"""`chiso keys`: who may push and read."""

from __future__ import annotations

import os
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

import typer

from app.cli.running import console, fail, note, run, say
from app.domain import codes
from app.messages import Message, spoken
from app.start import weakness
from app.store import keys as stored
from app.store.catalogues import roots
from app.store.connections.database import Connection
from app.store.store import Store

keys = typer.Typer(no_args_is_help=True, help="Keys of the vendors, offices and dashboards that use the service.")


_KEEP: Final = Message(
    "Keep it: it is not stored and cannot be shown again.",
    "Hãy giữ khóa API này: hệ thống không lưu và không hiện lại được.",
)
_NONE_YET: Final = Message("there is none yet", "chưa có đơn vị gốc nào")
_IN_FORCE: Final = Message("in force", "có hiệu lực")
_PREVIOUS_PEPPER: Final = Message("previous pepper", "pepper trước")
_OTHER_PEPPER: Final = Message("other pepper", "pepper khác")
_NEVER: Final = Message("never used", "chưa dùng")
_REVOKED: Final = Message("revoked", "đã thu hồi")


class KeyScope(StrEnum):
    """What a key may do."""

    ingest = "ingest"
    read = "read"
    admin = "admin"


@keys.command("create")
def keys_create(
    scope: Annotated[
        list[KeyScope],
        typer.Option(help="What it may do; repeat for several. admin includes read."),
    ],
    unit: Annotated[str, typer.Option(help="The unit it reaches, with all under it.")],
    name: Annotated[str, typer.Option(help="Whose it is, shown in lists and beside what it enters.")] = "",
    new_root: Annotated[bool, typer.Option("--new-root", help="The unit's root is not there yet: begin it.")] = False,
) -> None:
    """Make a key and print it, this once only."""
    if not codes.is_unit_code(unit):
        fail(
            Message(
                "{unit!r} is no unit code; one looks like H44 or H44.07",
                "{unit!r} không phải mã đơn vị; mã đơn vị như H44 hoặc H44.07",
                unit=unit,
            )
        )

    async def work(store: Store) -> tuple[str, bool, Message | None]:
        async with store.database.connection("write") as connection, connection.transaction():
            root_id = await _root(connection, codes.root_of(unit), new_root)
            scopes = tuple(dict.fromkeys(each.value for each in scope))
            previous = store.peppers[1:]
            key = await stored.create(connection, store.pepper, root_id, unit, scopes, name, previous)
            return key, await roots.has_unit(connection, root_id, unit), weakness(store.settings)

    key, listed, weak = run(work, keys=True)
    print(key)
    if weak is not None:
        note(weak)
    if not listed:
        note(
            Message(
                "the catalogue has no unit {unit} yet: the key reaches nothing until PUT /v1/units brings it",
                "danh mục chưa có đơn vị {unit}: khóa API chưa dùng được gì cho đến khi PUT /v1/units nạp đơn vị này",
                unit=unit,
            )
        )
    console.print(_KEEP.said(spoken(os.environ)), highlight=False)


async def _root(connection: Connection, code: str, new: bool) -> int:
    """The id of a root. Only who says so begins one: with a second, calls without a unit are ambiguous."""
    there = await roots.found(connection)
    if not new and code not in {known for _, known in there}:
        known = Message("there is {roots}", "đang có {roots}", roots=", ".join(known for _, known in there))
        raise roots.UnknownRoot(
            Message(
                "there is no root {code} ({known}): correct the unit, or begin it with --new-root",
                "không có đơn vị gốc {code} ({known}): hãy sửa mã đơn vị, hoặc tạo mới bằng --new-root",
                code=code,
                known=known if there else _NONE_YET,
            )
        )
    other = next((known for _, known in there if known != code and known.casefold() == code.casefold()), None)
    if other is not None:
        raise roots.UnknownRoot(
            Message(
                "there is a root {other}, which differs from {code} in capitals only: correct the unit",
                "đã có đơn vị gốc {other}, chỉ khác {code} ở chữ hoa: hãy sửa mã đơn vị",
                other=other,
                code=code,
            )
        )
    return await roots.ensure(connection, code)


@keys.command("list")
def keys_list() -> None:
    """List all keys, without their texts: when made, whether in force, the day of the last use."""

    async def work(store: Store) -> tuple[list[stored.ListedKey], list[bytes]]:
        async with store.database.connection("read") as connection:
            return await stored.listing(connection), [stored.mark_of(each) for each in store.peppers]

    listed, marks = run(work)
    if not listed:
        note(Message("there is no key yet", "chưa có khóa API nào"))
    states = dict.fromkeys(marks[1:], _PREVIOUS_PEPPER) | {marks[0]: _IN_FORCE}
    for key in listed:
        state = _REVOKED if key.revoked_at is not None else states.get(key.pepper, _OTHER_PEPPER)
        told = state.said(spoken(os.environ))
        used = _NEVER.said(spoken(os.environ)) if key.used_at is None else _local(key.used_at).date().isoformat()
        print(
            f"{key.id}  {key.unit:<16} {','.join(key.scopes):<18} {_local(key.created_at).isoformat(' ', 'minutes')}"
            f"  {told:<15}  {used:<10}  {key.name}"
        )


def _local(instant: int) -> datetime:
    """An instant, µs, in this machine's zone."""
    return datetime.fromtimestamp(instant / 1e6).astimezone()


@keys.command("revoke")
def keys_revoke(key_id: Annotated[str, typer.Argument(help="The id as `chiso keys list` shows it.")]) -> None:
    """Put a key out of force at once."""

    async def work(store: Store) -> bool:
        async with store.database.connection("write") as connection:
            return await stored.revoke(connection, key_id)

    if not run(work):
        fail(
            Message(
                "no key {key} is in force; see chiso keys list",
                "không có khóa API {key} đang có hiệu lực; xem chiso keys list",
                key=key_id,
            )
        )
    say(Message("key {key} is revoked", "khóa API {key} đã bị thu hồi", key=key_id))
