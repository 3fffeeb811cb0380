"""API keys: 32 random bytes, shown once; only their HMAC under the service's pepper is stored, and beside each what
tells that pepper from another: whoever has another one knows no key, which must not look like wrong keys.

While a pepper is replaced two are in force: a key of either is known, and one that is used goes under the first. When a
key was last used is kept to a day: one write a key and day, beside whoever uses it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg
from sqlalchemy import func, insert, select, update

from app.messages import Message
from app.store import audit
from app.store.audit import Change
from app.store.connections.database import Connection, Database
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded
from app.store.schema import api_key
from app.store.statements import in_sql

_log = logging.getLogger(__name__)

SCOPES: Final = ("ingest", "read", "admin")
_PREFIX: Final = "chiso"
_MARKED: Final = b"the pepper of chiso's keys"
_AGAIN_S: Final = 60.0
"""Until a use that could not be written down is tried again."""
_FOUND: Final = """
    SELECT *, coalesce(used_at < now() - INTERVAL '1 day', true) AS unmarked FROM api_key WHERE id = ANY($1::text[])
"""
_USED: Final = """
    UPDATE api_key SET used_at = now(), digest = $4, pepper = $5
    WHERE root_id = $1 AND id = $2 AND digest = $3 AND revoked_at IS NULL
"""


class WrongPepper(DatabaseUnavailable):
    """Keys in force were made with another pepper; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            Message(
                "the API keys in force were made with another pepper: set CHISO_AUTH__PEPPER to that one (or"
                " CHISO_DATA_DIR to the folder with its file `pepper`); if it is lost, `chiso keys list` and `chiso"
                " keys revoke` them, and make new ones",
                "các khóa API đang dùng được tạo với pepper khác: đặt CHISO_AUTH__PEPPER bằng pepper đó (hoặc"
                " CHISO_DATA_DIR là thư mục có tệp `pepper` của nó); nếu đã mất, dùng `chiso keys list` và `chiso keys"
                " revoke` để thu hồi, rồi tạo khóa mới",
            )
        )


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is in force: what it may do (`scopes`) and for whom (`unit` with all under it)."""

    id: str
    root_id: int
    unit: str
    scopes: frozenset[str]
    name: str


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as people see it in a list. Instants in µs; the last use to a day, None where there was none."""

    id: str
    unit: str
    scopes: tuple[str, ...]
    name: str
    created_at: int
    revoked_at: int | None
    used_at: int | None
    pepper: bytes


def mark_of(pepper: bytes) -> bytes:
    """What tells a pepper from another and does not tell the pepper."""
    return hmac.digest(pepper, _MARKED, "sha256")[:16]


def _digest(pepper: bytes, secret: str) -> bytes:
    return hmac.digest(pepper, secret.encode(), "sha256")


async def prove(connection: Connection, *peppers: bytes) -> None:
    """Make sure that these peppers, or none where there is none yet, made all keys in force.

    Raises:
        WrongPepper: they did not.
    """
    other = "SELECT EXISTS (SELECT FROM api_key WHERE revoked_at IS NULL AND pepper <> ALL($1::bytea[]))"
    if await connection.fetchval(other, [mark_of(each) for each in peppers]):
        raise WrongPepper


async def create(
    connection: Connection,
    pepper: bytes,
    root_id: int,
    unit: str,
    scopes: tuple[str, ...],
    name: str = "",
    previous: Sequence[bytes] = (),
) -> str:
    """Make a key for a unit's subtree, from the command line; the only time its text is seen.

    Raises:
        WrongPepper: keys in force were made with another, and with none of the `previous` ones.
    """
    await prove(connection, pepper, *previous)
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    values = {"id": key_id, "root_id": root_id, "unit": unit, "scopes": list(scopes), "name": name}
    values |= {"digest": _digest(pepper, secret), "pepper": mark_of(pepper)}
    made = insert(api_key).values(**values, created_at=func.clock_timestamp())
    told = {"scopes": list(scopes), "name": name}
    async with audit.together(connection):
        await connection.execute(*in_sql(made))
        await audit.write(connection, root_id, audit.COMMAND_LINE, [Change(unit, "created", "key", key_id, after=told)])
    return f"{_PREFIX}_{key_id}_{secret}"


def _key(row: asyncpg.Record) -> Key:
    return Key(row["id"], row["root_id"], row["unit"], frozenset(row["scopes"]), row["name"])


_Asked = tuple[str, asyncio.Future[asyncpg.Record | None]]
"""A key's id, and who waits for its row."""


