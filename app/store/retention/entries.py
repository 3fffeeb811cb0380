"""Dropping what of the audit log is older than it is to be kept, which only the owner of its table may.

Its age is told by the database's clock, as the entries are: another machine's that runs ahead would take young ones.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from app.domain.calendar.civil import DAY, Instant, day_of, start_of
from app.messages import Message
from app.store import audit
from app.store.connections.database import Connection, Database
from app.store.retention import reach
from app.store.retention.drop import NotOwner

_NOW: Final = "SELECT clock_timestamp()"
_COUNT: Final = "SELECT count(*) FROM audit WHERE at < $1::timestamptz"
_ALLOWED: Final = "SELECT has_table_privilege('audit', 'DELETE')"
_DELETE: Final = "DELETE FROM audit WHERE at < $1::timestamptz"


class Old(NamedTuple):
    """How many entries are, or were, from before an instant (µs), the beginning of a civil day."""

    entries: int
    until: int


async def look(database: Database, keep_days: int) -> Old:
    """What is older than so many days."""
    async with database.connection("read") as connection:
        until = await _until(connection, keep_days)
        return Old(await connection.fetchval(_COUNT, until), until)


async def drop(database: Database, keep_days: int) -> Old:
    """Drop it, of all roots and of none, and tell so in the same transaction.

    Raises:
        NotOwner: who is connected may only add to the audit log.
    """

    async def work(connection: Connection) -> Old:
        if not await connection.fetchval(_ALLOWED):
            raise NotOwner(
                Message(
                    "only the owner of the audit log drops what is old of it: run this with the address that `chiso"
                    " migrate` is run with",
                    "chỉ chủ sở hữu nhật ký thao tác mới xóa được phần cũ: hãy chạy với địa chỉ đã dùng cho `chiso"
                    " migrate`",
                )
            )
        until = await _until(connection, keep_days)
        old = Old(int((await connection.execute(_DELETE, until)).split()[-1]), until)
        if old.entries:
            told = audit.ran("", "maintain", audit_entries_dropped=old.entries, before=reach.when(until))
            await audit.write(connection, audit.NO_ROOT, audit.COMMAND_LINE, [told])
        return old

    return await database.write(work)


async def _until(connection: Connection, keep_days: int) -> int:
    return start_of(day_of(Instant(await connection.fetchval(_NOW) - keep_days * DAY)))
