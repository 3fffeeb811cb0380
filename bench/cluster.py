"""Databases on a cluster of Citus, made and dropped node by node; on any other server as everywhere."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_NO_PROPAGATION = "SET citus.enable_create_database_propagation = off"


def is_citus(server: str) -> bool:
    """Whether the server at a DSN has Citus preloaded."""
    with psycopg.connect(server) as connection:
        row = connection.execute("SHOW shared_preload_libraries").fetchone()
        return row is not None and "citus" in [each.strip() for each in str(row[0]).split(",")]


def workers(server: str) -> list[tuple[str, int]]:
    """Hosts and ports of the workers that the database of the DSN knows; none where it is not the coordinator's own."""
    with psycopg.connect(server) as connection:
        if connection.execute("SELECT to_regclass('pg_dist_node')").fetchone() == (None,):
            return []
        return connection.execute(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' AND groupid <> 0 ORDER BY groupid"
        ).fetchall()


def create(server: str, name: str) -> None:
    """Create a database on every node, each with the extension, and tell the coordinator of its workers.

    Node by node, which every version does: Citus creates databases on all of them from 12.1 on and where it was told
    to, and adds no nodes to them. Without workers the coordinator holds the shards itself.
    """
    found = workers(server)
    for node in ({}, *({"host": host, "port": port} for host, port in found)):
        with _connected(server, node) as connection:
            connection.execute(_NO_PROPAGATION)
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with _connected(server, {**node, "dbname": name}) as connection:
            connection.execute("CREATE EXTENSION citus")
    with _connected(server, {"dbname": name}) as connection:
        coordinator = _coordinator(server, connection)
        connection.execute("SELECT citus_set_coordinator_host(%s, %s)", coordinator)
        for worker in found:
            connection.execute("SELECT citus_add_node(%s, %s)", worker)
        if not found:
            connection.execute("SELECT citus_set_node_property(%s, %s, 'shouldhaveshards', true)", coordinator)


def drop(server: str, name: str) -> None:
    """Drop a database on every node; whoever uses it is cut off."""
    # The coordinator's first: its maintenance keeps connections to the workers.
    for node in ({}, *({"host": host, "port": port} for host, port in workers(server))):
        with _connected(server, node) as connection:
            connection.execute(_NO_PROPAGATION)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _coordinator(server: str, connection: psycopg.Connection[Any]) -> tuple[str, int]:
    """Where workers find the coordinator: where the DSN's database says it is, else where it was found just now."""
    with psycopg.connect(server) as known:
        if known.execute("SELECT to_regclass('pg_dist_node')").fetchone() != (None,):
            row = known.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = 0").fetchone()
            if row is not None:
                return str(row[0]), int(row[1])
    return connection.info.host, connection.info.port


def _connected(server: str, node: dict[str, Any]) -> psycopg.Connection[Any]:
    return psycopg.connect(make_conninfo(**{**conninfo_to_dict(server), **node}), autocommit=True)
