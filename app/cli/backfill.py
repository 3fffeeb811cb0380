"""`chiso import dossiers`: the history, from the exports that offices have."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Callable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from app.api.dvcqg import backfill
from app.api.dvcqg.backfill import Faulty, Filled
from app.api.http.auth import Access
from app.cli.running import Unfinished, console, note, progress, run, say, tell_audit, writing
from app.domain import codes
from app.domain.portal.state import SOURCE
from app.intake import tables
from app.intake.backfill import columns, mapping
from app.intake.backfill.columns import FIELDS, Columns
from app.intake.backfill.mapping import Map
from app.intake.backfill.rows import Rows
from app.intake.lines import Refused
from app.main import service_over
from app.messages import NO_UNIT, Message, spoken
from app.store import audit
from app.store.catalogues import roots
from app.store.store import Store


def dossiers_command(
    file: Annotated[Path, typer.Argument(help="XLSX or CSV, a row a dossier.", exists=True, dir_okay=False)],
    map_: Annotated[
        Path | None, typer.Option("--map", help="TOML: columns and values by name.", exists=True, dir_okay=False)
    ] = None,
    unit: Annotated[
        str, typer.Option(help="The unit of the key that pushes live; the only root there is without it.")
    ] = "",
    errors: Annotated[
        Path | None, typer.Option(help="Write all faulty rows here (CSV), the reason beside each.", dir_okay=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each row.")] = False,
) -> None:
    """Take in an export of dossiers, as live pushes would have told them; broken off, run it again: what is in already
    is known. Says first which columns it reads. Ends with 0: all are in. 1: some rows are faulty, all others are in.
    2: it was not read to its end.
    """
    filled = Filled()
    with contextlib.ExitStack() as stack:
        try:
            told = mapping.read(map_) if map_ is not None else Map()
            table = tables.opened(file, columns.naming(told.columns), told.sheet)
            first = list(islice(table.rows, tables.HEADER_WITHIN))
            found = columns.guess([row for _, row in first], told.columns)
            _tell_columns(file.name, found, table.left)
            if table.unread:
                note(_other_sheets(table.unread))
            reader = Rows(found, told, table.from_1904)
            if errors is not None:
                filled.tell = _writing(stack.enter_context(writing(errors, file, "utf-8-sig", "")), reader, found)
            rows = chain(first[found.first :], table.rows)

            async def work(store: Store) -> None:
                access = await _access(store, unit)
                try:
                    with progress(file.name, table.about - found.first) as done:
                        await backfill.fill(service_over(store), access, rows, reader, done, filled, dry_run)
                finally:
                    if not dry_run and (filled.new or filled.known) and access.root_id is not None:
                        counts = {"new": filled.new, "known": filled.known, "faulty": filled.faulty}
                        await tell_audit(store, access.root_id, audit.ran(access.unit, "import dossiers", **counts))

            run(work)
        except (Exception, KeyboardInterrupt) as error:
            stopped = isinstance(error, KeyboardInterrupt)
            if stopped or filled.new or filled.known or filled.faulty:
                say(_told(filled, dry_run))
                note(_UNFINISHED)
            if stopped:
                raise
            raise Unfinished from error
    say(_told(filled, dry_run))
    _tell_faulty(filled, errors)
    if filled.parked:
        note(_PARKED)
    if filled.endless:
        note(_endless(filled.endless))
    if filled.faulty:
        raise SystemExit(1)


async def _access(store: Store, unit: str) -> Access:
    """What the key of a unit would reach."""
    async with store.database.connection("read") as connection:
        there = await roots.found(connection, codes.root_of(unit) if unit else "")
        if len(there) != 1:
            raise Refused(_NAME_ROOT if there else _NO_ROOT)
        [(root_id, root)] = there
        unit = unit or root
        if unit != root and not await roots.has_unit(connection, root_id, unit):
            raise Refused(Message("{unit}: {why}", "{unit}: {why}", unit=unit, why=NO_UNIT))
        other = await roots.source_with(connection, root_id, SOURCE, f"{SOURCE}{unit}")
    if other is not None:
        note(
            Message(
                "live pushes come by a key of {other}: if it tells of these dossiers, import with --unit {other}",
                "hồ sơ đang được gửi bằng khóa của {other}: nếu là cùng các hồ sơ này, hãy nhập với --unit {other}",
                other=other.removeprefix(SOURCE),
            )
        )
    return Access(root_id, root, unit, "", "")


def _tell_columns(name: str, found: Columns, left: int) -> None:
    """Which columns are read as what, and which are not."""
    language = spoken(os.environ)
    say(Message("{name}: columns that are read", "{name}: các cột được đọc", name=name))
    for field, (payload, about, _) in FIELDS.items():
        if column := found.read.get(field):
            says = about.said(language)
            print(f"  {_letters(left + column.place):>3}  {column.header}  →  {field} ({says}, {payload})")
    absent = [field for field in FIELDS if field not in found.read]
    for message, names in (
        (_ABSENT, absent),
        (_PERSONAL, found.personal),
        (_OTHERS, found.others),
    ):
        if names:
            print(f"{message.said(language)}: {', '.join(names)}")


def _other_sheets(names: Sequence[str]) -> Message:
    return Message(
        "sheets that are not read, name one as `sheet` in a map: {names}",
        "trang tính không đọc, hãy nêu ở `sheet` của tệp `--map`: {names}",
        names=", ".join(names),
    )


def _endless(count: int) -> Message:
    return Message(
        "{count:,} rows say that the dossier has ended, but not when: it counts as open",
        "{count:,} dòng ghi hồ sơ đã kết thúc nhưng không có ngày kết thúc: hồ sơ được tính là chưa kết thúc",
        count=count,
    )


def _letters(place: int) -> str:
    """A column as spreadsheets name it."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _writing(kept: TextIO, reader: Rows, found: Columns) -> Callable[[Faulty], None]:
    """Where each faulty row is written to, in a file that spreadsheets open."""
    writer = csv.writer(kept)
    writer.writerow(["dòng / line", *(column.header for column in found.read.values()), "lý do", "reason"])

    def write(each: Faulty) -> None:
        # An apostrophe before what a spreadsheet would take for a formula.
        cells = [f"'{text}" if text.startswith(("=", "+", "-", "@")) else text for text in reader.shown(each.cells)]
        writer.writerow([each.line, *cells, _reason(each).vi, _reason(each).en])

    return write


