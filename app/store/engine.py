"""What kind of database this is: PostgreSQL itself, TimescaleDB in one of its editions, Citus. Asked, never configured.

One statement, for whoever has a connection: `detect` for asyncpg, `detect_now` for psycopg; from SQLAlchemy, as in a
migration, `Engine.of(connection.exec_driver_sql(engine.WHAT).one())`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app.store.connections.database import Connection

if TYPE_CHECKING:
    import psycopg

WHAT: Final = """
    SELECT current_setting('server_version_num')::int / 10000,
           (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
           current_setting('timescaledb.license', true),
           (SELECT extversion FROM pg_extension WHERE extname = 'citus')
"""
"""SQL: one row, of which `Engine.of` is made. Only what is created in this database counts, not what could be."""

DELETE_ANY: Final = "SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)"
"""SQL: lets this transaction delete compressed events, however many; of no effect where there are none."""

Version = tuple[int, int]
"""Of an extension: major and minor."""


@dataclass(frozen=True)
class Engine:
    """What a database is.

    Attributes:
        postgres: the server's major version.
        timescale: TimescaleDB's version where the extension is created in the database, else None.
        community: whether its edition has compression, policies and continuous aggregates (licence "timescale"); the
            Apache edition, which Debian ships, has hypertables only.
        citus: Citus's version where the extension is created in the database, else None.
    """

    postgres: int
    timescale: Version | None = None
    community: bool = False
    citus: Version | None = None

    @classmethod
    def of(cls, row: Sequence[Any]) -> Engine:
        """The engine that a row of WHAT tells of."""
        postgres, timescale, licence, citus = row
        found = _version(timescale)
        return cls(postgres, found, found is not None and licence == "timescale", _version(citus))

    def __str__(self) -> str:
        """In a line: `PostgreSQL 17, TimescaleDB 2.19 (apache)`."""
        told = [f"PostgreSQL {self.postgres}"]
        if self.timescale is not None:
            told.append(f"TimescaleDB {_said(self.timescale)} ({'community' if self.community else 'apache'})")
        if self.citus is not None:
            told.append(f"Citus {_said(self.citus)}")
        return ", ".join(told)


async def detect(connection: Connection) -> Engine:
    """The engine behind an asyncpg connection."""
    row = await connection.fetchrow(WHAT)
    assert row is not None
    return Engine.of(tuple(row))


def detect_now(connection: psycopg.Connection) -> Engine:
    """The engine behind a psycopg connection."""
    row = connection.execute(WHAT).fetchone()
    assert row is not None
    return Engine.of(row)


def _version(text: str | None) -> Version | None:
    """`13.0-1` and `2.19.3` alike; of `2.20.0-dev` the numbers."""
    if text is None:
        return None
    major, minor = text.partition("-")[0].split(".")[:2]
    return int(major), int(minor)


def _said(version: Version) -> str:
    return ".".join(map(str, version))
