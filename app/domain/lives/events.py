"""What can happen: one frozen type per kind of event, a closed union.

A type is declared by its class alone: its name on the wire, its code, its fields, and in a sentence what happened. The
codes follow the contract's table and are therefore part of the reading order of a life: they break ties between events
of one instant. A life (all events of one subject) is stored as these values in msgpack, so fields are only ever added
at the end, with a default.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal, NewType

import msgspec

from app.domain.calendar.civil import Day, Instant
from app.domain.codes import ProcedureCode, UnitCode

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
Noun = Literal["dossier", "petition", "procedure", "document", "event"]

MEANINGS: Final = {
    "about": "What it is about.",
    "amount": "Vietnamese đồng.",
    "applicant": "Who applies.",
    "channel": "How it came.",
    "complete": "Whether the publication is complete.",
    "components": "How many components have a digitised file; 0 is allowed.",
    "decided_on": "The date of the decision.",
    "due_at": (
        "When it is due, pauses not included: the deadline is the last due time told, be it after a pause, plus all"
        " pauses that count. Told at 2026-01-12T17:00:00+07:00 with a pause of two days: 2026-01-14T17:00:00+07:00."
    ),
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
    "shared_store": "Whether papers from the shared data store were used.",
    "signed": "Whether it has a digital signature.",
    "submitted_at": "When it was submitted.",
    "tier": "The tier of the sender.",
    "via": "By which way.",
    "what": "What was signed.",
}
"""What a field means, in whatever type it stands."""


class Happening(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an event says beyond its envelope.

    Attributes:
        type: the name on the wire, noun.verb.
        code: the number in the log and in stored lives, the `tag` of its class; once given it never changes.
        noun: what it tells of; each has a fold of its own.
    """

    type: ClassVar[str]
    code: ClassVar[int]
    noun: ClassVar[Noun]


class DossierSubmitted(Happening, frozen=True, tag=0, gc=False):
    """A dossier was submitted, and is not received yet."""

    type = "dossier.submitted"
    channel: Channel | None = None
    portal: Portal | None = None


class DossierReceived(Happening, frozen=True, tag=1, gc=False):
    """A dossier was received (tiếp nhận)."""

    type = "dossier.received"
    procedure: ProcedureCode
    channel: Channel
    due_at: Instant | None = None
    submitted_at: Instant | None = None
    fee: bool | None = None
    portal: Portal | None = None
    receiver: Receiver | None = None
    applicant: Applicant | None = None


class DossierDueChanged(Happening, frozen=True, tag=2, gc=False):
    """The due time was changed."""

    type = "dossier.due_changed"
    due_at: Instant


class DossierTransferred(Happening, frozen=True, tag=3, gc=False):
    """Another unit handles it from now on."""

    type = "dossier.transferred"
    to: UnitCode


class DossierSupplementRequested(Happening, frozen=True, tag=4, gc=False):
    """A supplement was asked for: the clock stands."""

    type = "dossier.supplement_requested"
    due_at: Instant | None = None


class DossierSupplemented(Happening, frozen=True, tag=5, gc=False):
    """The supplement came: the clock runs again."""

    type = "dossier.supplemented"
    due_at: Instant | None = None


class DossierDigitised(Happening, frozen=True, tag=6, gc=False):
    """Papers were digitised, or digitised data used (số hóa)."""

    type = "dossier.digitised"
    components: Count | None = None
    reused: bool | None = None
    shared_store: bool | None = None
    population_data: bool | None = None


class DossierFeeRequested(Happening, frozen=True, tag=7, gc=False):
    """A fee was asked for."""

    type = "dossier.fee_requested"
    amount: Amount | None = None


class DossierFeeWaived(Happening, frozen=True, tag=8, gc=False):
    """The fee was waived."""

    type = "dossier.fee_waived"
    amount: Amount | None = None


class DossierPaid(Happening, frozen=True, tag=9, gc=False):
    """The fee was paid."""

    type = "dossier.paid"
    via: PaidVia
    amount: Amount | None = None


class DossierSigned(Happening, frozen=True, tag=10, gc=False):
    """A component or the result was signed digitally."""

    type = "dossier.signed"
    what: Signed


