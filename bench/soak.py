"""Memory under sustained mixed load, and under more large requests than may be worked on at once."""

from __future__ import annotations

import gzip
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import msgspec

from app.demo.year.lives import CloudEvent
from bench import loads, read, shapes
from bench.client import Told
from bench.loads import Part
from bench.memory import Sample, Samples, half, slope
from bench.results import Report
from bench.targets import Chiso
from bench.wire import request

MIB: Final = 2**20
IDLE: Final = 200 * MIB
PEAK: Final = 450 * MIB
IN_FLIGHT: Final = 64 * MIB
_BODY: Final = 32 * MIB
_LARGE_EVENTS: Final = 10_000
_BATCH_TYPE: Final = "application/cloudevents-batch+json"
_CALM_S: Final = 3.0
_EVERY_S: Final = 2.0
_EVERY_LARGE_S: Final = 0.2
Say = Callable[[str], None]


@dataclass(frozen=True)
class SoakPlan:
    """How long, how many events a second, and by how many MiB a minute memory may grow in the second half."""

    minutes: float
    rate: int
    flood: float
    growth: float


def run(plan: SoakPlan, chiso: Chiso, work: Path, report: Report, say: Say) -> None:
    """Idle, loaded, flooded; then everything acknowledged must be there and right."""
    before = chiso.kept()
    with chiso.serving():
        time.sleep(_CALM_S)
        report.idle_rss = chiso.rss()
        report.check("memory when idle, MiB", _mib(report.idle_rss), f"< {_mib(IDLE)}", report.idle_rss < IDLE)
        accepted = _steady(plan, chiso, work, report, say)
        if plan.flood:
            accepted += _flooded(plan.flood, chiso, work, report, say)
    kept = chiso.kept() - before
    report.check("events in the log, of those acknowledged", f"{kept:,}", f"{accepted:,}", kept == accepted)
    say("verify")
    report.verified(*chiso.verify())


def _steady(plan: SoakPlan, chiso: Chiso, work: Path, report: Report, say: Say) -> int:
    say(f"mixed load for {plan.minutes:g} minutes, about {plan.rate:,} events a second")
    parts = mixed(chiso, plan.rate)
    workers = loads.ready(chiso, parts, 60 * plan.minutes, work / "steady")
    with Samples(chiso.rss, min(_EVERY_S, 60 * plan.minutes / 20)) as samples:
        workers.begin()
        found = workers.results()
    # A peak between two samples is a peak too.
    peak = max(samples.most, chiso.most_rss())
    loads.tell(report, "Mixed load", parts, found)
    first, second = half(samples.taken, second=False), half(samples.taken, second=True)
    grown = slope(second) / MIB
    report.row(
        "Memory of the service, MiB",
        "mixed load",
        **{
            "first half, median": _median(first),
            "second half, median": _median(second),
            "peak": _mib(peak),
            "slope, second half, a minute": round(grown, 2),
            "samples": len(samples.taken),
        },
    )
    report.check("growth in the second half, MiB a minute", f"{grown:.2f}", f"≤ {plan.growth:g}", grown <= plan.growth)
    report.check("peak under mixed load, MiB", _mib(peak), f"< {_mib(PEAK)}", peak < PEAK)
    return chiso.counts(found, 0).accepted


def mixed(chiso: Chiso, rate: int) -> list[Part]:
    """Bulk, singles, the same again, what is rejected, and questions: about `rate` events a second in all."""
    seed, single = loads.fresh_seed(0), loads.fresh_seed(1)
    bulk = loads.batched(chiso, loads.told(10_000, seed), 1_000)
    refused = [
        event | {"data": {"name": "no such field"}, "id": f"{event['id']}!"} for event in loads.told(1_000, seed)
    ]
    questions = [request("GET", each.path, chiso.headers()) for each in read.questions()]
    return [
        Part("bulk of 1,000", bulk, 2, 0.6 * rate / 1_000, seed),
        Part("singles", loads.batched(chiso, loads.told(2_000, single), 1), 8, 0.1 * rate, single),
        Part("duplicates, by 1,000", bulk[:2], 1, 0.2 * rate / 1_000),
        Part("rejected, by 100", loads.batched(chiso, refused, 100), 1, 0.1 * rate / 100),
        Part("questions", questions, 2, 10.0, bodies=False),
    ]


