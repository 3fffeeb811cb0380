"""What is said otherwise to a cluster (Citus): rows by VALUES, and readers of two nodes. Decision 0016.

A statement goes straight to the worker that has a root when it names the root: `root_id = $n`, or a row of VALUES. An
INSERT that selects from arrays does not: the coordinator would compute the rows and send them on by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any, Final

import asyncpg

from app.store.connections.database import Connection

_MOST: Final = 256
"""Rows of a statement: of the widest table some 8,500 parameters, of 32,767 that there may be."""
_READING_LOCK: Final = 7_660_005
"""Class of the advisory lock by which readers of a root keep its rows from being cleared; the other key is its id."""


def is_citus(connection: Connection) -> bool:
    """Whether the database behind a connection of ours is one of Citus."""
    return bool(getattr(connection, "citus", False))


async def insert(
    connection: Connection, table: str, columns: Collection[str], rows: Sequence[Sequence[Any]], then: str = ""
) -> None:
    """Add rows, in their order; `then` is what follows VALUES (ON CONFLICT …).

    Raises:
        asyncpg.UniqueViolationError: one of them is there already, and `then` does not say what is to be done.
    """
    names = tuple(columns)
    for part in _parts(rows):
        await connection.execute(_insert(table, names, len(part), then), *(value for row in part for value in row))


def _parts(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    """Powers of two of them, so that there are few statements of each table, and all stay prepared."""
    start, size = 0, _MOST
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


@cache
def _insert(table: str, names: tuple[str, ...], rows: int, then: str) -> str:
    width = len(names)
    values = (f"({', '.join(f'${row * width + place}' for place in range(1, width + 1))})" for row in range(rows))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES {', '.join(values)} {then}"


async def copy(connection: Connection, table: str, columns: Collection[str], rows: Sequence[Sequence[Any]]) -> None:
    """Add many rows by COPY, on every engine.

    Raises:
        asyncpg.UniqueViolationError: one of them is there already.
    """
    try:
        await connection.copy_records_to_table(table, records=rows, columns=list(columns))
    except asyncpg.InternalServerError as error:
        # What a worker says of a COPY comes with XX000; the constraint's name is in its words in every language.
        if f"{table}_pkey" in str(error):
            raise asyncpg.UniqueViolationError(str(error)) from error
        raise


async def hold_still(connection: Connection, root_id: int) -> None:
    """Begin a reader's transaction on a cluster so that it sees one state of the root: the worker's snapshot is first,
    then what the coordinator says of the root and the time. Between the two nothing of the root is cleared away.

    Elsewhere the transaction's snapshot does that. Writers' own readings are proved when they write.
    """
    if is_citus(connection) and getattr(connection, "reads", False) and connection.is_in_transaction():
        await connection.execute("SELECT pg_advisory_xact_lock_shared($1, $2)", _READING_LOCK, root_id)
        await connection.execute("SELECT root_id FROM unit_change WHERE root_id = $1 LIMIT 1", root_id)


async def wait_for_readers(connection: Connection, root_id: int) -> None:
    """Wait, on a cluster, for the readers of a root; those that come wait for this transaction to end.

    For whoever clears away what a reader may have been told to look for: an old generation, or the root.
    """
    if is_citus(connection):
        await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", _READING_LOCK, root_id)
