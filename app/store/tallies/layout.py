"""How the tallies of closed years lie on disk: unit by unit, so that a unit's question reads few pages.

Rows lie where they were written, in the order in which things happened; a unit's rows of a year are then on nearly as
many pages as there are. A year that is over hardly changes any more, so it is worth writing it down once in order: its
rows are deleted and inserted again, a month of days at a time, under the same locks as a push. Nothing that is read
changes, and nobody waits but who writes to just those cells. Whether a year lies in order is seen by looking, not noted
(decision 0010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from app.domain.calendar.civil import Day, Instant, date_of, day_number, day_of
from app.domain.tallies.tally import FAMILIES, Family
from app.store.catalogues import lock
from app.store.connections import citus
from app.store.connections.database import Connection, Database
from app.store.grains import GRAINS, bucket_length, tally_keys, tally_name

_IN_ORDER: Final = 0.1
"""Of rows in order some one in fifty begins a page; more than this share are not in order."""

_WORTH_IT: Final = 1_000
"""Rows from which on it matters where they lie."""

_MOVED_TOGETHER: Final = {"day": "month", "month": "quarter", "year": "year"}
"""By length of bucket, of what span of time the rows are moved in one transaction, and lie together afterwards."""

_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}

Progress = Callable[[str, int, int], None]
"""Told the table that is being worked on, how much is done, and of how much."""


@dataclass(frozen=True)
class Year:
    """A closed year of one tally: its rows, and how many of them lie on another page than the one before in order."""

    family: Family
    grain: str
    year: int
    rows: int
    turns: int

    @property
    def table(self) -> str:
        """The table's name."""
        return tally_name(self.family, self.grain)

    @property
    def in_order(self) -> bool:
        """Whether there is nothing to be won by writing it down again."""
        return self.rows < _WORTH_IT or self.turns <= self.rows * _IN_ORDER


async def look(database: Database, root_id: int, now: int, progress: Progress) -> list[Year]:
    """How every closed year of a root's tallies lies; `now` in µs."""
    found: list[Year] = []
    this_year = day_number(date(date_of(day_of(Instant(now))).year, 1, 1))
    tables = [(family, grain) for family in FAMILIES for grain in GRAINS[family.name]]
    async with database.connection("read") as connection:
        if citus.is_citus(connection):
            # Where its rows lie is each worker's own affair.
            return []
        generation = await connection.fetchval("SELECT generation FROM root WHERE id = $1", root_id)
        for number, (family, grain) in enumerate(tables):
            progress(tally_name(family, grain), number, len(tables))
            rows = await connection.fetch(_turns(family, grain), root_id, generation, this_year)
            found += [Year(family, grain, *row) for row in rows]
        progress("looked at", len(tables), len(tables))
    return found


async def lay_out(database: Database, root_id: int, year: Year, progress: Progress) -> None:
    """Write a year down in order. May be broken off at any time, and begun again."""
    months = _MONTHS[_MOVED_TOGETHER[bucket_length(year.grain)]]
    firsts = [day_number(date(year.year, month, 1)) for month in range(1, 13, months)]
    ends = [*firsts[1:], day_number(date(year.year + 1, 1, 1))]
    for number, (first, until) in enumerate(zip(firsts, ends, strict=True)):
        progress(f"{year.table} {year.year}", number, len(firsts))
        await database.write(partial(_move, root_id=root_id, year=year, first=first, until=until))


async def tidy(database: Database, table: str) -> None:
    """Give the room that moved rows have left free to new ones."""
    async with database.connection("write") as connection:
        await connection.execute(f"VACUUM (ANALYZE) {table}")


async def _move(connection: Connection, root_id: int, year: Year, first: Day, until: Day) -> None:
    await lock.hold(connection, root_id)
    generation = await connection.fetchval("SELECT generation FROM root WHERE id = $1", root_id)
    await connection.execute(
        f"""
        WITH moved AS (
            DELETE FROM {year.table} WHERE root_id = $1 AND generation = $2 AND bucket >= $3 AND bucket < $4 RETURNING *
        )
        INSERT INTO {year.table} SELECT * FROM moved ORDER BY {_order(year.family, year.grain)}
        """,
        root_id,
        generation,
        first,
        until,
    )


def _order(family: Family, grain: str) -> str:
    """SQL for the order in which a tally's rows are to lie."""
    keys = tally_keys(family, grain)
    by_unit = [key for key in ("unit_id", *keys) if key in keys]
    return ", ".join(
        (f"date_trunc('{_MOVED_TOGETHER[bucket_length(grain)]}', bucket::timestamp)", *dict.fromkeys(by_unit))
    )


def _turns(family: Family, grain: str) -> str:
    return f"""
        SELECT extract(year FROM bucket)::int AS year, count(*)::int, count(*) FILTER (WHERE page <> before)::int
        FROM (
            SELECT bucket, page, lag(page) OVER (ORDER BY {_order(family, grain)}) AS before
            FROM (
                SELECT {", ".join(tally_keys(family, grain))}, (ctid::text::point)[0]::bigint AS page
                FROM {tally_name(family, grain)}
                WHERE root_id = $1 AND generation = $2 AND bucket < $3
            ) AS rows
        ) AS neighbours
        GROUP BY year ORDER BY year
    """
