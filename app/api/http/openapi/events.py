"""Events as the contract has them: the schema of each type's `data` is made from the annotations of domain.events."""

from __future__ import annotations

from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from app.api.http.openapi.schemas import Schema, choice, day, flag, instant, nullable, record, ref, rows, text, whole
from app.domain.calendar.civil import Day, Instant
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.lives.events import TYPES, Amount, Count, EventId, FreeText, Happening
from app.intake.values import MAX_AMOUNT, MAX_COUNT, MAX_ID, MAX_TEXT, MAX_UNIT

PROCEDURE_PATTERN: Final = r"^[0-9]{1,6}\.[0-9]{1,12}$"
MAX_SOURCE: Final = 300

_VALUES: Final[dict[Any, Schema]] = {
    bool: flag("Whether it is so."),
    Instant: instant("A time in 2000-2100.", "2026-01-12T17:00:00+07:00"),
    Day: day("A date in 2000-2100."),
    Amount: whole("Vietnamese đồng.", 150000, maximum=MAX_AMOUNT),
    Count: whole("How many.", 3, maximum=MAX_COUNT),
    ProcedureCode: text("The core code of a procedure (mã TTHC).", "1.004555", pattern=PROCEDURE_PATTERN),
    UnitCode: text("The code of a unit, or an alias.", "H44.13", minLength=1, maxLength=MAX_UNIT),
    FreeText: text("A short text, no person's.", "Sở Tài chính", maxLength=MAX_TEXT),
    EventId: text("The id of the event that is undone.", "9f6c0a52", minLength=1, maxLength=MAX_ID),
}
_MEANINGS: Final = {
    "about": "What it is about.",
    "amount": "Vietnamese đồng.",
    "applicant": "Who applies.",
    "channel": "How it came.",
    "complete": "Whether the publication is complete.",
    "components": "How many components have a digitised file; 0 is allowed.",
    "decided_on": "The date of the decision.",
    "due_at": "When it is due.",
    "effective_on": "The date it takes effect.",
    "electronic": "Whether it was sent electronically.",
    "electronic_result": "Whether there is an electronic result.",
    "fee": "Whether a fee is due.",
    "origin": "Where it came from.",
    "population_data": "Whether data of the population database were used.",
    "portal": "The portal it was sent through.",
    "published_on": "The date of the publication.",
    "receiver": "Who received it.",
    "reused": "Whether digitised data were reused.",
    "satisfied": "Whether the rater is satisfied.",
    "shared_store": "Whether the result is in the national data store.",
    "signed": "Whether it has a digital signature.",
    "submitted_at": "When it was submitted.",
    "tier": "The tier of the sender.",
    "via": "By which way.",
    "what": "What was signed.",
}

SUMMARIES: Final = {
    "dossier.submitted": "A dossier was submitted, and is not received yet",
    "dossier.received": "A dossier was received (tiếp nhận)",
    "dossier.due_changed": "The due time was changed",
    "dossier.transferred": "Another unit handles it from now on",
    "dossier.supplement_requested": "A supplement was asked for: the clock stands",
    "dossier.supplemented": "The supplement came: the clock runs again",
    "dossier.digitised": "Papers were digitised, or digitised data used (số hóa)",
    "dossier.fee_requested": "A fee was asked for",
    "dossier.fee_waived": "The fee was waived",
    "dossier.paid": "The fee was paid",
    "dossier.signed": "A component or the result was signed digitally",
    "dossier.completed": "The result is there",
    "dossier.returned": "The result was returned (trả kết quả)",
    "dossier.refused": "The dossier was refused",
    "dossier.stopped": "Handling was stopped",
    "dossier.withdrawn": "The applicant withdrew it",
    "dossier.not_accepted": "It was not accepted",
    "dossier.synced": "It is on the national portal",
    "dossier.rated": "The applicant rated the handling",
    "dossier.voided": "It leaves every count",
    "petition.received": "A petition was received (phản ánh, kiến nghị)",
    "petition.supplement_requested": "A supplement was asked for",
    "petition.supplemented": "The supplement came",
    "petition.refused": "It was refused",
    "petition.forwarded": "It was forwarded",
    "petition.answered": "It was answered",
    "petition.published": "The answer was published",
    "petition.rated": "The answer was rated",
    "petition.voided": "It leaves every count",
    "procedure.announced": "A procedure was announced (công bố)",
    "procedure.published": "A procedure was made public (công khai)",
    "document.sent": "A document was sent",
    "event.retracted": "An event of the same source and subject is undone",
}

