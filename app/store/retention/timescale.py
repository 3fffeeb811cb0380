"""What TimescaleDB does for the log: every statement that only it understands, by version and edition.

Hypertables and drop_chunks are in every edition; compression, policies and continuous aggregates are in the community
edition only (`Engine.community`), and nothing of them is tried elsewhere. Versions 2.14 and later; with 2.18
compression became the columnstore, and its older names go with 3.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from app.messages import Message
from app.store.engine import Engine

_OF_LOG: Final = "hypertable_schema = current_schema() AND hypertable_name = 'event'"
_DAYS: Final = "extract(epoch FROM (config->>'{}')::interval)::int / 86400"

STATE: Final = f"""
    SELECT (SELECT compression_enabled FROM timescaledb_information.hypertables WHERE {_OF_LOG}),
           (SELECT {_DAYS.format("compress_after")} FROM timescaledb_information.jobs
            WHERE proc_name = 'policy_compression' AND {_OF_LOG}),
           (SELECT {_DAYS.format("drop_after")} FROM timescaledb_information.jobs
            WHERE proc_name = 'policy_retention' AND {_OF_LOG}),
           hourly.view_name IS NOT NULL,
           -- the aggregate is named by its view, or by the hypertable that holds it, as the version has it
           (SELECT max({_DAYS.format("start_offset")}) FROM timescaledb_information.jobs
            WHERE proc_name = 'policy_refresh_continuous_aggregate'
              AND hypertable_name IN (hourly.view_name, hourly.materialization_hypertable_name))
    FROM (SELECT) AS always LEFT JOIN timescaledb_information.continuous_aggregates AS hourly
        ON view_schema = current_schema() AND view_name = 'events_hourly'
"""
"""SQL: the row that a `State` is made of."""

DROPPED_BY_POLICY: Final = f"""
    SELECT max(now() - (config->>'drop_after')::interval) FROM timescaledb_information.jobs
    WHERE proc_name = 'policy_retention' AND {_OF_LOG}
"""
"""SQL: the instant before which TimescaleDB's own policy may have dropped something; null where there is none."""

OVERDUE: Final = f"""
    SELECT range_end FROM timescaledb_information.chunks
    WHERE {_OF_LOG} AND range_end <= $1::timestamptz ORDER BY range_end
"""
"""SQL: the ends of the chunks of the log that hold nothing from an instant on, the oldest first."""

NO_NEW_CHUNKS: Final = "LOCK TABLE ONLY event IN SHARE UPDATE EXCLUSIVE MODE"
"""SQL: keeps chunks from being made until the transaction ends, for which TimescaleDB takes the same lock; who writes
into those that are there is not disturbed."""

CHUNKS_UNTIL: Final = f"""
    SELECT format('%I.%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks
    WHERE {_OF_LOG} AND range_end <= $1::timestamptz
"""
"""SQL: the tables of the chunks that end at an instant or before."""

DROP_UNTIL: Final = "SELECT drop_chunks('event', older_than => $1::timestamptz)"
"""SQL: drops the chunks that end at an instant or before."""

_SEGMENTS: Final = "root_id"
"""Asked for by everything but the feeds, and what a root's removal deletes by: whole batches then."""
_ORDER: Final = "seq, time"
"""The feeds ask for the newest by `seq`: each batch's least and greatest value of both are kept beside it."""


# The columns of the ordinary view (schema.py). Real-time: what was not summed up yet is counted when asked.
_MAKE_HOURLY: Final = """
    CREATE MATERIALIZED VIEW events_hourly WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
    SELECT root_id, unit_id, type, time_bucket(INTERVAL '1 hour', time) AS hour, count(*) AS events
    FROM event GROUP BY 1, 2, 3, 4 WITH NO DATA
"""


@dataclass(frozen=True)
class Wish:
    """What the settings say of the log, in days; None: kept as it is, for ever."""

    compress_after: int | None = None
    keep: int | None = None


