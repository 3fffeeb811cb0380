"""Kept answers: nothing is summed again while nothing has changed, and nothing old is ever told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.api.http.answers import Encoded
from app.api.http.caching import FigureCache, Kept
from app.store.read.figures import Reader
from tests.api.asking import reception
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for every time sums are read."""
    read: list[str] = []
    cube = Reader.cube

    async def counted(self, wanted, slices):
        read.append(self.catalogues.root)
        return await cube(self, wanted, slices)

    monkeypatch.setattr(Reader, "cube", counted)
    return read


QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/scorecard", {"unit": "H44.07", "period": "2026"}),
    ("/v1/ranking", {"unit": "H44", "level": "department", "period": "2026"}),
    ("/v1/series", {"unit": "H44.07", "period": "2026-Q1", "indicator": "DOSSIER_ON_TIME", "bucket": "month"}),
    ("/v1/breakdown", {"unit": "H44", "period": "2026", "indicator": "DOSSIER_ON_TIME", "by": "unit"}),
    ("/v1/advice", {"unit": "H44.07", "period": "2026"}),
]


@pytest.mark.parametrize(("path", "query"), QUESTIONS, ids=[path for path, _ in QUESTIONS])
async def test_an_answer_is_summed_once_and_again_after_an_event(
    served: Running, now, sums: list[str], path: str, query: dict[str, Any]
) -> None:
    served.clock.at = now
    await served.push([reception(served)])
    first = await served.get(path, **query)
    spent = len(sums)
    assert spent > 0
    served.clock.at = now + timedelta(minutes=1)
    again = await served.get(path, **query)
    same = await served.get(path, headers={"If-None-Match": first.headers["etag"]}, **query)
    assert len(sums) == spent
    assert (again.headers["etag"], same.status_code, same.content) == (first.headers["etag"], 304, b"")
    await served.push([reception(served, subject="H44.07-260105-0099", due_at="2027-01-12T17:00:00+07:00")])
    changed = await served.get(path, headers={"If-None-Match": first.headers["etag"]}, **query)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]
    assert len(sums) > spent


async def test_another_units_event_leaves_an_answer_kept_and_its_parents_not(
    served: Running, now, sums: list[str]
) -> None:
    served.clock.at = now
    await served.get("/v1/scorecard", unit="H44.13", period="2026")
    await served.get("/v1/scorecard", unit="H44", period="2026")
    spent = len(sums)
    await served.push([reception(served)])
    await served.get("/v1/scorecard", unit="H44.13", period="2026")
    assert len(sums) == spent
    await served.get("/v1/scorecard", unit="H44", period="2026")
    assert len(sums) > spent


async def test_a_deadline_ends_what_is_kept_just_after_its_instant(served: Running, now, sums: list[str]) -> None:
    served.clock.at = now
    deadline = now + timedelta(minutes=30)
    await served.push([reception(served, due_at=deadline.isoformat())])

    async def overdue() -> int:
        answer = (await served.get("/v1/scorecard", unit="H44.07", period="2026")).json()
        return int(answer["balance"]["open_overdue"])

    assert await overdue() == 0
    spent = len(sums)
    served.clock.at = deadline
    assert (await overdue(), len(sums)) == (0, spent)
    served.clock.at = deadline + timedelta(microseconds=1)
    assert await overdue() == 1
    assert len(sums) > spent


async def test_what_is_late_today_is_kept_until_something_of_its_units_changes(
    served: Running, now, sums: list[str]
) -> None:
    served.clock.at = now
    await served.push([reception(served)])

    async def total(limit: int = 1) -> int:
        answer = await served.get("/v1/today", unit="H44.07", limit=limit)
        return int(answer.json()["total"])

    assert (await total(), len(sums)) == (1, 1)
    served.clock.at = now + timedelta(minutes=1)
    await served.push([reception(served, subject="H44.13-260105-0001", unit="H44.13")])
    assert (await total(), len(sums)) == (1, 1)
    # Another page is another answer.
    assert (await total(2), len(sums)) == (1, 2)
    await served.push([reception(served, subject="H44.07-260105-0002")])
    assert (await total(), len(sums)) == (2, 3)


def sized(size: int) -> Encoded:
    """An answer of so many bytes."""
    return Encoded((b"x" * size,), "")


