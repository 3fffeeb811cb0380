"""Group commit: pushes share transactions, and nothing else; one batch is folded while another is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest_asyncio

from app.domain.calendar.civil import Instant
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.lives.events import DossierReceived, Event
from app.domain.push import Outcome, Parsed
from app.store.catalogues import roots
from app.store.catalogues.read import CatalogueCache
from app.store.connections.causes import SILENT
from app.store.connections.database import Database, Outdated
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded
from app.store.proof.verify import verify
from app.store.write.fold import Folded, Pushes
from app.store.write.gather import Gatherer, _Queue
from app.store.write.intake import Intake

RECEIVED = Instant(1_767_575_520_000_000)


def parsed(number: int, subject: str | None = None, unit: str = "H44.07", content: bytes | None = None) -> Parsed:
    what = DossierReceived(ProcedureCode("1.004555"), "online")
    event = Event(RECEIVED, "/h44/thu", f"id{number}", UnitCode(unit), what)
    return Parsed(0, subject or f"{unit}-260105-{number:04}", event, content or number.to_bytes(16))


class Counted(Intake):
    """Intake that counts its batches."""

    folds = 0
    writes = 0

    async def fold(self, root_id: int, pushes: Pushes, before: Folded | None = None) -> Folded:
        self.folds += 1
        return await super().fold(root_id, pushes, before)

    async def write(self, folded: Folded) -> list[Outcome]:
        self.writes += 1
        return await super().write(folded)


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
    gatherer = Gatherer(intake, 1_000, 30)
    outcomes = await asyncio.gather(*(gatherer.push(root_id, "H44", [parsed(n)]) for n in range(64)))
    assert [(each.accepted, each.duplicates, list(each.errors)) for each in outcomes] == [(1, 0, [])] * 64
    assert (intake.folds, intake.writes) == (1, 1)
    assert gatherer.waiting == 0
    report = await verify(store, root_id, deep=True)
    assert report.clean
    assert report.logged == 64


async def test_each_push_is_judged_by_its_own_key_and_in_its_turn(store: Database, root_id: int) -> None:
    gatherer = Gatherer(Intake(store, CatalogueCache()), 1_000, 30)
    pushes = [
        ("H44", parsed(0)),
        ("H44", parsed(1)),
        ("H44.07", parsed(1)),
        ("H44.07", parsed(1, content=b"another content.")),
        ("H44.07", parsed(2, unit="H44")),
    ]
    outcomes = await asyncio.gather(*(gatherer.push(root_id, unit, [each]) for unit, each in pushes))
    # The two keys take turns, so the second key's event comes before the first key's copy of it.
    assert [(each.accepted, each.duplicates, [error.code for error in each.errors]) for each in outcomes] == [
        (1, 0, []),
        (0, 1, []),
        (1, 0, []),
        (0, 0, ["conflict"]),
        (0, 0, ["forbidden_unit"]),
    ]


async def test_a_push_that_breaks_its_transaction_spares_its_neighbours(store: Database, root_id: int) -> None:
    intake = Counted(store, CatalogueCache())
    gatherer = Gatherer(intake, 1_000, 30)
    # Intake lets no such text through; here it stands for whatever else a database may choke on.
    poisoned = parsed(40, subject="H44.07-\0")
    pushes = [gatherer.push(root_id, "H44", [poisoned if n == 40 else parsed(n)]) for n in range(64)]
    outcomes = await asyncio.gather(*pushes, return_exceptions=True)
    assert isinstance(outcomes[40], Exception)
    assert [outcome.accepted for outcome in outcomes if isinstance(outcome, Outcome)] == [1] * 63
    # The batch, the batch anew, and two halves of each of its six sizes: not one transaction a push.
    assert intake.folds == 2 + 2 * 6
    report = await verify(store, root_id, deep=True)
    assert report.clean
    assert report.logged == 63


async def test_the_queue_is_bounded(store: Database, root_id: int) -> None:
    gatherer = Gatherer(Intake(store, CatalogueCache()), 100, 30)
    outcomes = await asyncio.gather(
        *(gatherer.push(root_id, "H44", [parsed(n)]) for n in range(150)), return_exceptions=True
    )
    refused = [each for each in outcomes if isinstance(each, Overloaded)]
    assert len(refused) == 50
    assert sum(each.accepted for each in outcomes if isinstance(each, Outcome)) == 100


class Paused(Intake):
    """Intake that notes what goes together, and writes only when the test says so."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, CatalogueCache())
        self.together: list[list[str]] = []
        self.goes_on = asyncio.Event()

    async def fold(self, root_id: int, pushes: Pushes, before: Folded | None = None) -> Folded:
        self.together.append([unit for unit, _ in pushes])
        return cast(Folded, pushes)

    async def write(self, folded: Folded) -> list[Outcome]:
        await self.goes_on.wait()
        return [Outcome(len(arrivals), 0, (), ()) for _, arrivals in cast(Pushes, folded)]


