"""Statements made of the schema with SQLAlchemy Core, as asyncpg takes them: `connection.fetch(*in_sql(select(…)))`.

For whatever is not asked or written with every event and every figure; decision 0006 says why it goes this way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

_DIALECT: Final = PGDialect_asyncpg()  # type: ignore[no-untyped-call]


def in_sql(statement: ClauseElement) -> tuple[Any, ...]:
    """The text and its values. Values are as our connections take and give them (instants in µs, days as numbers)."""
    made = statement.compile(dialect=_DIALECT)
    return (made.string, *(made.params[name] for name in made.positiontup or ()))  # type: ignore[attr-defined]


def in_sql_for_each(statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[list[Any]]]:
    """The text and the values for each row, by names of columns or parameters; at least one row."""
    made = statement.compile(dialect=_DIALECT, column_keys=list(rows[0]))
    return made.string, [[row[name] for name in made.positiontup or ()] for row in rows]  # type: ignore[attr-defined]
