"""Reading which procedures dossiers were of: distinct ones, so that their groups stay in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.domain.lives.dossier import CHANNELS
from app.domain.tallies.sums import Uses
from app.domain.tallies.tally import DOSSIER, Cells
from app.store.connections.database import Connection
from app.store.tallies.sums import Binder, Found, Scope, Span, Steps, Summed, rows_of

USED: Final = ("received", "received_fee_paid_online", "received_population_data", "ended_population_data")
"""The dossiers' counters that are needed by procedure."""


_Ids = Sequence[int] | None


class Ahead(NamedTuple):
    """Contributions to a span of the last slice whose instants are still to come, by unit and procedure."""

    cells: Cells
    number: int | None
    slice: int


@dataclass(frozen=True)
class UsesWanted:
    """Which of the uses are read; `received` is of single procedures, the others only say which they are."""

    online: bool
    paid: bool
    population: bool
    received: bool
    by_unit: bool = False


async def uses(
    connection: Connection,
    wanted: UsesWanted,
    scope: Scope,
    spans: Sequence[Span],
    steps: Steps | None = None,
    ahead: Ahead | None = None,
) -> list[Found[int, Uses]]:
    """Which procedures were used, by unit, span and slice; one statement, whose groups by procedure stay in the
    database.
    """
    kind = Summed(DOSSIER, USED, wanted.by_unit, True)
    bound = Binder(scope)
    rows = rows_of(kind, scope, spans, steps, bound)
    if not rows:
        return []
    if ahead is not None and ahead.cells:
        rows += " UNION ALL " + _ahead(kind, scope, ahead, bound)
    found = await connection.fetch(_uses_statement(wanted, rows), *bound.parameters)
    return [(unit_id, number, slice_, _uses_of(*columns)) for unit_id, number, slice_, *columns in found]


def _uses_statement(wanted: UsesWanted, rows: str) -> str:
    channels = [
        f"coalesce(sum(sign * received) FILTER (WHERE channel = {number}), 0) AS c{number}" for number, _ in _CHANNELS
    ]
    unit = "unit_id" if wanted.by_unit else "0"
    by_unit = "unit_id, " if wanted.by_unit else ""
    ids = "array_agg(procedure_id) FILTER (WHERE {})"
    columns = [ids.format(condition) if asked else "NULL" for asked, condition in _conditions(wanted)]
    stock = "array_agg(more) FILTER (WHERE more <> 0)" if wanted.population else "NULL"
    each = [
        f"array_agg(c{number}) FILTER (WHERE {_RECEIVED})" if wanted.received else "NULL" for number, _ in _CHANNELS
    ]
    return f"""
        SELECT {unit}, number, slice, {", ".join(columns)}, {stock}, {", ".join(each)}
        FROM (
            SELECT {unit} AS unit_id, procedure_id, number, slice, {", ".join(channels)},
                   coalesce(sum(sign * received_fee_paid_online), 0) AS paid,
                   coalesce(sum(sign * received_population_data), 0) AS population,
                   coalesce(sum(sign * received_population_data), 0)
                   - coalesce(sum(sign * ended_population_data), 0) AS more
            FROM ({rows}) AS rows GROUP BY {by_unit}procedure_id, number, slice
        ) AS of_procedures
        GROUP BY {by_unit}number, slice
    """


def _uses_of(
    online: _Ids, paid: _Ids, population: _Ids, moved: _Ids, received: _Ids, more: _Ids, *by_channel: _Ids
) -> Uses:
    return Uses(
        set(online or ()),
        set(paid or ()),
        set(population or ()),
        dict(zip(moved or (), more or (), strict=True)),
        dict(zip(received, map(list, zip(*by_channel, strict=True)), strict=True)) if received else {},
    )


_CHANNELS: Final = tuple(enumerate(CHANNELS))
_RECEIVED: Final = f"slice > 0 AND {' + '.join(f'c{number}' for number, _ in _CHANNELS)} <> 0"


def _conditions(wanted: UsesWanted) -> tuple[tuple[bool, str], ...]:
    # Of what lies before everything only the open dossiers are looked at.
    return (
        (wanted.online, f"slice > 0 AND c{CHANNELS.index('online')} > 0"),
        (wanted.paid, "slice > 0 AND paid > 0"),
        (wanted.population, "slice > 0 AND population > 0"),
        (wanted.population, "more <> 0"),
        (wanted.received, _RECEIVED),
    )


def _ahead(kind: Summed, scope: Scope, ahead: Ahead, bound: Binder) -> str:
    """SQL for rows that take out what the day of now already holds though its instant is yet to come."""
    places = [kind.family.places[name] for name in kind.counters]
    chosen = [(key, counts) for key, counts in ahead.cells.items() if scope.procedure_id in (None, key[1])]
    columns = [[key[place] for key, _ in chosen] for place in range(3)]
    columns += [[counts[place] for _, counts in chosen] for place in places]
    arrays = ", ".join(bound(column, "int[]") for column in columns)
    unit = "unit_id, " if kind.by_unit else ""
    number = "NULL::int" if ahead.number is None else ahead.number
    return (
        f"SELECT {unit}procedure_id, channel, {number}, {ahead.slice}, -1, {', '.join(kind.counters)}"
        f" FROM unnest({arrays}) AS ahead (unit_id, procedure_id, channel, {', '.join(kind.counters)})"
    )
