"""CloudEvents in every mode: what is an event, what is not and why, and that one never costs another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from app.domain.events import (
    BY_TYPE,
    DocumentSent,
    DossierPaid,
    DossierReceived,
    DossierTransferred,
    EventRetracted,
    ProcedureAnnounced,
)
from app.intake.cloudevents import Batch, BodyProblem, Parsed, Rejected, parse

ONE = "application/cloudevents+json"
MANY = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
MICROS = 1767575520000000  # 2026-01-05T08:12:00+07:00

DATA: dict[str, dict[str, Any]] = {
    "dossier.submitted": {"channel": "online", "portal": "national"},
    "dossier.received": {
        "procedure": "1.004555",
        "channel": "postal",
        "due_at": "2026-01-12T17:00:00+07:00",
        "submitted_at": "2026-01-04T17:00:00Z",
        "fee": True,
        "portal": "local",
        "receiver": "postal_clerk",
        "applicant": "organisation",
    },
    "dossier.due_changed": {"due_at": "2026-01-12T17:00:00+07:00"},
    "dossier.transferred": {"to": "H44.13"},
    "dossier.supplement_requested": {"due_at": "2026-01-12T17:00:00+07:00"},
    "dossier.supplemented": {"due_at": "2026-01-12T17:00:00+07:00"},
    "dossier.digitised": {"components": 0, "reused": True, "shared_store": False, "population_data": True},
    "dossier.fee_requested": {"amount": 0},
    "dossier.fee_waived": {"amount": 150000},
    "dossier.paid": {"via": "national_gateway", "amount": 10**15},
    "dossier.signed": {"what": "component"},
    "dossier.completed": {"electronic_result": True, "signed": False},
    "dossier.returned": {"via": "counter", "electronic_result": False},
    "dossier.rated": {"satisfied": True},
    "petition.received": {"about": "regulation", "origin": "forwarded"},
    "petition.rated": {"satisfied": False},
    "procedure.announced": {"decided_on": "2026-01-05", "effective_on": "2100-12-31"},
    "procedure.published": {"decided_on": "2000-01-01", "published_on": "2026-01-06", "complete": True},
    "document.sent": {"electronic": True, "signed": False, "tier": "commune", "to": "Sở Nội vụ"},
    "event.retracted": {"id": "001204012345"},
}


def event(**changes: Any) -> dict[str, Any]:
    """A sound event with other attributes; ... leaves one out."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": "a1",
        "source": "/h44/igate",
        "type": "dossier.refused",
        "subject": "H44.07-260105-0001",
        "time": "2026-01-05T08:12:00+07:00",
        "unit": "H44.07",
    }
    return {key: value for key, value in (attributes | changes).items() if value is not ...}


def of_type(kind: str, **data: Any) -> dict[str, Any]:
    return event(type=kind, data={key: value for key, value in (DATA.get(kind, {}) | data).items() if value is not ...})


def outcome(sent: Any) -> Parsed | Rejected:
    batch = parse(sent if isinstance(sent, bytes) else json.dumps(sent).encode(), ONE, {})
    assert batch.single
    (item,) = batch.items
    assert item.index == 0
    return item


def accepted(sent: Any) -> Parsed:
    item = outcome(sent)
    assert isinstance(item, Parsed), item
    return item


def why(sent: Any) -> tuple[str, str | None]:
    item = outcome(sent)
    assert isinstance(item, Rejected), item
    assert len(item.detail) < 250
    item.detail.encode()
    (item.field or "").encode()
    return item.code, item.field


def body_problem(
    body: bytes, content_type: str | None = MANY, headers: Mapping[str, str] | None = None, **limits: int
) -> str:
    with pytest.raises(BodyProblem) as raised:
        parse(body, content_type, headers or {}, **limits)
    return raised.value.code


def codes(batch: Batch) -> list[str | None]:
    assert [item.index for item in batch.items] == list(range(len(batch.items)))
    return [item.code if isinstance(item, Rejected) else None for item in batch.items]


# Kinds of body


def test_an_event_becomes_what_it_says() -> None:
    item = accepted(event(type="dossier.received", data={"procedure": "1.004555", "channel": "online", "fee": True}))
    assert item.subject == "H44.07-260105-0001"
    assert item.event.what == DossierReceived("1.004555", "online", fee=True)  # type: ignore[arg-type]
    assert (item.event.time, item.event.source, item.event.id) == (MICROS, "/h44/igate", "a1")
    assert (item.event.unit, item.event.sequence, len(item.content)) == ("H44.07", "", 16)


