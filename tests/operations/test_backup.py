"""docs/runbook/backup.md: a dump under load, put back under load."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import psycopg

from app.store.embedded.home import Home
from tests.conftest import at
from tests.operations.page import Page
from tests.operations.province import living, logged


def test_a_dump_under_load_is_put_back_under_load_and_what_came_after_is_sent_again(
    database: str, place: dict[str, str], roles: str, home: Home, engine: str, tmp_path: Path
) -> None:
    with living(database, tmp_path, seed=51, size=160) as province:
        settings = place | {"BACKUPS": str(tmp_path), "ROLES": roles, "CHISO": province.serving.url}
        page = Page("backup", settings, home, province.settings, engine == "timescale")
        early, during, lost, late = province.parts(4)
        province.push_all(early)
        before = set(province.acknowledged)
        pushing = province.pushing(during)
        page.perform("Backup")
        pushing.join()
        assert province.client.put("/v1/units", json=[{"code": "H44.13", "name": "Lost"}]).json()["errors"] == []
        province.push_all(lost)
        with psycopg.connect(database) as connection:
            arrived: dict[int, datetime] = dict(connection.execute("SELECT seq, received_at FROM event").fetchall())

        pushing = province.pushing(late)
        page.perform("Restore beside")
        restored = logged(at(database, f"{place['PGDATABASE']}_restored"))
        assert set(restored.values()) == {1}
        assert before <= set(restored) <= {(each["source"], each["id"]) for part in (early, during) for batch in part
                                           for each in batch}  # fmt: skip
        page.perform("Swap")
        pushing.join()
        province.await_ready()
        assert province.get("/v1/units/H44.13")["name"] != "Lost"
        since = datetime.fromisoformat(page.perform("What has to be sent again").strip())
        with psycopg.connect(database) as connection:
            there = {seq for [seq] in connection.execute("SELECT seq FROM event")}
        assert [seq for seq, at_ in arrived.items() if at_ < since and seq not in there] == []

        # The senders repeat; some had come after the swap, most had been lost.
        province.push_all([*early[-2:], *during, *lost, *late])
        page.perform("How to see that it worked")
        page.assert_performed()
        province.assert_exact(prove=False)
