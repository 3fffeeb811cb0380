"""Which lives an edit of a catalogue, or a change of the rules, makes stale; write/refold.py folds them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.lives import life as lives
from app.store.catalogues import lock
from app.store.connections.database import Connection
from app.store.schema import life, petition, procedure, refold, root
from app.store.statements import in_sql


@dataclass(frozen=True, slots=True)
class Stale:
    """Lives that are to be folded again: those of procedures (ids), all that the calendar touches, or everything."""

    procedures: Sequence[int] = ()
    calendar: bool = False
    everything: bool = False

    def __or__(self, other: Stale) -> Stale:
        procedures = sorted({*self.procedures, *other.procedures})
        return Stale(procedures, self.calendar or other.calendar, self.everything or other.everything)

    def among(self, root_id: int, generation: int) -> ColumnElement[bool]:
        """The condition for rows of `life`."""
        of_these = life.c.procedure_id == func.any(self.procedures)
        if self.calendar:
            # Of the calendar depend petitions, and dossiers of a procedure with a longest legal time. The latter also
            # when they have a due time: the legal deadline decides which requests for a supplement stop the clock
            # before one is told.
            limited = select(procedure.c.id).where(
                procedure.c.root_id == root_id, procedure.c.max_working_days.is_not(None)
            )
            told = exists().where(
                petition.c.root_id == life.c.root_id,
                petition.c.generation == life.c.generation,
                petition.c.subject == life.c.subject,
            )
            of_these = or_(of_these, life.c.procedure_id.in_(limited), told)
        of_root = (life.c.root_id == root_id) & (life.c.generation == generation)
        return of_root if self.everything else of_root & of_these


async def begin(connection: Connection, root_id: int, revision: int, stale: Stale) -> int:
    """Note that these lives are to be folded with `revision`; returns how many they are.

    Part of the edit's transaction, which holds the catalogue alone. What an earlier edit has left is done with it, from
    the beginning.
    """
    generation = await connection.fetchval(*in_sql(select(root.c.generation).where(root.c.id == root_id)))

    async def count(of: Stale) -> int:
        lives_of = select(func.count()).select_from(life).where(of.among(root_id, generation))
        return int(await connection.fetchval(*in_sql(lives_of)))

    total = made = await count(stale)
    if made == 0:
        return 0
    left = await connection.fetchrow(*in_sql(select(refold).where(refold.c.root_id == root_id)))
    if left is not None:
        stale |= of_row(left)
        total = await count(stale)
    values = {"revision": revision, **asdict(stale), "cursor": "", "total": total, "done": 0}
    row = insert(refold).values(root_id=root_id, **values)
    await connection.execute(*in_sql(row.on_conflict_do_update(index_elements=["root_id"], set_=values)))
    return made


def of_row(row: Any) -> Stale:
    """What a row of `refold` names."""
    return Stale(row["procedures"], row["calendar"], row["everything"])


async def begin_with_rules(connection: Connection, root_id: int) -> None:
    """Note that all lives are to be folded again when they were folded with older rules than this version's.

    The revision is raised as by an edit: what this version's writers have folded before is merely folded once more,
    and those of an older version are kept out from now on (Intake.moment).
    """
    await lock.hold_alone(connection, root_id)
    raised = update(root).where(root.c.id == root_id, root.c.rules < lives.RULES).returning(root.c.revision)
    raised = raised.values(rules=lives.RULES, revision=root.c.revision + 1)
    revision = await connection.fetchval(*in_sql(raised))
    if revision is not None:
        await begin(connection, root_id, revision, Stale(everything=True))