@pytest.mark.parametrize(
    "content_type",
    [ONE, "Application/CloudEvents+JSON; charset=UTF-8", "application/json", "application/json;charset=utf8"],
)
def test_one_event_is_single(content_type: str) -> None:
    batch = parse(json.dumps(event()).encode(), content_type, {})
    assert batch.single
    assert codes(batch) == [None]


@pytest.mark.parametrize("content_type", [MANY, "application/json", f"{MANY}; charset=utf-8"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_array_is_a_batch_and_may_be_empty(content_type: str, count: int) -> None:
    batch = parse(b" \r\n" + json.dumps([event()] * count, indent=1).encode() + b"\n", content_type, {})
    assert not batch.single
    assert codes(batch) == [None] * count


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_are_a_batch_whose_blank_lines_are_not_counted(end: bytes) -> None:
    line = json.dumps(event()).encode()
    batch = parse(end.join([b"", line, b"  ", b"{broken", line, b"[1]", b""]), LINES, {})
    assert not batch.single
    assert codes(batch) == [None, "invalid_json", None, "invalid_event"]
    assert codes(parse(b"", LINES, {})) == []
    assert codes(parse(line, LINES, {})) == [None]


@pytest.mark.parametrize(
    ("content_type", "body"), [(ONE, event()), (MANY, [event()]), (LINES, event()), ("application/json", [event()])]
)
def test_a_byte_order_mark_is_tolerated(content_type: str, body: Any) -> None:
    assert codes(parse(b"\xef\xbb\xbf" + json.dumps(body).encode(), content_type, {})) == [None]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/xml",
        "application/cloudevents+xml",
        "application/cloudevents",
        "application/json; charset=utf-16",
        f"{MANY}; charset=latin-1",
    ],
)
def test_another_content_type_or_charset_is_unsupported(content_type: str | None) -> None:
    assert body_problem(json.dumps([event()]).encode(), content_type) == "unsupported_media_type"


@pytest.mark.parametrize("content_type", [ONE, MANY, "application/json"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"{",
        b"nope",
        b"[1,",
        b'[{"id":1},',
        b"[{}] x",
        b"[nope]",
        b"[{}, nope, {}]",
        b"[NaN]",
        b"\xff",
        b'"\x00"',
        b"[01]",
    ],
)
def test_a_body_that_is_no_json_is_refused_as_a_whole(content_type: str, body: bytes) -> None:
    assert body_problem(body, content_type) == "invalid_json"


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'"text"', b"[" + json.dumps(event()).encode() + b"]"])
def test_an_event_must_be_an_object(body: bytes) -> None:
    assert why(body) == ("invalid_event", None)


@pytest.mark.parametrize("body", [b"{}", b"5", b"null", json.dumps(event()).encode()])
def test_a_batch_must_be_an_array(body: bytes) -> None:
    assert body_problem(body) == "invalid_event"


@pytest.mark.parametrize("content_type", [MANY, "application/json", LINES])
def test_more_events_than_allowed_are_too_many_whatever_they_are(content_type: str) -> None:
    def body(count: int) -> bytes:
        return b"\n" * 5 + b"1\n" * count if content_type == LINES else b"[" + b",".join([b"1"] * count) + b"]"

    assert codes(parse(body(10_000), content_type, {})) == ["invalid_event"] * 10_000
    assert body_problem(body(10_001), content_type) == "too_many_events"
    assert body_problem(body(3_000_000), content_type) == "too_many_events"
    assert body_problem(body(4), content_type, max_events=3) == "too_many_events"


