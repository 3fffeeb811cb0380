"""What a database is, asked of the database."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import create_engine, pool

from app.store import engine as engines
from app.store.connections.database import Database
from app.store.engine import Engine

ROWS = [
    ((18, None, None, None), Engine(18), "PostgreSQL 18"),
    # Preloaded, and not created in this database.
    ((17, None, "timescale", None), Engine(17), "PostgreSQL 17"),
    ((17, "2.19.3", "apache", None), Engine(17, (2, 19)), "PostgreSQL 17, TimescaleDB 2.19 (apache)"),
    ((16, "2.14.2", "timescale", None), Engine(16, (2, 14), True), "PostgreSQL 16, TimescaleDB 2.14 (community)"),
    ((17, "2.20.0-dev", "timescale", None), Engine(17, (2, 20), True), "PostgreSQL 17, TimescaleDB 2.20 (community)"),
    ((17, None, None, "13.0-1"), Engine(17, citus=(13, 0)), "PostgreSQL 17, Citus 13.0"),
    ((18, "2.23.1", "timescale", "14.0-1"), Engine(18, (2, 23), True, (14, 0)),
     "PostgreSQL 18, TimescaleDB 2.23 (community), Citus 14.0"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "engine", "said"), ROWS)
def test_a_row_tells_the_engine(row: tuple, engine: Engine, said: str) -> None:
    assert Engine.of(row) == engine
    assert str(engine) == said


async def test_every_driver_is_told_the_same(store: Database, database: str, engine: str) -> None:
    with psycopg.connect(database) as connection:
        found = engines.detect_now(connection)
    made = create_engine("postgresql+psycopg://" + database.partition("://")[2], poolclass=pool.NullPool)
    with made.connect() as bound:
        assert Engine.of(bound.exec_driver_sql(engines.WHAT).one()) == found
    async with store.connection("read") as asked:
        assert await engines.detect(asked) == found
    assert (found.timescale is not None) == (engine == "timescale")
    with psycopg.connect(database) as connection:
        [(version,)] = connection.execute("SHOW server_version").fetchall()
    assert found.postgres == int(version.partition(".")[0])
