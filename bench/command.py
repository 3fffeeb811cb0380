"""`python -m bench`: the command line of the benchmark. What it measures with is loaded when it is called."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench import trials
from bench.options import SCALE, YEARS, Loaded, Run, command

if TYPE_CHECKING:
    from bench.history import History
    from bench.results import Report

bench = typer.Typer(no_args_is_help=True, help="Measure the service beside its peers, on databases of its own.")
bench.command("storm")(trials.storm_command)
bench.command("soak")(trials.soak_command)
bench.command("rebuild")(trials.rebuild_command)
bench.command("country")(trials.country_command)
bench.command("replicas")(trials.replicas_command)


_PEERS = "copy,plain,influxdb,prefect,victoriametrics"


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
    together = "together"
    day = "day"


@bench.command("write")
@command
def write_command(
    run: Run,
    shape: Annotated[list[Shape] | None, typer.Option(help="Repeat for several; normal without it.")] = None,
    peers: Annotated[str, typer.Option(help="Comma-separated; '' for none.")] = _PEERS,
    clients: Annotated[str, typer.Option(help="Numbers of clients of bulk, comma-separated.")] = "1,8",
    only: Annotated[str, typer.Option(help="Only cases whose name contains this, e.g. '1 × 64'.")] = "",
    events: Annotated[int, typer.Option(help="Events a round of bulk; fewer for small requests.", min=100)] = 60_000,
    seconds: Annotated[float, typer.Option(help="No request is begun after this time in a round.", min=0.5)] = 15,
    rounds: Annotated[int, typer.Option(help="Rounds of every case, targets in turn.", min=1)] = 3,
) -> None:
    """Push the same events into the service and its peers, in turn; then check that all is there and right."""
    from bench import shapes
    from bench import write as writing

    chosen = shape or [Shape.normal]
    plan = writing.WritePlan(
        shapes=list(shapes.Shape) if Shape.all in chosen else [shapes.Shape(each.value) for each in chosen],
        cases=[case for case in writing.cases(events, [int(each) for each in clients.split(",")]) if only in case.name],
        peers=[each.strip() for each in peers.split(",") if each.strip()],
        rounds=rounds,
        seconds=seconds,
        seed=run.seed,
        serve=run.serve.split(),
    )
    size = f"writing, {events:,} events a bulk round, {rounds} rounds, seed {run.seed}"
    run.measured(size, lambda at, home, report: writing.run(plan, at, home, report, run.say))


@bench.command("read")
@command
def read_command(
    run: Loaded,
    scale: SCALE = 0.01,
    years: YEARS = 1,
    rate: Annotated[int, typer.Option(help="Events a second beside the questions, 0 for none.", min=0)] = 2_000,
    seconds: Annotated[float, typer.Option(help="Time for each question and way.", min=0.1)] = 2,
    only: Annotated[str, typer.Option(help="Only questions whose name contains this.")] = "",
    peers: Annotated[bool, typer.Option(help="Q1 and Q4 of the current-state tables on the same data.")] = True,
    plain: Annotated[bool, typer.Option(help="The plain peer, with the same events, asked the same.")] = True,
) -> None:
    """Ask a loaded service, computed, kept, unchanged and beside writes; and its peers on the same machine."""
    from bench import beside, history, read

    def work(loaded: History, home: Path, report: Report) -> None:
        chosen = [each for each in read.questions() if only in each.name]
        if peers:
            _counted(loaded, home, ("Q1", "Q4"), seconds, report, run.say)
        peer = loaded.plain() if plain else None
        with loaded.chiso.serving(), peer.serving() if peer else contextlib.nullcontext():
            report.idle_rss = loaded.chiso.rss()
            if peer:
                beside.figures(loaded.chiso, peer, report)
            report.reads = read.run(loaded.chiso, peer, chosen, rate, seconds, home, run.say)
        clean, said = loaded.chiso.verify()
        report.notes.append(f"verify: {said}")
        report.failed = report.failed or not clean

    size = history.Size(scale, years, run.seed)
    run.on(f"reading, {size}", size, work)


@bench.command("sql")
@command
def sql_command(
    run: Loaded,
    scale: SCALE = 0.01,
    years: YEARS = 1,
    only: Annotated[str, typer.Option(help="Which of them, comma-separated.")] = "Q1,Q2,Q3,Q4,Q5,Q6",
    seconds: Annotated[float, typer.Option(help="Time for each query.", min=0.1)] = 3,
) -> None:
    """Counting over current-state tables, literal and tuned, and DuckDB over the events, beside the service."""
    from bench import history

    size = history.Size(scale, years, run.seed)
    run.on(
        f"counting, {size}",
        size,
        lambda loaded, home, report: _counted(loaded, home, only.split(","), seconds, report, run.say),
    )


def _counted(
    loaded: History, home: Path, only: Sequence[str], seconds: float, report: Report, say: Callable[[str], None]
) -> None:
    """The current-state tables, their counts beside ours, and their times."""
    from bench import counting
    from bench.duck import Raw
    from bench.targets import Missing

    with contextlib.ExitStack() as stack:
        raw = None
        try:
            raw = stack.enter_context(Raw(home))
        except Missing as missing:
            report.missing.append(str(missing))
        loaded.tables(lambda raw: counting.compare(loaded, raw), raw)
        report.queries, same = counting.run(loaded, raw, only, seconds, say)
        report.equal = loaded.equal + same
