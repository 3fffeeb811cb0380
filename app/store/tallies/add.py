"""Counters in the database, written as differences, last in a transaction; sums.py reads them.

The differences of days by procedure go to the server once; it sums them up to months, years, whole units and the whole
root itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from operator import add, itemgetter
from typing import Final

from app.domain.calendar.civil import Day, date_of
from app.domain.tallies.tally import FAMILIES, Family
from app.store.connections import citus
from app.store.connections.database import Connection
from app.store.grains import GRAINS, bucket_length, tally_keys, tally_name
from app.store.tallies.buckets import first_of
from app.store.tallies.change import Change

_WIDE: Final = ("processing_seconds", "processing_micros")
_FROM: Final = {
    "month": "day",
    "year": "month",
    "unit_day": "day",
    "unit_month": "unit_day",
    "unit_year": "unit_month",
    "root_year": "year",
}
"""Which grain a coarser one is summed from."""


def bucket_sql(grain: str, day: str) -> str:
    """SQL for the first day of the bucket of a grain in which the date expression `day` lies."""
    length = bucket_length(grain)
    return day if length == "day" else f"date_trunc('{length}', {day}::timestamp)::date"


def added_sql(family: Family, table: str) -> str:
    """SQL assignments that add the differences in `excluded` to a tally's counters; null is 0 never touched."""
    return ", ".join(
        f"{name} = CASE WHEN excluded.{name} IS NULL THEN {table}.{name}"
        f" ELSE coalesce({table}.{name}, 0) + excluded.{name} END"
        for name in family.counters
    )


def _kind(name: str) -> str:
    return "bigint" if name in _WIDE else "int"


_RAISE: Final = """
    INSERT INTO unit_change (root_id, unit_id, year, changes)
    SELECT $1::int, unnest({units}::int[]), unnest({years}::smallint[]), 1
    ON CONFLICT (root_id, unit_id, year) DO UPDATE SET changes = unit_change.changes + 1
"""


@cache
def _add(family: Family, units: bool) -> str:
    """Add rows of differences of the finest tally to all tallies of a family; with `units` raise their counters too.

    Each in key order, so that two writers never wait for each other in a ring. The columns come as texts of arrays in
    one parameter: the server reads 30 of them faster than the client can encode 30 arrays (decision 0001).
    """
    finest, *coarser = GRAINS[family.name]
    columns = [*tally_keys(family, finest), *family.counters]
    arrays = ", ".join(f"($3::text[])[{place}]::{_kind(name)}[]" for place, name in enumerate(columns, start=1))
    read = ", ".join("DATE '1970-01-01' + bucket AS bucket" if name == "bucket" else name for name in columns)
    steps = [f"{finest} AS MATERIALIZED (SELECT {read} FROM unnest({arrays}) AS difference ({', '.join(columns)}))"]
    sums = ", ".join(f"sum({name})::{_kind(name)} AS {name}" for name in family.counters)
    for grain in coarser:
        keys = tally_keys(family, grain)
        told = ", ".join(f"{bucket_sql(grain, 'bucket')} AS bucket" if key == "bucket" else key for key in keys)
        places = ", ".join(str(place) for place in range(1, len(keys) + 1))
        source = _FROM[grain] if _FROM[grain] in GRAINS[family.name] else finest
        steps.append(f"{grain} AS MATERIALIZED (SELECT {told}, {sums} FROM {source} GROUP BY {places})")
    inserts = [_insert(family, grain, ordered=grain != finest) for grain in (finest, *coarser)]
    steps += [f"into_{grain} AS ({insert})" for grain, insert in zip(GRAINS[family.name], inserts, strict=True)]
    return f"WITH {', '.join(steps)} {_RAISE.format(units='$4', years='$5') if units else 'SELECT'}"


def _insert(family: Family, grain: str, *, ordered: bool) -> str:
    keys = tally_keys(family, grain)
    columns = ", ".join((*keys, *family.counters))
    table = tally_name(family, grain)
    return f"""
        INSERT INTO {table} (root_id, generation, {columns})
        SELECT $1::int, $2::int, {columns} FROM {grain} {f"ORDER BY {', '.join(keys)}" if ordered else ""}
        ON CONFLICT (root_id, generation, {", ".join(keys)}) DO UPDATE SET {added_sql(family, table)}
    """


