"""What is added up for a question: counters before its period and within it, and what is known of single procedures.

Two sums carry everything: active, overdue and open follow from them by the identities of the four counts. Nothing here
looks at a single dossier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from operator import add
from types import MappingProxyType
from typing import Final

from app.domain.lives.publication import PublicationCounts
from app.domain.tallies.tally import DOCUMENT, DOSSIER, PETITION, Family

_Counts = Mapping[int, list[int]]
_NO_COUNTS: Final[_Counts] = MappingProxyType({})


def _no_counts() -> _Counts:
    return _NO_COUNTS


@dataclass(slots=True)
class Sums:
    """A family's counters by variety, all of them or some: before the period and within it.

    Never changed in place: sums may be kept for the next question, or be those of several periods.
    """

    family: Family
    before: _Counts = field(default_factory=_no_counts)
    within: _Counts = field(default_factory=_no_counts)

    def plus(self, family: Family, variety: int, counts: list[int]) -> Sums:
        """With counters of a variety taken in, within the period; `family` says which they are, the same each time."""
        if not self.within:
            return Sums(family, self.before, {variety: counts})
        present = self.within.get(variety)
        added = counts if present is None else list(map(add, present, counts))
        return Sums(family, self.before, {**self.within, variety: added})

    def after(self, earlier: Sums) -> Sums:
        """These within their period, after what the period before left (its `following`)."""
        return Sums(earlier.family, earlier.before, self.within) if earlier.before else self

    def following(self) -> Sums:
        """Those of the period after this one, as long as nothing is in it."""
        if not self.within:
            return self
        if not self.before:
            return Sums(self.family, self.within)
        before = dict(self.before)
        for variety, counts in self.within.items():
            present = before.get(variety)
            before[variety] = counts if present is None else list(map(add, present, counts))
        return Sums(self.family, before)

    def in_period(self, counter: str, *varieties: int) -> int:
        """The counter within the period, over some varieties or all."""
        return self._sum(self.within, counter, varieties)

    def _sum(self, part: _Counts, counter: str, varieties: Sequence[int]) -> int:
        place = self.family.places[counter]
        total = 0
        for variety, counts in part.items():
            if not varieties or variety in varieties:
                total += counts[place]
        return total

    def _left(self, begun: str, ended: str, varieties: Sequence[int]) -> int:
        """What began before the period and had not ended then."""
        places = self.family.places
        begun_at, ended_at = places[begun], places[ended]
        total = 0
        for variety, counts in self.before.items():
            if not varieties or variety in varieties:
                total += counts[begun_at] - counts[ended_at]
        return total

    def active(self, population: str = "", *varieties: int) -> int:
        """Lives carried over into the period or received in it."""
        received = f"received{population}"
        return self._left(received, f"ended{population}", varieties) + self._sum(self.within, received, varieties)

    def overdue(self, population: str = "", *varieties: int) -> int:
        """Active lives that ended late, or are open past their deadline at the period's end."""
        missed = f"missed{population}"
        return self._left(missed, f"ended_late{population}", varieties) + self._sum(self.within, missed, varieties)

    def carried_over(self) -> int:
        """Lives open at the period's first instant."""
        return self._left("received", "ended", ())


@dataclass(slots=True)
class Uses:
    """Which procedures (ids) dossiers were of in a span of time. Never changed in place, as sums are not.

    Attributes:
        online: those with an online dossier received.
        paid: those with a dossier received that was paid online.
        population: those with a dossier received that has population data.
        open: by how many the open dossiers with population data have become more, where they have.
        received: dossiers received by procedure, one number for each channel.
    """

    online: Set[int] = frozenset()
    paid: Set[int] = frozenset()
    population: Set[int] = frozenset()
    open: Mapping[int, int] = field(default_factory=dict)
    received: Mapping[int, list[int]] = field(default_factory=dict)

    @classmethod
    def together(cls, parts: Sequence[Uses]) -> Uses:
        """Those of several units or spans."""
        if len(parts) == 1:
            return parts[0]
        received: dict[int, list[int]] = {}
        for part in parts:
            for procedure, counts in part.received.items():
                present = received.get(procedure)
                received[procedure] = counts if present is None else list(map(add, present, counts))
        return cls(
            frozenset().union(*[part.online for part in parts]),
            frozenset().union(*[part.paid for part in parts]),
            frozenset().union(*[part.population for part in parts]),
            _opened(parts),
            received,
        )

    def left(self) -> Uses | None:
        """What a later period sees of it, None for nothing: the open dossiers."""
        still_open = {procedure: more for procedure, more in self.open.items() if more}
        return Uses(open=still_open) if still_open else None

    def following(self, later: Uses) -> Uses:
        """What a period after another one sees of both: the open dossiers."""
        return Uses(open=_opened((self, later))) if later.open else self

    def size(self) -> int:
        """How many numbers it holds."""
        held = (self.online, self.paid, self.population, self.open, self.open, self.received)
        return sum([len(each) for each in held]) + sum([len(each) for each in self.received.values()])

    def only(self, procedure: int) -> Uses:
        """What is known of one procedure."""
        alone = {procedure}
        return Uses(
            self.online & alone,
            self.paid & alone,
            self.population & alone,
            {procedure: self.open.get(procedure, 0)},
            {procedure: self.received[procedure]} if procedure in self.received else {},
        )


def _opened(parts: Sequence[Uses]) -> Mapping[int, int]:
    if len(parts) == 2 and not parts[0].open:
        return parts[1].open
    opened: dict[int, int] = {}
    for part in parts:
        for procedure, more in part.open.items():
            opened[procedure] = opened.get(procedure, 0) + more
    return opened


_UNPUBLISHED: Final = PublicationCounts(0, 0, 0, 0, 0, 0)
_UNUSED: Final = Uses()
"""Never changed: most of what is counted apart knows nothing of procedures."""

_NO_DOSSIERS: Final = Sums(DOSSIER)
_NO_PETITIONS: Final = Sums(PETITION)
_NO_DOCUMENTS: Final = Sums(DOCUMENT)


@dataclass(slots=True)
class Counted:
    """All sums that a question's measures are made of. `carried`: what was before the period, `uses` within it."""

    dossiers: Sums
    petitions: Sums
    documents: Sums
    carried: Uses
    uses: Uses
    publications: PublicationCounts

    @classmethod
    def nothing(cls) -> Counted:
        """No life at all."""
        return cls(_NO_DOSSIERS, _NO_PETITIONS, _NO_DOCUMENTS, _UNUSED, _UNUSED, _UNPUBLISHED)

    def add(self, family: Family, variety: int, counts: list[int]) -> None:
        """Take counters of a family's variety in, within the period."""
        if family.name == DOSSIER.name:
            self.dossiers = self.dossiers.plus(family, variety, counts)
        elif family.name == PETITION.name:
            self.petitions = self.petitions.plus(family, variety, counts)
        else:
            self.documents = self.documents.plus(family, variety, counts)

    def follow(self, earlier: Counted) -> None:
        """Stand after what the period before left (its `following`)."""
        self.dossiers = self.dossiers.after(earlier.dossiers)
        self.petitions = self.petitions.after(earlier.petitions)
        self.documents = self.documents.after(earlier.documents)
        self.carried = earlier.carried

    def following(self) -> Counted:
        """What the next period begins with, as long as nothing is in it."""
        return Counted(
            self.dossiers.following(),
            self.petitions.following(),
            self.documents.following(),
            self.carried.following(self.uses),
            _UNUSED,
            _UNPUBLISHED,
        )
