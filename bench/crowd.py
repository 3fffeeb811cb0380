"""A country that pushes: whether others slow one root's pushes and scorecards, and who gets how much when all push."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.demo import province
from bench import loads, shapes
from bench.client import Told
from bench.loads import Part
from bench.results import Report, timing
from bench.targets import Chiso, outcomes
from bench.wire import request

_SIZE: Final = 20
"""Events of a request."""
_OWN: Final = 5
"""Requests a second of the root that is looked at."""
_ASKED: Final = 4
"""Scorecards a second: of the province and of a department in turn, each computed anew after a push."""
_OTHERS_CONNECTIONS: Final = 8
_BATCHES: Final = 20
"""Different requests of each root; after them the same with other dossiers."""
_TABLE: Final = "One root's pushes and scorecards alone, and while the others push"
_FAIRNESS: Final = "All roots push as fast as they are answered"
Say = Callable[[str], None]


@dataclass(frozen=True)
class CrowdPlan:
    """How many events a second the others push together, and how long each part takes in seconds."""

    rate: int
    seconds: float


def run(plan: CrowdPlan, chiso: Chiso, codes: Sequence[str], home: Path, report: Report, say: Say) -> int:
    """The first root alone, then among the others, then all at once; how many events were accepted.

    The service is served, and knows the other roots' `codes`.
    """
    roots = {province.ROOT: chiso} | {code: chiso.at_root(code) for code in codes}
    for code, each in roots.items():
        # A service that has been there for a while knows all catalogues.
        with each.client() as client:
            client.get("/v1/scorecard", params={"unit": code, "period": "2026"}).raise_for_status()
    first, answers = _pushes(chiso, province.ROOT, 0), _scorecards(chiso)
    say("the first root alone")
    alone = _told(chiso, [first, answers], plan.seconds, home / "alone")
    say(f"the first root while {len(codes)} others push {plan.rate:,} events a second")
    others = _others({code: roots[code] for code in codes}, plan.rate)
    # Later than the dossiers told of in the first part.
    first = _pushes(chiso, province.ROOT, 1)
    among = _told(chiso, [first, answers, others], plan.seconds, home / "among")
    reached = _SIZE * len(among[2].sent) / max(among[2].ended - among[2].began, 1e-9)
    for name, one, other in zip(("pushes of 20", "scorecards"), alone, among, strict=False):
        before, after = timing(one.took), timing(other.took)
        report.row(
            _TABLE,
            name,
            **{
                "alone, n": before.n, "alone, p50 ms": before.p50, "alone, p99 ms": before.p99,
                "among, n": after.n, "among, p50 ms": after.p50, "among, p99 ms": after.p99,
                "p50 ÷ alone": after.p50 / before.p50 if before.p50 else None,
                "p99 ÷ alone": after.p99 / before.p99 if before.p99 else None,
                "others, events/s": reached,
            },
        )  # fmt: skip
    say(f"{len(roots)} roots as fast as they are answered")
    [together] = _told(chiso, [_together(roots)], plan.seconds, home / "together")
    _shares(report, list(roots), together)
    report.row("Memory of the service, MiB", f"after pushes of {len(roots)} roots", rss=chiso.rss() // 2**20)
    every = (*alone, *among, together)
    failed = [each for told in every for each in told.failed]
    report.check("requests that failed", "; ".join(failed[:2]) or 0, 0, not failed)
    return outcomes([alone[0], among[0], among[2], together]).accepted


def _told(chiso: Chiso, parts: Sequence[Part], seconds: float, work: Path) -> list[Told]:
    workers = loads.ready(chiso, parts, seconds, work)
    workers.begin()
    return workers.results()


def _requests(chiso: Chiso, code: str, seed: int) -> list[bytes]:
    """Pushes of new dossiers of a root's units."""
    events = shapes.encoded(loads.told(_SIZE * _BATCHES, seed))
    mine = [each.replace(province.ROOT.encode(), code.encode()) for each in events]
    return [chiso.request(mine[start : start + _SIZE]) for start in range(0, _SIZE * _BATCHES, _SIZE)]


def _pushes(chiso: Chiso, code: str, nth: int) -> Part:
    seed = loads.fresh_seed(nth)
    return Part("pushes", _requests(chiso, code, seed), 1, _OWN, seed)


def _scorecards(chiso: Chiso) -> Part:
    units = (province.ROOT, next(unit for unit in province.levels() if unit != province.ROOT))
    asked = [request("GET", f"/v1/scorecard?unit={unit}&period=2026", chiso.headers()) for unit in units]
    return Part("scorecards", asked, 1, _ASKED, bodies=False)


def _others(roots: dict[str, Chiso], rate: int) -> Part:
    seed = loads.fresh_seed(2)
    every = zip(*(_requests(chiso, code, seed) for code, chiso in roots.items()), strict=True)
    return Part("others", [each for one in every for each in one], _OTHERS_CONNECTIONS, rate / _SIZE, seed)


def _together(roots: dict[str, Chiso]) -> Part:
    """A connection for each root, which sends its own requests only."""
    seed = loads.fresh_seed(3)
    every = zip(*(_requests(chiso, code, seed) for code, chiso in roots.items()), strict=True)
    return Part("together", [each for one in every for each in one], len(roots), seed=seed, lanes=True)


def _shares(report: Report, codes: Sequence[str], told: Told) -> None:
    answered = [0] * len(codes)
    for number in told.sent:
        answered[number % len(codes)] += 1
    elapsed = max(told.ended - told.began, 1e-9)
    report.row(
        _FAIRNESS,
        f"{len(codes)} roots",
        **{
            "events/s": _SIZE * sum(answered) / elapsed,
            "fewest of a root": _SIZE * min(answered),
            "most of a root": _SIZE * max(answered),
            "fewest ÷ most": min(answered) / max(answered) if max(answered) else None,
            "503": told.refused,
            "client cores": told.cpu / elapsed,
        },
    )
    starved = [code for code, count in zip(codes, answered, strict=True) if not count]
    report.check("roots whose pushes were never answered", starved[:5] or 0, 0, not starved)
