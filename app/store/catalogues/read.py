"""Catalogues in the database: read whole, kept until the root's revision moves on."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import select

from app.domain.calendar.civil import Day
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues import indicators
from app.domain.catalogues.root import CatalogueName, Catalogues, ExternalFigure, Procedure, Unit
from app.store.catalogues.tables import CATALOGUES
from app.store.database import Connection
from app.store.schema import root
from app.store.statements import in_sql


class CatalogueCache:
    """The process's copies of the catalogues, one per root, renewed when the revision has moved on."""

    def __init__(self) -> None:
        self._kept: dict[int, Catalogues] = {}

    async def at(self, connection: Connection, root_id: int, revision: int) -> Catalogues:
        """The catalogues of a root at `revision`, which the connection's transaction sees."""
        kept = self._kept.get(root_id)
        if kept is None or kept.revision != revision:
            kept = await load(connection, root_id)
            self._kept[root_id] = kept
        return kept


async def load(connection: Connection, root_id: int) -> Catalogues:
    """Read all catalogues of a root."""
    row = await connection.fetchrow(*in_sql(select(root.c.code, root.c.revision).where(root.c.id == root_id)))
    assert row is not None, "roots are never deleted"
    code, revision = row
    units = await _rows(connection, root_id, "units")
    procedures = await _rows(connection, root_id, "procedures")
    days = await _rows(connection, root_id, "calendar", "day", "kind")
    targets = await _rows(connection, root_id, "targets", "indicator", "unit", "level", "year", "value")
    externals = await _rows(connection, root_id, "external-figures")
    content = [[tuple(row) for row in rows] for rows in (units, procedures, days, targets, externals)]
    digest = hashlib.sha256(indicators.load().digest.encode() + msgspec.msgpack.encode([code, content]))
    return Catalogues(
        root_id=root_id,
        root=code,
        revision=revision,
        units={row["code"]: _unit(row) for row in units},
        procedures={row["code"]: _procedure(row) for row in procedures},
        calendar=Calendar(
            frozenset(Day(row["day"]) for row in days if row["kind"] == "holiday"),
            frozenset(Day(row["day"]) for row in days if row["kind"] == "workday"),
        ),
        targets={(row["indicator"], row["unit"], row["level"], row["year"]): row["value"] for row in targets},
        externals=[ExternalFigure(**_without_root(row)) for row in externals],
        digest=digest.hexdigest()[:16],
    )


async def _rows(connection: Connection, root_id: int, kind: CatalogueName, *columns: str) -> list[Any]:
    """The rows of a catalogue in the order of its key; all columns, or some."""
    catalogue = CATALOGUES[kind]
    asked = catalogue.rows.with_only_columns(*catalogue.table.c[columns]) if columns else catalogue.rows
    return await connection.fetch(*in_sql(asked, root_id=root_id))


def _without_root(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "root_id"}


def _unit(row: Any) -> Unit:
    fields = _without_root(row)
    return Unit(**(fields | {"aliases": tuple(fields["aliases"])}))


def _procedure(row: Any) -> Procedure:
    fields = _without_root(row)
    del fields["known"]
    return Procedure(**(fields | {name: tuple(fields[name]) for name in ("applicants", "units", "levels")}))
