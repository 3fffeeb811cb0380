"""How much memory a served `chiso` needs while a province's events stream in: `make memory`, or .ci/memory.

The service and its embedded database are started for this alone, in a temporary folder. Events are made while they are
sent, so neither side ever holds them all. What is measured is the resident memory of the one process that answers HTTP;
the database's processes are other ones. It samples while scorecards are read too, as a wall would.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import psutil

from app.demo import province
from app.demo.year import events as simulate
from app.demo.year import procedures
from app.domain.calendar.civil import Instant
from tests.faults.serving import Serving, chiso, environment

LIMIT = 300_000_000
BATCH = 1_000
CONNECTIONS = 4
_EVERY_S = 0.2
_EVENTS_IN_ALL = 4_050_000


class Sampler(threading.Thread):
    """Looks at a process's resident memory several times a second, until it is stopped."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._process, self._stopped = process, threading.Event()
        self.first = self.now = self.peak = process.memory_info().rss

    def run(self) -> None:
        """Sample."""
        while not self._stopped.wait(_EVERY_S):
            self.now = self._process.memory_info().rss
            self.peak = max(self.peak, self.now)

    def stop(self) -> None:
        """Sample no more."""
        self._stopped.set()
        self.join()


def serving_process(serving: Serving) -> psutil.Process:
    """The process that listens: `chiso serve` itself, none of the database's."""
    for child in psutil.Process().children(recursive=True):
        for connection in child.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == serving.port:
                return child
    raise SystemExit("the service's process is not to be found")


def bodies(events: int) -> Iterator[tuple[int, bytes]]:
    """Batches of lines, with the number of events in each."""
    now = Instant(time.time_ns() // 1000)
    stream = itertools.islice(simulate.events(None, min(1, events / _EVENTS_IN_ALL * 1.1), 1, now), events)
    while batch := list(itertools.islice(stream, BATCH)):
        yield len(batch), b"\n".join(map(msgspec.json.encode, batch))


async def push_all(client: httpx.AsyncClient, events: int, sampler: Sampler) -> int:
    """Send from several connections at once; how many events were accepted or duplicates."""
    source, sent, began = bodies(events), 0, time.monotonic()

    async def connection() -> None:
        nonlocal sent
        for count, body in source:
            while True:
                answer = await client.post("/v1/events", content=body, headers={"content-type": "application/x-ndjson"})
                if answer.status_code != 503:
                    break
                await asyncio.sleep(int(answer.headers["retry-after"]))
            outcome = answer.raise_for_status().json()
            assert outcome["rejected"] == 0, outcome["errors"][:3]
            before, sent = sent, sent + count
            if before // 50_000 != sent // 50_000:
                rate = sent / (time.monotonic() - began)
                print(f"{sent:,} events, {rate:,.0f}/s, {sampler.now / 1e6:.0f} MB, peak {sampler.peak / 1e6:.0f} MB")
                (await client.get("/v1/scorecard?unit=H44&period=2026")).raise_for_status()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return sent


async def drive(serving: Serving, key: str, events: int, sampler: Sampler) -> int:
    """Load the catalogues, then the events."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=serving.url, headers=headers, timeout=300, verify=False) as client:
        for path, rows in (("units", province.units()), ("procedures", procedures.procedures())):
            (await client.put(f"/v1/{path}", json=rows)).raise_for_status()
        return await push_all(client, events, sampler)


def main() -> None:
    """Measure; exit 1 when the limit is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    folder = Path(tempfile.mkdtemp(prefix="chiso-memory-"))
    folder.chmod(0o755)  # root's embedded server runs as another user
    settings = environment(CHISO_DATA_DIR=str(folder / "data"), CHISO_LOG__LEVEL="WARNING")
    try:
        with Serving(settings, folder / "log") as serving:
            scopes = (f"--scope={each}" for each in ("ingest", "read", "admin"))
            made = chiso(settings, "keys", "create", "--new-root", "--unit", "H44", *scopes)
            assert made.returncode == 0, made.stderr
            sampler = Sampler(serving_process(serving))
            sampler.start()
            sent = asyncio.run(drive(serving, made.stdout.strip(), events, sampler))
            sampler.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    verdict = "under" if sampler.peak < LIMIT else "NOT under"
    print(
        f"{sent:,} events: {sampler.first / 1e6:.0f} MB before, peak {sampler.peak / 1e6:.0f} MB, "
        f"{verdict} {LIMIT / 1e6:.0f} MB"
    )
    raise SystemExit(sampler.peak >= LIMIT or sent < events)


if __name__ == "__main__":
    main()
