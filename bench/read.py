"""The read side: questions at the HTTP answer, computed, kept, unchanged and beside a stream of writes."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from app.demo import province
from app.demo.year import procedures
from app.domain.calendar.civil import CIVIL
from bench import beside, shapes
from bench.client import Plan, frame
from bench.plain.peer import Plain
from bench.results import Read, timing
from bench.running import Workers
from bench.shapes import Shape
from bench.targets import Chiso, count
from bench.wire import Wire, request

_WARMING: Final = 5
_MOST: Final = 2_000
_PATIENCE: Final = 4
_BESIDE: Final = 100
_runs = itertools.count()


@dataclass(frozen=True)
class Question:
    """A question by its name and address; `units` are those in its scope."""

    name: str
    path: str
    units: tuple[str, ...]


def _children(level: str) -> tuple[str, ...]:
    return tuple(unit for unit, its in province.levels().items() if its == level)


def questions() -> list[Question]:
    """Those with an aim, and one more of each kind."""
    everything = _children("commune") + _children("department")
    commune, department, root = "H44.103", shapes.ONE_UNIT, province.ROOT
    on_time = "indicator=DOSSIER_ON_TIME"
    return [
        Question("scorecard, commune, year", f"/v1/scorecard?unit={commune}&period=2026", (commune,)),
        Question("scorecard, department, year", f"/v1/scorecard?unit={department}&period=2026", (department,)),
        Question("scorecard, province, year", f"/v1/scorecard?unit={root}&period=2026", everything),
        Question("ranking, communes, total", f"/v1/ranking?unit={root}&level=commune&period=2026", everything),
        Question(
            "ranking, communes, on time", f"/v1/ranking?unit={root}&level=commune&{on_time}&period=2026", everything
        ),
        Question(
            "series by day, province, quarter",
            f"/v1/series?unit={root}&{on_time}&bucket=day&period=2026-Q2",
            everything,
        ),
        Question(
            "breakdown by procedure, province, year",
            f"/v1/breakdown?unit={root}&{on_time}&by=procedure&period=2026",
            everything,
        ),
        Question(
            "breakdown by procedure, commune, year",
            f"/v1/breakdown?unit={commune}&{on_time}&by=procedure&period=2026",
            (commune,),
        ),
    ]


class Asker:
    """Asks one question after another over one connection."""

    def __init__(self, chiso: Chiso, seconds: float) -> None:
        self._chiso, self._seconds = chiso, seconds
        self._run, self._numbers = f"{time.time_ns():x}{next(_runs)}", itertools.count()
        self._procedure = procedures.procedures()[0]["code"]
        self._pushed: list[list[tuple[str, str]]] = []

    def ask(self, question: Question, way: str) -> Read:
        """Time a question: `changed` (an event in each unit of its scope just before), `kept`, `304`, `busy`."""
        return uvloop.run(self._ask(question, way))

    async def _ask(self, question: Question, way: str) -> Read:
        wire = await Wire.open("127.0.0.1", self._chiso.port)
        headers = self._chiso.headers()
        first = await wire.ask(request("GET", question.path, headers))
        if first.status != 200:
            wire.close()
            told = f"{first.status} {_title(first.body)}"
            return Read(question.name, way, status={str(first.status): 1}, missing=told)
        if way == "304":
            headers["If-None-Match"] = first.header("etag") or "none"
        whole = request("GET", question.path, headers)
        took: list[float] = []
        status, size = Counter[str](), len(first.body)
        asked, ends = 0, time.monotonic() + _PATIENCE * self._seconds
        # Time spent on changing things is not the question's, up to a point.
        while asked < 2 * _WARMING or (asked < _MOST and sum(took) < self._seconds and time.monotonic() < ends):
            if way == "changed":
                await wire.ask(self._change(question.units))
            began = time.perf_counter()
            answer = await wire.ask(whole)
            spent = time.perf_counter() - began
            asked += 1
            if asked > _WARMING:
                took.append(spent)
                status[str(answer.status)] += 1
        for pushed in self._pushed:
            await wire.ask(self._void(pushed))
        self._pushed.clear()
        wire.close()
        return Read(question.name, way, timing(took), dict(status), size)

    def _change(self, units: Sequence[str]) -> bytes:
        """A push of one new dossier for each of the units, received a minute ago like most of what a day brings."""
        at = (datetime.now(CIVIL) - timedelta(minutes=1)).isoformat(timespec="seconds")
        subjects = [(unit, f"{unit}-r{self._run}.{next(self._numbers)}") for unit in units]
        self._pushed.append(subjects)
        data: dict[str, object] = {"procedure": self._procedure, "channel": "counter"}
        return self._push("dossier.received", at, subjects, data)

    def _void(self, subjects: Sequence[tuple[str, str]]) -> bytes:
        """Takes them out of every figure again: a kept database answers the next run as before."""
        at = datetime.now(CIVIL).isoformat(timespec="seconds")
        return self._push("dossier.voided", at, subjects, {})

    def _push(self, kind: str, at: str, subjects: Sequence[tuple[str, str]], data: dict[str, object]) -> bytes:
        events = [
            {
                "specversion": "1.0",
                "id": f"{subject}/{kind}",
                "source": "/bench/read",
                "type": kind,
                "subject": subject,
                "time": at,
                "unit": unit,
                "data": data,
            }
            for unit, subject in subjects
        ]
        return self._chiso.request([msgspec.json.encode(event) for event in events])


def _title(body: bytes) -> str:
    with contextlib.suppress(msgspec.DecodeError, AttributeError):
        return str(msgspec.json.decode(body).get("detail", ""))[:80]
    return ""


@contextlib.contextmanager
def writing(chiso: Chiso, rate: int, seconds: float, work: Path) -> Iterator[Callable[[], float]]:
    """A stream of so many events a second while the block runs; the result tells how many a second came through."""
    seed = 1 + time.time_ns() % 10**6
    events = shapes.encoded(shapes.made(Shape.live, int(rate * _PATIENCE * (seconds + 2)), seed))
    requests = [chiso.request(events[start : start + _BESIDE]) for start in range(0, len(events), _BESIDE)]
    frame(work / "beside", requests)
    plan = Plan("127.0.0.1", chiso.port, str(work / "beside"), 4, _PATIENCE * (seconds + 2), every=_BESIDE / rate)
    workers = Workers("bench.client", [plan], work)
    try:
        before, began = count(chiso.dsn, "SELECT count(*) FROM event"), time.monotonic()
        workers.begin()

        def came() -> float:
            now = count(chiso.dsn, "SELECT count(*) FROM event")
            return (now - before) / (time.monotonic() - began)

        yield came
    finally:
        workers.end()


def run(
    chiso: Chiso,
    plain: Plain | None,
    chosen: Sequence[Question],
    rate: int,
    seconds: float,
    work: Path,
    say: Callable[[str], None],
) -> list[Read]:
    """Every question in every way, `rate` events a second beside the last, none for 0; the plain peer's own too."""
    reads = []
    for question in chosen:
        say(question.name)
        asker = Asker(chiso, seconds)
        found = asker.ask(question, "changed")
        reads.append(found)
        if found.timing is None:
            continue
        if plain is not None and question.name in beside.PATHS:
            reads.append(beside.asked(plain, question.name, seconds, found))
        reads += [asker.ask(question, way) for way in ("kept", "304")]
        if rate:
            with writing(chiso, rate, seconds, work) as came:
                busy = asker.ask(question, "busy")
                busy.events_per_s = round(came(), 1)
            reads.append(busy)
    return reads
