"""Tallies of a generation that nobody reads yet, in bulk: the finest cells as they come, the coarser summed at the end.

What a life adds to which cell is decided in domain.tallies.tally here as everywhere; this is only a faster way to write
many.
"""

from __future__ import annotations

from typing import Final

from app.domain.tallies.tally import FAMILIES
from app.store.connections.database import Connection
from app.store.grains import GRAINS, tally_keys, tally_name
from app.store.tallies.add import added_sql, bucket_sql
from app.store.tallies.change import Change

_FINEST: Final = {family: GRAINS[family.name][0] for family in FAMILIES}


async def add_finest(connection: Connection, root_id: int, generation: int, change: Change) -> None:
    """Add cells to the finest tally of each family; the coarser ones follow with `sum_up`. Change counters stay.

    By COPY and one statement: passing the same numbers as arrays costs the client three times as much.
    """
    for family, grain in _FINEST.items():
        cells = change.cells[family.name]
        if not cells:
            continue
        table, keys = tally_name(family, grain), tally_keys(family, grain)
        columns = [*keys, *family.counters]
        by_procedure = "procedure_id" in keys
        await connection.execute(f"CREATE TEMP TABLE staged (LIKE {table}) ON COMMIT DROP")
        await connection.copy_records_to_table(
            "staged",
            records=[
                (
                    root_id,
                    generation,
                    day,
                    unit,
                    *((procedure,) if by_procedure else ()),
                    variety,
                    *(count or None for count in counts),
                )
                for (unit, procedure, variety, day), counts in cells.items()
            ],
            columns=["root_id", "generation", *columns],
        )
        await connection.execute(
            f"""
            INSERT INTO {table} (root_id, generation, {", ".join(columns)})
            SELECT root_id, generation, {", ".join(columns)} FROM staged ORDER BY {", ".join(keys)}
            ON CONFLICT (root_id, generation, {", ".join(keys)}) DO UPDATE
            SET {added_sql(family, table)}
            """
        )
        await connection.execute("DROP TABLE staged")


async def sum_up(connection: Connection, root_id: int, generation: int) -> None:
    """Fill the coarser tallies, still empty, with sums of the finest."""
    # Unlike all else that is written, this reads a whole table (database.py).
    await connection.execute("SET LOCAL enable_seqscan = on")
    for family, finest in _FINEST.items():
        for grain in GRAINS[family.name][1:]:
            keys = tally_keys(family, grain)
            named = ", ".join(keys)
            counters = ", ".join(family.counters)
            sums = ", ".join(f"sum({name})" for name in family.counters)
            bucket = bucket_sql(grain, "bucket")
            await connection.execute(
                f"""
                INSERT INTO {tally_name(family, grain)} (root_id, generation, {named}, {counters})
                SELECT $1::int, $2::int, {named.replace("bucket", bucket)}, {sums}
                FROM {tally_name(family, finest)} WHERE root_id = $1 AND generation = $2
                GROUP BY {", ".join(str(place) for place in range(3, 3 + len(keys)))}
                """,
                root_id,
                generation,
            )
