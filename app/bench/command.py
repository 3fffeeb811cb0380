"""`chiso bench`: the command line of the benchmark. What it measures with is loaded when it is called."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from app.bench.history import History, Size
    from app.bench.results import Report

bench = typer.Typer(no_args_is_help=True, help="Measure the service beside its peers, on databases of its own.")

_err = Console(stderr=True)


class Shape(StrEnum):
    """The shapes by name; shapes.py says what they are."""

    all = "all"
    normal = "normal"
    live = "live"
    one_unit = "one-unit"
    one_procedure = "one-procedure"
    one_day = "one-day"
    all_new = "all-new"
    duplicates = "duplicates"
    reversed = "reversed"


_DSN = Annotated[
    str,
    typer.Option(help="PostgreSQL server in which databases may be made and dropped; an own embedded one without it."),
]
_FOLDER = Annotated[
    Path | None, typer.Option("--dir", help="Where the run's folder is made; the system's temporary folder without it.")
]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
_MARKDOWN = Annotated[bool, typer.Option("--markdown", help="Append the results to docs/benchmarks.md.")]
_SEED = Annotated[int, typer.Option(help="Another seed makes other dossiers.", min=1)]
_SERVE = Annotated[str, typer.Option(help="Further arguments of `chiso serve`, e.g. '--workers 2'.")]
_BOOK = Path("docs/benchmarks.md")


@bench.command("write")
def write_command(
    shape: Annotated[list[Shape] | None, typer.Option(help="Repeat for several; normal without it.")] = None,
    peers: Annotated[str, typer.Option(help="Comma-separated; '' for none.")] = "copy,influxdb,prefect,victoriametrics",
    clients: Annotated[str, typer.Option(help="Numbers of clients of bulk, comma-separated.")] = "1,8",
    only: Annotated[str, typer.Option(help="Only cases whose name contains this, e.g. '1 × 64'.")] = "",
    events: Annotated[int, typer.Option(help="Events a round of bulk; fewer for small requests.", min=100)] = 60_000,
    seconds: Annotated[float, typer.Option(help="No request is begun after this time in a round.", min=0.5)] = 15,
    rounds: Annotated[int, typer.Option(help="Rounds of every case, targets in turn.", min=1)] = 3,
    seed: _SEED = 1,
    serve: _SERVE = "",
    dsn: _DSN = "",
    folder: _FOLDER = None,
    as_json: _JSON = False,
    markdown: _MARKDOWN = False,
) -> None:
    """Push the same events into the service and its peers, in turn; then check that all is there and right."""
    from app.bench import shapes, write

    chosen = shape or [Shape.normal]
    plan = write.WritePlan(
        shapes=list(shapes.Shape) if Shape.all in chosen else [shapes.Shape(each.value) for each in chosen],
        cases=[case for case in write.cases(events, [int(each) for each in clients.split(",")]) if only in case.name],
        peers=[each.strip() for each in peers.split(",") if each.strip()],
        rounds=rounds,
        seconds=seconds,
        seed=seed,
        serve=serve.split(),
    )
    size = f"writing, {events:,} events a bulk round, {rounds} rounds, seed {seed}"
    _measured(
        size, dsn, folder, as_json, markdown, lambda at, home, report: write.run(plan, at, home, report, _say(as_json))
    )


_SCALE = Annotated[float, typer.Option(help="Share of the published dossiers, 1 is all.", min=0.0005, max=1)]
_YEARS = Annotated[int, typer.Option(help="Years of history, the demo's own the last.", min=1, max=20)]
_KEEP = Annotated[
    Path | None, typer.Option("--keep", help="Keep the loaded database in this folder and use it the next time.")
]


@bench.command("read")
def read_command(
    scale: _SCALE = 0.01,
    years: _YEARS = 1,
    rate: Annotated[int, typer.Option(help="Events a second beside the questions, 0 for none.", min=0)] = 2_000,
    seconds: Annotated[float, typer.Option(help="Time for each question and way.", min=0.1)] = 2,
    only: Annotated[str, typer.Option(help="Only questions whose name contains this.")] = "",
    peers: Annotated[bool, typer.Option(help="Q1 and Q4 of the current-state tables on the same data.")] = True,
    seed: _SEED = 1,
    serve: _SERVE = "",
    keep: _KEEP = None,
    dsn: _DSN = "",
    folder: _FOLDER = None,
    as_json: _JSON = False,
    markdown: _MARKDOWN = False,
) -> None:
    """Ask a loaded service, computed, kept, unchanged and beside writes; and today's SQL on the same machine."""
    from app.bench import history, read

    def work(server: str, home: Path, report: Report) -> None:
        chosen = [each for each in read.questions() if only in each.name]
        size, say = history.Size(scale, years, seed), _say(as_json)
        with _loaded(server, home, size, serve, report, say, keep is not None) as loaded:
            if peers:
                _counted(loaded, home, ("Q1", "Q4"), seconds, report, say)
            with loaded.chiso.serving():
                report.idle_rss = loaded.chiso.rss()
                report.reads = read.run(loaded.chiso, chosen, rate, seconds, home, say)
            clean, said = loaded.chiso.verify()
            report.notes.append(f"verify: {said}")
            report.failed = report.failed or not clean

    _measured(f"reading, {history.Size(scale, years, seed)}", dsn, keep or folder, as_json, markdown, work, keep)


