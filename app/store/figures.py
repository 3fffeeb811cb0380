"""Reading the sums behind a question: whole days from the tallies, the day of now cut at the instant.

Runs inside one snapshot, so that every number of an answer is of the same state.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from app.domain import catalogue, publication, tally
from app.domain.cube import Cell, Cube, Slices
from app.domain.directory import Directory, Unit
from app.domain.events import Day, Instant
from app.domain.figures import ALL, BY_PROCEDURE, USES, Counted, Part, Question
from app.domain.periods import day_of, start_of
from app.domain.publication import Announced, PublicationCounts, PublicationFacts, Published
from app.store import tallies
from app.store.database import Connection
from app.store.stored import contribution

_LATER_TODAY = {
    # Facts with an instant at or after now ($3): open deadlines before the day's end ($5), and what is ahead of the
    # clock.
    "dossier": """
        SELECT unit_id, procedure_id, channel, flags, voided, received_at, ended_at, deadline, returned_at, returned_via
        FROM life
        WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[])
          AND (ended_at IS NULL AND deadline IS NOT NULL AND deadline >= $3 AND deadline < $5
               OR ahead_until IS NOT NULL AND ahead_until >= $3)
    """,
    "petition": """
        SELECT unit_id, about, disliked, voided, received_at, ended_at, deadline, late_published
        FROM petition
        WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[])
          AND (ended_at IS NULL AND deadline IS NOT NULL AND deadline >= $3 AND deadline < $5
               OR ahead_until IS NOT NULL AND ahead_until >= $3)
    """,
    "document": """
        SELECT unit_id, tier, electronic, signed, sent_at
        FROM document
        WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[])
          AND ahead_until IS NOT NULL AND ahead_until >= $3
    """,
}


_ALONE: Final[tuple[tuple[tally.Family, Part], ...]] = ((tally.PETITION, "petitions"), (tally.DOCUMENT, "documents"))
"""The families whose lives know no procedure."""


@dataclass(frozen=True)
class Wanted:
    """What a cube is summed over and split by; `procedure` narrows it to one."""

    units: Sequence[Unit]
    parts: frozenset[Part] = ALL
    procedure: str | None = None
    by_unit: bool = False
    by_procedure: bool = False


def _useful(parts: frozenset[Part]) -> tallies.Useful:
    """The sums by procedure that some parts look at; a province's others are most of them."""
    received, paid, in_data, out_of_data = BY_PROCEDURE
    carried = f"sum({in_data}) IS DISTINCT FROM sum({out_of_data})" if "population_uses" in parts else None
    within = []
    if parts & {"programmes", "online_uses"}:
        within.append(f"sum({received}) <> 0")
    if "paid_uses" in parts:
        within.append(f"sum({paid}) <> 0")
    if "population_uses" in parts:
        within.append(f"sum({in_data}) <> 0 OR sum({out_of_data}) <> 0")
    return tallies.Useful(carried, " OR ".join(within))


_NEXT_INSTANT = """
    -- the next deadlines to pass today
    SELECT min(at) FROM (
        SELECT deadline AS at FROM life
        WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[])
          AND ended_at IS NULL AND deadline IS NOT NULL AND deadline >= $3 AND deadline < $5
        UNION ALL
        SELECT deadline FROM petition
        WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[])
          AND ended_at IS NULL AND deadline IS NOT NULL AND deadline >= $3 AND deadline < $5
        -- and what is ahead of the clock
        UNION ALL
        SELECT at FROM life, LATERAL (VALUES (received_at), (ended_at), (deadline), (returned_at)) AS instant (at)
        WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[]) AND ahead_until >= $3 AND at >= $3
        UNION ALL
        SELECT at FROM petition, LATERAL (VALUES (received_at), (ended_at), (deadline)) AS instant (at)
        WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[]) AND ahead_until >= $3 AND at >= $3
        UNION ALL
        SELECT sent_at FROM document
        WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[]) AND ahead_until >= $3
    ) AS instants
"""


