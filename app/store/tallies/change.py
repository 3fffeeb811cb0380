"""What one transaction changes in the tallies: old contributions taken out, new ones put in, of any number of lives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.domain.tallies import tally

Contribution = tuple[tally.Family, tuple[int, int, int], list[tally.Part]]
"""What a dossier, petition or document adds: its family, its cell (unit, procedure or 0, variety), and its parts."""


@dataclass
class Change:
    """The cells of every family, and the units whose figures or lists moved."""

    cells: dict[str, tally.Cells] = field(default_factory=lambda: {family.name: {} for family in tally.FAMILIES})
    units: set[int] = field(default_factory=set)

    def replace(self, old: Iterable[Contribution], new: Iterable[Contribution]) -> None:
        """Take out what a life contributed and put in what it contributes now."""
        if old == new:
            # A life that counts as before: only its lists may tell something new.
            self.units.update(key[0] for _, key, _ in new)
            return
        for contributions, sign in ((old, -1), (new, 1)):
            for family, key, parts in contributions:
                self.units.add(key[0])
                if parts:
                    tally.add(self.cells[family.name], family, key, parts, sign)
