"""`chiso import`: catalogues from files that people have."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from app.cli.running import Unfinished, console, note, run, say, writing
from app.domain import codes
from app.domain.push import Rejected
from app.intake.imports import catalogue
from app.intake.imports.catalogue import Read
from app.intake.lines import Refused
from app.intake.tables import Unreadable
from app.messages import Message, of_error, spoken
from app.store.audit import Change
from app.store.catalogues import edit, roots
from app.store.catalogues.edit import PutResult
from app.store.connections.database import Connection
from app.store.snapshot import reading_moment
from app.store.store import Store

FileArgument = Annotated[Path, typer.Argument(help="JSON, CSV or XLSX.", exists=True, dir_okay=False)]
UnitOption = Annotated[
    str, typer.Option(help="The root, or the unit to which all in it belongs; the only root without it.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]
ErrorsOption = Annotated[
    Path | None, typer.Option(help="Write all that is wrong here, one JSON object a line.", dir_okay=False)
]
_SHOWN: Final = 20
"""Lines of a kind that are told; a dry run tells all changes."""

_PUTS: Final[Mapping[str, Callable[..., Awaitable[PutResult]]]] = {
    "units": edit.put_units,
    "procedures": edit.put_procedures,
}


def import_units(
    file: FileArgument, unit: UnitOption = "", dry_run: DryRunOption = False, errors: ErrorsOption = None
) -> None:
    """Units: what PUT /v1/units takes, the portal's LayDanhMucCoQuan, or a table with Vietnamese headers. First says
    what changes. Ends with 0: all are in. 1: some are faulty, all others are in. 2: nothing was done.
    """
    _import("units", file, unit, dry_run, errors)


def import_procedures(
    file: FileArgument, unit: UnitOption = "", dry_run: DryRunOption = False, errors: ErrorsOption = None
) -> None:
    """Procedures: what PUT /v1/procedures takes, the portal's LayDanhSachTTHC and LayThuTuc, or a table with Vietnamese
    headers. First says what changes. Ends with 0: all are in. 1: some are faulty, all others are in. 2: nothing was
    done.
    """
    _import("procedures", file, unit, dry_run, errors)


@dataclass(frozen=True)
class _Seen:
    """What a file would change."""

    root_id: int
    unit: str
    read: Read
    result: PutResult


def _import(kind: Literal["units", "procedures"], file: Path, unit: str, dry_run: bool, errors: Path | None) -> None:
    async def work(store: Store) -> tuple[_Seen, PutResult | None]:
        cache = store.catalogue_cache
        async with store.database.snapshot() as connection:
            root_id, reach = await root_of(connection, unit)
            moment = await reading_moment(connection, cache, root_id, store.clock)
            read = catalogue.read(kind, file, moment.catalogues)
            seen = _Seen(root_id, reach, read, await edit.preview(connection, cache, root_id, reach, kind, read.rows))
        _tell_changes(seen.result.changes, read, _SHOWN if not dry_run else None)
        _tell_counts(file.name, seen)
        if dry_run:
            return seen, None
        return seen, await _PUTS[kind](store.database, cache, root_id, reach, read.rows)

    with finishing(), contextlib.ExitStack() as stack:
        # Opened first: where it cannot be written, nothing is done.
        kept = stack.enter_context(writing(errors, file)) if errors is not None else None
        seen, done = run(work)
        faults = (done or seen.result).errors
        if kept is not None:
            kept.writelines(f"{each}\n" for each in fault_rows(faults, seen.read))
    tell_faults(seen.read, done or seen.result, errors)
    if done is None:
        say(Message("nothing is changed", "chưa thay đổi gì"))
    else:
        _tell_done(done)
    if faults:
        raise SystemExit(1)


@contextlib.contextmanager
def finishing() -> Iterator[None]:
    """What ends a command before it has done anything is told, and ends it with 2."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - raised again
        told = Refused(of_error(error)) if isinstance(error, Unreadable) else error
        raise Unfinished from told


async def root_of(connection: Connection, unit: str) -> tuple[int, str]:
    """The id of the root that a unit stands under and the unit; without one, of the only root there is.

    Raises:
        Refused: it is no code, or there are several roots.
        UnknownRoot: the root was never set up.
    """
    if unit and not codes.is_unit_code(unit):
        raise Refused(Message("{unit!r} is no unit code", "{unit!r} không phải mã đơn vị", unit=unit))
    there = await roots.found(connection, codes.root_of(unit) if unit else "")
    if len(there) == 1:
        [(root_id, code)] = there
        return root_id, unit or code
    raise Refused(
        Message(
            "there is no root: `chiso keys create --new-root` begins one",
            "chưa có đơn vị gốc: tạo bằng `chiso keys create --new-root`",
        )
        if not there
        else Message(
            "there are several roots: name one with --unit", "có nhiều đơn vị gốc: hãy nêu một đơn vị bằng --unit"
        )
    )


