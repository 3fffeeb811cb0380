"""Catalogues in the database: read whole, kept until the root's lineage ends or others need the room."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from cachetools import LRUCache
from sqlalchemy import bindparam, select

from app.domain.calendar.civil import Day
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues import indicators
from app.domain.catalogues.root import CatalogueName, Catalogues, ExternalFigure, Procedure, Unit
from app.store.catalogues.tables import CATALOGUES
from app.store.connections.database import Connection
from app.store.lineage import LINEAGE, RootGone
from app.store.schema import portal_untold
from app.store.statements import in_sql

_UNTOLD: Final = (
    select(portal_untold.c.unit_id, portal_untold.c.measures)
    .where(portal_untold.c.root_id == bindparam("root_id"))
    .order_by(portal_untold.c.unit_id)
)
_ROOM: Final = 8_000
"""Rows of catalogues kept in all; each takes some 700 bytes, with what is worked out of it."""


class CatalogueCache:
    """The process's copies of the catalogues, renewed when they were edited or the database was put back.

    Those of the root that was asked for longest ago are thrown away first, and with them all that hangs on them
    (`Catalogues.kept`); whoever works with them keeps them until done.

    Args:
        room: rows of catalogues kept in all. One root is kept however many it has.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._kept: LRUCache[int, Catalogues] = LRUCache(room, lambda kept: min(max(kept.rows, 1), room))

    async def at(self, connection: Connection, root_id: int, lineage: int) -> Catalogues:
        """The catalogues of a root of the `lineage` that the connection's transaction sees."""
        kept = self._kept.get(root_id)
        if kept is not None and kept.lineage == lineage:
            return kept
        loaded = await load(connection, root_id)
        kept = self._kept.get(root_id)
        if kept is not None and kept.lineage == lineage:
            # Somebody loaded the same meanwhile: these have a beginning of what will be worked out of them.
            return kept
        self._kept[root_id] = loaded
        return loaded


async def load(connection: Connection, root_id: int) -> Catalogues:
    """Read all catalogues of a root."""
    row = await connection.fetchrow(f"SELECT code, revision, {LINEAGE} FROM root WHERE id = $1", root_id)
    if row is None:
        raise RootGone
    code, revision, lineage = row
    units = await _rows(connection, root_id, "units")
    procedures = await _rows(connection, root_id, "procedures")
    days = await _days(connection, root_id)
    targets = await _rows(connection, root_id, "targets", "indicator", "unit", "level", "year", "value")
    externals = await _rows(connection, root_id, "external-figures")
    untold = await connection.fetch(*in_sql(_UNTOLD, root_id=root_id))
    catalogues = [units, procedures, days, targets, externals, *([untold] if untold else [])]
    content = [[tuple(row) for row in rows] for rows in catalogues]
    digest = hashlib.sha256(indicators.load().digest.encode() + msgspec.msgpack.encode([code, content]))
    once = _Once()
    return Catalogues(
        root_id=root_id,
        root=code,
        revision=revision,
        units={unit.code: unit for unit in [_unit(row, once) for row in units]},
        procedures={procedure.code: procedure for procedure in [_procedure(row, once) for row in procedures]},
        calendar=_of_days(days),
        targets={(row["indicator"], row["unit"], row["level"], row["year"]): row["value"] for row in targets},
        externals=[ExternalFigure(**_without_root(row)) for row in externals],
        digest=digest.hexdigest()[:16],
        lineage=lineage,
        untold={row["unit_id"]: frozenset(row["measures"]) for row in untold},
    )


async def calendar_of(connection: Connection, root_id: int) -> Calendar:
    """A root's calendar alone."""
    return _of_days(await _days(connection, root_id))


async def _days(connection: Connection, root_id: int) -> list[Any]:
    return await _rows(connection, root_id, "calendar", "day", "kind")


def _of_days(days: Sequence[Any]) -> Calendar:
    holidays, workdays = (
        frozenset([Day(row["day"]) for row in days if row["kind"] == kind]) for kind in ("holiday", "workday")
    )
    return _calendar(holidays, workdays)


@lru_cache(4)
def _calendar(holidays: frozenset[Day], workdays: frozenset[Day]) -> Calendar:
    """The calendar of these days: one for all roots that have not edited theirs, and across edits of anything else."""
    return Calendar(holidays, workdays)


async def _rows(connection: Connection, root_id: int, kind: CatalogueName, *columns: str) -> list[Any]:
    """The rows of a catalogue in the order of its key; all columns, or some."""
    catalogue = CATALOGUES[kind]
    asked = catalogue.rows.with_only_columns(*catalogue.table.c[columns]) if columns else catalogue.rows
    return await connection.fetch(*in_sql(asked, root_id=root_id))


def _without_root(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "root_id"}


class _Once:
    """Gives equal values as one object: a level or a sector comes with a thousand rows, a name with many roots."""

    def __init__(self) -> None:
        self._seen: dict[Any, Any] = {}

    def row(self, row: Any) -> dict[str, Any]:
        """A row's values by column, arrays as tuples, without its root."""
        return {name: self._value(value) for name, value in row.items() if name != "root_id"}

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return sys.intern(value)
        if isinstance(value, list):
            value = tuple([sys.intern(each) for each in value])
        # No truth values, which equal numbers.
        return self._seen.setdefault(value, value) if type(value) in (tuple, int) else value


def _unit(row: Any, once: _Once) -> Unit:
    return Unit(**once.row(row))


def _procedure(row: Any, once: _Once) -> Procedure:
    fields = once.row(row)
    del fields["known"]
    return Procedure(**fields)