BROKEN_ELEMENTS = [
    pytest.param(json.dumps(event(id="\ud800")).encode(), "invalid_event", id="lone high surrogate"),
    pytest.param(json.dumps(event(subject="\udc00x")).encode(), "invalid_event", id="lone low surrogate"),
    pytest.param(
        json.dumps(of_type("document.sent", to="\ud800\u0041")).encode(), "invalid_value", id="lone surrogate in data"
    ),
    pytest.param(json.dumps(event(data={"\ud800": 1})).encode(), "unknown_field", id="lone surrogate as a key"),
    pytest.param(json.dumps(event(id="~")).encode().replace(b"~", b"\xff"), "invalid_json", id="not UTF-8"),
    pytest.param(
        json.dumps(event(other="~")).encode().replace(b"~", b"\xed\xa0\x80"),
        "invalid_json",
        id="not UTF-8 in an extension",
    ),
    pytest.param(
        json.dumps(event(data="~")).encode().replace(b'"~"', b"[" * 5000 + b"]" * 5000), "invalid_json", id="deep"
    ),
    pytest.param(
        json.dumps(event(other="~")).encode().replace(b'"~"', b'{"a":' * 5000 + b"1" + b"}" * 5000),
        "invalid_json",
        id="deep extension",
    ),
    pytest.param(
        json.dumps(of_type("dossier.paid", amount="~")).encode().replace(b'"~"', b"9" * 5000),
        "invalid_value",
        id="huge integer",
    ),
    pytest.param(
        json.dumps(of_type("dossier.paid", amount="~")).encode().replace(b'"~"', b"-9e999"),
        "invalid_value",
        id="huge fraction",
    ),
    pytest.param(json.dumps(event(data=[[]] * 100_000)).encode(), "too_large", id="a hundred thousand parts"),
    pytest.param(b"5", "invalid_event", id="a number"),
    pytest.param(b"null", "invalid_event", id="null"),
    pytest.param(b"[]", "invalid_event", id="an array"),
    pytest.param(b"{}", "invalid_event", id="an empty object"),
]


@pytest.mark.parametrize(("element", "code"), BROKEN_ELEMENTS)
@pytest.mark.parametrize("content_type", [MANY, LINES])
def test_a_broken_element_costs_only_itself(element: bytes, code: str, content_type: str) -> None:
    good = json.dumps(event(subject="Hồ sơ 1")).encode()
    body = (
        b"\n".join([good, element, good]) if content_type == LINES else b"[" + b", ".join([good, element, good]) + b"]"
    )
    assert codes(parse(body, content_type, {})) == [None, code, None]


@pytest.mark.parametrize("value", ["\ud800", 10**5000, "9e999"])
def test_an_extension_attribute_is_ignored_whatever_it_is(value: Any) -> None:
    with_number = json.dumps(event(other="~")).encode().replace(b'"~"', str(value).encode())
    assert (
        accepted(with_number if not isinstance(value, str) or value == "9e999" else event(other=value)).event.id == "a1"
    )
    assert accepted(event(traceparent="00-1", other={"a": [1]}, dataschema=None)).event.id == "a1"


# Binary mode


def binary(headers: dict[str, str], body: bytes = b"", content_type: str | None = None) -> Batch:
    return parse(body, content_type, headers)


def as_headers(**changes: Any) -> dict[str, str]:
    return {f"ce-{name}": quote(value, safe="/:+.") for name, value in event(**changes).items()}


@pytest.mark.parametrize("write", [str.lower, str.upper, str.title])
def test_binary_mode_says_the_same_as_structured_mode(write: Any) -> None:
    headers = {
        write(name): value for name, value in as_headers(id="Số 1 %", sequence="007", type="dossier.paid").items()
    }
    batch = binary(headers, b'{"via":"cash"}', "application/json; charset=utf-8")
    assert batch.single
    assert batch.items == [accepted(event(id="Số 1 %", sequence="007", type="dossier.paid", data={"via": "cash"}))]


def test_binary_mode_without_a_body_is_an_event_without_data() -> None:
    assert codes(binary(as_headers())) == [None]
    assert codes(binary(as_headers(), b"null", "application/json")) == [None]


def test_binary_headers_may_be_quoted_or_raw_utf8() -> None:
    headers = as_headers() | {
        "ce-id": '"a \\"b\\" %25"',
        "ce-subject": "Hồ sơ".encode().decode("latin-1"),
        "ce-source": "Sở",
    }
    (item,) = binary(headers).items
    assert isinstance(item, Parsed)
    assert (item.event.id, item.subject, item.event.source) == ('a "b" %', "Hồ sơ", "Sở")


def test_a_binary_header_that_is_not_utf8_is_named() -> None:
    (item,) = binary(as_headers() | {"ce-subject": "%ff"}).items
    assert isinstance(item, Rejected)
    assert (item.code, item.field, item.id) == ("invalid_event", "subject", "a1")


