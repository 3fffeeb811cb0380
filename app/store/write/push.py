"""What happens to pushed events within their transaction: checked, decided, folded, and then written all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal

import asyncpg
import msgspec

from app.domain import codes
from app.domain.calendar.civil import Instant, day_of
from app.domain.catalogues.root import Catalogues
from app.domain.codes import UnitCode
from app.domain.lives.events import DossierReceived, DossierTransferred, Event
from app.domain.lives.packing import pack_what
from app.domain.push import Outcome, Parsed, Rejected, Warned
from app.store import schema
from app.store.database import Connection, Outdated
from app.store.rows import add, columns_of
from app.store.tallies import add as tallies
from app.store.write import lives
from app.store.write.context import Context
from app.store.write.line import Turn
from app.store.write.lives import Folding, Life

_AHEAD_ALLOWED: Final = 10 * 60 * 1_000_000
_AT_A_TIME: Final = 50
"""Lives folded before others of this process get a turn."""

LOG_COLUMNS: Final = columns_of(schema.event, but_not=["seq"])
"""What is written of an event, and of which types."""

_RECEIPT_COLUMNS: Final = columns_of(schema.receipt)


@dataclass(frozen=True)
class Moment:
    """What a transaction of a root starts from: its catalogues, its generation and the instant."""

    catalogues: Catalogues
    generation: int
    now: int


class _Item(msgspec.Struct, gc=False):
    """One sound event on its way through the transaction: `push` says whose it is, `place` its turn among all."""

    parsed: Parsed
    push: int
    place: int
    key: bytes
    unit: str
    fault: Rejected | None = None
    warning: Warned | None = None
    forbidden: bool = False
    outcome: Literal["accepted", "duplicate", "refused"] = "refused"


def receipt_key(source: str, event_id: str) -> bytes:
    """The 16 bytes that stand for (source, id): a digest, the length first so that no two pairs run together."""
    return blake2b(f"{len(source)}:{source}{event_id}".encode(), digest_size=16).digest()


class Pushes:
    """Some pushes within their transaction."""

    def __init__(
        self,
        connection: Connection,
        moment: Moment,
        turn: Turn,
        sources: dict[str, int],
        procedures: dict[str, int],
    ) -> None:
        self._connection = connection
        self._catalogues = moment.catalogues
        self._moment = moment
        self._turn = turn
        self._root_id = moment.catalogues.root_id
        self._sources = sources
        self._context = Context(connection, moment.catalogues, moment.generation, procedures, moment.now)

    async def run(self, pushes: Sequence[tuple[str, Sequence[Parsed]]]) -> list[Outcome]:
        """Check, decide, fold, write: an outcome for every event of every push.

        Raises:
            Outdated: something it rests on has changed meanwhile.
        """
        items: list[_Item] = []
        for number, (unit, arrivals) in enumerate(pushes):
            items += [self._item(parsed, number, len(items) + n, unit) for n, parsed in enumerate(arrivals)]
        line = self._turn.line
        line.of_generation(self._moment.generation)
        seen = await self._seen(items)
        known = await self._known(items, seen)
        if not await self._turn.fold():
            seen = await self._seen(items)
            known = await self._known(items, seen)
        self._decide(items, seen)
        folding = await self._fold(items, known)
        if folding.cut and not self._turn.careful:
            # What does not fit writes no receipt to prove that it is new: it may have been taken in long ago.
            raise Outdated
        taken = [item for item in items if item.outcome == "accepted"]
        await self._turn.store()
        if taken:
            await self._claim(taken)
            try:
                await folding.write()
            except Outdated:
                line.contended()
                raise
            await self._log(taken)
        await self._turn.count()
        await self._confirm(items, seen)
        if taken:
            await tallies.apply(self._connection, self._root_id, self._moment.generation, folding.change)
        of_push: list[list[_Item]] = [[] for _ in pushes]
        for item in items:
            of_push[item.push].append(item)
        return [_outcome(own) for own in of_push]

    def _item(self, parsed: Parsed, push: int, place: int, reach: str) -> _Item:
        """An event with what its key, the catalogues and the clock say of it."""
        event = parsed.event
        unit = self._catalogues.resolve(event.unit)
        item = _Item(parsed, push, place, receipt_key(event.source, event.id), unit)
        if codes.is_under(unit, reach):
            self._check(item, event)
        else:
            item.fault = _rejected(parsed, "forbidden_unit", "unit", "the key does not reach this unit")
            # Perhaps an alias that has gone since: what was taken in under it stays a duplicate when sent again.
            item.forbidden = unit in self._catalogues.units
        return item

    def _check(self, item: _Item, event: Event) -> None:
        """What depends on catalogues and the clock; it matters only for an event that has not been seen before."""
        if item.unit not in self._catalogues.units:
            item.fault = _rejected(
                item.parsed, "unknown_unit", "unit", "no unit of the catalogue has this code or alias"
            )
        elif event.time > self._moment.now + _AHEAD_ALLOWED:
            item.fault = _rejected(
                item.parsed, "future_time", "time", "more than 10 minutes ahead of the server's clock"
            )
        elif type(event.what) is DossierTransferred:
            if self._catalogues.resolve(event.what.to) not in self._catalogues.units:
                detail = "no unit of this root has this code or alias"
                item.fault = _rejected(item.parsed, "unknown_unit", "data.to", detail)
        elif type(event.what) is DossierReceived:
            item.warning = self._warning(item.parsed, event.what.procedure)

    def _warning(self, parsed: Parsed, procedure: str) -> Warned | None:
        known = self._catalogues.procedures.get(procedure)
        if known is None:
            detail = "the procedure is not in the catalogue; counted with default attributes until it is"
        elif not known.is_valid_on(day_of(Instant(parsed.event.time))):
            detail = "the procedure was not valid on that day; counted all the same"
        else:
            return None
        return Warned(parsed.index, parsed.event.id, "unknown_procedure", "data.procedure", detail)

    async def _seen(self, items: Sequence[_Item]) -> dict[bytes, bytes]:
        """The content of those events that have a receipt, as far as one has to know before writing one.

        Nearly every event is new: it is taken for that, and the key of its receipt proves it. What has a fault writes
        no receipt, so it is looked up; and so is everything while somebody sends events a second time.
        """
        line = self._turn.line
        every = line.looks_up() or self._turn.careful
        remembered = line.receipts.get
        keys = {
            item.key
            for item in items
            if (every or item.fault is not None) and not item.forbidden and remembered(item.key) is None
        }
        if not keys:
            return {}
        rows = await self._connection.fetch(
            "SELECT key, content FROM receipt WHERE root_id = $1 AND key = ANY($2::uuid[])", self._root_id, list(keys)
        )
        if rows:
            line.met_again()
        return {row[0]: row[1] for row in rows}

    async def _confirm(self, items: Sequence[_Item], seen: Mapping[bytes, bytes]) -> None:
        """Make sure that what was taken for known from memory is in the database, now that those before have committed.

        It is not when the database was put back to an earlier state: after a failover, or from a backup.
        """
        kept = {item.key for item in items if item.outcome == "accepted"} | seen.keys()
        recalled = {item.key for item in items if item.outcome != "accepted" and not item.forbidden} - kept
        recalled = {key for key in recalled if self._turn.line.receipts.get(key) is not None}
        if recalled:
            found = await self._connection.fetchval(
                "SELECT count(*) FROM receipt WHERE root_id = $1 AND key = ANY($2::uuid[])",
                self._root_id,
                list(recalled),
            )
            if found != len(recalled):
                raise Outdated

    async def _known(self, items: Sequence[_Item], seen: Mapping[bytes, bytes]) -> dict[str, Life]:
        """The lives that new events may belong to: from the line's memory, the others from the database."""
        subjects = {item.parsed.subject for item in items if item.fault is None and item.key not in seen}
        if self._turn.careful:
            return await lives.read(self._context, subjects, lock=True)
        # Kept from now on: the line may have forgotten them again when their turn to be folded comes.
        remembered = {subject: self._turn.line.lives.get(subject) for subject in subjects}
        told = {subject: life for subject, life in remembered.items() if life is not None}
        return await lives.read(self._context, subjects - told.keys(), lock=False) | told

    def _decide(self, items: Sequence[_Item], seen: Mapping[bytes, bytes]) -> None:
        """Say of each event: new, seen before, or refused."""
        remembered = self._turn.line.receipts.get
        claimed: dict[bytes, bytes] = {}
        for item in items:
            key, content = item.key, item.parsed.content
            known = seen.get(key) or remembered(key) or claimed.get(key)
            if item.fault is not None and (known is None or item.forbidden):
                item.outcome = "refused"
            elif known is None:
                claimed[key] = content
                item.outcome = "accepted"
            elif known == content:
                item.outcome = "duplicate"
            else:
                item.outcome = "refused"
                if item.fault is None or item.fault.code != "forbidden_unit":
                    detail = "this source has sent this id before with other content"
                    item.fault = _rejected(item.parsed, "conflict", "id", detail)

    async def _fold(self, items: Sequence[_Item], known: Mapping[str, Life]) -> Folding:
        """Take the lives of new events further, in memory; refuse what does not fit into its life."""
        line = self._turn.line
        taken: dict[str, list[_Item]] = {}
        for item in items:
            if item.outcome == "accepted":
                taken.setdefault(item.parsed.subject, []).append(item)
        folding = Folding(self._context)
        for number, subject in enumerate(sorted(taken), start=1):
            life, remembered = known.get(subject), None if self._turn.careful else line.lives.get(subject)
            if remembered is not None and (life is None or remembered.version > life.version):
                life = remembered
            arrived = [self._resolved(item) for item in taken[subject]]
            line.lives.put(subject, folding.take(subject, life, arrived))
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)
        unfit = {item.key for subject, room in folding.cut.items() for item in taken[subject][room:]}
        for item in items if unfit else ():
            # A copy, in the same transaction, of an event that did not fit has nothing to be a duplicate of.
            if item.key in unfit and item.outcome != "refused":
                item.outcome = "refused"
                item.fault = _rejected(item.parsed, "life_too_long", "subject", "1,000 events are the most")
        for item in items:
            if item.outcome == "accepted":
                line.receipts.put(item.key, item.parsed.content)
        return folding

    async def _claim(self, items: Sequence[_Item]) -> None:
        """Write receipts, in key order so that two writers of the same never wait for each other in a ring."""
        records = sorted((self._root_id, item.key, item.parsed.content) for item in items)
        try:
            await add(self._connection, "receipt", _RECEIPT_COLUMNS, records)
        except asyncpg.UniqueViolationError as error:
            self._turn.line.met_again()
            raise Outdated from error

    def _resolved(self, item: _Item) -> Event:
        """The event as it stands in its life: units by code, not by alias."""
        event = item.parsed.event
        if type(event.what) is DossierTransferred:
            to = UnitCode(self._catalogues.resolve(event.what.to))
            if to != event.what.to:
                event = msgspec.structs.replace(event, what=DossierTransferred(to))
        return event if item.unit == event.unit else msgspec.structs.replace(event, unit=UnitCode(item.unit))

    async def _log(self, items: Sequence[_Item]) -> None:
        records = []
        for item in items:
            event = self._resolved(item)
            records.append(
                (
                    self._root_id,
                    event.time,
                    self._moment.now,
                    self._sources[event.source],
                    event.id,
                    event.what.code,
                    self._catalogues.units[item.unit].id,
                    item.parsed.subject,
                    event.sequence or None,
                    pack_what(event.what),
                )
            )
        await add(self._connection, "event", LOG_COLUMNS, records)


def _outcome(items: Sequence[_Item]) -> Outcome:
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


def _types(items: Iterable[_Item]) -> dict[str, int]:
    """How many of each type; most pushes are of one event, for which a Counter takes longer than all else here."""
    found: dict[str, int] = {}
    for item in items:
        name = item.parsed.event.what.type
        found[name] = found.get(name, 0) + 1
    return found


def _rejected(parsed: Parsed, code: str, field: str, detail: str) -> Rejected:
    return Rejected(parsed.index, parsed.event.id, parsed.event.source, code, field, detail)
