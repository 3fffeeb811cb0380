"""Folding lives again after a catalogue edit, or by new rules: in small transactions, each from where the last ended.

The edit's own transaction leaves one row per root that says which lives are stale: those of some procedures, all that
the calendar touches, or all, folded with an older revision than the row's. Until that row is gone, answers of the root
say that they are being folded again. Of a root whose lives were folded with older rules than this version's
(life.RULES) the row is made here, as by an edit that concerns all lives.

Lock order, the same as everybody's: catalogue revision → this row → lives → tallies. A step holds the catalogue shared,
so it never runs while an edit (which holds it alone, and takes neither lives nor tallies) writes the row: an edit waits
for steps and pushes that are under way, those that come later wait for the edit, and nobody who is waited for waits
himself. Among steps the row is the only thing that two could want, and it is skipped when another has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from typing import Final

from sqlalchemy import bindparam, delete, exists, or_, select, update

from app.domain.lives import life as lives
from app.store.catalogues.stale import begin_with_rules, of_row
from app.store.connections.database import Connection, Database
from app.store.connections.unavailable import DatabaseUnavailable
from app.store.schema import life, refold, root
from app.store.statements import in_sql
from app.store.write.intake import Intake

_log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.5
_AFTER_FAILURE_SECONDS: Final = 2.0

_OLDER: Final = root.c.rules < bindparam("rules")
_WAITING: Final = (
    select(root.c.id, _OLDER).where(or_(_OLDER, exists().where(refold.c.root_id == root.c.id))).order_by(root.c.id)
)
"""Asked twice a second for as long as a process lives, so compiled once."""


class Refolder:
    """Folds stale lives again. Any number of processes may have one: they take turns, root by root."""

    def __init__(self, database: Database, intake: Intake) -> None:
        self._database = database
        self._intake = intake
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for work at once: an edit of this process has just left some."""
        self._woken.set()

    async def step(self, root_id: int, size: int = 200) -> bool:
        """Fold the next stale lives of a root in one transaction.

        Returns whether anything was done: False when nothing is left, or when another process is just at it.
        """

        async def work(connection: Connection) -> bool:
            moment = await self._intake.moment(connection, root_id)
            here = refold.c.root_id == root_id
            row = await connection.fetchrow(*in_sql(select(refold).where(here).with_for_update(skip_locked=True)))
            if row is None:
                return False
            stale = select(life.c.subject).where(
                of_row(row).among(root_id, moment.generation),
                life.c.subject > row["cursor"],
                life.c.revision < row["revision"],
            )
            found = await connection.fetch(*in_sql(stale.order_by(life.c.subject).limit(size)))
            subjects = [each["subject"] for each in found]
            if len(subjects) < size:
                # Who brings a new life folds it with the present revision: none is stale behind the cursor.
                await connection.execute(*in_sql(delete(refold).where(here)))
            else:
                further = update(refold).where(here).values(cursor=subjects[-1], done=refold.c.done + len(subjects))
                await connection.execute(*in_sql(further))
            if subjects:
                await self._intake.fold_again(connection, moment, subjects)
            return True

        return await self._database.write(work)

    async def finish(self, root_id: int) -> None:
        """Fold until nothing of the root is stale, together with whoever else is at it."""
        while root_id in (waiting := await self._waiting()):
            if not await self._turn(root_id, waiting[root_id]):
                await asyncio.sleep(0.02)

    async def run_forever(self) -> None:
        """Fold whatever edits leave, of every root, until cancelled; an edit of another process is seen by polling."""
        while True:
            self._woken.clear()
            try:
                while await self._round():
                    pass
                pause = _POLL_SECONDS
            except Exception as error:  # noqa: BLE001 - a loop that died quietly would leave answers "refolding" for ever
                # The row stays, and with it the work. A database that is away shows in more ways than can be listed.
                told = isinstance(error, DatabaseUnavailable)
                (_log.debug if told else _log.warning)("folding lives again was interrupted", exc_info=True)
                pause = _AFTER_FAILURE_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)

    async def _round(self) -> bool:
        """One step for every root that has stale lives: neither a large root nor a failing one stops the others.

        Returns whether anything was done; a failure is raised when every root has had its turn.
        """
        outcomes: list[bool | BaseException] = []
        for root_id, of_older_rules in (await self._waiting()).items():
            outcomes += await asyncio.gather(self._turn(root_id, of_older_rules), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return any(outcomes)

    async def _turn(self, root_id: int, of_older_rules: bool) -> bool:
        if of_older_rules:
            await self._database.write(partial(begin_with_rules, root_id=root_id))
        return await self.step(root_id)

    async def _waiting(self) -> dict[int, bool]:
        """Roots with stale lives, and of each whether it has still to be noted that all are, by older rules."""
        async with self._database.connection("read") as connection:
            return {row[0]: row[1] for row in await connection.fetch(*in_sql(_WAITING, rules=lives.RULES))}
