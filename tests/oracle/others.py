"""The lives without a desk of their own: petitions (phản ánh, kiến nghị), documents, publications of procedures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .calendar import Calendar
from .reading import Event
from .span import Span

# working days after the reception, by what ended the petition
DAYS_TO_ANSWER = 15
DAYS_TO_REFUSE = 2
DAYS_TO_REQUEST = 5
DAYS_TO_PUBLISH = 2


@dataclass(frozen=True)
class Petition:
    """What is known of a received petition of one unit."""

    subject: str
    unit: str
    span: Span
    voided: bool
    about: str
    disliked: bool


@dataclass(frozen=True)
class Document:
    """A document of one unit, at the instant it was first sent, as last described."""

    subject: str
    unit: str
    sent: datetime
    electronic: bool
    signed: bool
    tier: str | None


@dataclass(frozen=True)
class Announcement:
    """One decision that announces a procedure."""

    decided_on: date
    effective_on: date


@dataclass(frozen=True)
class Publication:
    """One publication of a decision on the national database."""

    decided_on: date
    published_on: date
    complete: bool


@dataclass(frozen=True)
class Transparency:
    """All announcements and publications of one procedure, in reading order."""

    procedure: str
    announcements: tuple[Announcement, ...]
    publications: tuple[Publication, ...]


def fold_petition(
    unit: str, subject: str, events: Sequence[Event], calendar: Calendar
) -> tuple[Petition | None, frozenset[str]]:
    """(facts or None when never received, causes of fault). `events`: not retracted, in reading order."""

    def times(*names: str) -> list[datetime]:
        return [event.time for event in events if event.type.removeprefix("petition.") in names]

    receptions = times("received")
    if not receptions:
        return None, frozenset(["no_reception"])
    received = receptions[0]
    told_end, days, answered = _petition_end(events, times)
    ended = None if told_end is None else max(told_end, received)
    published = times("published")
    published_late = False
    if answered and ended is not None and published:
        published_late = published[0] > calendar.workdays_after(ended, DAYS_TO_PUBLISH)
    causes = set()
    if told_end is not None and told_end < received:
        causes.add("end_before_reception")
    if _stray_answer(events):
        causes.add("answer_without_request")
    facts = Petition(
        subject=subject,
        unit=unit,
        span=Span(received, calendar.workdays_after(received, days), ended, published_late),
        voided=bool(times("voided")),
        about=[event.data["about"] for event in events if event.type == "petition.received"][-1],
        disliked=any(not event.data["satisfied"] for event in events if event.type == "petition.rated"),
    )
    return facts, frozenset(causes)


def _petition_end(events: Sequence[Event], times: Callable[..., list[datetime]]) -> tuple[datetime | None, int, bool]:
    """(told end, working days allowed, whether it is an answer)."""
    answers = times("answered")
    if answers:
        return answers[0], DAYS_TO_ANSWER, True
    passed_on = times("refused", "forwarded")
    if passed_on:
        return passed_on[-1], DAYS_TO_REFUSE, False
    names = [event.type for event in events]
    if "petition.supplement_requested" in names:
        first = names.index("petition.supplement_requested")
        if "petition.supplemented" not in names[first:]:
            return events[first].time, DAYS_TO_REQUEST, False
    return None, DAYS_TO_ANSWER, False


def _stray_answer(events: Sequence[Event]) -> bool:
    """Was something supplemented that nobody had asked for?"""
    open_request = False
    for event in events:
        if event.type == "petition.supplement_requested":
            open_request = True
        elif event.type == "petition.supplemented":
            if not open_request:
                return True
            open_request = False
    return False


def fold_document(unit: str, subject: str, events: Sequence[Event]) -> Document:
    """A document from its sendings, in reading order."""

    def last(field: str) -> Any:
        given = [event.data[field] for event in events if field in event.data]
        return given[-1] if given else None

    return Document(
        subject=subject,
        unit=unit,
        sent=events[0].time,
        electronic=bool(last("electronic")),
        signed=bool(last("signed")),
        tier=last("tier"),
    )


def fold_procedure(procedure: str, events: Sequence[Event]) -> Transparency:
    """What was decided and published about one procedure."""

    def day(event: Event, field: str) -> date:
        return date.fromisoformat(event.data[field])

    return Transparency(
        procedure=procedure,
        announcements=tuple(
            Announcement(day(event, "decided_on"), day(event, "effective_on"))
            for event in events
            if event.type == "procedure.announced"
        ),
        publications=tuple(
            Publication(day(event, "decided_on"), day(event, "published_on"), event.data["complete"])
            for event in events
            if event.type == "procedure.published"
        ),
    )
