"""A province that is served and pushed to while an operator works, and what was acknowledged of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.store import keys
from app.store.catalogues import roots
from app.store.connections.database import Database
from app.store.feeds.follow import Follower
from app.store.proof import verify
from tests.faults.serving import Batch, Pushing, Serving, environment
from tests.oracle.histories import SEED_HOLIDAYS, SEED_WORKDAYS, History, history
from tests.oracle.http_client import compare
from tests.oracle.recount import Recount

PEPPER = "a pepper for tests, as long as it is to be"
_BATCH = {"content-type": "application/cloudevents-batch+json"}
_UNITS, _PERIODS = ("H44", "H44.13", "H44.130"), ("2026", "2025", "2026-Q3")
_WITHIN_S = 90


def _named(events: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(each["source"], each["id"]) for each in events]


class Province:
    """A service that runs, and the one that pushes to it.

    `acknowledged` are all events that were answered 200 since the beginning, by source and id.
    """

    def __init__(self, serving: Serving, key: str, settings: Mapping[str, str], made: History, root: str) -> None:
        self.serving, self.key, self.settings, self.made, self.root = serving, key, dict(settings), made, root
        self.client = serving.client(key)
        self.acknowledged: set[tuple[str, str]] = set()
        self.statuses: set[int] = set()

    @contextmanager
    def of(self, key: str, root: str) -> Iterator[Province]:
        """Another root that the same service serves."""
        other = Province(self.serving, key, self.settings, self.made, root)
        with other.client:
            yield other

    def put_catalogues(self) -> None:
        """Its units and procedures."""
        for path, rows in (("units", self.made.units), ("procedures", self.made.procedures)):
            assert self.client.put(f"/v1/{path}", json=rows).json()["errors"] == []

    def parts(self, count: int) -> list[list[Batch]]:
        """All events in so many parts, each in batches of ten."""
        whole = [self.made.events[place : place + 10] for place in range(0, len(self.made.events), 10)]
        size = -(-len(whole) // count)
        return [whole[place : place + size] for place in range(0, len(whole), size)]

    def push(self, batch: Batch) -> bool:
        """Whether a batch was taken, as a sender that repeats it sees it: 503 and a broken connection mean later."""
        try:
            answer = self.client.post("/v1/events", content=json.dumps(batch), headers=_BATCH)
        except httpx.TransportError:
            return False
        self.statuses.add(answer.status_code)
        if answer.status_code == 503:
            return False
        assert answer.status_code == 200, answer.text
        assert answer.json()["errors"] == []
        self.acknowledged.update(_named(batch))
        return True

    def push_all(self, batches: Iterable[Batch]) -> None:
        """Batch after batch, each until it is taken."""
        ends = time.monotonic() + _WITHIN_S
        for batch in batches:
            while not self.push(batch):
                assert time.monotonic() < ends
                time.sleep(0.05)

    def pushing(self, batches: list[Batch]) -> Pushing:
        """The same beside, by two clients."""
        return Pushing(batches, self.push, pause=0.05, clients=2)

    def get(self, path: str, query: Any = None) -> dict[str, Any]:
        """What the service answers."""
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def await_ready(self) -> None:
        """Until the service is ready again."""
        ends = time.monotonic() + _WITHIN_S
        while self.client.get("/readyz").status_code != 200:
            assert time.monotonic() < ends
            time.sleep(0.05)

    def assert_exact(self, prove: bool = True) -> None:
        """That all events are in the log once, that what is stored is proved, and figures equal a recount."""
        assert self.statuses <= {200, 503}
        assert logged(self.settings["CHISO_DATABASE__DSN"], self.root) == Counter(set(_named(self.made.events)))
        self.assert_figures(self.made.events)
        if prove:
            assert proved(self.settings["CHISO_DATABASE__DSN"], self.root)

    def assert_figures(self, events: Iterable[Mapping[str, Any]]) -> None:
        """That figures are those of these events."""
        recount = Recount(events, self.made.units, self.made.procedures, SEED_HOLIDAYS, seed_workdays=SEED_WORKDAYS)
        assert compare(self.get, recount, _UNITS, _PERIODS) == []


def logged(dsn: str, root: str = "H44") -> Counter[tuple[str, str]]:
    """How often each event, by source and id, is in a root's log."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT source.name, event.id FROM event JOIN root ON root.id = event.root_id"
            " LEFT JOIN source ON source.id = source_id WHERE root.code = %s",
            [root],
        ).fetchall()
    return Counter((str(source), str(number)) for source, number in rows)


def read_for_feeds(dsn: str) -> None:
    """Return when the feeds have counted all that was pushed before: what is lost then was old."""

    async def work() -> None:
        database = Database(dsn, 1, 1, 10, 60, 60)
        try:
            await Follower(database, lambda: None).finish()
        finally:
            await database.close()

    asyncio.run(work())


def proved(dsn: str, root: str = "H44") -> bool:
    """What `chiso verify --deep` says, without its start."""

    async def work() -> bool:
        database = Database(dsn, 1, 1, 10, 60, 60)
        try:
            async with database.connection("read") as connection:
                [(root_id, _)] = await roots.found(connection, root)
            return (await verify.verify(database, root_id, True, lambda *_: None)).clean
        finally:
            await database.close()

    return asyncio.run(work())


async def key_of(dsn: str, root: str) -> str:
    """A key of all scopes for a root, which is begun if it is not there."""
    database = Database(dsn, 1, 1, 10)
    try:
        async with database.connection("write") as connection:
            root_id = await roots.ensure(connection, root)
            return await keys.create(connection, PEPPER.encode(), root_id, root, keys.SCOPES)
    finally:
        await database.close()


@contextmanager
def living(dsn: str, folder: Path, seed: int, size: int, served_at: str = "") -> Iterator[Province]:
    """A province that is served from a migrated database.

    Args:
        served_at: the address that the service is given, where it is another.
    """
    key = asyncio.run(key_of(dsn, "H44"))
    settings = environment(CHISO_DATABASE__DSN=served_at or dsn, CHISO_DATA_DIR=str(folder), CHISO_AUTH__PEPPER=PEPPER)
    with Serving(settings, folder / "serving.log") as serving:
        made = Province(serving, key, settings, history(seed, size), "H44")
        with made.client:
            made.put_catalogues()
            yield made
