"""The database is put back to an earlier state while the service runs and is pushed to: what it remembers of the lost
state never meets the present one.

Three ways: the database dropped and made again of a copy; the data directory replaced by a cold copy; a standby that
lagged, promoted in the place of its primary. Meanwhile another service has written to the earlier state, so that all
numbers of the lost one (ids, versions, revisions, counters) stand for something else there.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.main import create_service
from app.store import migrate
from app.store.embedded.home import settle
from app.store.embedded.server import Embedded, start
from tests.conftest import NO_DURABILITY, at
from tests.faults.serving import CREATE, Batch, Pushing, Serving, chiso, environment
from tests.oracle.histories import SEED_HOLIDAYS, SEED_WORKDAYS, history
from tests.oracle.http_client import compare
from tests.oracle.recount import Recount
from tests.running import settings_for
from tests.store.histories import parsed

BATCH = "application/cloudevents-batch+json"
PEPPER = "a pepper for tests, as long as it is to be"


class Home:
    """A server of a test's own, whose database or whole directory can be put back."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.copy = folder, folder.with_name(f"{folder.name}-copy")
        self.server = self._start(folder)
        self.dsn = self.server.dsn

    def _start(self, folder: Path) -> Embedded:
        return start(folder, settings=NO_DURABILITY)

    def keep_database(self) -> None:
        with psycopg.connect(at(self.dsn, "postgres"), autocommit=True) as connection:
            connection.execute("ALTER DATABASE chiso ALLOW_CONNECTIONS false")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'chiso'")
            connection.execute("CREATE DATABASE kept TEMPLATE chiso")
            connection.execute("ALTER DATABASE chiso ALLOW_CONNECTIONS true")

    def put_back_database(self, meanwhile: Callable[[str], None]) -> None:
        meanwhile(at(self.dsn, "kept"))
        with psycopg.connect(at(self.dsn, "postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE chiso WITH (FORCE)")
            time.sleep(0.5)
            connection.execute("CREATE DATABASE chiso TEMPLATE kept")

    def keep_directory(self) -> None:
        self.server.stop()
        self.copy.mkdir()
        subprocess.run(["cp", "-a", settle(self.folder).cluster, settle(self.copy).cluster], check=True)
        self.server = self._start(self.folder)

    def put_back_directory(self, meanwhile: Callable[[str], None]) -> None:
        with self._start(self.copy) as other:
            meanwhile(other.dsn)
        self._replace()
        self.server = self._start(self.folder)

    def promote(self, meanwhile: Callable[[str], None]) -> None:
        signal = settle(self.copy).cluster / "standby.signal"
        signal.touch()
        owner = signal.parent.stat()
        shutil.chown(signal, owner.st_uid, owner.st_gid)
        self._replace()
        self.server = self._start(self.folder)
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
            time.sleep(0.5)
            assert connection.execute("SELECT pg_promote()").fetchone() == (True,)
        meanwhile(self.dsn)

    def _replace(self) -> None:
        self.server.stop()
        cluster = settle(self.folder).cluster
        shutil.rmtree(cluster)
        settle(self.copy).cluster.rename(cluster)


WAYS: dict[str, tuple[Callable[[Home], None], Callable[[Home, Callable[[str], None]], None]]] = {
    "database": (Home.keep_database, Home.put_back_database),
    "directory": (Home.keep_directory, Home.put_back_directory),
    "standby": (Home.keep_directory, Home.promote),
}


def push(client: httpx.Client, batch: Batch, statuses: set[int]) -> dict[str, Any] | None:
    """What the service says of a batch; None when it says 503."""
    answer = client.post("/v1/events", content=json.dumps(batch), headers={"content-type": BATCH})
    statuses.add(answer.status_code)
    if answer.status_code == 503:
        return None
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["errors"] == []
    return told


def batches_of(events: Batch, source: str) -> list[Batch]:
    """Batches of twenty, each with a source and a procedure of its own that nobody has named before."""
    found = []
    for number, place in enumerate(range(0, len(events), 20)):
        part = [each | {"source": f"/h44/{source}{number}"} for each in events[place : place + 20]]
        first = next((each for each in part if each["type"] == "dossier.received"), None)
        if first is not None:
            first["data"] = first["data"] | {"procedure": f"9.{len(source):03d}{number:03d}"}
        found.append(part)
    return found


@pytest.fixture
def home(reachable_dir: Path, request: pytest.FixtureRequest) -> Iterator[Home]:
    made = Home(reachable_dir / f"put-back-{request.node.callspec.id}")
    try:
        yield made
    finally:
        made.server.stop()


@pytest.mark.parametrize("way", WAYS)
def test_put_back_under_load_what_is_acknowledged_is_right(home: Home, tmp_path: Path, way: str) -> None:
    keep, put_back = WAYS[way]
    migrate.upgrade(home.dsn)
    settings = environment(CHISO_DATA_DIR=str(tmp_path), CHISO_DATABASE__DSN=home.dsn, CHISO_AUTH__PEPPER=PEPPER)
    made = history(44, 260)
    third = len(made.events) // 3
    early = batches_of(made.events[:third], "a")
    lost = batches_of(made.events[third : 2 * third], "bb")
    late = batches_of(made.events[2 * third :], "ccc")
    # Some that were sent to the other service are sent once more to this one; and the other's own names come first.
    others = [batch[::2] for batch in lost[::-1][:6]] + [late[-1]]

    async def of_another(dsn: str) -> None:
        service = create_service(settings_for(dsn, tmp_path), dsn)
        try:
            for batch in others:
                outcome = await service.intake.push(1, "H44", parsed(batch))
                # A promoted server is written to by both at once: the last one may be there already.
                assert (outcome.accepted + outcome.duplicates, list(outcome.errors)) == (len(batch), [])
        finally:
            await service.database.close()

    with Serving(settings, tmp_path / "serving.log") as serving:
        created = chiso(settings, *CREATE)
        assert created.returncode == 0, created.stderr
        key = created.stdout.strip()
        statuses: set[int] = set()
        with serving.client(key) as client:

            def get(path: str, query: object) -> dict[str, Any]:
                shown: dict[str, Any] = client.get(path, params=query).json()  # type: ignore[arg-type]
                return shown

            for path, rows in (("units", made.units), ("procedures", made.procedures)):
                assert client.put(f"/v1/{path}", json=rows).json()["errors"] == []
            for batch in early:
                assert push(client, batch, statuses) is not None
            keep(home)
            # What is lost later: names, lives, figures and catalogues are remembered of it.
            while client.put("/v1/units", json=[{"code": "H44.13", "name": "Lost"}]).status_code == 503:
                time.sleep(0.1)
            for batch in lost:
                while push(client, batch, statuses) is None:
                    time.sleep(0.1)
            figures = [{"unit": unit, "period": period} for unit in ("H44", "H44.13") for period in ("2026", "2025")]
            before = [get("/v1/scorecard", each) for each in figures]
            assert all("groups" in each for each in before)

            pushing = Pushing(late, lambda batch: push(client, batch, statuses) is not None, pause=0.05)
            pushing.await_done(2)
            put_back(home, lambda dsn: asyncio.run(of_another(dsn)))
            pushing.join()
            assert statuses <= {200, 503}

            assert get("/v1/units/H44.13", None)["name"] != "Lost"
            for batch in [*early, *lost, *late]:
                assert push(client, batch, statuses) is not None
            with psycopg.connect(home.dsn) as connection:
                logged = connection.execute(
                    "SELECT name, event.id FROM event LEFT JOIN source ON source.id = source_id"
                ).fetchall()
            events = [each for batch in [*early, *lost, *late] for each in batch]
            assert Counter(logged) == Counter({(each["source"], each["id"]) for each in events})
            verified = chiso(settings, "verify", "--deep")
            assert verified.returncode == 0, verified.stdout + verified.stderr
            recount = Recount(events, made.units, made.procedures, SEED_HOLIDAYS, seed_workdays=SEED_WORKDAYS)
            assert compare(get, recount, ["H44", "H44.13", "H44.14", "H44.130"], ["2026", "2025", "2026-Q3"]) == []
