"""Removing a root while the service runs: nothing of it is left, and the next root of its code begins anew."""

from __future__ import annotations

import pytest

from app.store.catalogues import lock, removal, roots
from tests.running import Running, running

__all__ = ["running"]


async def remove(served: Running, code: str) -> None:
    async with served.service.database.transaction() as connection:
        [(root_id, _)] = await roots.found(connection, code)
        await removal.hold(connection, root_id)
        await removal.remove(connection, root_id)


async def test_a_root_removed_under_a_running_service_is_gone_and_comes_back_empty(running: Running) -> None:
    other = await running.make_key("H45", "read", "admin")
    await running.put("/v1/units", [{"code": "H45", "level": "province"}], other)
    await running.catalogue()
    event = running.event("dossier.received", procedure="1.004555", channel="online")
    assert (await running.push([event]))["accepted"] == 1
    assert (await running.get("/v1/scorecard", unit="H44", period="2026")).json()["balance"]["received"] == 1
    await remove(running, "H44")
    for answer in (
        await running.get("/v1/scorecard", unit="H44", period="2026"),
        await running.post(b"{}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert (await running.get("/v1/units", other)).json()[0]["code"] == "H45"
    running.key = await running.make_key("H44", "ingest", "read", "admin")
    await running.catalogue()
    assert (await running.get("/v1/scorecard", unit="H44", period="2026")).json()["balance"]["received"] == 0
    assert (await running.push([event]))["accepted"] == 1, "it was never seen there"
    assert (await running.get("/v1/scorecard", unit="H44", period="2026")).json()["balance"]["received"] == 1


async def test_a_root_that_is_being_rebuilt_is_not_removed(running: Running) -> None:
    async with running.service.database.connection("read") as rebuilding:
        [(root_id, _)] = await roots.found(rebuilding, "H44")
        await rebuilding.execute("SELECT pg_advisory_lock($1, $2)", lock.REBUILD_LOCK, root_id)
        with pytest.raises(removal.Busy, match="is being rebuilt; remove it when that has ended"):
            await remove(running, "H44")
        await rebuilding.execute("SELECT pg_advisory_unlock($1, $2)", lock.REBUILD_LOCK, root_id)
    assert (await running.get("/v1/units")).status_code == 200