class State(NamedTuple):
    """What a database has of it, in days.

    Attributes:
        columnstore: whether the log may be compressed; None where it is no hypertable.
        compress_after, drop_after: of the policies; None where there is none.
        hourly: whether `events_hourly` is a continuous aggregate.
        refresh_from: how far back its policy looks for changes; None: as far as there are any.
    """

    columnstore: bool | None
    compress_after: int | None = None
    drop_after: int | None = None
    hourly: bool = False
    refresh_from: int | None = None


class Step(NamedTuple):
    """Something that is to be changed: what, in words, and the statements that do it, in one transaction."""

    says: Message
    statements: tuple[str, ...]


def steps(engine: Engine, state: State, wish: Wish) -> list[Step]:
    """What makes the database as the settings say; nothing where the edition has none of it, or it is so already."""
    if not engine.community or engine.timescale is None or state.columnstore is None:
        return []
    return [
        *_compression(engine.timescale >= (2, 18), state, wish.compress_after),
        *_retention(state, wish.keep),
        *_hourly(state, wish.keep),
    ]


def _compression(renamed: bool, state: State, after: int | None) -> list[Step]:
    if after == state.compress_after:
        return []
    remove = (
        "CALL remove_columnstore_policy('event', if_exists => true)"
        if renamed
        else "SELECT remove_compression_policy('event', if_exists => true)"
    )
    if after is None:
        # What is compressed stays so, and is read and written as before.
        return [Step(Message("the log is compressed no further", "nhật ký không được nén thêm"), (remove,))]
    if renamed:
        enable = (
            f"timescaledb.enable_columnstore, timescaledb.segmentby = '{_SEGMENTS}', timescaledb.orderby = '{_ORDER}'"
        )
        add = f"CALL add_columnstore_policy('event', after => INTERVAL '{after:d} days')"
    else:
        enable = (
            f"timescaledb.compress, timescaledb.compress_segmentby = '{_SEGMENTS}',"
            f" timescaledb.compress_orderby = '{_ORDER}'"
        )
        add = f"SELECT add_compression_policy('event', compress_after => INTERVAL '{after:d} days')"
    statements = (
        *((f"ALTER TABLE event SET ({enable})",) if not state.columnstore else ()),
        *((remove,) if state.compress_after is not None else ()),
        add,
    )
    says = Message("the log is compressed after {days:,} days", "nhật ký được nén sau {days:,} ngày", days=after)
    return [Step(says, statements)]


def _retention(state: State, keep: int | None) -> list[Step]:
    if keep == state.drop_after:
        return []
    remove = ("SELECT remove_retention_policy('event', if_exists => true)",) if state.drop_after is not None else ()
    if keep is None:
        return [Step(Message("nothing more of the log is dropped", "không xóa thêm phần nào của nhật ký"), remove)]
    add = f"SELECT add_retention_policy('event', drop_after => INTERVAL '{keep:d} days')"
    says = Message(
        "TimescaleDB drops what of the log is older than {days:,} days",
        "TimescaleDB xóa phần nhật ký cũ hơn {days:,} ngày",
        days=keep,
    )
    return [Step(says, (*remove, add))]


def _hourly(state: State, keep: int | None) -> list[Step]:
    """The continuous aggregate; refreshed no further back than the log is kept: what is dropped would be
    counted as nothing.
    """
    if state.hourly and state.refresh_from == keep:
        return []
    start = "NULL" if keep is None else f"INTERVAL '{keep:d} days'"
    refresh = (
        f"SELECT add_continuous_aggregate_policy('events_hourly', start_offset => {start},"
        " end_offset => INTERVAL '1 hour', schedule_interval => INTERVAL '1 hour')"
    )
    if state.hourly:
        remove = "SELECT remove_continuous_aggregate_policy('events_hourly', if_exists => true)"
        says = Message("events_hourly is refreshed as far as the log", "events_hourly được làm mới theo nhật ký")
        return [Step(says, (remove, refresh))]
    says = Message(
        "events_hourly becomes a continuous aggregate", "events_hourly trở thành bảng tổng liên tục của TimescaleDB"
    )
    return [Step(says, ("DROP VIEW IF EXISTS events_hourly", _MAKE_HOURLY, refresh))]
