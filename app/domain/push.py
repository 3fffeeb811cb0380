"""What a push brings and what becomes of it: one outcome per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from app.domain.lives.events import Event

EVENT_CODES: Final = (
    "invalid_json",
    "invalid_event",
    "invalid_value",
    "invalid_code",
    "unknown_field",
    "unknown_type",
    "unknown_unit",
    "personal_data",
    "future_time",
    "time_out_of_range",
    "conflict",
    "life_too_long",
    "forbidden_unit",
    "too_large",
)
"""Why an event can be refused."""

WARNING_CODES: Final = ("unknown_procedure", "unknown_unit")
"""Why somebody should look at an accepted one."""


class Parsed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A sound event. `event.unit` is as written; `content` (16 bytes) decides between duplicate and conflict."""

    index: int
    subject: str
    event: Event
    content: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that is not: why, and whose it is as far as that can be read."""

    index: int
    id: str | None
    source: str | None
    code: str
    field: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Warned:
    """An accepted event that somebody should look at."""

    index: int
    id: str
    code: str
    field: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a push. Every event is accepted, a duplicate (both are success) or in `errors`."""

    accepted: int
    duplicates: int
    errors: Sequence[Rejected]
    warnings: Sequence[Warned]
    accepted_types: Mapping[str, int] = field(default_factory=dict)
    duplicate_types: Mapping[str, int] = field(default_factory=dict)
