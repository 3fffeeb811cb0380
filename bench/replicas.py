"""Several services on one database at once: the events of every dossier are dealt out over them, and some sent to all.

Afterwards nothing acknowledged may be missing, nothing may be there twice, and every service answers the same.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import msgspec
import psycopg

from app.demo import province
from app.demo.year import procedures
from app.demo.year.lives import CloudEvent
from bench import running, shapes
from bench.client import Plan, Told, frame
from bench.loads import fresh_seed
from bench.results import Report, timing
from bench.running import Beside, Workers
from bench.shapes import Shape
from bench.targets import Chiso, drop_databases, make_database

_SIZES: Final = (500, 100, 20, 4, 1)
"""Sizes of the requests, in turn."""
_CONNECTIONS: Final = 4
_SENT_TO_ALL: Final = 10
"""One event in so many is sent to every service."""
_MOST_S: Final = 3_600.0
_APART: Final = "H44.103"
_TABLE: Final = "Several services on one database"
Say = Callable[[str], None]


@dataclass(frozen=True)
class ReplicasPlan:
    """How many services, and how many events of which shapes."""

    replicas: int
    events: int
    only: str
    seed: int
    serve: Sequence[str] = ()


def run(plan: ReplicasPlan, server: str, home: Path, report: Report, say: Say) -> None:
    """All shapes into services on one database, one shape after another."""
    dsn = make_database(server, "chiso")
    try:
        chiso = Chiso(dsn, home, plan.serve)
        services = [chiso, *(chiso.replica() for _ in range(plan.replicas - 1))]
        sent: set[tuple[str, str]] = set()
        with contextlib.ExitStack() as stack:
            for each in services:
                stack.enter_context(each.serving())
            for number, shape in enumerate(shape for shape in Shape if plan.only in shape.value):
                say(shape.value)
                # Within a root a subject's life is of one story: every shape has a seed of its own.
                made = shapes.apart(shapes.made(shape, plan.events, plan.seed * 1_000 + number), {_APART})
                with running.folder(home) as work:
                    if shape is Shape.duplicates:
                        _push(shape.value + ", first", made, services, work, report, sent)
                    _push(shape.value, made, services, work, report, sent)
            _same(report, services)
        rows = logged(dsn)
        kept = set(rows)
        report.check("acknowledged events that are not in the log", len(sent - kept), 0, not sent - kept)
        report.check("events in the log that nobody sent", len(kept - sent), 0, not kept - sent)
        report.check("events in the log, once each", f"{len(rows):,}", f"{len(kept):,}", len(rows) == len(kept))
        say("verify --deep")
        report.verified(*chiso.verify(deep=True))
    finally:
        drop_databases(server, [dsn])


def dealt(events: Sequence[bytes], services: int) -> list[list[bytes]]:
    """What each service is sent: event after event to the next of them, and one in ten to all."""
    return [
        [each for place, each in enumerate(events) if place % services == turn or place % _SENT_TO_ALL == 0]
        for turn in range(services)
    ]


def cut(events: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The events in requests of several sizes."""
    left = iter(events)
    for size in itertools.cycle(_SIZES):
        batch = list(itertools.islice(left, size))
        if not batch:
            return
        yield batch