def test_binary_mode_has_only_headers_for_attributes_and_only_the_body_for_data() -> None:
    batch = binary(
        as_headers() | {"ce-data": "x", "ce-data_base64": "x", "ce-datacontenttype": "x", "id": "b", "ce-other": "%ff"}
    )
    assert codes(batch) == [None]
    (item,) = binary({"ce-specversion": "1.0"}, b"{}", "application/json").items
    assert isinstance(item, Rejected)
    assert (item.code, item.field) == ("invalid_event", "id")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(None, b"{}"), ("text/plain", b""), (LINES, b"{}"), ("application/json; charset=utf-16", b"{}")],
)
def test_binary_data_must_be_declared_as_json(content_type: str | None, body: bytes) -> None:
    assert body_problem(body, content_type, as_headers()) == "unsupported_media_type"


@pytest.mark.parametrize("body", [b"{", b"{} x", b"\xff", b"[" * 9000])
def test_broken_binary_data_is_no_json(body: bytes) -> None:
    assert body_problem(body, "application/json", as_headers()) == "invalid_json"


def test_binary_data_must_be_a_modest_object() -> None:
    assert codes(binary(as_headers(), b"[]", "application/json")) == ["invalid_value"]
    assert codes(binary(as_headers(), b"[" + b"[]," * 200_000 + b"[]]", "application/json")) == ["too_large"]


def test_a_structured_content_type_wins_over_the_headers() -> None:
    batch = parse(json.dumps(event(id="body")).encode(), ONE, as_headers(id="header"))
    assert [item.event.id for item in batch.items if isinstance(item, Parsed)] == ["body"]


# The envelope


@pytest.mark.parametrize("field", ["specversion", "id", "source", "type", "subject", "time", "unit"])
@pytest.mark.parametrize("value", [..., None, "", 5, 1.0, True, [], {}, "a\x00", "a\ud800"])
def test_a_required_attribute_is_a_proper_string(field: str, value: Any) -> None:
    if (field, value) in (("type", "a\x00"), ("type", "a\ud800")):
        assert why(event(type=value)) == ("unknown_type", "type")
    else:
        assert why(event(**{field: value})) == ("invalid_event", field)


@pytest.mark.parametrize("version", ["0.3", "1.0 ", "1", "2.0", 1.0])
def test_only_version_one_is_spoken(version: Any) -> None:
    assert why(event(specversion=version)) == ("invalid_event", "specversion")


@pytest.mark.parametrize(
    ("field", "longest"), [("id", 200), ("source", 300), ("subject", 200), ("unit", 100), ("sequence", 200)]
)
def test_an_attribute_has_a_greatest_length_in_characters(field: str, longest: int) -> None:
    assert accepted(event(**{field: "ệ" * longest}))
    assert why(event(**{field: "ệ" * (longest + 1)})) == ("invalid_event", field)
    assert why(event(**{field: "x" * 1_000_000})) == ("invalid_event", field)


@pytest.mark.parametrize(
    "character",
    ["\x00", "\t", "\n", "\x1f", "\x7f", "\x80", "\x9f", "\u2028", "\u2029", "\ud800", "\udfff", "\ufdd0", "\uffff"],
)
@pytest.mark.parametrize("field", ["id", "source", "subject", "unit", "sequence"])
def test_control_characters_and_surrogates_are_refused(field: str, character: str) -> None:
    assert why(event(**{field: f"a{character}b"})) == ("invalid_event", field)


@pytest.mark.parametrize(
    "text", ["'; drop table event; --", '"', "\\", "%s", "${x}", "Đỗ\u00a0😀", "a\u200bb", "\u202e"]
)
def test_hostile_but_proper_texts_are_kept_as_written(text: str) -> None:
    item = accepted(event(id=text, source=text, subject=text, unit=text, sequence=text))
    assert {item.event.id, item.event.source, item.subject, item.event.unit, item.event.sequence} == {text}


@pytest.mark.parametrize(
    "kind", ["dossier.unheard", "Dossier.refused", " dossier.refused", "dossier.refused\n", "x" * 100_000]
)
def test_a_type_outside_the_table_is_unknown(kind: str) -> None:
    assert why(event(type=kind)) == ("unknown_type", "type")


