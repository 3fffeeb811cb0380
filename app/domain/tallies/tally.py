"""The counters, and which of them a single life moves on which day.

Four additive counts carry every indicator: received, ended, ended late and missed, each in the civil day of its own
instant, per population. A new population is a flag with counters (flags.py) or a counter here, a migration and a
rebuild. `parts` is the whole of (facts → contributions); an event's effect on every figure is parts(new facts) −
parts(old facts).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Final

import msgspec

from app.domain.calendar.civil import DAY, OFFSET
from app.domain.lives.document import TIERS, DocumentFacts
from app.domain.lives.dossier import CHANNELS, DossierFacts
from app.domain.lives.flags import DISLIKED, FLAG_TABLE
from app.domain.lives.petition import ABOUT, PetitionFacts


@dataclass(frozen=True)
class Family:
    """One kind of life that is tallied: its counters, and the variety its cells are split by."""

    name: str
    variety: str
    varieties: tuple[str, ...]
    counters: tuple[str, ...]

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each counter stands."""
        return {name: place for place, name in enumerate(self.counters)}

    @cached_property
    def _leaving(self) -> tuple[tuple[int, int], ...]:
        """Where the counters stand of what begins and of how it ends, for each population."""
        ends = {"received": "ended", "missed": "ended_late"}
        pairs = [
            (counter, end + counter.removeprefix(begin))
            for begin, end in ends.items()
            for counter in self.counters
            if counter.startswith(begin)
        ]
        return tuple((self.places[one], self.places[other]) for one, other in pairs if other in self.places)

    def leaves_any(self, counts: Sequence[int]) -> bool:
        """Whether a later period sees anything of these counts: lives left open, or left open past their deadline."""
        return any(counts[begun] != counts[ended] for begun, ended in self._leaving)

    @cache  # noqa: B019  of three families that live as long as the process
    def narrowed(self, counters: tuple[str, ...]) -> Family:
        """The family with these of its counters only."""
        return self if counters == self.counters else replace(self, counters=counters)


DOSSIER: Final = Family(
    "dossier",
    "channel",
    CHANNELS,
    (
        # at the reception
        "received",
        *(flag.received for flag in FLAG_TABLE if flag.received),
        # at the end
        "ended",
        *(flag.ended for flag in FLAG_TABLE if flag.ended),
        "ended_late",
        "ended_late_disliked",
        "processing_seconds",
        "processing_micros",
        # when the deadline is missed
        "missed",
        "missed_disliked",
        # when the result is returned
        "returned_postal",
        "returned_online",
    ),
)
PETITION: Final = Family(
    "petition",
    "about",
    ABOUT,
    (
        "received",
        "received_disliked",
        "ended",
        "ended_late",
        "ended_disliked",
        "ended_late_disliked",
        "missed",
        "missed_disliked",
    ),
)
DOCUMENT: Final = Family("document", "tier", TIERS, ("sent", "electronic", "signed"))
FAMILIES: Final = (DOSSIER, PETITION, DOCUMENT)

_D: Final = {name: index for index, name in enumerate(DOSSIER.counters)}
_P: Final = {name: index for index, name in enumerate(PETITION.counters)}
_SECONDS, _MICROS = _D["processing_seconds"], _D["processing_micros"]


class Part(msgspec.Struct, frozen=True, gc=False):
    """What a life adds at one instant: these counters +1 each, and (for an end) its processing time in µs."""

    at: int
    counters: tuple[int, ...]
    took: int = 0


CellKey = tuple[int, int, int, int]
"""A cell of a family's tally: unit id, procedure id (0 outside dossiers), index of the variety, civil day."""

Cells = dict[CellKey, list[int]]


@cache
def _received(flags: int) -> tuple[int, ...]:
    return (_D["received"], *(_D[each.received] for each in FLAG_TABLE if each.received and flags & each.bit))


@cache
def _ended(flags: int, late: bool) -> tuple[int, ...]:
    moved = [_D["ended"], *(_D[each.ended] for each in FLAG_TABLE if each.ended and flags & each.bit)]
    if late:
        moved.append(_D["ended_late"])
        if flags & DISLIKED:
            moved.append(_D["ended_late_disliked"])
    return tuple(moved)


def _missed(counters: dict[str, int], disliked: bool) -> tuple[int, ...]:
    return (counters["missed"], counters["missed_disliked"]) if disliked else (counters["missed"],)


_RETURNED: Final = {1: (_D["returned_postal"],), 2: (_D["returned_online"],)}


def dossier_parts(facts: DossierFacts) -> list[Part]:
    """What one dossier adds to its unit's counters, and when."""
    if facts.received_at is None or facts.voided:
        return []
    parts = [Part(facts.received_at, _received(facts.flags))]
    if facts.ended_at is not None:
        parts.append(Part(facts.ended_at, _ended(facts.flags, facts.late), facts.ended_at - facts.received_at))
    missed = facts.missed_at
    if missed is not None:
        parts.append(Part(missed, _missed(_D, bool(facts.flags & DISLIKED))))
    if facts.returned_at is not None and facts.returned_via in _RETURNED:
        parts.append(Part(facts.returned_at, _RETURNED[facts.returned_via]))
    return parts


def petition_parts(facts: PetitionFacts) -> list[Part]:
    """What one petition adds to its unit's counters, and when."""
    if facts.received_at is None or facts.voided:
        return []
    disliked = facts.disliked
    parts = [Part(facts.received_at, (_P["received"], _P["received_disliked"]) if disliked else (_P["received"],))]
    if facts.ended_at is not None:
        names = ["ended"] + ["ended_late"] * facts.late + ["ended_disliked"] * disliked
        names += ["ended_late_disliked"] * (facts.late and disliked)
        parts.append(Part(facts.ended_at, tuple(_P[name] for name in names)))
    missed = facts.missed_at
    if missed is not None:
        parts.append(Part(missed, _missed(_P, disliked)))
    return parts


def document_parts(facts: DocumentFacts) -> list[Part]:
    """What one document adds to its unit's counters, and when."""
    moved = (0, *((1,) if facts.electronic else ()), *((2,) if facts.electronic and facts.signed else ()))
    return [Part(facts.sent_at, moved)]


def add(cells: Cells, family: Family, key: tuple[int, int, int], parts: Iterable[Part], sign: int) -> None:
    """Add `parts` (sign 1) to the cells of (unit, procedure, variety), or take them out (sign -1)."""
    for part in parts:
        cell_key = (*key, (part.at + OFFSET) // DAY)
        cell = cells.get(cell_key)
        if cell is None:
            cell = cells[cell_key] = [0] * len(family.counters)
        for counter in part.counters:
            cell[counter] += sign
        if part.took:
            cell[_SECONDS] += sign * (part.took // 1_000_000)
            cell[_MICROS] += sign * (part.took % 1_000_000)
