"""`chiso rebuild` while clients write and read: its time, the longest wait at the swap, and what readers see."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psycopg

from app.demo import province
from bench import loads
from bench.client import Told
from bench.results import Report, timing
from bench.running import Beside
from bench.targets import Chiso
from bench.watching import Asked, Watch

_BESIDE_S: Final = 2.0
"""Seconds of writing and reading before the rebuild, to compare with, and after it."""
_MOST_S: Final = 3_600.0
_FULL: Final = 4_000_000
_REBUILT_S: Final = 180
_VERIFIED_S: Final = 30
_SWAP_MS: Final = 2_000
_APART: Final = "H44.45"
_CLOSED: Final = f"/v1/scorecard?unit={_APART}&period=2026-Q1"
_OPEN: Final = f"/v1/scorecard?unit={province.ROOT}&period=2026"
_READ: Final = {_CLOSED: "scorecard, department, closed quarter", _OPEN: "scorecard, province, year"}
_SAID: Final = re.compile(r"from ([0-9,]+) events in ([0-9.]+) s")
Say = Callable[[str], None]


class Swaps(Beside):
    """When the living generation changed, as far as looking often tells."""

    def __init__(self, dsn: str) -> None:
        super().__init__(self._watch)
        self._dsn = dsn
        self.at: list[float] = []

    def _watch(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            last = None
            while not self._done.wait(0.02):
                row = connection.execute("SELECT generation FROM root WHERE code = %s", [province.ROOT]).fetchone()
                if last is not None and row != last:
                    self.at.append(time.monotonic())
                last = row


def run(rate: int, chiso: Chiso, work: Path, report: Report, say: Say) -> None:
    """Rebuild under load, then verify; `rate` events a second are written meanwhile, none at the unit kept apart."""
    before = chiso.kept()
    part = loads.writers(chiso, rate, {_APART})
    with chiso.serving():
        writing = loads.ready(chiso, [part], _MOST_S, work / "writes")
        try:
            with Watch(chiso, list(_READ)) as watch, Swaps(chiso.dsn) as swaps:
                writing.begin()
                time.sleep(_BESIDE_S)
                say("rebuild")
                began = time.monotonic()
                rebuilt, said = chiso.run("rebuild", "--root", province.ROOT)
                ended = time.monotonic()
                time.sleep(_BESIDE_S)
            told = writing.stopped()
        finally:
            writing.end()
    report.check("rebuild", said, "done", rebuilt)
    report.check("generations swapped", len(swaps.at), 1, len(swaps.at) == 1)
    _rebuilt(report, said, ended - began)
    loads.tell(report, "Writing beside the rebuild", [part], told)
    _waits(report, told, began, ended, swaps.at)
    _reads(report, watch.asked, began, ended)
    kept, accepted = chiso.kept() - before, chiso.counts(told, 0).accepted
    report.check("events in the log, of those acknowledged", f"{kept:,}", f"{accepted:,}", kept == accepted)
    say("verify")
    began = time.monotonic()
    report.verified(*chiso.verify())
    took, events = time.monotonic() - began, chiso.kept()
    report.row("Rebuild and verify", "verify", events=events, **{"events/s": events / took, "whole command, s": took})
    report.aim("verify, 4 million events at this pace", took * _FULL / events, _VERIFIED_S, "s")


def _rebuilt(report: Report, said: str, took: float) -> None:
    """The time of the rebuild as it says, and of the whole command, which also starts Python."""
    found = _SAID.search(said)
    if found:
        events, seconds = int(found[1].replace(",", "")), max(float(found[2]), 0.1)
        rate = events / seconds
        report.row(
            "Rebuild and verify",
            "rebuild",
            events=events,
            seconds=seconds,
            **{"events/s": rate, "whole command, s": took},
        )
        report.aim("rebuild, 4 million events at this pace", _FULL / rate, _REBUILT_S, "s")


def _waits(report: Report, told: Sequence[Told], began: float, ended: float, swaps: Sequence[float]) -> None:
    """The times of pushes before, while and after; at the swap are those under way in the two seconds before it."""
    pushes = [(at, took) for each in told for at, took in zip(each.at, each.took, strict=True)]
    spans = {
        "before the rebuild": [took for at, took in pushes if at < began],
        "while it runs": [took for at, took in pushes if began <= at < ended],
        "after it": [took for at, took in pushes if at >= ended],
    }
    for name, took in spans.items():
        its = timing(took)
        report.row("A push's answer", name, n=its.n, **{"p50 ms": its.p50, "p99 ms": its.p99, "longest ms": its.most})
    for swap in swaps:
        waited = [took for at, took in pushes if swap - _SWAP_MS / 1000 - took <= at <= swap]
        its = timing(waited)
        report.row("A push's answer", "at the swap", n=its.n, **{"p50 ms": its.p50, "longest ms": its.most})
        report.aim("longest push at the swap", its.most, _SWAP_MS, "ms")


def _reads(report: Report, asked: Sequence[Asked], began: float, ended: float) -> None:
    for path, name in _READ.items():
        for span, first, last in (("before", 0.0, began), ("while it runs", began, ended)):
            its = [each for each in asked if each.path == path and first <= each.at < last]
            took = timing([each.took for each in its])
            report.row(
                "Reading beside the rebuild",
                f"{name}: {span}",
                n=took.n,
                **{"p50 ms": took.p50, "p99 ms": took.p99, "longest ms": took.most},
            )
            report.check(f"{name}, {span}: answered", took.n, "> 0", took.n > 0)
    wrong = [each.status for each in asked if each.status != 200]
    report.check("reads not answered with 200", wrong[:5] or 0, 0, not wrong)
    shown = {each.etag for each in asked if each.path == _CLOSED}
    report.check("figures of the unit nothing was written to, different answers", len(shown), 1, len(shown) == 1)
