"""The floor of being durable, in a process of its own: COPY of the same events into the same table, and nothing else.

`python -m bench.copier PLAN RESULT`; speaks as client.py does. One COPY, in a transaction of its own, stands for a
request.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
import uvloop

from app.domain.lives.packing import pack_what
from app.domain.push import Parsed
from app.intake.cloudevents import parse
from app.store.write.prove import LOG_COLUMNS
from bench.client import Told, framed

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class CopyPlan(msgspec.Struct):
    """What is copied: events, one after the other in a file, so many at a time over so many connections."""

    dsn: str
    events: str
    per_request: int
    connections: int
    seconds: float


Record = tuple[Any, ...]


def records(events: list[bytes]) -> list[Record]:
    """The events as rows of the log, with numbers for sources and units as the service gives them."""
    sources: dict[str, int] = {}
    units: dict[str, int] = {}
    received, made = datetime.now(UTC), []
    for item in parse(b"\n".join(events), "application/x-ndjson", {}, len(events)).items:
        assert isinstance(item, Parsed), item
        event = item.event
        made.append(
            (
                1,
                _EPOCH + timedelta(microseconds=event.time),
                received,
                sources.setdefault(event.source, len(sources) + 1),
                event.id,
                event.what.code,
                units.setdefault(event.unit, len(units) + 1),
                item.subject,
                event.sequence or None,
                pack_what(event.what),
            )
        )
    return made


async def _copied(plan: CopyPlan, batches: list[list[Record]]) -> Told:
    told, left = Told(), iter(range(len(batches)))
    connections = [await asyncpg.connect(plan.dsn) for _ in range(plan.connections)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    told.began = time.monotonic()

    async def use(connection: asyncpg.Connection) -> None:
        while (now := time.monotonic()) < told.began + plan.seconds and (number := next(left, None)) is not None:
            await connection.copy_records_to_table("event", records=batches[number], columns=list(LOG_COLUMNS))
            told.sent.append(number)
            told.took.append(time.monotonic() - now)

    used = time.process_time()
    await asyncio.gather(*map(use, connections))
    told.ended = time.monotonic()
    told.cpu = time.process_time() - used
    for connection in connections:
        await connection.close()
    return told


def main() -> None:
    """Run the plan in the file named on the command line."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=CopyPlan)
    rows = records(list(framed(Path(plan.events))))
    batches = [rows[start : start + plan.per_request] for start in range(0, len(rows), plan.per_request)]
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(uvloop.run(_copied(plan, batches))))


if __name__ == "__main__":
    main()
