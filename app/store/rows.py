"""New rows of a table: few by one INSERT, many by COPY.

COPY costs the client less for each row but two round trips more, which is most of what a few rows cost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Table

from app.store.connections import citus
from app.store.connections.database import Connection
from app.store.statements import DIALECT

FEW: Final = 256


def columns_of(table: Table, but_not: Collection[str] = ()) -> dict[str, str]:
    """Names and SQL types of a table's columns, in their order."""
    columns = [each for each in table.columns if each.name not in but_not]
    return {each.name: each.type.compile(DIALECT).partition(" COLLATE")[0] for each in columns}


async def add(connection: Connection, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
    """Add rows, in their order; `columns` are names and SQL types in the order of a row's values.

    Raises:
        asyncpg.UniqueViolationError: one of them is there already.
    """
    if len(rows) > FEW:
        await citus.copy(connection, table, columns, rows)
    elif citus.is_citus(connection):
        await citus.insert(connection, table, columns, rows)
    elif rows:
        await connection.execute(_insert(table, tuple(columns.items())), *map(list, zip(*rows, strict=True)))


@cache
def _insert(table: str, columns: tuple[tuple[str, str], ...]) -> str:
    names = ", ".join(name for name, _ in columns)
    return f"INSERT INTO {table} ({names}) SELECT * FROM {unnest(columns)} AS new ({names})"


def unnest(columns: Sequence[tuple[str, str]], first: int = 1) -> str:
    """SQL for rows given as an array for each column, the parameters from $`first` on."""
    return f"unnest({', '.join(f'${place}::{kind}[]' for place, (_, kind) in enumerate(columns, start=first))})"
