"""docs/events.md says of every type what the code reads and what the figures show, in both languages alike."""

from __future__ import annotations

import inspect
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
import pytest

from app.api.events import push
from app.domain.calendar.civil import Day, Instant
from app.domain.catalogues import indicators
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.lives.events import TYPES, Amount, Count, EventId, FreeText, Happening
from app.domain.push import EVENT_CODES
from app.intake import cloudevents
from app.intake.cloudevents import Parsed
from app.intake.values import alternatives
from tests.api.asking import AGAIN, ONE, of_errors, of_problem
from tests.docs import feeding
from tests.running import Running, now, running

__all__ = ["now", "running"]

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text()
PARTS: Final = dict(zip(("vi", "en"), PAGE.split("\n# ")[1:], strict=True))
WORDS: Final[dict[Any, tuple[str, str]]] = {
    bool: ("`true`/`false`", "`true`/`false`"),
    Instant: ("thời điểm", "time"),
    Day: ("ngày", "date"),
    Amount: ("số đồng", "đồng"),
    Count: ("số nguyên", "whole number"),
    ProcedureCode: ("mã thủ tục", "procedure code"),
    UnitCode: ("mã đơn vị", "unit code"),
    FreeText: ("chữ", "text"),
    EventId: ("id sự kiện", "id of an event"),
}
END: Final = {"vi": "*kết thúc*", "en": "*end*"}
WHOLE: Final = {"vi": "tất cả chỉ số", "en": "every indicator"}
OF_A_WHOLE_LIFE: Final = {"dossier.transferred", "dossier.voided", "petition.voided", "event.retracted"}
"""What moves or takes away all that a life feeds, whatever that is."""


@pytest.fixture
def database(postgres_database: str) -> str:
    """What figures show depends on no engine."""
    return postgres_database


@pytest.fixture(params=PARTS)
def language(request: pytest.FixtureRequest) -> str:
    """Each of the two."""
    return str(request.param)


def rows(language: str) -> dict[str, list[str]]:
    """The first row of a table that begins with each thing in backticks, by that; as cells."""
    found: dict[str, list[str]] = {}
    for line in PARTS[language].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and (name := re.match(r"`([^`]+)`", cells[0])):
            found.setdefault(name[1], cells)
    return found


def fields_told(kind: type[Happening], language: str) -> str:
    """The data of a type as the document has it: the required ones in bold, values in parentheses."""
    place = ("vi", "en").index(language)
    told = []
    for field in msgspec.structs.fields(kind):
        inner = alternatives(field.type)
        is_choice = get_origin(inner) is Literal
        values = ", ".join(f"`{each}`" for each in get_args(inner)) if is_choice else WORDS[inner][place]
        name = f"**`{field.name}`**" if field.required else f"`{field.name}`"
        told.append(f"{name} ({values})")
    return "; ".join(told) or "–"


def test_every_type_is_there_with_exactly_the_fields_of_the_code(language: str) -> None:
    known = rows(language)
    types = [name for name in known if re.fullmatch(r"(dossier|petition|procedure|document|event)\.\w+", name)]
    assert types == [kind.type for kind in TYPES]
    for kind in TYPES:
        assert known[kind.type][2] == fields_told(kind, language), kind.type


def test_every_code_of_a_refusal_is_explained(language: str) -> None:
    known = rows(language)
    assert [code for code in EVENT_CODES if code not in known] == []
    assert "unknown_procedure" in known


def test_what_must_be_said_loudly_stands_near_the_top(language: str) -> None:
    loud = {"vi": "**200 vẫn có thể có sự kiện bị từ chối", "en": "**200 may contain rejections"}[language]
    assert 0 < PARTS[language].find(loud) < 3_000
    assert "every outcome" in PARTS["en"] and "từng kết quả" in PARTS["vi"]
    assert "200 may contain rejections" in str(inspect.getdoc(push)), "and on /docs"


def test_the_examples_are_read(language: str) -> None:
    blocks = re.findall(r"```json\n(.*?)```", PARTS[language], re.DOTALL)
    events = [block for block in blocks if '"specversion"' in block]
    assert len(events) >= 2
    for block in events:
        [item] = cloudevents.parse(block.encode(), "application/cloudevents+json", {}).items
        assert isinstance(item, Parsed), item