class Keys:
    """Finds keys by their texts. The database is asked on every call, so that a revocation holds at once; what is asked
    at the same moment is one question.

    Args:
        previous: other peppers in force; a key of theirs that is used goes under `pepper`.
    """

    def __init__(self, database: Database, pepper: bytes, *previous: bytes) -> None:
        self._database = database
        self._pepper, self._mark = pepper, mark_of(pepper)
        self._peppers = {mark_of(each): each for each in (*previous, pepper)}
        self._renewing: set[str] = set()
        """Keys whose use is being written down, beside who uses them."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None

    async def find(self, text: str) -> Key | None:
        """The key behind its text when it is in force.

        Raises:
            DatabaseUnavailable, Overloaded: the database could not be asked.
            WrongPepper: there is a key of this id, and whether it is this one cannot be told.
        """
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != _PREFIX or not secret or not text.isascii() or "\0" in text or len(text) > 200:
            return None
        row = await self._in_force(key_id)
        if row is None or not hmac.compare_digest(row["digest"], _digest(self._peppers[row["pepper"]], secret)):
            return None
        if row["unmarked"] or row["pepper"] != self._mark:
            self._note_use(row, _digest(self._pepper, secret), self._mark)
        return _key(row)

    async def known(self, key_id: str) -> Key | None:
        """The key of this id when it is in force, for who has proved before that it is theirs.

        Raises:
            DatabaseUnavailable, Overloaded, WrongPepper: as by `find`.
        """
        row = await self._in_force(key_id)
        if row is None:
            return None
        if row["unmarked"]:
            self._note_use(row, row["digest"], row["pepper"])
        return _key(row)

    async def _in_force(self, key_id: str) -> asyncpg.Record | None:
        row = await self._row(key_id)
        if row is None or row["revoked_at"] is not None:
            return None
        if row["pepper"] not in self._peppers:
            # Not for the sender to mend: a key that was refused would be thrown away, and its events with it.
            _log.error("%s", wrong := WrongPepper())
            raise wrong
        return row

    async def _row(self, key_id: str) -> asyncpg.Record | None:
        # A future for each: one that many wait for would end for all of them with the first who gives up.
        found: asyncio.Future[asyncpg.Record | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key_id, found))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await found

    async def _ask(self) -> None:
        """Statement after statement until nobody waits."""
        try:
            while self._waiting:
                await self._ask_once()
        finally:
            self._asking = None

    async def _ask_once(self) -> None:
        """One statement for all who came before it began; who comes later may come after a revocation it cannot see."""
        asked: list[_Asked] = []
        try:
            async with self._database.connection("read", self._database.look_up_seconds) as connection:
                # Taken with the connection in hand: who came while it was waited for need not wait again.
                asked, self._waiting = self._waiting, []
                rows = await connection.fetch(_FOUND, list({key_id for key_id, _ in asked}))
        except Exception as error:  # noqa: BLE001  whatever it is, somebody waits to be told
            if not asked:
                asked, self._waiting = self._waiting, []
            for _, found in asked:
                if not found.done():
                    found.set_exception(error)
            return
        by_id = {row["id"]: row for row in rows}
        for key_id, found in asked:
            if not found.done():
                found.set_result(by_id.get(key_id))

    def _note_use(self, row: asyncpg.Record, digest: bytes, mark: bytes) -> None:
        """Have it written down that a key was used today, and its digest under this pepper; nobody waits for that."""
        if row["id"] not in self._renewing:
            self._renewing.add(row["id"])
            task = asyncio.create_task(self._write_use(row, digest, mark))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _write_use(self, row: asyncpg.Record, digest: bytes, mark: bytes) -> None:
        again = self._renewing.discard
        try:
            async with self._database.connection("write", self._database.look_up_seconds) as connection:
                await connection.execute(_USED, row["root_id"], row["id"], row["digest"], digest, mark)
        except (DatabaseUnavailable, Overloaded, asyncpg.PostgresError):
            # A database that cannot be written to still tells figures, and is not asked at each of them.
            asyncio.get_running_loop().call_later(_AGAIN_S, again, row["id"])
        else:
            again(row["id"])


async def in_force(connection: Connection, ids: Collection[str]) -> set[str]:
    """Which keys, by their ids, are in force."""
    rows = await connection.fetch("SELECT id FROM api_key WHERE id = ANY($1::text[]) AND revoked_at IS NULL", list(ids))
    return {row["id"] for row in rows}


async def listing(connection: Connection) -> list[ListedKey]:
    """All keys, revoked ones too, oldest first."""
    rows = await connection.fetch(*in_sql(select(api_key).order_by(api_key.c.created_at, api_key.c.id)))
    return [
        ListedKey(
            *(r["id"], r["unit"], tuple(r["scopes"]), r["name"]),
            *(r["created_at"], r["revoked_at"], r["used_at"], r["pepper"]),
        )
        for r in rows
    ]


async def revoke(connection: Connection, key_id: str) -> bool:
    """Put a key out of force now, from the command line; False when there is no such key in force."""
    in_force = (api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
    revoked = update(api_key).where(*in_force).values(revoked_at=func.clock_timestamp()).returning(api_key)
    async with audit.together(connection):
        row = await connection.fetchrow(*in_sql(revoked))
        if row is not None:
            told = {"scopes": row["scopes"], "name": row["name"]}
            gone = Change(row["unit"], "revoked", "key", key_id, before=told)
            await audit.write(connection, row["root_id"], audit.COMMAND_LINE, [gone])
    return row is not None


async def whose(connection: Connection, key_id: str) -> tuple[int, str] | None:
    """The root's id and the unit of a key, in force or not."""
    of_id = select(api_key.c.root_id, api_key.c.unit).where(api_key.c.id == key_id)
    row = await connection.fetchrow(*in_sql(of_id))
    return None if row is None else (row["root_id"], row["unit"])
