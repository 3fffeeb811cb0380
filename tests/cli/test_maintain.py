"""`chiso maintain`, `verify --deep` and `rebuild` on a log that is kept for so many days."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import psycopg
import pytest

from app.cli import maintain
from app.cli.maintain import maintain_command
from app.domain.tallies.tally import FAMILIES
from app.messages import Message
from app.store.retention.timescale import Step
from app.store.schema import TALLIES
from app.store.tallies import layout
from app.store.tallies.layout import Year
from tests.cli.conftest import Command, told
from tests.running import PROCEDURES, UNITS, serving, settings_for


async def test_what_was_laid_out_or_settled_is_told(
    command: Command, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHISO_DATABASE__DSN", postgres_database)
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("INSERT INTO root (code, rules) VALUES ('H44', 1)")
    years = [Year(FAMILIES[0], "day", year, 5_000, 5_000) for year in (2019, 2020)]
    assert not any(each.in_order for each in years)

    async def found(*_: object) -> list[Year]:
        return [*years, Year(FAMILIES[0], "day", 2021, 1, 0)]

    monkeypatch.setattr(layout, "look", found)
    await asyncio.to_thread(maintain_command, "", dry_run=True)
    assert told(postgres_database) == []
    await asyncio.to_thread(maintain_command, "")
    laid_out = {"tables": ["tally_dossier_day"], "years_laid_out": [2019, 2020]}
    assert told(postgres_database) == [("H44", "maintain", laid_out)]
    years.clear()
    await asyncio.to_thread(maintain_command, "")
    assert len(told(postgres_database)) == 1, "nothing was changed"

    async def settled(*_: object) -> list[Step]:
        return [Step(Message("the log is compressed after 7 days", "nhật ký được nén sau 7 ngày"), ())]

    monkeypatch.setattr(maintain, "settle", settled)
    await asyncio.to_thread(maintain_command, "", dry_run=True)
    await asyncio.to_thread(maintain_command, "")
    assert told(postgres_database)[1:] == [("", "maintain", {"log": ["the log is compressed after 7 days"]})]


async def test_what_is_old_goes_and_proof_and_repair_say_so(
    command: Command, postgres_database: str, tmp_path: Path
) -> None:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        await running.catalogue(UNITS, PROCEDURES)
        data = {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"}
        pushed = [running.event("dossier.received", f"H44.07-260105-{n:04}", **data) for n in range(30)]
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
    with psycopg.connect(postgres_database) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {each.name}".encode()).fetchone() for each in TALLIES.values()
        ]
    compared = {"cells_compared": sum(row[0] for row in counts if row), "counters_differ": 0}
    assert compared["cells_compared"] > 0
    deep_too = compared | {
        "lives_folded": 30, "facts_differ": 0, "references_broken": 0, "feeds_differ": 0, "events_logged": 0,
        "receipts": 30, "older_than_the_log": 30,
    }  # fmt: skip
    [gone, *proved] = told(postgres_database)
    assert gone[:2] == ("", "maintain")
    assert gone[2].pop("before") in planned.stdout
    assert gone[2] == {"rows_dropped": 30}
    assert proved == [("H44", "verify", compared), *[("H44", "verify --deep", deep_too)] * 2]
    rebuilt = command("rebuild")
    assert rebuilt.returncode == 1
    assert "H44: the log reaches back to 20" in rebuilt.stderr
    assert rebuilt.stdout == ""
    assert len(told(postgres_database)) == 4, "what was refused changed nothing"


async def test_what_is_young_stays_where_the_clock_of_the_machine_runs_ahead(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        await running.catalogue(UNITS, PROCEDURES)
        event = running.event("dossier.received", procedure="1.004555", channel="online")
        assert (await running.push([event]))["accepted"] == 1
    for name, value in (("DATABASE__DSN", postgres_database), ("DATA_DIR", str(tmp_path)), ("EVENTS__KEEP_DAYS", "60")):
        monkeypatch.setenv(f"CHISO_{name}", value)
    ahead = time.time_ns() + 400 * 86_400 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: ahead)
    await asyncio.to_thread(maintain_command, "")
    assert re.search("^0 rows before 20", capsys.readouterr().out, re.MULTILINE)
    assert told(postgres_database) == []
