"""Reading the sums behind a question: whole days from the tallies, the day of now cut at the instant.

Runs inside one snapshot, so that every number of an answer is of the same state.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from operator import add
from typing import Final

from app.domain.calendar.civil import Day, Instant, date_of, day_number, day_of, start_of
from app.domain.catalogues.indicators import Part
from app.domain.catalogues.root import Catalogues, Unit
from app.domain.figures.cube import Cell, Cube, Slices
from app.domain.figures.measures import EVERYTHING, USES, Needed, Question
from app.domain.lives.publication import PublicationCounts
from app.domain.tallies import tally
from app.domain.tallies.sums import Counted, Uses
from app.store.connections.database import Connection
from app.store.read import publications
from app.store.read.carried import Memory, Summing, summed
from app.store.tallies import sums
from app.store.tallies.closed import Marks, SettledSums
from app.store.tallies.contribution import contribution
from app.store.tallies.sums import Found, Place, Scope, Span, Steps, Summed
from app.store.tallies.uses import USED, Ahead, UsesWanted, uses

_DUE = "ended_at IS NULL AND deadline IS NOT NULL AND deadline >= $3 AND deadline < $5"


def _later_today(table: str, columns: str) -> str:
    """SQL for the lives of some units ($4) with an instant at or after now ($3): open deadlines before the day's end
    ($5), and what is ahead of the clock.

    Those are few in a whole root and have indexes of their own; without the fence a plan made for any units goes
    through all lives of these.
    """
    return f"""
        SELECT {columns} FROM (
            SELECT {columns} FROM {table}
            WHERE root_id = $1 AND generation = $2 AND {_DUE}
            UNION ALL
            SELECT {columns} FROM {table}
            WHERE root_id = $1 AND generation = $2 AND ahead_until IS NOT NULL AND ahead_until >= $3 AND NOT ({_DUE})
            OFFSET 0
        ) AS later WHERE unit_id = ANY($4::int[])
    """


_LATER_TODAY: Final = {
    "dossier": _later_today(
        "life",
        "unit_id, procedure_id, channel, flags, voided, received_at, ended_at, deadline, returned_at, returned_via",
    ),
    "petition": _later_today(
        "petition", "unit_id, about, disliked, voided, received_at, ended_at, deadline, late_published"
    ),
    "document": """
        SELECT unit_id, tier, electronic, signed, sent_at
        FROM document
        WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[])
          AND ahead_until IS NOT NULL AND ahead_until >= $3
    """,
}


_FEW_SLICES: Final = 4
"""Up to so many are read from whatever buckets are cheapest for each of them."""


@dataclass(frozen=True)
class Wanted:
    """What a cube is summed over and split by; `procedure` narrows it to one."""

    units: Sequence[Unit]
    needed: Needed = EVERYTHING
    procedure: str | None = None
    by_unit: bool = False
    by_procedure: bool = False
    by_channel: bool = False


_NEXT_INSTANTS: Final = f"""
    SELECT
        -- the next deadline to pass today, or instant ahead of the clock, of dossiers
        (SELECT min(at) FROM ({_LATER_TODAY["dossier"]}) AS later,
         LATERAL (VALUES (received_at), (ended_at), (deadline), (returned_at)) AS instant (at)
         WHERE at >= $3) AS dossier,
        -- of petitions
        (SELECT min(at) FROM ({_LATER_TODAY["petition"]}) AS later,
         LATERAL (VALUES (received_at), (ended_at), (deadline)) AS instant (at)
         WHERE at >= $3) AS petition,
        -- and of documents
        (SELECT min(sent_at) FROM ({_LATER_TODAY["document"]}) AS later) AS document
