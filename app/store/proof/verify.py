"""Proof in production that the figures are what the events say: a recount of every tally, and a re-fold of the log.

All of it is read in one snapshot, so it may run beside writers: a push is in it whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Select, Table, select

from app.domain.catalogues.root import Catalogues
from app.domain.lives import life as lives
from app.domain.lives.document import DocumentFacts
from app.domain.lives.dossier import DossierFacts
from app.domain.lives.events import Event
from app.domain.lives.life import LifeFacts
from app.domain.lives.packing import unpack
from app.domain.lives.petition import PetitionFacts
from app.store import schema
from app.store.catalogues import read
from app.store.connections import citus
from app.store.connections.database import Connection, Database
from app.store.feeds import kept
from app.store.proof import log, recount
from app.store.proof.log import Progress
from app.store.proof.references import broken
from app.store.proof.report import Report
from app.store.read.publications import facts_of
from app.store.retention import reach
from app.store.statements import in_sql

_CHUNK: Final = 20_000
"""Events of the log, and stored lives, in memory at a time."""


async def verify(
    database: Database, root_id: int, deep: bool = False, progress: Progress | None = None, now: int | None = None
) -> Report:
    """Recount the living generation's tallies from the facts; `deep`: first fold the log anew and compare the facts.

    `now` (µs) stands in for the database's clock where the service was given another one.
    """
    report = Report()
    async with database.snapshot() as connection:
        await citus.hold_still(connection, root_id)
        if deep:
            await connection.execute(reach.HOLD)
        row = await connection.fetchrow(
            "SELECT generation, coalesce($2::timestamptz, clock_timestamp()) AS now FROM root WHERE id = $1",
            root_id,
            now,
        )
        if row is None:
            raise LookupError(f"no root {root_id}")
        if deep:
            report.broken = await broken(connection, root_id, row["generation"])
            found = await reach.of(connection, root_id)
            report.since = found.since if found.missing else None
            report.feeds = await _differing_feeds(connection, root_id, cut=report.since is not None)
            catalogues = await read.load(connection, root_id)
            await _Refolding(connection, catalogues, row["generation"], row["now"], report, progress).run()
        if progress is not None:
            progress("recount", 0, 0)
        comparison = await recount.compare(connection, root_id, row["generation"])
    report.cells_compared, report.differing = comparison.cells_compared, comparison.differing
    report.differences = comparison.differences
    return report


async def _differing_feeds(connection: Connection, root_id: int, cut: bool) -> list[tuple[int, int]]:
    """Source and unit of the feeds that are not what the log says up to their mark; of one that was `cut`, of those
    that have less than it says.
    """
    mark = await kept.marked(connection)
    if mark is None:
        return []
    stored, read = await kept.stored(connection, root_id), await kept.recounted(connection, root_id, mark.seq)
    if cut:
        return [key[1:] for key in sorted(read) if key not in stored or stored[key].events < read[key].events]
    return [key[1:] for key in sorted(stored.keys() | read.keys()) if stored.get(key) != read.get(key)]


class _Stored(NamedTuple):
    """What is stored of one subject."""

    events: list[Event]
    facts: LifeFacts
    ahead_until: frozenset[int]
    waits: bool


class _Refolding:
    """Folds the log subject by subject and compares it with what is stored."""

    def __init__(
        self,
        connection: Connection,
        catalogues: Catalogues,
        generation: int,
        now: int,
        report: Report,
        progress: Progress | None,
    ) -> None:
        self._connection = connection
        self._catalogues = catalogues
        self._key = (catalogues.root_id, generation)
        self._now = now
        self._report = report
        self._progress = progress
        self._units = {unit.id: unit.code for unit in catalogues.units.values()}
        self._procedures: dict[int, str] = {}
        self._waits: Callable[[Any], bool] = lambda row: False

    async def run(self) -> None:
        """Compare every life, and the number of receipts with that of logged events."""
        root_id = self._catalogues.root_id
        rows = await self._connection.fetch("SELECT id, code FROM procedure WHERE root_id = $1", root_id)
        self._procedures = {row["id"]: row["code"] for row in rows}
        self._waits = await self._waiting()
        # Sorting a province's log in PostgreSQL's usual 4 MB takes several passes over the disk.
        await self._connection.execute("SET LOCAL work_mem = '128MB'")
        receipts = await self._connection.fetchval("SELECT count(*) FROM receipt WHERE root_id = $1", root_id)
        after, logged = "", 0
        async for told in log.read_lives(self._connection, root_id, 0, log.NO_LIMIT, _CHUNK):
            until = next(reversed(told))
            await self._compare(after, until, told)
            after, logged = until, logged + sum(map(len, told.values()))
            if self._progress is not None:
                self._progress("refold", logged, receipts)
        await self._compare(after, None, {})
        self._report.receipts, self._report.logged = receipts, logged

    async def _waiting(self) -> Callable[[Any], bool]:
        """Which stored lives wait to be folded again; all, where the whole root's are of other rules than these."""
        root_id = self._catalogues.root_id
        if await self._connection.fetchval("SELECT rules FROM root WHERE id = $1", root_id) != lives.RULES:
            return lambda life: True
        row = await self._connection.fetchrow(
            "SELECT revision, procedures, calendar OR everything FROM refold WHERE root_id = $1", root_id
        )
        if row is None:
            return lambda life: False
        revision, procedures, whatever = row[0], set(row[1]), row[2]
        return lambda life: life["revision"] < revision and (whatever or life["procedure_id"] in procedures)

    async def _compare(self, after: str, until: str | None, told: Mapping[str, list[Event]]) -> None:
        """Compare the logged lives with all stored ones of after < subject ≤ until, a bounded number at a time."""
        while True:
            rows = await self._connection.fetch(*in_sql(self._range(schema.life, after, until).limit(_CHUNK)))
            end = rows[-1]["subject"] if len(rows) == _CHUNK else until
            stored = await self._stored(rows, after, end)
            part = [subject for subject in told if after < subject and (end is None or subject <= end)]
            for subject in sorted(stored.keys() | set(part)):
                self._compare_life(subject, told.get(subject, []), stored.get(subject))
            if end == until:
                return
            assert end is not None
            after = end

    def _range(self, table: Table, after: str, until: str | None) -> Select[Any]:
        """A SELECT of the rows of after < subject ≤ until in order."""
        column, (root_id, generation) = table.c, self._key
        asked = select(table).where(column.root_id == root_id, column.generation == generation, column.subject > after)
        return (asked if until is None else asked.where(column.subject <= until)).order_by(column.subject)

    async def _stored(self, rows: Sequence[Any], after: str, until: str | None) -> dict[str, _Stored]:
        """The lives of `rows` with all that is stored beside them in that range of subjects."""
        beside: dict[str, dict[str, list[Any]]] = {}
        publications = schema.procedure_publication
        for table, asked in (
            ("petition", self._range(schema.petition, after, until)),
            ("document", self._range(schema.document, after, until)),
            ("publication", self._range(publications, after, until).order_by(publications.c.ordinal)),
        ):
            for row in await self._connection.fetch(*in_sql(asked)):
                beside.setdefault(row["subject"], {}).setdefault(table, []).append(row)
        found = {row["subject"]: self._life(row, beside.pop(row["subject"], {})) for row in rows}
        for subject in beside:
            self._report.add(subject, "life", None, "facts without a life")
        return found

    def _life(self, row: Any, beside: Mapping[str, list[Any]]) -> _Stored:
        petitions = {self._unit(each["unit_id"]): each for each in beside.get("petition", ())}
        documents = {self._unit(each["unit_id"]): each for each in beside.get("document", ())}
        facts = LifeFacts(
            None if row["unit_id"] is None else self._dossier(row),
            tuple(_petition(unit, petitions[unit]) for unit in sorted(petitions)),
            tuple(_document(unit, documents[unit]) for unit in sorted(documents)),
            facts_of(beside["publication"])[row["subject"]] if "publication" in beside else None,
        )
        kept = [row, *petitions.values(), *documents.values()]
        ahead = frozenset(each["ahead_until"] for each in kept if each["ahead_until"] is not None)
        return _Stored(unpack(row["subject"], row["events"]), facts, ahead, self._waits(row))

    def _unit(self, unit_id: int) -> str:
        return self._units.get(unit_id, f"#{unit_id}")

    def _dossier(self, row: Any) -> DossierFacts:
        procedure_id = row["procedure_id"]
        return DossierFacts(
            unit=self._unit(row["unit_id"]),
            receiving_unit=self._unit(row["receiving_unit_id"]),
            procedure=None if procedure_id is None else self._procedures.get(procedure_id, f"#{procedure_id}"),
            channel=row["channel"],
            flags=row["flags"],
            faults=row["faults"],
            voided=row["voided"],
            received_at=row["received_at"],
            ended_at=row["ended_at"],
            deadline=row["deadline"],
            returned_at=row["returned_at"],
            returned_via=row["returned_via"],
            due_at=row["due_at"],
        )

    def _beyond(self, told: list[Event], stored: list[Event]) -> list[Event]:
        """The events of a life that are not in the log and older than it reaches."""
        logged, since = set(told), self._report.since
        return [event for event in stored if since is not None and event.time < since and event not in logged]

    def _compare_life(self, subject: str, told: list[Event], stored: _Stored | None) -> None:
        self._report.lives_refolded += 1
        if stored is None:
            self._report.add(subject, "life", None, f"{len(told)} events in the log")
            return
        if self._report.since is not None and (older := self._beyond(told, stored.events)):
            self._report.beyond += len(older)
            told = [*older, *told]
        if told != stored.events and (len(told) != len(stored.events) or set(told) != set(stored.events)):
            logged_only, stored_only = set(told) - set(stored.events), set(stored.events) - set(told)
            self._report.add(subject, "events", _named(stored_only), _named(logged_only))
            self._report.note_unlogged(event.time for event in stored_only)
        if stored.waits:
            self._report.refolding += 1
            return
        folded = lives.fold(subject, told, self._catalogues.rules_of, self._catalogues.calendar)
        if folded != stored.facts:
            was, becomes = dict(_flat(stored.facts)), dict(_flat(folded))
            for fact in sorted(was.keys() | becomes.keys()):
                if was.get(fact) != becomes.get(fact):
                    self._report.add(subject, fact, was.get(fact), becomes.get(fact))
        # Figures of today leave out what has yet to come; they find it by this instant alone.
        for instant in _latest(folded):
            if instant > self._now and instant not in stored.ahead_until:
                self._report.add(subject, "ahead_until", None, instant)


