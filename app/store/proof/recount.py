"""A plain recount in SQL, dossier by dossier from the stored facts, set against every cell of the tallies.

The twin of domain.tallies.tally, written a second time on purpose and from the definitions (docs of the indicators),
not from that code: nothing here may be derived from tally.dossier_parts and its like, or the two would be wrong
together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from app.domain.calendar.civil import Day, date_of
from app.domain.lives import dossier, flags
from app.domain.tallies.tally import FAMILIES, Family
from app.store.connections.database import Connection
from app.store.grains import GRAINS, tally_keys, tally_name
from app.store.tallies.add import bucket_sql

LISTED: Final = 1_000
"""Differences that are listed; all are counted."""

_FETCHED: Final = 2_000


_EVERY_UNIT: Final = "all units"


class Difference(NamedTuple):
    """A counter of a cell that is not what the facts say. `procedure` is None where the table has none, `unit` says so
    where it has none; `bucket` is the civil day, or the first of the month."""

    table: str
    unit: str
    procedure: str | None
    variety: str
    bucket: date
    counter: str
    tallied: int
    recounted: int


@dataclass
class Comparison:
    """What the recount of a root found."""

    cells_compared: int
    differing: int
    differences: list[Difference]


# What is counted of a life, each at an instant of its own.
_RECEIVED, _ENDED, _MISSED, _RETURNED, _SENT = range(5)

# Civil time is UTC+7 the whole year, whatever the server's or the session's zone.
_CIVIL_DAY: Final = "timezone(INTERVAL '7 hours', at)::date"

_MOVED: Final = {
    "dossier": f"""
    -- every dossier that is in any figure: received and not voided; late when it ended after its deadline
    counted AS (
        SELECT unit_id, coalesce(procedure_id, 0) AS procedure_id, channel, flags, received_at, ended_at, deadline,
               returned_at, returned_via, ended_at IS NOT NULL AND deadline IS NOT NULL AND ended_at > deadline AS late,
               extract(epoch FROM ended_at - received_at) AS took
        FROM life
        WHERE root_id = $1 AND generation = $2 AND received_at IS NOT NULL AND NOT voided
    ),
    -- one row for each thing that is counted of it, on the civil day of its instant; nothing is missed by one in time
    moved AS (
        SELECT unit_id, procedure_id, channel, flags, late, what, {_CIVIL_DAY} AS day, returned_via,
               floor(took)::bigint AS seconds, ((took - floor(took)) * 1000000)::int AS micros
        FROM counted CROSS JOIN LATERAL (VALUES
            ({_RECEIVED}, received_at),
            ({_ENDED}, ended_at),
            ({_MISSED}, CASE WHEN ended_at IS NULL THEN deadline WHEN late THEN least(deadline, ended_at) END),
            ({_RETURNED}, returned_at)
        ) AS instant (what, at)
        WHERE at IS NOT NULL
    )""",
    "petition": f"""
    -- every petition that is in any figure; late when ended after its deadline or, answered in time, published late
    counted AS (
        SELECT unit_id, 0 AS procedure_id, about, disliked, received_at, ended_at, deadline,
               ended_at IS NOT NULL AND (ended_at > deadline OR late_published) AS late
        FROM petition
        WHERE root_id = $1 AND generation = $2 AND received_at IS NOT NULL AND NOT voided
    ),
    -- one row for each thing that is counted of it; one late by publication is missed at its end
    moved AS (
        SELECT unit_id, procedure_id, about, disliked, late, what, {_CIVIL_DAY} AS day
        FROM counted CROSS JOIN LATERAL (VALUES
            ({_RECEIVED}, received_at),
            ({_ENDED}, ended_at),
            ({_MISSED}, CASE WHEN ended_at IS NULL THEN deadline WHEN late THEN least(deadline, ended_at) END)
        ) AS instant (what, at)
        WHERE at IS NOT NULL
    )""",
    "document": f"""
    -- every document, once, when it was first sent
    moved AS (
        SELECT unit_id, 0 AS procedure_id, tier, electronic, signed, {_SENT} AS what, {_CIVIL_DAY} AS day
        FROM document CROSS JOIN LATERAL (VALUES (sent_at)) AS instant (at)
        WHERE root_id = $1 AND generation = $2
    )""",
}


def _if(what: int, condition: str = "") -> str:
    return f"count(*) FILTER (WHERE what = {what}{' AND ' + condition if condition else ''})"


def _flagged(what: int, flags: int, condition: str = "") -> str:
    return _if(what, f"flags & {flags} = {flags}{' AND ' + condition if condition else ''}")


_POSTAL, _ONLINE = dossier.RETURN_WAYS.index("postal"), dossier.RETURN_WAYS.index("online")

# Every counter, and what of `moved` it counts.
_COUNTS: Final[dict[str, dict[str, str]]] = {
    "dossier": {
        "received": _if(_RECEIVED),
        "received_fee": _flagged(_RECEIVED, flags.FEE),
        "received_fee_paid_online": _flagged(_RECEIVED, flags.FEE | flags.PAID_ONLINE),
        "received_e_result": _flagged(_RECEIVED, flags.E_RESULT),
        "received_digitised": _flagged(_RECEIVED, flags.DIGITISED),
        "received_reused": _flagged(_RECEIVED, flags.REUSED),
        "received_shared_store": _flagged(_RECEIVED, flags.SHARED_STORE),
        "received_population_data": _flagged(_RECEIVED, flags.POPULATION_DATA),
        "received_disliked": _flagged(_RECEIVED, flags.DISLIKED),
        "received_synced": _flagged(_RECEIVED, flags.SYNCED),
        "received_by_postal_clerk": _flagged(_RECEIVED, flags.BY_POSTAL_CLERK),
        "ended": _if(_ENDED),
        "ended_e_result": _flagged(_ENDED, flags.E_RESULT),
        # A result counts as signed only as an electronic one.
        "ended_signed_result": _flagged(_ENDED, flags.E_RESULT | flags.SIGNED_RESULT),
        "ended_digitised": _flagged(_ENDED, flags.DIGITISED),
        "ended_reused": _flagged(_ENDED, flags.REUSED),
        "ended_shared_store": _flagged(_ENDED, flags.SHARED_STORE),
        "ended_population_data": _flagged(_ENDED, flags.POPULATION_DATA),
        "ended_disliked": _flagged(_ENDED, flags.DISLIKED),
        "ended_late": _if(_ENDED, "late"),
        "ended_late_disliked": _flagged(_ENDED, flags.DISLIKED, "late"),
        "processing_seconds": f"coalesce(sum(seconds) FILTER (WHERE what = {_ENDED}), 0)::bigint",
        "processing_micros": f"coalesce(sum(micros) FILTER (WHERE what = {_ENDED}), 0)::bigint",
        "missed": _if(_MISSED),
        "missed_disliked": _flagged(_MISSED, flags.DISLIKED),
        "returned_postal": _if(_RETURNED, f"returned_via = {_POSTAL}"),
        "returned_online": _if(_RETURNED, f"returned_via = {_ONLINE}"),
    },
    "petition": {
        "received": _if(_RECEIVED),
        "received_disliked": _if(_RECEIVED, "disliked"),
        "ended": _if(_ENDED),
        "ended_late": _if(_ENDED, "late"),
        "ended_disliked": _if(_ENDED, "disliked"),
        "ended_late_disliked": _if(_ENDED, "late AND disliked"),
        "missed": _if(_MISSED),
        "missed_disliked": _if(_MISSED, "disliked"),
    },
    "document": {
        "sent": _if(_SENT),
        "electronic": _if(_SENT, "electronic"),
        "signed": _if(_SENT, "electronic AND signed"),
    },
}


def _statement(family: Family, grain: str) -> str:
    """SQL for every cell of a tally in which any counter differs from the recount; a missing row is all zeros."""
    keys = tally_keys(family, grain)
    named = ", ".join(keys)
    grouped = named.replace("bucket", f"{bucket_sql(grain, 'day')} AS bucket")
    counts = ", ".join(f"{_COUNTS[family.name][name]} AS {name}" for name in family.counters)
    tallied, recounted = (
        ", ".join(f"coalesce({side}.{name}, 0)::bigint" for name in family.counters)
        for side in ("tallied", "recounted")
    )
    told = ", ".join(name if name in keys else f"NULL::int AS {name}" for name in ("unit_id", "procedure_id"))
    return f"""
    WITH {_MOVED[family.name]},
    -- the counters as the facts give them
    recounted AS (
        SELECT {grouped}, {counts}
        FROM moved GROUP BY {", ".join(str(n + 1) for n in range(len(keys)))}
    ),
    -- the counters as they were kept
    tallied AS (
        SELECT {named}, {", ".join(family.counters)}
        FROM {tally_name(family, grain)} WHERE root_id = $1 AND generation = $2
    )
    SELECT {told}, {family.variety},
           bucket, tallied IS NULL AS not_tallied, ARRAY[{tallied}] AS tallied, ARRAY[{recounted}] AS recounted
    FROM tallied FULL JOIN recounted USING ({named})
    WHERE ({tallied}) <> ({recounted})
    ORDER BY 1, 4, 2, 3
    """


async def compare(connection: Connection, root_id: int, generation: int) -> Comparison:
    """Recount a root within the caller's snapshot and compare every table of tallies."""
    # The recount of a province by day and procedure holds a million groups; without this they are sorted on disk.
    await connection.execute("SET LOCAL work_mem = '128MB'")
    units = await connection.fetch("SELECT id, code FROM unit WHERE root_id = $1", root_id)
    procedures = await connection.fetch("SELECT id, code FROM procedure WHERE root_id = $1", root_id)
    names = _Names(dict(map(tuple, units)), {0: "", **dict(map(tuple, procedures))})
    comparison = Comparison(0, 0, [])
    for family in FAMILIES:
        for grain in GRAINS[family.name]:
            await _compare_table(connection, (root_id, generation), family, grain, names, comparison)
    return comparison


