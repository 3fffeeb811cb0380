"""Pushes are read for and folded: what the database knows of their events and lives, and what becomes of them.

Nothing is locked: what was read may have changed by the time it is written, and is proved then (prove.py). A batch also
rests on the one before it, which is just being written: on the lives it leaves and the events it takes in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal
from zlib import crc32

import msgspec

from app.domain import codes
from app.domain.calendar.civil import Instant, day_of
from app.domain.codes import UnitCode
from app.domain.lives.events import DossierReceived, DossierTransferred, Event
from app.domain.push import Outcome, Parsed, Rejected, Warned
from app.store.database import Connection
from app.store.write import lives
from app.store.write.lives import Folding, Life
from app.store.write.moment import Moment

_AHEAD_ALLOWED: Final = 10 * 60 * 1_000_000
_AT_A_TIME: Final = 50
"""Lives folded before others of this process get a turn."""

_VARYING: Final = 4
"""Bytes at the end of an id in which ids that follow each other differ: a counter, or a number within the dossier."""

Pushes = Sequence[tuple[str, Sequence[Parsed]]]
"""The sound events of some pushes, each with the unit of its key."""


class Item(msgspec.Struct, gc=False):
    """An event of a batch as it stands in its life (units by code, not by alias), and what becomes of it."""

    parsed: Parsed
    key: bytes
    event: Event
    fault: Rejected | None = None
    warning: Warned | None = None
    forbidden: bool = False
    outcome: Literal["accepted", "duplicate", "refused"] = "refused"

    def refuse(self, code: str, field: str, detail: str) -> None:
        """Say what is wrong with it."""
        event = self.parsed.event
        self.outcome = "refused"
        self.fault = Rejected(self.parsed.index, event.id, event.source, code, field, detail)


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

    @property
    def writes(self) -> bool:
        """Whether it takes anything in, or rests on what is not committed yet."""
        return bool(self.accepted or self.recalled)

    def outcomes(self) -> list[Outcome]:
        """What has become of each push, once the batch is written."""
        return [_outcome(items) for items in self.pushes]


def receipt_key(source: str, event_id: str) -> bytes:
    """The 16 bytes that stand for (source, id).

    Ids that differ in their last characters only begin alike, so that receipts of events that follow each other lie
    side by side; the rest is a digest, the length first so that no two pairs run together.
    """
    pair = f"{len(source)}:{source}{event_id}".encode()
    return crc32(pair[:-_VARYING]).to_bytes(4) + blake2b(pair, digest_size=12).digest()


async def read(connection: Connection, moment: Moment, pushes: Pushes) -> Known:
    """What the database knows of pushes."""
    looked_at = [[_item(moment, parsed, reach) for parsed in arrivals] for reach, arrivals in pushes]
    items = [item for each in looked_at for item in each]
    rows = await connection.fetch(
        "SELECT key, content FROM receipt WHERE root_id = $1 AND key = ANY($2::uuid[])",
        moment.root_id,
        list({item.key for item in items if not item.forbidden}),
    )
    receipts = {row[0]: row[1] for row in rows}
    subjects = {item.parsed.subject for item in items if item.fault is None and item.key not in receipts}
    return Known(moment, looked_at, receipts, await lives.read(connection, moment, subjects))


def _item(moment: Moment, parsed: Parsed, reach: str) -> Item:
    """An event with what its key, the catalogues and the clock say of it."""
    catalogues, event = moment.catalogues, parsed.event
    key, unit = receipt_key(event.source, event.id), UnitCode(catalogues.resolve(event.unit))
    if unit != event.unit:
        event = msgspec.structs.replace(event, unit=unit)
    item = Item(parsed, key, event)
    if not codes.is_under(unit, reach):
        item.refuse("forbidden_unit", "unit", "the key does not reach this unit")
        # Perhaps an alias that has gone since: what was taken in under it stays a duplicate when sent again.
        item.forbidden = unit in catalogues.units
    elif unit not in catalogues.units:
        item.refuse("unknown_unit", "unit", "no unit of the catalogue has this code or alias")
    elif event.time > moment.now + _AHEAD_ALLOWED:
        item.refuse("future_time", "time", "more than 10 minutes ahead of the server's clock")
    elif type(event.what) is DossierTransferred:
        to = UnitCode(catalogues.resolve(event.what.to))
        if to not in catalogues.units:
            item.refuse("unknown_unit", "data.to", "no unit of this root has this code or alias")
        elif to != event.what.to:
            item.event = msgspec.structs.replace(event, what=DossierTransferred(to))
    elif type(event.what) is DossierReceived:
        item.warning = _warning(moment, parsed, event.what.procedure)
    return item


def _warning(moment: Moment, parsed: Parsed, procedure: str) -> Warned | None:
    known = moment.catalogues.procedures.get(procedure)
    if known is None:
        detail = "the procedure is not in the catalogue; counted with default attributes until it is"
    elif not known.is_valid_on(day_of(Instant(parsed.event.time))):
        detail = "the procedure was not valid on that day; counted all the same"
    else:
        return None
    return Warned(parsed.index, parsed.event.id, "unknown_procedure", "data.procedure", detail)


async def fold(known: Known, before: Folded | None = None) -> Folded:
    """Say of each event whether it is new, seen before or refused, and take the lives of the new ones further."""
    moment = known.moment
    if before is not None and before.moment.generation != moment.generation:
        # A rebuild has replaced the lives it leaves: it will be refused, and this batch folded anew.
        before = None
    taken_in = before.receipts if before is not None else {}
    items = [item for each in known.pushes for item in each]
    recalled = _decide(items, known.receipts, taken_in)
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
        _refuse_unfit(items, {item.key for subject, room in folding.cut.items() for item in arrived[subject][room:]})
    accepted = [item for item in items if item.outcome == "accepted"]
    receipts = {item.key: item.parsed.content for item in accepted}
    return Folded(moment, known.pushes, accepted, receipts, folding, stand, recalled)


def _decide(items: Iterable[Item], receipts: Mapping[bytes, bytes], taken_in: Mapping[bytes, bytes]) -> set[bytes]:
    """Give each event its outcome; the keys of those that only the batch before takes in."""
    claimed: dict[bytes, bytes] = {}
    recalled: set[bytes] = set()
    for item in items:
        key, content = item.key, item.parsed.content
        known = receipts.get(key) or taken_in.get(key) or claimed.get(key)
        if item.fault is not None and (known is None or item.forbidden):
            continue
        if known is None:
            claimed[key] = content
            item.outcome = "accepted"
            continue
        if key in taken_in and key not in receipts:
            recalled.add(key)
        if known == content:
            item.outcome = "duplicate"
        elif item.fault is None or item.fault.code != "forbidden_unit":
            item.refuse("conflict", "id", "this source has sent this id before with other content")
    return recalled


def _refuse_unfit(items: Iterable[Item], unfit: Collection[bytes]) -> None:
    """Refuse what does not fit into its life; a copy of it in the same batch has nothing to be a duplicate of."""
    for item in items:
        if item.key in unfit and item.outcome != "refused":
            item.refuse("life_too_long", "subject", "1,000 events are the most")


def _outcome(items: Sequence[Item]) -> Outcome:
    """What became of one push's events."""
    accepted = [item for item in items if item.outcome == "accepted"]
    duplicates = [item for item in items if item.outcome == "duplicate"]
    errors = [item.fault for item in items if item.outcome == "refused" and item.fault is not None]
    return Outcome(
        accepted=len(accepted),
        duplicates=len(duplicates),
        errors=sorted(errors, key=lambda each: each.index),
        warnings=[item.warning for item in accepted if item.warning is not None],
        accepted_types=_types(accepted),
        duplicate_types=_types(duplicates),
    )


def _types(items: Iterable[Item]) -> dict[str, int]:
    """How many of each type; most pushes are of one event, for which a Counter takes longer than all else here."""
    found: dict[str, int] = {}
    for item in items:
        name = item.event.what.type
        found[name] = found.get(name, 0) + 1
    return found
