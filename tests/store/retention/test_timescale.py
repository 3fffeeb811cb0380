"""What is asked of TimescaleDB, by edition and version; and that the settings are followed where it has it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from app.store.connections.database import Database
from app.store.engine import Engine
from app.store.proof.rebuild import rebuild
from app.store.proof.verify import verify
from app.store.retention import reach, settle
from app.store.retention.timescale import State, Wish, steps
from app.store.write.intake import Intake
from tests.store.histories import CLOCK, arrivals, province, push

APP = Path(__file__).resolve().parents[3] / "app"
OLD, RENAMED = Engine(16, (2, 14), community=True), Engine(18, (2, 23), community=True)
WITHOUT = (Engine(18), Engine(17, (2, 19)), Engine(17, citus=(13, 0)))
REFRESH = (
    "SELECT add_continuous_aggregate_policy('events_hourly', start_offset => {}, end_offset => INTERVAL '1 hour',"
    " schedule_interval => INTERVAL '1 hour')"
)
UNREFRESH = "SELECT remove_continuous_aggregate_policy('events_hourly', if_exists => true)"
HOURLY = (
    "CREATE MATERIALIZED VIEW events_hourly WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS"
    " SELECT root_id, unit_id, type, time_bucket(INTERVAL '1 hour', time) AS hour, count(*) AS events"
    " FROM event GROUP BY 1, 2, 3, 4 WITH NO DATA"
)
SETTLED = State(True, None, None, hourly=True, refresh_from=None)


def told(engine: Engine, state: State, wish: Wish) -> list[str]:
    """The statements, with single blanks."""
    return [" ".join(each.split()) for step in steps(engine, state, wish) for each in step.statements]


@pytest.mark.parametrize("engine", WITHOUT)
@pytest.mark.parametrize("state", [State(None), State(False), State(True, 30, 90, True, 90)])
def test_nothing_is_tried_where_the_edition_has_none_of_it(engine: Engine, state: State) -> None:
    assert steps(engine, state, Wish(30, 90)) == steps(engine, state, Wish()) == []


def test_nothing_is_tried_on_a_log_that_is_no_hypertable() -> None:
    assert steps(RENAMED, State(None), Wish(30, 90)) == []


def test_before_2_18_it_is_called_compression() -> None:
    assert told(OLD, State(False), Wish(30, 400)) == [
        "ALTER TABLE event SET (timescaledb.compress, timescaledb.compress_segmentby = 'root_id',"
        " timescaledb.compress_orderby = 'seq, time')",
        "SELECT add_compression_policy('event', compress_after => INTERVAL '30 days')",
        "SELECT add_retention_policy('event', drop_after => INTERVAL '400 days')",
        "DROP VIEW IF EXISTS events_hourly",
        HOURLY,
        REFRESH.format("INTERVAL '400 days'"),
    ]
    assert told(OLD, SETTLED._replace(compress_after=30), Wish()) == [
        "SELECT remove_compression_policy('event', if_exists => true)"
    ]


def test_from_2_18_on_it_is_the_columnstore() -> None:
    add = "CALL add_columnstore_policy('event', after => INTERVAL '30 days')"
    remove = "CALL remove_columnstore_policy('event', if_exists => true)"
    enable = (
        "ALTER TABLE event SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'root_id',"
        " timescaledb.orderby = 'seq, time')"
    )
    for engine in (RENAMED, Engine(17, (2, 18), community=True), Engine(18, (3, 0), community=True)):
        assert told(engine, SETTLED._replace(columnstore=False), Wish(30)) == [enable, add]
    # Enabled before, with another policy or none.
    assert told(RENAMED, SETTLED._replace(compress_after=7), Wish(30)) == [remove, add]
    assert told(RENAMED, SETTLED, Wish(30)) == [add]
    assert told(RENAMED, SETTLED._replace(compress_after=30), Wish(30)) == []
    assert told(RENAMED, SETTLED._replace(compress_after=30), Wish()) == [remove]


def test_retention_follows_the_setting_and_the_hours_are_refreshed_no_further_back() -> None:
    remove = "SELECT remove_retention_policy('event', if_exists => true)"
    kept = SETTLED._replace(drop_after=90, refresh_from=90)
    assert told(RENAMED, kept, Wish(keep=90)) == []
    assert told(RENAMED, kept, Wish(keep=365)) == [
        remove, "SELECT add_retention_policy('event', drop_after => INTERVAL '365 days')",
        UNREFRESH, REFRESH.format("INTERVAL '365 days'"),
    ]  # fmt: skip
    assert told(RENAMED, kept, Wish()) == [remove, UNREFRESH, REFRESH.format("NULL")]
    assert told(RENAMED, SETTLED, Wish()) == []


def test_every_step_is_said_in_both_languages() -> None:
    said = [step.says for step in steps(RENAMED, State(False), Wish(1_000, 2_000))]
    assert [each.en for each in said] == [
        "the log is compressed after 1,000 days",
        "TimescaleDB drops what of the log is older than 2,000 days",
        "events_hourly becomes a continuous aggregate",
    ]
    assert [each.vi for each in said] == [
        "nhật ký được nén sau 1.000 ngày",
        "TimescaleDB xóa phần nhật ký cũ hơn 2.000 ngày",
        "events_hourly trở thành bảng tổng liên tục của TimescaleDB",
    ]


def test_no_figure_rests_on_the_hours() -> None:
    naming = {file.relative_to(APP) for file in APP.rglob("*") if file.suffix in (".py", ".html", ".js")
              and "events_hourly" in file.read_text()}  # fmt: skip
    assert naming == {Path("store/schema/lives.py"), Path("store/retention/timescale.py")}


async def test_the_settings_are_followed_and_figures_stay(store: Database, intake: Intake, database: str) -> None:
    """On the community edition a compressed log, with policies; elsewhere nothing is changed, and nothing fails."""
    root_id = await province(store)
    accepted = await push(intake, root_id, arrivals(seed=21, dossiers=40))
    async with store.connection("read") as connection:
        engine, state = await settle.look(connection)
    policies = engine.community and state.columnstore is not None
    wish = Wish(30, 36_500)

    planned = await settle.settle(store, wish, dry_run=True)
    assert await settle.settle(store, wish) == planned == steps(engine, state, wish)
    assert bool(planned) == policies
    assert await settle.settle(store, wish) == []
    async with store.connection("read") as connection:
        engine, state = await settle.look(connection)
    assert state[1:] == ((30, 36_500, True, 36_500) if policies else (None, None, False, None))

    if policies:
        with psycopg.connect(database, autocommit=True) as compressing:
            for (chunk,) in compressing.execute("SELECT show_chunks('event')::text").fetchall():
                compressing.execute("SELECT compress_chunk(%s::regclass)", [chunk])
            told_ = "SELECT bool_and(is_compressed) FROM timescaledb_information.chunks WHERE hypertable_name = 'event'"
            assert compressing.execute(told_).fetchall() == [(True,)]
    report = await verify(store, root_id, deep=True, now=CLOCK)
    assert report.clean, str(report)
    assert report.logged == accepted
    # Late events go into compressed months too, and all is replayed from there.
    accepted += await push(intake, root_id, arrivals(seed=22, dossiers=30))
    assert (await rebuild(store, intake, root_id)).events == accepted
    async with store.connection("read") as connection:
        assert await connection.fetchval("SELECT sum(events)::int FROM events_hourly") == accepted
        assert await reach.of(connection, root_id) == reach.Reach(await reach.since(connection, root_id), 0)

    # Back again: what the policy may have dropped until then is noted.
    before = datetime.now(UTC).timestamp()
    assert bool(await settle.settle(store, Wish())) == policies
    async with store.connection("read") as connection:
        noted = await connection.fetchval("SELECT since FROM log_reach WHERE root_id = $1", root_id)
    assert (noted is not None) == policies
    if policies:
        assert abs(before - 36_500 * 86_400 - noted / 1e6) < 3_600


def test_statements_of_timescaledb_stand_in_one_place() -> None:
    words = re.compile(r"timescaledb_information\.|\w+_policy\('|drop_chunks\(|show_chunks\(")
    speaking = {file.relative_to(APP) for file in APP.rglob("*.py") if words.search(file.read_text())}
    assert speaking == {Path("store/retention/timescale.py")}
