"""`chiso maintain`, `verify --deep` and `rebuild` on a log that is kept for so many days."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

from tests.cli.conftest import Command
from tests.running import PROCEDURES, UNITS, serving, settings_for


async def test_what_is_old_goes_and_proof_and_repair_say_so(
    command: Command, postgres_database: str, tmp_path: Path
) -> None:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        await running.catalogue(UNITS, PROCEDURES)
        told = {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"}
        pushed = [running.event("dossier.received", f"H44.07-260105-{n:04}", **told) for n in range(30)]
        assert (await running.push(pushed))["accepted"] == 30
    with psycopg.connect(postgres_database) as connection:
        # They came when they happened.
        connection.execute("UPDATE event SET received_at = time")
    keep = {"CHISO_EVENTS__KEEP_DAYS": "60"}

    planned = command("maintain", "--dry-run", CHISO_EVENTS__COMPRESS_AFTER_DAYS="7", **keep)
    assert re.match(r"30 events before 20\d\d-\d\d-01 00:00 would be dropped from the log\n", planned.stdout)
    assert "chiso: the event log stays uncompressed: only a hypertable" in planned.stderr
    dropped = command("maintain", LANG="vi_VN.UTF-8", **keep)
    assert re.match(r"đã xóa 30 dòng trước 20\d\d-\d\d-01 00:00 khỏi nhật ký\n", dropped.stdout), dropped.stderr
    assert command("verify").returncode == 0
    deep = command("verify", "--deep")
    assert deep.returncode == 1
    assert re.search(r"the log reaches back to 20\d\d-\d\d-01 00:00 only and lacks 30 older events", deep.stdout)
    assert "chiso: nothing differs, but what is older than the log reaches was not proved by it" in deep.stderr
    assert command("verify", "--deep", "--within-log").returncode == 0
    rebuilt = command("rebuild")
    assert rebuilt.returncode == 1
    assert "H44: the log reaches back to 20" in rebuilt.stderr
    assert rebuilt.stdout == ""
