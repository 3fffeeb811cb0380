"""What a process keeps of many roots: the catalogues and ids of those asked for last, and never another answer."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterable
from typing import Literal

import pytest
import pytest_asyncio

from app.domain.catalogues.root import Catalogues
from app.store.catalogues import roots
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Connection, Database, Outdated
from app.store.lineage import LINEAGE
from app.store.names import Names

CODES = ("H44", "H45", "H46")


@pytest_asyncio.fixture(loop_scope="function")
async def store(database: str) -> AsyncIterator[Database]:
    store = Database(database, 4, 4, 20)
    yield store
    await store.close()


@pytest_asyncio.fixture(loop_scope="function")
async def three(store: Database) -> list[int]:
    """The ids of three roots with catalogues of three rows each."""
    made = []
    for code in CODES:
        async with store.connection("write") as connection:
            root_id = await roots.ensure(connection, code)
            units = [(root_id, code, "province"), (root_id, f"{code}.07", "department")]
            await connection.executemany("INSERT INTO unit (root_id, code, level) VALUES ($1, $2, $3)", units)
            await connection.execute(
                "INSERT INTO procedure (root_id, code, known, levels) VALUES ($1, '1.000001', true, '{department}')",
                root_id,
            )
        made.append(root_id)
    return made


async def revision_of(store: Database, root_id: int) -> int:
    async with store.connection("read") as connection:
        return int(await connection.fetchval("SELECT revision FROM root WHERE id = $1", root_id))


async def lineage_of(connection: Connection, root_id: int) -> int:
    return int(await connection.fetchval(f"SELECT {LINEAGE} FROM root WHERE id = $1", root_id))


async def at(store: Database, cache: CatalogueCache, root_id: int) -> Catalogues:
    async with store.connection("read") as connection:
        return await cache.at(connection, root_id, await lineage_of(connection, root_id))


async def test_a_third_root_throws_out_the_one_asked_for_longest_ago(store: Database, three: list[int]) -> None:
    first, second, third = three
    cache = CatalogueCache(room=6)
    one, two = await at(store, cache, first), await at(store, cache, second)
    assert one.rows == two.rows == 3
    assert await at(store, cache, first) is one
    three_ = await at(store, cache, third)
    assert await at(store, cache, first) is one
    assert await at(store, cache, third) is three_
    again = await at(store, cache, second)
    assert again is not two
    assert again == two
    assert again.digest == two.digest
    assert [each.root for each in (one, two, three_)] == list(CODES)


async def test_what_hangs_on_catalogues_goes_with_them(store: Database, three: list[int]) -> None:
    cache = CatalogueCache(room=3)
    catalogues = await at(store, cache, three[0])
    units = catalogues.in_scope("H44", "subtree")
    gone = weakref.ref(catalogues)
    await at(store, cache, three[1])
    # Whoever still works with them does so to the end.
    assert catalogues.in_scope("H44", "subtree") is units
    gc.disable()
    try:
        del catalogues
        assert gone() is None
    finally:
        gc.enable()


async def test_one_root_is_kept_however_large_it_is(store: Database, three: list[int]) -> None:
    cache = CatalogueCache(room=2)
    one = await at(store, cache, three[0])
    assert await at(store, cache, three[0]) is one
    assert await at(store, cache, three[1]) is not one
    assert await at(store, cache, three[0]) is not one


async def test_two_that_ask_at_once_get_the_same(store: Database, three: list[int]) -> None:
    cache = CatalogueCache()
    found = await asyncio.gather(*(at(store, cache, three[0]) for _ in range(3)))
    assert all(each is found[0] for each in found)
    assert await at(store, cache, three[0]) is found[0]


async def test_a_snapshot_from_before_an_edit_has_the_catalogues_of_then(store: Database, three: list[int]) -> None:
    cache, root_id = CatalogueCache(), three[0]
    before = await revision_of(store, root_id)
    async with store.snapshot() as snapshot:
        lineage = await lineage_of(snapshot, root_id)
        async with store.connection("write") as connection, connection.transaction():
            await connection.execute("INSERT INTO unit (root_id, code) VALUES ($1, 'H44.13')", root_id)
            await connection.execute("UPDATE root SET revision = revision + 1 WHERE id = $1", root_id)
        after = await at(store, cache, root_id)
        old = await cache.at(snapshot, root_id, lineage)
        assert (old.revision, len(old.units)) == (before, 2)
        again = await at(store, cache, root_id)
        assert again == after
        assert (again.revision, len(again.units)) == (before + 1, 3)


class Asked:
    """The process's names, asked on a connection of its own each time."""

    def __init__(self, store: Database, room: int) -> None:
        self._store, self._names = store, Names(room)

    async def ids(
        self, kind: Literal["source", "procedure"], root_id: int, names: Iterable[str], lineage: int = 1
    ) -> dict[str, int]:
        async with self._store.connection("write") as connection:
            return await self._names.ids(connection, kind, root_id, lineage, names)


