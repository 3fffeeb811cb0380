"""Catalogues in the database: read whole as a Directory, kept until the root's revision moves on."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from app.domain import catalogue
from app.domain.directory import Directory, ExternalFigure, Procedure, Unit
from app.domain.events import Day
from app.domain.workdays import Calendar
from app.store.database import Connection

_CATALOGUE_LOCK: Final = 7_660_001
"""Class of the advisory lock on a root's catalogue revision; the second key is the root's id."""


def begin_holding(root_id: int, *, alone: bool) -> str:
    """Statements that begin a transaction and `hold` the root, or `hold_alone`: a round trip less for every push."""
    lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    return f"BEGIN; SELECT {lock}({_CATALOGUE_LOCK:d}, {root_id:d})"


async def hold(connection: Connection, root_id: int) -> None:
    """Keep the root's revision and generation from changing until this transaction ends.

    Every writer of facts and tallies holds this first (lock order: catalogue, receipts, lives, tallies), so that facts
    folded with an old revision cannot be committed after an edit, nor into a generation a rebuild has just retired.
    """
    await connection.execute("SELECT pg_advisory_xact_lock_shared($1, $2)", _CATALOGUE_LOCK, root_id)


async def hold_alone(connection: Connection, root_id: int) -> None:
    """Wait for every writer of the root to commit and keep new ones out until this transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", _CATALOGUE_LOCK, root_id)


async def raise_revision(connection: Connection, root_id: int) -> int:
    """The next catalogue revision of a root; the caller holds it alone."""
    revision = await connection.fetchval(
        "UPDATE root SET revision = revision + 1 WHERE id = $1 RETURNING revision", root_id
    )
    return int(revision)


class Directories:
    """The process's copies of the catalogues, one per root, renewed when the revision has moved on."""

    def __init__(self) -> None:
        self._kept: dict[int, Directory] = {}

    async def at(self, connection: Connection, root_id: int, revision: int) -> Directory:
        """The directory of a root at `revision`, which the connection's transaction sees."""
        kept = self._kept.get(root_id)
        if kept is None or kept.revision != revision:
            kept = await load(connection, root_id)
            self._kept[root_id] = kept
        return kept


async def load(connection: Connection, root_id: int) -> Directory:
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
    digest = hashlib.sha256(catalogue.load().digest.encode() + msgspec.msgpack.encode([root["code"], content]))
    return Directory(
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