def _reason(each: Faulty) -> Message:
    fault = each.fault
    return Message("{field}: {why}", "{field}: {why}", field=fault.field or fault.code, why=fault.plain or fault.detail)


def _told(filled: Filled, dry_run: bool) -> Message:
    counts = Message(
        "{new:,} new, {known:,} known, {parked:,} of them wait for their unit, {faulty:,} faulty",
        "{new:,} mới, {known:,} đã biết, trong đó {parked:,} chờ đơn vị; {faulty:,} lỗi",
        new=filled.new,
        known=filled.known,
        parked=filled.parked,
        faulty=filled.faulty,
    )
    if not dry_run:
        return counts
    return Message("dry run, nothing is written: {counts}", "chạy thử, chưa ghi gì: {counts}", counts=counts)


def _tell_faulty(filled: Filled, errors: Path | None) -> None:
    language = spoken(os.environ)
    line = "dòng" if language == "vi" else "line"
    for each in filled.errors:
        told = f"{line} {each.line}: {each.fault.code} {_reason(each).said(language)}"
        console.print(told, highlight=False, markup=False, soft_wrap=True, emoji=False)
    if more := filled.faulty - len(filled.errors):
        kept = Message("all are in {file}", "tất cả ở trong {file}", file=str(errors))
        note(
            Message(
                "… and {more:,} more faulty rows: {where}",
                "… và {more:,} dòng lỗi khác: {where}",
                more=more,
                where=_WRITES_ALL if errors is None else kept,
            )
        )


_ABSENT: Final = Message("not there", "không có")
_PERSONAL: Final = Message("never read, since they tell of people", "không bao giờ đọc, vì là thông tin cá nhân")
_OTHERS: Final = Message("not read", "không đọc")
_UNFINISHED: Final = Message(
    "not read to its end: run it again, what is in already is known",
    "chưa đọc đến hết: hãy chạy lại, phần đã vào là đã biết",
)
_PARKED: Final = Message(
    "dossiers whose unit is not in the catalogue are kept, and counted as soon as it is there",
    "hồ sơ có đơn vị chưa có trong danh mục được giữ lại, và được tính ngay khi đơn vị có trong danh mục",
)
_WRITES_ALL: Final = Message("--errors FILE writes all", "--errors FILE ghi tất cả")
_NO_ROOT: Final = Message(
    "there is no root: `chiso keys create --new-root` begins one",
    "chưa có đơn vị gốc: tạo bằng `chiso keys create --new-root`",
)
_NAME_ROOT: Final = Message("there are several roots: name the unit with --unit", "có nhiều đơn vị gốc: hãy nêu --unit")
