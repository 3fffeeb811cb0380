"""Counters in the database: written as differences, last in a transaction; read as sums over units and days.

Buckets are days, months and years, by procedure and (`unit_…`) over all procedures: docs/decisions/0001. A question
reads whole years, whole months beside them, and the days at its edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from operator import itemgetter
from typing import Final, NamedTuple

from app.domain.cube import Cell, Slices
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
        await connection.execute(
            """
            INSERT INTO unit_change (root_id, unit_id, changes) SELECT $1::int, unnest($2::int[]), 1
            ON CONFLICT (root_id, unit_id) DO UPDATE SET changes = unit_change.changes + 1
            """,
            root_id,
            sorted(change.units),
        )


@dataclass(frozen=True)
class Range:
    """Civil days `first` ≤ day < `until`; `first` None from the beginning of time."""

    first: Day | None
    until: Day


_Piece = tuple[str, int | None, int]


def _pieces(span: Range) -> list[_Piece]:
    """A range cut into (length, from, until): whole years, whole months beside them, days at the edges."""
    return [piece for piece in _cut(("year", "month", "day"), span.first, span.until) if piece[1] != piece[2]]


def _cut(lengths: tuple[str, ...], first: int | None, until: int) -> list[_Piece]:
    """The whole buckets of the longest length, and what is left on both sides in the shorter ones."""
    length, shorter = lengths[0], lengths[1:]
    if not shorter:
        return [(length, first, until)]
    end = _bucket_of(length, until)
    start = first if first is None or _bucket_of(length, first) == first else _next(length, first)
    if start is not None and start >= end:
        return _cut(shorter, first, until)
    pieces: list[_Piece] = [(length, start, end)]
    if first is not None and start is not None and first < start:
        pieces += _cut(shorter, first, start)
    if end < until:
        pieces += _cut(shorter, end, until)
    return pieces


def _next(length: str, day: int) -> int:
    """The first day of the bucket after the one of `day`."""
    first = date_of(Day(day))
    if length == "year":
        return day_number(date(first.year + 1, 1, 1))
    return day_number(date(first.year + first.month // 12, first.month % 12 + 1, 1))


class Useful(NamedTuple):
    """SQL conditions on the sums of a group that is looked at at all; None where no group of slice 0 is."""

    before: str | None
    within: str


@dataclass(frozen=True)
class Wanted:
    """What is summed: a family's counters over units and slices, perhaps split by unit and procedure.

    `procedure_id` narrows to one procedure; sums that are not `useful` are left out.
    """

    family: Family
    counters: Sequence[str]
    by_unit: bool = False
    by_procedure: bool = False
    procedure_id: int | None = None
    useful: Useful | None = None


async def sums(
    connection: Connection, wanted: Wanted, root_id: int, generation: int, unit_ids: Sequence[int], slices: Slices
) -> dict[Cell, list[int]]:
    """The counters of each cell that has any; one statement, whatever the number of units and slices."""
    statement, parameters = _statement(wanted, root_id, generation, unit_ids, slices)
    rows = await connection.fetch(statement, *parameters) if statement else []
    return {row[:4]: list(row[4:]) for row in rows}


def _statement(
    wanted: Wanted, root_id: int, generation: int, unit_ids: Sequence[int], slices: Slices
) -> tuple[str, list[object]]:
    """SQL and its parameters: one SELECT per piece of time, added together; none where there is nothing to read."""
    parameters: list[object] = [root_id, generation, unit_ids]

    def bound(value: object, kind: str) -> str:
        parameters.append(value)
        return f"${len(parameters)}::{kind}"

    conditions = ["root_id = $1", "generation = $2", "unit_id = ANY($3::int[])"]
    if wanted.procedure_id is not None:
        conditions.append(f"procedure_id = {bound(wanted.procedure_id, 'int')}")
    whole = not wanted.by_procedure and wanted.procedure_id is None
    dimensions = [name for name, split in (("unit_id", wanted.by_unit), ("procedure_id", wanted.by_procedure)) if split]
    dimensions.append(wanted.family.variety)
    starts = bound(slices.edges[:-1], "date[]") if slices.last > 1 else ""
    useful = wanted.useful
    selects = []
    for (grain, first, until), number, sign in _sliced(slices):
        if number == 0 and useful is not None and useful.before is None:
            continue
        where = [*conditions, f"bucket < {bound(until, 'date')}"]
        if first is not None:
            where.append(f"bucket >= {bound(first, 'date')}")
        slice_sql = f"width_bucket(bucket, {starts})" if number is None else str(number)
        table = f"tally_{wanted.family.name}_{'unit_' if whole else ''}{grain}"
        counters = [f"-{name} AS {name}" for name in wanted.counters] if sign < 0 else wanted.counters
        columns = ", ".join((*dimensions, f"{slice_sql} AS slice", *counters))
        selects.append(f"SELECT {columns} FROM {table} WHERE {' AND '.join(where)}")
    if not selects:
        return "", []
    totals = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in wanted.counters)
    told = f"{'unit_id' if wanted.by_unit else 0}, {'procedure_id' if wanted.by_procedure else 0}"
    having = ""
    if useful is not None:
        having = f"HAVING CASE slice WHEN 0 THEN {useful.before or 'false'} ELSE {useful.within} END"
    pieces = " UNION ALL ".join(selects)
    statement = (
        f"SELECT {told}, {wanted.family.variety}, slice, {totals} FROM ({pieces}) AS pieces "
        f"GROUP BY {', '.join(dimensions)}, slice {having}"
    )
    return statement, parameters


def _sliced(slices: Slices) -> Iterator[tuple[_Piece, int | None, int]]:
    """The pieces of all slices and the sign they are summed with.

    Each with its slice, or None where the pieces of many are read at once.
    """
    for piece in _pieces(Range(None, slices.first)):
        yield piece, 0, 1
    if slices.last == 1:
        until = _rounded_up(slices)
        for piece in _pieces(Range(slices.first, until)):
            yield piece, 1, 1
        for piece in _pieces(Range(slices.until, until)):
            yield piece, 1, -1
        return
    # A month's row belongs to one slice only where slices meet at the firsts of months.
    months = all(_bucket_of("month", edge) == edge for edge in slices.edges[1:-1])
    for piece in _cut(("month", "day") if months else ("day",), slices.first, slices.until):
        if piece[1] != piece[2]:
            yield piece, None, 1


def _rounded_up(slices: Slices) -> Day:
    """The end of the year or month that an open period runs through, where the period has it from its beginning on.

    What lies ahead of now are a few deadlines: one whole bucket less these is less to read than all days until now.
    """
    if slices.now is not None:
        for length in ("year", "month"):
            if slices.first <= _bucket_of(length, slices.until - 1):
                return Day(_next(length, slices.until - 1))
    return slices.until
