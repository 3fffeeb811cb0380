"""Folded pushes are proved and written: one transaction, in which all that they rest on must still hold.

Nothing is taken on trust. The root's revision is held and compared; exactly the version of a life that was folded on is
replaced; the key of a receipt can be written once only. Whatever does not hold rolls the transaction back (`Outdated`),
and the pushes are read for and folded anew.
"""

from __future__ import annotations

from typing import Final

import asyncpg

from app.domain.lives.packing import pack_what
from app.store import schema
from app.store.connections.database import Connection, Outdated
from app.store.rows import add, columns_of
from app.store.tallies import add as tallies
from app.store.write.fold import Folded

LOG_COLUMNS: Final = columns_of(schema.event, but_not=["seq"])
"""What is written of an event, and of which types."""

_RECEIPT_COLUMNS: Final = columns_of(schema.receipt)


async def write(connection: Connection, folded: Folded) -> None:
    """Write a batch in the connection's transaction, which holds the revision it was folded at.

    Raises:
        Outdated: something that it rests on has changed.
    """
    if folded.recalled:
        await _confirm(connection, folded)
    if folded.accepted:
        await _claim(connection, folded)
        await folded.folding.write(connection)
        await _log(connection, folded)
        await tallies.apply(connection, folded.moment.root_id, folded.moment.generation, folded.folding.change)


async def _confirm(connection: Connection, folded: Folded) -> None:
    """Make sure that the batch before has left what this one knows from it: a database may be put back meanwhile."""
    found = await connection.fetchval(
        "SELECT count(*) FROM receipt WHERE root_id = $1 AND key = ANY($2::uuid[])",
        folded.moment.root_id,
        list(folded.recalled),
    )
    if found != len(folded.recalled):
        raise Outdated


async def _claim(connection: Connection, folded: Folded) -> None:
    """Write receipts, in key order so that two writers of the same never wait for each other in a ring."""
    root_id = folded.moment.root_id
    records = [(root_id, key, content) for key, content in sorted(folded.receipts.items())]
    try:
        await add(connection, "receipt", _RECEIPT_COLUMNS, records)
    except asyncpg.UniqueViolationError as error:
        raise Outdated from error


async def _log(connection: Connection, folded: Folded) -> None:
    moment = folded.moment
    records = [
        (
            moment.root_id,
            event.time,
            moment.now,
            moment.source_ids[event.source],
            event.id,
            event.what.code,
            moment.unit_id(event.unit),
            item.parsed.subject,
            event.sequence or None,
            pack_what(event.what),
        )
        for item in folded.accepted
        for event in (item.event,)
    ]
    await add(connection, "event", LOG_COLUMNS, records)
