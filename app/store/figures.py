"""Reading the sums behind a question: whole days from the tallies, the day of now cut at the instant.

Runs inside one snapshot, so that every number of an answer is of the same state.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from app.domain import catalogue, publication, tally
from app.domain.cube import Cell, Cube, Slices
from app.domain.directory import Directory, Unit
from app.domain.events import Day, Instant
from app.domain.figures import EVERYTHING, USES, Needed, Part, Question
from app.domain.periods import day_of, start_of
from app.domain.publication import Announced, PublicationCounts, PublicationFacts, Published
from app.domain.sums import Counted, Uses
from app.store import lives, sums
from app.store.database import Connection
from app.store.sums import Kind, Scope, Span, Steps, UsesWanted

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


_NEXT_INSTANTS: Final = """
    SELECT
        -- the next deadline to pass today, or instant ahead of the clock, of dossiers
        (SELECT min(at) FROM (
            SELECT deadline AS at FROM life
            WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[])
              AND ended_at IS NULL AND deadline IS NOT NULL AND deadline >= $3 AND deadline < $5
            UNION ALL
            SELECT at FROM life, LATERAL (VALUES (received_at), (ended_at), (deadline), (returned_at)) AS instant (at)
            WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[]) AND ahead_until >= $3 AND at >= $3
        ) AS instants) AS dossier,
        -- of petitions
        (SELECT min(at) FROM (
            SELECT deadline AS at FROM petition
            WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[])
              AND ended_at IS NULL AND deadline IS NOT NULL AND deadline >= $3 AND deadline < $5
            UNION ALL
            SELECT at FROM petition, LATERAL (VALUES (received_at), (ended_at), (deadline)) AS instant (at)
            WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[]) AND ahead_until >= $3 AND at >= $3
        ) AS instants) AS petition,
        -- and of documents
        (SELECT min(sent_at) FROM document
         WHERE root_id = $1 AND generation = $2 AND unit_id = ANY($4::int[]) AND ahead_until >= $3) AS document
