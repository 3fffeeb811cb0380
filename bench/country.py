"""Many roots in one database: one loaded by events, others from its log, and whether they slow each other's answers."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
import uvloop
from msgspec import structs

from app.demo import province
from app.store.connections.database import Database
from app.store.feeds.follow import Follower
from bench import crowd, read
from bench.copying import copy_root
from bench.read import Asker, Question
from bench.results import Read, Report
from bench.targets import Chiso, count

_WAYS: Final = ("changed", "kept")
_NUMBERS: Final = 45
"""The first number of the other roots' codes: as long as the first root's, and none of them is it."""
_SPARE: Final = 2
"""So many times the first root's bytes are wanted free for each other root: its rows, and the log that writes them."""
_SHARE: Final = 20
_WAITED_S: Final = 60.0
_TABLE: Final = "One root's answers alone and among others, at the HTTP answer"
Say = Callable[[str], None]


@dataclass(frozen=True)
class CountryPlan:
    """How many roots, how long each question, and how many events a second the others push for so many seconds.

    `own_disk`: the database lies on the disk of the run's folder. `told`: other roots are made by their events, not
    from the first one's log, as on a cluster, where SQL does not copy one root's rows to another's node.
    """

    roots: int
    seconds: float
    only: str
    own_disk: bool
    rate: int
    pushed_seconds: float
    told: Callable[[Chiso, str], int] | None = None


class NoRoom(Exception):
    """The disk would not hold all roots; the message says what they need."""


Alone = dict[str, dict[str, tuple[float, float]]]
"""p50 and p99, in ms, by question and way, of the first root when there was no other."""


def codes(roots: int) -> list[str]:
    """The codes of the other roots."""
    return [f"H{number}" for number in range(_NUMBERS, _NUMBERS + roots - 1)]


def of_root(question: Question, code: str) -> Question:
    """The same question of another root."""
    path = question.path.replace(f"unit={province.ROOT}", f"unit={code}")
    return replace(question, path=path, units=tuple(code + unit[len(province.ROOT) :] for unit in question.units))


