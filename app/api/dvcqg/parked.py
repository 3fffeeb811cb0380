"""What is looked at again: dossiers whose unit was not there or whose source is believed otherwise since, and of what
the sources of each unit tell nothing.

Both go on where they ended, whoever began them: what is derived twice is there already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import structlog

from app.api.dvcqg.receive import take_up
from app.api.http.auth import Access
from app.api.http.service import Service
from app.domain import codes
from app.domain.portal.state import SOURCE
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded
from app.store.portal import known, sources, untold
from app.store.portal.sources import Kept

_log = structlog.get_logger("chiso.dvcqg")

_POLL_SECONDS: Final = 5.0
_MEASURED_SECONDS: Final = 60.0
_AT_ONCE: Final = 500


async def release_forever(service: Service) -> None:
    """Look again whenever a root's catalogues, a source's profile or what it tells have changed, until cancelled."""
    looked_at: dict[int, int] = {}
    while True:
        try:
            async with service.database.connection("read") as connection:
                roots = await known.parked_roots(connection)
                changed = await sources.unapplied(connection)
            for each in changed:
                await apply(service, each)
            for root_id, revision in roots.items():
                if looked_at.get(root_id) != revision:
                    await release(service, root_id)
                    looked_at[root_id] = revision
            await untold.settle(service.database)
        except Exception as error:  # noqa: BLE001 - a loop that died quietly would leave dossiers uncounted for ever
            told = isinstance(error, (DatabaseUnavailable, Overloaded))
            (_log.debug if told else _log.warning)("looking at dossiers again was interrupted", exc_info=True)
        await asyncio.sleep(_POLL_SECONDS)


async def release(service: Service, root_id: int) -> None:
    """Count those dossiers of a root whose unit is there now."""
    after = ("", "")
    while True:
        async with service.database.connection("read") as connection:
            rows = await known.parked(connection, root_id, after, _AT_ONCE)
        for source, of_source in groupby(rows, key=lambda row: row[0]):
            await _take_up(service, root_id, source, [subject for _, subject in of_source])
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1]


async def apply(service: Service, kept: Kept) -> None:
    """Make all dossiers of a source right by its profile, from where that was left."""
    after: str | None = kept.applied_to
    while after is not None:
        async with service.database.connection("read") as connection:
            subjects = await known.subjects(connection, kept.root_id, kept.source, after, _AT_ONCE)
        await _take_up(service, kept.root_id, kept.source, subjects)
        after = subjects[-1] if len(subjects) == _AT_ONCE else None
        async with service.database.connection("write") as connection:
            await sources.applied(connection, kept, after)


async def _take_up(service: Service, root_id: int, source: str, subjects: Sequence[str]) -> None:
    unit = source.removeprefix(SOURCE)
    taken = await take_up(service, Access(root_id, codes.root_of(unit), unit, "", ""), dict.fromkeys(subjects, ()))
    if taken.refused:
        # Their sender was told that they are kept, and will not send them again.
        why = sorted({fault.code for fault in taken.refused.values()})
        _log.warning("dossiers that are kept are refused", source=source, dossiers=len(taken.refused), codes=why)


async def measure(service: Service) -> None:
    """Bring to the metrics how many dossiers were told with each fault."""
    async with service.database.connection("read") as connection:
        found = await known.faults_by_cause(connection)
    for cause, count in found.items():
        service.metrics.portal_faults.labels(cause).set(count)


async def measure_forever(service: Service) -> None:
    """The same every minute, until cancelled."""
    while True:
        try:
            await measure(service)
        except Exception:  # noqa: BLE001 - the database may be away in more ways than can be listed
            _log.debug("faults of what was told were not counted", exc_info=True)
        await asyncio.sleep(_MEASURED_SECONDS)