@pytest.mark.parametrize("sequence", [5, False, [], {}])
def test_a_sequence_is_a_string(sequence: Any) -> None:
    assert why(event(sequence=sequence)) == ("invalid_event", "sequence")
    assert accepted(event(sequence="0042")).event.sequence == "0042"


@pytest.mark.parametrize("media", ["application/json", "Application/JSON; charset=utf-8", None])
def test_data_of_json_is_declared_or_not(media: str | None) -> None:
    assert accepted(event(datacontenttype=media))


@pytest.mark.parametrize("media", ["text/plain", "application/vnd.igate+json", "", 5])
def test_data_of_another_type_is_refused(media: Any) -> None:
    assert why(event(datacontenttype=media)) == ("invalid_event", "datacontenttype")


def test_binary_data_in_base64_is_refused_and_null_is_none() -> None:
    assert why(event(data_base64="e30=")) == ("invalid_event", "data_base64")
    assert why(event(data={}, data_base64="")) == ("invalid_event", "data_base64")
    assert accepted(event(data_base64=None))


def test_a_rejected_event_keeps_id_and_source_when_they_are_proper() -> None:
    item = outcome(event(id="i" * 250, source="s" * 250, time="soon"))
    assert isinstance(item, Rejected)
    assert (item.id, item.source) == ("i" * 200, "s" * 200)
    for improper in (5, "", None, "a\x00", "\ud800"):
        item = outcome(event(id=improper, source=improper))
        assert isinstance(item, Rejected)
        assert (item.id, item.source) == (None, None)


# Times


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-01-05T01:12:00Z", MICROS),
        ("2026-01-05t01:12:00z", MICROS),
        ("2026-01-05T01:12:00-00:00", MICROS),
        ("2026-01-05T01:12:00.1Z", MICROS + 100_000),
        ("2026-01-05T08:12:00.1234567+07:00", MICROS + 123_456),
        ("2026-01-05T08:12:00.9999999999+07:00", MICROS + 999_999),
        ("2026-01-04T19:42:00-05:30", MICROS),
        ("2000-01-01T00:00:00Z", 946_684_800_000_000),
        ("2028-02-29T00:00:00Z", 1_835_395_200_000_000),
        ("9999-12-31T23:59:59.999999-23:59", 253_402_300_799_999_999 + (23 * 60 + 59) * 60_000_000),
    ],
)
def test_an_aware_time_is_an_instant_in_microseconds(text: str, micros: int) -> None:
    assert accepted(event(time=text)).event.time == micros


BAD_TIMES = [
    "soon",
    "2026-01-05",
    "2026-01-05T08:12:00",
    "2026-01-05 08:12:00Z",
    "2026-01-05T08:12Z",
    "2026-01-05T08:12:60Z",
    "2026-01-05T24:00:00Z",
    "2026-01-05T08:60:00Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-1-5T00:00:00Z",
    "20260105T081200Z",
    "2026-01-05T08:12:00+0700",
    "2026-01-05T08:12:00+07",
    "2026-01-05T08:12:00+24:00",
    "2026-01-05T08:12:00+07:60",
    "2026-01-05T08:12:00.Z",
    "2026-01-05T08:12:00,5Z",
    "2026-01-05T08:12:00Z\n",
    " 2026-01-05T08:12:00Z",
    "2026-W02-1T08:12:00Z",
    "+2026-01-05T08:12:00Z",
    "10000-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "２０２６-01-05T08:12:00Z",
    "1767575520",
]


@pytest.mark.parametrize("text", BAD_TIMES)
def test_a_time_that_is_not_rfc_3339_with_offset_is_invalid(text: str) -> None:
    assert why(event(time=text)) == ("invalid_event", "time")
    assert why(of_type("dossier.due_changed", due_at=text)) == ("invalid_value", "data.due_at")


@pytest.mark.parametrize(
    "text",
    ["1999-12-31T23:59:59.999999Z", "2000-01-01T06:59:59+07:00", "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z"],
)
def test_a_time_before_2000_is_out_of_range(text: str) -> None:
    assert why(event(time=text)) == ("time_out_of_range", "time")
    assert why(of_type("dossier.due_changed", due_at=text)) == ("time_out_of_range", "data.due_at")


