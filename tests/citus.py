"""Databases of Citus: real ones on a cluster, and pretended ones, in which plain PostgreSQL is told that it is one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from app.store.migrate import upgrade

_PRETEND = """
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
        SELECT 76600, 'citus', 10, oid, false, '14.0-1' FROM pg_namespace WHERE nspname = 'pg_catalog';
    CREATE SCHEMA pretended;
    CREATE TABLE pretended.placed (nth SERIAL, relation TEXT, by TEXT, beside TEXT);
    CREATE FUNCTION create_reference_table(relation REGCLASS) RETURNS VOID LANGUAGE sql
        AS $$ INSERT INTO pretended.placed (relation) VALUES (relation::text) $$;
    CREATE FUNCTION create_distributed_table(relation REGCLASS, by TEXT, colocate_with TEXT) RETURNS VOID LANGUAGE sql
        AS $$ INSERT INTO pretended.placed (relation, by, beside) VALUES (relation::text, by, colocate_with) $$;
"""


def is_citus(server: str) -> bool:
    """Whether the server at a DSN is the coordinator of a cluster: it has workers in the database of the DSN."""
    with psycopg.connect(server, autocommit=True) as connection:
        created = connection.execute("SELECT FROM pg_extension WHERE extname = 'citus'").fetchall()
        return bool(created) and bool(connection.execute("SELECT FROM pg_dist_node WHERE groupid <> 0").fetchall())


def create(server: str, name: str) -> None:
    """Create a database on every node of a cluster, each with the extension, and tell the coordinator of its workers.

    The nodes and how they are reached are those of the database of the DSN. Node by node, which every version does:
    Citus 12.1 creates databases on all of them only where it was told to, and adds no nodes to them.
    """
    with psycopg.connect(server, autocommit=True) as connection:
        nodes = connection.execute(
            "SELECT groupid, nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid"
        ).fetchall()
        info = psycopg.conninfo.conninfo_to_dict(server)
    workers = [(host, port) for group, host, port in nodes if group != 0]
    coordinator = next(((host, port) for group, host, port in nodes if group == 0), (info["host"], info["port"]))
    for where in ({}, *({"host": host, "port": port} for host, port in workers)):
        here = psycopg.conninfo.make_conninfo(**{**info, **where})
        with psycopg.connect(here, autocommit=True) as connection:
            connection.execute("SET citus.enable_create_database_propagation = off")
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with psycopg.connect(here, dbname=name, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION citus")
    with psycopg.connect(server, dbname=name, autocommit=True) as connection:
        connection.execute("SELECT citus_set_coordinator_host(%s, %s)", coordinator)
        for worker in workers:
            connection.execute("SELECT citus_add_node(%s, %s)", worker)


def drop(server: str, name: str) -> None:
    """Drop a database on every node; whoever uses it is cut off."""
    with psycopg.connect(server, autocommit=True) as connection:
        nodes = connection.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0").fetchall()
    # The coordinator's first: its maintenance keeps connections to the workers.
    for where in ({}, *({"host": host, "port": port} for host, port in nodes)):
        here = psycopg.conninfo.make_conninfo(**{**psycopg.conninfo.conninfo_to_dict(server), **where})
        with psycopg.connect(here, autocommit=True) as connection:
            connection.execute("SET citus.enable_create_database_propagation = off")
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def migrated(server: str) -> Iterator[str]:
    """The name of a fresh migrated database of a cluster: distributed tables are not copied with a template."""
    name = f"chiso_test_{secrets.token_hex(6)}"
    try:
        create(server, name)
        upgrade(urlunsplit(urlsplit(server)._replace(path=f"/{name}")))
        yield name
    finally:
        drop(server, name)


def pretend(empty: str) -> None:
    """Have an empty database of plain PostgreSQL say that it is a cluster's; functions note what is to lie where."""
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(_PRETEND)


def placed(dsn: str) -> list[tuple[str, str | None, str | None]]:
    """What a pretended cluster was told, in order: a table, its distribution column, and what it lies beside."""
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT relation, by, beside FROM pretended.placed ORDER BY nth").fetchall()
