"""Loading the demo province, through intake like every other event."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from app import ingest
from app.demo import province
from app.demo.living import past
from app.demo.year import events, procedures
from app.domain.calendar.civil import Instant
from app.domain.catalogues.root import CatalogueName
from app.domain.push import Rejected
from app.ingest import Loaded
from app.intake import catalogues as catalogue_rows
from app.intake.lines import Refused
from app.store.catalogues import edit, roots
from app.store.catalogues.draft import Row
from app.store.catalogues.edit import PutResult
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Database
from app.store.connections.unavailable import DatabaseUnavailable
from app.store.store import Store

_log = logging.getLogger(__name__)
_AGAIN_SECONDS: Final = 30.0


@dataclass
class Arrival:
    """The clock of a store that takes in the past: `at`, in µs, else the database's own."""

    at: int | None = None

    def __call__(self) -> int | None:
        return self.at


async def load_catalogues(store: Store) -> None:
    """Load the demo province's units and procedures the way an administrator does.

    Raises:
        Refused: the catalogue was not accepted as a whole.
    """
    async with store.database.connection("write") as connection, connection.transaction():
        root_id = await roots.ensure(connection, province.ROOT)
    await _put(store, root_id, "units", province.units(), edit.put_units)
    await _put(store, root_id, "procedures", procedures.procedures(), edit.put_procedures)
    await store.refolder.finish(root_id)


_Put = Callable[[Database, CatalogueCache, int, str, Sequence[Row]], Awaitable[PutResult]]


async def _put(store: Store, root_id: int, kind: CatalogueName, rows: list[dict[str, object]], put: _Put) -> None:
    parsed = catalogue_rows.parse_rows(kind, msgspec.json.encode(rows), "application/json")
    sound = [row for row in parsed if not isinstance(row, Rejected)]
    result = await put(store.database, store.catalogue_cache, root_id, province.ROOT, sound)
    for error in [row for row in parsed if isinstance(row, Rejected)] + list(result.errors):
        raise Refused(f"the demo's {kind}: {error.code} {error.field}: {error.detail}")


async def load_events(
    store: Store, units: Collection[str] | None, scale: float, seed: int, now: int, done: Callable[[int], None]
) -> Loaded:
    """Take in the demo province's events.

    Raises:
        Refused: another scale or seed is there already; both tell lives of the same dossiers.
    """
    async with store.database.connection("read") as connection:
        [(root_id, _)] = await roots.found(connection, province.ROOT)
        loaded = await roots.source_with(connection, root_id, f"{events.SOURCES}/", f"{events.source_of(scale, seed)}/")
    if loaded is not None:
        raise Refused(
            f"another demo was loaded here ({loaded}); use an empty CHISO_DATA_DIR or the same scale and seed"
        )
    lines = map(msgspec.json.encode, events.events(units, scale, seed, Instant(now)))
    return await ingest.load(store, root_id, province.ROOT, enumerate(lines), done)


async def load_past(store: Store, arrival: Arrival, now: Instant, done: Callable[[int], None]) -> Loaded:
    """Take in what has happened since the published year, as it arrived; what is there already stays as it is.

    Args:
        arrival: the clock of `store`; it is the database's own again afterwards.
    """
    async with store.database.connection("read") as connection:
        [(root_id, _)] = await roots.found(connection, province.ROOT)
    whole = Loaded()
    try:
        for arrival.at, batch in past.events(now):
            loaded = await ingest.load(store, root_id, province.ROOT, enumerate(map(msgspec.json.encode, batch)), done)
            whole.accepted += loaded.accepted
            whole.duplicates += loaded.duplicates
            whole.rejected += loaded.rejected
            whole.errors += loaded.errors
    finally:
        arrival.at = None
    return whole


async def live_on(store: Store) -> None:
    """Let the province live for ever: what happens is taken in as it happens."""
    async with store.database.connection("read") as connection:
        [(root_id, _)] = await roots.found(connection, province.ROOT)
    present = past.Present(_now())
    while True:
        await asyncio.sleep(present.pause(_now()))
        line = msgspec.json.encode(present.next(_now()))
        while True:
            try:
                await ingest.load(store, root_id, province.ROOT, [(0, line)], lambda _: None)
                break
            except DatabaseUnavailable as error:
                _log.warning("the demo waits: %s", error)
                await asyncio.sleep(_AGAIN_SECONDS)


def _now() -> Instant:
    return Instant(time.time_ns() // 1000)
