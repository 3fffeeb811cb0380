"""Statements of the schema as asyncpg takes them."""

from __future__ import annotations

import gc

from sqlalchemy import Select, bindparam, delete, func, insert, select

from app.store import statements
from app.store.connections.database import Database
from app.store.schema import calendar_day, root, source
from app.store.statements import in_sql, in_sql_for_each


def by_name(name: str) -> Select[int]:
    return select(source.c.id).where(source.c.root_id == bindparam("root_id"), source.c.name == name)


def test_values_stand_where_the_text_wants_them() -> None:
    text, *values = in_sql(by_name("/h44/thu"), root_id=7, unused=1)
    assert (text.count("$1"), text.count("$2"), values) == (1, 1, [7, "/h44/thu"])


def test_a_statement_that_is_kept_is_made_once_and_one_that_is_not_is_forgotten() -> None:
    gc.collect()
    before, kept = len(statements._MADE), by_name("/h44/thu")
    assert in_sql(kept, root_id=7)[0] is in_sql(kept, root_id=8)[0]
    in_sql(by_name("/h44/igate"), root_id=7)
    gc.collect()
    assert len(statements._MADE) == before + 1


async def test_days_and_instants_cross_as_everywhere(postgres_database: str) -> None:
    database = Database(postgres_database, 1, 1, 5)
    async with database.transaction() as connection:
        new = insert(root).values(code="H44", rules=1).returning(root.c.id)
        root_id = await connection.fetchval(*in_sql(new))
        rows = [{"root_id": root_id, "day": day, "kind": "holiday"} for day in (20_454, 20_453)]
        await connection.executemany(*in_sql_for_each(insert(calendar_day), rows))
        days = select(calendar_day.c.day).order_by(calendar_day.c.day)
        assert [row["day"] for row in await connection.fetch(*in_sql(days))] == [20_453, 20_454]
        gone = delete(calendar_day).where(calendar_day.c.day == bindparam("day"))
        await connection.executemany(*in_sql_for_each(gone, rows[:1]))
        assert await connection.fetchval(*in_sql(select(func.count()).select_from(calendar_day))) == 1
        assert await connection.fetchval(*in_sql(select(func.clock_timestamp()))) > 1_700_000_000_000_000
    await database.close()
