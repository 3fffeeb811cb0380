"""What happens to pushed events within their transaction: checked, claimed, folded, logged, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal

import asyncpg
import msgspec

from app.domain import codes
from app.domain.arrivals import Outcome, Parsed, Rejected, Warned
from app.domain.directory import Directory
from app.domain.events import (
    DossierReceived,
    DossierTransferred,
    Event,
    Happening,
    Instant,
    UnitCode,
)
from app.domain.periods import day_of
from app.store import lives, tallies
from app.store.database import Connection

_AHEAD_ALLOWED: Final = 10 * 60 * 1_000_000
_CLAIM: Final = """
    INSERT INTO receipt (root_id, key, content)
    SELECT $1::int, * FROM unnest($2::uuid[], $3::uuid[])
    ON CONFLICT DO NOTHING
    RETURNING key
"""
_LOG_COLUMNS: Final = (
    "root_id", "time", "received_at", "source_id", "id", "type", "unit_id", "subject", "sequence", "data",
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """What a transaction of a root starts from: its catalogues, its generation and the instant."""

    directory: Directory
    generation: int
    now: int


@dataclass(slots=True)
class _Item:
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
        root_id: int,
        sources: dict[str, int],
        procedures: dict[str, int],
    ) -> None:
        self._connection = connection
        self._directory = moment.directory
        self._moment = moment
        self._root_id = root_id
        self._sources = sources
        self._procedures = procedures

    async def run(self, pushes: Sequence[tuple[str, Sequence[Parsed]]]) -> list[Outcome]:
        """Check, claim, fold, count: an outcome for every event of every push."""
        items: list[_Item] = []
        for number, (unit, arrivals) in enumerate(pushes):
            items += [self._item(parsed, number, len(items) + n, unit) for n, parsed in enumerate(arrivals)]
        await self._claim(items)
        await self._fold([item for item in items if item.outcome == "accepted"], items)
        outcomes = []
        for number in range(len(pushes)):
            mine = [item for item in items if item.push == number] if len(pushes) > 1 else items
            outcomes.append(_outcome(mine))
        return outcomes

    def _item(self, parsed: Parsed, push: int, place: int, reach: str) -> _Item:
        """An event with what its key, the catalogues and the clock say of it."""
        event = parsed.event
        unit = self._directory.resolve(event.unit)
        item = _Item(parsed, push, place, receipt_key(event.source, event.id), unit)
        if codes.is_under(unit, reach):
            self._check(item, event)
        else:
            item.fault = _rejected(parsed, "forbidden_unit", "unit", "the key does not reach this unit")
            # Perhaps an alias that has gone since: what was taken in under it stays a duplicate when sent again.
            item.forbidden = unit in self._directory.units
        return item

    def _check(self, item: _Item, event: Event) -> None:
        """What depends on catalogues and the clock; it matters only for an event that has not been seen before."""
        if item.unit not in self._directory.units:
            item.fault = _rejected(
                item.parsed, "unknown_unit", "unit", "no unit of the catalogue has this code or alias"
            )
        elif event.time > self._moment.now + _AHEAD_ALLOWED:
            item.fault = _rejected(
                item.parsed, "future_time", "time", "more than 10 minutes ahead of the server's clock"
            )
        elif isinstance(event.what, DossierTransferred):
            if self._directory.resolve(event.what.to) not in self._directory.units:
                detail = "no unit of this root has this code or alias"
                item.fault = _rejected(item.parsed, "unknown_unit", "data.to", detail)
        elif isinstance(event.what, DossierReceived):
            item.warning = self._warning(item.parsed, event.what.procedure)

    def _warning(self, parsed: Parsed, procedure: str) -> Warned | None:
        known = self._directory.procedures.get(procedure)
        if known is None:
            detail = "the procedure is not in the catalogue; counted with default attributes until it is"
        elif not known.is_valid_on(day_of(Instant(parsed.event.time))):
            detail = "the procedure was not valid on that day; counted all the same"
        else:
            return None
        return Warned(parsed.index, parsed.event.id, "unknown_procedure", "data.procedure", detail)

    async def _claim(self, items: Sequence[_Item]) -> None:
        """Write receipts and decide for each event: new, seen before, or refused."""
        first: dict[bytes, _Item] = {}
        for item in items:
            if item.fault is None:
                first.setdefault(item.key, item)
        keys = sorted(first)
        claimed: set[bytes] = set()
        if keys:
            rows = await self._connection.fetch(
                _CLAIM, self._root_id, keys, [first[key].parsed.content for key in keys]
            )
            claimed = {row[0] for row in rows}
        seen = await self._seen([item.key for item in items if item.key not in claimed and not item.forbidden])
        for item in items:
            if item.key in claimed:
                original = first[item.key]
                known = original.parsed.content if original.place < item.place else None
            else:
                known = seen.get(item.key)
            if item.fault is not None and (known is None or item.forbidden):
                item.outcome = "refused"
            elif known is None:
                if item.key not in claimed:
                    # Neither claimed nor seen: the other writer's receipt went away with its rollback. Start anew.
                    raise asyncpg.SerializationError("a receipt vanished")
                item.outcome = "accepted"
            elif known == item.parsed.content:
                item.outcome = "duplicate"
            else:
                item.outcome = "refused"
                if item.fault is None or item.fault.code != "forbidden_unit":
                    detail = "this source has sent this id before with other content"
                    item.fault = _rejected(item.parsed, "conflict", "id", detail)

    async def _seen(self, keys: list[bytes]) -> dict[bytes, bytes]:
        if not keys:
            return {}
        rows = await self._connection.fetch(
            "SELECT key, content FROM receipt WHERE root_id = $1 AND key = ANY($2::uuid[])", self._root_id, keys
        )
        return {row[0]: row[1] for row in rows}

    async def _fold(self, items: Sequence[_Item], all_items: Sequence[_Item]) -> None:
        """Log the new events, fold their lives and count the difference; refuse what does not fit into its life."""
        if not items:
            return
        arrivals: dict[str, list[Event]] = {}
        taken: dict[str, list[_Item]] = {}
        for item in items:
            arrivals.setdefault(item.parsed.subject, []).append(self._resolved(item))
            taken.setdefault(item.parsed.subject, []).append(item)
        change = lives.Change()
        context = lives.Context(
            self._connection, self._directory, self._moment.generation, self._procedures, self._moment.now
        )
        cut = await lives.take_in(context, arrivals, change)
        unfit = {item.key for subject, room in cut.items() for item in taken[subject][room:]}
        if unfit:
            await self._connection.execute(
                "DELETE FROM receipt WHERE root_id = $1 AND key = ANY($2::uuid[])", self._root_id, sorted(unfit)
            )
            # A copy, in the same transaction, of an event that did not fit has nothing to be a duplicate of.
            for item in all_items:
                if item.key in unfit and item.outcome != "refused":
                    item.outcome = "refused"
                    item.fault = _rejected(item.parsed, "life_too_long", "subject", "1,000 events are the most")
        await self._log([item for item in items if item.outcome == "accepted"])
        await tallies.apply(self._connection, self._root_id, self._moment.generation, change)

    def _resolved(self, item: _Item) -> Event:
        """The event as it stands in its life: units by code, not by alias."""
        event = item.parsed.event
        if isinstance(event.what, DossierTransferred):
            to = UnitCode(self._directory.resolve(event.what.to))
            if to != event.what.to:
                event = msgspec.structs.replace(event, what=DossierTransferred(to))
        return event if item.unit == event.unit else msgspec.structs.replace(event, unit=UnitCode(item.unit))

    async def _log(self, items: list[_Item]) -> None:
        if not items:
            return
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
                    event.what.rank,
                    self._directory.units[item.unit].id,
                    item.parsed.subject,
                    event.sequence or None,
                    told(event.what),
                )
            )
        await self._connection.copy_records_to_table("event", records=records, columns=_LOG_COLUMNS)


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
        accepted_types=Counter(item.parsed.event.what.type for item in accepted),
        duplicate_types=Counter(item.parsed.event.what.type for item in duplicates),
    )


def told(what: Happening) -> str | None:
    """An event's data as the log keeps it: a JSON object of the fields that were given, None without any."""
    fields = {name: value for name in what.__struct_fields__ if (value := getattr(what, name)) is not None}
    return msgspec.json.encode(fields).decode() if fields else None


def _rejected(parsed: Parsed, code: str, field: str, detail: str) -> Rejected:
    return Rejected(parsed.index, parsed.event.id, parsed.event.source, code, field, detail)
