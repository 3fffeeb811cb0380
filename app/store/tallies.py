"""Counters in the database: written as differences, last in a transaction; sums.py reads them.

Buckets are days, months and years, by procedure and (`unit_…`) over all procedures: docs/decisions/0001.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from operator import itemgetter
from typing import Final

from app.domain.events import Day
from app.domain.periods import date_of, day_number
from app.domain.tally import FAMILIES, Cells, Family
from app.store.database import Connection
from app.store.grains import GRAINS, tally_keys, tally_name
from app.store.lives import Change

_WIDE: Final = ("processing_seconds", "processing_micros")


def bucket_sql(grain: str, day: str) -> str:
    """SQL for the first day of the bucket of a grain in which the date expression `day` lies."""
    length = grain.removeprefix("unit_")
    return day if length == "day" else f"date_trunc('{length}', {day}::timestamp)::date"


def added_sql(family: Family, table: str) -> str:
    """SQL assignments that add the differences in `excluded` to a tally's counters; null is 0 never touched."""
    return ", ".join(
        f"{name} = CASE WHEN excluded.{name} IS NULL THEN {table}.{name}"
        f" ELSE coalesce({table}.{name}, 0) + excluded.{name} END"
        for name in family.counters
    )


@cache
def _bucket_of(length: str, day: int) -> int:
    if length == "day":
        return day
    first = date_of(Day(day)).replace(day=1)
    return day_number(first if length == "month" else first.replace(month=1))


@cache
def _upsert(family: Family, grain: str) -> str:
    """Add rows of differences to one tally, in key order so that two writers never wait for each other in a ring.

    The columns come as texts of arrays in one parameter: the server reads 30 of them faster than the client can encode
    30 arrays (decision 0001).
    """
    keys = tally_keys(family, grain)
    columns = [*keys, *family.counters]
    arrays = ", ".join(
        f"($3::text[])[{place}]::{'bigint' if name in _WIDE else 'int'}[]"
        for place, name in enumerate(columns, start=1)
    )
    selected = ", ".join("DATE '1970-01-01' + bucket" if name == "bucket" else name for name in columns)
    table = tally_name(family, grain)
    return f"""
        INSERT INTO {table} (root_id, generation, {", ".join(columns)})
        SELECT $1::int, $2::int, {selected} FROM unnest({arrays}) AS difference ({", ".join(columns)})
        ON CONFLICT (root_id, generation, {", ".join(keys)}) DO UPDATE
        SET {added_sql(family, table)}
    """


def _merged(cells: Cells, grain: str) -> Cells:
    """The cells of a grain: keys (unit, procedure or 0, variety, first day of the bucket)."""
    if grain == "day":
        return cells
    length = grain.removeprefix("unit_")
    whole = length != grain
    merged: Cells = {}
    for (unit, procedure, variety, day), counts in cells.items():
        key = (unit, 0 if whole else procedure, variety, _bucket_of(length, day))
        into = merged.get(key)
        if into is None:
            merged[key] = counts[:]
        else:
            for index, count in enumerate(counts):
                if count:
                    into[index] += count
    return merged


def _array(column: Iterable[int]) -> str:
    return "{" + ",".join(map(str, column)) + "}"


def _differences(column: Iterable[int]) -> str:
    return "{" + ",".join([str(count) if count else "NULL" for count in column]) + "}"


async def apply(connection: Connection, root_id: int, generation: int, change: Change) -> None:
    """Add a transaction's differences to the tallies and raise the change counters of the units it touched.

    The last thing before commit, so that the rows many writers share are locked as briefly as can be.
    """
    for family in FAMILIES:
        cells = {key: counts for key, counts in change.cells[family.name].items() if any(counts)}
        for grain in GRAINS[family.name] if cells else ():
            # In the order of the table's key: bucket, unit, procedure, variety.
            places = (3, 0, 2) if grain.startswith("unit_") else (3, 0, 1, 2)
            merged = _merged(cells, grain)
            keys = sorted((key for key, counts in merged.items() if any(counts)), key=itemgetter(*places))
            if not keys:
                continue
            columns = [_array(key[place] for key in keys) for place in places]
            columns += [_differences(column) for column in zip(*(merged[key] for key in keys), strict=True)]
            await connection.execute(_upsert(family, grain), root_id, generation, columns)
    if change.units:
        changed = _changed(change)
        await connection.execute(
            """
            INSERT INTO unit_change (root_id, unit_id, year, changes)
            SELECT $1::int, unnest($2::int[]), unnest($3::smallint[]), 1
            ON CONFLICT (root_id, unit_id, year) DO UPDATE SET changes = unit_change.changes + 1
            """,
            root_id,
            [unit for unit, _ in changed],
            [year for _, year in changed],
        )


def _changed(change: Change) -> list[tuple[int, int]]:
    """Units and the civil years of their cells that changed, in key order; year 0 where a unit has no cell."""
    days = {(key[0], key[3]) for cells in change.cells.values() for key in cells}
    years = {(unit, _year_of(day)) for unit, day in days if unit in change.units}
    years |= {(unit, 0) for unit in change.units - {unit for unit, _ in years}}
    return sorted(years)


@cache
def _year_of(day: int) -> int:
    return date_of(Day(day)).year
