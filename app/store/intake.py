"""Taking events in: one transaction from receipt to tally, committed before anybody is told.

Lock order, the same for every writer: catalogue revision (shared) → receipts → lives → tallies, each in key order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

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
from app.store import directory as catalogues
from app.store import lives, tallies
from app.store.database import Connection, Database
from app.store.directory import Directories
from app.store.names import Names

_AHEAD_ALLOWED: Final = 10 * 60 * 1_000_000
Clock = Callable[[], int | None]
"""The present instant, or None for the database's own clock."""

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
    """One sound event on its way through the transaction."""

    parsed: Parsed
    key: bytes
    unit: str
    fault: Rejected | None = None
    warning: Warned | None = None


def receipt_key(source: str, event_id: str) -> bytes:
    """The 16 bytes that stand for (source, id): a digest, the length first so that no two pairs run together."""
    return blake2b(f"{len(source)}:{source}{event_id}".encode(), digest_size=16).digest()


class Intake:
    """Takes pushes into the database."""

    def __init__(self, database: Database, directories: Directories, clock: Clock = lambda: None) -> None:
        self._database = database
        self._directories = directories
        self._names = Names(database)
        self._clock = clock

    async def moment(self, connection: Connection, root_id: int) -> Moment:
        """The root's catalogues, generation and the time, held until the transaction ends."""
        await catalogues.hold(connection, root_id)
        row = await connection.fetchrow(
            "SELECT revision, generation, coalesce($2::timestamptz, clock_timestamp()) AS now FROM root WHERE id = $1",
            root_id,
            self._clock(),
        )
        assert row is not None, "roots are never deleted"
        directory = await self._directories.at(connection, root_id, row["revision"])
        return Moment(directory, row["generation"], row["now"])

    async def push(self, root_id: int, unit: str, arrivals: Sequence[Parsed]) -> Outcome:
        """Take in sound events sent with a key of `unit`; returns after everything accepted is committed and counted.

        Raises:
            DatabaseUnavailable, Overloaded: nothing was acknowledged; the same push may be sent again.
        """
        if not arrivals:
            return Outcome(0, 0, (), ())
        sources = await self._names.ids("source", root_id, {each.event.source for each in arrivals})
        procedures = await self._names.ids(
            "procedure",
            root_id,
            {each.event.what.procedure for each in arrivals if isinstance(each.event.what, DossierReceived)},
        )

        async def work(connection: Connection) -> Outcome:
            moment = await self.moment(connection, root_id)
            push = _Push(connection, moment, root_id, unit, sources, procedures)
            return await push.run(arrivals)

        return await self._database.write(work)

    async def fold_again(self, connection: Connection, moment: Moment, subjects: Sequence[str]) -> None:
        """Fold lives once more with the present catalogue, inside the caller's transaction."""
        root_id = moment.directory.root_id
        rows = await connection.fetch("SELECT id, code FROM procedure WHERE root_id = $1", root_id)
        ids = {row["code"]: row["id"] for row in rows}
        change = lives.Change()
        context = lives.Context(connection, moment.directory, moment.generation, ids, moment.now)
        await lives.fold_again(context, subjects, change)
        await tallies.apply(connection, root_id, moment.generation, change)