"""


@dataclass
class Reader:
    """Reads figures of one root within one snapshot."""

    connection: Connection
    directory: Directory
    generation: int
    _next: dict[frozenset[int], Mapping[str, int | None]] = field(default_factory=dict, init=False)

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
        instants = await self._next_instants(frozenset(unit_ids), now, midnight)
        return min([midnight - 1, *(each for each in instants.values() if each is not None)])

    async def _next_instants(self, unit_ids: frozenset[int], now: int, midnight: Instant) -> Mapping[str, int | None]:
        """By family, the first instant from now on at which a life of the units begins to count otherwise today."""
        found = self._next.get(unit_ids)
        if found is None:
            key = (self.directory.root_id, self.generation)
            row = await self.connection.fetchrow(_NEXT_INSTANTS, *key, now, sorted(unit_ids), midnight)
            assert row is not None, "a row of three minima"
            found = self._next[unit_ids] = dict(row)
        return found

    async def count(self, question: Question, needed: Needed = EVERYTHING) -> Counted:
        """The sums of a question, all or those needed."""
        wanted = Wanted(question.units_in(self.directory), needed, question.procedure)
        return (await self.cube(wanted, Slices.of(question.a, question.b))).whole()

    async def cube(self, wanted: Wanted, slices: Slices) -> Cube:
        """The sums of many questions at once: one statement for the totals and one for the procedures, whatever the
        number of units and slices."""
        cube = Cube(slices)
        parts = wanted.needed.parts
        procedure_id = None if wanted.procedure is None else await self._procedure_id(wanted.procedure)
        kinds = []
        if "dossiers" in parts:
            kinds.append(Kind(tally.DOSSIER, wanted.needed.counters, wanted.by_unit, wanted.by_procedure))
        if wanted.procedure is None:
            kinds += [Kind(family, family.counters, wanted.by_unit) for family, part in _ALONE if part in parts]
        of_procedures = parts & {"programmes", *USES}
        later: dict[str, tally.Cells] = {}
        if kinds or of_procedures:
            families = {kind.family.name for kind in kinds} | ({tally.DOSSIER.name} if of_procedures else set())
            later = await self._later_today(families, wanted, slices)
        if kinds:
            found = await sums.cells(self.connection, kinds, self._scope(wanted, procedure_id), *_spans(slices))
            for kind in kinds:
                cube.cells[kind.family.name] = found[kind.family.name]
                _take_out(found[kind.family.name], later.get(kind.family.name, {}), kind, procedure_id, slices.last)
        if of_procedures:
            cube.uses = await self._uses(wanted, procedure_id, slices, later.get(tally.DOSSIER.name, {}))
        if wanted.procedure is None and "publications" in parts:
            cube.publications = await self._publications(slices)
        return cube

    def _scope(self, wanted: Wanted, procedure_id: int | None) -> Scope:
        ids: list[int] | None = [unit.id for unit in wanted.units]
        if len(wanted.units) == len(self.directory.units):
            # All of the root: there are no tallies of others.
            ids = None
        return Scope(self.directory.root_id, self.generation, ids, procedure_id)

    async def _uses(
        self, wanted: Wanted, procedure_id: int | None, slices: Slices, later: tally.Cells
    ) -> dict[tuple[int, int], Uses]:
        parts = wanted.needed.parts
        uses = UsesWanted(
            "online_uses" in parts,
            "paid_uses" in parts,
            "population_uses" in parts,
            "programmes" in parts,
            wanted.by_unit,
        )
        spans, steps = _spans(slices)
        if not uses.population:
            spans = [span for span in spans if span.slice > 0]
        places = [tally.DOSSIER.places[name] for name in sums.USED]
        # A deadline still to pass says nothing of procedures; nearly always that is all there is.
        ahead = {key: counts for key, counts in later.items() if any(counts[place] for place in places)}
        return await sums.uses(self.connection, uses, self._scope(wanted, procedure_id), spans, steps, ahead)

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
            parameters = [self.directory.root_id, self.generation, slices.now, unit_ids, day_end]
            if family is tally.DOCUMENT:
                del parameters[-1]
            cells: tally.Cells = {}
            for row in await self.connection.fetch(_LATER_TODAY[family.name], *parameters):
                key, parts = contributions(family, row)
                tally.add(cells, family, key, [part for part in parts if slices.now <= part.at < day_end], 1)
            found[family.name] = cells
        return found

    async def _publications(self, slices: Slices) -> dict[int, PublicationCounts]:
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
        return {
            number: publication.count(
                facts,
                first,
                until,
                self.directory.calendar,
                limits.announce_ministry if ministry else limits.announce,
                limits.publish_ministry if ministry else limits.publish,
            )
            for number, (first, until) in enumerate(pairwise(slices.edges), start=1)
        }


_ALONE: Final[tuple[tuple[tally.Family, Part], ...]] = ((tally.PETITION, "petitions"), (tally.DOCUMENT, "documents"))
"""The families whose lives know no procedure."""


def _spans(slices: Slices) -> tuple[list[Span], Steps | None]:
    """What lies before and each slice as a span of its own, or all slices in steps where they are many."""
    before = Span(0, None, slices.first)
    if slices.last > _FEW_SLICES:
        return [before], Steps(slices.edges)
    return [before, *(Span(n, first, until) for n, (first, until) in enumerate(pairwise(slices.edges), start=1))], None


def _take_out(
    cells: dict[Cell, list[int]], later: tally.Cells, kind: Kind, procedure_id: int | None, last: int
) -> None:
    """Take out of the last slice what its last day holds though its instant is yet to come."""
    for (unit, procedure, variety, _), counts in later.items():
        if procedure_id in (None, procedure):
            cell = (unit if kind.by_unit else 0, procedure if kind.by_procedure else 0, variety, last)
            into = cells.setdefault(cell, [0] * len(counts))
            for place, count in enumerate(counts):
                into[place] -= count


def contributions(family: tally.Family, row: Any) -> tuple[tuple[int, int, int], list[tally.Part]]:
    """The cell key (unit, procedure or 0, variety) and the parts of a stored dossier, petition or document."""
    if family is tally.DOSSIER:
        return lives.stored_dossier_contributions(row)
    return lives.stored_contributions(family, row)


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
