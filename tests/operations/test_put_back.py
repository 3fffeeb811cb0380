"""docs/runbook/log-month.md and root-removed.md: parts are put back from a dump while the rest is pushed to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg

from app.store.embedded.home import Home
from tests.conftest import at
from tests.faults.serving import chiso, free_port
from tests.operations.page import Page
from tests.operations.province import key_of, living, logged, proved, read_for_feeds

FROM, UNTIL = "2026-03-01 00:00+07", "2026-06-01 00:00+07"


def test_months_of_the_log_and_then_a_root_are_put_back_from_a_dump(
    database: str, place: dict[str, str], roles: str, home: Home, engine: str, tmp_path: Path
) -> None:
    with living(database, tmp_path, seed=54, size=100) as province:
        backups = place | {"BACKUPS": str(tmp_path), "ROLES": roles, "CHISO": province.serving.url}
        backup = Page("backup", backups, home, province.settings, engine == "timescale")
        early, late = province.parts(2)
        province.push_all(early)
        backup.perform("Backup")
        backup.perform("Restore beside")
        beside = {"RESTORED": f"{place['PGDATABASE']}_restored"}

        read_for_feeds(database)
        with psycopg.connect(database, autocommit=True) as connection:
            whole = connection.execute("SELECT * FROM event ORDER BY seq").fetchall()
            # Some of it, so that the rest is met again.
            gone = connection.execute(
                "DELETE FROM event WHERE time >= %s AND time < %s AND seq %% 3 > 0", [FROM, UNTIL]
            ).rowcount
            assert 0 < gone < len(whole)
        province.assert_figures([each for batch in early for each in batch])
        assert not proved(database)
        page = Page("log-month", place | beside | {"FROM": FROM, "UNTIL": UNTIL}, home, province.settings)
        pushing = province.pushing(late)
        page.perform("Put it back")
        pushing.join()
        with psycopg.connect(database, autocommit=True) as connection:
            there = connection.execute("SELECT * FROM event WHERE seq <= %s ORDER BY seq", [whole[-1][1]]).fetchall()
        assert there == whole
        page.perform("Put it back")
        page.perform("How to see that it worked")
        page.assert_performed()
        province.assert_exact(prove=False)

        other = asyncio.run(key_of(database, "H45"))
        events = [
            {
                "specversion": "1.0", "id": f"e{number}", "source": "/h45/mot-cua", "type": "dossier.received",
                "subject": f"H45.01-260105-{number:04}", "unit": "H45.01", "time": "2026-01-05T08:12:00+07:00",
                "data": {"procedure": "1.004555", "channel": "online"},
            }
            for number in range(3_000)
        ]  # fmt: skip
        with province.of(other, "H45") as neighbour:
            rows = [{"code": "H45", "name": "Tỉnh"}, {"code": "H45.01", "name": "Sở", "level": "department"}]
            assert neighbour.client.put("/v1/units", json=rows).json()["errors"] == []
            pushing = neighbour.pushing([events[place : place + 10] for place in range(0, len(events), 10)])
            removed = chiso(province.settings, "roots", "remove", "H44", "--yes", "--with-events")
            assert removed.returncode == 0, removed.stderr
            assert logged(database) == {}
            assert province.client.get("/v1/units").status_code == 401
            restored = at(database, beside["RESTORED"])
            settings = place | beside | {"RESTORED_DSN": restored, "ROOT": "H44"}
            page = Page("root-removed", settings, home, province.settings)
            page.change("8799", str(free_port()))
            page.perform("Look at what will be put back")
            page.perform("Put it back")
            pushing.join()
            assert neighbour.statuses == {200}
            shown = page.perform("How to see that it worked")
            assert "H45      2 units, 0 procedures, 1 keys, 3,000 events, 3,000 lives" in shown
            page.assert_performed()
            assert neighbour.get("/v1/scorecard", {"unit": "H45", "period": "2026"})["balance"]["received"] == 3_000
        # With the keys of before; what came after the dump is sent again.
        assert set(logged(database)) == {(each["source"], each["id"]) for batch in early for each in batch}
        province.assert_figures([each for batch in early for each in batch])
        province.push_all(late)
        province.assert_exact()
        assert sum(logged(database, "H45").values()) == 3_000
