"""The schema: what the migrations build is what schema.py says, online and offline, with and without TimescaleDB."""

from __future__ import annotations

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, pool

from app.store import migrate
from app.store.schema import metadata


def test_the_migrations_build_what_the_tables_say(database: str) -> None:
    engine = create_engine("postgresql+psycopg://" + database.partition("://")[2], poolclass=pool.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        differences = compare_metadata(context, metadata)
    ignored = {"alembic_version"}
    assert [each for each in differences if getattr(each[1], "name", "") not in ignored] == []


def test_a_second_migration_changes_nothing(database: str) -> None:
    migrate.upgrade(database)
    with psycopg.connect(database) as connection:
        [(revision,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert revision == migrate.head()


def test_the_event_log_is_a_hypertable_exactly_where_timescaledb_is_created(database: str, engine: str) -> None:
    with psycopg.connect(database) as connection:
        created = connection.execute("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
        assert created == ((1,) if engine == "timescale" else (0,))
        if engine == "timescale":
            chunked = connection.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
            assert chunked == [("event",)]


def test_timescaledb_may_be_required(postgres_database: str) -> None:
    with pytest.raises(migrate.TimescaleMissing):
        migrate.upgrade(postgres_database, "require")


@pytest.mark.parametrize("timescale", ["auto", "require", "off"])
def test_the_statements_can_be_had_offline_and_build_the_same(timescale: str, postgres_dsn: str) -> None:
    statements = migrate.sql(timescale)
    assert statements.startswith("BEGIN;")
    assert ("create_hypertable" in statements) == (timescale != "off")
    if timescale == "require":
        return
    name = f"offline_{timescale}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            with psycopg.connect(postgres_dsn, dbname=name) as fresh:
                fresh.execute(statements)
                tables = fresh.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
            # Every table, and Alembic's own.
            assert tables == (len(metadata.tables) + 1,)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