class DossierCompleted(Happening, frozen=True, tag=11, gc=False):
    """The result is there."""

    type = "dossier.completed"
    electronic_result: bool | None = None
    signed: bool | None = None


class DossierReturned(Happening, frozen=True, tag=12, gc=False):
    """The result was returned (trả kết quả)."""

    type = "dossier.returned"
    via: ReturnedVia
    electronic_result: bool | None = None


class DossierRefused(Happening, frozen=True, tag=13, gc=False):
    """The dossier was refused."""

    type = "dossier.refused"


class DossierStopped(Happening, frozen=True, tag=14, gc=False):
    """Handling was stopped."""

    type = "dossier.stopped"


class DossierWithdrawn(Happening, frozen=True, tag=15, gc=False):
    """The applicant withdrew it."""

    type = "dossier.withdrawn"


class DossierNotAccepted(Happening, frozen=True, tag=16, gc=False):
    """It was not accepted."""

    type = "dossier.not_accepted"


class DossierSynced(Happening, frozen=True, tag=17, gc=False):
    """It is on the national portal."""

    type = "dossier.synced"


class DossierRated(Happening, frozen=True, tag=18, gc=False):
    """The applicant rated the handling."""

    type = "dossier.rated"
    satisfied: bool


class DossierVoided(Happening, frozen=True, tag=19, gc=False):
    """It leaves every count."""

    type = "dossier.voided"


class PetitionReceived(Happening, frozen=True, tag=20, gc=False):
    """A petition was received (phản ánh, kiến nghị)."""

    type = "petition.received"
    about: About
    origin: Origin | None = None


class PetitionSupplementRequested(Happening, frozen=True, tag=21, gc=False):
    """A supplement was asked for."""

    type = "petition.supplement_requested"


class PetitionSupplemented(Happening, frozen=True, tag=22, gc=False):
    """The supplement came."""

    type = "petition.supplemented"


class PetitionRefused(Happening, frozen=True, tag=23, gc=False):
    """It was refused."""

    type = "petition.refused"


class PetitionForwarded(Happening, frozen=True, tag=24, gc=False):
    """It was forwarded."""

    type = "petition.forwarded"


class PetitionAnswered(Happening, frozen=True, tag=25, gc=False):
    """It was answered."""

    type = "petition.answered"


class PetitionPublished(Happening, frozen=True, tag=26, gc=False):
    """The answer was published."""

    type = "petition.published"


class PetitionRated(Happening, frozen=True, tag=27, gc=False):
    """The answer was rated."""

    type = "petition.rated"
    satisfied: bool


class PetitionVoided(Happening, frozen=True, tag=28, gc=False):
    """It leaves every count."""

    type = "petition.voided"


class ProcedureAnnounced(Happening, frozen=True, tag=29, gc=False):
    """A procedure was announced (công bố)."""

    type = "procedure.announced"
    decided_on: Day
    effective_on: Day


class ProcedurePublished(Happening, frozen=True, tag=30, gc=False):
    """A procedure was made public (công khai)."""

    type = "procedure.published"
    decided_on: Day
    published_on: Day
    complete: bool


class DocumentSent(Happening, frozen=True, tag=31, gc=False):
    """A document was sent."""

    type = "document.sent"
    electronic: bool
    signed: bool | None = None
    tier: Tier | None = None
    to: FreeText | None = None


class EventRetracted(Happening, frozen=True, tag=32, gc=False):
    """An event of the same source and subject is undone."""

    type = "event.retracted"
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

TYPES: tuple[type[Happening], ...] = AnyHappening.__args__

for _type in TYPES:
    _type.code = _type.__struct_config__.tag  # type: ignore[assignment]
    _type.noun = _type.type.partition(".")[0]  # type: ignore[assignment]

BY_TYPE: dict[str, type[Happening]] = {each.type: each for each in TYPES}
BY_CODE: dict[int, type[Happening]] = {each.code: each for each in TYPES}
assert len(TYPES) == len(BY_TYPE) == len(BY_CODE), "a name or a code stands twice"


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
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
