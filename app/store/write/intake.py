"""Taking events in: read and folded without a lock, then proved and written in one transaction.

Lock order of every writer: migration, catalogue revision (both shared) → receipts → lives → tallies, each in key order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.domain.lives import life
from app.domain.lives.events import DossierReceived
from app.domain.push import Outcome, Parsed
from app.store.catalogues import lock
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Clock, Connection, Database, Outdated, again, begun
from app.store.connections.unavailable import DatabaseUnavailable
from app.store.lineage import NEWER_RULES, require_writable
from app.store.names import Names
from app.store.snapshot import reading_moment
from app.store.tallies import add
from app.store.write import lives
from app.store.write.fold import Folded, Pushes, fold, read
from app.store.write.moment import Moment
from app.store.write.prove import write

_FREELY: Final = 2
"""How often a batch is tried beside others of its root; then nobody else writes the root while it has its turn."""


class Intake:
    """Takes pushes into the database."""

    def __init__(self, database: Database, catalogue_cache: CatalogueCache, clock: Clock = lambda: None) -> None:
        self._database = database
        self._catalogue_cache = catalogue_cache
        self._names, self._clock = Names(), clock

    async def push(self, root_id: int, unit: str, arrivals: Sequence[Parsed]) -> Outcome:
        """Take in sound events sent with a key of `unit`; returns after everything accepted is committed and counted.

        Raises:
            DatabaseUnavailable, Overloaded: nothing was acknowledged; the same push may be sent again.
        """
        [outcome] = await self.push_together(root_id, [(unit, arrivals)])
        return outcome

    async def push_together(self, root_id: int, pushes: Pushes) -> list[Outcome]:
        """Take in several pushes in one transaction, judged as if one came after the other; an outcome for each."""
        tries = 0

        async def once() -> list[Outcome]:
            nonlocal tries
            tries += 1
            if tries <= _FREELY:
                return await self.write(await self.fold(root_id, pushes))
            async with self._database.connection("write") as connection:
                # New names are given an id now, ahead of the transaction.
                await self._seen(connection, root_id, pushes)
                async with begun(connection, lock.begin_holding_alone(root_id)):
                    folded = await fold(await read(connection, await self._seen(connection, root_id, pushes), pushes))
                    await write(connection, folded)
            return folded.outcomes()

        return await again(once)

    async def fold(self, root_id: int, pushes: Pushes, before: Folded | None = None) -> Folded:
        """Read what pushes rest on and fold them, without a lock; `before` is written first, they rest on that too."""
        async with self._database.connection("write") as connection:
            known = await read(connection, await self._seen(connection, root_id, pushes), pushes)
        return await fold(known, before)

    async def write(self, folded: Folded) -> list[Outcome]:
        """Write what was folded in one transaction, which proves that it still holds; an outcome for each push.

        Raises:
            Outdated: it does not, and nothing was written.
        """
        if folded.accepted or folded.recalled:
            begin = lock.begin_holding(folded.moment.root_id, folded.moment.catalogues.lineage)
            async with self._database.connection("write") as connection, begun(connection, begin) as said:
                # Catalogues, generation and rules, and the ids of names, are of one lineage.
                if said != lock.OF_LINEAGE:
                    raise Outdated
                await write(connection, folded)
        return folded.outcomes()

    async def moment(self, connection: Connection, root_id: int) -> Moment:
        """The root's catalogues, generation and the time, held until the connection's transaction ends.

        Raises:
            DatabaseUnavailable: the schema is another version's, or the root's lives are folded with newer rules than
                this one knows.
        """
        await lock.hold(connection, root_id)
        return await self._seen(connection, root_id)

    async def fold_again(self, connection: Connection, moment: Moment, subjects: Sequence[str]) -> None:
        """Fold lives once more with the present catalogue, inside the caller's transaction."""
        change = await lives.take_in(connection, moment, {subject: [] for subject in subjects})
        await add.apply(connection, moment.root_id, moment.generation, change)

    async def _seen(self, connection: Connection, root_id: int, pushes: Pushes = ()) -> Moment:
        """The state of a root as the connection sees it now, with ids of what pushes name; outside of a transaction
        new names are given theirs.
        """
        seen = await reading_moment(connection, self._catalogue_cache, root_id, self._clock)
        require_writable(seen.migration)
        if seen.rules > life.RULES:
            raise DatabaseUnavailable(NEWER_RULES)
        lineage = seen.catalogues.lineage
        events = [each.event for _, arrivals in pushes for each in arrivals]
        sources = {event.source for event in events}
        procedures = {event.what.procedure for event in events if type(event.what) is DossierReceived}
        return Moment(
            seen.catalogues,
            seen.generation,
            seen.now,
            await self._names.ids(connection, "source", root_id, lineage, sources),
            await self._names.ids(connection, "procedure", root_id, lineage, procedures),
        )
