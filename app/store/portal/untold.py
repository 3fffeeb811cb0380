"""Of which measures no source of a unit's dossiers tells anything, kept with the catalogues that figures are read by.

It follows from feeds (who tells of received dossiers of a unit), profiles and what has ever been told, and changes a
few times in a root's life; then its revision is raised, as by any other edit. So pushes and questions pay nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import bindparam, delete, select, union

from app.domain.portal.state import SOURCE
from app.domain.portal.untold import untold
from app.store.catalogues import lock
from app.store.connections.database import Connection, Database
from app.store.portal import sources
from app.store.schema import feed, portal_untold, source
from app.store.statements import in_sql

Untold = Mapping[int, frozenset[str]]
"""By unit (id) of whose received dossiers any source tells, measures; empty where all of them are told in all units."""

_ROOTS: Final = union(
    select(source.c.root_id).where(source.c.name.startswith(SOURCE, autoescape=True)), select(portal_untold.c.root_id)
)
_FEEDS: Final = (
    select(feed.c.unit_id, source.c.name)
    .join(source, (source.c.root_id == feed.c.root_id) & (source.c.id == feed.c.source_id))
    .where(feed.c.root_id == bindparam("root_id"), feed.c.received > 0)
)
_KEPT: Final = select(portal_untold).where(portal_untold.c.root_id == bindparam("root_id"))
_WRITE: Final = "INSERT INTO portal_untold (root_id, unit_id, measures) VALUES ($1, $2, $3)"


async def settle(database: Database) -> None:
    """Keep what is untold now, in every root where that has changed."""
    async with database.connection("read") as connection:
        roots = [row[0] for row in await connection.fetch(*in_sql(_ROOTS))]
        stale = [each for each in roots if await found(connection, each) != await kept(connection, each)]
    for root_id in stale:
        async with database.transaction() as connection:
            await lock.hold_alone(connection, root_id)
            now = await found(connection, root_id)
            if now == await kept(connection, root_id):
                continue
            await connection.execute(*in_sql(delete(portal_untold).where(portal_untold.c.root_id == root_id)))
            await connection.executemany(_WRITE, [(root_id, unit, sorted(each)) for unit, each in sorted(now.items())])
            await lock.raise_revision(connection, root_id)


async def found(connection: Connection, root_id: int) -> Untold:
    """What is untold as feeds, profiles and values stand."""
    untrusted = {each.source: each.profile.untrusted for each in await sources.every(connection, root_id)}
    values = await sources.values(connection, root_id)
    by_unit: dict[int, frozenset[str]] = {}
    for unit, name in await connection.fetch(*in_sql(_FEEDS, root_id=root_id)):
        mine = frozenset[str]()
        if name.startswith(SOURCE):
            mine = untold(untrusted.get(name, ()), (field for field, _ in values.get(name, ())))
        by_unit[unit] = by_unit.get(unit, mine) & mine
    return by_unit if any(by_unit.values()) else {}


async def kept(connection: Connection, root_id: int) -> Untold:
    """What is kept."""
    rows = await connection.fetch(*in_sql(_KEPT, root_id=root_id))
    return {row["unit_id"]: frozenset(row["measures"]) for row in rows}
