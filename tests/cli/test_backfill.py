"""What `chiso import dossiers` says of an export, and what it leaves behind."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import pytest

from app.cli import backfill
from tests.cli.conftest import Command
from tests.cli.conftest import told as told_audit
from tests.cli.test_ingest import begin
from tests.intake.dvcqg.exports import HEADERS, row_of, stories, workbook
from tests.intake.dvcqg.payloads import PRIVATE


def test_an_export_is_shown_tried_taken_in_and_known_again(
    command: Command, postgres_database: str, tmp_path: Path
) -> None:
    asyncio.run(begin(postgres_database, tmp_path))
    rows = [row_of(each) for each in stories(1, 30)]
    place = HEADERS.index("Kênh nộp")
    rows[3][place], rows[8][place] = "Trần Thị Thử", "Qua ứng dụng"
    file, rejects, map_ = workbook(tmp_path / "hs.xlsx", rows), tmp_path / "loi.csv", tmp_path / "map.toml"
    parked = sum(row[1].startswith("H44.99") for number, row in enumerate(rows) if number not in (3, 8))

    def said(new: int, known: int, faulty: int) -> str:
        return f"{new} new, {known} known, {parked} of them wait for their unit, {faulty} faulty"

    tried = command("import", "dossiers", str(file), "--dry-run", "--errors", str(rejects))
    assert tried.returncode == 1, tried.stderr
    lines = tried.stdout.splitlines()
    assert lines[0] == "hs.xlsx: columns that are read"
    assert "    B  Mã hồ sơ  →  code (dossier code, MaHoSo)" in lines
    assert "    K  Ngày hoàn thành  →  completed (completed at, NgayKetThucXuLy)" in lines
    personal = "never read, since they tell of people: Chủ hồ sơ, Số CCCD, Điện thoại, Trích yếu, Người xử lý"
    assert lines[-3:] == [personal, "not read: STT", f"dry run, nothing is written: {said(28, 0, 2)}"]
    why = "KenhThucHien: not a value that is known here; say what it means under [values.channel] of a map"
    assert [each for each in tried.stderr.splitlines() if each.startswith("line ")] == [
        f"line {8 + number}: invalid_value {why}" for number in (0, 5)
    ]
    with rejects.open(encoding="utf-8-sig", newline="") as stream:
        written = list(csv.DictReader(stream))
    assert [(row["dòng / line"], row["Mã hồ sơ"], row["Kênh nộp"], row["reason"]) for row in written] == [
        ("8", rows[3][1], "***", why),
        ("13", rows[8][1], "Qua ứng dụng", why),
    ]
    assert written[0]["lý do"].startswith("KenhThucHien: giá trị chưa biết; hãy nêu nghĩa ở `[values.channel]`")
    told = rejects.read_text("utf-8") + tried.stdout + tried.stderr
    assert not [each for each in (*PRIVATE, "Trần Thị") if each in told]

    map_.write_text('[values.channel]\n"Qua ứng dụng" = "online"\n', encoding="utf-8")
    mapped = command("import", "dossiers", str(file), "--map", str(map_), LANG="vi_VN.UTF-8", LC_ALL="vi_VN.UTF-8")
    assert mapped.returncode == 1
    assert mapped.stdout.splitlines()[-1] == f"29 mới, 0 đã biết, trong đó {parked} chờ đơn vị; 1 lỗi"
    del rows[3]
    rows.append([31, "H44.07-260105-7777", "1.004555", *[None] * (len(HEADERS) - 3)])
    rows[-1][HEADERS.index("Ngày tiếp nhận")] = "05/01/2026"
    rows[-1][HEADERS.index("Trạng thái")] = "Đã trả kết quả"
    whole = command("import", "dossiers", str(workbook(file, rows)), "--map", str(map_))
    assert (whole.returncode, whole.stdout.splitlines()[-1]) == (0, said(1, 29, 0)), whole.stderr
    endless = "chiso: 1 rows say that the dossier has ended, but not when: it counts as open"
    assert whole.stderr.splitlines()[-1] == endless
    assert told_audit(postgres_database) == [
        ("H44", "import dossiers", {"new": 29, "known": 0, "faulty": 1}),
        ("H44", "import dossiers", {"new": 1, "known": 29, "faulty": 0}),
    ]


def test_what_is_not_read_to_its_end_has_a_code_of_its_own(command: Command, tmp_path: Path) -> None:
    headers = ("Mã hồ sơ", "Mã TTHC", "Ngày vào")
    file = workbook(tmp_path / "a.xlsx", [["H44.07-260105-0001", "1.004555", "05/01/2026"]], headers)
    map_ = tmp_path / "map.toml"
    map_.write_text('[columns]\nreceived = "Ngày vào"\n', encoding="utf-8")
    for arguments, says in (
        ((str(file),), "chiso: no column for received (received at); name it under [columns] of a map: received ="),
        ((str(file), "--map", str(map_), "--unit", "H44"), "chiso: there is no root H44"),
    ):
        ended = command("import", "dossiers", *arguments)
        assert ended.returncode == 2, ended.stderr
        assert any(each.startswith(says) for each in ended.stderr.splitlines()), ended.stderr
        assert "Traceback" not in ended.stderr


def test_whoever_breaks_it_off_is_told_to_run_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken_off(work: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backfill, "run", broken_off)
    headers = ("Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận")
    with pytest.raises(KeyboardInterrupt):
        backfill.dossiers_command(workbook(tmp_path / "a.xlsx", [], headers))
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "0 new, 0 known, 0 of them wait for their unit, 0 faulty"
    assert "not read to its end: run it again, what is in already is known" in told.err