class _Push:
    """One push within its transaction."""

    def __init__(
        self,
        connection: Connection,
        moment: Moment,
        root_id: int,
        unit: str,
        sources: dict[str, int],
        procedures: dict[str, int],
    ) -> None:
        self._connection = connection
        self._directory = moment.directory
        self._moment = moment
        self._root_id = root_id
        self._unit = unit
        self._sources = sources
        self._procedures = procedures

    async def run(self, arrivals: Sequence[Parsed]) -> Outcome:
        """Check, claim, fold, count: an outcome for every event."""
        errors: list[Rejected] = []
        items = []
        for parsed in arrivals:
            unit = self._directory.resolve(parsed.event.unit)
            if codes.is_under(unit, self._unit):
                items.append(self._checked(parsed, unit))
                continue
            refusal = _rejected(parsed, "forbidden_unit", "unit", "the key does not reach this unit")
            if unit in self._directory.units:
                errors.append(refusal)
            else:
                # Perhaps an alias that has gone since: what was taken in under it stays a duplicate when sent again.
                items.append(_Item(parsed, receipt_key(parsed.event.source, parsed.event.id), unit, refusal))
        accepted, duplicates, refused = await self._claim(items)
        errors += refused
        accepted, too_long = await self._fold(accepted)
        # A copy, in the same push, of an event that did not fit has nothing to be a duplicate of.
        unfit = {item.key for item in too_long}
        too_long += [item for item in duplicates if item.key in unfit]
        duplicates = [item for item in duplicates if item.key not in unfit]
        errors += [_rejected(each.parsed, "life_too_long", "subject", "1,000 events are the most") for each in too_long]
        return Outcome(
            accepted=len(accepted),
            duplicates=len(duplicates),
            errors=sorted(errors, key=lambda each: each.index),
            warnings=[item.warning for item in accepted if item.warning is not None],
            accepted_types=Counter(item.parsed.event.what.type for item in accepted),
            duplicate_types=Counter(item.parsed.event.what.type for item in duplicates),
        )

    def _checked(self, parsed: Parsed, unit: str) -> _Item:
        """What depends on catalogues and the clock; it matters only for an event that has not been seen before."""
        event = parsed.event
        item = _Item(parsed, receipt_key(event.source, event.id), unit)
        if unit not in self._directory.units:
            item.fault = _rejected(parsed, "unknown_unit", "unit", "no unit of the catalogue has this code or alias")
        elif event.time > self._moment.now + _AHEAD_ALLOWED:
            item.fault = _rejected(parsed, "future_time", "time", "more than 10 minutes ahead of the server's clock")
        elif isinstance(event.what, DossierTransferred):
            to = self._directory.resolve(event.what.to)
            if to not in self._directory.units:
                item.fault = _rejected(parsed, "unknown_unit", "data.to", "no unit of this root has this code or alias")
        elif isinstance(event.what, DossierReceived):
            item.warning = self._warning(parsed, event.what.procedure)
        return item

    def _warning(self, parsed: Parsed, procedure: str) -> Warned | None:
        known = self._directory.procedures.get(procedure)
        if known is None:
            detail = "the procedure is not in the catalogue; counted with default attributes until it is"
        elif not known.is_valid_on(day_of(Instant(parsed.event.time))):
            detail = "the procedure was not valid on that day; counted all the same"
        else:
            return None
        return Warned(parsed.index, parsed.event.id, "unknown_procedure", "data.procedure", detail)

    async def _claim(self, items: list[_Item]) -> tuple[list[_Item], list[_Item], list[Rejected]]:
        """Write receipts: which events are new, which were seen before, which are refused."""
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
        seen = await self._seen([item.key for item in items if item.key not in claimed])
        accepted, duplicates, errors = [], [], []
        for item in items:
            if item.key in claimed:
                original = first[item.key]
                known = original.parsed.content if original.parsed.index < item.parsed.index else None
            else:
                known = seen.get(item.key)
            if known is None and item.fault is None:
                if item.key not in claimed:
                    # Neither claimed nor seen: the other writer's receipt went away with its rollback. Start anew.
                    raise asyncpg.SerializationError("a receipt vanished")
                accepted.append(item)
            elif known is None:
                assert item.fault is not None
                errors.append(item.fault)
            elif known == item.parsed.content:
                duplicates.append(item)
            elif item.fault is not None and item.fault.code == "forbidden_unit":
                errors.append(item.fault)
            else:
                errors.append(
                    _rejected(item.parsed, "conflict", "id", "this source has sent this id before with other content")
                )
        return accepted, duplicates, errors

    async def _seen(self, keys: list[bytes]) -> dict[bytes, bytes]:
        if not keys:
            return {}
        rows = await self._connection.fetch(
            "SELECT key, content FROM receipt WHERE root_id = $1 AND key = ANY($2::uuid[])", self._root_id, keys
        )
        return {row[0]: row[1] for row in rows}

    async def _fold(self, items: list[_Item]) -> tuple[list[_Item], list[_Item]]:
        """Log the new events, fold their lives and count the difference; those that did not fit into their lives."""
        if not items:
            return [], []
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
        too_long = [item for subject, room in cut.items() for item in taken[subject][room:]]
        if too_long:
            await self._connection.execute(
                "DELETE FROM receipt WHERE root_id = $1 AND key = ANY($2::uuid[])",
                self._root_id,
                [item.key for item in too_long],
            )
            left_out = {id(item) for item in too_long}
            items = [item for item in items if id(item) not in left_out]
        await self._log(items)
        await tallies.apply(self._connection, self._root_id, self._moment.generation, change)
        return items, too_long

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


def told(what: Happening) -> str | None:
    """An event's data as the log keeps it: a JSON object of the fields that were given, None without any."""
    fields = {name: value for name in what.__struct_fields__ if (value := getattr(what, name)) is not None}
    return msgspec.json.encode(fields).decode() if fields else None


def _rejected(parsed: Parsed, code: str, field: str, detail: str) -> Rejected:
    return Rejected(parsed.index, parsed.event.id, parsed.event.source, code, field, detail)


__all__ = ["Clock", "Intake", "Moment", "receipt_key", "told"]
