"""What a source has told of its dossiers (app/domain/portal/), a row a dossier, beside the lives its events are in.

A row is written before the events that follow from it, and it only grows: who is interrupted in between is made good
by the next message about the dossier, which finds what its life still lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import and_, bindparam, delete, func, literal, select, tuple_, update

from app.domain.codes import UnitCode
from app.domain.lives.events import Event
from app.domain.lives.flags import PORTAL_FAULTS
from app.domain.lives.packing import unpack
from app.domain.portal.faults import faults
from app.domain.portal.state import Known
from app.store.connections import citus
from app.store.connections.database import Connection
from app.store.rows import columns_of, unnest
from app.store.schema import life, portal_dossier, portal_source, root
from app.store.statements import in_sql

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Known)
_COLUMNS: Final = columns_of(portal_dossier, but_not=("root_id",))
_NAMES: Final = ", ".join(_COLUMNS)
_SET: Final = ", ".join(f"{name} = excluded.{name}" for name in list(_COLUMNS)[2:])
_AGAIN: Final = f"ON CONFLICT (root_id, source, subject) DO UPDATE SET {_SET}"
_UNLESS_THERE: Final = "ON CONFLICT DO NOTHING"
_WRITE: Final = f"""
    INSERT INTO portal_dossier (root_id, {_NAMES})
    SELECT $1::int, * FROM {unnest(tuple(_COLUMNS.items()), first=2)} AS new ({_NAMES})
"""
_NAMED: Final = (
    portal_dossier.c.root_id == bindparam("root_id"),
    portal_dossier.c.source == bindparam("source"),
    portal_dossier.c.subject == func.any(bindparam("subjects")),
)
"""The rows of some `subjects` of a source."""
_OF_SOURCE: Final = select(portal_dossier).where(*_NAMED)
_VERSIONS: Final = (
    select(portal_dossier.c.subject, portal_dossier.c.version, func.coalesce(portal_source.c.revision, 0))
    .outerjoin_from(
        portal_dossier,
        portal_source,
        and_(
            portal_source.c.root_id == portal_dossier.c.root_id,
            portal_source.c.source == portal_dossier.c.source,
        ),
    )
    .where(*_NAMED)
)
_COUNTED: Final = (
    update(portal_dossier).where(*_NAMED, portal_dossier.c.unit.is_not(None)).values(parked=literal(False))
)
_EMPTY: Final = delete(portal_dossier).where(*_NAMED)
_IN_ORDER: Final = _OF_SOURCE.order_by(portal_dossier.c.subject).with_for_update()
_PARKED: Final = (
    select(portal_dossier.c.source, portal_dossier.c.subject)
    .where(
        portal_dossier.c.root_id == bindparam("root_id"),
        portal_dossier.c.parked,
        tuple_(portal_dossier.c.source, portal_dossier.c.subject) > tuple_(bindparam("source"), bindparam("subject")),
    )
    .order_by(portal_dossier.c.source, portal_dossier.c.subject)
    .limit(bindparam("most"))
)
_SUBJECTS: Final = (
    select(portal_dossier.c.subject)
    .where(
        portal_dossier.c.root_id == bindparam("root_id"),
        portal_dossier.c.source == bindparam("source"),
        portal_dossier.c.subject > bindparam("subject"),
    )
    .order_by(portal_dossier.c.subject)
    .limit(bindparam("most"))
)
_PARKED_ROOTS: Final = select(portal_dossier.c.root_id).where(portal_dossier.c.parked).distinct()
_REVISIONS: Final = select(root.c.id, root.c.revision).where(root.c.id == func.any(bindparam("ids")))
_LIVES: Final = select(life.c.subject, life.c.events).where(
    life.c.root_id == bindparam("root_id"),
    life.c.generation == bindparam("generation"),
    life.c.subject == func.any(bindparam("subjects")),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of a dossier, how often that has grown, and its unit; None while the catalogue lacks that.

    Attributes:
        parked: it waits for its unit, or that is there now and its events have yet to be taken in.
    """

    known: Known
    version: int
    unit: UnitCode | None
    parked: bool = False


NOTHING: Final = Row(Known(), 0, None)


async def read(connection: Connection, root_id: int, source: str, subjects: Sequence[str]) -> dict[str, Row]:
    """The rows of those subjects that there are."""
    return await _rows(connection, _OF_SOURCE, root_id, source, subjects)


