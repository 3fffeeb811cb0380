"""The write side: the same events into the service and its peers, in turn, in one run."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from app.store.embedded import server as embedded
from bench import machine, running, shapes
from bench.client import Told
from bench.memory import Samples
from bench.peers import PEERS
from bench.results import Report, ShapeCheck, Size, Storage, Write, timing
from bench.shapes import Shape
from bench.targets import Chiso, Copy, Missing, Target, drop_databases, make_database

_SETTLING_S: Final = 12.0
_SAMPLED_S: Final = 0.2


@dataclass(frozen=True)
class Case:
    """A way of sending: events a request, connections, and how many events there are for a round."""

    name: str
    per_request: int
    connections: int
    events: int


@dataclass(frozen=True)
class WritePlan:
    """What is measured."""

    shapes: Sequence[Shape]
    cases: Sequence[Case]
    peers: Sequence[str]
    rounds: int
    seconds: float
    seed: int
    serve: Sequence[str] = ()
    """Further arguments of `chiso serve`."""


def cases(events: int, clients: Sequence[int]) -> list[Case]:
    """Bulk with each number of clients, hundreds from 8, singles from 64."""
    bulk = [
        Case(f"{size:,} × {each}", size, each, max(events, size * each)) for size in (10_000, 1_000) for each in clients
    ]
    return [*bulk, Case("100 × 8", 100, 8, events // 2), Case("1 × 64", 1, 64, events // 4)]


@dataclass
class _Gathered:
    """A target's rounds of a case."""

    rates: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    acknowledged: int = 0
    kept: int = 0
    duplicates: int = 0
    rss: int = 0
    cpu: list[float] = field(default_factory=list)
    refused: int = 0
    failed: list[str] = field(default_factory=list)


Say = Callable[[str], None]


@contextlib.contextmanager
def server(dsn: str, folder: Path) -> Iterator[str]:
    """A PostgreSQL to make databases in: the one named, else the embedded one in the run's folder."""
    if dsn:
        yield dsn
    else:
        with embedded.start(folder / "postgres") as own:
            yield own.dsn


def run(plan: WritePlan, dsn: str, folder: Path, report: Report, say: Say) -> None:
    """Measure every shape on databases of its own; what is found goes into the report."""
    for shape in plan.shapes:
        with contextlib.ExitStack() as stack:
            home = stack.enter_context(running.folder(folder))
            _Shape(plan, shape, dsn, home, report, say).run()


