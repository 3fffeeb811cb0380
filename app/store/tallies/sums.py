"""Reading the tallies: sums over units and spans of days, each span taken from the longest buckets that make it up.

Nothing here knows what the sums are for. The texts of the statements hold no values, so that those of one kind of
question are one prepared statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, NamedTuple

from app.domain.calendar.civil import Day, date_of, day_number
from app.domain.lives.dossier import CHANNELS
from app.domain.tallies.sums import Uses
from app.domain.tallies.tally import DOSSIER, Cells, Family
from app.store.database import Connection
from app.store.tallies.grains import GRAINS, tally_name

_LENGTHS: Final = ("year", "month", "day")
_BEGINNING: Final = day_number(date(1, 1, 1))
_PRICES: Final = {"year": 14, "month": 6, "day": 1}
"""How many rows the buckets of each length have, roughly: a province's by procedure."""


class Span(NamedTuple):
    """Civil days `first` ≤ day < `until`; `first` None from the beginning of time. `slice` tells its sums apart."""

    slice: int
    first: Day | None
    until: Day


class Piece(NamedTuple):
    """Whole buckets of one length from `first` to before `until`, added (sign 1) or taken away (sign -1)."""

    length: str
    first: Day | None
    until: Day
    sign: int = 1


@dataclass(frozen=True)
class Scope:
    """Whose tallies are read: units of a root's generation, None for all of them, and perhaps one procedure."""

    root_id: int
    generation: int
    unit_ids: Sequence[int] | None
    procedure_id: int | None = None


@dataclass(frozen=True)
class Kind:
    """What is summed of a family, and how it is split beside the slices."""

    family: Family
    counters: tuple[str, ...]
    by_unit: bool = False
    by_procedure: bool = False
    by_variety: bool = True

    @property
    def columns(self) -> tuple[tuple[str, bool], ...]:
        """Those by which sums can be told apart, and whether these are."""
        return (
            ("unit_id", self.by_unit),
            ("procedure_id", self.by_procedure),
            (self.family.variety, self.by_variety),
        )

    @property
    def split(self) -> tuple[str, ...]:
        """The columns by which its sums are told apart."""
        return tuple(name for name, split in self.columns if split)


def pieces(first: Day | None, until: Day) -> list[Piece]:
    """The cheapest buckets that make up a span: an open year is its whole bucket less the days that are still ahead."""
    if first is None:
        year = _start("year", until)
        return [Piece("year", None, year), *_head("year", year, until)]
    return _between("year", first, until)


def _between(length: str, first: Day, until: Day) -> list[Piece]:
    """Days anywhere: whole buckets, what is before them to the end of a bucket, and what is after them."""
    if first == until:
        return []
    if length == "day":
        return [Piece(length, first, until)]
    start, end = _start(length, first), _start(length, until)
    if start == end and first != start:
        return _between(_shorter(length), first, until)
    after = start if start == first else _next(length, start)
    found = _tail(length, first, after) if first != after else []
    if after < end:
        found.append(Piece(length, after, end))
    return found + _head(length, end, until)


def _head(length: str, start: Day, until: Day) -> list[Piece]:
    """The days of one bucket, which begins at `start`, to before `until`."""
    if start == until:
        return []
    end = _next(length, start)
    if until == end:
        return [Piece(length, start, end)]
    shorter = _shorter(length)
    last = _start(shorter, until)
    added = [Piece(shorter, start, last)] if last != start else []
    added += _head(shorter, last, until) if shorter != "day" else []
    if shorter == "day":
        return _cheaper([Piece("day", start, until)], [Piece(length, start, end), Piece("day", until, end, -1)])
    return _cheaper(added, [Piece(length, start, end), *_taken(_tail(length, until, end))])


def _tail(length: str, first: Day, end: Day) -> list[Piece]:
    """The days of one bucket, which ends at `end`, from `first` on."""
    if first == end:
        return []
    start = _start(length, Day(end - 1))
    if first == start:
        return [Piece(length, start, end)]
    shorter = _shorter(length)
    if shorter == "day":
        return _cheaper([Piece("day", first, end)], [Piece(length, start, end), Piece("day", start, first, -1)])
    after = _start(shorter, first)
    after = after if after == first else _next(shorter, after)
    added = _tail(shorter, first, after) + ([Piece(shorter, after, end)] if after != end else [])
    # What is taken away is put together of whole buckets and days only: one turn is enough.
    before = [Piece(shorter, start, _start(shorter, first))] if _start(shorter, first) != start else []
    rest = Piece("day", _start(shorter, first), first)
    taken = before + ([rest] if rest.first != rest.until else [])
    return _cheaper(added, [Piece(length, start, end), *_taken(taken)])


def _cheaper(one: list[Piece], other: list[Piece]) -> list[Piece]:
    return other if _price(other) < _price(one) else one


