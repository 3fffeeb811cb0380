"""API keys: 32 random bytes, shown once; only their HMAC under the service's pepper is stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from app.store.database import Connection

SCOPES: Final = ("ingest", "read", "admin")
_PREFIX: Final = "chiso"


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
    """A key as people see it in a list. Instants in µs."""

    id: str
    unit: str
    scopes: tuple[str, ...]
    name: str
    created_at: int
    revoked_at: int | None


def _digest(pepper: bytes, secret: str) -> bytes:
    return hmac.new(pepper, secret.encode(), hashlib.sha256).digest()


async def create(
    connection: Connection, pepper: bytes, root_id: int, unit: str, scopes: tuple[str, ...], name: str = ""
) -> str:
    """Make a key for a unit's subtree; the only time its text is seen."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    await connection.execute(
        """
        INSERT INTO api_key (id, root_id, unit, scopes, digest, name, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
        """,
        key_id,
        root_id,
        unit,
        list(scopes),
        _digest(pepper, secret),
        name,
    )
    return f"{_PREFIX}_{key_id}_{secret}"


async def find(connection: Connection, pepper: bytes, text: str) -> Key | None:
    """The key behind its text when it is in force. Asked on every call, so a revocation holds at once."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != _PREFIX or not secret or not text.isascii() or "\0" in text or len(text) > 200:
        return None
    row = await connection.fetchrow("SELECT * FROM api_key WHERE id = $1", key_id)
    if row is None or not hmac.compare_digest(row["digest"], _digest(pepper, secret)) or row["revoked_at"] is not None:
        return None
    return Key(row["id"], row["root_id"], row["unit"], frozenset(row["scopes"]), row["name"])


async def in_force(connection: Connection, ids: Collection[str]) -> set[str]:
    """Which keys, by their ids, are in force."""
    rows = await connection.fetch("SELECT id FROM api_key WHERE id = ANY($1::text[]) AND revoked_at IS NULL", list(ids))
    return {row["id"] for row in rows}


async def listing(connection: Connection) -> list[ListedKey]:
    """All keys, revoked ones too, oldest first."""
    rows = await connection.fetch("SELECT * FROM api_key ORDER BY created_at, id")
    return [
        ListedKey(r["id"], r["unit"], tuple(r["scopes"]), r["name"], r["created_at"], r["revoked_at"]) for r in rows
    ]


async def revoke(connection: Connection, key_id: str) -> bool:
    """Put a key out of force now; False when there is no such key in force."""
    done = await connection.execute(
        "UPDATE api_key SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL", key_id
    )
    return done == "UPDATE 1"
