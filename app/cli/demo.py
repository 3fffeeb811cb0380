"""`chiso demo` and `chiso simulate`: a province to try things on."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.running import console, fail, progress, run, say
from app.demo import load, province
from app.demo.living import simulation
from app.demo.year import events
from app.ingest import Loaded
from app.messages import Message
from app.settings import of_environment
from app.store.store import Store

_ALL: Final = Message("all", "tất cả")


def demo_command(
    scale: Annotated[float, typer.Option(help="Share of the published dossiers, 1 is all.", min=0.0001, max=1)] = 0.01,
    units: Annotated[str, typer.Option(help="Codes, comma-separated; all units without it.")] = "",
    seed: Annotated[int, typer.Option(help="Another seed makes other lives of the same counts.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much would be loaded.")] = False,
) -> None:
    """Load the demo province Phú Thọ through intake; running it again changes nothing."""
    chosen = [each.strip() for each in units.split(",") if each.strip()] or None
    unknown = sorted(set(chosen or ()) - {unit["code"] for unit in province.units()})
    if unknown:
        fail(
            Message(
                "no such unit in the demo province: {units}",
                "tỉnh mẫu không có đơn vị này: {units}",
                units=", ".join(unknown),
            )
        )
    total = events.estimate(chosen, scale)
    if dry_run:
        say(
            Message(
                "about {total:,} events of {units} units at scale {scale}",
                "khoảng {total:,} sự kiện của {units} đơn vị ở tỷ lệ {scale}",
                total=total,
                units=len(chosen) if chosen else _ALL,
                scale=scale,
            )
        )
        return

    async def work(store: Store) -> Loaded:
        await load.load_catalogues(store)
        with progress("loading", total) as done:
            return await load.load_events(store, chosen, scale, seed, time.time_ns() // 1000, done)

    say(run(work, begins=True).told)


def _read(file: Path) -> str:
    """The key that a file holds."""
    return (sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")).strip()


def simulate_command(
    unit: Annotated[str, typer.Option(help="The unit that lives, with all under it.")] = province.ROOT,
    rate: Annotated[float, typer.Option(help="Events a second, on average.", min=0.01, max=5_000)] = 50,
    url: Annotated[
        str | None, typer.Option(help="Where the service is; http://127.0.0.1:8000 without it.", show_default=False)
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            help="Of the scopes read and ingest. All on this machine see it in the list of processes: better CHISO_KEY"
            " or --key-file.",
            envvar="CHISO_KEY",
            show_envvar=False,
        ),
    ] = "",
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="A file with the key; - reads it from standard input.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="End after so long; without it, at Ctrl-C.", min=0.1)] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws other lives.", min=0)] = 1,
    daily: Annotated[bool, typer.Option("--daily", help="The rate is a working day's mean; nights are quiet.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print twenty events of the demo province; send none.")
    ] = False,
) -> None:
    """Keep a province living: events that happen now, sent over HTTP as a careful vendor does."""
    of_environment()  # a variable that is misspelt is told here too
    pace = simulation.Pace(rate, daily, seconds)
    simulation.Simulation(
        url,
        key if key_file is None else _read(key_file),
        unit,
        seed,
        pace,
        lambda line: console.print(line, highlight=False, soft_wrap=True),
        print,
    ).run(dry_run)