_SUBJECTS: Final = {"petition": "PAKN.H44-260105-0001", "procedure": "1.004555", "document": "12/QĐ-SCT"}
ENVELOPE: Final = {
    "specversion": {"const": "1.0", "description": "The version of CloudEvents."},
    "id": text("Names the event within its source, for ever.", "9f6c0a53", minLength=1, maxLength=MAX_ID),
    "source": text("The software that sends.", "/h44/igate", minLength=1, maxLength=MAX_SOURCE),
    "type": choice("The type.", [kind.type for kind in TYPES], "dossier.received"),
    "subject": text(
        "The code of the dossier, petition, procedure or document.",
        "H44.07-260105-0001",
        minLength=1,
        maxLength=MAX_ID,
    ),
    "time": instant("When it happened; at most 10 minutes ahead of the server."),
    "unit": text("The code or an alias of the unit that handles it.", "H44.07", minLength=1, maxLength=MAX_UNIT),
    "sequence": text("Orders events of one instant, by bytes.", "0001", maxLength=MAX_ID),
    "datacontenttype": text("The type of data.", "application/json"),
}
_OPTIONAL: Final = ("sequence", "datacontenttype")


def name_of(kind: type[Happening]) -> str:
    """The component of a type's events."""
    return kind.__name__


def value_schema(annotation: Any, name: str) -> Schema:
    """The schema of a field's annotation; an optional one may be null, which is absent."""
    options = [each for each in get_args(annotation) if each is not NoneType]
    if NoneType in get_args(annotation):
        return nullable(value_schema(options[0], name))
    if get_origin(annotation) is Literal:
        return choice(_MEANINGS[name], get_args(annotation))
    schema = _VALUES[annotation]
    return {**schema, "description": _MEANINGS.get(name, schema["description"])}


def data_schema(kind: type[Happening]) -> Schema:
    """The `data` of a type."""
    fields = msgspec.structs.fields(kind)
    return record(
        {field.name: value_schema(field.type, field.name) for field in fields},
        "What the event says.",
        [field.name for field in fields if not field.required],
    )


def _event(kind: type[Happening]) -> Schema:
    """A type's events: the envelope with this type and its data."""
    data = data_schema(kind)
    specific = {
        "properties": {"type": {"const": kind.type}, "data": data if "required" in data else nullable(data)},
        "required": ["type", *(["data"] if "required" in data else [])],
    }
    return {
        "description": f"{SUMMARIES[kind.type]}.",
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
_ISSUE: Final = {
    "index": whole("The place in the batch, from 0.", 17),
    "id": text("The event's id, as far as it can be read.", "9f6c0a53"),
    "code": text("The kind of problem.", "unknown_field"),
    "field": text("The field.", "data.name"),
    "detail": text("What is wrong with it.", "not a field of this type, which takes due_at"),
}


def issues(codes: tuple[str, ...]) -> Schema:
    """One element of a batch that was not taken."""
    told = {**_ISSUE, "code": choice("The kind of problem.", codes, "unknown_field")}
    return record({**told, "id": nullable(_ISSUE["id"]), "field": nullable(_ISSUE["field"])}, "Why one was rejected.")


REJECTION_CODES: Final = (
    "invalid_json",
    "invalid_event",
    "invalid_value",
    "invalid_code",
    "unknown_field",
    "unknown_type",
    "unknown_unit",
    "personal_data",
    "future_time",
    "time_out_of_range",
    "conflict",
    "life_too_long",
    "forbidden_unit",
    "too_large",
)
OUTCOME: Final = record(
    {
        "accepted": whole("How many were committed and counted.", 98),
        "duplicates": whole("How many were there already, with the same content.", 1),
        "rejected": whole("How many were not taken.", 1),
        "errors": rows(issues(REJECTION_CODES), "Why not, one for each."),
        "warnings": rows(
            record(
                {**_ISSUE, "code": choice("What to look at.", ("unknown_procedure",))},
                "An accepted event that somebody should look at.",
                examples=[
                    {
                        "index": 18,
                        "id": "9f6c0a54",
                        "code": "unknown_procedure",
                        "field": "data.procedure",
                        "detail": "the catalogue has no such procedure; it is counted with default attributes",
                    }
                ],
            ),
            "Only where there are any.",
        ),
    },
    "One outcome per event.",
    ("warnings",),
)
COMPONENTS: Final[dict[str, Schema]] = {
    "Envelope": {
        "type": "object",
        "description": "The attributes of a CloudEvent; extension attributes that are not named here are ignored.",
        "properties": {name: nullable(schema) if name in _OPTIONAL else schema for name, schema in ENVELOPE.items()},
        "required": [name for name in ENVELOPE if name not in _OPTIONAL],
    },
    **{name_of(kind): _event(kind) for kind in TYPES},
    "Event": {
        "description": "A CloudEvent 1.0 of one of the contract's types.",
        "oneOf": [ref(name_of(kind)) for kind in TYPES],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind.type: ref(name_of(kind))["$ref"] for kind in TYPES},
        },
    },
    "Outcome": OUTCOME,
}
