"""The schema: what the migrations build is what schema.py says, online and offline, with and without TimescaleDB."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, pool

from app.store import migrate
from app.store.lineage import REVISION
from app.store.schema import metadata
from tests.faults.serving import CHISO, environment
from tests.store.described import described

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def made_of(dsn: str) -> Engine:
    return create_engine("postgresql+psycopg://" + dsn.partition("://")[2], poolclass=pool.NullPool)


def test_autogenerate_finds_nothing_to_do(database: str) -> None:
    with made_of(database).connect() as connection:
        # Defaults are compared below: of a sequence that goes with its column Alembic does not see that it is one.
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_build_what_the_schema_says(database: str, empty_database: str) -> None:
    """Also what autogenerate does not look at: conditions of indexes, defaults, sequences, storage options."""
    metadata.create_all(made_of(empty_database))
    assert described(database) == described(empty_database)
    assert len(described(database)) > 400


def test_a_second_migration_changes_nothing(database: str) -> None:
    migrate.upgrade(database)
    with psycopg.connect(database) as connection:
        [(revision,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert revision == migrate.head()


def test_the_service_is_written_for_the_newest_revision_and_revisions_are_numbered() -> None:
    assert migrate.head() == REVISION
    names = [each.stem for each in (MIGRATIONS / "versions").glob("*.py")]
    assert sorted(name[:4] for name in names) == [f"{n:04d}" for n in range(1, len(names) + 1)]


def test_three_at_once_on_an_empty_database(empty_database: str, database: str) -> None:
    at_once = [
        subprocess.Popen(
            [CHISO, "migrate"], env=environment(CHISO_DATABASE__DSN=empty_database), stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    assert [(each.communicate()[1], each.returncode) for each in at_once] == [(b"", 0)] * 3
    assert described(empty_database) == described(database)


def test_a_table_that_stays_in_use_is_told_and_nothing_was_changed(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(migrate, "_LAST_LOCK_MS", 100)
    with psycopg.connect(postgres_database) as connection:
        connection.execute("DELETE FROM alembic_version")
    with psycopg.connect(postgres_database) as reading:
        reading.execute("SELECT FROM life")
        with pytest.raises(migrate.TablesInUse, match="nothing was changed"):
            migrate.upgrade(postgres_database)
        # Whoever comes meanwhile is not kept waiting by what was given up.
        with psycopg.connect(postgres_database) as connection:
            connection.execute("SET lock_timeout = '1s'")
            connection.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")


def test_a_database_of_another_version_is_left_alone(postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(migrate.UnknownRevision, match="0999"):
        migrate.upgrade(postgres_database)


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
def test_the_statements_can_be_had_offline_and_build_the_same(
    timescale: str, database: str, empty_database: str
) -> None:
    statements = migrate.sql(timescale)
    assert statements.startswith("BEGIN;")
    assert ("create_hypertable" in statements) == (timescale != "off")
    if timescale != "require":
        with psycopg.connect(empty_database) as connection:
            connection.execute(statements)
        assert described(empty_database) == described(database)
