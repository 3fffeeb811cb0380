"""Pushes handed over to the process that writes: what became of them comes back whole, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.domain.lives.events import BY_TYPE
from app.domain.push import Outcome, Parsed, Rejected, Warned
from app.intake import cloudevents
from app.store.database import DatabaseUnavailable, Overloaded
from app.store.write.relay import Reception, Relay, listen
from tests.intake.sample import MANY, of_type

PATIENCE = 30
EVERYTHING = Outcome(
    accepted=3,
    duplicates=2,
    errors=[Rejected(4, "e4", "/h44/thu", "unknown_unit", "unit", "no unit of the catalogue has this code")],
    warnings=[Warned(1, "e1", "unknown_procedure", "data.procedure", "not in the catalogue")],
    accepted_types={"dossier.received": 3},
    duplicate_types={"dossier.signed": 2},
)
NOTHING = Outcome(0, 0, [], [])


class Desk:
    """The process that writes: notes what it is handed and does with it what it is told to."""

    def __init__(self, does: Callable[[], Outcome] = lambda: NOTHING) -> None:
        self.does = does
        self.taken: list[tuple[int, str, Sequence[Parsed]]] = []
        self.may = asyncio.Event()
        self.may.set()

    async def push(self, root_id: int, unit: str, arrivals: Sequence[Parsed]) -> Outcome:
        self.taken.append((root_id, unit, arrivals))
        await self.may.wait()
        return self.does()

    async def took(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.taken) < count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def writing(desk: Desk, listening: socket.socket) -> AsyncIterator[Reception]:
    """A process that writes, which ends at the end of the block with all its connections."""
    reception = Reception(desk.push)
    # A copy: the socket itself goes on listening when this one has ended, as the parent's does.
    server = await asyncio.get_running_loop().create_unix_server(reception, sock=listening.dup())
    try:
        yield reception
    finally:
        server.close()
        reception.close()
        async with asyncio.timeout(PATIENCE):
            await reception.nobody.wait()


@asynccontextmanager
async def relaying(path: Path) -> AsyncIterator[Relay]:
    """One who hands over."""
    relay = Relay(path)
    try:
        async with asyncio.timeout(PATIENCE):
            yield relay
    finally:
        relay.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where pushes are handed over: longer than the name of a socket may be."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    return folder / "writer"


def arrivals(count: int) -> list[Parsed]:
    """Sound events, of every type of the contract in turn."""
    kinds = itertools.cycle(BY_TYPE)
    events = [of_type(next(kinds)) | {"id": f"đ{number}", "sequence": str(number)} for number in range(count)]
    items = cloudevents.parse(json.dumps(events).encode(), MANY, {}).items
    sound = [item for item in items if isinstance(item, Parsed)]
    assert len(sound) == count
    return sound


async def test_a_push_arrives_whole_and_so_does_what_became_of_it(path: Path) -> None:
    desk, pushed = Desk(lambda: EVERYTHING), arrivals(len(BY_TYPE))
    with listen(path) as listening:
        async with writing(desk, listening), relaying(path) as relay:
            assert await relay.push(7, "H44.07", pushed) == EVERYTHING
    assert desk.taken == [(7, "H44.07", pushed)]


async def test_pushes_larger_than_any_buffer_and_small_ones_go_side_by_side(path: Path) -> None:
    desk, large, small = Desk(), arrivals(9_000), arrivals(1)
    with listen(path) as listening:
        async with writing(desk, listening), relaying(path) as one, relaying(path) as other:
            sent = {"a": large, "b": small}
            pushes = [relay.push(1, unit, sent[unit]) for unit in sent for relay in (one, other)]
            assert await asyncio.gather(*pushes) == [NOTHING] * 4
    assert sorted((unit, len(taken)) for _, unit, taken in desk.taken) == [("a", 9_000)] * 2 + [("b", 1)] * 2
    assert all(taken == sent[unit] for _, unit, taken in desk.taken)


async def test_answers_find_their_push_in_any_order(path: Path) -> None:
    desk = Desk()
    with listen(path) as listening:
        async with writing(desk, listening), relaying(path) as relay:
            desk.may.clear()
            slow = asyncio.create_task(relay.push(1, "a", arrivals(1)))
            await desk.took(1)
            held, desk.may = desk.may, asyncio.Event()
            desk.may.set()
            desk.does = lambda: EVERYTHING
            assert await relay.push(1, "b", arrivals(1)) == EVERYTHING
            desk.does = lambda: NOTHING
            held.set()
            assert await slow == NOTHING


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Overloaded(), Overloaded),
        (DatabaseUnavailable("it is away"), DatabaseUnavailable),
        (ValueError("broken"), RuntimeError),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_why_nothing_was_taken_in_is_told(path: Path, error: Exception, told: type[Exception]) -> None:
    def fail() -> Outcome:
        raise error

    desk = Desk(fail)
    with listen(path) as listening:
        async with writing(desk, listening), relaying(path) as relay:
            with pytest.raises(told):
                await relay.push(1, "H44", arrivals(1))
            desk.does = lambda: EVERYTHING
            assert await relay.push(1, "H44", arrivals(1)) == EVERYTHING


async def test_who_waits_is_told_when_the_writer_ends_and_the_next_push_waits_for_the_next_writer(path: Path) -> None:
    desk = Desk()
    desk.may.clear()
    with listen(path) as listening:
        async with relaying(path) as relay:
            async with writing(desk, listening):
                waiting = asyncio.create_task(relay.push(1, "H44", arrivals(1)))
                await desk.took(1)
            with pytest.raises(DatabaseUnavailable):
                await waiting
            early = asyncio.create_task(relay.push(1, "H44", arrivals(2)))
            await asyncio.sleep(0.05)
            assert not early.done()
            async with writing(Desk(lambda: EVERYTHING), listening):
                assert await early == EVERYTHING
            desk.may.set()


async def test_without_anybody_listening_nothing_is_acknowledged(path: Path) -> None:
    listen(path).close()
    async with relaying(path) as relay:
        with pytest.raises(DatabaseUnavailable):
            await relay.push(1, "H44", arrivals(1))


async def test_all_who_wait_for_a_writer_that_does_not_come_are_told_so_together(path: Path) -> None:
    with listen(path) as listening:
        relay = Relay(path, patience=0.2)
        pushes = [relay.push(1, "H44", arrivals(1)) for _ in range(50)]
        async with asyncio.timeout(PATIENCE / 10):
            told = await asyncio.gather(*pushes, return_exceptions=True)
        assert [type(each) for each in told] == [DatabaseUnavailable] * 50
        async with writing(Desk(lambda: EVERYTHING), listening):
            assert await relay.push(1, "H44", arrivals(1)) == EVERYTHING
            relay.close()


async def test_who_goes_before_the_answer_harms_nobody(path: Path) -> None:
    desk = Desk(lambda: EVERYTHING)
    desk.may.clear()
    with listen(path) as listening:
        async with writing(desk, listening) as reception, relaying(path) as relay:
            gone = asyncio.create_task(relay.push(1, "H44", arrivals(1)))
            await desk.took(1)
            gone.cancel()
            async with relaying(path) as another:
                lost = asyncio.create_task(another.push(1, "H44", arrivals(1)))
                await desk.took(2)
            with pytest.raises(DatabaseUnavailable):
                await lost
            desk.may.set()
            assert await relay.push(1, "H44", arrivals(1)) == EVERYTHING
            relay.close()
            await reception.nobody.wait()