def _flooded(seconds: float, chiso: Chiso, work: Path, report: Report, say: Say) -> int:
    say(f"8 clients with requests of 32 MiB for {seconds:g} s")
    parts = large(chiso)
    workers = loads.ready(chiso, parts, seconds, work / "flood")
    with (
        chiso.client() as client,
        Samples(chiso.rss, _EVERY_LARGE_S) as samples,
        Samples(lambda: in_flight(client), _EVERY_LARGE_S) as held,
    ):
        workers.begin()
        found = workers.results()
    peak = max(samples.most, chiso.most_rss())
    loads.tell(report, "Requests of 32 MiB", parts, found)
    time.sleep(_CALM_S)
    report.row(
        "Memory of the service, MiB",
        "8 clients with requests of 32 MiB",
        **{"peak": _mib(peak), "afterwards": _mib(chiso.rss()), "samples": len(samples.taken)},
    )
    report.check("peak under large requests, MiB", _mib(peak), f"< {_mib(PEAK)}", peak < PEAK)
    report.check(
        "largest sum of bodies in flight, bytes", f"{held.most:,}", f"≤ {IN_FLIGHT:,}", 0 < held.most <= IN_FLIGHT
    )
    _refused(found, report)
    return chiso.counts(found, 0).accepted


def _refused(found: Sequence[Told], report: Report) -> None:
    refused, unnamed = sum(each.refused for each in found), sum(each.unnamed for each in found)
    report.check("large requests refused with 503", refused, "> 0", refused > 0)
    report.check("503 without Retry-After", unnamed, 0, not unnamed)


def large(chiso: Chiso) -> list[Part]:
    """Eight clients: 10,000 sound events as they are and compressed, and 10,000 that are all rejected."""
    plain, packed = loads.fresh_seed(0), loads.fresh_seed(1)
    fresh = loads.told(2 * _LARGE_EVENTS, plain)
    sound = [body(fresh[:_LARGE_EVENTS], _BODY), body(fresh[_LARGE_EVENTS:], _BODY)]
    zipped = [gzip.compress(body(loads.told(_LARGE_EVENTS, packed + number), _BODY), 1, mtime=0) for number in range(3)]
    refused = body([each | {"data": {"name": "no"}} for each in fresh[:_LARGE_EVENTS]], _BODY)
    plainly, zippedly = chiso.headers(_BATCH_TYPE), chiso.headers(_BATCH_TYPE) | {"Content-Encoding": "gzip"}
    return [
        Part("sound, identity", [request("POST", "/v1/events", plainly, each) for each in sound], 3, seed=plain),
        Part("sound, gzip", [request("POST", "/v1/events", zippedly, each) for each in zipped], 3),
        Part("rejected, identity", [request("POST", "/v1/events", plainly, refused)], 2),
    ]


def body(events: Sequence[CloudEvent], size: int) -> bytes:
    """An array of the events in just under `size` bytes: an extension attribute that nobody reads fills each up."""
    whole = len(msgspec.json.encode([event | {"filling": ""} for event in events]))
    filling = "x" * max(0, (size - whole) // len(events))
    return b"[" + b",".join(shapes.encoded(event | {"filling": filling} for event in events)) + b"]"


_HELD: Final = re.compile(r"^chiso_body_bytes_in_flight ([0-9.e+]+)$", re.MULTILINE)


def in_flight(client: httpx.Client) -> int:
    """Bytes of bodies the service says it works on now; 0 where it does not answer."""
    try:
        text = client.get("/metrics").text
    except httpx.TransportError:
        return 0
    return sum(int(float(each)) for each in _HELD.findall(text))


def _median(samples: Sequence[Sample]) -> int:
    return _mib(int(statistics.median(value for _, value in samples))) if samples else 0


def _mib(size: int) -> int:
    return round(size / MIB)
