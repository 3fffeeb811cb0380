"""From the CloudEvents as sent to the effective events of each life: duplicates, order, retractions, aliases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .calendar import parse_instant
from .catalogue import Units, is_at_or_above

# The order of the table of event types; it decides between events of equal time and sequence.
TYPES_IN_ORDER = (
    "dossier.submitted", "dossier.received", "dossier.due_changed", "dossier.transferred",
    "dossier.supplement_requested", "dossier.supplemented", "dossier.digitised",
    "dossier.fee_requested", "dossier.fee_waived", "dossier.paid", "dossier.signed",
    "dossier.completed", "dossier.returned", "dossier.refused", "dossier.stopped", "dossier.withdrawn",
    "dossier.not_accepted", "dossier.synced", "dossier.rated", "dossier.voided",
    "petition.received", "petition.supplement_requested", "petition.supplemented", "petition.refused",
    "petition.forwarded", "petition.answered", "petition.published", "petition.rated", "petition.voided",
    "procedure.announced", "procedure.published", "document.sent", "event.retracted",
)  # fmt: skip
RANK = {name: rank for rank, name in enumerate(TYPES_IN_ORDER)}
RETRACTED = "event.retracted"


@dataclass(frozen=True)
class Event:
    """One accepted event: the unit by its code, the time parsed, null data dropped."""

    id: str
    source: str
    type: str
    subject: str
    unit: str
    time: datetime
    sequence: str
    data: Mapping

    @property
    def kind(self) -> str:
        return self.type.partition(".")[0]

    @property
    def reading_key(self) -> tuple:
        return self.time, self.sequence, RANK[self.type], self.source, self.id


def parse(cloud_event: Mapping, units: Units) -> Event:
    """A CloudEvents dict as sent, read."""
    data = {key: value for key, value in (cloud_event.get("data") or {}).items() if value is not None}
    if cloud_event["type"] == "dossier.transferred":
        data["to"] = units.canonical(data["to"])
    return Event(
        id=cloud_event["id"],
        source=cloud_event["source"],
        type=cloud_event["type"],
        subject=cloud_event["subject"],
        unit=units.canonical(cloud_event["unit"]),
        time=parse_instant(cloud_event["time"]),
        sequence=cloud_event.get("sequence") or "",
        data=data,
    )


def read_all(cloud_events: Iterable[Mapping], units: Units) -> list[Event]:
    """Every event once (by source and id), in reading order."""
    once: dict[tuple[str, str], Event] = {}
    for cloud_event in cloud_events:
        once.setdefault((cloud_event["source"], cloud_event["id"]), parse(cloud_event, units))
    return sorted(once.values(), key=lambda event: event.reading_key)


def without_retracted(events: Iterable[Event]) -> list[Event]:
    """The events that count: those never retracted, and no retractions (they cannot be retracted themselves)."""
    events = list(events)
    retracted_by: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for event in events:
        if event.type == RETRACTED:
            retracted_by[event.source, event.subject, event.data["id"]].append(event.unit)
    return [
        event
        for event in events
        if event.type != RETRACTED
        and not any(
            is_at_or_above(unit, event.unit) for unit in retracted_by.get((event.source, event.subject, event.id), ())
        )
    ]


def lives(events: Iterable[Event]) -> dict[str, dict[Any, list[Event]]]:
    """Effective events grouped: kind -> life -> events in reading order.

    A dossier or a procedure is one life of the root; a petition or a document is one per (unit, subject).
    """
    grouped: dict[str, dict[Any, list[Event]]] = {
        kind: defaultdict(list) for kind in ("dossier", "petition", "procedure", "document")
    }
    for event in without_retracted(events):
        alone = event.kind in ("dossier", "procedure")
        grouped[event.kind][event.subject if alone else (event.unit, event.subject)].append(event)
    return grouped
