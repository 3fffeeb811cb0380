"""Lives in the database: read, taken further by events, written back when nobody has changed them meanwhile.

Every row carries the number of its changes (`version`). A writer reads rows without a lock, and replaces exactly the
versions it went on from, or nothing, and then begins anew (`Outdated`).

New lives are written first, then the others, each in key order: so writers do not wait for each other in a ring.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter
from typing import Any, Final

import asyncpg
import msgspec

from app.domain.lives import life as lives
from app.domain.lives.dossier import DossierFacts
from app.domain.lives.events import DossierReceived, Event
from app.domain.lives.life import LifeFacts
from app.domain.lives.packing import pack, unpack
from app.domain.tallies import tally
from app.store import schema
from app.store.connections.citus import is_citus
from app.store.connections.database import Connection, Outdated
from app.store.rows import FEW, add, columns_of, unnest
from app.store.tallies.change import Change, Contribution
from app.store.tallies.contribution import contribution
from app.store.write import others as beside
from app.store.write.moment import Moment

_KEY: Final = ("root_id", "generation", "revision")
_COLUMNS: Final = columns_of(schema.life, but_not=_KEY)  # in the order of a row's values
_ALL: Final = {name: columns_of(schema.life)[name] for name in (*_KEY, *_COLUMNS)}
_FACTS: Final = attrgetter(*list(_COLUMNS)[6:15])
_NAMES: Final = ", ".join(_COLUMNS)
_NEW: Final = f"{unnest(tuple(_COLUMNS.items()), first=4)} AS new ({_NAMES})"
# An upsert also where every life is there: it looks them up by their keys, whatever the planner thinks of a table that
# grows fast. Rows that it adds have no xmax; a new life (version 1) that is there already is neither added nor changed.
_WRITE: Final = f"""
    WITH done AS (
        INSERT INTO life (root_id, generation, revision, {_NAMES})
        SELECT $1::int, $2::int, $3::bigint, * FROM {_NEW}
        ON CONFLICT (root_id, generation, subject) DO UPDATE
        SET revision = excluded.revision, {", ".join(f"{name} = excluded.{name}" for name in list(_COLUMNS)[1:])}
        WHERE life.version = excluded.version - 1
        RETURNING xmax
    )
    SELECT count(*) FILTER (WHERE xmax = 0) AS added, count(*) FILTER (WHERE xmax <> 0) AS changed FROM done
"""
# The same of lives that are there, as one worker of a cluster takes it.
_CHANGE: Final = f"""
    UPDATE life SET revision = $3::bigint, {", ".join(f"{name} = new.{name}" for name in list(_COLUMNS)[1:])}
    FROM {_NEW}
    WHERE root_id = $1::int AND generation = $2::int AND life.subject = new.subject AND life.version = new.version - 1
"""
_READ: Final = """
    SELECT subject, version, unit_id, procedure_id, channel, flags, voided, received_at, ended_at, deadline,
           returned_at, returned_via, events FROM life
    WHERE root_id = $1 AND generation = $2 AND subject = ANY($3::text[])
"""
_DOSSIER_ONLY: Final = frozenset(("dossier", "event"))
"""Nouns of events whose facts stand in the life's own row."""


class Life(msgspec.Struct, frozen=True, gc=False):
    """A life as it stands, or will stand once a transaction has committed.

    Its version, its events in order of arrival, and what it contributes to the tallies.
    """

    version: int
    events: list[Event]
    contributions: list[Contribution]


async def read(
    connection: Connection, moment: Moment, subjects: Iterable[str], *, lock: bool = False
) -> dict[str, Life]:
    """The lives of `subjects` that there are; with `lock` nobody else changes them until the transaction ends."""
    wanted = sorted(subjects)
    if not wanted:
        return {}
    key = (moment.root_id, moment.generation)
    rows = await connection.fetch(_READ + ("ORDER BY subject FOR UPDATE" if lock else ""), *key, wanted)
    events = {row[0]: unpack(row[0], row["events"]) for row in rows}
    mixed = [subject for subject, life in events.items() if _is_mixed(life)]
    others = await beside.contributions(connection, moment, mixed)
    await moment.know_procedures(
        connection,
        (event.what.procedure for life in events.values() for event in life if type(event.what) is DossierReceived),
    )
    found = {}
    for row in rows:
        subject, counted = row[0], others.get(row[0], [])
        if row["unit_id"] is not None:
            counted.append((tally.DOSSIER, *contribution(tally.DOSSIER, row)))
        found[subject] = Life(row["version"], events[subject], counted)
    return found


