"""The dossiers that a list of moves may be about, in pages by subject."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any, Final

from sqlalchemy import bindparam, func, or_, select

from app.domain.lives.moving import Candidate
from app.domain.lives.packing import unpack
from app.store.connections.database import Connection
from app.store.schema import life, procedure, unit
from app.store.statements import in_sql

_AT_ONCE: Final = 1_000
_CANDIDATES: Final = (
    select(
        life.c.subject,
        unit.c.code.label("unit"),
        procedure.c.code.label("procedure"),
        life.c.received_at,
        life.c.ended_at,
        life.c.events,
    )
    .join(unit, (unit.c.root_id == life.c.root_id) & (unit.c.id == life.c.unit_id))
    .join(procedure, (procedure.c.root_id == life.c.root_id) & (procedure.c.id == life.c.procedure_id))
    .where(
        life.c.root_id == bindparam("root_id"),
        life.c.generation == bindparam("generation"),
        life.c.received_at.is_not(None),
        life.c.subject > bindparam("after"),
        or_(
            life.c.subject == func.any(bindparam("subjects")),
            (unit.c.code == func.any(bindparam("units"))) & (procedure.c.code == func.any(bindparam("procedures"))),
        ),
    )
    .order_by(life.c.subject)
    .limit(_AT_ONCE)
)


async def candidates(
    connection: Connection,
    root_id: int,
    generation: int,
    units: Collection[str],
    procedures: Collection[str],
    subjects: Collection[str],
) -> AsyncIterator[list[Candidate]]:
    """The received dossiers of these procedures that are at one of these units, and those named."""
    asked: dict[str, Any] = {
        "root_id": root_id,
        "generation": generation,
        "units": list(units),
        "procedures": list(procedures),
        "subjects": list(subjects),
    }
    after = ""
    while True:
        rows = await connection.fetch(*in_sql(_CANDIDATES, **asked, after=after))
        yield [_candidate(**row) for row in rows]
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1]["subject"]


def _candidate(events: bytes, subject: str, **facts: Any) -> Candidate:
    return Candidate(subject, **facts, life=unpack(subject, events))
