"""Messages in Vietnamese: for every code, and of what is wrong exactly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from app import ingest
from app.api.http.problems import KINDS
from app.cli import ingest as command
from app.domain.push import EVENT_CODES, Rejected
from app.vietnamese import WORDS, is_preferred, is_spoken, said
from tests.intake.sample import event, of_type, outcome


def test_every_code_has_its_words() -> None:
    assert KINDS.keys() | set(EVENT_CODES) <= WORDS.keys()
    assert all(each.title and each.advice for each in WORDS.values())


@pytest.mark.parametrize(
    ("accept", "is_vietnamese"),
    [
        ("vi", True),
        ("vi-VN,vi;q=0.9,en-US;q=0.6,en;q=0.5", True),
        ("VI", True),
        ("en, vi", False),
        ("vi;q=0.4, en", False),
        ("vi;q=0", False),
        ("vi;q=x", False),
        ("fr, vi;q=0.1", True),
        ("", False),
        ("*", False),
        ("," * 100_000, False),
    ],
)
def test_vietnamese_is_for_who_likes_it_better_than_english(accept: str, is_vietnamese: bool) -> None:
    assert is_preferred(accept) is is_vietnamese


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (event(unit=...), "Phần vỏ của sự kiện không hợp lệ: bắt buộc nhưng thiếu"),
        (
            event(type="dossier.recieved"),
            "Loại sự kiện không có trong hợp đồng: cần một loại của hợp đồng, ví dụ dossier.received,"
            " nhận được 'dossier.recieved'; có lẽ là dossier.received",
        ),
        (
            of_type("dossier.received", procedure="1004555"),
            "Mã sai định dạng: cần mã thủ tục dạng văn bản, ví dụ 1.004555, nhận được '1004555'; có lẽ là 1.004555",
        ),
        (
            of_type("dossier.paid", amount=-1),
            "Giá trị không hợp lệ: cần số nguyên từ 0 đến 1000000000000000, nhận được -1",
        ),
        (of_type("dossier.rated", satisfied=1), "Giá trị không hợp lệ: cần true hoặc false, nhận được 1"),
    ],
)
def test_what_exactly_is_wrong_is_told(sent: Any, says: str) -> None:
    item = outcome(sent)
    assert isinstance(item, Rejected)
    assert said(item.code, item.in_full) == says


@pytest.mark.parametrize(
    ("environment", "is_vietnamese"),
    [
        ({"LANG": "vi_VN.UTF-8"}, True),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": ""}, True),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "vi_VN"}, True),
        ({}, False),
    ],
)
def test_a_terminal_speaks_its_locale(environment: dict[str, str], is_vietnamese: bool) -> None:
    assert is_spoken(environment) is is_vietnamese


def test_what_is_often_wrong_has_no_english_left() -> None:
    wrong = [
        event(id="", subject="a ", source="a\u200bb", time=...),
        event(time="now"),
        event(subject="001099012345"),
        of_type("dossier.received", channel="x", due_at="x", fee="x", name="x"),
        of_type("event.retracted", id="\x00"),
    ]
    for sent in wrong:
        item = outcome(sent)
        assert isinstance(item, Rejected)
        told = said(item.code, item.in_full)
        assert re.search(r"\b(expected|not|must|required|allowed|such|which|likely|also)\b", told) is None, told


def test_a_file_of_events_is_told_of_in_the_terminals_language(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    item = outcome(event(unit=...))
    assert isinstance(item, Rejected)
    monkeypatch.setattr(command, "run", lambda work: ingest.Loaded(rejected=1, errors=[item]))
    monkeypatch.delenv("LC_ALL", raising=False)
    for language, says in (("vi_VN.UTF-8", "bắt buộc nhưng thiếu"), ("en_US.UTF-8", "required, but missing")):
        monkeypatch.setenv("LANG", language)
        with pytest.raises(SystemExit):
            command.ingest_command(tmp_path / "events.ndjson")
        told = " ".join("".join(capfd.readouterr()).split())
        assert "invalid_event unit: " in told
        assert says in told