def _array(column: Iterable[int]) -> str:
    return "{" + ",".join(map(str, column)) + "}"


def _differences(column: Iterable[int]) -> str:
    return "{" + ",".join([str(count) if count else "NULL" for count in column]) + "}"


async def apply(connection: Connection, root_id: int, generation: int, change: Change) -> None:
    """Add a transaction's differences to the tallies and raise the change counters of the units it touched.

    The last thing before commit, so that the rows many writers share are locked as briefly as can be.
    """
    changed = _changed(change)
    if citus.is_citus(connection):
        await _apply_to_cluster(connection, root_id, generation, change, changed)
        return
    raised = ([unit for unit, _ in changed], [year for _, year in changed])
    told = False
    for family in FAMILIES:
        columns = _columns(family, change)
        if columns:
            more = () if told else raised
            await connection.execute(_add(family, not told), root_id, generation, columns, *more)
            told = True
    if changed and not told:
        await connection.execute(_RAISE.format(units="$2", years="$3"), root_id, *raised)


async def _apply_to_cluster(
    connection: Connection, root_id: int, generation: int, change: Change, changed: Sequence[tuple[int, int]]
) -> None:
    """The same in statements that one worker takes whole: the sums are made here, a statement for each tally."""
    for family in FAMILIES:
        for grain, cells in _summed(family, change).items():
            keys, table = tally_keys(family, grain), tally_name(family, grain)
            rows = [
                (root_id, generation, *key, *(each or None for each in cells[key]))
                for key in sorted(cells)
                if any(cells[key])
            ]
            then = f"ON CONFLICT (root_id, generation, {', '.join(keys)}) DO UPDATE SET {added_sql(family, table)}"
            await citus.insert(connection, table, ("root_id", "generation", *keys, *family.counters), rows, then)
    await citus.insert(
        connection,
        "unit_change",
        ("root_id", "unit_id", "year", "changes"),
        [(root_id, unit, year, 1) for unit, year in changed],
        "ON CONFLICT (root_id, unit_id, year) DO UPDATE SET changes = unit_change.changes + 1",
    )


def _summed(family: Family, change: Change) -> dict[str, dict[tuple[int, ...], list[int]]]:
    """A family's differences by grain and by key, in the order of the key's columns."""
    found: dict[str, dict[tuple[int, ...], list[int]]] = {grain: {} for grain in GRAINS[family.name]}
    for (unit, procedure, variety, day), counts in change.cells[family.name].items():
        if not any(counts):
            continue
        named = {"unit_id": unit, "procedure_id": procedure, family.variety: variety}
        for grain, cells in found.items():
            named["bucket"] = first_of(bucket_length(grain), Day(day))
            into = cells.setdefault(tuple(named[name] for name in tally_keys(family, grain)), [0] * len(counts))
            into[:] = map(add, into, counts)
    return found


def _changed(change: Change) -> list[tuple[int, int]]:
    """Units and the civil years of their cells that changed, in key order; year 0 where a unit has no cell."""
    days = {(key[0], key[3]) for cells in change.cells.values() for key in cells}
    years = {(unit, _year_of(day)) for unit, day in days if unit in change.units}
    years |= {(unit, 0) for unit in change.units - {unit for unit, _ in years}}
    return sorted(years)


@cache
def _year_of(day: int) -> int:
    return date_of(Day(day)).year


def _columns(family: Family, change: Change) -> list[str]:
    """The keys and counters of a family's cells as texts of arrays, in the order of its finest tally's key."""
    # bucket, unit, procedure, variety; petitions and documents have no procedure.
    places = (3, 0, 2) if GRAINS[family.name][0].startswith("unit_") else (3, 0, 1, 2)
    cells = change.cells[family.name]
    keys = sorted((key for key, counts in cells.items() if any(counts)), key=itemgetter(*places))
    if not keys:
        return []
    columns = [_array([key[place] for key in keys]) for place in places]
    return columns + [_differences(column) for column in zip(*(cells[key] for key in keys), strict=True)]
