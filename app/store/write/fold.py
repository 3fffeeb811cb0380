"""Pushes are read for and folded: what the database knows of their events and lives, and what becomes of them.

Nothing is locked: what was read may have changed by the time it is written, and is proved then (prove.py). A batch also
rests on the one before it, which is just being written: on the lives it leaves and the events it takes in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from zlib import crc32

from app.domain.judging import Item, decide, judged, outcome_of, refuse_unfit
from app.domain.push import Outcome, Parsed
from app.store.connections.database import Connection
from app.store.write import lives
from app.store.write.lives import Folding, Life
from app.store.write.moment import Moment

_AT_A_TIME: Final = 50
"""Lives folded before others of this process get a turn."""

_VARYING: Final = 4
"""Bytes at the end of an id in which ids that follow each other differ: a counter, or a number within the dossier."""

Pushes = Sequence[tuple[str, Sequence[Parsed]]]
"""The sound events of some pushes, each with the unit of its key."""


@dataclass(frozen=True)
class Known:
    """What pushes meet in the database: the root's moment, receipts (content by key) and lives (by subject)."""

    moment: Moment
    pushes: list[list[Item]]
    receipts: Mapping[bytes, bytes]
    lives: Mapping[str, Life]


@dataclass(frozen=True)
class Folded:
    """A batch that is ready to be written.

    Attributes:
        accepted: the events it takes in.
        receipts: theirs, content by key.
        lives: those it takes further, as they will stand, by subject.
        recalled: keys of events that only the batch before it takes in.
    """

    moment: Moment
    pushes: list[list[Item]]
    accepted: list[Item]
    receipts: Mapping[bytes, bytes]
    folding: Folding
    lives: Mapping[str, Life]
    recalled: set[bytes]

    def outcomes(self) -> list[Outcome]:
        """What has become of each push, once the batch is written."""
        return [outcome_of(items) for items in self.pushes]


def receipt_key(source: str, event_id: str) -> bytes:
    """The 16 bytes that stand for (source, id).

    Ids that differ in their last characters only begin alike, so that receipts of events that follow each other lie
    side by side; the rest is a digest, the length first so that no two pairs run together.
    """
    pair = f"{len(source)}:{source}{event_id}".encode()
    return crc32(pair[:-_VARYING]).to_bytes(4) + blake2b(pair, digest_size=12).digest()


async def read(connection: Connection, moment: Moment, pushes: Pushes) -> Known:
    """What the database knows of pushes."""
    catalogues, now = moment.catalogues, moment.now
    looked_at = [
        [judged(each, receipt_key(each.event.source, each.event.id), reach, catalogues, now) for each in arrivals]
        for reach, arrivals in pushes
    ]
    items = [item for each in looked_at for item in each]
    rows = await connection.fetch(
        "SELECT key, content FROM receipt WHERE root_id = $1 AND key = ANY($2::uuid[])",
        moment.root_id,
        list({item.key for item in items if not item.forbidden}),
    )
    receipts = {row[0]: row[1] for row in rows}
    subjects = {item.parsed.subject for item in items if item.fault is None and item.key not in receipts}
    return Known(moment, looked_at, receipts, await lives.read(connection, moment, subjects))


async def fold(known: Known, before: Folded | None = None) -> Folded:
    """Say of each event whether it is new, seen before or refused, and take the lives of the new ones further."""
    moment = known.moment
    if before is not None and before.moment.catalogues.lineage != moment.catalogues.lineage:
        # An edit, a rebuild or another state of the database: it is there already, or will be refused.
        before = None
    taken_in = before.receipts if before is not None else {}
    items = [item for each in known.pushes for item in each]
    recalled = decide(items, known.receipts, taken_in)
    arrived: dict[str, list[Item]] = {}
    for item in items:
        if item.outcome == "accepted":
            arrived.setdefault(item.parsed.subject, []).append(item)
    folding, stand = Folding(moment), {}
    for number, subject in enumerate(sorted(arrived), start=1):
        life = known.lives.get(subject)
        left = before.lives.get(subject) if before is not None else None
        if left is not None and (life is None or left.version > life.version):
            life = left
        stand[subject] = folding.take(subject, life, [item.event for item in arrived[subject]])
        if number % _AT_A_TIME == 0:
            await asyncio.sleep(0)
    if folding.cut:
        refuse_unfit(items, {arrived[subject][place].key for subject, cut in folding.cut.items() for place in cut})
    accepted = [item for item in items if item.outcome == "accepted"]
    receipts = {item.key: item.parsed.content for item in accepted}
    return Folded(moment, known.pushes, accepted, receipts, folding, stand, recalled)
