"""Reading the tallies: sums over units and spans of days, each span taken from the longest buckets that make it up.

Nothing here knows what the sums are for. The texts of the statements hold no values, so that those of one kind of
question are one prepared statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, TypeVar

from app.domain.calendar.civil import Day, day_number
from app.domain.tallies.tally import Family
from app.store.connections.database import Connection
from app.store.grains import GRAINS, tally_name
from app.store.tallies.buckets import LENGTHS, Piece, pieces, stepped

_BEGINNING: Final = day_number(date(1, 1, 1))


class Span(NamedTuple):
    """Civil days `first` ≤ day < `until`; `first` None from the beginning of time.

    `number` tells its sums apart; `slice` is the part of the question they belong to, 0 what lies before its period.
    """

    number: int
    slice: int
    first: Day | None
    until: Day


@dataclass(frozen=True)
class Steps:
    """Slices that follow each other, numbered from 1: their first days and the day after the last."""

    edges: tuple[Day, ...]


@dataclass(frozen=True)
class Scope:
    """Whose tallies are read: units of a root's generation, None for all of them, and perhaps one procedure."""

    root_id: int
    generation: int
    unit_ids: Sequence[int] | None
    procedure_id: int | None = None


@dataclass(frozen=True)
class Summed:
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


class Binder:
    """Collects the parameters of a statement."""

    def __init__(self, scope: Scope) -> None:
        self.parameters: list[object] = [scope.root_id, scope.generation]

    def __call__(self, value: object, kind: str) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}::{kind}"


def rows_of(kind: Summed, scope: Scope, spans: Sequence[Span], steps: Steps | None, bound: Binder) -> str:
    """SQL for the tallies' rows of some spans: keys, number (none in steps), slice, sign, counters. A SELECT for each
    length of buckets.

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

    def select(length: str, found: Sequence[tuple[int | None, int, Piece]], slice_sql: str) -> None:
        columns = zip(
            *(
                (number, slice_, _BEGINNING if first is None else first, until, sign)
                for number, slice_, (_, first, until, sign) in found
            ),
            strict=True,
        )
        arrays = zip(columns, ("int[]", "int[]", "date[]", "date[]", "int[]"), strict=True)
        selects.append(
            f"SELECT {keys}number, {slice_sql} AS slice, sign, {', '.join(kind.counters)}"
            f" FROM unnest({', '.join(bound(list(array), sort) for array, sort in arrays)})"
            f" AS piece (number, slice, first, until, sign), LATERAL ("
            f"SELECT bucket, {keys}{', '.join(kind.counters)}"
            f" FROM {tally_name(kind.family, _grain(kind, scope, length))}"
            f" WHERE bucket >= first AND bucket < until AND {' AND '.join(conditions)} OFFSET 0) AS within"
        )

    numbered = [(span.number, span.slice, piece) for span in spans for piece in pieces(span.first, span.until)]
    for length in LENGTHS:
        found = [each for each in numbered if each[2].length == length and each[2].first != each[2].until]
        if found:
            select(length, found, "slice")
    if steps is not None:
        starts = bound(steps.edges[:-1], "date[]")
        for piece in stepped(steps.edges):
            select(piece.length, [(None, 0, piece)], f"width_bucket(bucket, {starts})")
    return " UNION ALL ".join(selects)


def _grain(kind: Summed, scope: Scope, length: str) -> str:
    """The grain with the fewest rows that tell what is asked for."""
    if not kind.by_procedure and scope.procedure_id is None:
        return f"unit_{length}"
    rooted = f"root_{length}"
    every_unit = scope.unit_ids is None and not kind.by_unit
    return rooted if every_unit and rooted in GRAINS[kind.family.name] else length


Place = tuple[str, int, int, int]
"""Name of a family, unit, procedure and variety; 0 where the sums are not split by them."""

_P = TypeVar("_P")
_T = TypeVar("_T")


Found = tuple[_P, int | None, int, _T]
"""The sums of one place in a span (its number, None in steps) and so in a slice. A plain tuple: there are thousands."""


async def cells(
    connection: Connection, kinds: Sequence[Summed], scope: Scope, spans: Sequence[Span], steps: Steps | None = None
) -> list[Found[Place, list[int]]]:
    """The counters asked for of every place, span and slice that has any; one statement."""
    bound = Binder(scope)
    selects = []
    for number, kind in enumerate(kinds):
        rows = rows_of(kind, scope, spans, steps, bound)
        if not rows:
            return []
        places = ", ".join(f"{name}::int" if split else "0" for name, split in kind.columns)
        sums = ", ".join(f"coalesce(sum(sign * {name}), 0)::bigint" for name in kind.counters)
        selects.append(
            f"SELECT {number}, {places}, number, slice, ARRAY[{sums}]"
            f" FROM ({rows}) AS rows GROUP BY {', '.join((*kind.split, 'number', 'slice'))}"
        )
    names = [kind.family.name for kind in kinds]
    return [
        ((names[family], unit_id, procedure_id, variety), number, slice_, counts)
        for family, unit_id, procedure_id, variety, number, slice_, counts in await connection.fetch(
            " UNION ALL ".join(selects), *bound.parameters
        )
    ]
