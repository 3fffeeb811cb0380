"""Sums of many questions at once: by unit, procedure, variety and slice of time, taken apart into what each one counts.

A ranking takes a cube apart by unit, a series by slice, a breakdown by whatever its rows are. The sums are those of
figures.py; a cube only says which cell belongs to whom, so nothing is counted in a second way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from app.domain.calendar.civil import Day, Instant, day_of, start_of
from app.domain.calendar.periods import Period
from app.domain.catalogues.indicators import MEASURES, Indicator
from app.domain.figures.measures import USES
from app.domain.lives.publication import PublicationCounts
from app.domain.tallies.sums import Counted, Uses
from app.domain.tallies.tally import FAMILIES, Family

Cell = tuple[int, int, int, int]
"""Unit id, procedure id, index of the variety, slice; 0 where a cube is not split by one of the first three."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Slices:
    """Time in civil days: slice 0 is all before the first edge, slice i the days from edge i-1 to before edge i.

    `now` is the instant at which the last day of the last slice is cut, None when that day is whole.
    """

    edges: tuple[Day, ...]
    now: Instant | None

    @classmethod
    def of(cls, a: Instant, b: Instant) -> Slices:
        """One slice [a, b), `b` already cut at now."""
        return cls._cut([day_of(a)], b)

    @classmethod
    def of_buckets(cls, buckets: Sequence[Period], b: Instant) -> Slices:
        """A slice for each of some buckets that follow each other; the last ends at `b`."""
        return cls._cut([bucket.first for bucket in buckets], b)

    @classmethod
    def _cut(cls, firsts: list[Day], b: Instant) -> Slices:
        last = day_of(b)
        whole = start_of(last) == b
        return cls((*firsts, last if whole else Day(last + 1)), None if whole else b)

    @classmethod
    def of_compared(cls, a: Instant, b: Instant, c: Instant, d: Instant) -> Slices:
        """[a, b) first and [c, d) last, with what lies between them, if anything does; `b` is the start of a day."""
        return cls._cut([day_of(each) for each in dict.fromkeys((a, b, c))], d)

    @property
    def first(self) -> Day:
        """The first day of slice 1."""
        return self.edges[0]

    @property
    def until(self) -> Day:
        """The first day after the last slice."""
        return self.edges[-1]

    @property
    def last(self) -> int:
        """The last slice."""
        return len(self.edges) - 1


@dataclass
class Cube:
    """Sums read in one snapshot.

    Attributes:
        slices: the time that was asked for.
        families: those that were summed, perhaps with some of their counters only, by name.
        cells: by name of family, its counters.
        uses: by unit and slice, 0 for the unit where the cube is not split by unit.
        publications: of the root, by slice.
    """

    slices: Slices
    families: dict[str, Family] = field(default_factory=lambda: {each.name: each for each in FAMILIES})
    cells: dict[str, dict[Cell, list[int]]] = field(default_factory=lambda: {each.name: {} for each in FAMILIES})
    uses: dict[tuple[int, int], Uses] = field(default_factory=dict)
    publications: dict[int, PublicationCounts] = field(default_factory=dict)

    def split(self, owners: Callable[[Cell], Iterable[K]], by_dossier: bool = False) -> dict[K, Counted]:
        """What each owner counts within slice 1 and before it."""
        return next(self.in_turn(owners, by_dossier=by_dossier))

    def whole(self) -> Counted:
        """Everything within slice 1 and before it."""
        return next(self.wholes())

    def empty(self) -> Counted:
        """What an owner without any cell counts in slice 1: publications are of the root, whoever asks."""
        counted = Counted.nothing()
        counted.publications = self.publications.get(1, counted.publications)
        return counted

    def wholes(self) -> Iterator[Counted]:
        """What each slice counts in all, from slice 1 on."""
        together = {name: _together(cells) for name, cells in self.cells.items()}
        for found in replace(self, cells=together).in_turn(lambda cell: ("",), ("",)):
            yield found[""]

    def in_turn(
        self, owners: Callable[[Cell], Iterable[K]], everyone: Iterable[K] = (), by_dossier: bool = False
    ) -> Iterator[dict[K, Counted]]:
        """What each owner counts in each slice, from slice 1 on, everything earlier being before it.

        A cell may be of several owners, or of none.

        Args:
            everyone: owners that are told of even when they have no cell.
            by_dossier: owners differ by procedure or variety, not by unit alone.
        """
        by_slice: list[dict[K, Counted]] = [{} for _ in range(self.slices.last + 1)]
        by_slice[0] = {owner: Counted.nothing() for owner in everyone}
        for name, family in self.families.items():
            for cell, counts in self.cells[name].items():
                found = by_slice[cell[3]]
                for owner in owners(cell):
                    counted = found.get(owner) or found.setdefault(owner, Counted.nothing())
                    counted.add(family, cell[2], counts)
        shares: list[dict[K, list[Uses]]] = [{} for _ in by_slice]
        for (unit, number), uses in self.uses.items():
            for owner, mine in _shared(unit, number, uses, owners, by_dossier):
                shares[number].setdefault(owner, []).append(mine)
        for found, of_owners in zip(by_slice, shares, strict=True):
            for owner, parts in of_owners.items():
                counted = found.get(owner) or found.setdefault(owner, Counted.nothing())
                counted.uses = Uses.together(parts)
        here = by_slice[0]
        for number in range(1, self.slices.last + 1):
            earlier, here = here, by_slice[number]
            for owner, before in earlier.items():
                left = before.following()
                counted = here.setdefault(owner, left)
                if counted is not left:
                    counted.follow(left)
            for counted in here.values():
                counted.publications = self.publications.get(number, counted.publications)
            yield here


