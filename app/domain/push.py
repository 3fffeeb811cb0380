"""What a push brings and what becomes of it: one outcome per event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import msgspec

from app.domain.calendar.civil import Instant
from app.domain.lives.events import Event
from app.messages import Message, also

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


MOST_FAULTS: Final = 8
"""Faults of one event that are told."""


class Wrong(NamedTuple):
    """A fault of an event; `plain` says it without anything that the sender wrote, None where `detail` does."""

    code: str
    field: str | None
    detail: Message
    plain: Message | None = None


class Read(NamedTuple):
    """What could be read of an event that is refused, for catalogues and the clock to be asked about it too."""

    unit: str | None
    time: Instant | None
    to: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that is not: why, and whose it is as far as that can be read. `more`: what else is wrong with it.

    `read`: what could be read of it, of a catalogue's row (which is told alike) the row; None where that is nothing.
    """

    index: int
    id: str | None
    source: str | None
    code: str
    field: str | None
    detail: Message
    plain: Message | None = None
    more: tuple[Wrong, ...] = ()
    read: Any = None

    def and_also(self, faults: Iterable[Wrong]) -> Rejected:
        """The same with more that is wrong; of a field one fault is told, and no more than there is room for."""
        known = {each.field for each in self.faults}
        more = tuple(each for each in faults if each.field not in known)
        return replace(self, more=(*self.more, *more)[: MOST_FAULTS - 1]) if more else self

    @property
    def faults(self) -> list[Wrong]:
        """All that is wrong, the first first."""
        return [Wrong(self.code, self.field, self.detail, self.plain), *self.more]

    @property
    def in_full(self) -> Message:
        """All that is wrong in one message."""
        return also([self.detail, *(_of_field(each.field, each.detail) for each in self.more)])

    @property
    def in_full_plainly(self) -> Message:
        """The same without anything that the sender wrote."""
        others = (_of_field(each.field, each.plain or each.detail) for each in self.more)
        return also([self.plain or self.detail, *others])


def _of_field(field: str | None, detail: Message) -> Message:
    return Message("{field}: {detail}", "{field}: {detail}", field=field, detail=detail) if field else detail


@dataclass(frozen=True, slots=True)
class Warned:
    """An accepted event that somebody should look at."""

    index: int
    id: str
    code: str
    field: str
    detail: Message


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a push. Every event is accepted, a duplicate (both are success) or in `errors`."""

    accepted: int
    duplicates: int
    errors: Sequence[Rejected]
    warnings: Sequence[Warned]
    accepted_types: Mapping[str, int] = field(default_factory=dict)
    duplicate_types: Mapping[str, int] = field(default_factory=dict)
