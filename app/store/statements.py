"""Statements made of the schema with SQLAlchemy Core, as asyncpg takes them: `connection.fetch(*in_sql(select(…)))`.

For whatever is not asked or written with every event and every figure; decision 0006 says why it goes this way. Values
are as our connections take and give them: instants in µs, days as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

DIALECT: Final = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
_MADE: Final[WeakKeyDictionary[ClauseElement, tuple[str, list[str], Mapping[str, Any]]]] = WeakKeyDictionary()


def in_sql(statement: ClauseElement, **values: Any) -> tuple[Any, ...]:
    """The text and its values, those of `bindparam` by name; made once for a statement that is kept."""
    made = _MADE.get(statement)
    if made is None:
        compiled: Any = statement.compile(dialect=DIALECT)
        _MADE[statement] = made = (compiled.string, compiled.positiontup or [], compiled.params)
    text, names, own = made
    return (text, *(values[name] if name in values else own[name] for name in names))


def in_sql_for_each(statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[list[Any]]]:
    """The text and the values for each row, by names of columns or parameters; at least one row."""
    compiled: Any = statement.compile(dialect=DIALECT, column_keys=list(rows[0]))
    return compiled.string, [[row[name] for name in compiled.positiontup] for row in rows]
