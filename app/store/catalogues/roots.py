"""Roots: the top units (a province, a ministry) under whose ids everything is kept."""

from __future__ import annotations

import asyncio
from functools import cache

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert

from app.domain import codes
from app.domain.calendar import workdays
from app.domain.calendar.periods import FIRST_YEAR, LAST_YEAR
from app.domain.lives import life as lives
from app.messages import Message, Told
from app.store import audit
from app.store.audit import Change
from app.store.connections.database import Connection
from app.store.lineage import hold_schema
from app.store.schema import life, root, source, unit
from app.store.statements import in_sql


class UnknownRoot(Told):
    """A root that was never set up."""


@cache
def _seed() -> list[tuple[int, str, str]]:
    years = (FIRST_YEAR, LAST_YEAR)
    days = {day: ("holiday", name) for day, name in workdays.seed_holidays(*years).items()}
    days |= {day: ("workday", name) for day, name in workdays.seed_workdays(*years).items()}
    return [(day, *kind_and_name) for day, kind_and_name in sorted(days.items())]


async def ensure(connection: Connection, code: str) -> int:
    """The id of a root, made with its calendar of public holidays when there is none of this code yet.

    Who comes second waits until the first has committed root and calendar together, and finds both.
    """
    there = select(root.c.id).where(root.c.code == code)
    found = await connection.fetchval(*in_sql(there))
    if found is not None:
        return int(found)
    # A second of computing, once in the life of a process.
    days = await asyncio.to_thread(_seed)
    async with audit.together(connection):
        await hold_schema(connection)
        new = insert(root).values(code=code, rules=lives.RULES).on_conflict_do_nothing().returning(root.c.id)
        made = await connection.fetchval(*in_sql(new))
        if made is not None:
            await connection.copy_records_to_table(
                "calendar_day",
                records=[(made, *day, True) for day in days],
                columns=["root_id", "day", "kind", "name", "seeded"],
            )
            await audit.write(connection, made, audit.COMMAND_LINE, [Change(code, "created", "root", code)])
            return int(made)
    return int(await connection.fetchval(*in_sql(there)))


async def found(connection: Connection, code: str = "") -> list[tuple[int, str]]:
    """Ids and codes of a root or of all.

    Raises:
        UnknownRoot: there is no such root.
    """
    of_all = select(root.c.id, root.c.code).order_by(root.c.code)
    rows = await connection.fetch(*in_sql(of_all.where(root.c.code == code) if code else of_all))
    if code and not rows:
        raise UnknownRoot(
            Message(
                "there is no root {code}: see `chiso roots list`; `chiso keys create --new-root` begins one",
                "không có đơn vị gốc {code}: xem `chiso roots list`; tạo mới bằng `chiso keys create --new-root`",
                code=code,
            )
        )
    return [(row["id"], row["code"]) for row in rows]


async def only(connection: Connection) -> int | None:
    """The id of the root when there is exactly one."""
    rows = await connection.fetch("SELECT id FROM root ORDER BY id LIMIT 2")
    return int(rows[0]["id"]) if len(rows) == 1 else None


async def of_unit(connection: Connection, unit: str) -> int | None:
    """The id of the root that a unit's code lies under, or in which the text is an alias."""
    root_id: int | None = await connection.fetchval(
        """
        SELECT id FROM root WHERE code = $1
        UNION ALL SELECT root_id FROM unit WHERE $2 = ANY(aliases) LIMIT 1
        """,
        codes.root_of(unit),
        unit,
    )
    return root_id


async def has_unit(connection: Connection, root_id: int, code: str) -> bool:
    """Whether the catalogue of a root has a unit."""
    there = exists().where(unit.c.root_id == root_id, unit.c.code == code, unit.c.name.is_not(None))
    return bool(await connection.fetchval(*in_sql(select(there))))


async def has_lives(connection: Connection, code: str) -> bool:
    """Whether anything was ever taken in for a root."""
    root_id = await connection.fetchval(*in_sql(select(root.c.id).where(root.c.code == code)))
    return bool(await connection.fetchval(*in_sql(select(life.c.root_id).where(life.c.root_id == root_id).limit(1))))


async def source_with(connection: Connection, root_id: int, prefix: str, but_not: str) -> str | None:
    """A source of the root whose name begins with `prefix`, but not with `but_not`."""
    name = source.c.name
    begun = (name.startswith(prefix, autoescape=True), ~name.startswith(but_not, autoescape=True))
    found: str | None = await connection.fetchval(*in_sql(select(name).where(source.c.root_id == root_id, *begun)))
    return found