def test_times_in_data_end_with_the_year_2100() -> None:
    assert accepted(of_type("dossier.due_changed", due_at="2100-12-31T23:59:59.999999Z"))
    assert why(of_type("dossier.due_changed", due_at="2101-01-01T00:00:00Z")) == ("time_out_of_range", "data.due_at")
    assert why(of_type("dossier.received", submitted_at="9999-12-31T23:59:59-23:59")) == (
        "time_out_of_range",
        "data.submitted_at",
    )


@pytest.mark.parametrize(
    "text", ["2026-1-5", "20260105", "2026-02-30", "2026-W01-1", "2026-01-05T00:00:00Z", "05/01/2026", "", 5, True, []]
)
def test_a_date_is_a_civil_date(text: Any) -> None:
    assert why(of_type("procedure.announced", decided_on=text)) == ("invalid_value", "data.decided_on")


@pytest.mark.parametrize("text", ["1999-12-31", "2101-01-01", "0001-01-01", "9999-12-31"])
def test_a_date_outside_2000_to_2100_is_out_of_range(text: str) -> None:
    assert why(of_type("procedure.announced", effective_on=text)) == ("time_out_of_range", "data.effective_on")


# Data


def test_every_type_of_the_contract_is_read_with_all_its_fields() -> None:
    assert set(DATA) <= set(BY_TYPE)
    for kind, cls in BY_TYPE.items():
        what = accepted(of_type(kind)).event.what
        assert type(what) is cls
        assert DATA.get(kind, {}).keys() == set(cls.__struct_fields__), kind


def test_values_are_the_domains_own() -> None:
    received = accepted(of_type("dossier.received")).event.what
    assert isinstance(received, DossierReceived)
    due = datetime(2026, 1, 12, 10, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert received.due_at == due // timedelta(microseconds=1)
    announced = accepted(of_type("procedure.announced", effective_on="2026-01-06")).event.what
    assert announced == ProcedureAnnounced(
        *(date(2026, 1, day).toordinal() - date(1970, 1, 1).toordinal() for day in (5, 6))
    )  # type: ignore[arg-type]
    paid = accepted(of_type("dossier.paid")).event.what
    assert isinstance(paid, DossierPaid)
    assert (paid.via, paid.amount) == ("national_gateway", 10**15)


@pytest.mark.parametrize("data", [..., None, {}])
def test_no_data_is_an_empty_object(data: Any) -> None:
    assert accepted(event(data=data)).content == accepted(event()).content
    assert why(event(type="dossier.rated", data=data)) == ("invalid_value", "data.satisfied")


@pytest.mark.parametrize("data", [[], "", "{}", 5, True])
def test_data_is_an_object(data: Any) -> None:
    assert why(event(data=data)) == ("invalid_value", "data")


REQUIRED = {
    "dossier.received": ["procedure", "channel"],
    "dossier.due_changed": ["due_at"],
    "dossier.transferred": ["to"],
    "dossier.paid": ["via"],
    "dossier.signed": ["what"],
    "dossier.returned": ["via"],
    "dossier.rated": ["satisfied"],
    "petition.received": ["about"],
    "petition.rated": ["satisfied"],
    "procedure.announced": ["decided_on", "effective_on"],
    "procedure.published": ["decided_on", "published_on", "complete"],
    "document.sent": ["electronic"],
    "event.retracted": ["id"],
}


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, data in DATA.items() for field in data])
def test_null_is_absent_and_only_required_fields_may_not_be(kind: str, field: str) -> None:
    for value in (None, ...):
        if field in REQUIRED.get(kind, []):
            assert why(of_type(kind, **{field: value})) == ("invalid_value", f"data.{field}")
        else:
            assert accepted(of_type(kind, **{field: value})).content == accepted(of_type(kind, **{field: ...})).content


@pytest.mark.parametrize("key", ["name", "Channel", "", "due_at ", "__class__", "type", "x.y"])
@pytest.mark.parametrize("value", [1, None, "0912345678"])
def test_an_unknown_key_in_data_is_refused_before_anything_else(key: str, value: Any) -> None:
    assert why(event(type="dossier.received", data={"channel": 5, key: value})) == ("unknown_field", f"data.{key}")