async def grow(
    connection: Connection, root_id: int, source: str, subjects: Sequence[str], grown: Callable[[str, Row], Row]
) -> dict[str, Row]:
    """Rows with what is new in them, within a transaction: nobody else changes them until it ends.

    Args:
        grown: a row with more in it; the same row where nothing is new.
    """
    before = await _rows(connection, _IN_ORDER, root_id, source, subjects)
    if new := sorted(set(subjects) - before.keys()):
        # Who tells of the same new dossier at the same time waits here, then goes on from what the other has told.
        await _write(connection, root_id, source, dict.fromkeys(new, NOTHING), _UNLESS_THERE)
        before |= await _rows(connection, _IN_ORDER, root_id, source, new)
    rows = {subject: grown(subject, before[subject]) for subject in sorted(before)}
    changed = {subject: row for subject, row in rows.items() if row is not before[subject]}
    if changed:
        await _write(connection, root_id, source, changed, _AGAIN)
    if empty := [subject for subject in new if not rows[subject].version]:
        await connection.execute(*in_sql(_EMPTY, root_id=root_id, source=source, subjects=empty))
    return rows


async def moved(
    connection: Connection, root_id: int, source: str, versions: Mapping[str, tuple[int, int]]
) -> list[str]:
    """Of those subjects the ones whose row, or whose source's profile, is at another version than the given two."""
    found = await connection.fetch(*in_sql(_VERSIONS, root_id=root_id, source=source, subjects=list(versions)))
    return [subject for subject, *now in found if tuple(now) != versions[subject]]


async def counted(connection: Connection, root_id: int, source: str, subjects: Sequence[str]) -> None:
    """The events of dossiers that were parked are in."""
    await connection.execute(*in_sql(_COUNTED, root_id=root_id, source=source, subjects=list(subjects)))


async def _write(connection: Connection, root_id: int, source: str, rows: Mapping[str, Row], then: str) -> None:
    values = [_columns(source, subject, row) for subject, row in rows.items()]
    if citus.is_citus(connection):
        of_root = [(root_id, *each) for each in values]
        await citus.insert(connection, portal_dossier.name, ("root_id", *_COLUMNS), of_root, then)
    else:
        await connection.execute(_WRITE + then, root_id, *map(list, zip(*values, strict=True)))


def _columns(source: str, subject: str, row: Row) -> tuple[Any, ...]:
    lacks_unit = row.unit is None
    parked = row.parked or lacks_unit
    return source, subject, row.version, _ENCODER.encode(row.known), row.unit, parked, faults(row.known, lacks_unit)


async def _rows(
    connection: Connection, statement: Any, root_id: int, source: str, subjects: Sequence[str]
) -> dict[str, Row]:
    found = await connection.fetch(*in_sql(statement, root_id=root_id, source=source, subjects=list(subjects)))
    return {
        each["subject"]: Row(_DECODER.decode(each["known"]), each["version"], each["unit"], each["parked"])
        for each in found
    }


async def parked_roots(connection: Connection) -> dict[int, int]:
    """The roots with dossiers whose unit is not there, and each one's catalogue revision."""
    ids = [row["root_id"] for row in await connection.fetch(*in_sql(_PARKED_ROOTS))]
    return {row["id"]: row["revision"] for row in await connection.fetch(*in_sql(_REVISIONS, ids=ids))} if ids else {}


async def parked(connection: Connection, root_id: int, after: tuple[str, str], most: int) -> list[tuple[str, str]]:
    """Sources and subjects of a root's dossiers whose unit is not there, in order, from after one on."""
    return [
        tuple(row)
        for row in await connection.fetch(
            *in_sql(_PARKED, root_id=root_id, source=after[0], subject=after[1], most=most)
        )
    ]


async def faults_by_cause(connection: Connection) -> dict[str, int]:
    """How many dossiers of all roots have each fault."""
    counts = ", ".join(f"count(*) FILTER (WHERE faults & {bit} <> 0)" for bit in PORTAL_FAULTS.values())
    row = await connection.fetchrow(f"SELECT {counts} FROM portal_dossier WHERE faults <> 0")
    assert row is not None, "it counts"
    return dict(zip(PORTAL_FAULTS, row, strict=True))


async def subjects(connection: Connection, root_id: int, source: str, after: str, most: int) -> list[str]:
    """Subjects of a source's dossiers, in order, from after one on."""
    found = await connection.fetch(*in_sql(_SUBJECTS, root_id=root_id, source=source, subject=after, most=most))
    return [row["subject"] for row in found]


async def lives(
    connection: Connection, root_id: int, generation: int, subjects: Sequence[str]
) -> Mapping[str, list[Event]]:
    """The events of those lives that there are."""
    found = await connection.fetch(
        *in_sql(_LIVES, root_id=root_id, generation=generation, subjects=list(subjects)),
    )
    return {each["subject"]: unpack(each["subject"], each["events"]) for each in found}
