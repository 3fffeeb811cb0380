"""From what is known of a dossier's states to its events.

The events are a function of the set of all that was told, so repeats add nothing, order leaves no trace, and a
correction corrects: `difference` retracts what is not meant any more and adds what is new (new events − old events).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from app.domain.calendar.civil import AHEAD, Instant
from app.domain.codes import UnitCode
from app.domain.lives.events import (
    AnyHappening,
    Count,
    DossierCompleted,
    DossierDigitised,
    DossierDueChanged,
    DossierNotAccepted,
    DossierPaid,
    DossierReceived,
    DossierReturned,
    DossierStopped,
    DossierSubmitted,
    DossierSupplemented,
    DossierSupplementRequested,
    DossierSynced,
    DossierWithdrawn,
    Event,
    EventId,
    EventRetracted,
)
from app.domain.portal.profile import TRUSTED, Profile, believed
from app.domain.portal.state import (
    NEW,
    NOT_ACCEPTED,
    PROCESSED,
    RETURNED,
    STOPPED,
    SUPPLEMENT,
    WITHDRAWN,
    Known,
    Seen,
    State,
    Step,
    Supplement,
    rank,
)

Told = tuple[Instant, AnyHappening]
"""What happened, and when."""

_MARK: Final = "state:"
"""How the ids of these events begin, after the subject."""
_CONTENT: Final = msgspec.msgpack.Encoder()
_NOTHING: Final = (None, (), "")
_OWN: Final = frozenset({"status", "completed_at", "returned_at", "refused_at"})
_BESIDE: Final = {
    "paid": "online_payment",
    "fee": "amount",
    "components": "digitised",
    "digitised": "components",
}
"""What a state tells by leaving out, by what it then has beside it: not paid, not free, no digitised file."""


def derive(told: Known, profile: Profile = TRUSTED) -> list[Told]:
    """What has happened to a dossier, as far as its states and steps tell it and its source is believed.

    Nothing while no state is known that has a time of reception, but a submission or that it was not accepted: the
    dossier is then outside every indicator.
    """
    known = believed(told, profile)
    return _happened([seen for seen in known.in_order() if ahead(seen) is None], known.steps)


def ahead(seen: Seen) -> AnyHappening | None:
    """What had yet to happen when a state was told last, None where nothing had: such a state is not believed, or its
    dossier could not be put right.
    """
    state, until = seen.state, seen.last + AHEAD
    times = (state.received_at, state.completed_at, state.returned_at, state.refused_at, state.submitted_at)
    if not state.supplements and all(at is None or at <= until for at in times):
        return None
    return next((what for at, what in _happened([seen], ()) if at > until), None)


def _happened(states: Sequence[Seen], told: Sequence[Step]) -> list[Told]:
    if not states:
        return []
    now = _joined(states)
    # Some software adds a last step, dated at the reception as that was told then, to whatever has no end.
    receptions = [at for seen in states if (at := seen.state.received_at) is not None]
    until = now.received_at or Instant(0)
    steps = [each for each in told if each.status != PROCESSED or (each.at > until and each.at not in receptions)]
    now = _gone_on(now, steps)
    received = now.received_at
    if now.status == NOT_ACCEPTED:
        at = now.refused_at or now.completed_at or _first(steps, NOT_ACCEPTED) or received
        return [] if at is None else [(at, DossierNotAccepted())]
    if received is None or now.procedure is None or now.status == NEW:
        at = now.submitted_at
        return [] if at is None else [(at, DossierSubmitted(now.channel, now.portal))]
    supplements = [_answered(each, steps) for each in now.supplements] or _supplements(steps)
    return [
        *_reception(now, received, states, supplements),
        *_supplementing(supplements),
        *_end(now, steps, states),
    ]


def _joined(states: Sequence[Seen]) -> State:
    """The present state; what it leaves out is as an earlier one told it. What only it can tell is its own."""
    now = states[-1].state
    if len(states) == 1:
        return now
    told = {name: _told(states, name) for name in State.__struct_fields__ if name not in _OWN}
    return msgspec.structs.replace(now, **told)


def _gone_on(now: State, steps: Sequence[Step]) -> State:
    """The same where the last of the steps is further on: it may end a dossier before a state says so."""
    further = bool(steps) and rank(steps[-1].status) > max(now.rank, 1)
    return msgspec.structs.replace(now, status=steps[-1].status) if further else now


def _told(states: Sequence[Seen], name: str) -> object:
    """What was told of it last: by whichever state told of it, were it by what stands beside it."""
    beside = _BESIDE.get(name, name)
    for seen in reversed(states):
        value = getattr(seen.state, name)
        if value not in _NOTHING or getattr(seen.state, beside) not in _NOTHING:
            return value
    return getattr(states[-1].state, name)


def _reception(now: State, received: Instant, states: Sequence[Seen], supplements: Sequence[Supplement]) -> list[Told]:
    assert now.procedure is not None
    first, *others = _dues(states, received, supplements) or [(received, None)]
    happened: list[Told] = [
        (
            received,
            DossierReceived(
                now.procedure,
                now.channel or "counter",
                due_at=first[1],
                submitted_at=now.submitted_at,
                fee=now.fee,
                portal=now.portal,
                applicant=now.applicant,
            ),
        )
    ]
    happened += [(at, DossierDueChanged(due)) for at, due in others if due is not None]
    digital = (_components(now), now.reused, now.shared_store, _population(now))
    if any(each is not None for each in digital):
        happened.append((received, DossierDigitised(*digital)))
    if now.paid is not None:
        happened.append((received, DossierPaid(now.paid, now.amount)))
    happened.append((received, DossierSynced()))
    return happened


def _components(now: State) -> Count | None:
    if now.components is None and now.digitised is None:
        return None
    return Count(max(now.components or 0, int(now.digitised is True)))


def _population(now: State) -> bool | None:
    """Whether the population database stood behind a dossier: by the account, by the store, or asked by itself."""
    told = (now.verified, now.shared_store, now.consulted)
    return None if all(each is None for each in told) else any(told)


def _dues(
    states: Sequence[Seen], received: Instant, supplements: Sequence[Supplement]
) -> list[tuple[Instant, Instant | None]]:
    """The due times told, each with when it was given: after a supplement came, where one came meanwhile.

    One that was seen before and after it had passed was moved after it had: then that is when the next was given.
    """
    dues: list[tuple[Instant, Instant | None]] = []
    before: Seen | None = None
    for seen in states:
        due = seen.state.due_at
        if due is None:
            continue
        if before is None:
            dues.append((received, due))
        elif due != dues[-1][1]:
            passed = before.state.due_at
            assert passed is not None
            at = dues[-1][0]
            answers = [each.answered_at for each in supplements if each.answered_at is not None]
            at = min((each for each in answers if each > at), default=at)
            if before.first <= passed < before.last and seen.first >= before.last:
                at = max(at, Instant(before.last))
            if len(dues) > 1:
                # Two changes at one moment would be read in the order of their ids.
                at = max(at, Instant(dues[-1][0] + 1))
            dues.append((at, due))
        before = seen
    return dues


def _supplements(steps: Iterable[Step]) -> list[Supplement]:
    """What steps tell of supplements: one begins with status 5 and ends with the next step that has another, or whose
    words say that it came, status 5 or not.
    """
    found: list[Supplement] = []
    asked: Instant | None = None
    for step in steps:
        if step.status == SUPPLEMENT and not step.answer:
            asked = step.at if asked is None else asked
        elif asked is not None:
            found.append(Supplement(asked, step.at))
            asked = None
    return [*found, Supplement(asked)] if asked is not None else found


def _answered(listed: Supplement, steps: Iterable[Step]) -> Supplement:
    """A supplement of a list, answered by a step that has come since where the list says nothing of that yet."""
    if listed.answered_at is not None:
        return listed
    later = [each for each in steps if each.at > listed.asked_at]
    found = _supplements([Step(listed.asked_at, SUPPLEMENT), *later])
    return Supplement(listed.asked_at, found[0].answered_at)


def _supplementing(supplements: Iterable[Supplement]) -> Iterator[Told]:
    for each in supplements:
        yield each.asked_at, DossierSupplementRequested()
        if each.answered_at is not None:
            yield each.answered_at, DossierSupplemented()


def _end(now: State, steps: Sequence[Step], states: Sequence[Seen]) -> Iterator[Told]:
    if now.status in (PROCESSED, RETURNED):
        ended = now.completed_at or _processed(now, states) or _first(steps, PROCESSED)
        returned = now.returned_at or (_first(steps, RETURNED) if now.status == RETURNED else None)
        if ended is not None:
            result = DossierCompleted(electronic_result=now.result)
            yield ended, result
            # An end that was later before has jumped back: the fold takes the earliest, and tells that.
            before = {seen.state.completed_at for seen in states if seen.state.status in (PROCESSED, RETURNED)}
            yield from ((at, result) for at in sorted(filter(None, before)) if at > ended)
        if returned is not None:
            yield returned, DossierReturned(now.return_way or "counter", None if ended is not None else now.result)
    elif now.status in (WITHDRAWN, STOPPED):
        at = now.completed_at or _first(steps, now.status) or now.refused_at or now.returned_at
        if at is not None:
            yield at, DossierWithdrawn() if now.status == WITHDRAWN else DossierStopped()


def _first(steps: Iterable[Step], status: int) -> Instant | None:
    return next((each.at for each in steps if each.status == status), None)


def _processed(now: State, states: Sequence[Seen]) -> Instant | None:
    """When the processing of a returned dossier ended, as it was told before it was returned."""
    before = (seen.state.completed_at for seen in reversed(states) if seen.state.status == PROCESSED)
    return next(filter(None, before), None) if now.status == RETURNED else None


def difference(subject: str, life: Iterable[Event], source: str, unit: UnitCode, wanted: Iterable[Told]) -> list[Event]:
    """The events that make what a life holds of a source's states into what is wanted.

    Args:
        life: the events of the subject, of whatever source.
        unit: the code of the unit that handles the dossier.

    Returns:
        Retractions, then new events; nothing where all is there. Their ids follow from what they say, and are never
        those of events that were retracted.
    """
    mark = f"{subject}/{_MARK}"
    mine = [event for event in life if event.source == source and event.id.startswith(mark)]
    used = {event.id for event in mine}
    gone = {event.what.id for event in mine if isinstance(event.what, EventRetracted)}
    standing: dict[tuple[Instant, UnitCode, AnyHappening], Event] = {
        (event.time, event.unit, event.what): event
        for event in mine
        if event.id not in gone and not isinstance(event.what, EventRetracted)
    }
    added = []
    # Two supplements may have come at one moment: that is told once.
    for at, what in dict.fromkeys(wanted):
        if standing.pop((at, unit, what), None) is not None:
            continue
        event_id = _free(f"{mark}{_digest(at, unit, what)}", used)
        used.add(event_id)
        added.append(Event(at, source, event_id, unit, what))
    retracted = []
    for event in standing.values():
        event_id = _free(f"{event.id}-", used)
        used.add(event_id)
        retracted.append(Event(event.time, source, event_id, event.unit, EventRetracted(EventId(event.id))))
    return [*retracted, *added]


def _digest(at: Instant, unit: UnitCode, what: AnyHappening) -> str:
    return blake2b(_CONTENT.encode((at, unit, what)), digest_size=6).hexdigest()


def _free(event_id: str, used: set[str]) -> str:
    number, free = 1, event_id
    while free in used:
        number += 1
        free = f"{event_id}.{number}"
    return EventId(free)