@pytest.mark.parametrize("key", ["x" * 100_000, "a\x00b", "\ud800", "ệ" * 61, "\u202e"])
def test_an_unknown_key_is_named_short_and_printable(key: str) -> None:
    code, field = why(event(data={key: 1}))
    assert code == "unknown_field"
    assert field is not None
    assert len(field) <= 70
    assert field.isprintable()


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, data in DATA.items() for field in data])
@pytest.mark.parametrize("value", [1.5, [], {}, [["online"]], -1])
def test_a_value_of_another_kind_is_invalid(kind: str, field: str, value: Any) -> None:
    assert why(of_type(kind, **{field: value})) == ("invalid_value", f"data.{field}")


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind, data in DATA.items() for field, value in data.items() if isinstance(value, bool)],
)
@pytest.mark.parametrize("value", [0, 1, "true", "", "yes"])
def test_a_bool_is_strictly_one(kind: str, field: str, value: Any) -> None:
    assert why(of_type(kind, **{field: value})) == ("invalid_value", f"data.{field}")


CHOICES = [
    (kind, field, value)
    for kind, data in DATA.items()
    for field, value in data.items()
    if field in ("channel", "portal", "receiver", "applicant", "via", "what", "about", "origin", "tier")
]


@pytest.mark.parametrize(("kind", "field", "right"), CHOICES)
def test_a_choice_is_one_of_its_names(kind: str, field: str, right: str) -> None:
    for wrong in (right.upper(), right + " ", "", "other thing", 0, True):
        assert why(of_type(kind, **{field: wrong})) == ("invalid_value", f"data.{field}")
    item = outcome(of_type(kind, **{field: "wrong"}))
    assert isinstance(item, Rejected)
    assert right in item.detail


@pytest.mark.parametrize(
    ("kind", "field", "highest"),
    [
        ("dossier.paid", "amount", 10**15),
        ("dossier.fee_requested", "amount", 10**15),
        ("dossier.digitised", "components", 100_000),
    ],
)
def test_whole_numbers_are_whole_and_bounded(kind: str, field: str, highest: int) -> None:
    for right in (0, 1, highest, 912345678 % highest):
        assert accepted(of_type(kind, **{field: right}))
    for wrong in (-1, highest + 1, 10**30, 1.0, 1e3, True, False, "5", "", []):
        assert why(of_type(kind, **{field: wrong})) == ("invalid_value", f"data.{field}")


@pytest.mark.parametrize("code", ["1.004555", "2.001234567", "000001.1"])
def test_a_procedure_is_digits_dot_digits(code: str) -> None:
    what = accepted(of_type("dossier.received", procedure=code)).event.what
    assert isinstance(what, DossierReceived)
    assert what.procedure == code


@pytest.mark.parametrize(
    "code",
    [
        "",
        "1",
        "1.",
        ".1",
        "1.a",
        "1.004555.1",
        "1,004555",
        " 1.004555",
        "1.004555\n",
        "BNV-1.004555",
        "１.004555",
        "x" * 10_000,
    ],
)
def test_a_procedure_of_another_form_is_an_invalid_code(code: str) -> None:
    assert why(of_type("dossier.received", procedure=code)) == ("invalid_code", "data.procedure")


def test_a_target_unit_is_kept_as_written() -> None:
    assert accepted(of_type("dossier.transferred", to="000.00.07.H44")).event.what == DossierTransferred(
        "000.00.07.H44"
    )  # type: ignore[arg-type]
    for wrong in ("", "x" * 101, "H44\x00", "\ud800", 5):
        assert why(of_type("dossier.transferred", to=wrong)) == ("invalid_value", "data.to")


def test_a_documents_receiver_is_a_text_of_at_most_200_characters() -> None:
    what = accepted(of_type("document.sent", to="ệ" * 200)).event.what
    assert isinstance(what, DocumentSent)
    assert what.to == "ệ" * 200
    for wrong in ("ệ" * 201, "a\nb", 5):
        assert why(of_type("document.sent", to=wrong)) == ("invalid_value", "data.to")


def test_a_retraction_names_an_id_of_the_form_of_ids() -> None:
    for right in ("001204012345", "0912345678", "x" * 200):
        assert accepted(of_type("event.retracted", id=right)).event.what == EventRetracted(right)  # type: ignore[arg-type]
    for wrong in ("", "x" * 201, "a\x00", "\ud800", 5):
        assert why(of_type("event.retracted", id=wrong)) == ("invalid_value", "data.id")


# Personal data

