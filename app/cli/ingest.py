"""`chiso ingest`: events from a file."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from app import ingest
from app.cli.running import Unfinished, console, note, progress, run, say, writing
from app.domain.push import Rejected
from app.messages import Message, spoken
from app.store.store import Store


def ingest_command(
    file: Annotated[Path, typer.Argument(help="Events, one JSON object a line.", exists=True, dir_okay=False)],
    unit: Annotated[
        str, typer.Option(help="Only events of this unit and under it; the first event's root without it.")
    ] = "",
    errors: Annotated[
        Path | None, typer.Option(help="Write all rejected here, one JSON object a line.", dir_okay=False)
    ] = None,
) -> None:
    """Take in a file of events; interrupted, run it again: what is in already counts as a duplicate. Ends with 0: all
    are in. 1: some were rejected, all others are in. 2: it was not read to its end.
    """
    loaded = ingest.Loaded()

    async def work(store: Store) -> None:
        with progress(file.name, ingest.count_lines(file)) as done:
            await ingest.file(store, file, unit, done, loaded)

    with contextlib.ExitStack() as stack:
        try:
            if errors is not None:
                kept = stack.enter_context(writing(errors, file))
                loaded.tell = lambda error: print(_row(error), file=kept)
            run(work)
        except Exception as error:
            if loaded.accepted or loaded.duplicates or loaded.rejected:
                say(loaded.told)
                note(_UNFINISHED)
            raise Unfinished from error
    say(loaded.told)
    _tell(loaded, errors)
    if loaded.rejected:
        raise SystemExit(1)


def _row(error: Rejected) -> str:
    row = {"line": error.index + 1, "id": error.id, "source": error.source, "code": error.code, "field": error.field}
    return json.dumps(row | {"detail": error.in_full.en}, ensure_ascii=False)


def _tell(loaded: ingest.Loaded, errors: Path | None) -> None:
    """The first of the rejected, how many more there are, and the warnings by what they say."""
    language = spoken(os.environ)
    line = "dòng" if language == "vi" else "line"
    for error in loaded.errors:
        detail = error.in_full.said(language)
        told = f"{line} {error.index + 1}: {error.code} {error.field or ''}: {detail}"
        console.print(told, highlight=False, markup=False, soft_wrap=True)
    if more := loaded.rejected - len(loaded.errors):
        kept = Message("all are in {file}", "tất cả ở trong {file}", file=str(errors))
        note(
            Message(
                "… and {more:,} more rejected: {where}",
                "… và {more:,} sự kiện khác bị từ chối: {where}",
                more=more,
                where=_WRITES_ALL if errors is None else kept,
            )
        )
    for (code, says), count in loaded.warnings.most_common(_WARNINGS_TOLD):
        note(
            Message(
                "accepted, but {code} ({count:,} {events}): {says}",
                "đã nhận, nhưng {code} ({count:,} {events}): {says}",
                code=code,
                count=count,
                events=_EVENT if count == 1 else _EVENTS,
                says=says,
            )
        )
    if others := loaded.warnings.most_common()[_WARNINGS_TOLD:]:
        note(
            Message(
                "… and {kinds:,} more kinds of warnings ({count:,} events)",
                "… và {kinds:,} loại cảnh báo khác ({count:,} sự kiện)",
                kinds=len(others),
                count=sum(count for _, count in others),
            )
        )


_WARNINGS_TOLD = 20
_UNFINISHED: Final = Message(
    "not read to its end: run it again, what is in already counts as a duplicate",
    "chưa đọc đến hết: hãy chạy lại, sự kiện đã nhận được tính là trùng",
)
_WRITES_ALL: Final = Message("--errors FILE writes all", "--errors FILE ghi tất cả")
_EVENT: Final = Message("event", "sự kiện")
_EVENTS: Final = Message("events", "sự kiện")