async def test_names_looked_up_again_have_the_same_ids(store: Database, three: list[int]) -> None:
    names = Asked(store, room=4)
    asked = {"1.000001", "1.000002"}
    found = [dict(await names.ids("procedure", root_id, asked)) for root_id in three]
    assert all(each.keys() == asked for each in found)
    assert len({number for each in found for number in each.values()}) == 6
    kept = await names.ids("procedure", three[2], asked)
    assert await names.ids("procedure", three[2], asked) is kept
    for root_id, ids in zip(three, found, strict=True):
        again = await names.ids("procedure", root_id, asked)
        assert again == ids
        # There was room for two: the third is another one by now.
        assert again is not kept


async def test_ids_in_a_pushs_hands_stay_when_others_take_the_room(store: Database, three: list[int]) -> None:
    names = Asked(store, room=3)
    held = await names.ids("source", three[0], {"a", "b"})
    ids = dict(held)
    more = await names.ids("source", three[0], {"b", "c", "d"})
    assert more.keys() == {"b", "c", "d"}
    assert more["b"] == ids["b"]
    await names.ids("source", three[1], {"a", "b", "c"})
    assert held == ids
    assert await names.ids("source", three[0], {"a", "b"}) == ids


async def test_more_names_than_there_is_room_for_are_answered_all_the_same(store: Database, three: list[int]) -> None:
    names = Asked(store, room=2)
    asked = {"a", "b", "c"}
    first = await names.ids("source", three[0], asked)
    assert first.keys() == asked
    assert await names.ids("source", three[0], asked) == first


async def test_names_that_are_all_known_take_no_more_room(store: Database, three: list[int]) -> None:
    names = Asked(store, room=4)
    known = await names.ids("source", three[0], {"a", "b", "c", "d"})
    assert await names.ids("source", three[0], {"a", "b", "c"}) is known
    assert len(known) == 4


async def test_ids_that_a_push_adds_are_kept_and_counted(store: Database, three: list[int]) -> None:
    names = Asked(store, room=3)
    known = await names.ids("procedure", three[0], ())
    known["1.000001"] = 1
    assert await names.ids("procedure", three[0], ()) is known
    other = await names.ids("procedure", three[1], {"1.000001", "1.000002"})
    assert await names.ids("procedure", three[0], ()) is known
    known |= {"1.000002": 2}
    assert await names.ids("procedure", three[0], ()) is known
    assert await names.ids("procedure", three[1], {"1.000001", "1.000002"}) is not other


async def test_ids_of_another_lineage_are_looked_up_again(store: Database, three: list[int]) -> None:
    names = Asked(store, room=4)
    known = await names.ids("source", three[0], {"a", "b"})
    async with store.connection("write") as connection:
        await connection.execute("UPDATE source SET id = DEFAULT WHERE name = 'a'")
    assert await names.ids("source", three[0], {"a", "b"}) is known
    again = await names.ids("source", three[0], {"a", "b"}, lineage=2)
    assert again["b"] == known["b"]
    assert again["a"] > known["a"]


async def test_no_id_is_given_in_a_transaction_that_may_be_rolled_back(store: Database, three: list[int]) -> None:
    names = Names()
    async with store.transaction() as connection:
        with pytest.raises(Outdated):
            await names.ids(connection, "source", three[0], 1, {"a"})
