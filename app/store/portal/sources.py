"""What is known of each source of the portal's payload: its profile, and the values it has ever told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import bindparam, func, or_, select, update

from app.domain.portal.profile import TRUSTED, Profile, Success
from app.store import audit
from app.store.audit import COMMAND_LINE, Actor, Change
from app.store.connections import citus
from app.store.connections.database import Connection
from app.store.schema import portal_source, portal_value
from app.store.statements import in_sql

_OF: Final = select(portal_source).where(
    portal_source.c.root_id == bindparam("root_id"),
    or_(portal_source.c.source == bindparam("source"), bindparam("source") == ""),
).order_by(portal_source.c.source)  # fmt: skip
_PUT: Final = """
    INSERT INTO portal_source (root_id, source, untrusted, success, revision, applied_to)
    VALUES ($1, $2, $3, $4, 1, '')
    ON CONFLICT (root_id, source) DO UPDATE SET untrusted = excluded.untrusted, success = excluded.success,
        revision = portal_source.revision + 1,
        applied_to = CASE WHEN excluded.untrusted = portal_source.untrusted THEN portal_source.applied_to ELSE '' END
"""
_UNAPPLIED: Final = select(portal_source).where(portal_source.c.applied_to.is_not(None))
# In their order: who tells the same at the same time waits for one row at most.
_TOLD: Final = """
    INSERT INTO portal_value (root_id, source, field, value)
    SELECT $1, $2, * FROM unnest($3::text[], $4::text[]) ON CONFLICT DO NOTHING
"""


class Kept(NamedTuple):
    """A profile as it is kept; `revision` 0: none is. `applied_to`: the last dossier that a change was applied to."""

    source: str
    profile: Profile
    revision: int
    applied_to: str | None = None
    root_id: int = 0


async def read(connection: Connection, root_id: int, source: str) -> Kept:
    """The profile of a source; of one that has none, all is believed."""
    [*found] = await every(connection, root_id, source)
    return found[0] if found else Kept(source, TRUSTED, 0)


async def every(connection: Connection, root_id: int, source: str = "") -> list[Kept]:
    """The profiles of a root, or of one source."""
    return [_kept(row) for row in await connection.fetch(*in_sql(_OF, root_id=root_id, source=source))]


async def put(
    connection: Connection, root_id: int, source: str, unit: str, profile: Profile, actor: Actor = COMMAND_LINE
) -> bool:
    """Set the profile of a source; whether that changes anything. It is applied to all of its dossiers afterwards."""
    async with audit.together(connection):
        before = await read(connection, root_id, source)
        if before.profile == profile:
            return False
        await connection.execute(_PUT, root_id, source, sorted(profile.untrusted), profile.success)
        changed = ({"untrusted": sorted(each.untrusted), "success": each.success} for each in (before.profile, profile))
        told = Change(unit, "changed" if before.revision else "created", "source", source, *changed)
        await audit.write(connection, root_id, actor, [told])
    return True


async def unapplied(connection: Connection) -> list[Kept]:
    """The sources, of all roots, whose profile has yet to be applied to dossiers that are in."""
    return [_kept(row) for row in await connection.fetch(*in_sql(_UNAPPLIED))]


async def applied(connection: Connection, kept: Kept, to: str | None) -> None:
    """A profile was applied up to a dossier, None: to all; unless it has changed since."""
    column = portal_source.c
    mine = (column.root_id == kept.root_id, column.source == kept.source, column.revision == kept.revision)
    await connection.execute(*in_sql(update(portal_source).where(*mine).values(applied_to=to)))


async def told(connection: Connection, root_id: int, source: str, values: Iterable[tuple[str, str]]) -> None:
    """Keep values that a source tells."""
    pairs = sorted(set(values))
    if pairs and citus.is_citus(connection):
        rows = [(root_id, source, *pair) for pair in pairs]
        columns = ("root_id", "source", "field", "value")
        await citus.insert(connection, portal_value.name, columns, rows, "ON CONFLICT DO NOTHING")
    elif pairs:
        await connection.execute(_TOLD, root_id, source, *map(list, zip(*pairs, strict=True)))


async def values(connection: Connection, root_id: int) -> dict[str, list[tuple[str, str]]]:
    """By source of a root, each field and value it has ever told."""
    column = portal_value.c
    rows = await connection.fetch(
        *in_sql(
            select(column.source, func.array_agg(column.field), func.array_agg(column.value))
            .where(column.root_id == root_id)
            .group_by(column.source)
        )
    )
    return {row[0]: list(zip(row[1], row[2], strict=True)) for row in rows}


def _kept(row: Any) -> Kept:
    profile = Profile(frozenset(row["untrusted"]), cast(Success, row["success"]))
    return Kept(row["source"], profile, row["revision"], row["applied_to"], row["root_id"])
