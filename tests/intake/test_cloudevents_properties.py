"""CloudEvents against random input, and against another implementation of the standard."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from unicodedata import normalize

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lives.events import TYPES
from app.intake.bodies import BodyProblem
from app.intake.cloudevents import Batch, Parsed, Rejected, parse
from app.intake.values import PLANS

CODES = {
    "invalid_json",
    "invalid_event",
    "invalid_value",
    "invalid_code",
    "unknown_field",
    "unknown_type",
    "personal_data",
    "time_out_of_range",
    "too_large",
    "too_many_events",
    "unsupported_media_type",
}
CONTENT_TYPES = st.sampled_from(
    ["application/cloudevents+json", "application/cloudevents-batch+json", "application/x-ndjson", "application/json"]
)

any_text = st.text(st.characters(codec=None, categories=None), max_size=20)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=10,
)
near_texts = st.sampled_from(
    [
        "1.0",
        "dossier.received",
        "dossier.paid",
        "document.sent",
        "event.retracted",
        "2026-01-05T08:12:00Z",
        "online",
        "1.004555",
        "cash",
    ]
)
near_keys = st.sampled_from(sorted({key for plan in PLANS.values() for key in plan.checks} | {"other"}))
near_events = st.fixed_dictionaries(
    {
        "specversion": st.just("1.0") | any_json,
        "id": st.just("a") | any_json,
        "source": st.just("/a") | any_json,
        "type": st.sampled_from([kind.type for kind in TYPES]) | any_json,
        "subject": st.just("S") | any_json,
        "time": st.just("2026-01-05T08:12:00Z") | st.datetimes().map(datetime.isoformat) | any_json,
        "unit": st.just("H44") | any_json,
    },
    optional={
        "data": st.dictionaries(near_keys, near_texts | st.booleans() | st.integers(0, 9) | any_json, max_size=4)
        | any_json,
        "sequence": any_json,
        "data_base64": any_json,
        "datacontenttype": any_json,
        "other": any_json,
    },
)


def parsed(body: bytes, content_type: str | None, headers: dict[str, str]) -> Batch:
    """The outcomes; none when the body as a whole was refused, with a code of the closed list."""
    try:
        return parse(body, content_type, headers)
    except BodyProblem as problem:
        if problem.code not in CODES:
            raise
        return Batch(True, [])


def sound(batch: Batch) -> None:
    """Every outcome is in its place, has a code of the closed list and can be written down."""
    assert [item.index for item in batch.items] == list(range(len(batch.items)))
    for item in batch.items:
        if isinstance(item, Parsed):
            assert len(item.content) == 16
            json.dumps([item.subject, item.event.id, item.event.source, item.event.unit, item.event.sequence]).encode()
            assert "\0" not in item.subject + item.event.id + item.event.source + item.event.unit + item.event.sequence
        else:
            assert item.code in CODES
            for text in (item.id, item.source, item.field, item.detail.en):
                assert "\0" not in (text or "")
                assert len((text or "").encode()) < 1_000


@given(st.binary(max_size=300), CONTENT_TYPES | st.none() | st.text(max_size=20), st.booleans())
def test_arbitrary_bytes_are_outcomes_or_a_problem(body: bytes, content_type: str | None, binary: bool) -> None:
    sound(parsed(body, content_type, {"ce-specversion": "1.0", "ce-id": "%ff"} if binary else {}))


@given(any_json, CONTENT_TYPES)
def test_arbitrary_json_is_outcomes_or_a_problem(value: Any, content_type: str) -> None:
    sound(parsed(json.dumps(value).encode(), content_type, {}))


@given(st.lists(near_events | any_json, max_size=4))
def test_a_batch_has_an_outcome_for_each_element_and_lines_the_same_ones(events: list[Any]) -> None:
    array = parse(json.dumps(events).encode(), "application/json", {})
    lines = parse("\n".join(map(json.dumps, events)).encode(), "application/x-ndjson", {})
    sound(array)
    assert len(array.items) == len(events)
    assert array.items == lines.items


@given(near_events, any_json)
def test_neighbours_do_not_change_an_outcome(event: Any, neighbour: Any) -> None:
    alone = parse(json.dumps(event).encode(), "application/cloudevents+json", {}).items
    beside = parse(json.dumps([event, neighbour]).encode(), "application/json", {}).items
    assert beside[:1] == alone


@given(
    st.dictionaries(st.sampled_from([f"ce-{name}" for name in ("id", "source", "type", "time", "x")]), any_text),
    any_json,
)
def test_arbitrary_headers_are_an_outcome(headers: dict[str, str], data: Any) -> None:
    sound(parse(json.dumps(data).encode(), "application/json", headers | {"CE-SpecVersion": "1.0"}))


# The standard's own package as the other side of the wire.

UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u180b\u180c\u180d\u180f" + "".join(
    chr(code) for each in (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)) for code in each
)
visible = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cf", "Cn", "Zl", "Zp", "Zs"], exclude_characters=UNSEEN
)
proper = (
    st.text(visible | st.just(" "), min_size=1, max_size=30)
    .map(lambda text: normalize("NFC", text))
    .filter(
        lambda text: (
            text == text.strip() and not any(character.isdigit() for character in text) and not text.startswith('"')
        )
    )
)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(2000, 1, 2), datetime(9999, 12, 30), timezones=zones)  # noqa: DTZ001 (the strategy adds zones)
payloads = st.sampled_from(
    [
        ("dossier.refused", None),
        ("dossier.paid", {"via": "cash", "amount": 5}),
        ("document.sent", {"electronic": True, "to": "Sở Nội vụ"}),
        ("procedure.announced", {"decided_on": "2026-01-05", "effective_on": "2026-01-06"}),
    ]
)


def received(message: HTTPMessage) -> Parsed | Rejected:
    headers = {name.lower(): value for name, value in message.headers.items()}
    batch = parse(message.body, headers.get("content-type"), headers)
    assert batch.single
    return batch.items[0]


@given(st.fixed_dictionaries(dict.fromkeys(("id", "source", "subject", "unit", "sequence"), proper)), times, payloads)
def test_what_the_cloudevents_package_sends_arrives_in_both_modes(
    texts: dict[str, str], time: datetime, payload: Any
) -> None:
    kind, data = payload
    attributes = texts | {"specversion": "1.0", "type": kind, "time": time, "trace": "ignored"}
    if data is not None:
        attributes["datacontenttype"] = "application/json"
    event = CloudEvent(attributes=attributes, data=data)
    structured, binary = received(to_structured_event(event)), received(to_binary_event(event))
    assert isinstance(structured, Parsed), structured
    assert structured == binary
    arrived = structured.event
    assert {
        "id": arrived.id,
        "source": arrived.source,
        "subject": structured.subject,
        "unit": arrived.unit,
        "sequence": arrived.sequence,
    } == texts
    assert arrived.what.type == kind
    assert arrived.time == (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize("mode", [to_structured_event, to_binary_event])
def test_an_event_of_the_package_without_a_unit_is_refused_for_that(mode: Any) -> None:
    event = CloudEvent(
        attributes={
            "specversion": "1.0",
            "id": "a",
            "source": "/a",
            "type": "dossier.synced",
            "subject": "S",
            "time": datetime(2026, 1, 5, tzinfo=UTC),
        }
    )
    item = received(mode(event))
    assert isinstance(item, Rejected)
    assert (item.code, item.field, item.id) == ("invalid_event", "unit", "a")