def _petition(unit: str, row: Any) -> PetitionFacts:
    return PetitionFacts(
        unit, row["about"], row["disliked"], row["voided"], row["received_at"], row["ended_at"], row["deadline"],
        row["late_published"],
    )  # fmt: skip


def _document(unit: str, row: Any) -> DocumentFacts:
    return DocumentFacts(unit, row["sent_at"], row["electronic"], row["signed"], row["tier"])


def _named(events: set[Event]) -> str:
    return ", ".join(sorted(f"{event.source} {event.id}" for event in events)[:10])


def _flat(facts: LifeFacts) -> Iterator[tuple[str, object]]:
    """Every fact by a name of its own; petitions and documents carry their unit's code."""
    if facts.dossier is not None:
        yield from msgspec.structs.asdict(facts.dossier).items()
    for kind, found in (("petition", facts.petitions), ("document", facts.documents)):
        for each in found:
            fields = msgspec.structs.asdict(each)
            yield from ((f"{kind} of {fields['unit']}: {name}", value) for name, value in fields.items())
    if facts.publication is not None:
        yield from msgspec.structs.asdict(facts.publication).items()


def _latest(facts: LifeFacts) -> Iterator[int]:
    """The latest timed instant of each row of facts."""
    found = facts.dossier
    if found is not None:
        yield max(found.received_at or 0, found.ended_at or 0, found.returned_at or 0)
    for petition in facts.petitions:
        yield max(petition.received_at or 0, petition.ended_at or 0)
    for document in facts.documents:
        yield document.sent_at