class Folding:
    """Lives taken further: first all of them in memory, then written at once."""

    def __init__(self, moment: Moment) -> None:
        self.change = Change()
        self.cut: dict[str, set[int]] = {}
        """For each life that would grow beyond its limit, the places of those of its new events that did not go in."""
        self._moment = moment
        self._new: list[tuple[Any, ...]] = []
        self._changed: list[tuple[Any, ...]] = []
        self._mixed: dict[str, LifeFacts] = {}
        self._beside: dict[str, list[str]] = {}

    def take(self, subject: str, known: Life | None, arrived: list[Event]) -> Life:
        """Go on with a life, or begin it: what it is now; subjects in key order."""
        before = known.events if known is not None else []
        fit = lives.fitting(before, arrived)
        if len(fit) < len(arrived):
            self.cut[subject] = set(range(len(arrived))).difference(fit)
            if not fit and known is not None:
                return known
            arrived = [arrived[place] for place in fit]
        events = before + arrived
        facts = lives.fold(subject, events, self._moment.catalogues.rules_of, self._moment.catalogues.calendar)
        life = Life(known.version + 1 if known is not None else 1, events, self._contributions(facts))
        self.change.replace(known.contributions if known is not None else [], life.contributions)
        (self._new if known is None else self._changed).append(self._row(subject, life, facts.dossier))
        if _is_mixed(events):
            self._note_beside(subject, events, facts, known)
        return life

    async def write(self, connection: Connection) -> None:
        """Write what was taken in.

        Raises:
            Outdated: one of the lives has been changed meanwhile by somebody else.
        """
        key = (self._moment.root_id, self._moment.generation, self._moment.catalogues.revision)
        added, rows, citus = len(self._new), self._new + self._changed, is_citus(connection)
        if added and (citus or len(rows) > FEW):
            try:
                await add(connection, "life", _ALL, [key + row for row in self._new])
            except asyncpg.UniqueViolationError as error:
                raise Outdated from error
            added, rows = 0, self._changed
        if rows and citus:
            if await connection.execute(_CHANGE, *key, *map(list, zip(*rows, strict=True))) != f"UPDATE {len(rows)}":
                raise Outdated
        elif rows:
            done = await connection.fetchrow(_WRITE, *key, *map(list, zip(*rows, strict=True)))
            if done is None or (done["added"], done["changed"]) != (added, len(self._changed)):
                raise Outdated
        if self._mixed:
            await beside.write(connection, self._moment, self._mixed, self._beside)

    def _contributions(self, facts: LifeFacts) -> list[Contribution]:
        unit_id, counted = self._moment.unit_id, list[Contribution]()
        for petition in facts.petitions:
            counted.append(
                (tally.PETITION, (unit_id(petition.unit), 0, petition.about), tally.petition_parts(petition))
            )
        for document in facts.documents:
            counted.append((tally.DOCUMENT, (unit_id(document.unit), 0, document.tier), tally.document_parts(document)))
        if facts.dossier is not None:
            counted.append((tally.DOSSIER, self._cell(facts.dossier), tally.dossier_parts(facts.dossier)))
        return counted

    def _cell(self, facts: DossierFacts) -> tuple[int, int, int]:
        procedure = self._moment.procedure_ids[facts.procedure] if facts.procedure is not None else 0
        return (self._moment.unit_id(facts.unit), procedure, facts.channel)

    def _row(self, subject: str, life: Life, facts: DossierFacts | None) -> tuple[Any, ...]:
        if facts is None:
            return (subject, life.version, *(None,) * 14, pack(subject, life.events))
        unit_id, procedure_id, channel = self._cell(facts)
        return (
            subject,
            life.version,
            unit_id,
            self._moment.unit_id(facts.receiving_unit),
            procedure_id or None,
            channel,
            *_FACTS(facts),
            # A missed instant is ahead only together with its end; without an end the deadline's own index finds it.
            self._moment.ahead(facts.received_at, facts.ended_at, facts.returned_at),
            pack(subject, life.events),
        )

    def _note_beside(self, subject: str, events: list[Event], facts: LifeFacts, known: Life | None) -> None:
        self._mixed[subject] = facts
        if known is not None:
            for table in {family.name for family, _, _ in known.contributions} & {"petition", "document"}:
                self._beside.setdefault(table, []).append(subject)
        if any(event.what.noun == "procedure" for event in events):
            self._beside.setdefault("procedure_publication", []).append(subject)
            catalogues = self._moment.catalogues
            if catalogues.root in catalogues.units:
                self.change.units.add(self._moment.unit_id(catalogues.root))


async def take_in(connection: Connection, moment: Moment, arrivals: Mapping[str, list[Event]]) -> Change:
    """Read lives under lock, take them further by events that are new to them, and write them; what that changes.

    Raises:
        Outdated: somebody else began one of the lives at the same moment.
    """
    known = await read(connection, moment, arrivals, lock=True)
    folding = Folding(moment)
    for subject in sorted(arrivals):
        folding.take(subject, known.get(subject), arrivals[subject])
    await folding.write(connection)
    return folding.change


def _is_mixed(events: Collection[Event]) -> bool:
    """Whether a life holds more than a dossier, so that facts beside its own row are to be written."""
    return not _DOSSIER_ONLY.issuperset([event.what.noun for event in events])
