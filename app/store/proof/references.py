"""References by id that point to nothing: what a database that was put back in parts, or by hand, may hold."""

from __future__ import annotations

from typing import Final, NamedTuple

from app.store.connections.database import Connection

_LISTED: Final = 1_000

_OF_GENERATION: Final = "generation = $2"
_REFERENCES: Final = (
    ("event", "source_id", "source", "$2::int IS NOT NULL"),
    ("event", "unit_id", "unit", "$2::int IS NOT NULL"),
    ("life", "unit_id", "unit", _OF_GENERATION),
    ("life", "receiving_unit_id", "unit", _OF_GENERATION),
    ("life", "procedure_id", "procedure", _OF_GENERATION),
    ("petition", "unit_id", "unit", _OF_GENERATION),
    ("document", "unit_id", "unit", _OF_GENERATION),
)
"""Table and column, what it names, and of which of the root's rows."""


class Broken(NamedTuple):
    """An id that some rows of a table name and that is not there; `subject` is the first of theirs."""

    table: str
    column: str
    id: int
    rows: int
    subject: str

    def __str__(self) -> str:
        return f"{self.subject} {self.table}: {self.column} {self.id} is not there ({self.rows:,} rows name it)"


async def broken(connection: Connection, root_id: int, generation: int) -> list[Broken]:
    """The broken references of a root's log and of one generation of its lives, the first of each table and column."""
    found: list[Broken] = []
    for table, column, named, which in _REFERENCES:
        rows = await connection.fetch(
            f"""
            SELECT {column}, count(*), min(subject) FROM {table}
            WHERE root_id = $1 AND {which} AND {column} IS NOT NULL
              AND {column} NOT IN (SELECT id FROM {named} WHERE root_id = $1)
            GROUP BY 1 ORDER BY 1 LIMIT {_LISTED}
            """,
            root_id,
            generation,
        )
        found += [Broken(table, column, *row) for row in rows]
    return found
