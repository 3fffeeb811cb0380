"""Events as the contract has them: a type's `data` is described by the annotations of domain.lives.events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from app.api.http.openapi.examples import Schema, nullable, ref
from app.domain.calendar.civil import Day, Instant
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.lives.events import MEANINGS, TYPES, Amount, Count, EventId, FreeText, Happening
from app.intake.values import MAX_AMOUNT, MAX_COUNT, MAX_ID, MAX_TEXT, MAX_UNIT

PROCEDURE_PATTERN: Final = r"^[0-9]{1,6}\.[0-9]{1,12}$"
CORE_PATTERN: Final = r"^[0-9]{1,6}\.[0-9]{6}$"
MAX_SOURCE: Final = 300


def _text(description: str, example: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, "examples": [example], **more}


def _whole(description: str, example: int, maximum: int) -> Schema:
    return {"type": "integer", "description": description, "examples": [example], "minimum": 0, "maximum": maximum}


_VALUES: Final[dict[Any, Schema]] = {
    bool: {"type": "boolean", "description": "Whether it is so.", "examples": [True]},
    Instant: _text("A time in 2000-2100.", "2026-01-12T17:00:00+07:00", format="date-time"),
    Day: _text("A date in 2000-2100.", "2026-01-05", format="date"),
    Amount: _whole("Vietnamese đồng.", 150000, MAX_AMOUNT),
    Count: _whole("How many.", 3, MAX_COUNT),
    ProcedureCode: _text("The core code of a procedure (mã TTHC).", "1.004555", pattern=PROCEDURE_PATTERN),
    UnitCode: _text("The code of a unit, or an alias.", "H44.13", minLength=1, maxLength=MAX_UNIT),
    FreeText: _text("A short text, no person's.", "Sở Tài chính", maxLength=MAX_TEXT),
    EventId: _text("The id of the event that is undone.", "9f6c0a52", minLength=1, maxLength=MAX_ID),
}

_SUBJECTS: Final = {"petition": "PAKN.H44-260105-0001", "procedure": "1.004555", "document": "12/QĐ-SCT"}
ENVELOPE: Final = {
    "specversion": {"const": "1.0", "description": "The version of CloudEvents."},
    "id": _text("Names the event within its source, for ever.", "9f6c0a53", minLength=1, maxLength=MAX_ID),
    "source": _text("The software that sends.", "/h44/igate", minLength=1, maxLength=MAX_SOURCE),
    "type": _text("The type.", "dossier.received", enum=[kind.type for kind in TYPES]),
    "subject": _text(
        "The code of the dossier, petition, procedure or document.",
        "H44.07-260105-0001",
        minLength=1,
        maxLength=MAX_ID,
    ),
    "time": _text(
        "When it happened; at most 10 minutes ahead of the server.", "2026-01-05T08:12:00+07:00", format="date-time"
    ),
    "unit": _text("The code or an alias of the unit that handles it.", "H44.07", minLength=1, maxLength=MAX_UNIT),
    "sequence": _text("Orders events of one instant, by bytes.", "0001", maxLength=MAX_ID),
    "datacontenttype": _text("The type of data.", "application/json"),
}
_OPTIONAL: Final = ("sequence", "datacontenttype")


def name_of(kind: type[Happening]) -> str:
    """The component of a type's events."""
    return kind.__name__


def data_name_of(kind: type[Happening]) -> str:
    """The component of their `data`: clients made from the description name a class by it."""
    return f"{kind.__name__}Data"


def value_schema(annotation: Any, name: str) -> Schema:
    """The schema of a field's annotation; an optional one may be null, which is absent."""
    options = [each for each in get_args(annotation) if each is not NoneType]
    if NoneType in get_args(annotation):
        return nullable(value_schema(options[0], name))
    if get_origin(annotation) is Literal:
        return _text(MEANINGS[name], get_args(annotation)[0], enum=list(get_args(annotation)))
    schema = _VALUES[annotation]
    return {**schema, "description": MEANINGS.get(name, schema["description"])}


