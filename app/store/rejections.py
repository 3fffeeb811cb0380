"""The last rejected events of each source, kept for a while so that a sender can see what went wrong.

Only where and why, never what an event said. Keeping them is a courtesy: it happens after the push, in a transaction of
its own, and when it fails nobody is told, because what was accepted is accepted all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Literal, NamedTuple

import structlog
from sqlalchemy import Integer, Select, bindparam, func, or_, select

from app.domain.push import Rejected
from app.store.connections import citus
from app.store.connections.database import Connection, Database
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded
from app.store.schema import rejection
from app.store.statements import in_sql

_log = structlog.get_logger("chiso.rejections")

PER_SOURCE: Final = 1_000
PER_ROOT: Final = 10_000
_PATIENCE: Final = 2.0
"""Seconds that a push waits for its rejections to be kept."""

_LONGEST: Final = 200
_LONGEST_DETAIL: Final = 1_000

_TRIM_LOCK: Final = 7_660_003
"""Class of the advisory lock under which old ones are dropped; who does not get it leaves that to the other."""

# The same once more (a sender that tries again) takes the place of what was kept.
_KEEP: Final = """
    WITH told AS (
        SELECT * FROM unnest($4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
            AS t (source, place, event_id, code, field, detail, detail_vi)
    ), replaced AS (
        DELETE FROM rejection WHERE root_id = $1::int AND unit = $2::text AND source = ANY($4::text[])
            AND (source, event_id, code, coalesce(field, '')) IN
                (SELECT source, event_id, code, coalesce(field, '') FROM told)
    )
    INSERT INTO rejection (root_id, unit, received_at, source, place, event_id, code, field, detail, detail_vi)
    SELECT $1::int, $2::text, coalesce($3::timestamptz, clock_timestamp()), * FROM told
"""
_COLUMNS: Final = (
    "root_id",
    "unit",
    "received_at",
    "source",
    "place",
    "event_id",
    "code",
    "field",
    "detail",
    "detail_vi",
)
_REPLACED: Final = """
    DELETE FROM rejection WHERE root_id = $1 AND unit = $2 AND source = ANY($3::text[])
        AND (source, event_id, code, coalesce(field, '')) IN
            (SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]))
"""
_TRIM_SOURCES: Final = """
    DELETE FROM rejection WHERE root_id = $1 AND id = ANY(ARRAY(
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY source ORDER BY id DESC) AS nth
            FROM rejection WHERE root_id = $1 AND (source = ANY($2::text[]) OR source IS NULL)
        ) AS numbered WHERE nth > $3
    ))
"""
_TRIM_ROOT: Final = """
    DELETE FROM rejection WHERE root_id = $1 AND id <= (
        SELECT id FROM rejection WHERE root_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1
    )
"""


class Kept(NamedTuple):
    """A rejection as it is kept. `place` is the event's index in its push."""

    id: int
    received_at: int
    source: str | None
    place: int
    event_id: str | None
    code: str
    field: str | None
    detail: str | None
    detail_vi: str | None


async def keep(database: Database, root_id: int, unit: str, errors: Sequence[Rejected], now: int | None) -> None:
    """Keep the rejections of a push that was sent with a key of `unit`, if that can be done soon; never fails."""
    if not errors:
        return
    try:
        async with asyncio.timeout(_PATIENCE):
            await database.write(lambda connection: _write(connection, root_id, unit, _last(errors), now))
    except (TimeoutError, DatabaseUnavailable, Overloaded) as error:
        _log.warning("not kept", rejections=len(errors), reason=type(error).__name__)


def _last(errors: Sequence[Rejected]) -> list[Rejected]:
    """No more of a push than would be kept, of the same the last."""
    room: dict[str | None, int] = {}
    met: set[tuple[str, str, str, str | None]] = set()
    chosen = []
    for each in reversed(errors):
        if each.source is not None and each.id is not None:
            same = (each.source, each.id, each.code, each.field)
            if same in met:
                continue
            met.add(same)
        room[each.source] = room.get(each.source, 0) + 1
        if room[each.source] <= PER_SOURCE:
            chosen.append(each)
    return chosen[:PER_ROOT][::-1]


async def _write(connection: Connection, root_id: int, unit: str, errors: Sequence[Rejected], now: int | None) -> None:
    sources = [_fit(each.source) for each in errors]
    told = [each.in_full_plainly for each in errors]
    ids, codes = [_fit(each.id) for each in errors], [each.code for each in errors]
    fields = [_fit(each.field) for each in errors]
    details = [_fit(each.en, _LONGEST_DETAIL) for each in told], [_fit(each.vi, _LONGEST_DETAIL) for each in told]
    columns = (sources, [each.index for each in errors], ids, codes, fields, *details)
    if citus.is_citus(connection):
        at = await connection.fetchval("SELECT coalesce($1::timestamptz, clock_timestamp())", now)
        await connection.execute(_REPLACED, root_id, unit, sources, ids, codes, [field or "" for field in fields])
        rows = [(root_id, unit, at, *row) for row in zip(*columns, strict=True)]
        await citus.insert(connection, "rejection", _COLUMNS, rows)
    else:
        await connection.execute(_KEEP, root_id, unit, now, *columns)
    if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", _TRIM_LOCK, root_id):
        await connection.execute(_TRIM_SOURCES, root_id, list(set(sources) - {None}), PER_SOURCE)
        await connection.execute(_TRIM_ROOT, root_id, PER_ROOT)


def _fit(text: str | None, longest: int = _LONGEST) -> str | None:
    """A text as it is kept, and so as it is asked for: a broken event may bring any."""
    return None if text is None else text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:longest]


async def kept(
    connection: Connection, root_id: int, unit: str, source: str | None, before: int | None, limit: int
) -> tuple[list[Kept], bool]:
    """The newest rejections of keys of `unit` or under it ("" is all), older than `before`; and whether more follow.

    `source` None is every source, "" those whose source could not be read.
    """
    asked = _kept("any" if source is None else "named" if source else "unread", before is not None, bool(unit))
    values = {"source": _fit(source), "before": before, "unit": unit, "below": f"{unit}.", "most": limit + 1}
    rows = await connection.fetch(*in_sql(asked, root_id=root_id, **values))
    return [Kept(*row) for row in rows[:limit]], len(rows) > limit


async def counted(connection: Connection, root_id: int, unit: str) -> dict[str | None, dict[str, int]]:
    """How many are kept, by source and code, of keys of `unit` or under it ("" is all)."""
    column = rejection.c
    asked = select(column.source, column.code, func.count()).where(column.root_id == root_id)
    if unit:
        asked = asked.where(or_(column.unit == unit, func.starts_with(column.unit, f"{unit}.")))
    found: dict[str | None, dict[str, int]] = {}
    for source, code, n in await connection.fetch(*in_sql(asked.group_by(column.source, column.code))):
        found.setdefault(source, {})[code] = n
    return found


@cache
def _kept(source: Literal["any", "named", "unread"], before: bool, unit: bool) -> Select[Any]:
    column = rejection.c
    asked = select(*column[Kept._fields]).where(column.root_id == bindparam("root_id"))
    if source != "any":
        asked = asked.where(column.source == (bindparam("source") if source == "named" else None))
    if before:
        asked = asked.where(column.id < bindparam("before"))
    if unit:
        below = func.starts_with(column.unit, bindparam("below"))
        asked = asked.where(or_(column.unit == bindparam("unit"), below))
    return asked.order_by(column.id.desc()).limit(bindparam("most", type_=Integer))