async def turn() -> None:
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


def pushes_of(gatherer: Gatherer, unit: str, count: int, events: int) -> list[asyncio.Task[Outcome]]:
    """So many pushes of so many events."""
    return [asyncio.create_task(gatherer.push(1, unit, [parsed(n) for n in range(events)])) for _ in range(count)]


async def test_half_is_folded_while_half_is_written(store: Database) -> None:
    intake = Paused(store)
    gatherer = Gatherer(intake, 20_000, 30)
    pushes = pushes_of(gatherer, "H44", 8, 1_000)
    await turn()
    assert [len(each) for each in intake.together] == [4, 4]
    pushes += pushes_of(gatherer, "H44", 1, 1_000)
    await turn()
    # The second batch waits until the first is written, and nothing is folded on top of what is not being written.
    assert [len(each) for each in intake.together] == [4, 4]
    intake.goes_on.set()
    assert [each.accepted for each in await asyncio.gather(*pushes)] == [1_000] * 9
    assert [len(each) for each in intake.together] == [4, 4, 1]
    assert gatherer.waiting == 0


async def test_a_batch_takes_no_further_push_after_ten_thousand_events(store: Database) -> None:
    intake = Paused(store)
    gatherer = Gatherer(intake, 20_000, 30)
    pushes = pushes_of(gatherer, "H44", 30, 1_000)
    await turn()
    assert [len(each) for each in intake.together] == [10, 10]
    intake.goes_on.set()
    assert sum(each.accepted for each in await asyncio.gather(*pushes)) == 30_000


async def test_one_event_does_not_wait_behind_thousands(store: Database) -> None:
    intake = Paused(store)
    gatherer = Gatherer(intake, 20_000, 30)
    large = pushes_of(gatherer, "H44", 2, 5_000)
    await turn()
    small = pushes_of(gatherer, "H44", 1, 1)
    await turn()
    assert [len(each) for each in intake.together] == [1, 1, 1]
    intake.goes_on.set()
    assert [each.accepted for each in await asyncio.gather(*large, *small)] == [5_000, 5_000, 1]


async def test_a_busy_key_does_not_keep_another_from_its_turn(store: Database) -> None:
    intake = Paused(store)
    gatherer = Gatherer(intake, 20_000, 30)
    busy = pushes_of(gatherer, "H44", 40, 100)
    await turn()
    assert [len(each) for each in intake.together] == [20, 20]
    busy += pushes_of(gatherer, "H44", 40, 100)
    [quiet] = pushes_of(gatherer, "H44.07", 1, 1)
    await turn()
    intake.goes_on.set()
    await quiet
    assert intake.together[2][:3] == ["H44", "H44.07", "H44"]
    assert sum(each.accepted for each in await asyncio.gather(*busy)) == 8_000
    assert gatherer.waiting == 0


