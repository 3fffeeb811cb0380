"""The state a figure is read from: catalogues, generation and instant of one snapshot."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.domain.catalogues.root import Catalogues
from app.domain.lives import life
from app.store.catalogues.read import CatalogueCache
from app.store.connections import citus
from app.store.connections.database import Clock, Connection, Outdated
from app.store.lineage import LINEAGE, MIGRATION, RootGone, require_readable


@dataclass(frozen=True)
class ReadingMoment:
    """One snapshot's catalogues, live generation, instant (µs) and whether lives still wait to be folded again; the
    rules that the lives are folded with, and the database's migration.
    """

    catalogues: Catalogues
    generation: int
    now: int
    refolding: bool
    rules: int
    migration: str

    def version(self, changes: int) -> tuple[int, ...]:
        """What figures are made of beside the clock; `changes` is how often their units' own have changed."""
        return (self.catalogues.lineage, int(self.refolding), changes)


async def reading_moment(
    connection: Connection, catalogue_cache: CatalogueCache, root_id: int, clock: Clock
) -> ReadingMoment:
    """What the snapshot of `connection` sees of a root; the first statement, so that the clock is never behind it.

    Raises:
        DatabaseUnavailable: the database has yet to be migrated, or the root is gone.
        Outdated: the connection is in no transaction, and the root has changed meanwhile.
    """
    await citus.hold_still(connection, root_id)
    # The coordinator plans what asks a system column for itself only where all tables are of one kind.
    apart = citus.is_citus(connection)
    migration = await connection.fetchval(f"SELECT {MIGRATION}") if apart else None
    row = await connection.fetchrow(
        f"""
        SELECT generation, rules < $3 OR EXISTS (SELECT FROM refold WHERE root_id = $1) AS refolding,
               rules, {"NULL" if apart else MIGRATION} AS migration, {LINEAGE} AS lineage,
               coalesce($2::timestamptz, clock_timestamp()) AS now
        FROM root WHERE id = $1
        """,
        root_id,
        clock(),
        life.RULES,
    )
    if row is None:
        raise RootGone
    migration = require_readable(row["migration"] or migration)
    catalogues = await catalogue_cache.at(connection, root_id, row["lineage"])
    if catalogues.lineage != row["lineage"]:
        # Edited or rebuilt since the row was read: outside of a transaction.
        raise Outdated
    return ReadingMoment(catalogues, row["generation"], row["now"], row["refolding"], row["rules"], migration)


@dataclass(frozen=True)
class RootState:
    """What all figures of a root are made of at one instant (µs): how often each unit's (by id) have changed, and the
    rest as in a ReadingMoment.
    """

    lineage: int
    refolding: bool
    now: int
    changes: Mapping[int, int]

    def version(self, unit_ids: Iterable[int]) -> tuple[int, ...]:
        """The version of figures that count some units, as a ReadingMoment tells it."""
        changes = sum(self.changes.get(each, 0) for each in unit_ids)
        return (self.lineage, int(self.refolding), changes)


async def root_states(connection: Connection, root_ids: Collection[int], clock: Clock) -> dict[int, RootState]:
    """The states of some roots by id, all of the one snapshot of a single statement."""
    if citus.is_citus(connection):
        return await _states_in_cluster(connection, root_ids, clock)
    rows = await connection.fetch(
        f"""
        SELECT root.id, {LINEAGE} AS lineage, counted.units, counted.changes,
               rules < $3 OR EXISTS (SELECT FROM refold WHERE refold.root_id = root.id) AS refolding,
               coalesce($2::timestamptz, clock_timestamp()) AS now
        FROM root, LATERAL (
            SELECT coalesce(array_agg(unit_id), '{{}}') AS units, coalesce(array_agg(changes), '{{}}') AS changes
            FROM (
                SELECT unit_id, sum(changes)::bigint AS changes FROM unit_change
                WHERE root_id = root.id GROUP BY unit_id
            ) AS of_unit
        ) AS counted
        WHERE root.id = ANY($1::int[])
        """,
        sorted(root_ids),
        clock(),
        life.RULES,
    )
    return {
        row["id"]: RootState(
            row["lineage"],
            row["refolding"],
            row["now"],
            dict(zip(row["units"], row["changes"], strict=True)),
        )
        for row in rows
    }


async def _states_in_cluster(connection: Connection, root_ids: Collection[int], clock: Clock) -> dict[int, RootState]:
    """The same root by root, the lineage from the coordinator and the changes from the root's worker: what is told of a
    root may be of two moments, and is told otherwise the next time.
    """
    found = {}
    for root_id in sorted(root_ids):
        changed = await connection.fetch(
            "SELECT unit_id, sum(changes)::bigint FROM unit_change WHERE root_id = $1 GROUP BY unit_id", root_id
        )
        row = await connection.fetchrow(
            f"""
            SELECT {LINEAGE}, rules < $3 OR EXISTS (SELECT FROM refold WHERE refold.root_id = root.id),
                   coalesce($2::timestamptz, clock_timestamp())
            FROM root WHERE id = $1
            """,
            root_id,
            clock(),
            life.RULES,
        )
        if row is not None:
            found[root_id] = RootState(row[0], row[1], row[2], dict(map(tuple, changed)))
    return found


async def revision(connection: Connection) -> str | None:
    """The migration the database stands at; None when it was never migrated."""
    if not await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
        return None
    at: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return at


async def is_read_only(connection: Connection) -> bool:
    """Whether nothing can be written: on a standby, or where the server, the database or the role is set to be so."""
    return bool(await connection.fetchval("SELECT current_setting('transaction_read_only')::boolean"))


async def rules(connection: Connection) -> tuple[bool, bool]:
    """Whether any root's lives are folded with newer rules than these, and whether any are being folded again."""
    row = await connection.fetchrow(
        """
        SELECT coalesce(max(rules) > $1, false), coalesce(min(rules) < $1, false) OR EXISTS (SELECT FROM refold)
        FROM root
        """,
        life.RULES,
    )
    assert row is not None, "it counts"
    return row[0], row[1]


class Backlog(NamedTuple):
    """Rejections kept (counted to 100,000); lives that still wait to be folded again, those already folded, and since
    when the first of them waits, in seconds; how long ago the log was last read for the feeds, 0 when nothing is new.
    """

    rejections: float
    to_do: float
    done: float
    waiting_seconds: float
    feeds_behind: float


UNKNOWN: Final = Backlog(*[math.nan] * 5)
"""Of a database that does not say."""


async def backlog(connection: Connection) -> Backlog:
    """What is kept and what is waited for, of all roots together."""
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM (SELECT FROM rejection LIMIT 100000) AS kept)::float,
               coalesce(sum(greatest(total - done, 0)), 0)::float, coalesce(sum(done), 0)::float,
               coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::float,
               coalesce((
                   SELECT extract(epoch FROM clock_timestamp() - read_at) FROM feed_mark, event_seq
                   WHERE is_called AND last_value > seq
               ), 0)::float
        FROM refold
        """
    )
    assert row is not None, "it counts"
    return Backlog(*row)


async def present(connection: Connection, now: int | None) -> int:
    """The instant (µs) given, else that of the database's clock, by which everything in it is dated."""
    return int(await connection.fetchval("SELECT coalesce($1::timestamptz, clock_timestamp())", now))


async def size(connection: Connection) -> int:
    """Bytes of the database on its server's disk, without the WAL. The server looks at every file."""
    return int(await connection.fetchval("SELECT pg_database_size(current_database())"))
