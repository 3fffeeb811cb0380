"""docs/runbook/point-in-time.md: a base backup and WAL under load, and back to an instant under load."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from app.store import migrate
from app.store.embedded.home import Home
from tests.operations.cluster import made
from tests.operations.page import Page
from tests.operations.province import living, logged


def test_a_server_goes_back_to_an_instant_under_load(home: Home, reachable_dir: Path, tmp_path: Path) -> None:
    with made(home, reachable_dir, "point-in-time") as cluster:
        migrate.upgrade(cluster.dsn)
        with living(cluster.dsn, tmp_path, seed=52, size=120) as province:
            place = {
                "PGHOST": "127.0.0.1", "PGPORT": str(cluster.port), "PGUSER": "postgres", "PGDATABASE": "chiso",
                "PGDATA": str(cluster.data), "WAL": str(cluster.folder / "wal"), "BASE": str(cluster.folder / "base"),
                "STOP": cluster.stop, "START": cluster.start, "TARGET": "", "CHISO": province.serving.url,
            }  # fmt: skip
            page = Page("point-in-time", place, home, province.settings)
            early, during, kept, wrong, late = province.parts(5)
            pushing = province.pushing(early)
            page.perform("Archive the WAL")
            pushing.join()
            pushing = province.pushing(during)
            page.perform("Base backup")
            pushing.join()
            [whole] = (cluster.folder / "base").glob("*Z")
            # One that was broken off is none.
            whole.with_name("2026-01-01T000000Z").mkdir()
            province.push_all(kept)
            acknowledged = set(province.acknowledged)
            with psycopg.connect(cluster.dsn, autocommit=True) as connection:
                [target] = connection.execute("SELECT clock_timestamp()::text").fetchone() or ["?"]
            # What is not to have been; nobody was asked for the other root.
            province.push_all(wrong)
            assert province.client.put("/v1/units", json=[{"code": "H44.13", "name": "Lost"}]).json()["errors"] == []

            # Without a base backup from before the instant nothing is moved, and the server goes on.
            page.environment["TARGET"] = "2026-01-02 00:00:00+07"
            for heading, says in (
                ("Choose the base backup", f"no base backup in {whole.parent} was whole at 2026-01-02"),
                ("Go back", "no base backup was chosen"),
            ):
                with pytest.raises(AssertionError, match=f"(?m)^{re.escape(says)}"):
                    page.perform(heading)
            page.environment["TARGET"] = "2099-01-02 00:00:00+07"
            with pytest.raises(AssertionError, match=r"(?m)^2099-01-02 00:00:00\+07 is still to come"):
                page.perform("Choose the base backup")
            page.environment["TARGET"] = target
            version = (whole / "PG_VERSION").read_bytes()
            (whole / "PG_VERSION").write_bytes(version + b"?")
            with pytest.raises(AssertionError, match='"PG_VERSION" has size'):
                page.perform("Choose the base backup")
            (whole / "PG_VERSION").write_bytes(version)
            (cluster.folder / "data.lost").mkdir()
            with pytest.raises(AssertionError, match=r"data\.lost is there already"):
                page.perform("Choose the base backup")
            (cluster.folder / "data.lost").rmdir()
            assert not (whole.parent / "chosen").exists()
            province.push_all(late[:1])

            pushing = province.pushing(late)
            assert "successfully verified" in page.perform("Choose the base backup")
            assert (whole.parent / "chosen").resolve() == whole
            page.perform("Go back")
            assert sorted(each.name for each in cluster.folder.glob("data*")) == ["data", "data.lost"]
            pushing.join()
            province.await_ready()
            at_target = logged(cluster.dsn)
            assert set(at_target.values()) == {1}
            assert acknowledged <= set(at_target)
            of_wrong = {(each["source"], each["id"]) for batch in wrong for each in batch}
            sent_again = {(each["source"], each["id"]) for batch in late for each in batch}
            assert (set(at_target) & of_wrong) - acknowledged <= sent_again
            assert province.get("/v1/units/H44.13")["name"] != "Lost"
            province.push_all([*wrong, *late])
            assert page.perform("How to see that it worked").partition("|")[0] == str(len(logged(cluster.dsn)))
            page.assert_performed()
            province.assert_exact(prove=False)
