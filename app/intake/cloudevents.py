"""CloudEvents 1.0 over HTTP, JSON format: bytes → domain events, one outcome for each.

Structured, batch, NDJSON and binary mode. Pure: who may send, what is a duplicate, which units and procedures exist and
what time it is are asked later, by the store. One bad event costs only itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from app.domain.codes import UnitCode
from app.domain.lives.events import DossierTransferred, Event
from app.domain.push import Parsed, Read, Rejected, Wrong
from app.intake import cloudevents_sound
from app.intake.bodies import (
    CHARSET,
    BodyProblem,
    NotJson,
    broken,
    decompress,
    first_token,
    is_utf8,
    media_type,
    of_element,
    overfull,
    readable,
    split_array,
    split_lines,
    too_many,
    whole_array,
    without_bom,
)
from app.intake.checks import AN_OBJECT, JSON_OBJECT, Fault, Faults, expected, likely_name, shown
from app.intake.personal import is_fit, is_identity_number, one_spelling, spelling_fault
from app.intake.values import A_TIME, EARLIEST, MAX_ID, MAX_SOURCE, MAX_UNIT, PLANS, Plan, instant, right_time
from app.messages import EMPTY, MISSING, UNFIT, Message, verbatim

__all__ = ["Batch", "BodyProblem", "Parsed", "Rejected", "decompress", "fingerprint", "parse"]


@dataclass(frozen=True, slots=True)
class Batch:
    """The outcomes in the order sent; `single` when the body was one event and no batch of one."""

    single: bool
    items: list[Parsed | Rejected]


class _Envelope(msgspec.Struct, gc=False):
    """The attributes that mean something here, as sent; None is absent or null. Extension attributes are skipped."""

    specversion: Any = None
    id: Any = None
    source: Any = None
    type: Any = None
    subject: Any = None
    time: Any = None
    unit: Any = None
    sequence: Any = None
    datacontenttype: Any = None
    data: Any = None
    data_base64: Any = None


_OVERFULL = Message("the event is far too long, or has far too many parts", "sự kiện quá dài hoặc có quá nhiều phần")
_TYPE = Message("a type of the contract such as dossier.received", "một loại của hợp đồng, ví dụ dossier.received")
_IDENTITY = Message(
    "the subject looks like an identity number; send the dossier's code", "giống số định danh; hãy gửi mã hồ sơ"
)
_STRING = Message("a string", "một chuỗi ký tự")
_NO_TIME = Message("required, but missing; expected {time}", "bắt buộc nhưng thiếu; cần {time}", time=A_TIME)
_EARLY = Message("before the year 2000; expected {time}", "trước năm 2000; cần {time}", time=A_TIME)
_DATA_ELSEWHERE = Message("data must be a JSON object in `data`", "dữ liệu phải là một đối tượng JSON trong `data`")

_ATTRIBUTES = frozenset(_Envelope.__struct_fields__)
_HEADERS = {f"ce-{name}": name for name in _ATTRIBUTES - {"data", "data_base64", "datacontenttype"}}
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_RAW = msgspec.json.Decoder(msgspec.Raw)
_CONTENT = msgspec.msgpack.Encoder()
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


def parse(body: bytes, content_type: str | None, headers: Mapping[str, str], max_events: int = 10_000) -> Batch:
    """The events of a decompressed body. BodyProblem when the body as a whole cannot be taken."""
    media = media_type(content_type)
    # As the HTTP binding has it, a structured content type wins: such a message may repeat its attributes as headers.
    structured = media.name in ("application/cloudevents+json", "application/cloudevents-batch+json")
    binary = not structured and any(name.lower() == "ce-specversion" for name in headers)
    if media.charset not in (None, "utf-8", "utf8"):
        raise BodyProblem("unsupported_media_type", CHARSET)
    body = without_bom(body)
    if binary:
        return _binary(body, media.name, headers)
    if media.name == "application/x-ndjson":
        return _lines(body, max_events)
    if not structured and media.name != "application/json":
        raise BodyProblem(
            "unsupported_media_type",
            Message(
                "Content-Type must be application/cloudevents+json, application/cloudevents-batch+json,"
                " application/x-ndjson or application/json",
                "Content-Type phải là application/cloudevents+json, application/cloudevents-batch+json,"
                " application/x-ndjson hoặc application/json",
            ),
        )
    first = first_token(body)
    if not first:
        raise broken(Message("the body is empty", "nội dung trống"))
    if media.name == "application/cloudevents+json" or (media.name == "application/json" and first != b"["):
        return _single(body)
    return _array(body, max_events)


def fingerprint(subject: str, event: Event) -> bytes:
    """16 bytes of what an event says: equal for the same content, however it was written.

    Absent fields at the end are left out, so that a field added to a type later does not make conflicts of resends.
    """
    said = msgspec.structs.astuple(event.what)
    end = len(said)
    while end and said[end - 1] is None:
        end -= 1
    content = [event.what.code, subject, event.time, event.sequence, event.unit, *said[:end]]
    return blake2b(_CONTENT.encode(content), digest_size=16).digest()


def _single(body: bytes) -> Batch:
    try:
        outcome = _decoded(0, body, suspect=not is_utf8(body))
    except NotJson as problem:
        raise broken(problem.detail) from None
    return Batch(True, [outcome])


def _lines(body: bytes, max_events: int) -> Batch:
    lines = split_lines(body, max_events)
    suspect = not is_utf8(body)
    return Batch(False, [_isolated(index, line, suspect) for index, line in enumerate(lines)])


def _array(body: bytes, max_events: int) -> Batch:
    suspect = not is_utf8(body)
    if first_token(body) != b"[":
        try:
            _RAW.decode(body)
        except (msgspec.DecodeError, RecursionError) as problem:
            no_json = Message("{problem}", "nội dung không phải JSON", problem=shown(str(problem)))
            raise broken(no_json) from None
        no_array = Message("a batch must be a JSON array of events", "một lô phải là mảng JSON gồm các sự kiện")
        raise BodyProblem("invalid_event", no_array)
    elements = whole_array(body, max_events)
    if elements is not None:
        if len(elements) > max_events:
            raise too_many(max_events)
        return Batch(False, [_isolated(index, element, suspect) for index, element in enumerate(elements)])
    items: list[Parsed | Rejected] = []
    for index, text in enumerate(split_array(body, max_events)):
        try:
            items.append(_decoded(index, text, suspect))
        except NotJson as problem:
            # Cut by brackets alone, the array may hold what is no JSON: then the body is none either.
            if problem.grammar:
                raise broken(of_element(index, problem.detail)) from None
            items.append(Rejected(index, None, None, "invalid_json", None, problem.detail))
    return Batch(False, items)


def _binary(body: bytes, media: str, headers: Mapping[str, str]) -> Batch:
    """One event whose attributes are ce- headers and whose data is the body."""
    if media != "application/json" and (media or first_token(body)):
        no_json = Message(
            "in binary mode the Content-Type must be application/json",
            "ở chế độ nhị phân Content-Type phải là application/json",
        )
        raise BodyProblem("unsupported_media_type", no_json)
    envelope = _Envelope()
    fault: Fault | None = None
    for header, value in headers.items():
        name = _HEADERS.get(header.lower())
        if name is None:
            continue
        try:
            setattr(envelope, name, _header_text(value))
        except UnicodeDecodeError:
            unread = Message("the header is not percent-encoded UTF-8", "tiêu đề không phải UTF-8 mã hóa phần trăm")
            fault = Fault("invalid_event", name, unread)
    if first_token(body):
        try:
            if overfull(body):
                raise Fault("too_large", None, _OVERFULL)
            envelope.data = readable(body)
        except NotJson as problem:
            raise broken(problem.detail) from None
        except Fault as problem:
            fault = problem
    return Batch(True, [_rejected(0, envelope, [fault.within("")]) if fault else _outcome(0, envelope)])


def _header_text(value: str) -> str:
    """A header's value by the HTTP binding: unquoted, then percent-decoded once, as UTF-8."""
    value = value.strip(" \t")
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = _QUOTED_PAIR.sub(r"\1", value[1:-1])
    # Servers hand headers over as Latin-1; raw UTF-8 bytes in them come out right this way.
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        raw = value.encode("utf-8", "surrogatepass")
    return unquote_to_bytes(raw).decode("utf-8")


