"""Replaying a root's log into the next generation of facts and tallies, beside the living one, and swapping the two.

Readers and writers go on with the living generation until one short transaction makes the next one living. Nothing else
in the service looks at a generation that is not the root's, so a rebuild killed at any point has changed no figure; the
next one clears what it left behind.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from app.domain.catalogues.root import Catalogues
from app.domain.lives import life
from app.domain.lives.events import DossierReceived, DossierTransferred, Event
from app.domain.tallies.tally import FAMILIES
from app.messages import Message, Told
from app.store import audit
from app.store.catalogues import lock
from app.store.connections import citus
from app.store.connections.database import Connection, Database
from app.store.feeds import kept
from app.store.grains import GRAINS, tally_keys, tally_name
from app.store.names import Names
from app.store.proof import log, references
from app.store.proof.log import Progress
from app.store.proof.references import Broken
from app.store.retention import reach
from app.store.tallies import add, bulk
from app.store.write import lives
from app.store.write.intake import Intake
from app.store.write.moment import Moment

"""Class of the session's advisory lock that keeps a second rebuild of the root out; the second key is the root's id."""

_CHUNK: Final = 20_000
"""Events folded in one transaction. Catalogue edits and barriers wait for it: some half a second."""

_REFOLDED: Final = 2_000
_CLEARED: Final = 20_000
_FEW: Final = 2_000
_MOST: Final = 30_000
"""Events that may be left for the swap, while no writer gets in: few at first, and more the longer writers outrun the
rebuild, up to what takes about a second."""

_KEYED: Final = {
    **dict.fromkeys(("life", "petition", "document", "procedure_publication"), "subject"),
    **{tally_name(family, grain): tally_keys(family, grain)[1] for family in FAMILIES for grain in GRAINS[family.name]},
}
"""Every table with a generation, and the column its key goes on with."""


class RebuildRunning(Told):
    """Another rebuild of the same root is under way."""


@dataclass(frozen=True)
class Report:
    """What a rebuild did: events replayed, lives they made, seconds from beginning to end.

    `broken` are references that point to nothing; events of such a source are of one called by its id. `left_out` are
    units that are not there, by code or "#id", each with how many events name it, which are counted nowhere.
    """

    events: int
    lives: int
    seconds: float
    broken: Sequence[Broken] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        told = f"rebuilt {self.lives:,} lives from {self.events:,} events in {self.seconds:.1f} s"
        lines = [f"  {each}" for each in self.broken]
        lines += [f"  unit {unit} is not there: {n:,} events are left out" for unit, n in self.left_out.items()]
        return "\n".join((told, *lines))


async def rebuild(database: Database, intake: Intake, root_id: int, progress: Progress | None = None) -> Report:
    """Build a root's facts, tallies and feeds anew from its log and put them in the place of the present ones.

    Raises:
        RebuildRunning: another one is under way; nothing was done.
        LogCut: the log lacks events that were taken in; the living generation stays.
    """
    started = time.monotonic()
    async with database.connection("read") as reading, _alone(reading, root_id):
        work = _Rebuild(database, intake, root_id, reading, progress or (lambda stage, done, of: None))
        events, subjects = await work.run()
        await database.write(partial(kept.renew, root_id=root_id))
        broken = await references.broken(reading, root_id, work.generation)
    left_out = {unit: len(named) for unit, named in sorted(work.left_out.items())}
    return Report(events, subjects, time.monotonic() - started, broken, left_out)


@asynccontextmanager
async def _alone(connection: Connection, root_id: int) -> AsyncIterator[None]:
    """Hold the rebuild's lock on this very connection, the one the log is read with: without it there is no rebuild.

    Two rebuilds would both write the next generation, and count everything twice.
    """
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", lock.REBUILD_LOCK, root_id):
        raise RebuildRunning(
            Message("another rebuild of this root is under way", "đơn vị gốc này đang được dựng lại ở nơi khác")
        )
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", lock.REBUILD_LOCK, root_id)


class _Rebuild:
    """One rebuild under way. `_used` are the catalogues that lives of the next generation may have been folded with."""

    def __init__(
        self, database: Database, intake: Intake, root_id: int, reading: Connection, progress: Progress
    ) -> None:
        self._database = database
        self._intake = intake
        self._root_id = root_id
        self._reading = reading
        self._progress = progress
        self._names = Names()
        self._used: dict[int, Catalogues] = {}
        self.left_out: dict[str, set[tuple[str, str]]] = {}
        """By unit that is not there, the events that name it, by source and id."""
        self._next = 0
        self._since: int | None = None
        self._summed_up = False
        self._events = 0

    @property
    def generation(self) -> int:
        """The one that is written, and living at the end."""
        return self._next

    async def run(self) -> tuple[int, int]:
        """Clear, replay, catch up, swap, clear; the numbers of events and lives."""
        living = await self._reading.fetchval("SELECT generation FROM root WHERE id = $1", self._root_id)
        if living is None:
            raise LookupError(f"no root {self._root_id}")
        self._since = await reach.since(self._reading, self._root_id)
        await reach.require_whole(self._reading, self._root_id)
        self._next = living + 1
        await self._keep_only(living)
        until = await self._database.write(self._barrier)
        await self._replay(0, until)
        await self._database.write(self._sum_up)
        await self._analyze()
        subjects = await self._catch_up(until)
        await self._keep_only(self._next)
        return self._events, subjects

    async def _barrier(self, connection: Connection) -> int:
        """The sequence number up to which every event of the root is committed.

        Numbers are drawn before the commit, so that a higher one may be visible before a lower one. Every writer keeps
        the root's catalogue lock from before it draws numbers until it has committed: with the lock held alone there is
        none on its way, and whoever comes later draws a higher number.
        """
        await lock.hold_alone(connection, self._root_id)
        last = await connection.fetchval("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_seq")
        return int(last)

    async def _replay(self, after: int, until: int) -> None:
        """Take the events of after < seq ≤ until into the next generation; those of a life together."""
        key = (self._root_id, after, until)
        async with self._reading.transaction(isolation="repeatable_read", readonly=True):
            # Sorting a province's log in PostgreSQL's usual 4 MB takes several passes over the disk.
            await self._reading.execute("SET LOCAL work_mem = '128MB'")
            expected = self._events + await self._reading.fetchval(
                "SELECT count(*) FROM event WHERE root_id = $1 AND seq > $2 AND seq <= $3", *key
            )
            async for arrivals in log.read_lives(self._reading, *key, _CHUNK):
                await self._take_in(arrivals)
                self._progress("catch up" if self._summed_up else "replay", self._events, expected)

    async def _take_in(self, arrivals: dict[str, list[Event]]) -> None:
        whats = [event.what for events in arrivals.values() for event in events]
        procedures = {what.procedure for what in whats if isinstance(what, DossierReceived)}
        # A log that was loaded from elsewhere may name procedures that have no id here yet.
        async with self._database.connection("write") as connection:
            # Of one lineage: it ends, and this rebuild with it, when the connection that reads the log is lost.
            ids = await self._names.ids(connection, "procedure", self._root_id, 0, procedures)

        async def work(connection: Connection) -> Catalogues:
            moment = await self._intake.moment(connection, self._root_id)
            await self._fold_in(connection, moment, dict(ids), arrivals)
            return moment.catalogues

        catalogues = await self._database.write(work)
        self._used[catalogues.revision] = catalogues
        self._events += len(whats)

    async def _fold_in(
        self, connection: Connection, moment: Moment, procedure_ids: dict[str, int], arrivals: Mapping[str, list[Event]]
    ) -> None:
        """Write lives, facts and tallies of the next generation, within the caller's transaction."""
        here = replace(moment, generation=self._next, procedure_ids=procedure_ids)
        known = {subject: self._placed(moment.catalogues, events) for subject, events in arrivals.items()}
        change = await lives.take_in(connection, here, {subject: events for subject, events in known.items() if events})
        # Change counters are of the living figures, and rows that writers wait for.
        change.units.clear()
        write = add.apply if self._summed_up or citus.is_citus(connection) else bulk.add_finest
        await write(connection, self._root_id, self._next, change)

    def _placed(self, catalogues: Catalogues, events: list[Event]) -> list[Event]:
        """The events but for those that name a unit that is not there, which are noted."""
        found = []
        for event in events:
            named = (event.unit, event.what.to) if isinstance(event.what, DossierTransferred) else (event.unit,)
            missing = [unit for unit in named if unit not in catalogues.units]
            for unit in missing:
                self.left_out.setdefault(unit, set()).add((event.source, event.id))
            if not missing:
                found.append(event)
        return found

    async def _sum_up(self, connection: Connection) -> None:
        """Fill the coarser tallies of the next generation; from here on each is written like the finest."""
        if not citus.is_citus(connection):
            await bulk.sum_up(connection, self._root_id, self._next)
        self._summed_up = True

    async def _analyze(self) -> None:
        """Tell the planner of the new rows before they are read: for a while it would take the generation for empty."""
        async with self._database.connection("write") as connection:
            await connection.execute(f"ANALYZE {', '.join(_KEYED)}")

    async def _catch_up(self, done: int) -> int:
        """Take in what was written meanwhile, again and again until little is left, and swap; the number of lives."""
        few = _FEW
        while True:
            await self._fold_edited()
            until, left = await self._database.write(partial(self._swap, done=done, few=few))
            if until is None:
                self._events += left
                self._progress("swapped", self._events, self._events)
                return int(
                    await self._reading.fetchval(
                        "SELECT count(*) FROM life WHERE root_id = $1 AND generation = $2", self._root_id, self._next
                    )
                )
            await self._replay(done, until)
            done = until
            few = min(2 * few, _MOST)

    async def _swap(self, connection: Connection, done: int, few: int) -> tuple[int | None, int]:
        """With every writer kept out: take in the last events and make the next generation the living one.

        Returns:
            None and the number of events; or, when too many are left or the catalogue has just been edited, the number
            up to which all events are committed.
        """
        until = await self._barrier(connection)
        moment = await self._intake.moment(connection, self._root_id)
        if self._edited(moment.catalogues):
            return until, 0
        if await reach.since(connection, self._root_id) != self._since:
            # Something was dropped while the log was read.
            await reach.require_whole(connection, self._root_id)
        arrivals: dict[str, list[Event]] = {}
        count = 0
        async for batch in log.read_events(connection, self._root_id, done, until):
            count += len(batch)
            if count > few:
                return until, 0
            for _, subject, event in batch:
                arrivals.setdefault(subject, []).append(event)
        if arrivals:
            rows = await connection.fetch("SELECT id, code FROM procedure WHERE root_id = $1", self._root_id)
            await self._fold_in(connection, moment, {row["code"]: row["id"] for row in rows}, arrivals)
        # A session that lost its connection has lost its lock too, and another rebuild may be at the same generation.
        await self._reading.fetchval("SELECT 1")
        await connection.execute(
            "UPDATE root SET generation = $2, rules = $3 WHERE id = $1", self._root_id, self._next, life.RULES
        )
        told = audit.ran(moment.catalogues.root, "rebuild", generation=self._next, events=self._events + count)
        await audit.write(connection, self._root_id, audit.COMMAND_LINE, [told])
        # Whatever was kept of the old generation's figures ends with the revision.
        await lock.raise_revision(connection, self._root_id)
        # What waited to be folded again has been, with the catalogue as it is in this transaction.
        await connection.execute("DELETE FROM refold WHERE root_id = $1", self._root_id)
        return None, count

    def _edited(self, catalogues: Catalogues) -> tuple[bool, list[str]] | None:
        """Whether the calendar and which procedures count otherwise than when lives were folded; None: all as then."""
        calendar, procedures = False, set()
        for used in self._used.values():
            calendar |= used.calendar != catalogues.calendar
            known = used.procedures.keys() | catalogues.procedures.keys()
            procedures |= {code for code in known if used.rules_of(code) != catalogues.rules_of(code)}
        return (calendar, sorted(procedures)) if calendar or procedures else None

    async def _fold_edited(self) -> None:
        """Fold those lives of the next generation again that an edit of the catalogue has overtaken."""
        after, pass_of = "", 0

        async def work(connection: Connection) -> tuple[str | None, Catalogues]:
            moment = await self._intake.moment(connection, self._root_id)
            edited = self._edited(moment.catalogues)
            if edited is None:
                return None, moment.catalogues
            start = after if moment.catalogues.revision == pass_of else ""
            rows = await connection.fetch(
                """
                SELECT subject FROM life
                WHERE root_id = $1 AND generation = $2 AND subject > $3 AND revision < $4
                  AND ($5 OR procedure_id IN (SELECT id FROM procedure WHERE root_id = $1 AND code = ANY($6::text[])))
                ORDER BY subject LIMIT $7
                """,
                self._root_id, self._next, start, moment.catalogues.revision, *edited, _REFOLDED,
            )  # fmt: skip
            subjects = [row["subject"] for row in rows]
            if subjects:
                await self._intake.fold_again(connection, replace(moment, generation=self._next), subjects)
            return (subjects[-1] if len(subjects) == _REFOLDED else None), moment.catalogues

        while True:
            reached, catalogues = await self._database.write(work)
            if reached is None:
                # Every life now stands as this catalogue says: folded with it, or with one that says the same of it.
                self._used = {catalogues.revision: catalogues}
                return
            after, pass_of = reached, catalogues.revision

    async def _keep_only(self, generation: int) -> None:
        """Delete the rows of every other generation, some thousands in a transaction."""
        for table, column in _KEYED.items():
            for other in ("generation < $2", "generation > $2"):
                while await self._delete_some(table, column, other, generation):
                    self._progress("clear", 0, 0)

    async def _delete_some(self, table: str, column: str, other: str, generation: int) -> bool:
        """Delete the first rows, by key, of one generation that is `other`; whether there were any."""

        async def work(connection: Connection) -> bool:
            await citus.wait_for_readers(connection, self._root_id)
            found = await connection.fetchval(
                f"""
                WITH
                -- one generation that is not to be kept
                stale AS (SELECT generation FROM {table} WHERE root_id = $1 AND {other} ORDER BY generation LIMIT 1),
                -- its first keys
                first AS (
                    SELECT {column} FROM {table}
                    WHERE root_id = $1 AND generation = (SELECT generation FROM stale)
                    ORDER BY {column} LIMIT $3
                ),
                gone AS (
                    DELETE FROM {table}
                    WHERE root_id = $1 AND generation = (SELECT generation FROM stale)
                      AND {column} <= (SELECT max({column}) FROM first)
                    RETURNING 1
                )
                SELECT count(*) FROM gone
                """,
                self._root_id,
                generation,
                _CLEARED,
            )
            return bool(found)

        return await self._database.write(work)