def test_the_room_is_bounded_and_the_least_recently_used_go_first() -> None:
    cache = FigureCache(80)
    for name in "abcdefgh":
        cache.keep((name,), Kept((1,), 0, 10, sized(10)))
    assert cache.find(("a",), (1,), 5) is not None
    cache.keep(("i",), Kept((1,), 0, 10, sized(10)))
    assert cache.find(("b",), (1,), 5) is None
    assert cache.find(("a",), (1,), 5) is not None
    cache.keep(("too large",), Kept((1,), 0, 10, sized(11)))
    assert cache.find(("too large",), (1,), 5) is None
    assert [cache.find(("a",), *asked) for asked in (((2,), 5), ((1,), 11), ((1,), -1))] == [None, None, None]


class Asker:
    """Who asks a cache, at version (1,), and computes in two steps: told to go on by `go_on`, or to fail."""

    def __init__(self, cache: FigureCache, now: int, until: int = 10) -> None:
        self._now, self._until = now, until
        self.go_on: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.began = False
        self.asking = asyncio.create_task(cache.answer(("key",), (1,), now, self._compute))

    async def _compute(self) -> Kept:
        self.began = True
        await self.go_on
        return Kept((1,), self._now, self._until, Encoded.of(self._now))

    async def answer(self) -> tuple[int, str]:
        """By whom the answer was computed (as of which instant), and how it was come by."""
        kept, way = await asyncio.wait_for(self.asking, 30)
        return int(kept.figure.sent({})), way


async def steps() -> None:
    """Let everybody get as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_same_question_asked_at_once_is_computed_once() -> None:
    cache = FigureCache(80)
    askers = [Asker(cache, 5), Asker(cache, 5), Asker(cache, 7)]
    await steps()
    assert [each.began for each in askers] == [True, False, False]
    askers[0].go_on.set_result(None)
    assert [await each.answer() for each in askers] == [(5, "computed"), (5, "shared"), (5, "shared")]
    assert await Asker(cache, 8).answer() == (5, "kept")


async def test_what_does_not_hold_for_ones_own_instant_is_not_shared() -> None:
    cache = FigureCache(80)
    askers = [Asker(cache, 5, until=6), Asker(cache, 4), Asker(cache, 6), Asker(cache, 7)]
    await steps()
    askers[0].go_on.set_result(None)
    await steps()
    assert [each.began for each in askers] == [True, True, False, True]
    for each in (askers[1], askers[3]):
        each.go_on.set_result(None)
    assert [await each.answer() for each in askers] == [
        (5, "computed"), (4, "computed"), (5, "shared"), (7, "computed"),
    ]  # fmt: skip


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_failure_is_its_own_and_the_others_compute_for_themselves(cancelled: bool) -> None:
    cache = FigureCache(0)
    askers = [Asker(cache, 5) for _ in range(3)]
    await steps()
    if cancelled:
        askers[0].asking.cancel()
    else:
        askers[0].go_on.set_exception(ValueError("broken"))
    await steps()
    with pytest.raises(asyncio.CancelledError if cancelled else ValueError):
        await askers[0].answer()
    assert [each.began for each in askers] == [True, True, True]
    for each in askers[1:]:
        each.go_on.set_result(None)
    assert [await each.answer() for each in askers[1:]] == [(5, "computed")] * 2
    last = Asker(cache, 5)
    await steps()
    assert last.began


async def test_who_gives_up_waiting_takes_nothing_from_the_others() -> None:
    cache = FigureCache(0)
    askers = [Asker(cache, 5) for _ in range(3)]
    await steps()
    askers[1].asking.cancel()
    await steps()
    askers[0].go_on.set_result(None)
    assert [await askers[0].answer(), await askers[2].answer()] == [(5, "computed"), (5, "shared")]


async def test_many_polls_at_once_read_the_sums_once(served: Running, now, sums: list[str]) -> None:
    served.clock.at = now
    await served.get("/v1/scorecard", unit="H44.07", period="2026")
    one = len(sums)
    await served.push([reception(served)])
    # By the alias, too, and with the words for what is meant anyway.
    queries: list[dict[str, Any]] = [
        {"unit": "H44.130"},
        {"unit": "000.00.30.H44"},
        {"unit": "H44.130", "scope": "subtree"},
    ] * 4
    answers = await asyncio.gather(*(served.get("/v1/scorecard", period="2026", **each) for each in queries))
    assert len(sums) == 2 * one
    assert {answer.content for answer in answers} == {answers[0].content}
