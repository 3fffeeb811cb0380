"""Sums of many questions at once: by unit, procedure, variety and slice of time, taken apart into what each one counts.

A ranking takes a cube apart by unit, a series by slice, a breakdown by whatever its rows are. The sums are those of
figures.py; a cube only says which cell belongs to whom, so nothing is counted in a second way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from app.domain.catalogue import Indicator
from app.domain.events import Day, Instant
from app.domain.figures import USES, Counted, Sums, part_of
from app.domain.periods import Period, day_of, start_of
from app.domain.publication import PublicationCounts
from app.domain.tally import FAMILIES

Cell = tuple[int, int, int, int]
"""Unit id, procedure id, index of the variety, slice; 0 where a cube is not split by unit or procedure."""

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
        cells: by name of family, all its counters.
        uses: BY_PROCEDURE counters of dossiers; always split by procedure and channel.
        codes: procedure codes by id, of the catalogue's procedures alone.
        publications: of the root, one for each slice from slice 1 on.
    """

    codes: Mapping[int, str]
    cells: dict[str, dict[Cell, list[int]]] = field(default_factory=lambda: {each.name: {} for each in FAMILIES})
    uses: dict[Cell, list[int]] = field(default_factory=dict)
    publications: list[PublicationCounts] = field(default_factory=list)

    def split(self, owners: Callable[[Cell], Iterable[K]]) -> dict[K, Counted]:
        """What each owner counts within slice 1 and before it; a cell may be of several owners, or of none."""
        found: dict[K, Counted] = {}
        for family in FAMILIES:
            for cell, counts in self.cells[family.name].items():
                for owner in owners(cell):
                    sums = _sums(found, owner, family.name)
                    _add(sums.within if cell[3] else sums.before, cell[2], counts)
        for cell, counts in self.uses.items():
            code = self.codes.get(cell[1])
            if code is None:
                continue
            for owner in owners(cell):
                counted = found.get(owner) or found.setdefault(owner, Counted.nothing())
                _add(counted.within_by_procedure if cell[3] else counted.before_by_procedure, (code, cell[2]), counts)
        for counted in found.values():
            counted.publications = self.publications[0] if self.publications else counted.publications
        return found

    def whole(self) -> Counted:
        """Everything together."""
        return self.split(lambda cell: ("",)).get("") or self.empty()

    def empty(self) -> Counted:
        """What an owner without any cell counts: publications are of the root, whoever asks."""
        counted = Counted.nothing()
        counted.publications = self.publications[0] if self.publications else counted.publications
        return counted

    def in_turn(self, slices: Slices) -> Iterator[Counted]:
        """What each slice counts, from slice 1 on, everything earlier being before it.

        Read each before asking for the next: what lies before grows in place, which makes this one pass.
        """
        by_slice = self.split(lambda cell: (cell[3],))
        running = by_slice.get(0) or Counted.nothing()
        for number in range(1, slices.last + 1):
            here = by_slice.get(number) or Counted.nothing()
            for mine, before in zip(_families(here), _families(running), strict=True):
                mine.before = before.before
            here.before_by_procedure = running.before_by_procedure
            if self.publications:
                here.publications = self.publications[number - 1]
            yield here
            for mine in _families(here):
                for variety, counts in mine.within.items():
                    _add(mine.before, variety, counts)
            for key, counts in here.within_by_procedure.items():
                _add(here.before_by_procedure, key, counts)
            running = here


def _families(counted: Counted) -> tuple[Sums, Sums, Sums]:
    return counted.dossiers, counted.petitions, counted.documents


def _sums(found: dict[K, Counted], owner: K, family: str) -> Sums:
    counted = found.get(owner) or found.setdefault(owner, Counted.nothing())
    if family == "dossier":
        return counted.dossiers
    return counted.petitions if family == "petition" else counted.documents


def _add(into: dict[K, list[int]], key: K, counts: Sequence[int]) -> None:
    present = into.get(key)
    if present is None:
        into[key] = list(counts)
    else:
        for index, count in enumerate(counts):
            present[index] += count


Across = Literal["slices", "units", "dossiers"]
"""What figures are added over: the buckets of a series, units, or parts of the dossiers (procedures, channels)."""

_SEEN_AGAIN = (
    "Hồ sơ (phản ánh, kiến nghị) đang giải quyết được tính ở mọi khoảng thời gian mà nó còn mở, "
    "nên cộng các khoảng không bằng số của cả kỳ."
)
_DISTINCT = "Mỗi thủ tục chỉ tính một lần trong một số liệu, nên cộng các dòng không bằng số chung."
_NO_COUNTS = "Giá trị bình quân không cộng được."
_REPORTED = "Mẫu số có thể lấy theo báo cáo quốc gia, nên cộng các dòng không bằng số chung."
_STOCK = "Số đơn vị là hiện trạng, không cộng theo thời gian."
_CARRIED = ("active", "on_time", "overdue", "petitions")


def why_not_additive(indicator: Indicator, across: Across, reported: bool) -> str | None:
    """Why the parts of an indicator's figure do not add up to the whole (Vietnamese); None where they do.

    `reported`: a denominator is the national report's count instead of the dossiers received.
    """
    if indicator.kind != "ratio":
        return _NO_COUNTS
    if reported and "synced_base" in indicator.measures:
        return _REPORTED
    parts = {part_of(each) for each in indicator.measures}
    if parts & {"remit", "publications", *USES}:
        return _DISTINCT
    if across == "slices" and "communes" in parts:
        return _STOCK
    if across == "slices" and any(each.startswith(_CARRIED) for each in indicator.measures):
        return _SEEN_AGAIN
    return None
