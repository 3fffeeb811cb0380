"""The event log read back as domain events: in order of arrival, or whole lives in order of subject.

Nothing here folds or counts; `rebuild` and `verify --deep` do, from the same reading.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Final, NamedTuple

from app.domain.codes import UnitCode
from app.domain.lives.events import Event
from app.domain.lives.packing import unpack_what
from app.store.connections.database import Connection

Progress = Callable[[str, int, int], None]
"""Told now and then: the stage of a long work, how much of it is done, and of how much (0: not known)."""

NO_LIMIT: Final = 2**63 - 1
_FETCHED: Final = 5_000

_SELECT: Final = """
    SELECT seq, subject, time, source_id, id, type, unit_id, sequence, what
    FROM event
    WHERE root_id = $1 AND seq > $2 AND seq <= $3
"""
_ORDERS: Final = {
    "arrival": "ORDER BY seq",
    # Within a subject by arrival too, so that a life is read back as it was once written.
    "subject": "ORDER BY subject, seq",
}

Logged = tuple[int, str, Event]
"""A row of the log: its sequence number, its subject and the event."""


class _Names(NamedTuple):
    """What the log's small integers stand for."""

    sources: dict[int, str]
    units: dict[int, UnitCode]


async def read_events(
    connection: Connection,
    root_id: int,
    after_seq: int = 0,
    until_seq: int = NO_LIMIT,
    order: str = "arrival",
) -> AsyncIterator[list[Logged]]:
    """The root's events with after_seq < seq ≤ until_seq in batches, through a server-side cursor, in bounded memory.

    The caller's transaction must see every event up to `until_seq` already now (a snapshot, or a barrier before):
    sources and units are read first. One that is not there is called by its id, "#7"; `references` finds those.
    """
    sources = await connection.fetch("SELECT id, name FROM source WHERE root_id = $1", root_id)
    units = await connection.fetch("SELECT id, code FROM unit WHERE root_id = $1", root_id)
    names = _Names({row[0]: row[1] for row in sources}, {row[0]: UnitCode(row[1]) for row in units})
    cursor = await connection.cursor(f"{_SELECT} {_ORDERS[order]}", root_id, after_seq, until_seq)
    while rows := await cursor.fetch(_FETCHED):
        yield [_logged(row, names) for row in rows]


async def read_lives(
    connection: Connection, root_id: int, after_seq: int, until_seq: int, events: int
) -> AsyncIterator[dict[str, list[Event]]]:
    """The same events as whole lives in order of subject, some `events` of them at a time (and at least one life)."""
    gathered: dict[str, list[Event]] = {}
    held, last = 0, ""
    # Closed at once also when the reader stops half-way: the cursor must not outlive its transaction.
    async with aclosing(read_events(connection, root_id, after_seq, until_seq, "subject")) as batches:  # type: ignore[type-var]
        async for batch in batches:
            for _, subject, event in batch:
                if subject != last:
                    if held >= events:
                        yield gathered
                        gathered, held = {}, 0
                    last = subject
                    gathered[subject] = []
                gathered[subject].append(event)
                held += 1
    if gathered:
        yield gathered


def _logged(row: Any, names: _Names) -> Logged:
    seq, subject, time, source_id, event_id, code, unit_id, sequence, stored = row
    source = names.sources.get(source_id) or f"#{source_id}"
    unit = names.units.get(unit_id) or UnitCode(f"#{unit_id}")
    return seq, subject, Event(time, source, event_id, unit, unpack_what(code, stored), sequence or "")
