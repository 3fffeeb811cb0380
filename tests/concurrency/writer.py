"""A writer in a process of its own, and scorecards compared with the recount."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from app.domain.push import Parsed
from app.intake import cloudevents
from app.main import create_service
from tests.oracle.http_client import compare
from tests.oracle.recount import Recount
from tests.running import Running, settings_for
from tests.store.histories import CLOCK

Told = tuple[int, int, list[str]]
"""How many a writer's pushes were told to be accepted, to be duplicates, and the codes of all rejections."""


def parsed(events: Sequence[Mapping]) -> list[Parsed]:
    """Events as intake takes them."""
    batch = cloudevents.parse("\n".join(map(json.dumps, events)).encode(), "application/x-ndjson", {}, 100_000)
    return [item for item in batch.items if isinstance(item, Parsed)]


def write(dsn: str, folder: str, root_id: int, batches: Sequence[Sequence[Mapping]]) -> Told:
    """Push batches one after the other through a service of this process; every error comes out."""

    async def work() -> Told:
        service = create_service(settings_for(dsn, Path(folder)), dsn, lambda: CLOCK)
        accepted, duplicates, codes = 0, 0, []
        try:
            for batch in batches:
                outcome = await service.intake.push(root_id, "H44", parsed(batch))
                accepted += outcome.accepted
                duplicates += outcome.duplicates
                codes += [error.code for error in outcome.errors]
        finally:
            await service.database.close()
        return accepted, duplicates, codes

    return asyncio.run(work())


async def differences(running: Running, recount: Recount, units: Iterable[str], periods: Iterable[str]) -> list[str]:
    """What the service's scorecards have otherwise than the recount."""
    units, periods = list(units), list(periods)
    answers: dict[tuple, Mapping] = {}
    for unit in units:
        for period in periods:
            for scope in ("subtree", "own"):
                query = {"unit": unit, "scope": scope, "period": period}
                answer = await running.client.get(
                    "/v1/scorecard", params=query, headers={"Authorization": f"Bearer {running.key}"}
                )
                assert answer.status_code == 200, answer.text
                answers[tuple(sorted(query.items()))] = answer.json()
    return compare(lambda _, query: answers[tuple(sorted(query.items()))], recount, units, periods)
