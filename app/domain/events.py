"""What can happen: one frozen type per kind of event, a closed union.

The order of the classes is the order of the contract's table and therefore part of the reading order of a life: `rank`
breaks ties between events of one instant. A life (all events of one subject) is stored as these values in msgpack, so
fields are only ever added at the end, with a default.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NewType

import msgspec

from app.domain.codes import is_under

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

Day = NewType("Day", int)
"""A civil date as days since 1970-01-01."""

UnitCode = NewType("UnitCode", str)
ProcedureCode = NewType("ProcedureCode", str)
Amount = NewType("Amount", int)
"""Vietnamese đồng, a whole number from 0 on."""

Count = NewType("Count", int)
EventId = NewType("EventId", str)
FreeText = NewType("FreeText", str)

Channel = Literal["online", "counter", "postal"]
Portal = Literal["national", "local"]
Receiver = Literal["officer", "postal_clerk"]
Applicant = Literal["citizen", "organisation"]
PaidVia = Literal["national_gateway", "local_gateway", "cash", "transfer"]
Signed = Literal["component", "result"]
ReturnedVia = Literal["counter", "postal", "online"]
About = Literal["regulation", "staff", "other"]
Origin = Literal["direct", "forwarded"]
Tier = Literal["province", "agencies", "commune"]


class Happening(msgspec.Struct, frozen=True, array_like=True):
    """What an event says beyond its envelope; `type` is the contract's, `rank` its place in the contract's table."""

    type: ClassVar[str]
    rank: ClassVar[int]


class DossierSubmitted(Happening, frozen=True, tag=0):
    channel: Channel | None = None
    portal: Portal | None = None


class DossierReceived(Happening, frozen=True, tag=1):
    procedure: ProcedureCode
    channel: Channel
    due_at: Instant | None = None
    submitted_at: Instant | None = None
    fee: bool | None = None
    portal: Portal | None = None
    receiver: Receiver | None = None
    applicant: Applicant | None = None


class DossierDueChanged(Happening, frozen=True, tag=2):
    due_at: Instant


class DossierTransferred(Happening, frozen=True, tag=3):
    to: UnitCode


class DossierSupplementRequested(Happening, frozen=True, tag=4):
    due_at: Instant | None = None


class DossierSupplemented(Happening, frozen=True, tag=5):
    due_at: Instant | None = None


class DossierDigitised(Happening, frozen=True, tag=6):
    components: Count | None = None
    reused: bool | None = None
    shared_store: bool | None = None
    population_data: bool | None = None


class DossierFeeRequested(Happening, frozen=True, tag=7):
    amount: Amount | None = None


class DossierFeeWaived(Happening, frozen=True, tag=8):
    amount: Amount | None = None


class DossierPaid(Happening, frozen=True, tag=9):
    via: PaidVia
    amount: Amount | None = None


class DossierSigned(Happening, frozen=True, tag=10):
    what: Signed


class DossierCompleted(Happening, frozen=True, tag=11):
    electronic_result: bool | None = None
    signed: bool | None = None


class DossierReturned(Happening, frozen=True, tag=12):
    via: ReturnedVia
    electronic_result: bool | None = None


class DossierRefused(Happening, frozen=True, tag=13):
    pass


class DossierStopped(Happening, frozen=True, tag=14):
    pass


class DossierWithdrawn(Happening, frozen=True, tag=15):
    pass


class DossierNotAccepted(Happening, frozen=True, tag=16):
    pass


class DossierSynced(Happening, frozen=True, tag=17):
    pass


class DossierRated(Happening, frozen=True, tag=18):
    satisfied: bool


class DossierVoided(Happening, frozen=True, tag=19):
    pass


class PetitionReceived(Happening, frozen=True, tag=20):
    about: About
    origin: Origin | None = None


class PetitionSupplementRequested(Happening, frozen=True, tag=21):
    pass


class PetitionSupplemented(Happening, frozen=True, tag=22):
    pass


class PetitionRefused(Happening, frozen=True, tag=23):
    pass


class PetitionForwarded(Happening, frozen=True, tag=24):
    pass


class PetitionAnswered(Happening, frozen=True, tag=25):
    pass


class PetitionPublished(Happening, frozen=True, tag=26):
    pass


class PetitionRated(Happening, frozen=True, tag=27):
    satisfied: bool


class PetitionVoided(Happening, frozen=True, tag=28):
    pass


class ProcedureAnnounced(Happening, frozen=True, tag=29):
    decided_on: Day
    effective_on: Day


class ProcedurePublished(Happening, frozen=True, tag=30):
    decided_on: Day
    published_on: Day
    complete: bool


class DocumentSent(Happening, frozen=True, tag=31):
    electronic: bool
    signed: bool | None = None
    tier: Tier | None = None
    to: FreeText | None = None


class EventRetracted(Happening, frozen=True, tag=32):
    id: EventId


AnyHappening = (
    DossierSubmitted
    | DossierReceived
    | DossierDueChanged
    | DossierTransferred
    | DossierSupplementRequested
    | DossierSupplemented
    | DossierDigitised
    | DossierFeeRequested
    | DossierFeeWaived
    | DossierPaid
    | DossierSigned
    | DossierCompleted
    | DossierReturned
    | DossierRefused
    | DossierStopped
    | DossierWithdrawn
    | DossierNotAccepted
    | DossierSynced
    | DossierRated
    | DossierVoided
    | PetitionReceived
    | PetitionSupplementRequested
    | PetitionSupplemented
    | PetitionRefused
    | PetitionForwarded
    | PetitionAnswered
    | PetitionPublished
    | PetitionRated
    | PetitionVoided
    | ProcedureAnnounced
    | ProcedurePublished
    | DocumentSent
    | EventRetracted
)

KINDS: tuple[type[Happening], ...] = AnyHappening.__args__

# The contract writes types as noun.verb; the noun is the first word of the class name.
_NOUNS = {
    "Dossier": "dossier",
    "Petition": "petition",
    "Procedure": "procedure",
    "Document": "document",
    "Event": "event",
}


def _contract_type(kind: type[Happening]) -> str:
    noun = next(each for each in _NOUNS if kind.__name__.startswith(each))
    verb = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__[len(noun) :]).lstrip("_")
    return f"{_NOUNS[noun]}.{verb}"


for _rank, _kind in enumerate(KINDS):
    _kind.rank = _rank
    _kind.type = _contract_type(_kind)

BY_TYPE: dict[str, type[Happening]] = {kind.type: kind for kind in KINDS}


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One thing that happened to one subject, as it stands in the subject's life.

    `time` in µs since the epoch; `unit` is the resolved code of the unit that handled it; (`source`, `id`) name the
    event within its root.
    """

    time: Instant
    source: str
    id: str
    unit: UnitCode
    what: AnyHappening
    sequence: str = ""


