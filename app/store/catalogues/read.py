"""Catalogues in the database: read whole as a Directory, kept until the root's revision moves on."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from app.domain.calendar.civil import Day
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues import indicators
from app.domain.catalogues.root import Catalogues, ExternalFigure, Procedure, Unit
from app.store.database import Connection


class CatalogueCache:
    """The process's copies of the catalogues, one per root, renewed when the revision has moved on."""

    def __init__(self) -> None:
        self._kept: dict[int, Catalogues] = {}

    async def at(self, connection: Connection, root_id: int, revision: int) -> Catalogues:
        """The directory of a root at `revision`, which the connection's transaction sees."""
        kept = self._kept.get(root_id)
        if kept is None or kept.revision != revision:
            kept = await load(connection, root_id)
            self._kept[root_id] = kept
        return kept


async def load(connection: Connection, root_id: int) -> Catalogues:
    """Read all catalogues of a root."""
    root = await connection.fetchrow("SELECT code, revision FROM root WHERE id = $1", root_id)
    assert root is not None, "roots are never deleted"
    units = await connection.fetch("SELECT * FROM unit WHERE root_id = $1 ORDER BY code", root_id)
    procedures = await connection.fetch("SELECT * FROM procedure WHERE root_id = $1 AND known ORDER BY code", root_id)
    days = await connection.fetch("SELECT day, kind FROM calendar_day WHERE root_id = $1 ORDER BY day", root_id)
    targets = await connection.fetch(
        """
        SELECT indicator, unit, level, year, value FROM target
        WHERE root_id = $1 AND value IS NOT NULL ORDER BY indicator, unit, level, year
        """,
        root_id,
    )
    externals = await connection.fetch(
        "SELECT * FROM external_figure WHERE root_id = $1 ORDER BY code, unit, period", root_id
    )
    content = [[tuple(row) for row in rows] for rows in (units, procedures, days, targets, externals)]
    digest = hashlib.sha256(indicators.load().digest.encode() + msgspec.msgpack.encode([root["code"], content]))
    return Catalogues(
        root_id=root_id,
        root=root["code"],
        revision=root["revision"],
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


def _without_root(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "root_id"}


def _unit(row: Any) -> Unit:
    fields = _without_root(row)
    return Unit(**(fields | {"aliases": tuple(fields["aliases"])}))


def _procedure(row: Any) -> Procedure:
    fields = _without_root(row)
    del fields["known"]
    return Procedure(**(fields | {name: tuple(fields[name]) for name in ("applicants", "units", "levels")}))
