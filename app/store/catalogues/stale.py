"""Which lives an edit of a catalogue, or a change of the rules, makes stale; write/refold.py folds them again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from app.domain.lives import life
from app.store.catalogues import lock
from app.store.database import Connection

# Of the calendar depend: petitions, and dossiers of a procedure with a longest legal time. The latter also when they
# have a due time: the legal deadline decides which requests for a supplement stop the clock before one is told.
AFFECTED: Final = """
    life.root_id = $1 AND life.generation = $2 AND (
        $5::boolean
        OR life.procedure_id = ANY($3::int[])
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
"""Lives of some procedures, whatever depends on the calendar, or all."""

_COUNT: Final = f"SELECT count(*) FROM life WHERE {AFFECTED}"


async def begin(
    connection: Connection,
    root_id: int,
    revision: int,
    procedures: Collection[int] = (),
    *,
    calendar: bool = False,
    everything: bool = False,
) -> int:
    """Note that lives of `procedures` (ids), all that the calendar touches, or all, are to be folded with `revision`.

    Part of the edit's transaction, which holds the catalogue alone. What an earlier edit has left is done with it, from
    the beginning. Returns how many lives this edit makes stale.
    """
    generation = await connection.fetchval("SELECT generation FROM root WHERE id = $1", root_id)
    stale = int(await connection.fetchval(_COUNT, root_id, generation, sorted(procedures), calendar, everything))
    if stale == 0:
        return 0
    total = stale
    left = await connection.fetchrow("SELECT procedures, calendar, everything FROM refold WHERE root_id = $1", root_id)
    if left is not None:
        procedures = {*procedures, *left["procedures"]}
        calendar, everything = calendar or left["calendar"], everything or left["everything"]
        total = await connection.fetchval(_COUNT, root_id, generation, sorted(procedures), calendar, everything)
    await connection.execute(
        """
        INSERT INTO refold (root_id, revision, procedures, calendar, everything, total) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (root_id) DO UPDATE
        SET revision = excluded.revision, procedures = excluded.procedures, calendar = excluded.calendar,
            everything = excluded.everything, total = excluded.total, cursor = '', done = 0
        """,
        root_id,
        revision,
        sorted(procedures),
        calendar,
        everything,
        total,
    )
    return stale


async def begin_with_rules(connection: Connection, root_id: int) -> None:
    """Note that all lives are to be folded again when they were folded with older rules than this version's.

    The revision is raised as by an edit: what this version's writers have folded before is merely folded once more,
    and those of an older version are kept out from now on (Intake.moment).
    """
    await lock.hold_alone(connection, root_id)
    revision = await connection.fetchval(
        "UPDATE root SET rules = $2, revision = revision + 1 WHERE id = $1 AND rules < $2 RETURNING revision",
        root_id,
        life.RULES,
    )
    if revision is not None:
        await begin(connection, root_id, revision, everything=True)
