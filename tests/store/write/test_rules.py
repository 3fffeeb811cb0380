"""An upgrade that changes the fold: lives of the older rules are folded again, whoever writes meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from app.domain.lives import life
from app.domain.lives.flags import DISLIKED
from app.domain.lives.publication import Announced
from app.store.catalogues import edit
from app.store.catalogues.read import CatalogueCache
from app.store.catalogues.stale import begin_with_rules
from app.store.connections.database import Database
from app.store.connections.unavailable import DatabaseUnavailable
from app.store.proof.rebuild import rebuild
from app.store.proof.verify import verify
from app.store.snapshot import reading_moment, root_states
from app.store.write.intake import Intake
from app.store.write.refold import Refolder
from tests.store.catalogues.test_catalogues import said
from tests.store.histories import CLOCK, arrivals, province, push


@pytest_asyncio.fixture(loop_scope="function")
async def store(postgres_database: str) -> AsyncIterator[Database]:
    store = Database(postgres_database, 4, 4, 5)
    yield store
    await store.close()


@pytest.fixture
def intake(store: Database) -> Intake:
    return Intake(store, CatalogueCache(), lambda: CLOCK)


def _a_day_later(announced: Announced) -> Announced:
    return announced._replace(effective_on=announced.effective_on + 1)


def upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on this is a later version, whose fold says something else of lives of every kind."""
    before = life.fold

    def fold(*arguments: Any) -> life.LifeFacts:
        facts = before(*arguments)
        dossier, publication = facts.dossier, facts.publication
        return life.LifeFacts(
            None if dossier is None else replace(dossier, flags=dossier.flags ^ DISLIKED),
            tuple(replace(each, disliked=not each.disliked) for each in facts.petitions),
            tuple(replace(each, signed=not each.signed) for each in facts.documents),
            None
            if publication is None
            else replace(publication, announced=tuple(map(_a_day_later, publication.announced))),
        )

    monkeypatch.setattr(life, "fold", fold)
    monkeypatch.setattr(life, "RULES", life.RULES + 1)


async def rows(store: Database, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with store.connection("read") as connection:
        return [tuple(row) for row in await connection.fetch(statement, *values)]


async def begin(store: Database, root_id: int) -> None:
    """What the first process of the new version does."""
    await store.write(partial(begin_with_rules, root_id=root_id))


async def refolding(store: Database, root_id: int) -> bool:
    """What answers say, and streams."""
    async with store.snapshot() as connection:
        moment = await reading_moment(connection, CatalogueCache(), root_id, lambda: CLOCK)
        states = await root_states(connection, [root_id], lambda: CLOCK)
    assert states[root_id].refolding == moment.refolding
    return moment.refolding


async def facts(store: Database) -> list[list[tuple[Any, ...]]]:
    return [
        await rows(store, f"SELECT {columns} FROM {table} ORDER BY 1, 2")
        for table, columns in {
            "life": "subject, flags",
            "petition": "subject, unit_id, disliked",
            "document": "subject, unit_id, signed",
            "procedure_publication": "subject, ordinal, effective_on",
        }.items()
    ]


async def must_be_folded_with_these_rules(store: Database, root_id: int) -> None:
    assert await rows(store, "SELECT rules FROM root") == [(life.RULES,)]
    assert not await refolding(store, root_id)
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert report.clean, str(report)
    assert report.refolding == 0
    assert report.lives_refolded > 50


async def test_lives_of_older_rules_are_folded_again(store: Database, intake: Intake, monkeypatch) -> None:
    root_id, refolder = await province(store), Refolder(store, intake)
    await push(intake, root_id, arrivals(seed=21, dossiers=60))
    await refolder.finish(root_id)
    assert not await refolding(store, root_id)
    before = await facts(store)
    [(revision,)] = await rows(store, "SELECT revision FROM root")

    upgrade(monkeypatch)
    assert await refolding(store, root_id), "from the first answer of the new version on"
    waiting = await verify(store, root_id, deep=True, now=CLOCK)
    assert waiting.clean
    assert waiting.refolding == waiting.lives_refolded

    await refolder.finish(root_id)
    after = await facts(store)
    assert all(len(now) > 0 and now != was for now, was in zip(after, before, strict=True))
    assert await rows(store, "SELECT revision FROM root") == [(revision + 1,)]
    await must_be_folded_with_these_rules(store, root_id)


async def test_a_kill_on_the_way_costs_no_life(store: Database, intake: Intake, monkeypatch) -> None:
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=22, dossiers=60))
    upgrade(monkeypatch)
    killed = Refolder(store, intake)
    assert not await killed.step(root_id), "the row is not made yet"
    await begin(store, root_id)
    assert await killed.step(root_id, size=20)
    [(lives,)] = await rows(store, "SELECT count(*) FROM life")
    assert await rows(store, "SELECT everything, total, done FROM refold") == [(True, lives, 20)]
    assert await refolding(store, root_id)
    waiting = await verify(store, root_id, deep=True, now=CLOCK)
    assert (waiting.clean, waiting.refolding) == (True, lives - 20)
    await Refolder(store, Intake(store, CatalogueCache(), lambda: CLOCK)).finish(root_id)
    await must_be_folded_with_these_rules(store, root_id)