@dataclass(frozen=True)
class Reader:
    """Reads figures of one root within one snapshot."""

    connection: Connection
    directory: Directory
    generation: int

    async def changes(self, unit_ids: Collection[int]) -> int:
        """How often the figures of some units have changed so far; the same number means the same events."""
        return int(
            await self.connection.fetchval(
                "SELECT coalesce(sum(changes), 0) FROM unit_change WHERE root_id = $1 AND unit_id = ANY($2::int[])",
                self.directory.root_id,
                list(unit_ids),
            )
        )

    async def holds_until(self, unit_ids: Collection[int], now: int) -> int:
        """The last instant at which figures as of `now` are still right when no event comes: a deadline or an event
        ahead of the clock counts from just after its instant on, and midnight begins another day."""
        today = day_of(Instant(now))
        if now == start_of(today):
            # The day has not begun to count: that is so at this very instant only.
            return now
        midnight = start_of(Day(today + 1))
        key = (self.directory.root_id, self.generation)
        first = await self.connection.fetchval(_NEXT_INSTANT, *key, now, list(unit_ids), midnight)
        return midnight - 1 if first is None else min(int(first), midnight - 1)

    async def count(self, question: Question, parts: frozenset[Part] = ALL) -> Counted:
        """The sums of a question, of some parts of its measures or of all."""
        wanted = Wanted(question.units_in(self.directory), parts, question.procedure)
        return (await self.cube(wanted, Slices.of(question.a, question.b))).whole()

    async def cube(self, wanted: Wanted, slices: Slices) -> Cube:
        """The sums of many questions at once: one statement a family, whatever the number of units and slices."""
        cube = Cube({each.id: each.code for each in self.directory.procedures.values()})
        procedure_id = None
        if wanted.procedure is not None:
            procedure_id = await self._procedure_id(wanted.procedure)
        later: tally.Cells = {}
        if wanted.parts & {"dossiers", "programmes", *USES}:
            later = await self._later_today(tally.DOSSIER, wanted, slices)
        if "dossiers" in wanted.parts:
            every = tallies.Wanted(tally.DOSSIER, tally.DOSSIER.counters, wanted.by_unit, wanted.by_procedure)
            every = replace(every, procedure_id=procedure_id)
            cube.cells["dossier"] = await self._sums(every, wanted, slices, later)
        if wanted.parts & {"programmes", *USES}:
            uses = tallies.Wanted(
                tally.DOSSIER, BY_PROCEDURE, wanted.by_unit, True, procedure_id, _useful(wanted.parts)
            )
            cube.uses = await self._sums(uses, wanted, slices, later)
        if wanted.procedure is not None:
            return cube
        for family, part in _ALONE:
            if part in wanted.parts:
                later = await self._later_today(family, wanted, slices)
                every = tallies.Wanted(family, family.counters, wanted.by_unit)
                cube.cells[family.name] = await self._sums(every, wanted, slices, later)
        if "publications" in wanted.parts:
            cube.publications = await self._publications(slices)
        return cube

    async def procedure_codes(self, ids: Collection[int]) -> dict[int, str]:
        """Codes of procedures, also of those that only events have named."""
        known = {each.id: each.code for each in self.directory.procedures.values()}
        missing = sorted(each for each in ids if each not in known)
        rows = await self.connection.fetch(
            "SELECT id, code FROM procedure WHERE root_id = $1 AND id = ANY($2::int[])", self.directory.root_id, missing
        )
        return known | {row["id"]: row["code"] for row in rows}

    async def _procedure_id(self, code: str) -> int:
        """The id of a procedure; -1, which no row has, for one that nobody ever named."""
        found = await self.connection.fetchval(
            "SELECT id FROM procedure WHERE root_id = $1 AND code = $2", self.directory.root_id, code
        )
        return found or -1

    async def _sums(
        self, columns: tallies.Wanted, wanted: Wanted, slices: Slices, later: tally.Cells
    ) -> dict[Cell, list[int]]:
        """The sums of whole days, less what the last of them holds though its instant is yet to come."""
        unit_ids = [unit.id for unit in wanted.units]
        cells = await tallies.sums(self.connection, columns, self.directory.root_id, self.generation, unit_ids, slices)
        places = [columns.family.counters.index(name) for name in columns.counters]
        for (unit, procedure, variety, _), counts in later.items():
            if columns.procedure_id not in (None, procedure):
                continue
            cell = (unit if columns.by_unit else 0, procedure if columns.by_procedure else 0, variety, slices.last)
            into = cells.setdefault(cell, [0] * len(places))
            for index, place in enumerate(places):
                into[index] -= counts[place]
        return cells

    async def _later_today(self, family: tally.Family, wanted: Wanted, slices: Slices) -> tally.Cells:
        """What the tallies of the day of now already hold though its instant is yet to come."""
        if slices.now is None:
            return {}
        day_end = start_of(slices.until)
        unit_ids = [unit.id for unit in wanted.units]
        parameters = [self.directory.root_id, self.generation, slices.now, unit_ids, day_end]
        if family is tally.DOCUMENT:
            del parameters[-1]
        rows = await self.connection.fetch(_LATER_TODAY[family.name], *parameters)
        cells: tally.Cells = {}
        for row in rows:
            key, parts = contribution(family, row)
            tally.add(cells, family, key, [part for part in parts if slices.now <= part.at < day_end], 1)
        return cells

    async def _publications(self, slices: Slices) -> list[PublicationCounts]:
        """The root's announcements and publications in each slice from slice 1 on, counted from their facts."""
        rows = await self.connection.fetch(
            """
            SELECT subject, decided_on, effective_on, published_on, complete FROM procedure_publication
            WHERE root_id = $1 AND generation = $2 ORDER BY subject, ordinal
            """,
            self.directory.root_id,
            self.generation,
        )
        ministry = self.directory.level_of(self.directory.root) == "ministry"
        limits = catalogue.load().limits
        facts = list(publications(rows).values())
        return [
            publication.count(
                facts,
                first,
                until,
                self.directory.calendar,
                limits.announce_ministry if ministry else limits.announce,
                limits.publish_ministry if ministry else limits.publish,
            )
            for first, until in pairwise(slices.edges)
        ]


def publications(rows: Sequence[Any]) -> dict[str, PublicationFacts]:
    """Stored rows, in order, as facts by procedure code."""
    announced: dict[str, list[Announced]] = {}
    published: dict[str, list[Published]] = {}
    for row in rows:
        if row["effective_on"] is not None:
            announced.setdefault(row["subject"], []).append(Announced(row["decided_on"], row["effective_on"]))
        else:
            fact = Published(row["decided_on"], row["published_on"], row["complete"])
            published.setdefault(row["subject"], []).append(fact)
    return {
        subject: PublicationFacts(tuple(announced.get(subject, ())), tuple(published.get(subject, ())))
        for subject in announced.keys() | published.keys()
    }
