"""Taking events in: one transaction from receipt to tally, committed before anybody is told.

Lock order, the same for every writer: catalogue revision (shared) → receipts → lives → tallies, each in key order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.domain.lives import life
from app.domain.lives.events import DossierReceived
from app.domain.push import Outcome, Parsed
from app.store.catalogues import lock
from app.store.catalogues.read import CatalogueCache
from app.store.database import Clock, Connection, Database, DatabaseUnavailable, again, begun
from app.store.names import Names
from app.store.tallies import add
from app.store.write import lives
from app.store.write.context import Context
from app.store.write.line import Lines
from app.store.write.push import Moment, Pushes

MOST_SMALL: Final = 200
"""Events of a push that is small."""


class Intake:
    """Takes pushes into the database."""

    def __init__(self, database: Database, catalogue_cache: CatalogueCache, clock: Clock = lambda: None) -> None:
        self._database = database
        self._catalogue_cache = catalogue_cache
        self._names = Names(database)
        self._lines = Lines()
        self._clock = clock

    async def moment(self, connection: Connection, root_id: int) -> Moment:
        """The root's catalogues, generation and the time, held until the transaction ends.

        Raises:
            DatabaseUnavailable: the root's lives are folded with newer rules than this version knows.
        """
        await lock.hold(connection, root_id)
        return await self._held(connection, root_id)

    async def _held(self, connection: Connection, root_id: int) -> Moment:
        row = await connection.fetchrow(
            """
            SELECT revision, generation, rules, coalesce($2::timestamptz, clock_timestamp()) AS now
            FROM root WHERE id = $1
            """,
            root_id,
            self._clock(),
        )
        assert row is not None, "roots are never deleted"
        if row["rules"] > life.RULES:
            raise DatabaseUnavailable("lives are folded with newer rules than this version of the service knows")
        catalogues = await self._catalogue_cache.at(connection, root_id, row["revision"])
        return Moment(catalogues, row["generation"], row["now"])

    async def push(self, root_id: int, unit: str, arrivals: Sequence[Parsed]) -> Outcome:
        """Take in sound events sent with a key of `unit`; returns after everything accepted is committed and counted.

        Raises:
            DatabaseUnavailable, Overloaded: nothing was acknowledged; the same push may be sent again.
        """
        [outcome] = await self.push_together(root_id, [(unit, arrivals)], large=len(arrivals) > MOST_SMALL)
        return outcome

    async def push_together(
        self, root_id: int, pushes: Sequence[tuple[str, Sequence[Parsed]]], *, large: bool
    ) -> list[Outcome]:
        """Take in several pushes, each with its key's unit, in one transaction; an outcome for each.

        What one of them sends is judged as if the pushes had come one after the other. Large pushes stand in a line of
        their own, so that a small one does not wait behind thousands of events.
        """
        arrivals = [each for _, arrived in pushes for each in arrived]
        if not arrivals:
            return [Outcome(0, 0, (), ()) for _ in pushes]
        sources = await self._names.ids("source", root_id, {each.event.source for each in arrivals})
        procedures = await self._names.ids(
            "procedure",
            root_id,
            {each.event.what.procedure for each in arrivals if type(each.event.what) is DossierReceived},
        )

        line, anew = self._lines.of(root_id, large), False

        async def once() -> list[Outcome]:
            nonlocal anew
            careful, anew = anew, True
            async with (
                self._database.connection("write") as connection,
                line.turn(careful) as turn,
                begun(connection, lock.begin_holding(root_id, alone=turn.careful)),
            ):
                moment = await self._held(connection, root_id)
                return await Pushes(connection, moment, turn, sources, procedures).run(pushes)

        return await again(once)

    async def fold_again(self, connection: Connection, moment: Moment, subjects: Sequence[str]) -> None:
        """Fold lives once more with the present catalogue, inside the caller's transaction."""
        root_id = moment.catalogues.root_id
        rows = await connection.fetch("SELECT id, code FROM procedure WHERE root_id = $1", root_id)
        ids = {row["code"]: row["id"] for row in rows}
        context = Context(connection, moment.catalogues, moment.generation, ids, moment.now)
        folding = await lives.fold_again(context, subjects)
        await add.apply(connection, root_id, moment.generation, folding.change)
