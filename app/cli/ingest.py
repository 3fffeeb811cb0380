"""`chiso ingest`: events from a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from app import ingest
from app.api.http.service import Service
from app.cli.running import console, progress, run
from app.messages import spoken


def ingest_command(
    file: Annotated[Path, typer.Argument(help="Events, one JSON object a line.", exists=True, dir_okay=False)],
    unit: Annotated[
        str, typer.Option(help="Only events of this unit and under it; the first event's root without it.")
    ] = "",
) -> None:
    """Take in a file of events; interrupted, run it again: what is in already counts as a duplicate."""

    async def work(service: Service) -> ingest.Loaded:
        with progress(file.name, ingest.count_lines(file)) as done:
            return await ingest.file(service, file, unit, done)

    loaded = run(work)
    print(loaded)
    language = spoken(os.environ)
    line = "dòng" if language == "vi" else "line"
    for error in loaded.errors:
        detail = error.in_full.said(language)
        console.print(f"{line} {error.index + 1}: {error.code} {error.field or ''}: {detail}", highlight=False)
    if loaded.rejected:
        raise SystemExit(1)
