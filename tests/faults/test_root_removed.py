"""A root is removed while it is pushed to and read: whoever comes too late is told so, never by a fault of ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.store.catalogues import removal, roots
from tests.running import serving, settings_for

TOLD = {200, 401, 429, 503}
"""After the removal the key is a wrong one, of which an address may send so many."""


async def test_who_pushes_and_reads_while_its_root_is_removed_is_told_so(
    postgres_database: str, tmp_path: Path
) -> None:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        await running.catalogue()
        ended = asyncio.Event()
        said: set[int] = set()

        async def work(worker: int) -> None:
            number = 0
            while not ended.is_set():
                number += 1
                subject = f"H44.07-260105-{worker}{number:05}"
                event = running.event("dossier.received", subject, procedure="1.004555", channel="online")
                answers = [
                    await running.client.post("/v1/events", json=[event] * (worker + 1), headers=batch),
                    await running.get("/v1/scorecard", unit="H44.07", period="2026"),
                    await running.client.put(
                        "/v1/units", json=[{"code": "H44.07", "name": f"A{number}"}], headers=bearer
                    ),
                    await running.get("/v1/rejections"),
                ]
                for answer in answers:
                    assert answer.status_code in TOLD, answer.text
                    said.add(answer.status_code)

        bearer = {"authorization": f"Bearer {running.key}"}
        batch = bearer | {"content-type": "application/cloudevents-batch+json"}
        workers = [asyncio.create_task(work(worker)) for worker in range(4)]
        await asyncio.sleep(1)
        for _ in range(2):
            async with running.service.database.transaction() as connection:
                [(root_id, _)] = await roots.found(connection, "H44")
                await removal.hold(connection, root_id)
                await removal.remove(connection, root_id)
                # Begun anew at once, so that the code is there and the id is not.
                await roots.ensure(connection, "H44")
            await asyncio.sleep(0.5)
        ended.set()
        await asyncio.gather(*workers)
        assert {200, 401} <= said
        async with running.service.database.connection("read") as connection:
            [(again, _)] = await roots.found(connection, "H44")
            assert set((await removal.contents(connection, again)).values()) == {0}
