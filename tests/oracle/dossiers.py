"""The facts of one dossier from its effective events, rule by rule as the definitions list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .calendar import Calendar, parse_instant
from .catalogue import Procedures, is_at_or_above
from .reading import Event
from .span import Span

ONLINE_PAYMENTS = ("national_gateway", "local_gateway")
ZERO = timedelta(0)


@dataclass(frozen=True)
class Dossier:
    """What is known of a received dossier."""

    subject: str
    receiving_unit: str
    unit: str
    span: Span
    due: datetime | None
    pause: timedelta
    voided: bool
    procedure: str
    channel: str
    receiver: str | None
    fee: bool
    paid_online: bool
    e_result: bool
    signed_result: bool
    digitised: bool
    reused: bool
    shared_store: bool
    population_data: bool
    disliked: bool
    synced: bool
    returned: datetime | None
    returned_via: str | None


@dataclass(frozen=True)
class Request:
    """One request for a supplement: asked by, answered by (None: not yet)."""

    asked: Event
    answered: Event | None


def fold(
    subject: str, events: Sequence[Event], procedures: Procedures, calendar: Calendar
) -> tuple[Dossier | None, frozenset[str]]:
    """(facts or None when never received, causes of fault). `events`: not retracted, in reading order."""
    reception = _reception(subject, events)
    if reception is None:
        return None, frozenset(["no_reception"])
    chain = _chain(reception, events)
    causes, read = _admit(events, chain)
    # from here on every event read has an effect
    procedure = _last(read, "procedure", ("dossier.received",))
    attributes = procedures.get(procedure)
    if not procedures.known(procedure):
        causes.add("unknown_procedure")
    span, due, pause = _timing(read, reception.time, attributes["max_working_days"], calendar, causes)
    returned = _first(read, "dossier.returned")
    facts = Dossier(
        subject=subject,
        receiving_unit=reception.unit,
        unit=chain[-1],
        span=span,
        due=due,
        pause=pause,
        voided=_any(read, "dossier.voided"),
        procedure=procedure,
        channel=_last(read, "channel", ("dossier.received",)) or "counter",
        receiver=_last(read, "receiver", ("dossier.received",)),
        returned=None if returned is None else max(returned.time, span.received),
        returned_via=None if returned is None else returned.data["via"],
        disliked=any(not event.data["satisfied"] for event in _of(read, "dossier.rated")),
        synced=_any(read, "dossier.synced"),
        **_money(read, attributes),
        **_results(read, attributes),
    )
    return facts, frozenset(causes)


# -- who handles it -----------------------------------------------------------------------------------------------


def _reception(subject: str, events: Sequence[Event]) -> Event | None:
    """The earliest reception, those by the unit named in the subject (or one above or under it) going first."""
    receptions = _of(events, "dossier.received")
    prefix = subject.partition("-")[0]
    named = [event for event in receptions if is_at_or_above(prefix, event.unit) or is_at_or_above(event.unit, prefix)]
    return next(iter(named or receptions), None)


def _chain(reception: Event, events: Sequence[Event]) -> list[str]:
    """The receiving unit and every unit it was handed to; a hand-over counts when made by the chain so far."""
    chain = [reception.unit]
    for event in _of(events, "dossier.transferred"):
        if any(is_at_or_above(event.unit, unit) for unit in chain):
            chain.append(event.data["to"])
    return chain


def _admit(events: Sequence[Event], chain: Sequence[str]) -> tuple[set[str], list[Event]]:
    """(faults, events with an effect): receptions of units on the chain, other events also of units above it."""
    causes: set[str] = set()
    read = []
    for event in events:
        if event.type == "dossier.received":
            if event.unit in chain:
                read.append(event)
            else:
                causes.add("second_reception")
        elif any(is_at_or_above(event.unit, unit) for unit in chain):
            if event.type not in ("dossier.submitted", "dossier.not_accepted"):
                read.append(event)
        else:
            causes.add("foreign_unit")
    return causes, read


# -- when it had to end, and when it did --------------------------------------------------------------------------


def _timing(
    read: Sequence[Event], received: datetime, legal: int | None, calendar: Calendar, causes: set[str]
) -> tuple[Span, datetime | None, timedelta]:
    """(span, due, pause), adding the faults of time to `causes`. `legal`: the longest legal time in working days."""
    requests, stray_answer = _requests(read)
    told_end = _told_end(read, requests)
    # the end is set against the reception before anything else is derived from it
    ended = None if told_end is None else max(told_end, received)
    fallback = None if legal is None else calendar.workdays_after(received, legal)
    pause = sum((length for _, length in _counted(read, requests, fallback, ended)), ZERO)
    due = _due(read)
    told_deadline = _deadline(due if due is not None else fallback, pause, requests, ended)
    deadline = None if told_deadline is None else max(told_deadline, received)
    if stray_answer:
        causes.add("answer_without_request")
    if told_end is not None and told_end < received:
        causes.add("end_before_reception")
    if told_deadline is not None and told_deadline < received:
        causes.add("deadline_before_reception")
    if _due_moved_late(read, requests, fallback, ended):
        causes.add("due_moved_late")
    if _end_moved_back(read):
        causes.add("end_moved_back")
    return Span(received, deadline, ended), due, pause


def _requests(read: Sequence[Event]) -> tuple[list[Request], bool]:
    """The requests in order (one asked while another is open is the same), and whether an answer had no request."""
    requests: list[Request] = []
    stray = False
    asked: Event | None = None
    for event in read:
        if event.type == "dossier.supplement_requested":
            asked = asked or event
        elif event.type == "dossier.supplemented":
            if asked is None:
                stray = True
            else:
                requests.append(Request(asked, event))
                asked = None
    if asked is not None:
        requests.append(Request(asked, None))
    return requests, stray


def _told_end(read: Sequence[Event], requests: Sequence[Request]) -> datetime | None:
    """The end as the events tell it, before it is set against the reception."""
    for name in ("dossier.completed", "dossier.returned"):
        earliest = _first(read, name)
        if earliest is not None:
            return earliest.time
    broken_off = _of(read, "dossier.stopped", "dossier.refused", "dossier.withdrawn")
    if broken_off:
        return max(event.time for event in broken_off)
    if len(requests) == 1 and requests[0].answered is None:
        return requests[0].asked.time
    return None


def _due(read: Sequence[Event], before: Event | None = None) -> datetime | None:
    """The last due time given, of all events or of those read before one."""
    due = None
    for event in read:
        if event is before:
            break
        if "due_at" in event.data:
            due = parse_instant(event.data["due_at"])
    return due


def _counted(
    read: Sequence[Event], requests: Sequence[Request], fallback: datetime | None, ended: datetime | None
) -> list[tuple[Request, timedelta]]:
    """The answered requests that stop the clock, each with the time it stopped.

    Those made at or before the deadline then in force: the due time told before (else the legal one, else never)
    plus the pauses before.
    """
    counted: list[tuple[Request, timedelta]] = []
    for request in requests:
        if request.answered is None:
            continue
        told = _due(read, before=request.asked)
        in_force = told if told is not None else fallback
        if in_force is not None:
            in_force += sum((length for _, length in counted), ZERO)
        if in_force is None or request.asked.time <= in_force:
            until = request.answered.time if ended is None else min(request.answered.time, ended)
            counted.append((request, max(ZERO, until - request.asked.time)))
    return counted


def _deadline(
    due: datetime | None, pause: timedelta, requests: Sequence[Request], ended: datetime | None
) -> datetime | None:
    """Due plus pause; a dossier asked for more than once, unanswered and not ended, ran out at the second request."""
    deadline = None if due is None else due + pause
    unanswered = any(request.answered is None for request in requests)
    if len(requests) >= 2 and unanswered and ended is None:
        second = requests[1].asked.time
        return second if deadline is None else min(deadline, second)
    return deadline


def _due_moved_late(
    read: Sequence[Event], requests: Sequence[Request], fallback: datetime | None, ended: datetime | None
) -> bool:
    """Was another due time given after the one in force, with its pauses, had passed and no request was running?"""
    due: datetime | None = None
    for event in read:
        if "due_at" not in event.data:
            continue
        new = parse_instant(event.data["due_at"])
        if due is not None and new != due:
            key = event.reading_key
            before = [request for request in requests if request.asked.reading_key < key]
            # the clock of a request still open when the due time moves stands still, so nothing has passed
            running = [r for r in before if r.answered is None or r.answered.reading_key >= key]
            stopped = _counted(read, [r for r in before if r not in running], fallback, ended)
            in_force = due + sum((length for _, length in stopped), ZERO)
            if event.time > in_force and not any(request.asked.time <= in_force for request in running):
                return True
        due = new
    return False


def _end_moved_back(read: Sequence[Event]) -> bool:
    """Was the same kind of end told for a later instant as well, or a supplement asked for or handed in after it?"""
    ends = _of(read, "dossier.completed") or _of(read, "dossier.returned")
    supplements = _of(read, "dossier.supplement_requested", "dossier.supplemented")
    return bool(ends) and any(event.time > min(end.time for end in ends) for event in [*ends, *supplements])


# -- what it carries ----------------------------------------------------------------------------------------------


def _money(read: Sequence[Event], attributes: Mapping[str, Any]) -> dict[str, bool]:
    """Whether a fee is owed, and whether it was paid online."""
    paid_online = any(event.data["via"] in ONLINE_PAYMENTS for event in _of(read, "dossier.paid"))
    decisions = _of(read, "dossier.fee_requested", "dossier.fee_waived")
    told = _last(read, "fee", ("dossier.received",))
    if decisions:
        last = decisions[-1]
        fee = last.type == "dossier.fee_requested" and last.data.get("amount") != 0
    elif told is not None:
        fee = told
    else:
        fee = attributes["fee"]
    return {"fee": fee or paid_online, "paid_online": paid_online}


def _results(read: Sequence[Event], attributes: Mapping[str, Any]) -> dict[str, bool]:
    """The flags of results and digitisation."""
    e_result = bool(_last(read, "electronic_result", ("dossier.completed", "dossier.returned")))
    signed = bool(_last(read, "signed", ("dossier.completed",))) or any(
        event.data["what"] == "result" for event in _of(read, "dossier.signed")
    )
    digitisation = ("dossier.digitised",)
    has_file = (_last(read, "components", digitisation) or 0) > 0
    return {
        "e_result": e_result,
        "signed_result": signed and e_result,
        "digitised": has_file and (e_result or not attributes["issues_document"]),
        "reused": bool(_last(read, "reused", digitisation)),
        "shared_store": bool(_last(read, "shared_store", digitisation)),
        "population_data": bool(_last(read, "population_data", digitisation)),
    }


# -- reading events -----------------------------------------------------------------------------------------------


def _of(events: Sequence[Event], *types: str) -> list[Event]:
    return [event for event in events if event.type in types]


def _first(events: Sequence[Event], name: str) -> Event | None:
    return next((event for event in events if event.type == name), None)


def _any(events: Sequence[Event], name: str) -> bool:
    return _first(events, name) is not None


def _last(events: Sequence[Event], field: str, types: tuple[str, ...]) -> Any:
    """The last value of a field that events of these types give; an event without it leaves what was given."""
    given = [event.data[field] for event in events if event.type in types and field in event.data]
    return given[-1] if given else None