def logged(dsn: str) -> list[tuple[str, str]]:
    """Source and id of every event in the log, but for the probes'."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT source.name, event.id FROM event JOIN source ON source.id = source_id WHERE source.name <> %s",
            [_PROBE],
        ).fetchall()
    return [(str(source), str(event)) for source, event in rows]


def _push(
    name: str,
    made: Sequence[CloudEvent],
    services: Sequence[Chiso],
    work: Path,
    report: Report,
    sent: set[tuple[str, str]],
) -> None:
    """Send the events to all services at once; what was acknowledged is added to `sent`."""
    before = services[0].kept()
    batches = [list(cut(each)) for each in dealt(shapes.encoded(made), len(services))]
    plans = []
    for number, (service, each) in enumerate(zip(services, batches, strict=True)):
        frame(work / f"requests-{number}", [service.request(batch) for batch in each])
        plans.append(Plan("127.0.0.1", service.port, str(work / f"requests-{number}"), _CONNECTIONS, _MOST_S))
    workers = Workers("bench.client", plans, work)
    with Probes(services) as probes:
        workers.begin()
        told = workers.results()
    taken = services[0].counts(told, 0)
    keys = {shapes.key(each) for each in made}
    acknowledged = {
        shapes.key(msgspec.json.decode(event))
        for each, its in zip(told, batches, strict=True)
        for number in each.sent
        for event in its[number]
    }
    failed = [problem for each in told for problem in each.failed]
    new, kept = len(acknowledged - sent), services[0].kept() - before - probes.asked
    _tell(report, name, told, taken.accepted, taken.duplicates)
    report.check(f"{name}: answers that were no success and no 503", "; ".join(failed[:2]) or 0, 0, not failed)
    report.check(f"{name}: rejected", "; ".join(taken.errors[:2]) or 0, 0, not taken.rejected)
    report.check(f"{name}: sent and acknowledged", f"{len(acknowledged):,}", f"{len(keys):,}", acknowledged == keys)
    report.check(f"{name}: accepted, of those that are new", f"{taken.accepted:,}", f"{new:,}", taken.accepted == new)
    report.check(f"{name}: new in the log", f"{kept:,}", f"{new:,}", kept == new)
    wrong = "; ".join(probes.wrong[:2])
    report.check(f"{name}: pushes to one that another was asked for", probes.asked, "> 0", probes.asked > 0)
    report.check(f"{name}: pushes to one that the next read of another missed", wrong or 0, 0, not wrong)
    sent |= acknowledged


def _tell(report: Report, name: str, told: Sequence[Told], accepted: int, duplicates: int) -> None:
    elapsed = max(each.ended for each in told) - min(each.began for each in told)
    took = timing([each for client in told for each in client.took])
    report.row(
        _TABLE,
        name,
        accepted=accepted,
        duplicates=duplicates,
        **{"events/s": (accepted + duplicates) / elapsed, "p50 ms": took.p50, "p99 ms": took.p99},
        **{"503": sum(each.refused for each in told)},
    )


def _same(report: Report, services: Sequence[Chiso]) -> None:
    """The same figures from every service."""
    for path in (f"/v1/scorecard?unit={province.ROOT}&period=2026-Q1", f"/v1/scorecard?unit={_APART}&period=2026-Q1"):
        tags = set()
        for each in services:
            with each.client() as client:
                tags.add(client.get(path).raise_for_status().headers["etag"])
        report.check(f"{path}: different answers", len(tags), 1, len(tags) == 1)


_PROBE: Final = "/bench/replicas"
_ROUNDS: Final = itertools.count()


class Probes(Beside):
    """While the block runs: a dossier pushed to one service, and the very next read of another one must count it."""

    def __init__(self, services: Sequence[Chiso]) -> None:
        super().__init__(self._probe)
        self._services = services
        self._name = f"{fresh_seed()}.{next(_ROUNDS)}"
        self.asked = 0
        self.wrong: list[str] = []

    def _probe(self) -> None:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(each.client()) for each in self._services]
            try:
                self._ask(clients)
            except (httpx.HTTPError, KeyError) as error:
                self.wrong.append(f"the probe ended: {error!r}")

    def _ask(self, clients: Sequence[httpx.Client]) -> None:
        path = f"/v1/scorecard?unit={_APART}&period=2026"
        known = _received(clients[0], path)
        for turn in itertools.count():
            pushed = self._pushed(clients[turn % len(clients)], turn)
            self.asked += pushed
            known += pushed
            if pushed:
                shown = _received(clients[(turn + 1) % len(clients)], path)
                if shown != known:
                    self.wrong.append(f"{shown} received, not {known}")
            if self._done.wait(0.02):
                return

    def _pushed(self, client: httpx.Client, turn: int) -> bool:
        subject = f"{_APART}-260105-p{self._name}.{turn}"
        event = {
            "specversion": "1.0",
            "id": subject,
            "source": _PROBE,
            "type": "dossier.received",
            "subject": subject,
            "time": "2026-01-05T09:00:00+07:00",
            "unit": _APART,
            "data": {"procedure": procedures.procedures()[0]["code"], "channel": "counter"},
        }
        content_type = {"Content-Type": "application/cloudevents+json"}
        answer = client.post("/v1/events", content=msgspec.json.encode(event), headers=content_type)
        if answer.status_code not in (200, 503):
            self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
        return answer.status_code == 200


def _received(client: httpx.Client, path: str) -> int:
    return int(client.get(path).raise_for_status().json()["balance"]["received"])
