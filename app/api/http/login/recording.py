"""Logins in the audit log: who came in, who was refused and why, who left.

Told beside the answer and soon, or not at all: a login neither waits for the audit log nor fails with it. Bounded, so
that nobody fills the disk: of what comes from one address, or is of one key or account, so much an hour, and so much
of what is refused in all. Each process counts for itself. An address is no part of an entry: it would be kept for ever;
the log of the proxy in front has it for as long as the office says.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from typing import Final, Literal

import structlog
from cachetools import TTLCache
from fastapi import Request

from app.intake.personal import is_personal
from app.store import audit, keys
from app.store.audit import Actor, Change
from app.store.catalogues import roots
from app.store.connections.database import Connection, Database
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded

_log = structlog.get_logger("chiso.logins")

HOUR: Final = 3_600
OF_ONE: Final = 20
"""Entries an hour of one address that is refused, or of one key or account."""
REFUSED: Final = 200
"""Entries an hour of refused logins in all."""
_AT_ONCE: Final = 20
"""Entries that may wait to be written."""
_PATIENCE: Final = 2.0
"""Seconds that one does."""
_MOST_PLACES: Final = 10_000
_LONGEST: Final = 100
_KEY: Final = re.compile("chiso_([0-9a-f]{12})_.+")


def id_in(text: str) -> str:
    """The id that stands in a key's text; "" where it is none of ours. What follows it stays unknown here."""
    found = _KEY.fullmatch(text)
    return found[1] if found else ""


class Logins:
    """Tells of logins. `telling` are those being written."""

    def __init__(self, database: Database, pepper: bytes) -> None:
        self._database = database
        self._pepper = pepper
        self._told: TTLCache[str, list[int]] = TTLCache(_MOST_PLACES, HOUR)
        self.telling: set[asyncio.Task[None]] = set()

    def account_of(self, subject: str) -> str:
        """What an account is called: the provider's own word for it, which is to tell nobody's name or number. One
        that does, or may, is told from others by a digest under the pepper.
        """
        if len(subject) > _LONGEST or "@" in subject or is_personal(subject) or not subject.isprintable():
            return f"hmac:{hmac.digest(self._pepper, b'account ' + subject.encode(), 'sha256')[:16].hex()}"
        return subject

    def done(
        self,
        request: Request,
        action: Literal["logged_in", "logged_out"],
        *,
        key_id: str = "",
        unit: str = "",
        account: str = "",
        name: str = "",
    ) -> None:
        """A login, or the end of a session; of a key, or of an account of a unit."""
        if self._counted(f"{action} {key_id or account}", OF_ONE):
            actor = Actor("key" if key_id else "account", key_id or account, name, request.state.request_id)
            self._tell(actor, Change(unit, action, "login", key_id))

    def refused(self, request: Request, why: str, *, key_id: str = "", account: str = "") -> None:
        """A login that was refused: `why` is a word for it, `key_id` that of a key that is known, or was sent."""
        host = "" if request.client is None else request.client.host
        if self._counted(f"from {host}", OF_ONE) and self._counted("refused", REFUSED):
            actor = Actor("account" if account else "unknown", account, "", request.state.request_id)
            self._tell(actor, Change("", "refused", "login", key_id, after={"why": why}))

    def _counted(self, what: str, most: int) -> bool:
        """Whether this is still to be told. The hour is that of the first."""
        # Changed in place: an entry that is set anew would live for another hour.
        count = self._told.get(what)
        if count is None:
            self._told[what] = count = [0]
        count[0] += 1
        return count[0] <= most

    def _tell(self, actor: Actor, change: Change) -> None:
        if len(self.telling) >= _AT_ONCE:
            _log.warning("not told", request_id=actor.request_id, reason="busy")
            return
        task = asyncio.create_task(self._write(actor, change))
        self.telling.add(task)
        task.add_done_callback(self.telling.discard)

    async def _write(self, actor: Actor, change: Change) -> None:
        async def work(connection: Connection) -> None:
            unit, root_id = change.unit, None
            if unit:
                root_id = await roots.of_unit(connection, unit)
            elif change.code and (whose := await keys.whose(connection, change.code)) is not None:
                root_id, unit = whose
            told = change._replace(unit=unit)
            await audit.write(connection, audit.NO_ROOT if root_id is None else root_id, actor, [told])

        try:
            async with asyncio.timeout(_PATIENCE):
                await self._database.write(work)
        except (TimeoutError, DatabaseUnavailable, Overloaded) as error:
            _log.warning("not told", request_id=actor.request_id, reason=type(error).__name__)