"""


@dataclass
class Reader:
    """Reads figures of one root within one snapshot."""

    connection: Connection
    catalogues: Catalogues
    generation: int
    settled: SettledSums | None = None
    _marks: Marks | None = field(default=None, init=False)
    _next: dict[frozenset[int], Mapping[str, int | None]] = field(default_factory=dict, init=False)

    async def changes(self, unit_ids: Collection[int]) -> int:
        """How often the figures of some units have changed so far; the same number means the same events.

        Sums of closed years that were kept are used from here on, where what is asked for lies within these units.
        """
        root = self.catalogues.units.get(self.catalogues.root)
        rows = await self.connection.fetch(
            """
            SELECT year, sum(changes)::bigint, coalesce(sum(changes) FILTER (WHERE unit_id = $3), 0)::bigint
            FROM unit_change WHERE root_id = $1 AND unit_id = ANY($2::int[])
            GROUP BY year
            """,
            self.catalogues.root_id,
            list(unit_ids),
            root.id if root is not None else 0,
        )
        of_root = sum(row[2] for row in rows) if root is not None and root.id in unit_ids else None
        self._marks = Marks(frozenset(unit_ids), {row[0]: row[1] for row in rows}, of_root)
        return sum(self._marks.by_year.values())

    async def holds_until(self, unit_ids: Collection[int], now: int) -> int:
        """The last instant at which figures as of `now` are still right when no event comes: a deadline or an event
        ahead of the clock counts from just after its instant on, and midnight begins another day."""
        today = day_of(Instant(now))
        if now == start_of(today):
            # The day has not begun to count: that is so at this very instant only.
            return now
        midnight = start_of(Day(today + 1))
        instants = await self._next_instants(frozenset(unit_ids), now, midnight)
        return min([midnight - 1, *(each for each in instants.values() if each is not None)])

    async def _next_instants(self, unit_ids: frozenset[int], now: int, midnight: Instant) -> Mapping[str, int | None]:
        """By family, the first instant from now on at which a life of the units begins to count otherwise today."""
        found = self._next.get(unit_ids)
        if found is None:
            key = (self.catalogues.root_id, self.generation)
            row = await self.connection.fetchrow(_NEXT_INSTANTS, *key, now, sorted(unit_ids), midnight)
            assert row is not None, "a row of three minima"
            found = self._next[unit_ids] = dict(row)
        return found

    async def count(self, question: Question, needed: Needed = EVERYTHING) -> Counted:
        """The sums of a question, all or those needed."""
        wanted = Wanted(question.units_in(self.catalogues), needed, question.procedure)
        return (await self.cube(wanted, Slices.of(question.a, question.b))).whole()

    async def cube(self, wanted: Wanted, slices: Slices) -> Cube:
        """The sums of many questions at once: one statement for the totals and one for the procedures, whatever the
        number of units and slices."""
        cube = Cube(slices)
        parts = wanted.needed.parts
        procedure_id = None if wanted.procedure is None else await self._procedure_id(wanted.procedure)
        kinds = []
        if "dossiers" in parts:
            by_channel = wanted.by_channel or wanted.needed.by_channel
            kinds.append(Summed(tally.DOSSIER, wanted.needed.counters, wanted.by_unit, wanted.by_procedure, by_channel))
        if wanted.procedure is None:
            kinds += [Summed(family, family.counters, wanted.by_unit) for family, part in _ALONE if part in parts]
        of_procedures = parts & {"programmes", *USES}
        later: dict[str, tally.Cells] = {}
        if kinds or of_procedures:
            families = {kind.family.name for kind in kinds} | ({tally.DOSSIER.name} if of_procedures else set())
            later = await self._later_today(families, wanted, slices)
        if kinds:
            cube.families |= {kind.family.name: kind.family.narrowed(kind.counters) for kind in kinds}
            cube.cells |= await self._cells(kinds, wanted, procedure_id, slices)
            for kind in kinds:
                name = kind.family.name
                _take_out(cube.cells[name], later.get(name, {}), kind, procedure_id, slices.last)
        if of_procedures:
            cube.uses = await self._uses(wanted, procedure_id, slices, later.get(tally.DOSSIER.name, {}))
        if wanted.procedure is None and "publications" in parts:
            cube.publications = await self._publications(slices)
        return cube

    def _scope(self, wanted: Wanted, procedure_id: int | None) -> Scope:
        ids: list[int] | None = [unit.id for unit in wanted.units]
        if len(wanted.units) == len(self.catalogues.units):
            # All of the root: there are no tallies of others.
            ids = None
        return Scope(self.catalogues.root_id, self.generation, ids, procedure_id)

    async def _cells(
        self, kinds: Sequence[Summed], wanted: Wanted, procedure_id: int | None, slices: Slices
    ) -> dict[str, dict[Cell, list[int]]]:
        """The sums of each family by cell."""
        spans, steps = _spans(slices)
        families = {kind.family.name: kind.family.narrowed(kind.counters) for kind in kinds}

        async def read(missing: list[Span]) -> list[Found[Place, list[int]]]:
            return await sums.cells(self.connection, kinds, self._scope(wanted, procedure_id), missing, steps)

        def left(place: Place, counts: list[int]) -> list[int] | None:
            return counts if families[place[0]].leaves_any(counts) else None

        summing = Summing((*kinds, procedure_id), read, _added, left, len)
        found: dict[str, dict[Cell, list[int]]] = {name: {} for name in families}
        for place, slice_, counts in await summed(self._memory(wanted), summing, spans):
            name, unit, procedure, variety = place
            cells, cell = found[name], (unit, procedure, variety, slice_)
            into = cells.get(cell)
            cells[cell] = counts if into is None else _added(into, counts)
        return found

    def _memory(self, wanted: Wanted) -> Memory | None:
        """The kept sums of closed years, where what is asked for lies within the units whose changes were read."""
        units = frozenset([unit.id for unit in wanted.units])
        if self._marks is None or self.settled is None or not units <= self._marks.units:
            return None
        return Memory(self.settled, self._marks, units, self.catalogues.lineage)

    async def _uses(
        self, wanted: Wanted, procedure_id: int | None, slices: Slices, later: tally.Cells
    ) -> dict[tuple[int, int], Uses]:
        parts = wanted.needed.parts
        asked = UsesWanted(
            "online_uses" in parts,
            "paid_uses" in parts,
            "population_uses" in parts,
            "programmes" in parts,
            wanted.by_unit,
        )
        spans, steps = _spans(slices)
        if not asked.population:
            spans = [span for span in spans if span.slice > 0]
        places = [tally.DOSSIER.places[name] for name in USED]
        # A deadline still to pass says nothing of procedures; nearly always that is all there is.
        ahead = {key: counts for key, counts in later.items() if any(counts[place] for place in places)}

        last = Ahead(ahead, None if steps is not None else spans[-1].number, slices.last)

        async def read(missing: list[Span]) -> list[Found[int, Uses]]:
            return await uses(self.connection, asked, self._scope(wanted, procedure_id), missing, steps, last)

        found: dict[tuple[int, int], Uses] = {}
        summing = Summing((asked, procedure_id), read, _together, lambda _, uses: uses.left(), Uses.size)
        for unit, slice_, each in await summed(self._memory(wanted), summing, spans):
            into = found.get((unit, slice_))
            found[unit, slice_] = each if into is None else _together(into, each)
        return found

    async def procedure_codes(self, ids: Collection[int]) -> dict[int, str]:
        """Codes of procedures, also of those that only events have named."""
        known = {each.id: each.code for each in self.catalogues.procedures.values()}
        missing = sorted(each for each in ids if each not in known)
        rows = await self.connection.fetch(
            "SELECT id, code FROM procedure WHERE root_id = $1 AND id = ANY($2::int[])",
            self.catalogues.root_id,
            missing,
        )
        return known | {row["id"]: row["code"] for row in rows}

    async def _procedure_id(self, code: str) -> int:
        """The id of a procedure; -1, which no row has, for one that nobody ever named."""
        found = await self.connection.fetchval(
            "SELECT id FROM procedure WHERE root_id = $1 AND code = $2", self.catalogues.root_id, code
        )
        return found or -1

    async def _later_today(self, families: Collection[str], wanted: Wanted, slices: Slices) -> dict[str, tally.Cells]:
        """By family, what the tallies of the day of now already hold though its instant is yet to come."""
        if slices.now is None:
            return {}
        day_end = start_of(slices.until)
        unit_ids = [unit.id for unit in wanted.units]
        following = await self._next_instants(frozenset(unit_ids), slices.now, day_end)
        found: dict[str, tally.Cells] = {}
        for family in tally.FAMILIES:
            if family.name not in families or following[family.name] is None:
                continue
            parameters = [self.catalogues.root_id, self.generation, slices.now, unit_ids, day_end]
            if family is tally.DOCUMENT:
                del parameters[-1]
            cells: tally.Cells = {}
            for row in await self.connection.fetch(_LATER_TODAY[family.name], *parameters):
                key, parts = contribution(family, row)
                tally.add(cells, family, key, [part for part in parts if slices.now <= part.at < day_end], 1)
            found[family.name] = cells
        return found

    async def _publications(self, slices: Slices) -> dict[int, PublicationCounts]:
        """The root's announcements and publications in each slice from slice 1 on."""
        mark = self._marks.root if self._marks is not None else None
        key = ("publications", self.catalogues.root_id, self.catalogues.lineage, slices.edges)
        found: dict[int, PublicationCounts] | None = None
        if self.settled is not None and mark is not None:
            found = self.settled.find(key, mark)
        if found is None:
            found = await publications.counted(self.connection, self.catalogues, self.generation, slices)
            if self.settled is not None and mark is not None:
                self.settled.keep(key, mark, found, 10 * len(found))
        return found


