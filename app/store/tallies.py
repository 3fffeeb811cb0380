"""Counters in the database, read as sums over units and days; counting.py writes them.

Buckets are days, months and years, by procedure and (`unit_…`) over all procedures: docs/decisions/0001. A question
reads whole years, whole months beside them, and the days at its edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import NamedTuple

from app.domain.cube import Cell, Slices
from app.domain.events import Day
from app.domain.periods import date_of, day_number
from app.domain.tally import Family
from app.store.database import Connection


@cache
def _bucket_of(length: str, day: int) -> int:
    if length == "day":
        return day
    first = date_of(Day(day)).replace(day=1)
    return day_number(first if length == "month" else first.replace(month=1))


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
