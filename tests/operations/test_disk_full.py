"""docs/runbook/disk-full.md: disks of their own, really full, first that of the data, then that of the WAL."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app.store import migrate
from app.store.embedded.home import Home
from tests.operations.cluster import Cluster, folder_of
from tests.operations.page import Page
from tests.operations.province import Province, living, logged

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a disk of its own is mounted by root; .ci/test names it")


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A small disk at a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(ballast: Path, home: Home) -> None:
    """Write a file until there is no room for a page more."""
    piece = 2**20
    with ballast.open("wb", buffering=0) as file:
        while piece >= 4096:
            try:
                file.write(bytes(piece))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                piece //= 2
    os.chown(ballast, home.user.uid, home.user.gid)


def await_refusal(province: Province, batches: list) -> int:
    """Push batch after batch until one is 503; how many were taken."""
    for place, batch in enumerate(batches):
        if not province.push(batch):
            return place
    raise AssertionError("the disk never was full")


def write_wal(dsn: str) -> None:
    """Write more WAL than its disk has room for."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(10):
            connection.execute("SELECT pg_logical_emit_message(false, 'full', repeat('x', 8000000))")
            connection.execute("SELECT pg_switch_wal()")


def test_a_full_disk_loses_nothing_and_reading_goes_on(home: Home, reachable_dir: Path, tmp_path: Path) -> None:
    whole = folder_of(home, reachable_dir, "full")
    places = [folder_of(home, whole, name) for name in ("disk", "wal")]
    with disk(places[0], 128) as data, disk(places[1], 48) as wal:
        for each in (data, wal):
            os.chown(each, home.user.uid, home.user.gid)
        cluster = Cluster(home, data)
        cluster.options |= {"max_wal_size": "32MB", "min_wal_size": "32MB", "shared_buffers": "'16MB'"}
        try:
            cluster.make("--waldir", str(wal / "pg_wal"))
            migrate.upgrade(cluster.dsn)
            with living(cluster.dsn, tmp_path, seed=56, size=120) as province:
                ballast = data / "ballast"
                place = {
                    "PGHOST": "127.0.0.1", "PGPORT": str(cluster.port), "PGUSER": "postgres", "PGDATABASE": "chiso",
                    "PGDATA": str(cluster.data), "START": cluster.start, "BALLAST": str(ballast),
                    "CHISO": province.serving.url,
                }  # fmt: skip
                page = Page("disk-full", place, home, province.settings)
                early, middle, late = province.parts(3)
                province.push_all(early)

                fill(ballast, home)
                taken = await_refusal(province, middle)
                assert province.client.get("/livez").status_code == 200
                told = province.client.post("/v1/events", json=middle[taken], headers={
                    "content-type": "application/cloudevents-batch+json"})  # fmt: skip
                assert (told.status_code, told.json()["code"]) == (503, "database_unavailable")
                assert int(told.headers["retry-after"]) > 0
                # What was acknowledged is there, no more than that, and all of it is counted.
                assert set(logged(cluster.dsn)) == province.acknowledged
                province.assert_figures([each for batch in [*early, *middle[:taken]] for each in batch])
                assert "ballast" not in page.perform("See what is full")
                page.perform("Make room")
                province.push_all(middle[taken:])
                page.perform("Start it again")

                page.environment["BALLAST"] = str(wal / "ballast")
                fill(wal / "ballast", home)
                # WAL that was made before is used first; a new segment finds no room, and the server ends itself.
                with pytest.raises(psycopg.OperationalError):
                    write_wal(cluster.dsn)
                assert not province.push(late[0])
                page.perform("Make room")
                page.perform("Start it again")
                province.await_ready()
                assert province.acknowledged <= set(logged(cluster.dsn))
                province.push_all(late)
                page.perform("How to see that it worked")
                page.assert_performed()
                province.assert_exact(prove=False)
        finally:
            cluster.end()
