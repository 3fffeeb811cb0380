"""docs/runbook/failover.md: a primary killed under load, a standby that takes over, the old primary's return."""

from __future__ import annotations

import dataclasses
import signal
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import pytest

from app.store import migrate
from app.store.embedded.home import Home
from tests.conftest import OLDEST_BIN
from tests.operations.cluster import Cluster, folder_of, made
from tests.operations.page import Page
from tests.operations.province import living, logged


def kill(cluster: Cluster) -> None:
    """End a server as a power cut would."""
    pid = int((cluster.data / "postmaster.pid").read_text().partition("\n")[0])
    whole = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in whole:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(whole, timeout=30)
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)


@pytest.mark.parametrize("way", ["synchronous", "asynchronous", "oldest"])
def test_a_primary_is_killed_under_load(home: Home, reachable_dir: Path, tmp_path: Path, way: str) -> None:
    if way == "oldest":
        # Before PostgreSQL 17 pg_rewind knows by a checkpoint only that a standby has taken over.
        home = dataclasses.replace(home, bin=OLDEST_BIN, major=15)
    with made(home, reachable_dir, f"{way}-old") as old:
        new = Cluster(home, folder_of(home, reachable_dir, f"{way}-new"))
        migrate.upgrade(old.dsn)
        both = f"postgresql://postgres@127.0.0.1:{old.port},127.0.0.1:{new.port}/chiso?target_session_attrs=read-write"
        try:
            with living(old.dsn, tmp_path, seed=53, size=120, served_at=both) as province:
                place = {
                    "OLD_HOST": "127.0.0.1", "OLD_PORT": str(old.port), "NEW_HOST": "127.0.0.1",
                    "NEW_PORT": str(new.port), "PGUSER": "postgres", "PGDATABASE": "chiso",
                    "OLD_DATA": str(old.data), "NEW_DATA": str(new.data), "CHISO": province.serving.url,
                    # Both on one host, and settings are copied with the data.
                    "START_OLD": f"{old.start} -o --port={old.port}", "START_NEW": f"{new.start} -o --port={new.port}",
                }  # fmt: skip
                page = Page("failover", place, home, province.settings)
                early, during, late = province.parts(3)
                pushing = province.pushing(early)
                page.perform("Make a standby")
                if way == "synchronous":
                    page.perform("Make it synchronous")
                pushing.join()

                pushing = province.pushing([*during, *late])
                pushing.await_done(5)
                kill(old)
                acknowledged = set(province.acknowledged)
                killed_at = datetime.now(UTC)
                page.perform("Take over")
                there = logged(new.dsn)
                assert set(there.values()) == {1}
                if way == "synchronous":
                    assert acknowledged <= set(there)
                pushing.join()
                told = page.perform("What may be lost, and how it is found")
                assert datetime.fromisoformat(told.strip()) <= killed_at
                # What was acknowledged by a primary alone may be gone: its senders repeat the last minutes.
                province.push_all([*early, *during] if way != "synchronous" else [])
                page.perform("Bring the old primary back")
                if way == "synchronous":
                    province.push_all(late[-2:])
                assert page.perform("How to see that it worked").startswith("t\n")
                province.assert_exact(prove=False)
                with psycopg.connect(new.dsn, autocommit=True) as connection:
                    connection.execute("SELECT pg_stat_clear_snapshot()")
                    [written] = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone() or [None]
                with psycopg.connect(old.dsn, autocommit=True) as connection:
                    while connection.execute("SELECT pg_last_wal_replay_lsn() < %s", [written]).fetchone() == (True,):
                        pass
                assert logged(old.dsn) == logged(new.dsn)
        finally:
            new.end()