def reading_order(event: Event) -> tuple[int, str, int, str, str]:
    """The order in which a life is read, whatever the order of arrival. Texts compare by code point."""
    return (event.time, event.sequence, event.what.rank, event.source, event.id)


_LIFE_ENCODER = msgspec.msgpack.Encoder()
_LIFE_DECODER = msgspec.msgpack.Decoder(list[Event])


def pack(life: list[Event]) -> bytes:
    """A life in its stored form."""
    return _LIFE_ENCODER.encode(life)


def unpack(stored: bytes) -> list[Event]:
    """The life of a stored form."""
    return _LIFE_DECODER.decode(stored)


def without_retracted(life: list[Event]) -> list[Event]:
    """The events that stand, in reading order: neither retractions nor what they undo.

    A retraction takes effect first, whatever its time: the event of the same source with the named id is as if never
    sent, when the retraction's unit is the target's unit or above it. A retraction itself cannot be retracted.
    """
    retractions: dict[tuple[str, str], list[str]] = {}
    for event in life:
        if isinstance(event.what, EventRetracted):
            retractions.setdefault((event.source, event.what.id), []).append(event.unit)
    standing = [event for event in life if not isinstance(event.what, EventRetracted)]
    if retractions:
        standing = [
            e for e in standing if not any(is_under(e.unit, by) for by in retractions.get((e.source, e.id), ()))
        ]
    return sorted(standing, key=reading_order) if len(standing) > 1 else standing
