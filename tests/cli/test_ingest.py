"""What `chiso ingest` says of a file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx

from app.main import create_app, create_service
from tests.cli.conftest import Command, told
from tests.running import Clock, Running, settings_for


def event(number: int, **more: object) -> dict[str, object]:
    return {
        "specversion": "1.0", "id": f"e{number}", "source": "/h44/thu", "type": "dossier.received", "unit": "H44.07",
        "subject": f"H44.07-260105-{number:06}", "time": "2026-01-05T08:12:00+07:00",
        "data": {"procedure": "1.004555", "channel": "online"},
    } | more  # fmt: skip


async def begin(dsn: str, folder: Path) -> None:
    """The small catalogue under H44."""
    service = create_service(settings_for(dsn, folder), dsn)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(service)), base_url="http://chiso.test"
    ) as client:
        made = Running(service, client, Clock(), "")
        made.key = await made.make_key("H44", "admin")
        await made.catalogue()
    await service.database.close()


def test_rejections_are_counted_and_written_out_and_warnings_summed_up(
    command: Command, postgres_database: str, tmp_path: Path
) -> None:
    file, kept = tmp_path / "events.ndjson", tmp_path / "rejected.ndjson"
    asyncio.run(begin(postgres_database, tmp_path))
    rows = [event(number) if number % 2 else event(number, time="soon") for number in range(1, 51)]
    for number, procedure in ((0, "9.000001"), (2, "9.000002"), (4, "9.000002")):
        rows[number]["data"] = {"procedure": procedure, "channel": "online"}
    # A mark at the beginning, and blank lines that count.
    file.write_text("\n\n".join(map(json.dumps, rows)), encoding="utf-8-sig")
    ended = command("ingest", str(file), "--errors", str(kept))
    assert (ended.returncode, ended.stdout) == (1, "25 accepted, 0 duplicates, 25 rejected\n")
    said = [each for each in ended.stderr.splitlines() if each.startswith(("line ", "chiso: "))]
    assert [each.partition(":")[0] for each in said[:20]] == [f"line {4 * n - 1}" for n in range(1, 21)]
    assert said[0].startswith("line 3: invalid_event time: ")
    assert said[20] == f"chiso: … and 5 more rejected: all are in {kept}"
    assert [each.partition("): ")[0] for each in said[21:]] == ["chiso: accepted, but unknown_procedure (3 events"]
    written = [json.loads(each) for each in kept.read_text("utf-8").splitlines()]
    assert [(row["line"], row["id"], row["code"], row["field"]) for row in written] == [
        (4 * n - 1, f"e{2 * n}", "invalid_event", "time") for n in range(1, 26)
    ]
    assert all(row["source"] == "/h44/thu" and row["detail"] for row in written)

    again = command("ingest", str(file))
    assert (again.returncode, again.stdout) == (1, "0 accepted, 25 duplicates, 25 rejected\n")
    # Of the second nothing became of anything.
    assert told(postgres_database) == [("H44", "ingest", {"accepted": 25, "duplicates": 0, "rejected": 25})]
    assert "chiso: … and 5 more rejected: --errors FILE writes all" in again.stderr.splitlines()


def test_what_is_not_read_to_its_end_has_a_code_of_its_own(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps(event(1)), encoding="utf-16")
    sound = tmp_path / "sound.ndjson"
    sound.write_text(json.dumps(event(1)), encoding="utf-8")
    for arguments, says in (
        ((str(file),), f"chiso: {file} is written in UTF-16: save it as UTF-8"),
        ((str(sound), "--unit", "H44"), "chiso: there is no root H44"),
        ((str(sound), "--errors", "/proc/x"), "chiso: /proc/x: No such file or directory"),
    ):
        ended = command("ingest", *arguments)
        assert ended.returncode == 2, ended.stderr
        assert any(each.startswith(says) for each in ended.stderr.splitlines()), ended.stderr
        assert "Traceback" not in ended.stderr
