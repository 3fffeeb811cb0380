"""What `chiso import` says of a file, and what it does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.main import create_service
from app.store.catalogues import roots
from tests.cli.conftest import Command
from tests.running import settings_for

UNITS: list[dict[str, Any]] = [
    {"code": "H44", "name": "UBND tỉnh Phú Thọ", "level": "province"},
    {"code": "H44.13", "name": "Sở Tài chính", "level": "department"},
    {"code": "H44.130", "name": "UBND xã Tu Vũ", "level": "department"},
    {"code": "H44.14", "parent": "H44.98"},
]


@pytest.fixture
def rooted(command: Command, postgres_database: str, tmp_path: Path) -> Command:
    """The command on a database with the root H44 and nothing in it."""

    async def begin() -> None:
        service = create_service(settings_for(postgres_database, tmp_path), postgres_database)
        async with service.database.connection("write") as connection:
            await roots.ensure(connection, "H44")
        await service.database.close()

    asyncio.run(begin())
    return command


def stored(dsn: str, what: str) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(what.encode()).fetchall()


UNITS_STORED = "SELECT code, name, level, aliases FROM unit ORDER BY code"
AUDITED = "SELECT kind, action, code, by, before, after FROM audit WHERE kind IN ('units', 'procedures') ORDER BY id"


def test_units_are_shown_and_then_put_and_told_in_the_audit_log(
    rooted: Command, postgres_database: str, tmp_path: Path
) -> None:
    file, kept = tmp_path / "units.json", tmp_path / "faults.ndjson"
    file.write_text(json.dumps(UNITS), encoding="utf-8")
    shown = rooted("import", "units", str(file), "--dry-run")
    assert shown.returncode == 1, shown.stderr
    assert shown.stdout.splitlines() == [
        '+ H44: name "UBND tỉnh Phú Thọ", level "province"',
        '+ H44.13: name "Sở Tài chính", level "department"',
        '+ H44.130: name "UBND xã Tu Vũ", level "department"',
        "units.json: 3 new, 0 changed, 0 unchanged, 1 faulty, 0 left out",
        "nothing is changed",
    ]
    fault = "element 4: H44.14: invalid_value parent: a parent stands above its unit by dotted segments"
    assert fault in shown.stderr.splitlines()
    assert stored(postgres_database, UNITS_STORED) == []

    done = rooted("import", "units", str(file), "--errors", str(kept))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "3 taken in, 1 rejected")
    [row] = [json.loads(each) for each in kept.read_text("utf-8").splitlines()]
    assert (row["element"], row["id"], row["field"]) == (4, "H44.14", "parent")

    table = tmp_path / "don vi.csv"
    table.write_text(
        "Mã định danh;Tên đơn vị;Cấp;Mã cũ\nH44.13;Sở Tài chính;Sở;\nH44.130;UBND xã Tu Vũ;Xã;000.00.30.H44\n", "utf-8"
    )
    changed = rooted("import", "units", str(table), LC_ALL="vi_VN.UTF-8")
    assert (changed.returncode, changed.stdout.splitlines()) == (
        0,
        [
            '~ H44.130: level "department" → "commune", aliases [] → ["000.00.30.H44"]',
            "don vi.csv: 0 mới, 1 thay đổi, 1 giữ nguyên, 0 lỗi, 0 bỏ qua",
            "nhận 2, từ chối 0",
        ],
    )
    assert stored(postgres_database, UNITS_STORED) == [
        ("H44", "UBND tỉnh Phú Thọ", "province", []),
        ("H44.13", "Sở Tài chính", "department", []),
        ("H44.130", "UBND xã Tu Vũ", "commune", ["000.00.30.H44"]),
    ]
    audited = stored(postgres_database, AUDITED)
    assert [each[:4] for each in audited] == [
        ("units", "created", "H44", "command_line"),
        ("units", "created", "H44.13", "command_line"),
        ("units", "created", "H44.130", "command_line"),
        ("units", "changed", "H44.130", "command_line"),
    ]
    assert audited[3][4:] == (
        {"level": "department", "aliases": []}, {"level": "commune", "aliases": ["000.00.30.H44"]},
    )  # fmt: skip


def test_procedures_of_the_portal_keep_what_it_does_not_tell(
    rooted: Command, postgres_database: str, tmp_path: Path
) -> None:
    file = tmp_path / "tthc.json"
    with psycopg.connect(postgres_database) as connection:
        connection.execute(
            "INSERT INTO procedure (root_id, code, name, service_level, levels, known)"
            " SELECT id, '1.004555', 'Cấp phép', 'full', '{department}', true FROM root"
        )
    time = {"THOIGIANGIAIQUYET": "10", "DONVITINH": "Ngày", "PHILEPHI": [{"SOTIEN": "50.000"}]}
    told = {
        "MATTHC": "1.004555.000.00.00.H44", "TENTTHC": "Cấp phép", "CACHTHUCTHUCHIEN": [{"THOIGIAN": [time]}],
        "KETQUATHUCHIEN": [],
    }  # fmt: skip
    file.write_text(json.dumps({"error_code": "0", "result": [told, told | {"MATTHC": "1.004555.H44"}]}), "utf-8")
    done = rooted("import", "procedures", str(file), "--unit", "H44")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "~ 1.004555 (1.004555.000.00.00.H44): fee false → true, issues_document true → false,"
            " max_working_days null → 8",
            "tthc.json: 0 new, 1 changed, 0 unchanged, 0 faulty, 1 left out",
            "1 taken in, 0 rejected",
        ],
    )
    assert "element 2: 1.004555.H44: left out: 1.004555.000.00.00.H44 at 1 has" in done.stderr
    asked = "SELECT service_level, levels, fee, issues_document, max_working_days FROM procedure"
    assert stored(postgres_database, asked) == [("full", ["department"], True, False, 8)]


def test_what_cannot_be_done_ends_with_2(rooted: Command, tmp_path: Path) -> None:
    empty, sound = tmp_path / "empty.csv", tmp_path / "units.json"
    empty.write_bytes(b"")
    sound.write_text(json.dumps(UNITS), "utf-8")
    for arguments, says in (
        ((str(empty),), "chiso: no line of the table names its columns"),
        ((str(sound), "--unit", "H99"), "chiso: there is no root H99"),
    ):
        ended = rooted("import", "units", *arguments)
        assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
        assert any(each.startswith(says) for each in ended.stderr.splitlines()), ended.stderr


@pytest.mark.parametrize("words", [("import", "units"), ("import", "split"), ("import", "dossiers"), ("ingest",)])
def test_faults_are_not_written_over_the_file_that_is_read(
    command: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Whoever has mended the rejected rows runs the same command with that file once more."""
    file = tmp_path / "loi.csv"
    file.write_text("Mã hồ sơ,Mã TTHC,Ngày tiếp nhận,Từ đơn vị\n", "utf-8")
    before = file.read_bytes()
    ended = command(*words, str(file), "--errors", str(tmp_path / "." / "loi.csv"))
    assert ended.returncode == 2
    assert f"chiso: {file}: --errors would write over the file that is read" in ended.stderr.splitlines()
    assert file.read_bytes() == before
