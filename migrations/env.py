"""Alembic's entry: online on psycopg 3, or offline (`--sql`) printing the statements.

The address comes from the caller (app.store.migrate) or from CHISO_DATABASE__DSN; whether the event log becomes a
hypertable from `timescale` = auto | require | off.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from app.store.connections.address import Address
from app.store.engine import WHAT, Engine
from app.store.schema import metadata

TIMESCALE = context.config.attributes.get("timescale") or context.get_x_argument(as_dictionary=True).get(
    "timescale", "auto"
)

MIGRATION_LOCK = 7_660_004
"""Class of the advisory lock of the one migration that is under way."""


def connect() -> psycopg.Connection:
    """A connection to the database that is to be migrated."""
    dsn = context.config.attributes.get("dsn") or os.environ.get("CHISO_DATABASE__DSN", "postgresql://")
    return psycopg.connect(Address.of(dsn).libpq())


def keep_others_out(connection: Connection) -> None:
    """Take all locks that a migration may need before it begins, each for itself; none when there is nothing to do.

    First the one that every writer holds from its beginning (app/store/catalogues/lock.py): then none is under way, and
    none begins. Readers may still hold a table and want another; they win, because the lock is given up
    (LockNotAvailable) before PostgreSQL looks for deadlocks, and app.store.migrate tries again.
    """
    # One migration at a time: who comes second waits, and finds it done.
    connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK:d}, 0)"))
    if set(context.get_context().get_current_heads()) == set(context.script.get_heads()):
        return
    if Engine.of(connection.exec_driver_sql(WHAT).one()).citus is not None:
        # What is set for this transaction holds on the workers, too.
        connection.execute(text("SET LOCAL citus.propagate_set_commands = 'local'"))
    connection.execute(text(f"SET LOCAL lock_timeout = {context.config.attributes.get('lock_ms', 800):d}"))
    tables = connection.execute(
        text(
            "SELECT quote_ident(relname) FROM pg_class"
            " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
            " ORDER BY relname <> 'alembic_version', relname"
        )
    ).scalars()
    for table in list(tables):
        connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
    # What follows waits for nobody.
    connection.execute(text("SET LOCAL lock_timeout = 0"))


def end_lineages(ctx: Any, **_: Any) -> None:
    """Write the row of every root anew, so that whatever was read or prepared before the migration ends with it."""
    ctx.impl.execute(text("UPDATE root SET revision = revision + 1"))


def run() -> None:
    """Run the migrations in one transaction, which nobody else is in the way of: `keep_others_out`."""
    options: dict[str, Any] = {
        "target_metadata": metadata,
        "timescale": TIMESCALE,
        "transactional_ddl": True,
        "on_version_apply": end_lineages,
    }
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            keep_others_out(connection)
            context.config.attributes["before"] = context.get_context().get_current_revision()
            context.run_migrations()
    engine.dispose()


run()
