"""The plain peer as a reader beside the service: the same events in both, and the same questions in one run."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

import httpx
import uvloop

from app.demo import province
from bench import shapes
from bench.plain.peer import Plain
from bench.results import Read, Report, timing
from bench.targets import Chiso
from bench.wire import Wire, request

_WARMING: Final = 3
_FEWEST: Final = 5
_MOST: Final = 2_000
_YEAR: Final = "from=2026-01-01&until=2027-01-01"
PATHS: Final = {
    "scorecard, commune, year": f"/scorecard?unit=H44.103&{_YEAR}",
    "scorecard, department, year": f"/scorecard?unit={shapes.ONE_UNIT}&{_YEAR}",
    "scorecard, province, year": f"/scorecard?unit={province.ROOT}&{_YEAR}",
    "ranking, communes, on time": f"/ranking?unit={province.ROOT}&level=commune&{_YEAR}",
}
"""What is asked of the plain peer, by the name of the service's own question."""
_TABLE: Final = "The province's dossiers of the year, as both count them"
_APART: Final = 0.02
"""It knows no retractions, so its figures differ by what these undo; by more, it would not be the same question."""


def asked(plain: Plain, question: str, seconds: float, ours: Read) -> Read:
    """The peer's times for a question that the service has answered as `ours`, computed anew."""
    return uvloop.run(_asked(plain, question, seconds, ours))


async def _asked(plain: Plain, question: str, seconds: float, ours: Read) -> Read:
    wire = await Wire.open("127.0.0.1", plain.port)
    whole = request("GET", PATHS[question], {})
    took: list[float] = []
    status, size, number = Counter[str](), 0, 0
    while number < _WARMING + _FEWEST or (number < _MOST and sum(took) < seconds):
        began = time.perf_counter()
        answer = await wire.ask(whole)
        spent = time.perf_counter() - began
        number += 1
        if number > _WARMING:
            took.append(spent)
            status[str(answer.status)] += 1
            size = len(answer.body)
    wire.close()
    its = timing(took)
    ratio = round(its.p50 / ours.timing.p50, 1) if ours.timing and ours.timing.p50 else None
    return Read(question, plain.name, its, dict(status), size, ratio=ratio)


def figures(chiso: Chiso, plain: Plain, report: Report) -> None:
    """Note what both count, and check that they were asked about the same events."""
    address = f"http://127.0.0.1:{plain.port}{PATHS['scorecard, province, year']}"
    theirs = httpx.get(address, timeout=300, verify=False).raise_for_status().json()["counts"]  # noqa: S501  loopback
    with chiso.client() as client:
        asked = {"unit": province.ROOT, "period": "2026"}
        ours = client.get("/v1/scorecard", params=asked).raise_for_status().json()["balance"]
    for name in ("received", "received_online", "active", "ended", "ended_on_time"):
        report.row(_TABLE, name, chiso=ours[name], plain=theirs[name])
        apart = abs(ours[name] - theirs[name])
        held = apart <= max(1, _APART * ours[name])
        report.check(f"{name}: the plain peer's count is the service's within {_APART:.0%}", apart, ours[name], held)
