"""What the plain peer takes: CloudEvents read into the rows of its table, all of a request or none of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import IntFlag
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct

_Aware = Annotated[datetime, Meta(tz=True)]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Channel = Literal["online", "counter", "postal"]
_Via = Literal["national_gateway", "local_gateway", "cash", "transfer"]


class Flag(IntFlag):
    """What an event says of its dossier for good: a dossier's flags are those of its events, or-ed together.

    One small column and one aggregate instead of a column and an aggregate for each.
    """

    ONLINE = 1
    POSTAL = 2
    FEE = 4
    WAIVED = 8
    PAID_ONLINE = 16
    E_RESULT = 32
    DIGITISED = 64
    REUSED = 128
    SHARED_STORE = 256
    POPULATION_DATA = 512
    DISLIKED = 1024
    SYNCED = 2048
    VOIDED = 4096


class _Event(Struct):
    """The envelope; unknown extension attributes are ignored."""

    specversion: Literal["1.0"]
    id: _Name
    source: _Name
    type: str
    subject: _Name
    time: _Aware
    unit: _Name
    data: Raw = Raw(b"{}")


class _Nothing(Struct, forbid_unknown_fields=True):
    """Data of events that say nothing more."""


class _Submitted(Struct, forbid_unknown_fields=True):
    channel: _Channel | None = None
    portal: Literal["national", "local"] | None = None


class _Received(Struct, forbid_unknown_fields=True):
    procedure: _Name
    channel: _Channel
    due_at: _Aware | None = None
    submitted_at: _Aware | None = None
    fee: bool | None = None
    portal: Literal["national", "local"] | None = None
    receiver: Literal["officer", "postal_clerk"] | None = None
    applicant: Literal["citizen", "organisation"] | None = None


class _DueChanged(Struct, forbid_unknown_fields=True):
    due_at: _Aware


class _Transferred(Struct, forbid_unknown_fields=True):
    to: _Name


class _Supplement(Struct, forbid_unknown_fields=True):
    due_at: _Aware | None = None


class _Digitised(Struct, forbid_unknown_fields=True):
    components: Annotated[int, Meta(ge=0)] | None = None
    reused: bool | None = None
    shared_store: bool | None = None
    population_data: bool | None = None


class _Amount(Struct, forbid_unknown_fields=True):
    amount: int | None = None


class _Paid(Struct, forbid_unknown_fields=True):
    via: _Via
    amount: int | None = None


class _Signed(Struct, forbid_unknown_fields=True):
    what: Literal["component", "result"]


class _Completed(Struct, forbid_unknown_fields=True):
    electronic_result: bool | None = None
    signed: bool | None = None


class _Returned(Struct, forbid_unknown_fields=True):
    via: Literal["counter", "postal", "online"]
    electronic_result: bool | None = None


class _Rated(Struct, forbid_unknown_fields=True):
    satisfied: bool


class _Petition(Struct, forbid_unknown_fields=True):
    about: Literal["regulation", "staff", "other"]
    origin: Literal["direct", "forwarded"] | None = None


class _Announced(Struct, forbid_unknown_fields=True):
    decided_on: date
    effective_on: date


class _Published(Struct, forbid_unknown_fields=True):
    decided_on: date
    published_on: date
    complete: bool


class _Document(Struct, forbid_unknown_fields=True):
    electronic: bool
    signed: bool | None = None
    tier: Literal["province", "agencies", "commune"] | None = None
    to: str | None = None


class _Retracted(Struct, forbid_unknown_fields=True):
    id: _Name


_DATA: Final[Mapping[str, type[Struct]]] = {
    "dossier.submitted": _Submitted,
    "dossier.received": _Received,
    "dossier.due_changed": _DueChanged,
    "dossier.transferred": _Transferred,
    "dossier.supplement_requested": _Supplement,
    "dossier.supplemented": _Supplement,
    "dossier.digitised": _Digitised,
    "dossier.fee_requested": _Amount,
    "dossier.fee_waived": _Amount,
    "dossier.paid": _Paid,
    "dossier.signed": _Signed,
    "dossier.completed": _Completed,
    "dossier.returned": _Returned,
    "dossier.refused": _Nothing,
    "dossier.stopped": _Nothing,
    "dossier.withdrawn": _Nothing,
    "dossier.not_accepted": _Nothing,
    "dossier.synced": _Nothing,
    "dossier.rated": _Rated,
    "dossier.voided": _Nothing,
    "petition.received": _Petition,
    "petition.supplement_requested": _Nothing,
    "petition.supplemented": _Nothing,
    "petition.refused": _Nothing,
    "petition.forwarded": _Nothing,
    "petition.answered": _Nothing,
    "petition.published": _Nothing,
    "petition.rated": _Rated,
    "petition.voided": _Nothing,
    "procedure.announced": _Announced,
    "procedure.published": _Published,
    "document.sent": _Document,
    "event.retracted": _Retracted,
}
TYPES: Final = tuple(_DATA)
COLUMNS: Final = (
    "source", "id", "type", "time", "unit", "subject", "procedure", "channel", "due_at", "to_unit", "flags", "data",
)  # fmt: skip
"""Of a row, in its order."""

_READERS: Final[Mapping[str, Callable[[Raw], Any]]] = {
    name: msgspec.json.Decoder(data).decode for name, data in _DATA.items()
}
_BATCH: Final = msgspec.json.Decoder(list[_Event])
_EVENT: Final = msgspec.json.Decoder(_Event)
_CHANNELS: Final[Mapping[str, int]] = {"online": Flag.ONLINE.value, "postal": Flag.POSTAL.value}
_FLAGS: Final[Mapping[str, int]] = {
    "dossier.voided": Flag.VOIDED.value,
    "dossier.synced": Flag.SYNCED.value,
    "dossier.fee_waived": Flag.WAIVED.value,
}
_ONLINE_PAYMENT: Final = ("national_gateway", "local_gateway")
Row = tuple[Any, ...]


class Unsound(Exception):
    """A request with an event that is not one; the message says which and why."""


def rows(body: bytes, content_type: str) -> list[Row]:
    """The events of a body: one, an array of them, or one in each line."""
    try:
        match content_type.partition(";")[0].strip():
            case "application/cloudevents-batch+json":
                events = _BATCH.decode(body)
            case "application/x-ndjson":
                events = _EVENT.decode_lines(body)
            case _:
                events = [_EVENT.decode(body)]
        made = [_row(event) for event in events]
    except msgspec.MsgspecError as error:
        raise Unsound(str(error)) from error
    # Requests that bring the same events wait for each other in one order, never in a circle; and neighbours in the
    # primary key are written together.
    made.sort(key=_key)
    return made


def _key(row: Row) -> tuple[str, str]:
    return row[:2]


def _row(event: _Event) -> Row:
    kind = event.type
    reader = _READERS.get(kind)
    if reader is None:
        raise Unsound(f"{event.id}: no such type, {kind}")
    data = reader(event.data)
    procedure = channel = due_at = to = None
    flags = _FLAGS.get(kind, 0)
    match data:
        case _Received():
            procedure, channel, due_at = data.procedure, data.channel, data.due_at
            flags = _CHANNELS.get(channel, 0) | (Flag.FEE.value if data.fee else 0)
        case _Digitised():
            flags = _digitised(data)
        case _Completed() | _Returned():
            flags = Flag.E_RESULT.value if data.electronic_result else 0
        case _Paid():
            flags = Flag.PAID_ONLINE.value if data.via in _ONLINE_PAYMENT else 0
        case _Amount() if kind == "dossier.fee_requested":
            flags = Flag.FEE.value if data.amount != 0 else Flag.WAIVED.value
        case _Rated():
            flags = 0 if data.satisfied else Flag.DISLIKED.value
        case _DueChanged() | _Supplement():
            due_at = data.due_at
        case _Transferred():
            to = data.to
    return (
        event.source, event.id, kind, event.time, event.unit, event.subject, procedure, channel, due_at, to, flags,
        bytes(event.data).decode(),
    )  # fmt: skip


def _digitised(data: _Digitised) -> int:
    return (
        (Flag.DIGITISED.value if data.components else 0)
        | (Flag.REUSED.value if data.reused else 0)
        | (Flag.SHARED_STORE.value if data.shared_store else 0)
        | (Flag.POPULATION_DATA.value if data.population_data else 0)
    )
