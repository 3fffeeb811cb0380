"""What every command of `python -m bench` shares: its options, its loaded database, and telling what was found."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from bench.history import History, Size
    from bench.results import Report

_err = Console(stderr=True)

DSN = Annotated[
    str,
    typer.Option(help="PostgreSQL server in which databases may be made and dropped; an own embedded one without it."),
]
FOLDER = Annotated[
    Path | None, typer.Option("--dir", help="Where the run's folder is made; the system's temporary folder without it.")
]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
MARKDOWN = Annotated[bool, typer.Option("--markdown", help="Append the results to docs/benchmarks.md.")]
SEED = Annotated[int, typer.Option(help="Another seed makes other dossiers.", min=1)]
SERVE = Annotated[str, typer.Option(help="Further arguments of `chiso serve`, e.g. '--workers 2'.")]
_BOOK = Path("docs/benchmarks.md")
SCALE = Annotated[float, typer.Option(help="Share of the published dossiers, 1 is all.", min=0.0005, max=1)]
YEARS = Annotated[int, typer.Option(help="Years of history, the demo's own the last.", min=1, max=20)]
KEEP = Annotated[
    Path | None, typer.Option("--keep", help="Keep the loaded database in this folder and use it the next time.")
]


@contextlib.contextmanager
def history_in(
    server: str, home: Path, size: Size, serve: str, report: Report, say: Callable[[str], None], keep: bool
) -> Iterator[History]:
    """The history in a database, which goes afterwards unless it is to be kept."""
    from bench.history import History
    from bench.targets import drop_databases

    loaded = History(server, home, size, serve.split(), say)
    try:
        loaded.load()
        report.notes.append(f"{loaded.events:,} events loaded through intake")
        yield loaded
    finally:
        if not keep:
            drop_databases(server, [loaded.chiso.dsn])


def measured(
    size: str,
    dsn: str,
    folder: Path | None,
    as_json: bool,
    markdown: bool,
    work: Callable[[str, Path, Report], None],
    keep: Path | None = None,
) -> None:
    """Do the work with a database server, then tell what was found; exit 1 when a check failed."""
    import msgspec

    from bench import machine, running, show, write
    from bench.results import Report

    with running.folder(folder) if keep is None else running.kept(keep) as home, write.server(dsn, home) as server:
        report = Report(
            at=time.strftime("%Y-%m-%d %H:%M"),
            command=_command(),
            size=size,
            machine=machine.machine(server, home),
        )
        work(server, home, report)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    else:
        show.printed(report, Console(width=None if sys.stdout.isatty() else 200))
    if markdown:
        show.appended(report, _BOOK)
        _err.print(f"written to {_BOOK}", highlight=False)
    if not report.sound:
        _err.print("a check failed; see above", style="red")
        raise SystemExit(1)


def _command() -> str:
    """The command as typed, without what is nobody's business: addresses of servers, places on this machine."""
    said = ["chiso"]
    arguments = iter(sys.argv[1:])
    for each in arguments:
        if each in ("--dsn", "--dir", "--keep"):
            next(arguments, None)
            said += [each, "…"]
        elif each.startswith(("--dsn=", "--dir=", "--keep=")):
            said.append(each.partition("=")[0] + "=…")
        else:
            said.append(f"'{each}'" if " " in each else each)
    return " ".join(said)


def telling(quiet: bool) -> Callable[[str], None]:
    """Tells how far the run is, with the time since its beginning, unless it is to be quiet."""
    began = time.monotonic()

    def say(what: str) -> None:
        if not quiet:
            _err.print(f"{time.monotonic() - began:7.1f} s  {what}", style="dim", highlight=False)

    return say
