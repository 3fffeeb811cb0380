"""The lock on a root's catalogue revision: writers of facts hold it together, an edit of the catalogues alone.

Before it every writer takes the migration's lock, shared: a reading lock on Alembic's table, which a migration takes
alone. So none writes while the schema changes, or afterwards what another revision's schema asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import update

from app.store.connections.database import Connection
from app.store.lineage import HOLD_SCHEMA, LINEAGE, hold_schema
from app.store.schema import root
from app.store.statements import in_sql

_CATALOGUE_LOCK: Final = 7_660_001
"""Class of the advisory lock on a root's catalogue revision; the second key is the root's id."""
REBUILD_LOCK: Final = 7_660_002
"""Class of the advisory lock of a root's rebuild."""

_WRITERS: Final = """
    SELECT concat_ws('/', pid, virtualtransaction) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = $1::bigint::oid AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def begin_holding(root_id: int, lineage: int) -> str:
    """Statements that begin a transaction, `hold` the root, and select it if it is still of a lineage (`OF_LINEAGE`).

    Together one round trip, which every push pays.
    """
    return (
        f"BEGIN ISOLATION LEVEL READ COMMITTED; {HOLD_SCHEMA};"
        f" SELECT pg_advisory_xact_lock_shared({_CATALOGUE_LOCK:d}, {root_id:d});"
        f" SELECT 1 FROM root WHERE id = {root_id:d} AND {LINEAGE} = {lineage:d}"
    )


OF_LINEAGE: Final = "SELECT 1"
"""What the server says of the last statement where the root is of the lineage."""


def begin_holding_alone(root_id: int) -> str:
    """Statements that begin a transaction and take the locks of `hold_alone`."""
    return (
        f"BEGIN ISOLATION LEVEL READ COMMITTED; {HOLD_SCHEMA};"
        f" SELECT pg_advisory_xact_lock({_CATALOGUE_LOCK:d}, {root_id:d})"
    )


async def hold(connection: Connection, root_id: int) -> None:
    """Keep the root's revision and generation, and the schema, from changing until this transaction ends.

    Every writer of facts and tallies holds this first (lock order: migration, catalogue, receipts, lives, tallies), so
    that facts folded with an old revision cannot be committed after an edit, nor into a generation a rebuild has just
    retired.

    Raises:
        DatabaseUnavailable: the schema is another version's.
    """
    await hold_schema(connection, f"pg_advisory_xact_lock_shared({_CATALOGUE_LOCK:d}, {root_id:d})")


async def hold_alone(connection: Connection, root_id: int) -> None:
    """Wait for every writer of the root to commit and keep new ones out until this transaction ends.

    Raises:
        DatabaseUnavailable: the schema is another version's.
    """
    await hold_schema(connection, f"pg_advisory_xact_lock({_CATALOGUE_LOCK:d}, {root_id:d})")


async def try_hold(connection: Connection, root_ids: Sequence[int]) -> bool:
    """`hold` several roots if nobody holds or wants one of them alone: who waited for one would hold up the others'.

    Raises:
        DatabaseUnavailable: the schema is another version's.
    """
    await hold_schema(connection)
    held: bool = await connection.fetchval(
        "SELECT coalesce(bool_and(pg_try_advisory_xact_lock_shared($1, id)), true) FROM unnest($2::int[]) AS id",
        _CATALOGUE_LOCK,
        root_ids,
    )
    return held


async def writers(connection: Connection) -> list[str]:
    """The transactions that hold any root just now: among them all that have written events and not committed yet."""
    return [row[0] for row in await connection.fetch(_WRITERS, _CATALOGUE_LOCK)]


async def raise_revision(connection: Connection, root_id: int) -> int:
    """The next catalogue revision of a root; the caller holds it alone."""
    raised = update(root).where(root.c.id == root_id).values(revision=root.c.revision + 1).returning(root.c.revision)
    return int(await connection.fetchval(*in_sql(raised)))