class _Shape:
    """One shape: fresh databases and peers, all cases, and the checks at the end."""

    def __init__(self, plan: WritePlan, shape: Shape, dsn: str, home: Path, report: Report, say: Say) -> None:
        self._plan, self._shape, self._dsn, self._home, self._report, self._say = plan, shape, dsn, home, report, say
        self._work = home / "work"
        self._work.mkdir(mode=0o700)
        self._sent: set[tuple[str, str]] = set()
        self._check = ShapeCheck(shape.value, shapes.MEANING[shape], 0, 0, 0, 0, False, "", 0.0, [])

    def run(self) -> None:
        made = [make_database(self._dsn, "chiso"), make_database(self._dsn, "copy")]
        try:
            self._chiso = Chiso(made[0], self._home, self._plan.serve)
            before = machine.sizes(self._chiso.dsn)
            targets: list[Target] = [self._chiso]
            if "copy" in self._plan.peers:
                targets.append(Copy(made[1]))
            with contextlib.ExitStack() as stack:
                for peer in self._peers():
                    stack.callback(peer.remove)
                    targets.append(peer)
                for number, case in enumerate(self._plan.cases):
                    self._case(case, targets, number)
                self._finish(before)
                self._sizes(targets)
        finally:
            drop_databases(self._dsn, made)

    def _peers(self) -> Iterator[Target]:
        for name, make in PEERS.items():
            if name in self._plan.peers:
                try:
                    yield make(self._home, self._dsn)
                except Missing as missing:
                    if str(missing) not in self._report.missing:
                        self._report.missing.append(str(missing))

    def _case(self, case: Case, targets: Sequence[Target], number: int) -> None:
        targets = [target for target in targets if case.per_request <= target.largest]
        gathered = {target.name: _Gathered() for target in targets}
        for turn in range(self._plan.rounds):
            seed = self._plan.seed * 100_000 + 1000 * number + turn
            events = shapes.encoded(shapes.made(self._shape, case.events, seed))
            # In turn, and the other way round in every second round: what is slow to settle must not favour anybody.
            for target in targets if turn % 2 == 0 else reversed(targets):
                self._say(f"{self._shape.value}, {case.name}, round {turn + 1}: {target.name}")
                self._turn(target, case, events, gathered[target.name])
        ours = statistics.median(gathered["chiso"].rates)
        for name, each in gathered.items():
            rate = statistics.median(each.rates)
            self._report.writes.append(
                Write(
                    shape=self._shape.value,
                    case=case.name,
                    target=name,
                    rate=round(rate, 1),
                    rates=[round(rate, 1) for rate in each.rates],
                    timing=timing(each.took),
                    acknowledged=each.acknowledged,
                    kept=each.kept,
                    rss_peak=each.rss,
                    client_cpu=round(statistics.mean(each.cpu), 2),
                    refused=each.refused,
                    failed=each.failed[:5],
                    ratio=round(ours / rate, 3) if rate else None,
                )
            )

    def _turn(self, target: Target, case: Case, events: Sequence[bytes], gathered: _Gathered) -> None:
        with target.serving():
            if target is self._chiso:
                self._report.idle_rss = self._report.idle_rss or target.rss()
            if self._shape is Shape.duplicates and target.knows_again:
                self._measured(target, Case("", 1000, 4, 0), events, _Gathered(), 3600)
            kept, duplicates = target.kept(), gathered.duplicates
            asked = self._measured(target, case, events, gathered, self._plan.seconds)
            gathered.kept += self._settled(target, kept, asked) - kept + gathered.duplicates - duplicates

    def _measured(
        self, target: Target, case: Case, events: Sequence[bytes], gathered: _Gathered, seconds: float
    ) -> int:
        """One run of clients; how many events were acknowledged."""
        workers = target.workers(events, case.per_request, case.connections, seconds, self._work)
        with Samples(target.rss, _SAMPLED_S) as memory:
            workers.begin()
            told = workers.results()
        acknowledged = self._acknowledged(told, case, events)
        counts = target.counts(told, len(acknowledged))
        elapsed = max(each.ended for each in told) - min(each.began for each in told)
        gathered.rates.append(len(acknowledged) / elapsed)
        gathered.took += [each for client in told for each in client.took]
        gathered.acknowledged += len(acknowledged)
        gathered.duplicates += counts.duplicates
        gathered.rss = max(gathered.rss, memory.most)
        gathered.cpu.append(sum(each.cpu for each in told) / elapsed)
        gathered.refused += sum(each.refused for each in told)
        gathered.failed += [each for client in told for each in client.failed]
        if target is self._chiso:
            self._sent.update(map(_key, acknowledged))
            self._check.duplicates += counts.duplicates
            self._check.rejected += counts.rejected
            self._check.expected += counts.accepted
            self._check.errors += counts.errors
        return len(acknowledged)

    @staticmethod
    def _acknowledged(told: Sequence[Told], case: Case, events: Sequence[bytes]) -> list[bytes]:
        """The events whose request was answered well; request n of client c is the one at n × clients + c."""
        found: list[bytes] = []
        for client, each in enumerate(told):
            for number in each.sent:
                start = (number * len(told) + client) * case.per_request
                found += events[start : start + case.per_request]
        return found

    def _settled(self, target: Target, before: int, asked: int) -> int:
        """What the target has in the end: one that writes later is given some time."""
        now, ends = target.kept(), time.monotonic() + _SETTLING_S
        while not target.durable and now < before + asked and time.monotonic() < ends:
            time.sleep(0.5)
            now = target.kept()
        return now

    def _finish(self, before: dict[str, Storage]) -> None:
        """What the service has must be what it acknowledged, once each, and its figures those of a recount."""
        check = self._check
        check.events = self._chiso.kept()
        if check.expected != len(self._sent):
            check.errors.append(f"{check.expected} accepted, but {len(self._sent)} different events acknowledged")
            check.expected = len(self._sent)
        self._say(f"{self._shape.value}: verify")
        check.verified, check.verify = self._chiso.verify()
        check.storage = machine.grown(before, machine.sizes(self._chiso.dsn))
        whole = sum(each.heap + each.index for each in check.storage)
        check.bytes_per_event = round(whole / check.events, 1) if check.events else 0.0
        self._report.checks.append(check)

    def _sizes(self, targets: Sequence[Target]) -> None:
        """What the tables of the others take that keep events in the same server and tell how."""
        for target in targets:
            if target is not self._chiso and (storage := target.storage()):
                self._report.sizes.append(Size(self._shape.value, target.name, target.kept(), storage))


def _key(encoded: bytes) -> tuple[str, str]:
    return shapes.key(msgspec.json.decode(encoded))
