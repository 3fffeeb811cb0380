"""Messages in two languages: every one that the program can make, and what they say."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any, get_args, get_type_hints

import pytest

from app import ingest
from app.api.kinds import KINDS
from app.cli import ingest as command
from app.domain.catalogues.root import APPLICANTS, LEVELS, SERVICE_LEVELS
from app.domain.lives.events import TYPES
from app.domain.push import EVENT_CODES, Rejected
from app.intake.catalogues import FORMS, parse_rows
from app.intake.cloudevents import BodyProblem, parse
from app.intake.values import PLANS
from app.messages import Message, also, preferred, spoken, verbatim, with_likely
from tests.intake.sample import event, of_type, outcome

APP = Path(__file__).resolve().parents[1] / "app"
TOLD_BY = {
    "Problem": 1, "AtFault": 2, "Fault": 2, "BodyProblem": 1, "NotJson": 0, "Wrong": 2, "Warned": 4, "Rejected": 5,
    "DatabaseUnavailable": 0, "fail": 0, "NotMigrated": 0, "UnknownRoot": 0, "Unwritable": 0, "InvalidPeriod": 0,
    "PeriodInFuture": 0, "broken": 0,
}  # fmt: skip
"""Who tells people something, and which argument says it."""

KEYWORDS = """
    json utf gzip identity chunked http host content length type encoding application text csv ndjson cloudevents batch
    rfc period from to yyyy mm dd true false null authorization bearer chiso metrics scope ingest read admin retry
    after allow get indicators dossier received as then kib mib byte cookie auth pepper dir keys list revoke migrate
    citus api key holiday workday sqlstate sipas database dsn unit data xx specversion header excel rebuild verify
    port user password postgresql name conf pg_hba pg_stat_activity max_connections connections docs operations md roots
    create remove level debug put units new root with events chiso timescaledb table year file folder demo
    pid readme errors session
