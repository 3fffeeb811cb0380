"""`GET /v1/dossiers/{subject}`: one life, and why it counts as it does, in a person's terms."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Path, Request, Response
from fastapi.openapi.models import Example
from typing_extensions import TypedDict

from app.api.figures.view import AsOf, CatalogueBrief, Refolding, as_of, catalogue_brief
from app.api.http.answers import LATER, Encoded, figure_response, instant
from app.api.http.auth import Reading, root_for
from app.api.http.fields import answer, date, said, time
from app.api.http.openapi.parameters import NAMED_UNIT
from app.api.http.openapi.routes import UNIT, Router, told
from app.api.http.parameters import only
from app.api.http.problems import Problem
from app.api.http.service import Serving
from app.api.lives.dossiers import DEADLINE, DeadlineAt, DueAt, EndedAt, OnTime, ReceivedAt, Subject, at, on_time
from app.api.lives.reckoning import TYPE_NAMES, EventNamed, Reckoning, event_named, reckoning
from app.api.lives.verdicts import VerdictTold, verdicts
from app.domain.calendar.civil import Day, date_of
from app.domain.lives.document import TIERS, DocumentFacts
from app.domain.lives.dossier import CHANNELS, RETURN_WAYS, DossierFacts
from app.domain.lives.events import About, Channel, ReturnedVia
from app.domain.lives.explain import CAUSES, Told
from app.domain.lives.flags import FAULTS, FLAGS
from app.domain.lives.petition import ABOUT, PetitionFacts
from app.domain.lives.publication import PublicationFacts
from app.intake.personal import one_spelling
from app.intake.values import MAX_ID
from app.messages import Message
from app.store.read.life import Seen, is_subject, reach_of, tell
from app.store.snapshot import reading_moment

router = Router()

_ENDED: Final = "2026-01-09T10:00:00+07:00"
_DAYS: Final = ("decided_on", "effective_on", "published_on")
_INSTANTS: Final = ("due_at", "submitted_at")

UnitCode = Annotated[str, said("The unit that handles it.", "H44.07")]
Voided = Annotated[bool, said("Whether it left every count.", False)]
Verdicts = Annotated[list[VerdictTold], said("What it counts in.")]


@answer
class DossierTold(TypedDict):
    """A dossier's facts."""

    unit: UnitCode
    receiving_unit: Annotated[str, said("The unit that received it.", "H44.07")]
    procedure: Annotated[str | None, said("The procedure.", "1.004555")]
    channel: Annotated[Channel | None, said("How it came.", "online")]
    received_at: ReceivedAt
    due_at: DueAt
    deadline: DeadlineAt
    ended_at: EndedAt
    on_time: OnTime
    returned_at: Annotated[str | None, time("When the result was returned.", _ENDED)]
    returned_via: Annotated[ReturnedVia | None, said("How.", "counter")]
    voided: Voided
    flags: Annotated[list[Annotated[str, said("A flag.", "fee", enum=list(FLAGS))]], said("What is known of it.")]
    faults: Annotated[
        list[Annotated[str, said("A fault.", enum=list(FAULTS))]], said("What is wrong with its events.", [])
    ]
    reckoning: Reckoning | None
    verdicts: Verdicts


@answer
class PetitionTold(TypedDict):
    """A petition's facts."""

    unit: UnitCode
    about: Annotated[About, said("What it is about.", "staff")]
    received_at: ReceivedAt
    deadline: DeadlineAt
    ended_at: EndedAt
    on_time: OnTime
    late_published: Annotated[bool, said("Whether its answer was published late.", False)]
    disliked: Annotated[bool, said("Whether a rater was not satisfied.", False)]
    voided: Voided
    verdicts: Verdicts


@answer
class DocumentTold(TypedDict):
    """A document's facts."""

    unit: UnitCode
    sent_at: Annotated[str, time("When it was sent.")]
    electronic: Annotated[bool, said("Whether electronically.", True)]
    signed: Annotated[bool, said("Whether with a digital signature.", True)]
    tier: Annotated[str | None, said("The tier of the sender.", "commune", enum=[*TIERS[1:], None])]
    verdicts: Verdicts


