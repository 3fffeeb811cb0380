"""Reading the sums behind a question: whole days from the tallies, the day of now cut at the instant.

Runs inside one snapshot, so that every number of an answer is of the same state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain import catalogue, publication, tally
from app.domain.directory import Directory
from app.domain.events import Day, Instant
from app.domain.figures import BY_PROCEDURE, Counted, Question, Sums
from app.domain.periods import day_of, start_of
from app.domain.publication import Announced, PublicationCounts, PublicationFacts, Published
from app.store import lives, tallies
from app.store.database import Connection
from app.store.tallies import Range

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


@dataclass(frozen=True)
class Reader:
    """Reads figures of one root within one snapshot."""

    connection: Connection
    directory: Directory
    generation: int

    async def count(self, question: Question) -> Counted:
        """All sums of a question."""
        span = _Span.of(question)
        unit_ids = [unit.id for unit in self.directory.in_scope(question.unit.code, question.scope)]
        procedure = question.procedure
        procedure_id = None
        if procedure is not None:
            procedure_id = await self.connection.fetchval(
                "SELECT id FROM procedure WHERE root_id = $1 AND code = $2", self.directory.root_id, procedure
            )
            procedure_id = procedure_id or -1
        counted = Counted(
            dossiers=await self._sums(tally.DOSSIER, unit_ids, span, procedure_id),
            petitions=await self._sums(tally.PETITION, unit_ids, span, None if procedure is None else -1),
            documents=await self._sums(tally.DOCUMENT, unit_ids, span, None if procedure is None else -1),
            before_by_procedure={},
            within_by_procedure={},
            publications=PublicationCounts(0, 0, 0, 0, 0, 0),
        )
        counted.before_by_procedure, counted.within_by_procedure = await self._by_procedure(unit_ids, span, procedure)
        if procedure is None:
            counted.publications = await self._publications(span)
        return counted

    async def _sums(self, family: tally.Family, unit_ids: Sequence[int], span: _Span, procedure_id: int | None) -> Sums:
        sums = Sums(family)
        if procedure_id is not None and family is not tally.DOSSIER:
            return sums
        key = (self.directory.root_id, self.generation)
        for part, days in (("before", span.before), ("within", span.within)):
            found = await tallies.sums(self.connection, family, *key, unit_ids, days, procedure_id)
            setattr(sums, part, found)
        for cell, counts in (await self._later_today(family, unit_ids, span)).items():
            if procedure_id is None or cell[1] == procedure_id:
                into = sums.within.setdefault(cell[2], [0] * len(family.counters))
                for index, count in enumerate(counts):
                    into[index] -= count
        return sums

    async def _later_today(self, family: tally.Family, unit_ids: Sequence[int], span: _Span) -> tally.Cells:
        """What the tallies of the day of now already hold though its instant is yet to come."""
        if span.now is None:
            return {}
        day_end = start_of(Day(span.within.until))
        parameters = [self.directory.root_id, self.generation, span.now, unit_ids, day_end]
        if family is tally.DOCUMENT:
            del parameters[-1]
        rows = await self.connection.fetch(_LATER_TODAY[family.name], *parameters)
        cells: tally.Cells = {}
        for row in rows:
            key, parts = contributions(family, row)
            tally.add(cells, family, key, [part for part in parts if span.now <= part.at < day_end], 1)
        return cells

    async def _by_procedure(
        self, unit_ids: Sequence[int], span: _Span, procedure: str | None
    ) -> tuple[dict[tuple[str, int], list[int]], dict[tuple[str, int], list[int]]]:
        """BY_PROCEDURE counters before and within, keyed (procedure code, channel)."""
        key = (self.directory.root_id, self.generation)
        before, within = [
            await tallies.sums_by_procedure(self.connection, *key, unit_ids, days, BY_PROCEDURE)
            for days in (span.before, span.within)
        ]
        places = [tally.DOSSIER.counters.index(name) for name in BY_PROCEDURE]
        for cell, counts in (await self._later_today(tally.DOSSIER, unit_ids, span)).items():
            into = within.setdefault((cell[1], cell[2]), [0] * len(places))
            for index, place in enumerate(places):
                into[index] -= counts[place]
        codes = {each.id: each.code for each in self.directory.procedures.values()}

        def named(part: dict[tuple[int, int], list[int]]) -> dict[tuple[str, int], list[int]]:
            return {
                (codes[procedure_id], channel): counts
                for (procedure_id, channel), counts in part.items()
                if procedure_id in codes and procedure in (None, codes[procedure_id])
            }

        return named(before), named(within)

    async def _publications(self, span: _Span) -> PublicationCounts:
        """The root's announcements and publications, counted from their facts."""
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
        assert span.within.first is not None
        return publication.count(
            publications(rows).values(),
            span.within.first,
            span.within.until,
            self.directory.calendar,
            limits.announce_ministry if ministry else limits.announce,
            limits.publish_ministry if ministry else limits.publish,
        )


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


@dataclass(frozen=True)
class _Span:
    """A question's period in civil days. `now` is the instant at which its last day is cut, None when it is whole."""

    before: Range
    within: Range
    now: Instant | None

    @classmethod
    def of(cls, question: Question) -> _Span:
        first = day_of(question.a)
        last = day_of(question.b)
        whole = start_of(last) == question.b
        until = last if whole else Day(last + 1)
        return cls(Range(None, first), Range(first, until), None if whole else question.b)