class _Names(NamedTuple):
    """What ids stand for, for people."""

    units: dict[int, str]
    procedures: dict[int, str]


async def _compare_table(
    connection: Connection, key: tuple[int, int], family: Family, grain: str, names: _Names, comparison: Comparison
) -> None:
    table = tally_name(family, grain)
    comparison.cells_compared += await connection.fetchval(
        f"SELECT count(*) FROM {table} WHERE root_id = $1 AND generation = $2", *key
    )
    cursor = await connection.cursor(_statement(family, grain), *key)
    while rows := await cursor.fetch(_FETCHED):
        for row in rows:
            # Cells that no row stands for; none of them is all zeros, so all of them are among the differing.
            comparison.cells_compared += row["not_tallied"]
            found = _differences(table, family, names, row)
            comparison.differing += len(found)
            comparison.differences += found[: LISTED - len(comparison.differences)]


def _differences(table: str, family: Family, names: _Names, row: Any) -> list[Difference]:
    unit_id = row["unit_id"]
    unit = _EVERY_UNIT if unit_id is None else names.units.get(unit_id, f"#{unit_id}")
    procedure_id, variety = row["procedure_id"], row[family.variety]
    procedure = None if procedure_id is None else names.procedures.get(procedure_id, f"#{procedure_id}")
    named = family.varieties[variety] if 0 <= variety < len(family.varieties) else f"#{variety}"
    bucket = date_of(Day(row["bucket"]))
    return [
        Difference(table, unit, procedure, named, bucket, counter, tallied, recounted)
        for counter, tallied, recounted in zip(family.counters, row["tallied"], row["recounted"], strict=True)
        if tallied != recounted
    ]
