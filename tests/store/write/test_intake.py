"""Pushes folded on what was read without a lock or on the batch before, and anew when that turns out wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from asyncpg.pool import PoolConnectionProxy

from app.domain.push import Outcome, Parsed
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Database, Outdated
from app.store.proof.verify import verify
from app.store.write.intake import Intake
from tests.store.histories import CLOCK, arrivals, province


class Lost(Exception):
    """What a statement fails with."""


@pytest.fixture
def other(store: Database) -> Intake:
    """As another process has it: nothing is shared but the database."""
    return Intake(store, CatalogueCache(), lambda: CLOCK)


@pytest_asyncio.fixture(loop_scope="function")
async def root(store: Database) -> int:
    return await province(store)


async def push(intake: Intake, root_id: int, events: list[Parsed]) -> tuple[int, int, int]:
    outcome: Outcome = await intake.push(root_id, "H44", events)
    return outcome.accepted, outcome.duplicates, len(outcome.errors)


async def assert_counted(store: Database, root_id: int, events: int) -> None:
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert (report.clean, report.logged, report.receipts) == (True, events, events), report


@pytest.mark.parametrize("few", [256, 0])
async def test_pushes_at_once_of_the_same_lives_and_events_count_once(
    store: Database, intake: Intake, root: int, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("app.store.rows.FEW", few)
    monkeypatch.setattr("app.store.write.lives.FEW", few)
    events = arrivals(seed=3, dossiers=60)
    shares = [events[place::5] + events[:: place + 7] for place in range(5)]
    told = await asyncio.gather(*(push(intake, root, share) for share in shares))
    distinct = len({(each.event.source, each.event.id) for each in events})
    assert sum(accepted for accepted, _, _ in told) == distinct
    assert [sum(each) for each in told] == [len(share) for share in shares]
    await assert_counted(store, root, distinct)


async def test_a_push_that_fails_while_others_rest_on_it_is_told_and_leaves_nothing(
    store: Database, intake: Intake, root: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = arrivals(seed=4, dossiers=40)
    first, second, third = events[0::3], events[1::3] + events[0::3], events[2::3] + events[1::3]
    execute = PoolConnectionProxy.execute
    failed: list[str] = []

    async def failing_once(connection: Any, statement: str, *arguments: Any) -> Any:
        done = await execute(connection, statement, *arguments)
        if statement.startswith("INSERT INTO event") and not failed:
            failed.append(statement)
            await asyncio.sleep(0.3)
            raise Lost
        return done

    monkeypatch.setattr(PoolConnectionProxy, "execute", failing_once)
    told = await asyncio.gather(*(push(intake, root, each) for each in (first, second, third)), return_exceptions=True)
    assert [type(each) for each in told].count(Lost) == 1
    accepted = sum(each[0] for each in told if isinstance(each, tuple))
    await assert_counted(store, root, accepted)
    # Nothing that was acknowledged is missing: all of it again adds what the failed one had alone, and no more.
    again = await push(intake, root, events)
    await assert_counted(store, root, accepted + again[0])
    assert accepted + again[0] == len({(each.event.source, each.event.id) for each in events})


async def test_what_rests_on_a_batch_that_the_database_has_lost_is_refused(
    store: Database, intake: Intake, root: int
) -> None:
    """A database put back between two batches, the second of which only repeats what the first took in."""
    events = arrivals(seed=8, dossiers=20)[:50]
    first = await intake.fold(root, [("H44", events)])
    second = await intake.fold(root, [("H44", events)], first)
    assert second.accepted == []
    await intake.write(first)
    async with store.connection("write") as connection:
        await connection.execute("TRUNCATE receipt")
    with pytest.raises(Outdated):
        await intake.write(second)


async def test_an_edit_between_folding_and_writing_is_noticed(store: Database, intake: Intake, root: int) -> None:
    events = arrivals(seed=9, dossiers=20)
    folded = await intake.fold(root, [("H44", events)])
    async with store.connection("write") as connection:
        await connection.execute("UPDATE root SET revision = revision + 1 WHERE id = $1", root)
    with pytest.raises(Outdated):
        await intake.write(folded)
    await assert_counted(store, root, 0)


async def test_events_that_the_database_has_lost_are_taken_in_again(store: Database, intake: Intake, root: int) -> None:
    """A database put back to an earlier state while the process lives on."""
    events = arrivals(seed=5, dossiers=40)
    distinct = len({(each.event.source, each.event.id) for each in events})
    half = len(events) // 2
    await push(intake, root, events[:half])
    async with store.connection("write") as connection:
        tables = [row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname='public'")]
        lost = [name for name in tables if name in ("receipt", "event", "life", "petition", "document")]
        lost += [name for name in tables if name.startswith(("tally_", "procedure_publication"))]
        await connection.execute(f"TRUNCATE {', '.join(lost)}")
    assert (await push(intake, root, events[half:] + events[:half]))[0] == distinct
    await assert_counted(store, root, distinct)


async def test_another_process_at_the_same_lives_is_noticed(
    store: Database, intake: Intake, other: Intake, root: int
) -> None:
    events = arrivals(seed=6, dossiers=40)
    distinct = len({(each.event.source, each.event.id) for each in events})
    accepted = 0
    for start in range(0, len(events), 60):
        part = events[start : start + 60]
        told = await asyncio.gather(push(intake, root, part[::2]), push(other, root, part[1::2] + part[::4]))
        accepted += sum(each[0] for each in told)
    assert accepted == distinct
    await assert_counted(store, root, distinct)
