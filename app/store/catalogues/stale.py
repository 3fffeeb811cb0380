"""Which lives an edit of a catalogue makes stale; write/refold.py folds them again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from app.store.database import Connection

# Of the calendar depend: petitions, and dossiers of a procedure with a longest legal time. The latter also when they
# have a due time: the legal deadline decides which requests for a supplement stop the clock before one is told.
AFFECTED: Final = """
    life.root_id = $1 AND life.generation = $2 AND (
        life.procedure_id = ANY($3::int[])
        OR $4::boolean AND (
            life.procedure_id IN (SELECT id FROM procedure WHERE root_id = $1 AND max_working_days IS NOT NULL)
            OR EXISTS (
                SELECT FROM petition
                WHERE petition.root_id = life.root_id AND petition.generation = life.generation
                  AND petition.subject = life.subject
            )
        )
    )
"""
"""Lives of some procedures, or whatever depends on the calendar."""

_COUNT: Final = f"SELECT count(*) FROM life WHERE {AFFECTED}"


async def begin(
    connection: Connection, root_id: int, revision: int, procedures: Collection[int], calendar: bool
) -> int:
    """Note that lives of `procedures` (ids), or all that the calendar touches, are to be folded with `revision`.

    Part of the edit's transaction, which holds the catalogue alone. What an earlier edit has left is done with it, from
    the beginning. Returns how many lives this edit makes stale.
    """
    generation = await connection.fetchval("SELECT generation FROM root WHERE id = $1", root_id)
    stale = int(await connection.fetchval(_COUNT, root_id, generation, sorted(procedures), calendar))
    if stale == 0:
        return 0
    total = stale
    left = await connection.fetchrow("SELECT procedures, calendar FROM refold WHERE root_id = $1", root_id)
    if left is not None:
        procedures = {*procedures, *left["procedures"]}
        calendar = calendar or left["calendar"]
        total = await connection.fetchval(_COUNT, root_id, generation, sorted(procedures), calendar)
    await connection.execute(
        """
        INSERT INTO refold (root_id, revision, procedures, calendar, total) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (root_id) DO UPDATE
        SET revision = excluded.revision, procedures = excluded.procedures, calendar = excluded.calendar,
            total = excluded.total, cursor = '', done = 0
        """,
        root_id,
        revision,
        sorted(procedures),
        calendar,
        total,
    )
    return stale