def _isolated(index: int, text: bytes | msgspec.Raw, suspect: bool) -> Parsed | Rejected:
    try:
        return _decoded(index, text, suspect)
    except NotJson as problem:
        return Rejected(index, None, None, "invalid_json", None, problem.detail)


def _decoded(index: int, text: bytes | msgspec.Raw, suspect: bool) -> Parsed | Rejected:
    """The outcome of one event's text; NotJson when it is none. `suspect`: something in the body is not UTF-8."""
    if overfull(text):
        return Rejected(index, None, None, "too_large", None, _OVERFULL)
    if not suspect:
        found = cloudevents_sound.read(text)
        if found is not None:
            return Parsed(index, *found, fingerprint(*found))
        try:
            return _outcome(index, _ENVELOPE.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    value = readable(bytes(text))
    if not isinstance(value, dict):
        no_event = Fault("invalid_event", None, expected(JSON_OBJECT), shown(value))
        return _rejected(index, _Envelope(), [no_event.within("")])
    return _outcome(index, _Envelope(**{name: value[name] for name in _ATTRIBUTES & value.keys()}))


def _rejected(index: int, envelope: _Envelope, faults: Sequence[Wrong], read: Read | None = None) -> Rejected:
    return Rejected(index, _name(envelope.id), _name(envelope.source), *faults[0], more=tuple(faults[1:]), read=read)


def _name(value: object) -> str | None:
    """An id or source as far as it can be repeated: a text that a log and a database can hold, cut to 200."""
    return one_spelling(value, MAX_SOURCE)[:MAX_ID] if isinstance(value, str) and value and is_fit(value) else None


def _outcome(index: int, envelope: _Envelope) -> Parsed | Rejected:
    """The careful way: every attribute is looked at, whatever is wrong with those before it."""
    faults = Faults()
    faults.take(_version, envelope.specversion)
    event_id = faults.take(_required, envelope.id, "id", MAX_ID)
    source = faults.take(_required, envelope.source, "source", MAX_SOURCE)
    plan = faults.take(_plan, envelope.type)
    subject = faults.take(_subject, envelope.subject)
    time = faults.take(_time, envelope.time)
    unit = faults.take(_required, envelope.unit, "unit", MAX_UNIT)
    sequence = faults.take(_fit, "" if envelope.sequence is None else envelope.sequence, "sequence", MAX_ID)
    faults.take(_json, envelope)
    data = faults.take(_data, envelope.data)
    what = plan.read(data, faults) if plan is not None and data is not None else None
    if faults:
        return _rejected(index, envelope, faults, Read(unit, time, _goal(plan, data)))
    assert what is not None, "without a fault all of it is there"
    event = Event(time, source, event_id, UnitCode(unit), what, sequence)
    return Parsed(index, subject, event, fingerprint(subject, event))


def _goal(plan: Plan | None, data: dict[str, Any] | None) -> str | None:
    """The unit that a transfer names, as far as it can be read."""
    if plan is None or plan.kind is not DossierTransferred or data is None:
        return None
    to: str | None = Faults().take(plan.checks["to"], data.get("to"), "to")
    return to


def _version(value: object) -> None:
    if value != "1.0":
        raise Fault("invalid_event", "specversion", expected(verbatim('"1.0"')), shown(value))


def _plan(kind: object) -> Plan:
    plan = PLANS.get(kind) if isinstance(kind, str) else None
    if plan is None:
        if not isinstance(kind, str) or not kind:
            _required(kind, "type", MAX_ID)
        raise Fault("unknown_type", "type", expected(_TYPE), shown(kind), likely_name(str(kind), PLANS))
    return plan


def _subject(value: object) -> str:
    if isinstance(value, str) and is_identity_number(value):
        raise Fault("personal_data", "subject", _IDENTITY)
    return _required(value, "subject", MAX_ID)


def _required(value: object, field: str, longest: int) -> str:
    if value is None:
        raise Fault("invalid_event", field, MISSING)
    if value == "":
        raise Fault("invalid_event", field, EMPTY)
    text = _fit(one_spelling(value, longest) if isinstance(value, str) else value, field, longest)
    if (fault := spelling_fault(text)) is not None:
        raise Fault("invalid_event", field, fault)
    return text


def _fit(value: object, field: str, longest: int) -> str:
    if not isinstance(value, str):
        raise Fault("invalid_event", field, expected(_STRING), shown(value))
    if len(value) > longest:
        too_long = Message(
            "at most {longest} characters, not {length}",
            "tối đa {longest} ký tự, nhận được {length}",
            longest=longest,
            length=len(value),
        )
        raise Fault("invalid_event", field, too_long)
    if not is_fit(value):
        raise Fault("invalid_event", field, UNFIT)
    return value


def _time(value: object) -> Any:
    micros = instant(value) if isinstance(value, str) else None
    if micros is None:
        if value is None:
            raise Fault("invalid_event", "time", _NO_TIME)
        raise Fault("invalid_event", "time", expected(right_time(value)), shown(value))
    if micros < EARLIEST:
        raise Fault("time_out_of_range", "time", _EARLY)
    return micros


def _json(envelope: _Envelope) -> None:
    """Refuse data in any other form than JSON."""
    if envelope.data_base64 is not None:
        raise Fault("invalid_event", "data_base64", _DATA_ELSEWHERE)
    media = envelope.datacontenttype
    if media is not None and (not isinstance(media, str) or media_type(media).name != "application/json"):
        raise Fault("invalid_event", "datacontenttype", expected(verbatim("application/json")), shown(media))


def _data(data: object) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise Fault("invalid_value", "data", expected(AN_OBJECT), shown(data))
    return data
