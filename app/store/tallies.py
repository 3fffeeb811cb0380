"""Counters in the database: written as differences, last in a transaction; read as sums over units and days.

Grains: `day` and `month` by procedure, `unit_day` and `unit_month` over all procedures (docs/decisions/0001). A
question
reads whole months and the days at its edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from app.domain.events import Day
from app.domain.periods import date_of, day_number
from app.domain.tally import DOSSIER, FAMILIES, Cells, Family
from app.store.database import Connection
from app.store.lives import Change
from app.store.tables import GRAINS

_WIDE: Final = ("processing_seconds", "processing_micros")


@cache
def _month_of(day: int) -> int:
    return day_number(date_of(Day(day)).replace(day=1))


@cache
def _upsert(family: Family, grain: str) -> str:
    """Add rows of differences to one tally, in key order so that two writers never wait for each other in a ring."""
    by_procedure = not grain.startswith("unit_")
    keys = ["unit_id int", "bucket date", *(["procedure_id int"] if by_procedure else []), f"{family.variety} smallint"]
    counters = [f"{name} {'bigint' if name in _WIDE else 'int'}" for name in family.counters]
    kinds = [column.split()[1] for column in keys + counters]
    names = ", ".join(column.split()[0] for column in keys + counters)
    unnest = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(kinds, start=3))
    table = f"tally_{family.name}_{grain}"
    return f"""
        INSERT INTO {table} (root_id, generation, {names})
        SELECT $1::int, $2::int, * FROM unnest({unnest}) AS difference ({names})
        ON CONFLICT (root_id, generation, {", ".join(column.split()[0] for column in keys)}) DO UPDATE
        SET {", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in family.counters)}
    """


def _coarser(cells: Cells, grain: str) -> Cells:
    """The cells of a grain: keys (unit, procedure or 0, variety, first day of the bucket)."""
    if grain == "day":
        return cells
    merged: Cells = {}
    for (unit, procedure, variety, day), counts in cells.items():
        key = (
            unit,
            0 if grain.startswith("unit_") else procedure,
            variety,
            _month_of(day) if grain.endswith("month") else day,
        )
        into = merged.get(key)
        if into is None:
            merged[key] = counts[:]
        else:
            for index, count in enumerate(counts):
                if count:
                    into[index] += count
    return merged


async def apply(connection: Connection, root_id: int, generation: int, change: Change) -> None:
    """Add a transaction's differences to the tallies and raise the change counters of the units it touched.

    The last thing before commit, so that the rows many writers share are locked as briefly as can be.
    """
    for family in FAMILIES:
        cells = {key: counts for key, counts in change.cells[family.name].items() if any(counts)}
        for grain in GRAINS[family.name] if cells else ():
            by_procedure = not grain.startswith("unit_")
            # In the order of the table's key: unit, bucket, procedure, variety.
            rows = sorted(
                (k[0], k[3], k[1], k[2], counts) for k, counts in _coarser(cells, grain).items() if any(counts)
            )
            columns: list[Sequence[int]] = [[row[0] for row in rows], [row[1] for row in rows]]
            if by_procedure:
                columns.append([row[2] for row in rows])
            columns.append([row[3] for row in rows])
            columns.extend(zip(*(row[4] for row in rows), strict=True) if rows else ())
            if rows:
                await connection.execute(_upsert(family, grain), root_id, generation, *columns)
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


def _whole_months(span: Range) -> tuple[int | None, int]:
    """The first days of the first whole month in a range and of the month after the last (empty when not before it)."""
    after = _month_of(span.until)
    if span.first is None:
        return None, after
    start: int = span.first
    if _month_of(start) != start:
        first = date_of(Day(start))
        start = day_number(date(first.year + first.month // 12, first.month % 12 + 1, 1))
    return start, after


def _pieces(span: Range) -> list[tuple[str, int | None, int]]:
    """A range cut into (grain, from, until): whole months, and days at the edges."""
    month_first, month_until = _whole_months(span)
    if month_first is not None and month_first >= month_until:
        return [("day", span.first, span.until)]
    pieces: list[tuple[str, int | None, int]] = [("month", month_first, month_until)]
    if span.first is not None and month_first is not None and span.first < month_first:
        pieces.append(("day", span.first, month_first))
    if month_until < span.until:
        pieces.append(("day", month_until, span.until))
    return pieces


async def sums(
    connection: Connection,
    family: Family,
    root_id: int,
    generation: int,
    unit_ids: Sequence[int],
    span: Range,
    procedure_id: int | None = None,
) -> dict[int, list[int]]:
    """All counters of a family summed over units and days, by variety; perhaps of one procedure only."""
    question = _Sums(family, (family.variety,), family.counters, procedure_id)
    statement, parameters = question.statement(root_id, generation, unit_ids, span)
    rows = await connection.fetch(statement, *parameters)
    return {row[0]: list(row[1:]) for row in rows}


async def sums_by_procedure(
    connection: Connection,
    root_id: int,
    generation: int,
    unit_ids: Sequence[int],
    span: Range,
    counters: Sequence[str],
) -> dict[tuple[int, int], list[int]]:
    """Some counters of dossiers summed over units and days, by (procedure id, channel)."""
    question = _Sums(DOSSIER, ("procedure_id", DOSSIER.variety), counters)
    statement, parameters = question.statement(root_id, generation, unit_ids, span)
    rows = await connection.fetch(statement, *parameters)
    return {(row[0], row[1]): list(row[2:]) for row in rows}


@dataclass(frozen=True)
class _Sums:
    """Which counters are summed and by what."""

    family: Family
    by: tuple[str, ...]
    counters: Sequence[str]
    procedure_id: int | None = None

    def statement(
        self, root_id: int, generation: int, unit_ids: Sequence[int], span: Range
    ) -> tuple[str, list[object]]:
        """SQL and its parameters: one SELECT per piece of the range, added together."""
        whole = self.by == (self.family.variety,) and self.procedure_id is None
        parameters: list[object] = [root_id, generation, unit_ids]
        selects = []
        for grain, first, until in _pieces(span):
            conditions = ["root_id = $1", "generation = $2", "unit_id = ANY($3::int[])"]
            parameters.append(until)
            conditions.append(f"bucket < ${len(parameters)}::date")
            if first is not None:
                parameters.append(first)
                conditions.append(f"bucket >= ${len(parameters)}::date")
            if self.procedure_id is not None:
                parameters.append(self.procedure_id)
                conditions.append(f"procedure_id = ${len(parameters)}::int")
            table = f"tally_{self.family.name}_{'unit_' if whole else ''}{grain}"
            selects.append(
                f"SELECT {', '.join((*self.by, *self.counters))} FROM {table} WHERE {' AND '.join(conditions)}"
            )
        totals = ", ".join(f"sum({name})::bigint" for name in self.counters)
        by = ", ".join(self.by)
        statement = f"SELECT {by}, {totals} FROM ({' UNION ALL '.join(selects)}) AS pieces GROUP BY {by}"
        return statement, parameters