async def test_two_processes_and_pushes_go_on_meanwhile(store: Database, intake: Intake, monkeypatch) -> None:
    root_id, items = await province(store), arrivals(seed=23, dossiers=120)
    early, late = items[: len(items) // 2], items[len(items) // 2 :]
    await push(intake, root_id, early)
    upgrade(monkeypatch)
    # The new version writes before anybody has looked for lives of older rules.
    await push(intake, root_id, late[:50])
    other = Intake(store, CatalogueCache(), lambda: CLOCK)
    background = [asyncio.create_task(Refolder(store, each).run_forever()) for each in (intake, other)]
    await asyncio.gather(push(intake, root_id, late, at_once=7), push(other, root_id, late[::-1], at_once=11))
    await asyncio.wait_for(Refolder(store, intake).finish(root_id), 60)
    for task in background:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await must_be_folded_with_these_rules(store, root_id)


async def test_an_edit_meanwhile_takes_nothing_away(store: Database, intake: Intake, monkeypatch) -> None:
    root_id, refolder = await province(store), Refolder(store, intake)
    await push(intake, root_id, arrivals(seed=24, dossiers=60))
    upgrade(monkeypatch)
    await begin(store, root_id)
    await refolder.step(root_id, size=20)
    row = said(("1.000001", {"fee": True, "max_working_days": 2}))
    assert (await edit.put_procedures(store, CatalogueCache(), root_id, "H44", row)).refolding > 0
    assert await rows(store, "SELECT everything, done FROM refold") == [(True, 0)]
    await refolder.finish(root_id)
    await must_be_folded_with_these_rules(store, root_id)


async def test_a_rebuild_is_by_the_new_rules_and_leaves_nothing_to_do(
    store: Database, intake: Intake, monkeypatch
) -> None:
    root_id = await province(store)
    await push(intake, root_id, arrivals(seed=25, dossiers=60))
    upgrade(monkeypatch)
    await rebuild(store, intake, root_id)
    await must_be_folded_with_these_rules(store, root_id)


async def test_an_older_version_writes_nothing_any_more(store: Database, intake: Intake, monkeypatch) -> None:
    root_id, items = await province(store), arrivals(seed=26, dossiers=60)
    await push(intake, root_id, items[:100])
    with monkeypatch.context() as newer:
        upgrade(newer)
        await begin(store, root_id)
    for write in (push(intake, root_id, items[100:]), rebuild(store, intake, root_id), Refolder(store, intake).step(1)):
        with pytest.raises(DatabaseUnavailable, match="newer rules"):
            await write
    assert await rows(store, "SELECT generation, rules FROM root") == [(1, life.RULES + 1)]
    upgrade(monkeypatch)
    await push(intake, root_id, items[100:])
    await Refolder(store, intake).finish(root_id)
    await must_be_folded_with_these_rules(store, root_id)