_ALONE: Final[tuple[tuple[tally.Family, Part], ...]] = ((tally.PETITION, "petitions"), (tally.DOCUMENT, "documents"))
"""The families whose lives know no procedure."""


def _added(one: list[int], other: list[int]) -> list[int]:
    return list(map(add, one, other))


def _together(one: Uses, other: Uses) -> Uses:
    return Uses.together((one, other))


def _spans(slices: Slices) -> tuple[list[Span], Steps | None]:
    """What lies before and each slice as a span of its own, or all slices in steps where they are many.

    What lies before is cut at the year's beginning and at the one before, whose dossiers still change now and then.
    """
    year = date_of(slices.first).year
    cuts = [day_number(date(each, 1, 1)) for each in (year - 1, year)]
    days = [(0, None, cuts[0]), (0, cuts[0], cuts[1])]
    if cuts[1] != slices.first:
        days.append((0, cuts[1], slices.first))
    steps = None
    if slices.last > _FEW_SLICES:
        steps = Steps(slices.edges)
    else:
        days += [(n, first, until) for n, (first, until) in enumerate(pairwise(slices.edges), start=1)]
    return [Span(number, *each) for number, each in enumerate(days)], steps


def _take_out(
    cells: dict[Cell, list[int]], later: tally.Cells, kind: Summed, procedure_id: int | None, last: int
) -> None:
    """Take out of the last slice what its last day holds though its instant is yet to come."""
    places = [kind.family.places[name] for name in kind.counters]
    for (unit, procedure, variety, _), counts in later.items():
        if procedure_id in (None, procedure):
            cell = (
                unit if kind.by_unit else 0,
                procedure if kind.by_procedure else 0,
                variety if kind.by_variety else 0,
                last,
            )
            into = cells.get(cell, [0] * len(places))
            cells[cell] = [count - counts[place] for count, place in zip(into, places, strict=True)]
