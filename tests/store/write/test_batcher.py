"""Group commit: small pushes share transactions, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest_asyncio

from app.domain.calendar.civil import Instant
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.lives.events import DossierReceived, Event
from app.domain.push import Outcome, Parsed
from app.store import roots
from app.store.catalogues.read import CatalogueCache
from app.store.database import Database, Overloaded
from app.store.proof.verify import verify
from app.store.write.batcher import Batcher
from app.store.write.intake import Intake

RECEIVED = Instant(1_767_575_520_000_000)


def parsed(number: int, subject: str | None = None, unit: str = "H44.07", content: bytes | None = None) -> Parsed:
    what = DossierReceived(ProcedureCode("1.004555"), "online")
    event = Event(RECEIVED, "/h44/thu", f"id{number}", UnitCode(unit), what)
    return Parsed(0, subject or f"{unit}-260105-{number:04}", event, content or number.to_bytes(16))


class Counted(Intake):
    """Intake that counts its transactions."""

    transactions = 0

    async def push_together(
        self, root_id: int, pushes: Sequence[tuple[str, Sequence[Parsed]]], *, large: bool
    ) -> list[Outcome]:
        self.transactions += 1
        return await super().push_together(root_id, pushes, large=large)


@pytest_asyncio.fixture
async def store(postgres_database: str) -> AsyncIterator[Database]:
    database = Database(postgres_database, 4, 2, 5)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def root_id(store: Database) -> int:
    async with store.connection("write") as connection, connection.transaction():
        root = await roots.ensure(connection, "H44")
        await connection.execute(
            "INSERT INTO unit (root_id, code) SELECT $1, unnest($2::text[])", root, ["H44", "H44.07"]
        )
        await connection.execute("UPDATE root SET revision = revision + 1")
        return root


async def test_pushes_that_come_together_go_together(store: Database, root_id: int) -> None:
    intake = Counted(store, CatalogueCache())
    batcher = Batcher(intake, 1_000)
    outcomes = await asyncio.gather(*(batcher.push(root_id, "H44", [parsed(n)]) for n in range(64)))
    assert [(each.accepted, each.duplicates, list(each.errors)) for each in outcomes] == [(1, 0, [])] * 64
    assert 1 <= intake.transactions <= 4
    assert batcher.waiting == 0
    report = await verify(store, root_id, deep=True)
    assert report.clean
    assert report.logged == 64


async def test_each_push_is_judged_by_its_own_key_and_in_its_turn(store: Database, root_id: int) -> None:
    batcher = Batcher(Intake(store, CatalogueCache()), 1_000)
    pushes = [
        ("H44", parsed(0)),
        ("H44", parsed(1)),
        ("H44.07", parsed(1)),
        ("H44.07", parsed(1, content=b"another content.")),
        ("H44.07", parsed(2, unit="H44")),
    ]
    outcomes = await asyncio.gather(*(batcher.push(root_id, unit, [each]) for unit, each in pushes))
    # The two keys take turns, so the second key's event comes before the first key's copy of it.
    assert [(each.accepted, each.duplicates, [error.code for error in each.errors]) for each in outcomes] == [
        (1, 0, []),
        (0, 1, []),
        (1, 0, []),
        (0, 0, ["conflict"]),
        (0, 0, ["forbidden_unit"]),
    ]


async def test_a_push_that_breaks_its_transaction_spares_its_neighbours(store: Database, root_id: int) -> None:
    batcher = Batcher(Intake(store, CatalogueCache()), 1_000)
    # Intake lets no such text through; here it stands for whatever else a database may choke on.
    poisoned = parsed(7, subject="H44.07-\0")
    pushes = [batcher.push(root_id, "H44", [each]) for each in (parsed(0), parsed(1), poisoned, parsed(2))]
    outcomes = await asyncio.gather(*pushes, return_exceptions=True)
    assert isinstance(outcomes[2], Exception)
    assert [outcome.accepted for outcome in outcomes if isinstance(outcome, Outcome)] == [1, 1, 1]
    report = await verify(store, root_id, deep=True)
    assert report.clean
    assert report.logged == 3


async def test_the_queue_is_bounded(store: Database, root_id: int) -> None:
    batcher = Batcher(Intake(store, CatalogueCache()), 100)
    outcomes = await asyncio.gather(
        *(batcher.push(root_id, "H44", [parsed(n)]) for n in range(150)), return_exceptions=True
    )
    refused = [each for each in outcomes if isinstance(each, Overloaded)]
    assert 40 <= len(refused) <= 50
    assert sum(each.accepted for each in outcomes if isinstance(each, Outcome)) == 150 - len(refused)


class Paused(Intake):
    """Intake that notes what goes together, and lets a transaction go on only when the test says so."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, CatalogueCache())
        self.together: list[list[str]] = []
        self.goes_on = asyncio.Event()

    async def push_together(
        self, root_id: int, pushes: Sequence[tuple[str, Sequence[Parsed]]], *, large: bool
    ) -> list[Outcome]:
        self.together.append([unit for unit, _ in pushes])
        await self.goes_on.wait()
        return [Outcome(len(arrivals), 0, (), ()) for _, arrivals in pushes]


async def turn() -> None:
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_busy_key_does_not_keep_another_from_its_turn(store: Database) -> None:
    intake = Paused(store)
    batcher = Batcher(intake, 20_000)
    busy = [asyncio.create_task(batcher.push(1, "H44", [parsed(n) for n in range(100)])) for _ in range(40)]
    await turn()
    quiet = asyncio.create_task(batcher.push(1, "H44.07", [parsed(0)]))
    await turn()
    # Three transactions took a thousand events each before the quiet key came.
    assert [len(each) for each in intake.together] == [10, 10, 10]
    intake.goes_on.set()
    await quiet
    assert intake.together[3][1] == "H44.07"
    assert sum(each.accepted for each in await asyncio.gather(*busy)) == 4_000
    assert batcher.waiting == 0


async def test_few_events_wait_for_the_transaction_under_way_and_many_begin_another(store: Database) -> None:
    intake = Paused(store)
    batcher = Batcher(intake, 20_000)
    pushes = []
    for count, together in ((1, [1]), (23, [1]), (1, [1, 24])):
        pushes += [asyncio.create_task(batcher.push(1, "H44", [parsed(n)])) for n in range(count)]
        await turn()
        assert [len(each) for each in intake.together] == together
    intake.goes_on.set()
    outcomes = await asyncio.gather(*pushes)
    assert [each.accepted for each in outcomes] == [1] * 25


async def test_those_just_answered_are_waited_for_and_go_together_again(store: Database) -> None:
    intake = Paused(store)
    intake.goes_on.set()
    batcher = Batcher(intake, 1_000)

    async def client(number: int) -> None:
        for _ in range(5):
            assert (await batcher.push(1, "H44", [parsed(number)])).accepted == 1
            # The way to a client and back.
            await asyncio.sleep(0.0001 * number)

    await asyncio.gather(*(client(number) for number in range(10)))
    assert sum(map(len, intake.together)) == 50
    assert len(intake.together) < 20
    assert batcher.waiting == 0
