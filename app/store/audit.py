"""The audit log: who changed what, when, with what stood before and after. Added to, never changed.

An entry is written in the transaction of the change it tells, so there is never one without the other. What tells of no
root, as a login with a key nobody knows, and the end of a root, which nothing else survives, stands under `NO_ROOT`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec
from sqlalchemy import func, literal, or_, select

from app.store.connections.database import Connection
from app.store.schema import audit
from app.store.statements import in_sql

By = Literal["key", "command_line", "account", "unknown"]
Action = Literal["created", "changed", "removed", "revoked", "ran", "logged_in", "refused", "logged_out"]
Kind = Literal[
    "units", "procedures", "targets", "external-figures", "calendar", "key", "root", "login", "source", "command"
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
BY: Final[tuple[By, ...]] = get_args(By)

NO_ROOT: Final = 0
"""No root's id."""
LONGEST: Final = 4_000
"""Characters of JSON that are kept of a value; of a longer one its beginning, as a text."""
_LONGEST_NAME: Final = 200


class Actor(NamedTuple):
    """Who did it: `by` a key (its id), somebody's account (what the provider calls it), the command line (the
    database's role, which is asked of the database)."""

    by: By
    id: str = ""
    name: str = ""
    request_id: str | None = None


COMMAND_LINE: Final = Actor("command_line")


class Change(NamedTuple):
    """What was done to what, of which `unit`; of before and after the attributes that differ."""

    unit: str
    action: Action
    kind: Kind
    code: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def ran(unit: str, command: str, **outcome: Any) -> Change:
    """That a command was run that judges figures, or makes or moves what they are made of; and what came of it."""
    return Change(unit, "ran", "command", command, after=outcome)


class Entry(NamedTuple):
    """An entry as it is kept. `at` in µs."""

    id: int
    at: int
    unit: str
    by: By
    actor: str
    actor_name: str
    action: Action
    kind: Kind
    code: str
    before: str | None
    after: str | None
    request_id: str | None


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
# One instant for all of a change, and one round trip.
_WRITE: Final = """
    INSERT INTO audit (root_id, at, by, actor, actor_name, request_id, unit, action, kind, code, before, after)
    SELECT $1::int, now.at, $2::text, CASE $2 WHEN 'command_line' THEN session_user ELSE $3::text END, $4::text,
           $5::text, told.*
    FROM (SELECT clock_timestamp() AS at) AS now,
        unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::jsonb[], $11::jsonb[]) AS told
"""


def together(connection: Connection) -> AbstractAsyncContextManager[Any]:
    """The transaction that is under way, or one for the block: a change and its entry are written in it."""
    return nullcontext() if connection.is_in_transaction() else connection.transaction()


async def write(connection: Connection, root_id: int, actor: Actor, changes: Sequence[Change]) -> None:
    """Tell of changes, in their order, in the transaction that made them."""
    if not changes:
        return
    units, actions, kinds, codes, before, after = zip(*changes, strict=True)
    values = ([None if each is None else _told(each) for each in side] for side in (before, after))
    name = actor.name[:_LONGEST_NAME]
    who = (actor.by, actor.id[:_LONGEST_NAME], name, actor.request_id)
    await connection.execute(_WRITE, root_id, *who, units, actions, kinds, codes, *values)


def _told(attributes: Mapping[str, Any]) -> str:
    return _ENCODER.encode({name: _bounded(value) for name, value in attributes.items()}).decode()


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
    if isinstance(value, list | tuple) and len(text := _ENCODER.encode(value).decode()) > LONGEST:
        return f"{text[:LONGEST]}…"
    return value


class Asked(NamedTuple):
    """Which entries: of `unit` and under it (and, where it is the `whole` root, those of no unit); of a kind and an
    actor, and of instants in µs from `since` until before `until`, where these are given."""

    unit: str
    whole: bool
    kind: str | None = None
    actor: str | None = None
    since: int | None = None
    until: int | None = None


async def kept(
    connection: Connection, root_id: int, asked: Asked, before: int | None, limit: int
) -> tuple[list[Entry], bool]:
    """The newest entries of a root, and of none, older than the entry `before`; and whether more follow."""
    column = audit.c
    reach = [column.unit == asked.unit, func.starts_with(column.unit, f"{asked.unit}.")]
    if asked.whole:
        reach.append(column.unit == "")
    of_root = or_(column.root_id == root_id, column.root_id == NO_ROOT)
    query = select(*column[Entry._fields]).where(of_root, or_(*reach))
    for given, condition in (
        (asked.kind, column.kind.__eq__),
        (asked.actor, column.actor.__eq__),
        (asked.since, lambda at: column.at >= literal(at, column.at.type)),
        (asked.until, lambda at: column.at < literal(at, column.at.type)),
        (before, column.id.__lt__),
    ):
        if given is not None:
            query = query.where(condition(given))
    rows = await connection.fetch(*in_sql(query.order_by(column.id.desc()).limit(limit + 1)))
    return [Entry(*row) for row in rows[:limit]], len(rows) > limit
