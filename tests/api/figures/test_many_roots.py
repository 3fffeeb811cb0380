"""Figures of more roots than a process keeps catalogues of."""

from __future__ import annotations

from typing import Final

import pytest

from tests.api.asking import ONE, card
from tests.running import PROCEDURES, UNITS, Running

ROOTS: Final = ("H44", "H45", "H46")
ROOM: Final = 2 * (len(UNITS) + len(PROCEDURES))


@pytest.fixture
def database(stocked_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """None of this depends on the engine; the service keeps the catalogues of two roots, and no answer."""
    monkeypatch.setenv("CHISO_CATALOGUES__MAX_ROWS", str(ROOM))
    monkeypatch.setenv("CHISO_FIGURES__CACHE_BYTES", "0")
    return stocked_database


async def test_answers_are_the_same_however_often_catalogues_are_thrown_out(served: Running) -> None:
    keys = {root: await served.make_key(root, "ingest", "read", "admin") for root in ROOTS}
    for root in ROOTS[1:]:
        units = [{**each, "code": root + each["code"][3:], "aliases": []} for each in UNITS]
        for path, rows in (("units", units), ("procedures", PROCEDURES)):
            answer = await served.put(f"/v1/{path}", rows, keys[root])
            assert answer.json()["errors"] == []
    for count, root in enumerate(ROOTS, start=1):
        for number in range(count):
            unit = f"{root}.07"
            event = served.event("dossier.received", f"{unit}-{number}", unit, procedure="1.004555", channel="counter")
            assert await served.push([event], keys[root]) == ONE
    first = {root: await card(served, root, key=keys[root]) for root in ROOTS}
    assert [first[root]["balance"]["received"] for root in ROOTS] == [1, 2, 3]
    for root in ROOTS + ROOTS[::-1]:
        assert await card(served, root, key=keys[root]) == first[root]
    kept = served.service.catalogue_cache._kept
    assert [each.root for each in kept.values()] == ["H45", "H44"]
    assert kept.currsize == ROOM
