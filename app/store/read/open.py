"""Open lives that are late or soon will be, of one root at one instant: how many, and the lives in order.

A root's open lives are few beside all it ever had, and an index has them by deadline; what ends ahead of the clock is
open still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.domain.catalogues.root import Unit
from app.domain.figures.stakes import Class, Counted, Kind
from app.domain.lives.flags import DISLIKED
from app.store.read.dossiers import Binder, Found, Place, Table
from app.store.read.figures import Reader

State = Literal["late", "due"]
STATES: Final[tuple[State, ...]] = ("late", "due")

_COLUMNS: Final[dict[Table, str]] = {
    "life": f"""'dossier' AS kind, unit_id, subject, procedure_id, channel, flags, flags & {DISLIKED} <> 0 AS disliked,
        NULL::smallint AS about, false AS late_published, received_at, due_at, deadline, ended_at""",
    "petition": """'petition' AS kind, unit_id, subject, NULL::int AS procedure_id, NULL::smallint AS channel,
        NULL::smallint AS flags, disliked, about, late_published, received_at, NULL::timestamptz AS due_at, deadline,
        ended_at""",
}
_STATES: Final = {None: "true", "late": "deadline < {now}", "due": "deadline >= {now}"}


def _open(table: Table) -> str:
    """SQL for a root's open lives with a deadline before `until`."""
    scope = "root_id = {root} AND generation = {generation} AND received_at < {now} AND NOT voided"
    return f"""
        SELECT {_COLUMNS[table]} FROM {table}
        WHERE {scope} AND ended_at IS NULL AND deadline IS NOT NULL AND deadline < {{until}}
        UNION ALL
        SELECT {_COLUMNS[table]} FROM {table}
        WHERE {scope} AND ahead_until IS NOT NULL AND ahead_until >= {{now}} AND ended_at >= {{now}}
          AND deadline < {{until}}
    """


@dataclass(frozen=True)
class OpenLives:
    """Reads a root's open lives of some units within one snapshot.

    Args:
        edges: as of `stakes.Ahead`.
        procedure: its code, for the dossiers of it alone.
    """

    reader: Reader
    units: Sequence[Unit]
    edges: Sequence[int]
    procedure: str | None = None

    async def counted(self) -> list[Counted]:
        """All of them, counted."""
        bound, chosen = self._chosen()
        statement = bound.sql(
            f"""
            SELECT unit_id, kind, disliked, procedure_id, width_bucket(deadline, {{edges}}) AS slot,
                   count(*), min(deadline)
            FROM {chosen} GROUP BY 1, 2, 3, 4, 5
            """
        )
        rows = await self.reader.connection.fetch(statement, *bound.parameters)
        return [Counted(Class(*row[:3]), row[3], row[4], row[5], row[6]) for row in rows]

    async def listed(
        self, ranks: Mapping[Class, int], ranked_until: int, state: State | None, offset: int, limit: int
    ) -> list[tuple[Kind, Found]]:
        """Some of them: by the rank of their class, then by deadline and code. Those of no rank, those that are late
        and those due at `ranked_until` or later come last."""
        bound, chosen = self._chosen()
        bound.values |= {
            "of_units": ("int[]", [each.unit for each in ranks]),
            "of_kinds": ("text[]", [each.kind for each in ranks]),
            "of_disliked": ("bool[]", [each.disliked for each in ranks]),
            "ranks": ("int[]", list(ranks.values())),
            "ranked_until": ("timestamptz", ranked_until),
            "offset": ("int", offset),
            "limit": ("int", limit),
        }
        statement = bound.sql(
            f"""
            SELECT found.* FROM {chosen}
            LEFT JOIN unnest({{of_units}}, {{of_kinds}}, {{of_disliked}}, {{ranks}})
                AS class (unit_id, kind, disliked, rank) USING (unit_id, kind, disliked)
            WHERE {_STATES[state]}
            ORDER BY CASE WHEN deadline >= {{now}} AND deadline < {{ranked_until}} THEN rank END NULLS LAST,
                     deadline, subject, unit_id, kind
            OFFSET {{offset}} LIMIT {{limit}}
            """
        )
        code_of = {unit.id: unit.code for unit in self.units}
        rows = await self.reader.connection.fetch(statement, *bound.parameters)
        return [(row["kind"], Found(code_of[row["unit_id"]], row, Place(0, row["subject"]))) for row in rows]

    def _chosen(self) -> tuple[Binder, str]:
        """SQL for the lives as a table `found`, and what its names stand for."""
        values: dict[str, tuple[str, Any]] = {
            "root": ("int", self.reader.catalogues.root_id),
            "generation": ("int", self.reader.generation),
            "now": ("timestamptz", self.edges[0]),
            "until": ("timestamptz", self.edges[-1]),
            "edges": ("timestamptz[]", list(self.edges)),
            "units": ("int[]", [unit.id for unit in self.units]),
            "procedure": ("text", self.procedure),
        }
        tables: tuple[Table, ...] = ("life", "petition")
        where = "unit_id = ANY({units})"
        if self.procedure is not None:
            # A petition is of none.
            tables = ("life",)
            where += " AND procedure_id = (SELECT id FROM procedure WHERE root_id = {root} AND code = {procedure})"
        every = " UNION ALL ".join(map(_open, tables))
        # No fence: where a root has a hundred thousand that nobody ended, a commune's are found among its own lives.
        return Binder(values), f"(SELECT * FROM ({every}) AS open WHERE {where}) AS found"
