"""Another root from the log of one: catalogues, sources, receipts and events under another code, in SQL.

Facts and figures are not copied: `chiso rebuild` makes them. The receipts are copied as they are, so that their number
and size are right; their keys are digests of the first root's ids.
"""

from __future__ import annotations

from typing import Final

import psycopg
from msgspec import structs

from app.domain.lives.events import TYPES
from app.domain.lives.packing import pack_what, unpack_what

_CATALOGUES: Final = ("unit", "procedure", "calendar_day", "target", "external_figure", "source")
_CODED: Final = ("code", "parent", "successor", "unit")
"""Columns of the catalogues that hold a unit's code. A procedure's code begins with digits and stays as it is."""
_LISTED: Final = ("units", "aliases")
_NAMING: Final = {
    kind.code: named
    for kind in TYPES
    if (named := [field for field in kind.__struct_fields__ if field in ("to", "id")])
}
"""Types, by rank, whose data names a unit (a transfer, a document) or an event (a retraction), and in which field."""


def copy_root(dsn: str, first: str, code: str, log: bool = True) -> int:
    """Make the root `code` from `first`, whose code is as long; how many events it has. In one transaction.

    Without `log` its catalogues only.
    """
    with psycopg.connect(dsn) as connection:
        old = _one(connection, "SELECT id FROM root WHERE code = %s", first)
        new = _one(
            connection,
            "INSERT INTO root (code, revision, rules) SELECT %s, revision, rules FROM root WHERE id = %s RETURNING id",
            code,
            old,
        )
        for table in _CATALOGUES:
            _catalogue(connection, table, old, new, first, code)
        if not log:
            return 0
        connection.execute(
            "INSERT INTO receipt (root_id, key, content) SELECT %s, key, content FROM receipt WHERE root_id = %s",
            [new, old],
        )
        # Read once, and with its numbers known: the log has every root's events, and plans rest on what it was before.
        connection.execute(
            "CREATE TEMPORARY TABLE told ON COMMIT DROP AS SELECT * FROM event WHERE root_id = %s", [old]
        )
        _rename_named(connection, first, code)
        connection.execute("ANALYZE told, renamed, unit, source")
        return connection.execute(
            f"""
            INSERT INTO event (root_id, time, received_at, source_id, id, type, unit_id, subject, sequence, what)
            WITH
            -- what the log's small integers stand for in either root
            units AS (
                SELECT old.id AS old, new.id AS new
                FROM unit old JOIN unit new ON new.code = {_renamed("old.code")}
                WHERE old.root_id = %(old)s AND new.root_id = %(new)s
            ),
            sources AS (
                SELECT old.id AS old, new.id AS new FROM source old JOIN source new ON new.name = old.name
                WHERE old.root_id = %(old)s AND new.root_id = %(new)s
            )
            SELECT %(new)s, time, received_at, sources.new, {_renamed("event.id")}, type, units.new,
                   {_renamed("subject")}, sequence, coalesce(renamed.what, event.what)
            FROM told AS event JOIN units ON units.old = unit_id JOIN sources ON sources.old = source_id
            LEFT JOIN renamed USING (seq)
            ORDER BY seq
            """.encode(),
            {"old": old, "new": new, "first": first, "code": code},
        ).rowcount


def _rename_named(connection: psycopg.Connection[tuple[object, ...]], first: str, code: str) -> None:
    """A temporary table of those events' data, by sequence number, that names a unit or an event, under the new code.

    It is packed, so that SQL cannot look into it; few types name anything.
    """
    connection.execute("CREATE TEMPORARY TABLE renamed (seq bigint PRIMARY KEY, what bytea NOT NULL) ON COMMIT DROP")
    rows = connection.execute(
        "SELECT seq, type, what FROM told WHERE type = ANY(%s) AND what IS NOT NULL", [list(_NAMING)]
    ).fetchall()
    with connection.cursor() as cursor, cursor.copy("COPY renamed (seq, what) FROM STDIN") as copy:
        for seq, rank, stored in rows:
            assert isinstance(rank, int)
            assert isinstance(stored, bytes)
            what = unpack_what(rank, stored)
            named = {field: getattr(what, field) for field in _NAMING[rank]}
            found = {field: code + name[len(first) :] for field, name in named.items() if _names(name, first)}
            if found:
                copy.write_row((seq, pack_what(structs.replace(what, **found))))


def _names(name: str | None, first: str) -> bool:
    """Whether this is the first root's code or begins with it as a whole segment."""
    return name is not None and name.startswith(first) and not name[len(first) : len(first) + 1].isalnum()


def _renamed(column: str) -> str:
    """A code or what begins with one, of the new root."""
    # Only at the beginning, and only a whole segment.
    return f"regexp_replace({column}, '^' || %(first)s || '(?![A-Za-z0-9])', %(code)s)"


def _catalogue(
    connection: psycopg.Connection[tuple[object, ...]], table: str, old: int, new: int, first: str, code: str
) -> None:
    rows = connection.execute(
        """
        SELECT column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = %s AND column_name NOT IN ('id', 'root_id')
        """,
        [table],
    ).fetchall()
    names = [str(name) for (name,) in rows]
    values = []
    for name in names:
        quoted = f'"{name}"'
        if name in _LISTED:
            values.append(f"ARRAY(SELECT {_renamed('each')} FROM unnest({quoted}) AS each)")
        elif name in _CODED:
            values.append(_renamed(quoted))
        else:
            values.append(quoted)
    columns = ", ".join(f'"{name}"' for name in names)
    connection.execute(
        f"""
        INSERT INTO {table} (root_id, {columns})
        SELECT %(new)s, {", ".join(values)} FROM {table} WHERE root_id = %(old)s
        """.encode(),
        {"old": old, "new": new, "first": first, "code": code},
    )


def _one(connection: psycopg.Connection[tuple[object, ...]], statement: str, *values: object) -> int:
    row = connection.execute(statement.encode(), list(values)).fetchone()
    assert row is not None
    return int(str(row[0]))
