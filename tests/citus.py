"""Databases of Citus: real ones on a cluster, and pretended ones, in which plain PostgreSQL is told that it is one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg

from app.store.migrate import upgrade
from bench import cluster

_PRETEND = """
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
        SELECT 76600, 'citus', 10, oid, false, '14.0-1' FROM pg_namespace WHERE nspname = 'pg_catalog';
    CREATE SCHEMA pretended;
    CREATE TABLE pretended.placed (nth SERIAL, relation TEXT, by TEXT, beside TEXT);
    CREATE FUNCTION create_reference_table(relation TEXT) RETURNS VOID LANGUAGE sql
        AS $$ INSERT INTO pretended.placed (relation) VALUES (relation) $$;
    CREATE FUNCTION create_distributed_table(relation REGCLASS, by TEXT, colocate_with TEXT) RETURNS VOID LANGUAGE sql
        AS $$ INSERT INTO pretended.placed (relation, by, beside) VALUES (relation::text, by, colocate_with) $$;
"""


def database(server: str, *, migrated: bool = True) -> Iterator[str]:
    """The DSN of a fresh database of a cluster, migrated or empty; dropped afterwards.

    Each is made anew: distributed tables do not come along with a template.
    """
    name = f"chiso_test_{secrets.token_hex(6)}"
    dsn = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    try:
        cluster.create(server, name)
        if migrated:
            upgrade(dsn)
        yield dsn
    finally:
        cluster.drop(server, name)


def pretend(empty: str) -> None:
    """Have an empty database of plain PostgreSQL say that it is a cluster's; functions note what is to lie where."""
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(_PRETEND)


def placed(dsn: str) -> list[tuple[str, str | None, str | None]]:
    """What a pretended cluster was told, in order: a table, its distribution column, and what it lies beside."""
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT relation, by, beside FROM pretended.placed ORDER BY nth").fetchall()
