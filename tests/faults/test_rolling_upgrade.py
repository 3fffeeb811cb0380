"""A rolling upgrade under load: this version and the next beside each other, the migration between them.

The next version is this one with a tally more, which its migration makes, fills and tells of; figures are read from it.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.tallies.tally import DOSSIER
from app.store import migrate
from app.store.embedded.server import Embedded, start
from app.store.lineage import REVISION
from tests.conftest import NO_DURABILITY
from tests.faults.serving import CREATE, Batch, Pushing, Serving, chiso, environment
from tests.oracle.histories import SEED_HOLIDAYS, SEED_WORKDAYS, history
from tests.oracle.http_client import compare
from tests.oracle.recount import Recount

_PAUSE_S = 0.5
"""After each push, until it is migrated: so that there is something to push for as long as that may take."""
BATCH = "application/cloudevents-batch+json"
NEXT = f"{int(REVISION) + 1:04d}"
WITHIN_S = 90
HERE = Path(__file__).resolve().parents[2]

# It touches, in another order than writers do, what they hold, so that it would meet them in a deadlock.
MIGRATION = f'''
from alembic import op

revision, down_revision = "{NEXT}", "{REVISION}"


def upgrade():
    op.execute("ALTER TABLE tally_dossier_day ADD COLUMN remark TEXT")
    op.execute("CREATE TABLE tally_dossier_root_month (LIKE tally_dossier_root_year INCLUDING ALL)")
    op.execute("""
        INSERT INTO tally_dossier_root_month (root_id, generation, bucket, procedure_id, channel, {", ".join(DOSSIER.counters)})
        SELECT root_id, generation, bucket, procedure_id, channel, {", ".join(f"sum({name})" for name in DOSSIER.counters)}
        FROM tally_dossier_month GROUP BY 1, 2, 3, 4, 5
    """)
    op.execute("ALTER TABLE life ADD COLUMN remark TEXT")
    op.execute("ALTER TABLE receipt ADD COLUMN remark TEXT")
'''  # noqa: E501


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """A checkout of the next version."""
    tree = tmp_path / "next"
    for folder in ("app", "migrations"):
        shutil.copytree(HERE / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / f"migrations/versions/{NEXT}_root_month.py").write_text(MIGRATION)
    for file, was, becomes in (
        ("app/store/lineage.py", f'REVISION: Final = "{REVISION}"', f'REVISION: Final = "{NEXT}"'),
        ("app/store/tallies/add.py", '"root_year": "year",', '"root_year": "year", "root_month": "month",'),
        ("app/store/grains.py", '"root_year"),', '"root_year", "root_month"),'),
    ):
        told = (tree / file).read_text()
        assert told.count(was) == 1
        (tree / file).write_text(told.replace(was, becomes))
    return tree


@pytest.fixture
def server(reachable_dir: Path, request: pytest.FixtureRequest) -> Iterator[Embedded]:
    folder = request.node.callspec.id.replace(" ", "-")
    with start(reachable_dir / f"upgraded-{folder}", settings=NO_DURABILITY) as server:
        yield server


class Load:
    """Clients that push to all services until one takes it, and read figures of the first; and what was said."""

    def __init__(self, clients: list[httpx.Client], batches: list[Batch]) -> None:
        self._clients = clients
        self.said: dict[int, set[int]] = {place: set() for place in range(len(clients))}
        self.read: set[int] = set()
        self.migrated = threading.Event()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.pushing = Pushing(batches, self._push, pause=0)

    def join(self) -> None:
        self.pushing.join()
        self._ended.set()
        self._reader.join(WITHIN_S)

    def _push(self, batch: Batch) -> bool:
        # Each is sent to all: a batch that another has taken in is one of duplicates.
        content = json.dumps(batch)
        taken = [self._taken(place, content) for place in range(len(self._clients))]
        self.migrated.wait(_PAUSE_S)
        return any(taken)

    def _taken(self, place: int, content: str) -> bool:
        try:
            answer = self._clients[place].post("/v1/events", content=content, headers={"content-type": BATCH})
        except httpx.ConnectError:
            # It was not started yet.
            return False
        self.said[place].add(answer.status_code)
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200 and answer.json()["errors"] == []

    def _read(self) -> None:
        while not self._ended.is_set():
            self.read.add(self._clients[0].get("/v1/scorecard", params={"unit": "H44", "period": "2026"}).status_code)


def await_alive(client: httpx.Client) -> None:
    ends = time.monotonic() + WITHIN_S
    while True:
        try:
            assert client.get("/livez").status_code == 200
            return
        except httpx.TransportError:
            assert time.monotonic() < ends
            time.sleep(0.1)


@pytest.mark.parametrize("first", ["new replicas", "migration"])
def test_this_version_and_the_next_under_load(server: Embedded, next_version: Path, tmp_path: Path, first: str) -> None:
    migrate.upgrade(server.dsn)
    settings = environment(
        CHISO_DATA_DIR=str(tmp_path),
        CHISO_DATABASE__DSN=server.dsn,
        CHISO_AUTH__PEPPER="a pepper for tests, as long as it is to be",
    )
    made = history(47, 300)
    batches = [made.events[place : place + 5] for place in range(0, len(made.events), 5)]
    old, new = Serving(settings, tmp_path / "old.log"), Serving(settings, tmp_path / "new.log", tree=next_version)
    with old:
        created = chiso(settings, *CREATE)
        assert created.returncode == 0, created.stderr
        key = created.stdout.strip()
        with old.client(key) as to_old, new.client(key) as to_new:
            for path, rows in (("units", made.units), ("procedures", made.procedures)):
                assert to_old.put(f"/v1/{path}", json=rows).json()["errors"] == []
            starting = threading.Thread(target=new.__enter__)
            if first == "new replicas":
                starting.start()
                await_alive(to_new)
            try:
                load = Load([to_old, to_new], batches)
                load.pushing.await_done(len(batches) // 8)
                if first == "new replicas":
                    assert load.said == {0: {200}, 1: {503}}
                    assert to_new.get("/readyz").status_code == 503

                migrated = chiso(settings, "migrate", tree=next_version)
                assert migrated.returncode == 0, migrated.stderr
                assert load.pushing.done < len(batches), "it was migrated under load"
                load.migrated.set()
                if first == "migration":
                    starting.start()
                starting.join(WITHIN_S)
                assert not starting.is_alive()
                assert to_old.get("/readyz").json()["revision"] == NEXT
                refused = to_old.post("/v1/events", content=json.dumps(batches[0]), headers={"content-type": BATCH})
                assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
                load.join()
                assert load.said[0] == {200, 503}
                assert load.said[1] == ({200, 503} if first == "new replicas" else {200})
                assert load.read == {200}
                assert "deadlock" not in (server.data_dir / "postgres.log").read_text()

                with psycopg.connect(server.dsn) as connection:
                    logged = connection.execute("SELECT count(*) FROM event").fetchone()
                assert logged == (len({(each["source"], each["id"]) for each in made.events}),)
                verified = chiso(settings, "verify", "--deep", tree=next_version)
                assert verified.returncode == 0, verified.stdout + verified.stderr

                def get(path: str, query: object) -> dict[str, Any]:
                    shown: dict[str, Any] = to_new.get(path, params=query).json()  # type: ignore[arg-type]
                    return shown

                recount = Recount(made.events, made.units, made.procedures, SEED_HOLIDAYS, seed_workdays=SEED_WORKDAYS)
                assert compare(get, recount, ["H44", "H44.13", "H44.130"], ["2026", "2025", "2026-Q3"]) == []
            finally:
                if starting.ident is not None:
                    starting.join()
                    new.__exit__(None, None, None)