@answer
class Announced(TypedDict):
    """An announcement (công bố)."""

    decided_on: Annotated[str, date("The date of the decision.")]
    effective_on: Annotated[str, date("The date it takes effect.")]


@answer
class Published(TypedDict):
    """A publication (công khai)."""

    decided_on: Annotated[str, date("The date of the decision.")]
    published_on: Annotated[str, date("When.")]
    complete: Annotated[bool, said("Whether complete.", True)]


@answer
class PublicationTold(TypedDict):
    """What was decided and published of a procedure."""

    announced: Annotated[list[Announced], said("Announcements.")]
    published: Annotated[list[Published], said("Publications.")]


@answer
class ToldEvent(EventNamed):
    """An event of a life."""

    type: Annotated[str, said("The type.", "dossier.received", enum=TYPE_NAMES)]
    time: Annotated[str, time("When it happened.")]
    unit: Annotated[str, said("The unit that handled it.", "H44.07")]
    sequence: Annotated[str | None, said("Its order among events of one instant.", None)]
    data: Annotated[
        dict[str, Any],
        said(
            "What it says, as in the type's `data`; absent fields are left out.",
            {"procedure": "1.004555", "channel": "online", "due_at": DEADLINE},
        ),
    ]
    effect: Annotated[bool, said("Whether it had an effect.", True)]
    cause: Annotated[str | None, said("If not, why.", None, enum=[*CAUSES, None])]
    reason: Annotated[str | None, said("The same in a sentence, in Vietnamese.", None)]
    undoes: Annotated[EventNamed | None, said("The event that it undoes.", None)]
    undone_by: Annotated[EventNamed | None, said("The event that undoes it.", None)]


@answer
class Life(TypedDict):
    """All that is known under one code, and why."""

    subject: Subject
    as_of: AsOf
    catalogue: CatalogueBrief
    refolding: Refolding
    dossier: DossierTold | None
    petitions: Annotated[list[PetitionTold], said("Petitions of this code, by unit.", [])]
    documents: Annotated[list[DocumentTold], said("Documents of this code, by unit.", [])]
    procedure: Annotated[PublicationTold | None, said("If it is a procedure's code: its publications.", None)]
    events: Annotated[list[ToldEvent], said("Every event, in reading order.")]


_SUBJECTS: Final[dict[str, Example]] = {
    # One of the demo province, where the page of the description can be tried.
    "dossier": {"value": "H44.07-260112-000003"},
    "document": {"value": "12/QĐ-SCT"},
}


@router.get(
    "/v1/dossiers/{subject:path}",
    summary="One life explained",
    **told(Life, parameters=(NAMED_UNIT,), problems=(*UNIT, "unknown_subject", "not_found"), tagged=True),
)
async def one_life(
    subject: Annotated[str, Path(description="The code; slashes may stand as they are.", openapi_examples=_SUBJECTS)],
    request: Request,
    access: Reading,
    service: Serving,
) -> Response:
    """All that is known under one code, and why: facts, deadline, verdicts, and of every event whether it counted.

    `unit` names the root where a key does not. What the key does not reach is not there: 404, not 403.
    """
    query = only(request, ("unit",))
    subject = one_spelling(subject, MAX_ID)
    seen = None
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, query.get("unit"))
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
        if "unit" in query:
            access.find_unit(moment.catalogues, query["unit"])
        if is_subject(subject):
            seen = await tell(connection, moment, subject, reach_of(moment.catalogues, access.unit))
    if seen is None:
        raise Problem(
            "unknown_subject", Message("nothing is known of this subject here", "ở đây không có dữ liệu về mã này")
        )
    facts, now = seen.facts, moment.now
    life: Life = {
        "subject": subject,
        "as_of": LATER,
        "catalogue": catalogue_brief(moment.catalogues),
        "refolding": moment.refolding,
        "dossier": None if facts.dossier is None else dossier(facts.dossier, seen, now),
        "petitions": [petition(each, seen, now) for each in facts.petitions],
        "documents": [document(each, seen, now) for each in facts.documents],
        "procedure": None if facts.publication is None else procedure(facts.publication),
        "events": [event(each) for each in seen.events],
    }
    return figure_response(request, Encoded.of(life), as_of(moment))


