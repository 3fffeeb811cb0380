"""What work on a root stands on: the database's migration, and the line of history that the database goes along.

A database may be put back while the service runs: restored from a dump or a copy, or replaced by a standby that lagged.
All numbers in it repeat then, each for something else: ids, revisions, generations, versions of lives, counters of
changes. So whatever a process remembers of a root, or has prepared for it, is of one *lineage*, which is read with the
root's row and compared again where something is written. No row can hold it, for it would be put back with the rest.
"""

from __future__ import annotations

from typing import Final

from app.messages import Message
from app.store.connections.database import Connection
from app.store.connections.unavailable import DatabaseUnavailable

REVISION: Final = "0001"
"""The migration that this version is written for. Revisions are numbered, so that an older one is less."""

MIGRATION: Final = "(SELECT max(version_num) FROM alembic_version)"
"""SQL: the revision that the database stands at."""

HOLD_SCHEMA: Final = "LOCK TABLE alembic_version IN ACCESS SHARE MODE"
"""SQL: the first lock of every transaction that writes."""

# The server's start: every copy of a data directory was started, and so was every standby. The end of its last
# recovery: a standby promoted as it runs, or a crash after which the server went on by itself and may have lost what
# was committed without waiting. The table's file: another database of the server. The row's transaction: the row was
# written anew, by an edit, a rebuild, a migration, or from a dump into the same database.
LINEAGE: Final = """
    hashtextextended(concat_ws('/',
        extract(epoch FROM pg_postmaster_start_time()),
        CASE WHEN NOT pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END,
        pg_relation_filepath(root.tableoid),
        root.xmin
    ), 0)
"""
"""SQL: a root's lineage, an int8, of its row. The same number: nothing was put back, edited, rebuilt or migrated."""


class RootGone(DatabaseUnavailable):
    """A root that is not there any more: none is ever deleted, so the database was put back to before it was made."""

    def __init__(self) -> None:
        super().__init__(
            Message(
                "the root is not there any more: it was put back to before it was made",
                "đơn vị gốc không còn: cơ sở dữ liệu đã được khôi phục về trước khi nó được tạo",
            )
        )


NONE: Final = Message("none", "không có")
NEWER_RULES: Final = Message(
    "lives are folded with newer rules than this version of the service knows",
    "hồ sơ được tính theo quy tắc mới hơn phiên bản này của dịch vụ",
)


def behind(at: str | None, needed: str) -> Message:
    """That a database has yet to be migrated."""
    return Message(
        "the database is at revision {at}, {needed} is needed: run chiso migrate",
        "cơ sở dữ liệu ở bản {at}, cần bản {needed}: chạy chiso migrate",
        at=at or NONE,
        needed=needed,
    )


def require_readable(migration: str | None) -> str:
    """Refuse a database that has yet to be migrated. A newer one is read: a migration leaves what the revision before
    reads as it was.

    Raises:
        DatabaseUnavailable: it stands at an older revision.
    """
    if migration is None or migration < REVISION:
        raise DatabaseUnavailable(behind(migration, REVISION))
    return migration


def require_writable(migration: str) -> None:
    """Refuse a database of a newer revision, too: what that counts besides would not be written.

    Raises:
        DatabaseUnavailable: it stands at another revision.
    """
    require_readable(migration)
    if migration != REVISION:
        ahead = Message(
            "the database is at revision {at}, this version writes {needed} only",
            "cơ sở dữ liệu ở bản {at}, phiên bản này chỉ ghi bản {needed}",
            at=migration,
            needed=REVISION,
        )
        raise DatabaseUnavailable(ahead)


async def hold_schema(connection: Connection, lock: str = "NULL") -> None:
    """Keep the schema from changing until the connection's transaction ends, and then take a `lock` (SQL); one round
    trip. A migration takes the same table alone, before all others.

    Raises:
        DatabaseUnavailable: it is another revision's.
    """
    still = f"SELECT WHERE {MIGRATION} = '{REVISION}'"
    if await connection.execute(f"{HOLD_SCHEMA}; SELECT {lock}; {still}") != "SELECT 1":
        other = Message(
            "the database is not at revision {needed}, the only one this version writes",
            "cơ sở dữ liệu không ở bản {needed}, bản duy nhất mà phiên bản này ghi",
            needed=REVISION,
        )
        raise DatabaseUnavailable(other)


def is_behind(migration: str | None) -> bool:
    """Whether a database has yet to be migrated to what this version needs."""
    return migration is None or migration < REVISION