def _price(found: list[Piece]) -> float:
    total = 0.0
    for length, first, until, _ in found:
        assert first is not None, "only a span from the beginning of time begins nowhere"
        days = until - first
        total += _PRICES[length] * (days if length == "day" else days / (30.4 if length == "month" else 365.2))
    return total


def _taken(found: list[Piece]) -> list[Piece]:
    return [piece._replace(sign=-piece.sign) for piece in found]


def _shorter(length: str) -> str:
    return _LENGTHS[_LENGTHS.index(length) + 1]


@cache
def _start(length: str, day: Day) -> Day:
    """The first day of the bucket of `day`."""
    if length == "day":
        return day
    first = date_of(day).replace(day=1)
    return day_number(first if length == "month" else first.replace(month=1))


@cache
def _next(length: str, start: Day) -> Day:
    """The first day of the bucket after the one that begins at `start`."""
    if length == "day":
        return Day(start + 1)
    first = date_of(start)
    if length == "year":
        return day_number(date(first.year + 1, 1, 1))
    return day_number(date(first.year + first.month // 12, first.month % 12 + 1, 1))


class _Binder:
    """Collects the parameters of a statement."""

    def __init__(self, scope: Scope) -> None:
        self.parameters: list[object] = [scope.root_id, scope.generation]

    def __call__(self, value: object, kind: str) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}::{kind}"


@dataclass(frozen=True)
class Steps:
    """Slices that follow each other, numbered from 1: their first days and the day after the last."""

    edges: tuple[Day, ...]


def _rows(kind: Kind, scope: Scope, spans: Sequence[Span], steps: Steps | None, bound: _Binder) -> str:
    """SQL for the tallies' rows of some spans: keys, slice, sign, counters. One SELECT for each length of buckets.

    The pieces are rows that are joined, so that the text is the same however many there are. OFFSET 0 keeps PostgreSQL
    from reading all days of the units once for all pieces: it goes to each piece by the index.
    """
    conditions = ["root_id = $1", "generation = $2"]
    if scope.unit_ids is not None:
        conditions.append(f"unit_id = ANY({bound(scope.unit_ids, 'int[]')})")
    if scope.procedure_id is not None:
        conditions.append(f"procedure_id = {bound(scope.procedure_id, 'int')}")
    keys = "".join(f"{name}, " for name in kind.split)
    selects = []

    def select(length: str, found: Sequence[tuple[int, Piece]], slice_sql: str) -> None:
        numbers, firsts, untils, signs = zip(
            *(
                (number, _BEGINNING if first is None else first, until, sign)
                for number, (_, first, until, sign) in found
            ),
            strict=True,
        )
        arrays = ((numbers, "int[]"), (firsts, "date[]"), (untils, "date[]"), (signs, "int[]"))
        selects.append(
            f"SELECT {keys}{slice_sql} AS slice, sign, {', '.join(kind.counters)}"
            f" FROM unnest({', '.join(bound(list(array), sort) for array, sort in arrays)})"
            f" AS piece (number, first, until, sign), LATERAL ("
            f"SELECT bucket, {keys}{', '.join(kind.counters)}"
            f" FROM {tally_name(kind.family, _grain(kind, scope, length))}"
            f" WHERE bucket >= first AND bucket < until AND {' AND '.join(conditions)} OFFSET 0) AS within"
        )

    numbered = [(span.slice, piece) for span in spans for piece in pieces(span.first, span.until)]
    for length in _LENGTHS:
        found = [each for each in numbered if each[1].length == length and each[1].first != each[1].until]
        if found:
            select(length, found, "number")
    if steps is not None:
        starts = bound(steps.edges[:-1], "date[]")
        for piece in _stepped(steps):
            select(piece.length, [(0, piece)], f"width_bucket(bucket, {starts})")
    return " UNION ALL ".join(selects)


def _grain(kind: Kind, scope: Scope, length: str) -> str:
    """The grain with the fewest rows that tell what is asked for."""
    if not kind.by_procedure and scope.procedure_id is None:
        return f"unit_{length}"
    rooted = f"root_{length}"
    every_unit = scope.unit_ids is None and not kind.by_unit
    return rooted if every_unit and rooted in GRAINS[kind.family.name] else length


def _stepped(steps: Steps) -> list[Piece]:
    """The buckets of slices in steps. A month's belongs to one of them only where they meet at the firsts of months."""
    months = all(_start("month", edge) == edge for edge in steps.edges[1:-1])
    first, until = steps.edges[0], steps.edges[-1]
    return _plain(first, until) if months else [Piece("day", first, until)]


def _plain(first: Day, until: Day) -> list[Piece]:
    """Days, whole months, days: nothing is taken away again, which could belong to another slice than its bucket."""
    start, end = _start("month", first), _start("month", until)
    after = first if start == first else _next("month", start)
    if after >= end:
        return [Piece("day", first, until)]
    found = [Piece("day", first, after), Piece("month", after, end), Piece("day", end, until)]
    return [piece for piece in found if piece.first != piece.until]


Place = tuple[str, int, int, int]
"""Name of a family, unit, procedure and variety; 0 where the sums are not split by them."""


async def cells(
    connection: Connection, kinds: Sequence[Kind], scope: Scope, spans: Sequence[Span], steps: Steps | None = None
) -> list[tuple[Place, int, list[int]]]:
    """The counters asked for of every place and slice that has any; one statement."""
    bound = _Binder(scope)
    selects = []
    for number, kind in enumerate(kinds):
        rows = _rows(kind, scope, spans, steps, bound)
        if not rows:
            return []
        places = ", ".join(f"{name}::int" if split else "0" for name, split in kind.columns)
        sums = ", ".join(f"coalesce(sum(sign * {name}), 0)::bigint" for name in kind.counters)
        selects.append(
            f"SELECT {number}, {places}, slice, ARRAY[{sums}]"
            f" FROM ({rows}) AS rows GROUP BY {', '.join((*kind.split, 'slice'))}"
        )
    found: list[tuple[Place, int, list[int]]] = []
    names = [kind.family.name for kind in kinds]
    for number, unit_id, procedure_id, variety, slice_, counts in await connection.fetch(
        " UNION ALL ".join(selects), *bound.parameters
    ):
        found.append(((names[number], unit_id, procedure_id, variety), slice_, counts))
    return found


USED: Final = ("received", "received_fee_paid_online", "received_population_data", "ended_population_data")
"""The dossiers' counters that are needed by procedure."""


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
    ahead: Cells | None = None,
    last: int = 1,
) -> list[tuple[int, int, Uses]]:
    """Which procedures were used, by unit and slice; one statement, whose groups by procedure stay in the database.

    Args:
        ahead: contributions of slice `last` in the tallies whose instants are still to come, by unit and procedure.
    """
    kind = Kind(DOSSIER, USED, wanted.by_unit, True)
    bound = _Binder(scope)
    rows = _rows(kind, scope, spans, steps, bound)
    if not rows:
        return []
    if ahead:
        rows += " UNION ALL " + _ahead(kind, scope, ahead, last, bound)
    channels = [
        f"coalesce(sum(sign * received) FILTER (WHERE channel = {number}), 0) AS c{number}" for number, _ in _CHANNELS
    ]
    unit = "unit_id" if wanted.by_unit else "0"
    ids = "array_agg(procedure_id) FILTER (WHERE {})"
    columns = [ids.format(condition) if asked else "NULL" for asked, condition in _conditions(wanted)]
    stock = "array_agg(more) FILTER (WHERE more <> 0)" if wanted.population else "NULL"
    each = [
        f"array_agg(c{number}) FILTER (WHERE {_RECEIVED})" if wanted.received else "NULL" for number, _ in _CHANNELS
    ]
    statement = f"""
        SELECT {unit}, slice, {", ".join(columns)}, {stock}, {", ".join(each)}
        FROM (
            SELECT {unit} AS unit_id, procedure_id, slice, {", ".join(channels)},
                   coalesce(sum(sign * received_fee_paid_online), 0) AS paid,
                   coalesce(sum(sign * received_population_data), 0) AS population,
                   coalesce(sum(sign * received_population_data), 0)
                   - coalesce(sum(sign * ended_population_data), 0) AS more
            FROM ({rows}) AS rows GROUP BY {"unit_id, " if wanted.by_unit else ""}procedure_id, slice
        ) AS of_procedures
        GROUP BY {"unit_id, " if wanted.by_unit else ""}slice
    """
    found = []
    for unit_id, number, online, paid, population, moved, received, more, *by_channel in await connection.fetch(
        statement, *bound.parameters
    ):
        of_unit = Uses(
            set(online or ()),
            set(paid or ()),
            set(population or ()),
            dict(zip(moved or (), more or (), strict=True)),
            dict(zip(received, map(list, zip(*by_channel, strict=True)), strict=True)) if received else {},
        )
        found.append((unit_id, number, of_unit))
    return found


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


def _ahead(kind: Kind, scope: Scope, ahead: Cells, last: int, bound: _Binder) -> str:
    """SQL for rows that take out what the day of now already holds though its instant is yet to come."""
    places = [kind.family.places[name] for name in kind.counters]
    chosen = [(key, counts) for key, counts in ahead.items() if scope.procedure_id in (None, key[1])]
    columns = [[key[place] for key, _ in chosen] for place in range(3)]
    columns += [[counts[place] for _, counts in chosen] for place in places]
    arrays = ", ".join(bound(column, "int[]") for column in columns)
    unit = "unit_id, " if kind.by_unit else ""
    return (
        f"SELECT {unit}procedure_id, channel, {last}, -1, {', '.join(kind.counters)}"
        f" FROM unnest({arrays}) AS ahead (unit_id, procedure_id, channel, {', '.join(kind.counters)})"
    )
