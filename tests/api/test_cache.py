"""Kept answers: nothing is summed again while nothing has changed, and nothing old is ever told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.api.cache import FigureCache, Kept
from app.store.figures import Reader
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
        read.append(self.directory.root)
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


def test_the_room_is_bounded_and_the_least_recently_used_go_first() -> None:
    cache = FigureCache(80)
    for name in "abcdefgh":
        cache.keep((name,), Kept((1,), 0, 10, {"name": name}, 10))
    assert cache.find(("a",), (1,), 5) is not None
    cache.keep(("i",), Kept((1,), 0, 10, {}, 10))
    assert cache.find(("b",), (1,), 5) is None
    assert cache.find(("a",), (1,), 5) is not None
    cache.keep(("too large",), Kept((1,), 0, 10, {}, 11))
    assert cache.find(("too large",), (1,), 5) is None
    assert [cache.find(("a",), *asked) for asked in (((2,), 5), ((1,), 11), ((1,), -1))] == [None, None, None]