async def test_a_deadline_is_lengthened_by_pauses_as_the_worked_example_says(
    running: Running, now: datetime, language: str
) -> None:
    running.clock.at = now
    await running.catalogue()
    lines = [line.strip("| ").split(" | ") for line in PARTS[language].splitlines() if line.startswith("| 2026-")]
    assert [kind.strip("`") for _, kind, *_ in lines] == [
        "dossier.received",
        "dossier.supplement_requested",
        "dossier.supplemented",
        "dossier.due_changed",
    ]
    for at, kind, due, deadline in lines:
        data = {} if due == "–" else {"due_at": due}
        if kind == "`dossier.received`":
            data |= {"procedure": "1.004555", "channel": "counter"}
        event = running.event(kind.strip("`"), "H44.07-260105-0001", "H44.07", time=at, **data)
        assert (await running.push([event]))["errors"] == []
        life = (await running.get("/v1/dossiers/H44.07-260105-0001", unit="H44.07")).json()
        assert life["dossier"]["deadline"] == deadline, (kind, life)
    # The due time told last, and the two days that the clock stood.
    last, told = datetime.fromisoformat(lines[-1][3]), datetime.fromisoformat(lines[-1][2])
    paused = datetime.fromisoformat(lines[2][0]) - datetime.fromisoformat(lines[1][0])
    assert (last - told, paused.days) == (paused, 2)


def indicators_told(cell: str, language: str) -> set[str]:
    """The indicators of a cell; `end` is those that the document says it is."""
    [end] = [line for line in PARTS[language].splitlines() if line.startswith(f"{END[language]}: ")]
    return set(re.findall(r"`([A-Z_]+)`", cell.replace(END[language], end)))


async def test_every_type_feeds_what_is_said_and_nothing_else(running: Running, now: datetime) -> None:
    running.clock.at = now
    fed = await feeding.fed(running)
    assert set(fed) | OF_A_WHOLE_LIFE == {kind.type for kind in TYPES}
    known = indicators.load()
    codes = {each.code for each in known.indicators}
    for language in PARTS:
        told = rows(language)
        for name, found in fed.items():
            assert indicators_told(told[name][3], language) == found, (language, name)
            assert found <= codes
        for name in OF_A_WHOLE_LIFE:
            assert WHOLE[language] in told[name][3]
            assert indicators_told(told[name][3], language) == set()


async def test_sending_again_is_as_it_is_said(running: Running, now: datetime) -> None:
    running.clock.at = now
    await running.catalogue()
    first = running.event("dossier.received", procedure="1.004555", channel="online", name="Lan")
    everything_refused = await running.push([first])
    assert everything_refused["rejected"] == 1, "and the status was 200"
    assert of_errors(everything_refused) == {0: ("unknown_field", "data.name")}
    del first["data"]["name"]
    assert await running.push([first]) == ONE, "an id that was refused is not used"
    same_written_otherwise = first | {"time": "2026-01-05T01:00:00.0000009Z", "data": {**first["data"], "fee": None}}
    assert await running.push([same_written_otherwise]) == AGAIN
    other = first | {"data": {**first["data"], "channel": "counter"}}
    assert of_errors(await running.push([other])) == {0: ("conflict", "id")}
    retraction = running.event("event.retracted") | {"data": {"id": first["id"]}}
    assert await running.push([retraction, other | {"id": "a new one"}]) == ONE | {"accepted": 2}
    assert of_errors(await running.push([first, other])) == {1: ("conflict", "id")}, "a retracted id stays used"


NOTHING_READ: Final = [
    (b"", "application/cloudevents-batch+json"),
    (b'[{"specversion":"1.0"}', "application/cloudevents-batch+json"),
    (b"[1,]", "application/json"),
    (b'{"not": "an array"}', "application/cloudevents-batch+json"),
]
"""An array is JSON as a whole or not at all: where it is cut or ends is not known of a broken one."""

SOMETHING_READ: Final = [
    (b'{"specversion":"1.0"\n~\n', "application/x-ndjson", 2),
    (b"\x1f\x8b\x00", "application/x-ndjson", 1),
    (b'[{"specversion":"1.0"}, 7, null]', "application/cloudevents-batch+json", 3),
    (b"[" + b"[" * 5_000 + b"]" * 5_000 + b"]", "application/json", 1),
    (b'["\xff"]', "application/json", 1),
]


async def test_a_batch_is_a_problem_only_when_nothing_of_it_could_be_read(running: Running, now: datetime) -> None:
    running.clock.at = now
    await running.catalogue()
    for body, content_type in NOTHING_READ:
        answer = await running.post(body, content_type)
        assert of_problem(answer)[0] in (400, 422), body
    for body, content_type, elements in SOMETHING_READ:
        answer = await running.post(body, content_type)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), body[:40]
        assert sorted(of_errors(answer.json())) == list(range(elements)), body[:40]
    sound = running.event("dossier.received", procedure="1.004555", channel="online")
    for wrong in ("~", "[", "7", '{"specversion":"1.0"}', json.dumps(sound | {"id": "x", "unit": "H99"})):
        answer = await running.post(f"{wrong}\n{json.dumps(sound)}\n".encode())
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert list(of_errors(answer.json())) == [0]
        assert answer.json()["accepted"] + answer.json()["duplicates"] == 1