def run(plan: CountryPlan, chiso: Chiso, home: Path, report: Report, say: Say) -> None:
    """Ask one root alone, make the others, ask it again and ask two of the others."""
    chosen = [each for each in read.questions() if plan.only in each.name]
    file = home / "alone.json"
    if not file.exists():
        if count(chiso.dsn, "SELECT count(*) FROM root") > 1:
            raise ValueError(f"{home} holds several roots, but not how fast one of them was alone")
        _settle(chiso)
        with chiso.serving():
            say("one root alone")
            file.write_bytes(msgspec.json.encode(_times(_ask(chiso, chosen, plan.seconds))))
    alone = msgspec.json.decode(file.read_bytes(), type=Alone)
    made = _make(plan, chiso, home, report, say)
    _settle(chiso)
    others = [codes(plan.roots)[0], codes(plan.roots)[-1]]
    with chiso.serving():
        report.idle_rss = chiso.rss()
        _equal(chiso, made, report)
        say(f"the first among {plan.roots}")
        first = _ask(chiso, chosen, plan.seconds)
        found = []
        for code in dict.fromkeys(others):
            say(f"root {code}")
            found.append(_ask(chiso.at_root(code), [of_root(each, code) for each in chosen], plan.seconds))
        report.reads += first
        for code, reads in zip(others, found, strict=False):
            report.reads += [structs.replace(each, question=f"{code}: {each.question}") for each in reads]
        if plan.rate:
            kept = chiso.kept()
            pushed = crowd.run(
                crowd.CrowdPlan(plan.rate, plan.pushed_seconds), chiso, codes(plan.roots), home, report, say
            )
            written = chiso.kept() - kept
            report.check("events in the log, of those acknowledged", f"{written:,}", f"{pushed:,}", written == pushed)
        report.row("Memory of the service, MiB", f"after questions of {1 + len(found)} roots", rss=chiso.rss() // 2**20)
    _compare(report, plan.roots, alone, _times(first), [_times(each) for each in found])
    for each in (first, *found):
        _answered(report, each)
    say("verify")
    clean, said = chiso.verify()
    report.verified(clean, said if not clean else f"{plan.roots} roots clean")


def _ask(chiso: Chiso, chosen: Sequence[Question], seconds: float) -> list[Read]:
    return [Asker(chiso, seconds).ask(question, way) for question in chosen for way in _WAYS]


def _times(reads: Sequence[Read]) -> Alone:
    found: Alone = {}
    for each in reads:
        if each.timing is not None:
            found.setdefault(each.question, {})[each.way] = (each.timing.p50, each.timing.p99)
    return found


def _make(plan: CountryPlan, chiso: Chiso, home: Path, report: Report, say: Say) -> list[str]:
    """The roots that are not there yet, by code; one that was cut off is rebuilt from its log."""
    before = count(chiso.dsn, "SELECT pg_database_size(current_database())")
    there = count(chiso.dsn, "SELECT count(*) FROM root")
    made: list[str] = []
    for code in codes(plan.roots):
        began = time.monotonic()
        if not count(chiso.dsn, f"SELECT count(*) FROM root WHERE code = '{code}'"):
            if plan.own_disk and not made:
                room(before // there, plan.roots - there, home)
            if plan.told is not None:
                copy_root(chiso.dsn, province.ROOT, code, log=False)
                found, way = plan.told(chiso, code), "told"
            else:
                found, way = copy_root(chiso.dsn, province.ROOT, code), "copied"
            made.append(code)
            say(f"{code}: {found:,} events {way} in {time.monotonic() - began:.1f} s")
        if plan.told is None and count(chiso.dsn, f"SELECT generation FROM root WHERE code = '{code}'") == 1:
            began = time.monotonic()
            rebuilt, said = chiso.run("rebuild", "--root", code)
            say(f"{said} ({time.monotonic() - began:.1f} s)")
            if not rebuilt:
                report.check(f"rebuild of {code}", said, "done", held=False)
    after = count(chiso.dsn, "SELECT pg_database_size(current_database())")
    if made:
        report.row("Size", "database of one root" if there == 1 else f"database of {there} roots", MiB=before // 2**20)
    report.row("Size", f"database of {plan.roots} roots", MiB=after // 2**20)
    return made


def room(size: int, roots: int, home: Path) -> None:
    """Refuse so many more roots of this size if the disk would not hold them, their log and a rest for others.

    Raises:
        NoRoom: naming what is needed.
    """
    needed, free = _SPARE * size * roots, shutil.disk_usage(home).free
    if needed > free - free // _SHARE:
        raise NoRoom(f"{roots} more roots need up to {needed >> 30} GiB here; {free >> 30} GiB are free")


def _settle(chiso: Chiso) -> None:
    """Nothing is left to do beside what is measured."""

    async def follow() -> None:
        database = Database(chiso.dsn, 1, 1, _WAITED_S)
        try:
            await Follower(database, lambda: None).finish()
        finally:
            await database.close()

    uvloop.run(follow())
    with psycopg.connect(chiso.dsn, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def _compare(report: Report, roots: int, alone: Alone, first: Alone, others: Sequence[Alone]) -> None:
    for question, ways in first.items():
        for way, (p50, p99) in ways.items():
            were = alone.get(question, {}).get(way)
            rest = [each[name][way] for each in others for name in each if name == question and way in each[name]]
            report.row(
                _TABLE,
                f"{question}, {way}",
                **{
                    "alone, p50 ms": were[0] if were else None,
                    f"among {roots}, p50 ms": p50,
                    "among ÷ alone": p50 / were[0] if were and were[0] else None,
                    "alone, p99 ms": were[1] if were else None,
                    f"among {roots}, p99 ms": p99,
                    "two others, p50 ms": statistics.mean(each[0] for each in rest) if rest else None,
                },
            )


def _answered(report: Report, reads: Sequence[Read]) -> None:
    unanswered = [each.missing for each in reads if each.timing is None]
    report.check("questions not answered", unanswered[:2] or 0, 0, not unanswered)


def _equal(chiso: Chiso, made: Sequence[str], report: Report) -> None:
    """A root just made from the first one's log has its figures, to the last."""
    if not made:
        return
    first = figures(chiso, province.ROOT)
    wrong = [code for code in made if figures(chiso.at_root(code), code) != first]
    report.check("roots whose figures are not those of the first", wrong[:5] or 0, 0, not wrong)


def figures(chiso: Chiso, root: str) -> dict[str, Any]:
    """All figures of a root's year and its number of received dossiers by commune, without names and times."""

    with chiso.client() as client:
        card = client.get("/v1/scorecard", params={"unit": root, "period": "2026"}).raise_for_status().json()
        asked = {"unit": root, "indicator": "DOSSIER_ON_TIME", "period": "2026", "by": "unit"}
        rows = client.get("/v1/breakdown", params=asked).raise_for_status().json()["rows"]
    told = {name: card[name] for name in ("total", "groups", "operational", "balance")}
    return told | {"units": {row["key"][len(root) :]: (row["numerator"], row["denominator"]) for row in rows}}
