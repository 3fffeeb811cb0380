"""The facts of an official document sent (văn bản đi): a life per (unit, subject), counted at its earliest sending."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

import msgspec

from app.domain.lives.events import DocumentSent, Event, Tier

TIERS: Final = ("none", *get_args(Tier))


class DocumentFacts(msgspec.Struct, frozen=True, gc=False):
    """One document as figures see it: `sent_at` in µs, `tier` indexes TIERS, the rest as last given."""

    unit: str
    sent_at: int
    electronic: bool
    signed: bool
    tier: int


def fold(events: Sequence[Event]) -> DocumentFacts:
    """The facts of one unit's standing `document.sent` events of a subject, in reading order; at least one event."""
    electronic, signed, tier = False, False, "none"
    for event in events:
        what = event.what
        assert isinstance(what, DocumentSent)
        electronic = what.electronic
        signed = signed if what.signed is None else what.signed
        tier = tier if what.tier is None else what.tier
    return DocumentFacts(events[0].unit, events[0].time, electronic, signed, TIERS.index(tier))
