"""`POST /v1/events`: events in, one outcome for each, nothing acknowledged before it is committed and counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated, Final, NotRequired

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.http.answers import json_response
from app.api.http.auth import Access, Pushing
from app.api.http.bodies import body_of, parsed
from app.api.http.fields import answer, said, whole
from app.api.http.metrics import instant_of
from app.api.http.openapi import events as described
from app.api.http.openapi.parameters import BINARY_MODE, CONTENT_ENCODING
from app.api.http.openapi.routes import BODY, Router, told
from app.api.http.problems import AtFault, Problem, event_status, language_of
from app.api.http.service import Service, Serving
from app.domain.judging import also_wrong
from app.domain.push import EVENT_CODES, WARNING_CODES, Outcome, Parsed, Rejected, Warned
from app.intake import cloudevents
from app.intake.cloudevents import Batch
from app.messages import Language
from app.store import rejections
from app.store.connections.unavailable import DatabaseUnavailable, Overloaded
from app.store.snapshot import reading_moment
from app.store.write.gather import MOST_TOGETHER

router = Router()

_PARSED_ASIDE: Final = 256 * 1024
_LOOKED_AT_SECONDS: Final = 2.0


@answer
class Told(TypedDict):
    """What is told of one element of a batch."""

    index: Annotated[int, whole("The place in the batch, from 0.", 17)]
    id: Annotated[str | None, said("The event's id, as far as it can be read.", "9f6c0a53")]
    field: Annotated[str | None, said("The field.", "data.name")]
    detail: Annotated[str, said("What is wrong with it.", "not a field of this type, which takes due_at")]


@answer
class EventRefused(Told):
    """Why an event was refused."""

    code: Annotated[str, said("The kind of problem.", "unknown_field", enum=EVENT_CODES)]


@answer
class EventWarning(Told):
    """An accepted event that somebody should look at."""

    code: Annotated[str, said("What to look at.", "unknown_procedure", enum=list(WARNING_CODES))]


@answer
class Pushed(TypedDict):
    """One outcome per event."""

    accepted: Annotated[int, whole("How many were committed and counted.", 98)]
    duplicates: Annotated[int, whole("How many were there already, with the same content.", 1)]
    rejected: Annotated[int, whole("How many were not taken.", 1)]
    errors: Annotated[list[EventRefused], said("Why not, one for each.")]
    warnings: NotRequired[Annotated[list[EventWarning], said("Only where there are any.")]]


@router.post(
    "/v1/events",
    summary="Push events",
    **told(
        Pushed,
        scope="ingest",
        parameters=(CONTENT_ENCODING, *BINARY_MODE),
        body=described.BODY,
        problems=(*BODY, "conflict", "forbidden_unit", "too_many_events"),
        refusals=EVENT_CODES,
        tag="events",
    ),
)
async def push(request: Request, access: Pushing, service: Serving) -> Response:
    """Take in one CloudEvent, a batch, or lines of them; the next read includes what was accepted.

    **200 may contain rejections: look at every outcome.** A batch is answered 200 even when all of its events were
    rejected; what stands in `errors` was not kept. A problem means that nothing was acknowledged.
    """
    async with body_of(request, service, access) as body:
        batch = await _parsed(request, service, body)
        await service.limits.take_events(access.key_id, len(batch.items))
        outcome = await take_in(service, access, batch.items)
    if batch.single:
        _raise_rejected(outcome.errors)
    return json_response(_told(outcome, language_of(request) if outcome.errors or outcome.warnings else "en"))


async def _parsed(request: Request, service: Service, body: bytes) -> Batch:
    arguments = (body, request.headers.get("content-type"), request.headers, service.settings.intake.max_events)
    return await parsed(cloudevents.parse, *arguments, aside=len(body) > _PARSED_ASIDE)


async def take_in(service: Service, access: Access, items: Sequence[Parsed | Rejected]) -> Outcome:
    """Push what is sound, in transactions short enough to let others through; join all outcomes."""
    assert access.root_id is not None
    arrived = instant_of(service.clock)
    sound = [item for item in items if isinstance(item, Parsed)]
    errors = [item for item in items if isinstance(item, Rejected)]
    if errors:
        errors = await _looked_at(service, access, errors)
    outcomes = await _pushed(service, access.root_id, access.unit, sound)
    joined = _joined(outcomes, errors)
    _measure(service, outcomes, joined.errors)
    _observe(service, items, joined, arrived)
    await rejections.keep(service.database, access.root_id, access.unit, joined.errors, service.clock())
    return joined


async def _looked_at(service: Service, access: Access, errors: list[Rejected]) -> list[Rejected]:
    """What cannot be read as an event, with what catalogues and the clock find wrong with it too.

    That much is a courtesy: where the database does not say so at once, the faults that are known are told.
    """
    assert access.root_id is not None
    try:
        async with asyncio.timeout(_LOOKED_AT_SECONDS), service.database.snapshot() as connection:
            moment = await reading_moment(connection, service.catalogue_cache, access.root_id, service.clock)
    except (TimeoutError, DatabaseUnavailable, Overloaded):
        return errors
    return [also_wrong(each, access.unit, moment.catalogues, moment.now) for each in errors]


def _joined(outcomes: Sequence[Outcome], errors: list[Rejected]) -> Outcome:
    """The outcome of a whole request: of its pushes, and of what was not pushed at all."""
    if len(outcomes) == 1 and not errors:
        return outcomes[0]
    for outcome in outcomes:
        errors += outcome.errors
    return Outcome(
        accepted=sum(each.accepted for each in outcomes),
        duplicates=sum(each.duplicates for each in outcomes),
        errors=sorted(errors, key=lambda each: each.index),
        warnings=[warning for each in outcomes for warning in each.warnings],
    )


async def _pushed(service: Service, root_id: int, unit: str, sound: Sequence[Parsed]) -> list[Outcome]:
    """Push in batches at most, one after the other."""
    outcomes = []
    for start in range(0, len(sound), MOST_TOGETHER):
        began = time.perf_counter()
        outcomes.append(await service.gatherer.push(root_id, unit, sound[start : start + MOST_TOGETHER]))
        service.metrics.commit_seconds.observe(time.perf_counter() - began)
    return outcomes


def _observe(service: Service, items: Sequence[Parsed | Rejected], outcome: Outcome, arrived: int) -> None:
    """How big the push was, whom it came from and how late. Resends alone say nothing of how late a feed is."""
    refused = {error.index for error in outcome.errors}
    events = [item.event for item in items if isinstance(item, Parsed) and item.index not in refused]
    service.metrics.batch_events.observe(len(items))
    service.metrics.heard({event.source for event in events}, service.settings.metrics.sources, arrived)
    if outcome.accepted:
        service.metrics.arrived([event.time for event in events], arrived)


def _measure(service: Service, outcomes: Sequence[Outcome], errors: Sequence[Rejected]) -> None:
    for outcome in outcomes:
        for name, count in outcome.accepted_types.items():
            service.metrics.events.labels(name, "accepted").inc(count)
        for name, count in outcome.duplicate_types.items():
            service.metrics.events.labels(name, "duplicate").inc(count)
        for warning in outcome.warnings:
            service.metrics.warned.labels(warning.code).inc()
    for error in errors:
        service.metrics.rejected.labels(error.code).inc()


def _raise_rejected(errors: Sequence[Rejected]) -> None:
    """A single event that is rejected is a problem of its own: 409, 403, 400, 413, and 422 for all the rest."""
    for error in errors:
        others = [AtFault(each.field, each.code, each.detail) for each in error.faults] if error.more else ()
        raise Problem(error.code, error.detail, error.field, event_status(error.code), others)


def _told(outcome: Outcome, language: Language) -> Pushed:
    pushed: Pushed = {
        "accepted": outcome.accepted,
        "duplicates": outcome.duplicates,
        "rejected": len(outcome.errors),
        "errors": [refused(each, language) for each in outcome.errors],
    }
    if outcome.warnings:
        pushed["warnings"] = [refused(each, language) for each in outcome.warnings]
    return pushed


def refused(each: Rejected | Warned, language: Language) -> EventRefused:
    """One element of a batch, and all that is wrong with it; the first fault has the code and the field."""
    detail = each.in_full if isinstance(each, Rejected) else each.detail
    told = detail.said(language)
    return {"index": each.index, "id": each.id, "code": each.code, "field": each.field, "detail": told}
