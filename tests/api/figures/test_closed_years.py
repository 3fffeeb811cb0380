"""Kept sums of closed years: used while those years stand as they were, and never any longer."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from app.domain.lives import life
from app.domain.lives.flags import DISLIKED
from app.store.read.figures import Reader
from app.store.snapshot import reading_moment, root_states
from app.store.tallies import sums
from tests.api.asking import card, counts, reception, retraction
from tests.running import Running, newer_rules


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many spans of time were read from the tallies, statement by statement."""
    spans: list[int] = []
    whole = sums.cells

    async def counted(connection, kinds, scope, asked, steps=None):
        spans.append(len(asked))
        return await whole(connection, kinds, scope, asked, steps)

    monkeypatch.setattr(sums, "cells", counted)
    return spans


def _in(year: int, running: Running, subject: str, **more: Any) -> dict:
    """A reception in March of a year, due in 2027."""
    event = reception(running, subject=subject, due_at="2027-01-12T17:00:00+07:00", **more)
    return event | {"time": f"{year}-03-02T09:00:00+07:00"}


async def test_events_of_this_year_leave_closed_years_as_they_were_read(served: Running, now, read: list[int]) -> None:
    served.clock.at = now
    await served.push([_in(2023, served, "H44.07-230302-0001"), _in(2025, served, "H44.07-250302-0001")])
    await card(served, "H44.07")
    # All before 2024, 2024, the compared part of 2025, the rest of 2025, this year.
    assert read == [5]
    await served.push([_in(2026, served, "H44.07-260302-0001")])
    told = await card(served, "H44.07")
    assert read == [5, 1]
    assert (told["balance"]["carried_over"], told["balance"]["received"]) == (2, 1)


@pytest.mark.parametrize(("year", "spans"), [(2023, 3), (2024, 2), (2025, 3)])
async def test_an_event_of_a_closed_year_is_counted_at_once(
    served: Running, now, read: list[int], year: int, spans: int
) -> None:
    served.clock.at = now
    await served.push([_in(2025, served, "H44.07-250302-0001")])
    before = await card(served, "H44.07")
    late = _in(year, served, "H44.07-0302-0002")
    await served.push([late])
    told = await card(served, "H44.07")
    assert read == [5, spans]
    assert told["balance"]["carried_over"] == before["balance"]["carried_over"] + 1 == 2
    assert counts(told, "DOSSIER_ON_TIME") == (2, 2)
    await served.push([retraction(served, late)])
    assert (await card(served, "H44.07"))["balance"] == before["balance"]


async def test_kept_sums_are_of_the_units_asked_for(served: Running, now) -> None:
    served.clock.at = now
    await served.push([_in(2025, served, "H44.07-250302-0001"), _in(2025, served, "H44.13-250302-0001", unit="H44.13")])
    for unit, scope, carried in (("H44.07", "own", 1), ("H44", "subtree", 2), ("H44", "own", 0), ("H44.13", "own", 1)):
        for _ in range(2):
            assert (await card(served, unit, scope=scope))["balance"]["carried_over"] == carried


async def test_a_carried_over_procedure_counts_until_its_dossier_of_an_earlier_year_ends(served: Running, now) -> None:
    served.clock.at = now
    subject = "H44.07-230302-0001"
    digitised = served.event("dossier.digitised", subject, "H44.07", components=1, population_data=True)
    await served.push([_in(2023, served, subject), digitised | {"time": "2023-03-03T09:00:00+07:00"}])
    code = "CITIZEN_DATA_CONNECTED_FORMALITY"
    numerator, procedures = counts(await card(served, "H44.07"), code)
    assert numerator == 1
    ended = served.event("dossier.completed", subject, "H44.07")
    await served.push([ended | {"time": "2025-12-30T09:00:00+07:00"}])
    assert counts(await card(served, "H44.07"), code) == (0, procedures)
    assert counts(await card(served, "H44.07", "2025"), code)[0] == 1


async def test_those_who_look_for_changes_add_the_years_of_a_unit_together(served: Running, now) -> None:
    served.clock.at = now
    service = served.service
    units: frozenset[int] = frozenset()
    for number, year in enumerate((2023, 2026, 2023, 2025)):
        await served.push([_in(year, served, f"H44.07-{year}-{number}")])
        async with service.database.connection("read") as connection:
            [root_id] = [row["id"] for row in await connection.fetch("SELECT id FROM root")]
            moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
            units = units or frozenset(unit.id for unit in moment.catalogues.in_scope("H44", "subtree"))
            reader = Reader(connection, moment.catalogues, moment.generation)
            states = await root_states(connection, [root_id], service.clock)
            assert states[root_id].version(units) == moment.version(await reader.changes(units))


async def test_a_change_of_the_rules_changes_closed_years_too(
    served: Running, now, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.clock.at = now
    service, code = served.service, "DOSSIER_RECEIVING_SATISFACTION"
    await served.push([_in(year, served, f"H44.07-{year}0302-0001") for year in (2023, 2024, 2025, 2026)])
    for _ in range(2):
        assert counts(await card(served, "H44.07"), code) == (4, 4)
    assert counts(await card(served, "H44.07", "2024"), code) == (2, 2)
    before = life.fold

    def everybody_dislikes(*arguments: Any) -> life.LifeFacts:
        facts = before(*arguments)
        assert facts.dossier is not None
        return life.LifeFacts(replace(facts.dossier, flags=facts.dossier.flags | DISLIKED), (), (), None)

    monkeypatch.setattr(life, "fold", everybody_dislikes)
    with newer_rules(monkeypatch):
        assert (await card(served, "H44.07"))["refolding"] is True
    async with service.database.connection("read") as connection:
        root_id = await connection.fetchval("SELECT id FROM root")
    await service.refolder.finish(root_id)
    told = await card(served, "H44.07")
    assert (counts(told, code), told["refolding"]) == ((0, 4), False)
    assert counts(await card(served, "H44.07", "2024"), code) == (0, 2)
