"""Removing a root with all that is kept under it: one that a typing error has made, or one that left."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, func, select

from app.messages import Message, Told
from app.store import audit
from app.store.audit import Change
from app.store.catalogues import lock
from app.store.connections import citus
from app.store.connections.database import Connection
from app.store.engine import DELETE_ANY
from app.store.schema import api_key, event, life, metadata, procedure, root, unit
from app.store.schema import audit as log
from app.store.statements import in_sql

_SHOWN = {"units": unit, "procedures": procedure, "keys": api_key, "events": event, "lives": life}


class Busy(Told):
    """The root is being rebuilt."""


async def contents(connection: Connection, root_id: int) -> Mapping[str, int]:
    """How many listed units and procedures, keys (revoked ones too), events and lives a root has."""
    counts = {}
    for name, table in _SHOWN.items():
        # Units and procedures that were only named, by events or keys, have no name of their own.
        listed = (table.c.name.is_not(None),) if table in (unit, procedure) else ()
        counted = select(func.count()).select_from(table).where(table.c.root_id == root_id, *listed)
        counts[name] = int(await connection.fetchval(*in_sql(counted)))
    return counts


async def hold(connection: Connection, root_id: int) -> None:
    """Keep everybody from writing under the root until the connection's transaction ends.

    Raises:
        Busy: it is being rebuilt, and rows of its next generation would be written after all.
    """
    await lock.hold_alone(connection, root_id)
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", lock.REBUILD_LOCK, root_id):
        raise Busy(
            Message(
                "the root is being rebuilt; remove it when that has ended",
                "đơn vị gốc đang được dựng lại; hãy xóa khi việc đó xong",
            )
        )


async def remove(connection: Connection, root_id: int) -> None:
    """Delete the root and every row that bears its id, but for the audit log. The caller's transaction holds it."""
    await citus.wait_for_readers(connection, root_id)
    await connection.execute(DELETE_ANY)
    code = await connection.fetchval(*in_sql(select(root.c.code).where(root.c.id == root_id)))
    gone = Change(code, "removed", "root", code, before=await contents(connection, root_id))
    await audit.write(connection, audit.NO_ROOT, audit.COMMAND_LINE, [gone])
    for table in reversed(metadata.sorted_tables):
        if "root_id" in table.c and table is not log:
            await connection.execute(*in_sql(delete(table).where(table.c.root_id == root_id)))
    await connection.execute(*in_sql(delete(root).where(root.c.id == root_id)))
