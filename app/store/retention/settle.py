"""What TimescaleDB does for the log follows the settings: looked at, and changed where it is otherwise."""

from __future__ import annotations

from typing import Final

from app.store import engine
from app.store.connections.database import Connection, Database
from app.store.engine import Engine
from app.store.lineage import hold_schema
from app.store.retention import reach, timescale
from app.store.retention.timescale import State, Step, Wish

_SETTLE_LOCK: Final = 7_660_005
"""Class of the advisory lock of who makes it so."""


async def look(connection: Connection) -> tuple[Engine, State]:
    """What the database is, and what it has."""
    found = await engine.detect(connection)
    if found.timescale is None:
        return found, State(None)
    row = await connection.fetchrow(timescale.STATE)
    assert row is not None
    return found, State(*row)


async def settle(database: Database, wish: Wish, dry_run: bool = False) -> list[Step]:
    """Make it as wished, or only say what would be done; what was, or would be, changed.

    Needs the rights of the log's owner where anything is to be changed.
    """
    if dry_run:
        async with database.connection("read") as connection:
            return timescale.steps(*await look(connection), wish)

    async def work(connection: Connection) -> list[Step]:
        # One at a time: who comes second finds it done.
        await hold_schema(connection, f"pg_advisory_xact_lock({_SETTLE_LOCK:d}, 0)")
        found, state = await look(connection)
        todo = timescale.steps(found, state, wish)
        if state.drop_after is not None and state.drop_after != wish.keep:
            # What the policy may have dropped until now is known by the policy alone, which ends here.
            await reach.note(connection, await connection.fetchval(timescale.DROPPED_BY_POLICY))
        for step in todo:
            for statement in step.statements:
                await connection.execute(statement)
        return todo

    return await database.write(work)