@bench.command("sql")
def sql_command(
    scale: _SCALE = 0.01,
    years: _YEARS = 1,
    only: Annotated[str, typer.Option(help="Which of them, comma-separated.")] = "Q1,Q2,Q3,Q4,Q5,Q6",
    seconds: Annotated[float, typer.Option(help="Time for each query.", min=0.1)] = 3,
    seed: _SEED = 1,
    serve: _SERVE = "",
    keep: _KEEP = None,
    dsn: _DSN = "",
    folder: _FOLDER = None,
    as_json: _JSON = False,
    markdown: _MARKDOWN = False,
) -> None:
    """Counting over current-state tables, literal and tuned, and DuckDB over the events, beside the service."""
    from app.bench import history

    def work(server: str, home: Path, report: Report) -> None:
        size, say = history.Size(scale, years, seed), _say(as_json)
        with _loaded(server, home, size, serve, report, say, keep is not None) as loaded:
            _counted(loaded, home, only.split(","), seconds, report, say)

    _measured(f"counting, {history.Size(scale, years, seed)}", dsn, keep or folder, as_json, markdown, work, keep)


@contextlib.contextmanager
def _loaded(
    server: str, home: Path, size: Size, serve: str, report: Report, say: Callable[[str], None], keep: bool
) -> Iterator[History]:
    """The history in a database, which goes afterwards unless it is to be kept."""
    from app.bench.history import History
    from app.bench.targets import drop_databases

    loaded = History(server, home, size, serve.split(), say)
    try:
        loaded.load()
        report.notes.append(f"{loaded.events:,} events loaded through intake")
        yield loaded
    finally:
        if not keep:
            drop_databases(server, [loaded.chiso.dsn])


def _counted(
    loaded: History, home: Path, only: Sequence[str], seconds: float, report: Report, say: Callable[[str], None]
) -> None:
    """The current-state tables, their counts beside ours, and their times."""
    from app.bench import counting
    from app.bench.duck import Raw
    from app.bench.targets import Missing

    with contextlib.ExitStack() as stack:
        raw = None
        try:
            raw = stack.enter_context(Raw(home))
        except Missing as missing:
            report.missing.append(str(missing))
        loaded.tables(lambda raw: counting.compare(loaded, raw), raw)
        report.queries, same = counting.run(loaded, raw, only, seconds, say)
        report.equal = loaded.equal + same


def _measured(
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

    from app.bench import machine, running, show, write
    from app.bench.results import Report

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


def _say(quiet: bool) -> Callable[[str], None]:
    began = time.monotonic()

    def say(what: str) -> None:
        if not quiet:
            _err.print(f"{time.monotonic() - began:7.1f} s  {what}", style="dim", highlight=False)

    return say
