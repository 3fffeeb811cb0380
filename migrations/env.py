"""Alembic's entry: online on psycopg 3, or offline (`--sql`) printing the statements.

The address comes from the caller (app.store.migrate) or from CHISO_DATABASE__DSN; whether the event log becomes a
hypertable from `timescale` = auto | require | off.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
from alembic import context
from sqlalchemy import create_engine, pool, text

from app.store.address import Address
from app.store.schema import metadata

TIMESCALE = context.config.attributes.get("timescale") or context.get_x_argument(as_dictionary=True).get(
    "timescale", "auto"
)


def connect() -> psycopg.Connection:
    """A connection to the database that is to be migrated."""
    dsn = context.config.attributes.get("dsn") or os.environ.get("CHISO_DATABASE__DSN", "postgresql://")
    return psycopg.connect(Address.of(dsn).libpq())


def end_lineages(ctx: Any, **_: Any) -> None:
    """Write the row of every root anew, so that whatever was read or prepared before the migration ends with it."""
    ctx.impl.execute(text("UPDATE root SET revision = revision + 1"))


def run() -> None:
    """Run the migrations in one transaction."""
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
            context.run_migrations()
    engine.dispose()


run()
