"""Events as a client writes them, and what became of one."""

from __future__ import annotations

import json
from typing import Any

from app.intake.cloudevents import Parsed, Rejected, parse

ONE = "application/cloudevents+json"
MANY = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
MICROS = 1767575520000000  # 2026-01-05T08:12:00+07:00

DATA: dict[str, dict[str, Any]] = {
    "dossier.submitted": {"channel": "online", "portal": "national"},
    "dossier.received": {
        "procedure": "1.004555",
        "channel": "postal",
        "due_at": "2026-01-12T17:00:00+07:00",
        "submitted_at": "2026-01-04T17:00:00Z",
        "fee": True,
        "portal": "local",
        "receiver": "postal_clerk",
        "applicant": "organisation",
    },
    "dossier.due_changed": {"due_at": "2026-01-12T17:00:00+07:00"},
    "dossier.transferred": {"to": "H44.13"},
    "dossier.supplement_requested": {"due_at": "2026-01-12T17:00:00+07:00"},
    "dossier.supplemented": {"due_at": "2026-01-12T17:00:00+07:00"},
    "dossier.digitised": {"components": 0, "reused": True, "shared_store": False, "population_data": True},
    "dossier.fee_requested": {"amount": 0},
    "dossier.fee_waived": {"amount": 150000},
    "dossier.paid": {"via": "national_gateway", "amount": 10**15},
    "dossier.signed": {"what": "component"},
    "dossier.completed": {"electronic_result": True, "signed": False},
    "dossier.returned": {"via": "counter", "electronic_result": False},
    "dossier.rated": {"satisfied": True},
    "petition.received": {"about": "regulation", "origin": "forwarded"},
    "petition.rated": {"satisfied": False},
    "procedure.announced": {"decided_on": "2026-01-05", "effective_on": "2100-12-31"},
    "procedure.published": {"decided_on": "2000-01-01", "published_on": "2026-01-06", "complete": True},
    "document.sent": {"electronic": True, "signed": False, "tier": "commune", "to": "Sở Nội vụ"},
    "event.retracted": {"id": "001204012345"},
}


def event(**changes: Any) -> dict[str, Any]:
    """A sound event with other attributes; ... leaves one out."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": "a1",
        "source": "/h44/igate",
        "type": "dossier.refused",
        "subject": "H44.07-260105-0001",
        "time": "2026-01-05T08:12:00+07:00",
        "unit": "H44.07",
    }
    return {key: value for key, value in (attributes | changes).items() if value is not ...}


def of_type(kind: str, **data: Any) -> dict[str, Any]:
    return event(type=kind, data={key: value for key, value in (DATA.get(kind, {}) | data).items() if value is not ...})


def outcome(sent: Any) -> Parsed | Rejected:
    batch = parse(sent if isinstance(sent, bytes) else json.dumps(sent).encode(), ONE, {})
    assert batch.single
    (item,) = batch.items
    assert item.index == 0
    return item


def accepted(sent: Any) -> Parsed:
    item = outcome(sent)
    assert isinstance(item, Parsed), item
    return item


def why(sent: Any) -> tuple[str, str | None]:
    item = outcome(sent)
    assert isinstance(item, Rejected), item
    assert len(item.detail.en) < 250
    item.detail.en.encode()
    (item.field or "").encode()
    return item.code, item.field