IDENTITIES = [
    "001204012345",
    "096204012345",
    "123456789",
    " 001204012345\n",
    "001 204 012 345",
    "００１２０４０１２３４５",
    "001204\u200b012345",
]
PHONES = [
    "0912345678",
    "0912 345 678",
    "0912.345.678",
    "0912-345-678",
    "+84912345678",
    "84912345678",
    "+84 912 345 678",
    "(+84) 912.345.678",
    "+84 (0) 912 345 678",
    "0084912345678",
    "02438251234",
    "(024) 3825 1234",
    "0210 384 6647",
    "+84\u00a0912\u2011345\u2013678",
]
TEXTS = [
    (kind, field)
    for kind, data in DATA.items()
    for field, value in data.items()
    if isinstance(value, str) and kind != "event.retracted"
]


@pytest.mark.parametrize(("kind", "field"), TEXTS)
@pytest.mark.parametrize("number", IDENTITIES + PHONES)
def test_a_text_that_is_a_personal_number_is_refused_and_not_repeated(kind: str, field: str, number: str) -> None:
    item = outcome(of_type(kind, **{field: number}))
    assert isinstance(item, Rejected)
    assert (item.code, item.field) == ("personal_data", f"data.{field}")
    assert number not in item.detail


@pytest.mark.parametrize("number", IDENTITIES)
def test_a_subject_that_is_an_identity_number_is_refused(number: str) -> None:
    assert why(event(subject=number)) == ("personal_data", "subject")


@pytest.mark.parametrize(
    "subject",
    ["0912345678", "097204012345", "000204012345", "12345678", "1234567890", "001204012345x", "G22.99.08-001204012345"],
)
def test_a_subject_with_other_digits_is_a_subject(subject: str) -> None:
    assert accepted(event(subject=subject)).subject == subject


@pytest.mark.parametrize(
    "text",
    [
        "97204012345x",
        "099204012345",
        "12345678",
        "1234567890",
        "Số 0912345678",
        "H44.07",
        "091234567",
        "",
        "0" * 10,
        "00.00.00.0000",
    ],
)
def test_only_a_whole_value_that_looks_like_one_is_a_personal_number(text: str) -> None:
    assert accepted(of_type("document.sent", to=text))


def test_ids_sources_and_amounts_are_not_looked_at() -> None:
    assert accepted(event(id="001204012345", source="0912345678", sequence="123456789"))
    assert accepted(of_type("dossier.paid", amount=123456789))


# Content


def content(**changes: Any) -> bytes:
    return accepted(event(type="dossier.received", **changes)).content


BASE = {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00", "fee": True}


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2026-01-05T01:12:00Z"},
        {"time": "2026-01-05T01:12:00.0000009Z"},
        {"data": dict(reversed(BASE.items()))},
        {"data": BASE | {"due_at": "2026-01-12T10:00:00.000000Z"}},
        {"data": BASE | {"portal": None, "submitted_at": None}},
        {"sequence": None},
        {"sequence": ""},
        {"traceparent": "00-1"},
        {"datacontenttype": "application/json"},
        {"id": "another", "source": "/another"},
    ],
)
def test_the_same_said_otherwise_is_the_same_content(changes: dict[str, Any]) -> None:
    assert content(**({"data": BASE} | changes)) == content(data=BASE)


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2026-01-05T08:12:00.000001+07:00"},
        {"subject": "H44.07-260105-0002"},
        {"unit": "000.00.07.H44"},
        {"unit": "h44.07"},
        {"sequence": "1"},
        {"data": BASE | {"fee": False}},
        {"data": BASE | {"fee": None}},
        {"data": BASE | {"procedure": "1.004556"}},
        {"data": BASE | {"submitted_at": BASE["due_at"]}},
        {"data": BASE | {"applicant": "citizen"}},
        {"data": BASE | {"due_at": None, "submitted_at": BASE["due_at"]}},
    ],
)
def test_anything_else_said_is_another_content(changes: dict[str, Any]) -> None:
    assert content(**({"data": BASE} | changes)) != content(data=BASE)


def test_types_with_the_same_fields_differ_in_content() -> None:
    assert len({accepted(of_type(kind)).content for kind in BY_TYPE}) == len(BY_TYPE)


def test_content_does_not_change_between_releases() -> None:
    # Receipts keep it for as long as the log: another value makes a conflict of every resend.
    assert content(data=BASE).hex() == "PINNED"
