"""What is said otherwise to a cluster: rows by VALUES, refusals in other words, readers whose rows are not cleared."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from app.store.connections import citus
from app.store.connections.database import Database

_COLUMNS = ("root_id", "key", "content")


def receipts(numbers: range) -> list[tuple[int, bytes, bytes]]:
    return [(7, number.to_bytes(16), bytes(16)) for number in numbers]


class Refusing:
    """A connection whose COPY is refused in a worker's words."""

    def __init__(self, says: str) -> None:
        self._says = says

    async def copy_records_to_table(self, *_: Any, **__: Any) -> None:
        raise asyncpg.InternalServerError(self._says)


async def test_many_rows_go_in_few_kinds_of_statements(store: Database) -> None:
    async with store.connection("write") as connection:
        said: list[str] = []
        connection.add_query_logger(lambda logged: said.append(logged.query))
        await citus.insert(connection, "receipt", _COLUMNS, receipts(range(600)))
        await asyncio.sleep(0)  # what was said is told in the loop's next turn
        assert [each.count("($") for each in said] == [256, 256, 64, 16, 8]
        found = await connection.fetch("SELECT key, content FROM receipt WHERE root_id = 7 ORDER BY key")
        assert [tuple(row) for row in found] == [row[1:] for row in receipts(range(600))]
        with pytest.raises(asyncpg.UniqueViolationError):
            await citus.insert(connection, "receipt", _COLUMNS, receipts(range(599, 601)))
        await citus.insert(connection, "receipt", _COLUMNS, receipts(range(599, 601)), "ON CONFLICT DO NOTHING")
        assert await connection.fetchval("SELECT count(*) FROM receipt WHERE root_id = 7") == 601


async def test_a_row_that_is_there_is_known_by_its_constraint_in_any_language() -> None:
    for says in (
        'duplicate key value violates unique constraint "receipt_pkey_102041"',
        'giá trị khóa trùng vi phạm ràng buộc duy nhất "receipt_pkey_102041"',
    ):
        with pytest.raises(asyncpg.UniqueViolationError, match="receipt_pkey"):
            await citus.copy(Refusing(says), "receipt", _COLUMNS, [])  # type: ignore[arg-type]
    with pytest.raises(asyncpg.InternalServerError, match="out of shards"):
        await citus.copy(Refusing("out of shards"), "receipt", _COLUMNS, [])  # type: ignore[arg-type]


async def test_who_clears_rows_waits_for_readers_of_the_root_and_for_no_other(store: Database) -> None:
    changed = asyncio.Event()

    async def change(root_id: int) -> None:
        async with store.transaction() as connection:
            await citus.wait_for_readers(connection, root_id)
            changed.set()

    async with store.snapshot() as reader, store.snapshot() as another:
        await citus.hold_still(reader, 7)
        await citus.hold_still(another, 7)
        writer = asyncio.create_task(change(7))
        await change(8)
        changed.clear()
        while not await reader.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted)"
        ):
            assert not writer.done()
        assert not changed.is_set()
    await asyncio.wait_for(writer, 20)
    assert changed.is_set()


async def test_a_writer_holds_nobody_up_by_reading(store: Database) -> None:
    """Two that held the readers' lock would wait for each other when they clear something."""
    async with store.transaction() as one, store.transaction() as other:
        await citus.hold_still(one, 7)
        await citus.hold_still(other, 7)
        await asyncio.wait_for(citus.wait_for_readers(one, 7), 20)


async def test_elsewhere_nobody_waits(postgres_database: str) -> None:
    database = Database(postgres_database, 2, 2, 20)
    async with database.snapshot() as reader, database.transaction() as writer:
        assert (citus.is_citus(reader), citus.is_citus(writer)) == (False, False)
        await citus.hold_still(reader, 7)
        await citus.wait_for_readers(writer, 7)
        assert await writer.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    await database.close()