def data_schema(kind: type[Happening]) -> Schema:
    """The `data` of a type."""
    fields = msgspec.structs.fields(kind)
    required = [field.name for field in fields if field.required]
    return {
        "title": data_name_of(kind),
        "type": "object",
        "description": f"What {kind.type} says.",
        "properties": {field.name: value_schema(field.type, field.name) for field in fields},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _event(kind: type[Happening]) -> Schema:
    """A type's events: the envelope with this type and its data."""
    needed = "required" in data_schema(kind)
    data = ref(data_name_of(kind))
    specific = {
        "title": f"What {kind.type} has of its own",
        "type": "object",
        "properties": {"type": {"const": kind.type}, "data": data if needed else nullable(data)},
        "required": ["type", *(["data"] if needed else [])],
    }
    return {
        "title": kind.type,
        "description": kind.__doc__,
        "allOf": [ref("Envelope"), specific],
        "examples": [example(kind)],
    }


def example(kind: type[Happening]) -> dict[str, Any]:
    """An event of a type with all its fields."""
    data = {name: schema["examples"][0] for name, schema in data_schema(kind)["properties"].items()}
    event = {
        name: schema["const"] if "const" in schema else schema["examples"][0]
        for name, schema in ENVELOPE.items()
        if name not in _OPTIONAL
    }
    noun = kind.type.partition(".")[0]
    event |= {"id": f"9f6c0a{52 + kind.code}", "type": kind.type}
    event["subject"] = _SUBJECTS.get(noun, event["subject"])
    return event | ({"data": data} if data else {})


EXAMPLES: Final = {kind.type: example(kind) for kind in TYPES}
COMPONENTS: Final[dict[str, Schema]] = {
    "Envelope": {
        "title": "Envelope",
        "type": "object",
        "description": "The attributes of a CloudEvent; extension attributes that are not named here are ignored.",
        "properties": {name: nullable(schema) if name in _OPTIONAL else schema for name, schema in ENVELOPE.items()},
        "required": [name for name in ENVELOPE if name not in _OPTIONAL],
    },
    **{name_of(kind): _event(kind) for kind in TYPES},
    **{data_name_of(kind): data_schema(kind) for kind in TYPES},
    "Batch": {
        "title": "Batch",
        "type": "array",
        "description": "At most 10,000 events; none is fine.",
        "items": ref("Event"),
    },
    "Event": {
        "title": "Event",
        "description": "A CloudEvent 1.0 of one of the contract's types.",
        "oneOf": [ref(name_of(kind)) for kind in TYPES],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind.type: ref(name_of(kind))["$ref"] for kind in TYPES},
        },
    },
}

_BATCH: Final = [EXAMPLES["dossier.received"], {**EXAMPLES["dossier.returned"], "time": "2026-01-09T10:00:00+07:00"}]
_LINES: Final = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in _BATCH)
_DATA: Final = {
    "title": "Data",
    "type": "object",
    "description": "Binary mode, with ce- headers: the event's data alone.",
}


def _content(schema: Schema, examples: Mapping[str, Any]) -> Schema:
    return {"schema": schema, "examples": {name: {"value": value} for name, value in examples.items()}}


BODY: Final = {
    "application/cloudevents+json": _content(ref("Event"), EXAMPLES),
    "application/cloudevents-batch+json": _content(ref("Batch"), {"batch": _BATCH}),
    "application/x-ndjson": _content(_text("An event a line; blank lines are skipped.", _LINES), {"lines": _LINES}),
    "application/json": _content(
        {"anyOf": [ref("Event"), ref("Batch"), _DATA]},
        {"one": _BATCH[0], "batch": _BATCH, "binary_mode": _BATCH[0]["data"]},
    ),
}
"""Events in: one, an array, lines, or in binary mode."""
