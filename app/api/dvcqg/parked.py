"""Dossiers whose unit the catalogue has yet to get: kept, and counted as soon as it is there."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import Final

import structlog

from app.api.dvcqg.receive import SOURCE, take_up
from app.api.http.auth import Access
from app.api.http.service import Service
from app.domain import codes
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded
from app.store.portal import known

_log = structlog.get_logger("chiso.dvcqg")

_POLL_SECONDS: Final = 5.0
_AT_ONCE: Final = 500


async def release_forever(service: Service) -> None:
    """Look again at what waits whenever a root's catalogues have changed, until cancelled."""
    looked_at: dict[int, int] = {}
    while True:
        try:
            async with service.database.connection("read") as connection:
                roots = await known.parked_roots(connection)
            for root_id, revision in roots.items():
                if looked_at.get(root_id) != revision:
                    await release(service, root_id)
                    looked_at[root_id] = revision
        except Exception as error:  # noqa: BLE001 - a loop that died quietly would leave dossiers uncounted for ever
            told = isinstance(error, (DatabaseUnavailable, Overloaded))
            (_log.debug if told else _log.warning)("looking at dossiers without a unit was interrupted", exc_info=True)
        await asyncio.sleep(_POLL_SECONDS)


async def release(service: Service, root_id: int) -> None:
    """Count those dossiers of a root whose unit is there now."""
    after = ("", "")
    while True:
        async with service.database.connection("read") as connection:
            rows = await known.parked(connection, root_id, after, _AT_ONCE)
        for source, of_source in groupby(rows, key=lambda row: row[0]):
            unit = source.removeprefix(SOURCE)
            access = Access(root_id, codes.root_of(unit), unit, "", "")
            await take_up(service, access, {subject: () for _, subject in of_source})
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1]
