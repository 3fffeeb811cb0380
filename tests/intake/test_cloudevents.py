"""CloudEvents in every mode: what is an event, what is not and why, and that one never costs another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import pytest

from app.domain.codes import ProcedureCode
from app.domain.lives.events import BY_TYPE, DossierReceived
from app.intake.cloudevents import Batch, BodyProblem, Parsed, Rejected, parse
from tests.intake.sample import LINES, MANY, MICROS, ONE, accepted, event, of_type, outcome, why


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
    assert item.event.what == DossierReceived(ProcedureCode("1.004555"), "online", fee=True)
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


@pytest.mark.parametrize("written", [b'"\\ud800"', b"9" * 500, b"-9e999", b'{"a":[1]}', b"null", b"false"])
def test_an_extension_attribute_is_ignored_whatever_it_is(written: bytes) -> None:
    assert accepted(json.dumps(event(traceparent="~")).encode().replace(b'"~"', written)) == accepted(event())


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
    ["\x00", "\t", "\n", "\x1f", "\x7f", "\x80", "\x9f", "\u2028", "\u2029", "\ud800", "\ufdd0", "\uffff"],
)
@pytest.mark.parametrize("field", ["id", "source", "subject", "unit", "sequence"])
def test_control_characters_and_surrogates_are_refused(field: str, character: str) -> None:
    assert why(event(**{field: f"a{character}b"})) == ("invalid_event", field)


@pytest.mark.parametrize(
    "text", ["'; drop table event; --", '"', "\\", "%s", "${x}", "Đỗ 😀", "H44–1", "h44—1", "a  b", "\u0378"]
)
def test_hostile_but_proper_texts_are_kept_as_written(text: str) -> None:
    item = accepted(event(id=text, source=text, subject=text, unit=text, sequence=text))
    assert {item.event.id, item.event.source, item.subject, item.event.unit, item.event.sequence} == {text}


UNSEEN = [0xA0, 0xAD, 0x34F, 0x61C, 0x115F, 0x1680, 0x180E, 0x2003, 0x200B, 0x200D, 0x200F, 0x202E, 0x202F, 0x205F,
          0x2060, 0x2066, 0x2800, 0x3000, 0x3164, 0xFE0F, 0xFEFF, 0xE0001, 0xE0100]  # fmt: skip


@pytest.mark.parametrize("field", ["id", "source", "subject", "unit"])
def test_an_identifier_has_one_spelling(field: str) -> None:
    for odd in (" a", "a ", "  a  ", *(text for code in UNSEEN for text in (f"{chr(code)}a", f"a{chr(code)}b"))):
        assert why(event(**{field: odd})) == ("invalid_event", field), ascii(odd)
    item = outcome(event(**{field: "a\u200bb"}))
    assert isinstance(item, Rejected)
    assert item.detail.en == "the invisible or odd blank character U+200B is not allowed"
    assert accepted(event(sequence=" a\u200b")).event.sequence == " a\u200b", "it names nothing"


def test_decomposed_letters_are_composed() -> None:
    written, kept = (normalize(form, "12/QĐ-UBND Hòa Bình ế") for form in ("NFD", "NFC"))
    names = ("id", "source", "subject", "unit")
    assert len(written) > len(kept)
    sent = accepted(event(**dict.fromkeys(names, written)))
    assert sent == accepted(event(**dict.fromkeys(names, kept))), "and so a duplicate"
    assert {sent.event.id, sent.event.source, sent.subject, sent.event.unit} == {kept}
    assert accepted(event(subject=normalize("NFD", "ế" * 200))).subject == "ế" * 200
    assert why(event(subject="a" + "\u0323\u0301" * 100_000)) == ("invalid_event", "subject")
    broken = outcome(event(source=written, unit=...))
    assert isinstance(broken, Rejected)
    assert broken.source == kept, "as it is asked for"


@pytest.mark.parametrize(
    "kind", ["dossier.unheard", "Dossier.refused", " dossier.refused", "dossier.refused\n", "x" * 500]
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
    assert content(data=BASE).hex() == "15878fa9a7bbfffa3c2e9cc0d8d0e3f0"