"""
"""What has the same name in both languages: keywords, parameters, settings, commands."""

SYLLABLES = {"do", "may", "the", "no", "con", "an", "in", "so", "a", "hay", "can", "man", "tin", "on", "ban"}
"""Vietnamese ones that are English words too."""


CALLS = [
    (f"{file.relative_to(APP)}:{node.lineno}", node)
    for file in sorted(APP.rglob("*.py"))
    for node in ast.walk(ast.parse(file.read_text()))
    if isinstance(node, ast.Call)
]


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    for where, node in CALLS:
        if name in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
            yield where, node


def choices(kind: type) -> set[str]:
    """Names that fields of a type of event are chosen from."""
    return {
        name
        for hint in get_type_hints(kind).values()
        for each in (hint, *get_args(hint))
        for name in get_args(each)
        if isinstance(name, str)
    }


def words(text: str) -> set[str]:
    """The words of a text in ASCII letters, without its places."""
    found = re.findall(r"\w+", re.sub(r"\{.*?\}", " ", text.lower()))
    return {each for each in found if each.isascii() and each.isalpha() and len(each) > 1}


MESSAGES = dict(calls("Message"))
FIELDS = [*(" ".join(form.columns) for form in FORMS.values()), *(" ".join(plan.checks) for plan in PLANS.values())]
CHOICES = [
    *LEVELS,
    *SERVICE_LEVELS,
    *APPLICANTS,
    *PLANS,
    "holiday workday",
    *(" ".join(choices(kind)) for kind in TYPES),
]
NAMES = words(" ".join([KEYWORDS, *FIELDS, *CHOICES]).replace("_", " "))
ENGLISH = {word for node in MESSAGES.values() for word in words(ast.literal_eval(node.args[0]))} - NAMES - SYLLABLES


def english_in(text: str) -> set[str]:
    """The English words of a Vietnamese text; what stands in quotes was sent."""
    return words(re.sub(r"'.*?'|`.*?`", " ", text)) & ENGLISH


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_message_is_there_in_both_languages_about_the_same() -> None:
    assert len(MESSAGES) > 150, "they are found"
    for where, node in MESSAGES.items():
        english, vietnamese = map(ast.literal_eval, node.args)
        given = {each.arg for each in node.keywords}
        assert places(english) | places(vietnamese) == given, where
        assert places(vietnamese) <= places(english) | {"name"}, where
        assert english_in(vietnamese) == set(), where
        assert vietnamese.isascii() <= (not words(english) - NAMES), f"{where}: no Vietnamese letter"


def test_no_words_are_put_into_a_message_in_one_language() -> None:
    for where, node in MESSAGES.items():
        for keyword in node.keywords:
            nodes = list(ast.walk(keyword.value))
            keys = {each.slice for each in nodes if isinstance(each, ast.Subscript)}
            texts = [each.value for each in nodes if isinstance(each, ast.Constant) and each not in keys]
            assert not [each for each in texts if isinstance(each, str) and words(each)], (where, keyword.arg)


def test_nobody_tells_people_a_text() -> None:
    told = 0
    for name, place in TOLD_BY.items():
        for where, node in calls(name):
            said = [*node.args[place : place + 1], *(each.value for each in node.keywords if each.arg == "detail")]
            told += len(said)
            for each in said:
                assert not isinstance(each, ast.Constant | ast.JoinedStr | ast.BinOp), f"{where}: make it a Message"
    assert told > 100


def test_every_code_has_its_words() -> None:
    assert set(EVENT_CODES) <= KINDS.keys()
    for kind in KINDS.values():
        for each in (kind.title, kind.advice):
            assert each.en != each.vi


def test_a_message_is_told_in_the_language_that_is_asked() -> None:
    few = Message("at most {most:,} of {what}", "tối đa {most:,} {what}", most=1_234_567, what=Message("a day", "ngày"))
    assert (few.en, few.vi, str(few)) == ("at most 1,234,567 of a day", "tối đa 1.234.567 ngày", few.en)
    assert (few.said("en"), few.said("vi")) == (few.en, few.vi)
    braces = Message("not {sent}", "nhận được {sent}", sent=verbatim("{0} {sent}"))
    assert (braces.en, braces.vi) == ("not {0} {sent}", "nhận được {0} {sent}")
    assert with_likely(few, None) is few
    assert with_likely(verbatim("x"), "H44").vi == "x; có lẽ là H44"
    assert also([verbatim("a"), verbatim("b"), verbatim("c")]).vi == "a; ngoài ra b; ngoài ra c"
    assert also([few]) is few


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("vi", "vi"),
        ("vi-VN,vi;q=0.9,en-US;q=0.6,en;q=0.5", "vi"),
        ("VI", "vi"),
        ("en, vi", "en"),
        ("vi;q=0.4, en", "en"),
        ("vi;q=0", "en"),
        ("vi;q=x", "en"),
        ("fr, vi;q=0.1", "vi"),
        ("", "en"),
        ("*", "en"),
        ("," * 100_000, "en"),
    ],
)
def test_vietnamese_is_for_who_likes_it_better_than_english(accept: str, language: str) -> None:
    assert preferred(accept) == language


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (event(unit=...), "bắt buộc nhưng thiếu"),
        (
            event(type="dossier.recieved"),
            "cần một loại của hợp đồng, ví dụ dossier.received, nhận được 'dossier.recieved';"
            " có lẽ là dossier.received",
        ),
        (
            of_type("dossier.received", procedure="1004555"),
            "cần mã thủ tục hành chính dạng văn bản, ví dụ 1.004555, nhận được '1004555'; có lẽ là 1.004555",
        ),
        (of_type("dossier.paid", amount=-1), "cần số nguyên từ 0 đến 1000000000000000, nhận được -1"),
        (of_type("dossier.rated", satisfied=1), "cần true hoặc false, nhận được 1"),
        (of_type("dossier.rated", satisfied=[]), "cần true hoặc false, nhận được một mảng"),
    ],
)  # fmt: skip
def test_what_exactly_is_wrong_is_told(sent: Any, says: str) -> None:
    item = outcome(sent)
    assert isinstance(item, Rejected)
    assert item.in_full.vi == says


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": ""}, "vi"),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "vi_VN"}, "vi"),
        ({}, "en"),
    ],
)
def test_a_terminal_speaks_its_locale(environment: dict[str, str], language: str) -> None:
    assert spoken(environment) == language


TEXTS = ["", " x", "x\u200b", "\x00", "x" * 400, "001099012345", "1900-01-01"]
ODD: list[Any] = [None, *TEXTS, 0, -1, 1.5, 10**40, True, [], {}]


def told_of(refused: Any) -> Iterator[Message]:
    if isinstance(refused, Rejected):
        yield refused.in_full
        yield refused.in_full_plainly


def test_whatever_is_sent_its_faults_have_no_english_left() -> None:
    said = []
    for name in (
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "unit",
        "sequence",
        "datacontenttype",
        "data",
    ):
        said += [message for odd in [*ODD, ...] for message in told_of(outcome(event(**{name: odd})))]
    for kind in ("dossier.received", "dossier.paid", "dossier.digitised", "document.sent", "event.retracted"):
        names = ("procedure", "amount", "via", "id", "due_at", "components", "fee", "channel", "to", "name")
        said += [message for name in names for odd in ODD for message in told_of(outcome(of_type(kind, **{name: odd})))]
    assert len(said) > 500
    for message in said:
        assert english_in(message.vi) == set(), message.vi


CATALOGUES = {
    "units": ("code", "name", "level", "parent", "certified_copy", "valid_from", "aliases"),
    "procedures": ("code", "service_level", "fee", "max_working_days", "applicants", "units"),
    "targets": ("indicator", "unit", "level", "period", "value"),
    "external-figures": ("code", "unit", "period", "value", "rank"),
    "calendar": ("date", "kind", "name", "nam"),
}


def test_whatever_a_row_is_its_faults_have_no_english_left() -> None:
    said = []
    for kind, names in CATALOGUES.items():
        rows = [{name: odd} for name in names for odd in [*ODD, [5], ["x"], "2026-01-01..2026-01-32"]]
        items = parse_rows(kind, json.dumps([*rows, 7]).encode(), "application/json")  # type: ignore[arg-type]
        said += [message for item in items for message in told_of(item)]
    assert len(said) > 500
    for message in said:
        assert english_in(message.vi) == set(), message.vi


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"", "application/json"),
        (b"[1,", "application/json"),
        (b"[1 2]", "application/json"),
        (b"[1] 2", "application/json"),
        (b'["\\ud800]', "application/json"),
        (b"{", "application/cloudevents-batch+json"),
        (b"{}", "application/cloudevents-batch+json"),
        (b"{", "application/json"),
        (b"{}", "text/plain"),
        (b"{}", "application/json; charset=latin1"),
        (b"[" + b"{}," * 20 + b"{}]", "application/json"),
    ],
)
def test_whatever_a_body_is_its_fault_has_no_english_left(body: bytes, media: str) -> None:
    with pytest.raises(BodyProblem) as refused:
        parse(body, media, {}, 10)
    assert english_in(refused.value.detail.vi) == set(), refused.value.detail.vi
    assert refused.value.detail.vi != refused.value.detail.en


def test_a_file_of_events_is_told_of_in_the_terminals_language(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    item = outcome(event(unit=...))
    assert isinstance(item, Rejected)
    monkeypatch.setattr(command, "run", lambda work: None)
    loaded = ingest.Loaded(rejected=1, errors=[item])
    monkeypatch.setattr(ingest, "Loaded", lambda: loaded)
    monkeypatch.delenv("LC_ALL", raising=False)
    for language, says in (("vi_VN.UTF-8", "bắt buộc nhưng thiếu"), ("en_US.UTF-8", "required, but missing")):
        monkeypatch.setenv("LANG", language)
        with pytest.raises(SystemExit):
            command.ingest_command(tmp_path / "events.ndjson")
        told = " ".join("".join(capfd.readouterr()).split())
        assert "invalid_event unit: " in told
        assert says in told
