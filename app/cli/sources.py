"""`chiso sources`: what is believed of one-stop software that sends the national portal's payload."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, cast

import typer

from app.cli.running import fail, note, run, say
from app.domain import codes
from app.domain.portal.profile import FIELDS, SUCCESSES, Profile, Success
from app.domain.portal.state import SOURCE
from app.messages import Message
from app.store.catalogues import roots
from app.store.portal import known
from app.store.portal import sources as stored
from app.store.store import Store

sources = typer.Typer(
    no_args_is_help=True, help="What is believed of software that sends the national portal's payload."
)

Field = StrEnum("Field", {each: each for each in FIELDS})  # type: ignore[misc]
Code = StrEnum("Code", {f"_{each}": each for each in SUCCESSES})  # type: ignore[misc]
_EXAMPLE: Final = f"{SOURCE}H44"
_ALL: Final = Message("all is believed", "tin mọi trường")
_NOBODY: Final = Message(
    "nothing has come from this source yet: is its unit that of the keys?",
    "chưa nhận được gì từ nguồn này: đơn vị có đúng là đơn vị của khóa không?",
)
_AGAIN: Final = Message("; being applied to dossiers that are in", "; đang áp dụng lại cho hồ sơ đã có")


@sources.command("list")
def sources_list() -> None:
    """List the sources that are not believed in everything, or want another code of success."""

    async def work(store: Store) -> list[stored.Kept]:
        async with store.database.connection("read") as connection:
            return [
                each for root_id, _ in await roots.found(connection) for each in await stored.every(connection, root_id)
            ]

    for each in run(work):
        say(_told(each))


@sources.command("set")
def sources_set(
    source: Annotated[str, typer.Argument(help="The source, or the unit of its keys: /dvcqg/H44 or H44.")],
    distrust: Annotated[
        list[Field] | None, typer.Option(help="A field of the payload not to believe; repeat for several.")
    ] = None,
    trust: Annotated[list[Field] | None, typer.Option(help="A field to believe again.")] = None,
    success: Annotated[Code | None, typer.Option(help="By which error_code its client knows success.")] = None,
) -> None:
    """Change what is believed of a source, at once for all of its dossiers.

    Of TrangThaiHoSo only what cannot be is not believed: 9 (processed) of a dossier that tells no end.
    """
    unit = source.removeprefix(SOURCE)
    if not codes.is_unit_code(unit):
        fail(
            Message(
                "{source!r} is no source; one looks like {example}",
                "{source!r} không phải nguồn; nguồn có dạng {example}",
                source=source,
                example=_EXAMPLE,
            )
        )

    async def work(store: Store) -> tuple[stored.Kept, bool]:
        async with store.database.transaction() as connection:
            [(root_id, _)] = await roots.found(connection, codes.root_of(unit))
            name = f"{SOURCE}{unit}"
            before = (await stored.read(connection, root_id, name)).profile
            gone = {each.value for each in trust or ()}
            profile = Profile(
                (before.untrusted | {each.value for each in distrust or ()}) - gone,
                before.success if success is None else cast(Success, success.value),
            )
            await stored.put(connection, root_id, name, unit, profile)
            there = await known.subjects(connection, root_id, name, "", 1)
            return await stored.read(connection, root_id, name), bool(there)

    kept, there = run(work)
    say(_told(kept))
    if not there:
        note(_NOBODY)


def _told(kept: stored.Kept) -> Message:
    fields = ", ".join(sorted(kept.profile.untrusted))
    what = Message("not believed: {fields}", "không tin: {fields}", fields=fields) if fields else _ALL
    return Message(
        "{source}: {what}; success is {code}{again}",
        "{source}: {what}; mã thành công là {code}{again}",
        source=kept.source,
        what=what,
        code=kept.profile.success,
        again="" if kept.applied_to is None else _AGAIN,
    )