def dossier(facts: DossierFacts, seen: Seen, now: int) -> DossierTold:
    """A dossier's facts, how its deadline came about, and what it counts in."""
    return {
        "unit": facts.unit,
        "receiving_unit": facts.receiving_unit,
        "procedure": facts.procedure,
        "channel": None if facts.received_at is None else CHANNELS[facts.channel],
        "received_at": at(facts.received_at),
        "due_at": at(facts.due_at),
        "deadline": at(facts.deadline),
        "ended_at": at(facts.ended_at),
        "on_time": on_time(facts.ended_at, facts.deadline, False, now) if facts.counts else None,
        "returned_at": at(facts.returned_at),
        "returned_via": None if facts.returned_via is None else RETURN_WAYS[facts.returned_via],
        "voided": facts.voided,
        "flags": [name for name, bit in FLAGS.items() if facts.flags & bit],
        "faults": [name for name, bit in FAULTS.items() if facts.faults & bit],
        "reckoning": None if seen.deadline is None else reckoning(seen.deadline, facts),
        "verdicts": verdicts(seen.verdicts.get(("life", facts.unit), []), _absence(facts, now), facts, now),
    }


def petition(facts: PetitionFacts, seen: Seen, now: int) -> PetitionTold:
    """A petition's facts and what it counts in."""
    return {
        "unit": facts.unit,
        "about": ABOUT[facts.about],
        "received_at": at(facts.received_at),
        "deadline": at(facts.deadline),
        "ended_at": at(facts.ended_at),
        "on_time": on_time(facts.ended_at, facts.deadline, facts.late_published, now) if facts.counts else None,
        "late_published": facts.late_published,
        "disliked": facts.disliked,
        "voided": facts.voided,
        "verdicts": verdicts(seen.verdicts.get(("petition", facts.unit), []), _absence(facts, now), facts, now),
    }


def document(facts: DocumentFacts, seen: Seen, now: int) -> DocumentTold:
    """A document's facts and what it counts in."""
    absence = None if facts.sent_at < now else "Thời điểm gửi chưa đến."
    return {
        "unit": facts.unit,
        "sent_at": instant(facts.sent_at),
        "electronic": facts.electronic,
        "signed": facts.signed,
        "tier": TIERS[facts.tier] if facts.tier else None,
        "verdicts": verdicts(seen.verdicts.get(("document", facts.unit), []), absence, facts, now),
    }


def procedure(facts: PublicationFacts) -> PublicationTold:
    """What was decided and published of a procedure."""
    return {
        "announced": [
            {"decided_on": day(each.decided_on), "effective_on": day(each.effective_on)} for each in facts.announced
        ],
        "published": [
            {"decided_on": day(each.decided_on), "published_on": day(each.published_on), "complete": each.complete}
            for each in facts.published
        ],
    }


def _absence(facts: DossierFacts | PetitionFacts, now: int) -> str | None:
    """Why a life is in no indicator at all, None where it may be in some."""
    if facts.voided:
        return "Đã hủy nên không tính vào chỉ số nào."
    if facts.received_at is None:
        return CAUSES["no_reception"]
    return "Thời điểm tiếp nhận chưa đến." if facts.received_at >= now else None


def event(told: Told) -> ToldEvent:
    """An event, whether it had an effect, and if not why."""
    one = told.event
    other = None if told.other is None else event_named(told.other)
    fields = {name: getattr(one.what, name) for name in one.what.__struct_fields__}
    return {
        "type": one.what.type,
        "time": instant(one.time),
        **event_named(one),
        "unit": one.unit,
        "sequence": one.sequence or None,
        "data": {name: _datum(name, value) for name, value in fields.items() if value is not None},
        "effect": told.effect,
        "cause": told.cause,
        "reason": told.reason,
        "undoes": other if told.effect else None,
        "undone_by": other if told.cause == "retracted" else None,
    }


def _datum(name: str, value: Any) -> Any:
    return at(value) if name in _INSTANTS else day(value) if name in _DAYS else value


def day(number: int) -> str:
    """A civil date as clients read it."""
    return date_of(Day(number)).isoformat()
