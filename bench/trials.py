"""The command lines of the trials under load: storm, soak, rebuild, country, replicas. What each does is elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.options import SCALE, Loaded, Run, command

if TYPE_CHECKING:
    from bench.history import History
    from bench.results import Report

_RATE = Annotated[int, typer.Option(help="Events a second meanwhile.", min=1)]


@command
def storm_command(
    run: Loaded,
    scale: SCALE = 0.01,
    phases: Annotated[
        str, typer.Option(help="Streams/pollers of each phase, comma-separated.")
    ] = "0/0,20/50,200/50,200/500",
    units: Annotated[int, typer.Option(help="Units that the viewers look at.", min=2, max=164)] = 20,
    every: Annotated[float, typer.Option(help="Seconds between two polls of a client.", min=0.1)] = 5,
    rate: _RATE = 500,
    seconds: Annotated[float, typer.Option(help="Time for each phase.", min=1)] = 30,
) -> None:
    """Dashboards that poll and subscribe while events flow: delays, and what a viewer costs the service."""
    from bench import history, storm

    plan = storm.StormPlan(storm.phases(phases), units, every, rate, seconds)

    def work(loaded: History, home: Path, report: Report) -> None:
        storm.run(plan, loaded.chiso, home, report, run.say)

    size = history.Size(scale, 1, run.seed)
    run.on(f"dashboards, {size}, {rate:,} events a second", size, work)


@command
def soak_command(
    run: Loaded,
    minutes: Annotated[float, typer.Option(help="Time of the mixed load.", min=0.02)] = 10,
    rate: _RATE = 4_000,
    flood: Annotated[float, typer.Option(help="Seconds of requests of 32 MiB from 8 clients, 0 for none.")] = 30,
    growth: Annotated[float, typer.Option(help="Most MiB a minute by which memory may grow in the second half.")] = 1,
    scale: SCALE = 0.01,
) -> None:
    """Memory under sustained mixed load and under large requests."""
    from bench import history, soak

    def work(loaded: History, home: Path, report: Report) -> None:
        soak.run(soak.SoakPlan(minutes, rate, flood, growth), loaded.chiso, home, report, run.say)

    size = history.Size(scale, 1, run.seed)
    run.on(f"soak, {minutes:g} minutes of {rate:,} events a second, {size}", size, work)


@command
def rebuild_command(
    run: Loaded,
    scale: SCALE = 0.01,
    rate: _RATE = 500,
) -> None:
    """`chiso rebuild` while clients write and read: its time, the longest wait, what readers see; then verify."""
    from bench import history, replay

    def work(loaded: History, home: Path, report: Report) -> None:
        replay.run(rate, loaded.chiso, home, report, run.say)

    size = history.Size(scale, 1, run.seed)
    run.on(f"rebuild, {size}, {rate:,} events a second beside it", size, work)


@command
def country_command(
    run: Loaded,
    scale: SCALE = 0.005,
    roots: Annotated[int, typer.Option(help="Roots in all.", min=2, max=50)] = 34,
    seconds: Annotated[float, typer.Option(help="Time for each question and root.", min=0.1)] = 2,
    only: Annotated[str, typer.Option(help="Only questions whose name contains this.")] = "",
    rate: Annotated[int, typer.Option(help="Events a second the others push beside the first; 0 for none.")] = 500,
    pushed: Annotated[float, typer.Option(help="Time for each part in which roots push.", min=1)] = 30,
) -> None:
    """One root by events and others by its log and `chiso rebuild` (on Citus by events): whether they slow each other's
    answers and pushes, and who gets how much when all push at once."""
    from bench import cluster, country, history

    def work(loaded: History, home: Path, report: Report) -> None:
        plan = country.CountryPlan(roots, seconds, only, not run.dsn, rate, pushed)
        if run.dsn and cluster.is_citus(run.dsn):
            plan = replace(plan, told=lambda chiso, code: history.of_root(size, code)(chiso, run.say))
        try:
            country.run(plan, loaded.chiso, home, report, run.say)
        except country.NoRoom as problem:
            raise SystemExit(f"chiso: {problem}") from None

    size = history.Size(scale, 1, run.seed)
    run.on(f"country, {roots} roots, each {size}", size, work)


@command
def replicas_command(
    run: Run,
    replicas: Annotated[int, typer.Option(help="Services on one database.", min=2, max=16)] = 2,
    events: Annotated[int, typer.Option(help="Events of each shape.", min=100)] = 20_000,
    only: Annotated[str, typer.Option(help="Only shapes whose name contains this.")] = "",
) -> None:
    """The same dossiers' events into several services on one database at once: nothing lost, nothing twice."""
    from bench import replicas as several

    plan = several.ReplicasPlan(replicas, events, only, run.seed, run.serve.split())
    run.measured(
        f"{replicas} services on one database, {events:,} events of every shape, seed {run.seed}",
        lambda server, home, report: several.run(plan, server, home, report, run.say),
    )