def _tell_changes(changes: Sequence[Change], read: Read, most: int | None) -> None:
    for each in changes[:most]:
        raw = f" ({read.raw[each.code]})" if each.code in read.raw else ""
        before, after = each.before or {}, each.after or {}
        if each.action == "created":
            told = ", ".join(f"{name} {_value(value)}" for name, value in after.items())
            print(f"+ {each.code}{raw}: {told}".rstrip(": "))
        else:
            told = ", ".join(f"{name} {_value(before[name])} → {_value(value)}" for name, value in after.items())
            print(f"~ {each.code}{raw}: {told}")
    if most is not None and len(changes) > most:
        say(
            Message(
                "… and {more:,} more: `--dry-run` shows all",
                "… và {more:,} dòng nữa: `--dry-run` cho xem tất cả",
                more=len(changes) - most,
            )
        )


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _tell_counts(name: str, seen: _Seen) -> None:
    result, read = seen.result, seen.read
    faulty = {each.index for each in result.errors}
    sound = {each.key for each in read.rows if not isinstance(each, Rejected) and each.index not in faulty}
    new = sum(each.action == "created" for each in result.changes)
    say(
        Message(
            "{name}: {new:,} new, {changed:,} changed, {same:,} unchanged, {faulty:,} faulty, {left:,} left out",
            "{name}: {new:,} mới, {changed:,} thay đổi, {same:,} giữ nguyên, {faulty:,} lỗi, {left:,} bỏ qua",
            name=name,
            new=new,
            changed=len(result.changes) - new,
            same=len(sound) - len(result.changes),
            faulty=len(faulty),
            left=read.left_out,
        )
    )


def fault_rows(faults: Sequence[Rejected], read: Read) -> Iterator[str]:
    """What is wrong with rows, a line of JSON each."""
    place = "line" if read.table else "element"
    for each in faults:
        row = {place: read.places[each.index], "id": each.id, "code": each.code, "field": each.field}
        yield json.dumps(row | {"detail": each.in_full.en}, ensure_ascii=False)


def tell_faults(read: Read, result: PutResult, errors: Path | None) -> None:
    """What is wrong with rows, what to look at, and what was left out or not read, the first of each."""
    language = spoken(os.environ)
    word = ("dòng" if language == "vi" else "line") if read.table else ("mục" if language == "vi" else "element")
    at = {index: f"{word} {place}" for index, place in enumerate(read.places)}
    lines = [
        f"{at[each.index]}: {each.id or ''}: {each.code} {each.field or ''}: {each.in_full.said(language)}"
        for each in result.errors
    ]
    where = "--errors FILE" if errors is None else str(errors)
    _tell_some(
        lines,
        Message(
            "… and {more:,} more faulty: all in {where}",
            "… và {more:,} lỗi khác: tất cả ở {where}",
            more=max(0, len(lines) - _SHOWN),
            where=where,
        ),
    )
    warned = sorted(result.warnings, key=lambda each: each.index)
    lines = [f"{at[each.index]}: {each.id}: {each.field}: {each.detail.said(language)}" for each in warned]
    lines += [f"{word} {each.place}: {each.code}: {each.says.said(language)}" for each in read.notes]
    _tell_some(
        lines,
        Message("… and {more:,} more to look at", "… và {more:,} điểm khác cần xem", more=max(0, len(lines) - _SHOWN)),
    )
    if read.passed_over:
        note(
            Message(
                "columns that are not read: {names}", "các cột không đọc: {names}", names=", ".join(read.passed_over)
            )
        )


def _tell_some(lines: Sequence[str], more: Message) -> None:
    for each in lines[:_SHOWN]:
        console.print(each, highlight=False, markup=False, soft_wrap=True, emoji=False)
    if len(lines) > _SHOWN:
        note(more)


def _tell_done(done: PutResult) -> None:
    say(
        Message(
            "{accepted:,} taken in, {rejected:,} rejected",
            "nhận {accepted:,}, từ chối {rejected:,}",
            accepted=done.accepted,
            rejected=len(done.errors),
        )
    )
    if done.refolding:
        note(
            Message(
                "{lives:,} dossiers are folded again in the background, by the service that runs",
                "{lives:,} hồ sơ được tính lại ở nền, do dịch vụ đang chạy thực hiện",
                lives=done.refolding,
            )
        )
