"""Dashboards while events flow: hundreds that poll with ETags and hundreds that subscribe, in phases at one event rate.

Every phase looks at the same units, so that what the service computes is the same: what the viewers add is theirs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from app.demo import province
from app.demo.year import procedures
from bench import loads, machine
from bench.client import frame
from bench.loads import fresh_seed
from bench.results import Report, timing
from bench.running import Workers
from bench.targets import Chiso
from bench.viewers import Plan, Watched

_MARKED: Final = 4
_CHANGE_EVERY_S: Final = 0.5
_POLL_MS: Final = 100
_SHOWN_MS: Final = 1_000
_TABLE: Final = "Dashboards while events flow"
_AGO: Final = "2026-01-05T09:00:00+07:00"
Say = Callable[[str], None]


class Phase(NamedTuple):
    """How many subscribe and how many poll."""

    streams: int
    polls: int

    def __str__(self) -> str:
        return f"{self.streams} streams, {self.polls} pollers"


@dataclass(frozen=True)
class StormPlan:
    """What is measured: phases of so many seconds, over so many units."""

    phases: Sequence[Phase]
    units: int
    every: float
    rate: int
    seconds: float


def phases(text: str) -> list[Phase]:
    """Phases as they are typed: `20/50,200/500`."""
    return [Phase(*map(int, each.split("/", 1))) for each in text.split(",")]


def paths(units: int) -> tuple[list[str], list[str]]:
    """The scorecards looked at: of the province and as many units as are wanted with it; and those that are marked."""
    below = [unit for unit, level in province.levels().items() if level == "commune"]
    chosen = [province.ROOT, *(unit for unit in province.levels() if unit not in (*below, province.ROOT)), *below]
    marked = [_path(unit) for unit in below[: min(_MARKED, units - 1)]]
    rest = [_path(unit) for unit in chosen if _path(unit) not in marked]
    return [*marked, *rest][:units], marked


def _path(unit: str) -> str:
    return f"/v1/scorecard?unit={unit}&period=2026"


def _unit(path: str) -> str:
    return path.partition("unit=")[2].partition("&")[0]


def run(plan: StormPlan, chiso: Chiso, work: Path, report: Report, say: Say) -> None:
    """All phases on one served database, and what must hold after them."""
    before, accepted = chiso.kept(), 0
    looked, marked = paths(plan.units)
    with chiso.serving():
        for number, phase in enumerate(plan.phases):
            say(str(phase))
            part = loads.writers(chiso, plan.rate, {_unit(each) for each in marked})
            folder = work / f"phase-{number}"
            folder.mkdir(mode=0o700)
            changes = _changes(chiso, marked, int(plan.seconds / _CHANGE_EVERY_S) + 1)
            frame(folder / "changes", changes)
            viewers = Plan(
                host="127.0.0.1",
                port=chiso.port,
                headers=chiso.headers(),
                streams=list(itertools.islice(itertools.cycle(looked), phase.streams)),
                polls=list(itertools.islice(itertools.cycle(looked), phase.polls)),
                marked=marked,
                changes=str(folder / "changes"),
                seconds=plan.seconds,
                poll_every=plan.every,
                change_every=_CHANGE_EVERY_S,
            )
            watching = Workers("bench.viewers", [viewers], folder)
            try:
                writing = loads.ready(chiso, [part], plan.seconds, folder / "writes")
                used = _Used(chiso)
                writing.begin()
                watching.begin()
                told = writing.results()
                [watched] = watching.results_as(Watched)
            finally:
                watching.end()
            accepted += chiso.counts(told, 0).accepted + len(watched.pushed)
            loads.tell(report, "Events meanwhile, in requests of 20", [replace(part, name=str(phase))], told)
            _tell(report, phase, watched, *used.since())
    kept = chiso.kept() - before
    report.check("events in the log, of those acknowledged", f"{kept:,}", f"{accepted:,}", kept == accepted)
    say("verify")
    report.verified(*chiso.verify())


class _Used:
    """Processor time of the service and of its database's processes since it was made."""

    def __init__(self, chiso: Chiso) -> None:
        self._chiso, self._service, self._backends = chiso, chiso.cpu(), machine.backends_cpu(chiso.dsn)

    def since(self) -> tuple[float, float | None]:
        """Seconds of both; None for a database that runs elsewhere."""
        now = machine.backends_cpu(self._chiso.dsn)
        database = sum(used - self._backends.get(pid, 0.0) for pid, used in now.items()) if now else None
        return self._chiso.cpu() - self._service, database


def _tell(report: Report, phase: Phase, watched: Watched, service: float, database: float | None) -> None:
    elapsed = watched.ended - watched.began
    polls, shown = timing(watched.polls), timing(watched.delays)
    opened = watched.streams.get("200", 0)
    report.row(
        _TABLE,
        str(phase),
        **{
            "polls": polls.n,
            "poll p50 ms": polls.p50 if polls.n else None,
            "poll p99 ms": polls.p99 if polls.n else None,
            "304 of repeated": f"{watched.status.get('304', 0) / watched.repeated:.0%}" if watched.repeated else None,
            "asked again": watched.closed,
            "changes pushed": len(watched.pushed),
            "events on streams": watched.events,
            "shown p50 ms": shown.p50 if shown.n else None,
            "shown p99 ms": shown.p99 if shown.n else None,
            "longest ms": shown.most if shown.n else None,
            "service cores": service / elapsed,
            "database cores": None if database is None else database / elapsed,
            "viewers' cores": watched.cpu / elapsed,
        },
    )
    others = {status: count for status, count in watched.status.items() if status not in ("200", "304")}
    report.check(f"{phase}: polls not answered with 200 or 304", others or 0, 0, not others)
    report.check(f"{phase}: failures of viewers", "; ".join(watched.failed[:2]) or 0, 0, not watched.failed)
    if polls.n:
        report.aim(f"{phase}: poll, p99", polls.p99, _POLL_MS, "ms")
    if watched.streams.get("404"):
        report.missing.append(f"{phase}: stream not served (404)")
    elif phase.streams:
        report.check(f"{phase}: streams opened", watched.streams, phase.streams, opened == phase.streams)
        report.check(f"{phase}: streams that ended early", watched.ended_early, 0, not watched.ended_early)
        report.check(f"{phase}: changes a stream never showed", watched.unseen, 0, not watched.unseen)
        report.check(f"{phase}: changes shown", shown.n, "> 0", shown.n > 0)
        report.aim(f"{phase}: change on a stream, p99", shown.p99, _SHOWN_MS, "ms")


def _changes(chiso: Chiso, marked: Sequence[str], count: int) -> list[bytes]:
    """Pushes of one new dossier each, to the marked units in turn."""
    run, procedure = fresh_seed(), procedures.procedures()[0]["code"]
    made = []
    for number in range(count):
        unit = _unit(marked[number % len(marked)])
        subject = f"{unit}-260105-s{run}.{number}"
        event = {
            "specversion": "1.0",
            "id": subject,
            "source": "/bench/storm",
            "type": "dossier.received",
            "subject": subject,
            "time": _AGO,
            "unit": unit,
            "data": {"procedure": procedure, "channel": "counter"},
        }
        made.append(chiso.request([msgspec.json.encode(event)]))
    return made