def _together(cells: Mapping[Cell, list[int]]) -> dict[Cell, list[int]]:
    """The cells added up over units and procedures."""
    apart: dict[Cell, list[list[int]]] = {}
    for (_, _, variety, number), counts in cells.items():
        apart.setdefault((0, 0, variety, number), []).append(counts)
    return {cell: list(map(sum, zip(*found, strict=True))) for cell, found in apart.items()}


def _shared(
    unit: int, number: int, uses: Uses, owners: Callable[[Cell], Iterable[K]], by_dossier: bool
) -> Iterator[tuple[K, Uses]]:
    """A unit's uses among their owners. By dossier only those received are split: distinct procedures cannot be."""
    if not by_dossier:
        for owner in owners((unit, 0, 0, number)):
            yield owner, uses
        return
    for procedure, received in uses.received.items():
        for channel, count in enumerate(received):
            alone = [count if each == channel else 0 for each in range(len(received))]
            for owner in owners((unit, procedure, channel, number)) if count else ():
                yield owner, Uses(received={procedure: alone})


Across = Literal["slices", "units", "dossiers"]
"""What figures are added over: the buckets of a series, units, or parts of the dossiers (procedures, channels)."""

_SEEN_AGAIN = (
    "Hồ sơ (phản ánh, kiến nghị) đang giải quyết được tính ở mọi khoảng thời gian mà nó còn mở, "
    "nên cộng các khoảng không bằng số của cả kỳ."
)
_DISTINCT = "Mỗi thủ tục chỉ tính một lần trong một số liệu, nên cộng các dòng không bằng số chung."
_NO_COUNTS = "Giá trị bình quân không cộng được."
_POINTS = "Điểm được tính lại từ số liệu của từng khoảng, nên cộng các khoảng không bằng điểm của cả kỳ."
_REPORTED = "Mẫu số có thể lấy theo báo cáo quốc gia, nên cộng các dòng không bằng số chung."
_STOCK = "Số đơn vị là hiện trạng, không cộng theo thời gian."
_CARRIED = ("active", "on_time", "overdue", "petitions")


def why_not_additive(indicator: Indicator | None, across: Across, reported: bool) -> str | None:
    """Why the parts of an indicator's figure do not add up to the whole (Vietnamese); None where they do. Without an
    indicator it is a figure of points alone.

    `reported`: a denominator is the national report's count instead of the dossiers received.
    """
    if indicator is None:
        return _POINTS
    if indicator.kind != "ratio":
        return _NO_COUNTS
    if reported and "synced_base" in indicator.measures:
        return _REPORTED
    parts = {MEASURES[each] for each in indicator.measures}
    if parts & {"remit", "publications", *USES}:
        return _DISTINCT
    if across == "slices" and "communes" in parts:
        return _STOCK
    if across == "slices" and any(each.startswith(_CARRIED) for each in indicator.measures):
        return _SEEN_AGAIN
    return None