async def test_a_quiet_key_has_its_turn_beside_one_that_fills_every_batch(store: Database) -> None:
    intake = Paused(store)
    intake.goes_on.set()
    gatherer = Gatherer(intake, 20_000, 30)
    answered = 0

    async def busy() -> None:
        nonlocal answered
        while not quiet.done():
            await gatherer.push(1, "H44", [parsed(0)] * 10_000)
            answered += 1

    quiet: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    clients = [asyncio.create_task(busy()) for _ in range(3)]
    await turn()
    batches = len(intake.together)
    await asyncio.wait_for(gatherer.push(1, "H44.07", [parsed(0)] * 1_000), 20)
    quiet.set_result(None)
    await asyncio.gather(*clients)
    # At most behind what each client of the busy key had sent before, not behind all that they went on sending.
    place = next(number for number, units in enumerate(intake.together) if "H44.07" in units)
    assert place - batches <= 3
    assert answered > 0


async def test_a_batch_that_ends_late_does_not_end_the_next() -> None:
    """What follows the end of a task comes a turn later, when the next one may have begun."""
    queue = _Queue()
    first = asyncio.create_task(asyncio.sleep(0, True))
    queue.batch, queue.writing = 10, first
    assert queue.written == 10
    await first
    assert queue.written == 0
    queue.batch, queue.writing = 20, asyncio.create_task(asyncio.sleep(0.01, True))
    await turn()
    assert queue.written == 20
    await queue.writing
    assert queue.written == 0


async def test_few_events_wait_for_the_batch_under_way_and_many_are_folded_beside_it(store: Database) -> None:
    intake = Paused(store)
    gatherer = Gatherer(intake, 20_000, 30)
    pushes = []
    for count, together in ((1, [1]), (99, [1]), (1, [1, 100])):
        pushes += pushes_of(gatherer, "H44", count, 1)
        await turn()
        assert [len(each) for each in intake.together] == together
    intake.goes_on.set()
    outcomes = await asyncio.gather(*pushes)
    assert [each.accepted for each in outcomes] == [1] * 101


class Failing(Counted):
    """Intake whose first batch is lost while it is written."""

    before: list[Folded | None]

    async def fold(self, root_id: int, pushes: Pushes, before: Folded | None = None) -> Folded:
        self.before = [*getattr(self, "before", []), before]
        return await super().fold(root_id, pushes, before)

    async def write(self, folded: Folded) -> list[Outcome]:
        if self.writes == 0:
            self.writes += 1
            # Long enough for the next batch to be folded on what will never be.
            while len(self.before) < 2:
                await asyncio.sleep(0.01)
            raise Outdated
        return await super().write(folded)


async def test_what_rests_on_a_batch_that_failed_is_folded_anew(store: Database, root_id: int) -> None:
    intake = Failing(store, CatalogueCache())
    gatherer = Gatherer(intake, 1_000, 30)
    # The same hundred lives, so that the second batch goes on with those of the first.
    pushes = [[parsed(100 * n + each, f"H44.07-260105-{each:04}") for each in range(100)] for n in range(4)]
    outcomes = await asyncio.gather(*(gatherer.push(root_id, "H44", each) for each in pushes))
    assert [each.accepted for each in outcomes] == [100] * 4
    # Two batches, the second on top of the first; then both once more, each on what the database has.
    assert [each is None for each in intake.before] == [True, False, True, True]
    report = await verify(store, root_id, deep=True)
    assert (report.clean, report.logged) == (True, 400)


async def test_a_database_that_is_away_is_told_at_once_to_all(store: Database, root_id: int) -> None:
    class Away(Counted):
        async def push_together(self, root_id: int, pushes: Pushes) -> list[Outcome]:
            self.writes += 1
            raise DatabaseUnavailable(SILENT)

        async def fold(self, root_id: int, pushes: Pushes, before: Folded | None = None) -> Folded:
            raise DatabaseUnavailable(SILENT)

    intake = Away(store, CatalogueCache())
    gatherer = Gatherer(intake, 1_000, 30)
    told = await asyncio.gather(
        *(gatherer.push(root_id, "H44", [parsed(n)]) for n in range(50)), return_exceptions=True
    )
    assert [type(each) for each in told] == [DatabaseUnavailable] * 50
    assert intake.writes == 1
    assert gatherer.waiting == 0
