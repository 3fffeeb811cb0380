"""What goes on beside that which is measured: parts of a load, each from a client process of its own, at a pace."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.demo.year.lives import CloudEvent
from bench import shapes
from bench.client import Plan, Told, frame
from bench.results import Report, timing
from bench.running import Workers
from bench.shapes import Shape
from bench.targets import Chiso

_FEWEST: Final = 200
_SPARE: Final = 1.4
"""Events are told for so much more than is needed: those of units that are to be left alone are taken out."""


@dataclass(frozen=True)
class Part:
    """Requests that are gone through again and again, `rate` a second (0: as fast as answered), over `connections`.

    With a seed their events are of other dossiers each time, without one they are the very same. `lanes`: each
    connection has its own requests (client.Plan).
    """

    name: str
    requests: Sequence[bytes]
    connections: int
    rate: float = 0.0
    seed: int = 0
    bodies: bool = True
    lanes: bool = False


def fresh_seed(part: int = 0) -> int:
    """A seed of twelve digits that no other run or part has; its next hundred thousand are of the same part."""
    return 10**11 + time.time_ns() // 10**6 % 10**5 * 10**6 + part * 10**5


def told(count: int, seed: int, apart: Collection[str] = ()) -> list[CloudEvent]:
    """At most so many events as they happen, none of which moves a figure of the units kept `apart`."""
    found = shapes.made(Shape.live, max(_FEWEST, int(_SPARE * count)), seed)
    return shapes.apart(found, apart)[:count]


def batched(chiso: Chiso, events: Iterable[CloudEvent], size: int) -> list[bytes]:
    """The requests that push these events, so many in each."""
    encoded = shapes.encoded(events)
    return [chiso.request(encoded[start : start + size]) for start in range(0, len(encoded), size)]


def writers(chiso: Chiso, rate: int, apart: Collection[str] = (), size: int = 20) -> Part:
    """New dossiers' events, `rate` events a second, so many in a request."""
    seed = fresh_seed()
    requests = batched(chiso, told(2_000, seed, apart), size)
    return Part("writes", requests, 4, rate / size, seed)


def ready(chiso: Chiso, parts: Sequence[Part], seconds: float, work: Path) -> Workers:
    """A client process for each part, ready to begin; none begins a request after `seconds`."""
    work.mkdir(mode=0o700, exist_ok=True)
    plans = []
    for number, part in enumerate(parts):
        file = work / f"requests-{number}"
        frame(file, list(part.requests))
        plans.append(
            Plan(
                host="127.0.0.1",
                port=chiso.port,
                requests=str(file),
                connections=part.connections,
                seconds=seconds,
                every=1 / part.rate if part.rate else 0.0,
                again=True,
                seed=part.seed,
                bodies=part.bodies,
                lanes=part.lanes,
            )
        )
    return Workers("bench.client", plans, work)


def tell(report: Report, table: str, parts: Sequence[Part], found: Sequence[Told]) -> None:
    """A row for each part, and a check that none of its requests failed."""
    for part, each in zip(parts, found, strict=True):
        its = timing(each.took)
        elapsed = max(each.ended - each.began, 1e-9)
        report.row(
            table,
            part.name,
            answered=len(each.sent),
            **{"a second": len(each.sent) / elapsed, "p50 ms": its.p50, "p99 ms": its.p99, "longest ms": its.most},
            **{"503": each.refused, "failed": len(each.failed), "client cores": each.cpu / elapsed},
        )
        wrong = len(each.failed)
        report.check(f"{table}, {part.name}: requests that failed", "; ".join(each.failed[:2]) or 0, 0, not wrong)
        if part.requests:
            report.check(f"{table}, {part.name}: answered at all", len(each.sent), "> 0", bool(each.sent))
