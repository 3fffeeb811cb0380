"""docs/runbook/backup.md: a dump under load, put back under load."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from app.store.embedded.home import Home
from tests.conftest import at
from tests.operations.page import Page
from tests.operations.province import living, logged

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


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
        since = datetime.fromisoformat(page.perform("What has to be sent again").strip())
        with psycopg.connect(at(database, f"{place['PGDATABASE']}_restored")) as connection:
            [(last,)] = connection.execute("SELECT max(received_at) FROM event").fetchall()
        assert since == last - timedelta(minutes=5)
        page.perform("Swap")
        pushing.join()
        province.await_ready()
        assert province.get("/v1/units/H44.13")["name"] != "Lost"
        with psycopg.connect(database) as connection:
            there = {seq for [seq] in connection.execute("SELECT seq FROM event")}
        assert [seq for seq, at_ in arrived.items() if at_ < since and seq not in there] == []

        # The senders repeat; some had come after the swap, most had been lost.
        province.push_all([*early[-2:], *during, *lost, *late])
        page.perform("How to see that it worked")
        page.assert_performed()
        province.assert_exact(prove=False)


def test_the_timer_dumps_by_the_address_of_its_example(postgres_database: str, home: Home, tmp_path: Path) -> None:
    example = dict(re.findall(r"^#? ?(PG[A-Z]+)=(\S+)$", (DEPLOY / "backup.env.example").read_text(), re.MULTILINE))
    assert set(example) == {
        "PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT"
    }  # fmt: skip
    address = urlsplit(postgres_database)
    query = parse_qs(address.query)
    given = {
        "PGHOST": address.hostname or query["host"][0],
        "PGPORT": str(address.port or query["port"][0]),
        "PGDATABASE": address.path.strip("/"),
        "PGUSER": str(address.username),
    }
    unit = (DEPLOY / "systemd" / "chiso-backup.service").read_text()
    assert "\nEnvironmentFile=/etc/chiso/backup.env\n" in unit
    [command] = re.findall(r"^ExecStart=((?:.*\\\n)*.*)$", unit, re.MULTILINE)
    # As systemd reads it: a line that ends with a backslash goes on, and $$ and %% are $ and %.
    shell, flags, script = shlex.split(command.replace("\\\n", " ").replace("$$", "$").replace("%%", "%"))
    for name, days in (("chiso-2026-01-01T180000Z.dump", 20), ("chiso-2026-01-14T180000Z.dump", 7)):
        (tmp_path / name).touch()
        then = (tmp_path / name).stat().st_mtime - days * 86_400
        os.utime(tmp_path / name, (then, then))

    def dump(**other: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shell, flags, script], cwd=tmp_path, text=True, capture_output=True, check=False,
            env={"PATH": f"{home.bin}:{os.environ['PATH']}"} | {"PGSSLMODE": example["PGSSLMODE"]} | given | other,
        )  # fmt: skip

    refused = dump(PGDATABASE="nowhere")
    assert refused.returncode != 0 and '"nowhere" does not exist' in refused.stderr
    # One that failed leaves neither a dump nor takes old ones away.
    assert len([*tmp_path.glob("*.dump")]) == 2
    done = dump()
    assert (done.returncode, done.stderr) == (0, "")
    kept, new = sorted(each.name for each in tmp_path.iterdir())
    assert kept == "chiso-2026-01-14T180000Z.dump"
    listed = subprocess.run(
        [home.bin / "pg_restore", "--list", tmp_path / new], capture_output=True, text=True, check=True
    )
    assert " TABLE DATA public audit " in listed.stdout and " TABLE DATA public api_key " in listed.stdout
