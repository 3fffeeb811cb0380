"""What a verification found, and how it is told: the cause first, then the first few of each kind that differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.store.proof.recount import LISTED, Difference
from app.store.proof.references import Broken
from app.store.retention import reach
from app.store.retention.reach import Reach

_TOLD: Final = 20
"""Lines a kind in words."""


class FactDifference(NamedTuple):
    """Something stored of a subject that is not what its logged events fold to."""

    subject: str
    fact: str
    stored: str
    folded: str


@dataclass
class Report:
    """What was compared and what differs. The lists hold the first LISTED differences, the numbers count them all.

    `refolding` lives wait to be folded with a newer catalogue or newer rules: their facts are not compared. `receipts`
    and `logged` are the root's numbers of receipts and of events in the log, None unless deep, and `broken` and `feeds`
    (ids of source and unit of those that are not what the log says) are empty. `since` is the instant (µs) from which
    on the log is whole where older parts were dropped, `beyond` the number of events that lives have from before and
    the log has not: these are taken as the lives have them. `unlogged` are the first and the last instant (µs) of the
    events that lives have, the log has not, and nobody is known to have dropped.
    """

    cells_compared: int = 0
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)
    lives_refolded: int = 0
    refolding: int = 0
    facts_differing: int = 0
    fact_differences: list[FactDifference] = field(default_factory=list)
    receipts: int | None = None
    logged: int | None = None
    broken: list[Broken] = field(default_factory=list)
    feeds: list[tuple[int, int]] = field(default_factory=list)
    since: int | None = None
    beyond: int = 0
    unlogged: tuple[int, int] | None = None

    def __str__(self) -> str:
        told = [f"{self.cells_compared:,} cells compared, {self.differing:,} counters differ"]
        if self.receipts is not None:
            told.append(f"{self.lives_refolded:,} lives folded anew, {self.facts_differing:,} facts differ")
            told.append(f"{self.logged:,} events logged, {self.receipts:,} receipts")
        if self.beyond:
            told.append(reach.said(Reach(self.since, self.beyond)).en)
        if self.refolding:
            told.append(f"{self.refolding:,} lives wait to be folded again")
        if self.broken:
            told.append(f"{len(self.broken):,} references are broken")
        if self.feeds:
            told.append(f"{len(self.feeds):,} feeds differ")
        lines = [*self._cause(), "; ".join(told)]
        lines += _first(self.broken, len(self.broken))
        facts = [
            f"{each.subject} {each.fact}: stored {each.stored}, folded {each.folded}" for each in self.fact_differences
        ]
        cells = [
            f"{each.table} {each.bucket} {each.unit} {each.procedure or ''} {each.variety} {each.counter}:"
            f" tallied {each.tallied}, recounted {each.recounted}"
            for each in self.differences
        ]
        feeds = [f"feed of source {source}, unit {unit}" for source, unit in self.feeds]
        lines += _first(facts, self.facts_differing) + _first(cells, self.differing) + _first(feeds, len(feeds))
        return "\n".join(lines)

    def _cause(self) -> list[str]:
        """Why the rest differs, where the numbers of the log tell it: a line, or none."""
        if self.lacking:
            says = reach.said(Reach(None, self.unreceipted)).en
            if self.unlogged is not None:
                first, last = map(reach.when, self.unlogged)
                says += f" (lives have events of {first} to {last} that it has not)"
        elif self.unreceipted:
            says = f"the log has {self.unreceipted:,} events more than there are receipts"
        else:
            return []
        return [f"{says}; what else differs may follow from that"]

    @property
    def lacking(self) -> bool:
        """Whether the log lacks events that nobody is known to have dropped."""
        return self.receipts is not None and self.logged is not None and self.logged + self.beyond < self.receipts

    @property
    def unreceipted(self) -> int:
        """By how many events the log and the receipts differ, but for those that are known to have been dropped."""
        return 0 if self.logged is None else abs((self.receipts or 0) - self.logged - self.beyond)

    @property
    def clean(self) -> bool:
        """Whether everything is as it should be."""
        return self.amiss == 0

    @property
    def amiss(self) -> int:
        """How many counters, facts, references and feeds are not as they should be, and events without a receipt."""
        return self.differing + self.facts_differing + len(self.broken) + len(self.feeds) + self.unreceipted

    @property
    def counts(self) -> dict[str, int]:
        """What was compared and how much differs, by name; of facts and the log where they were looked at."""
        counts = {"cells_compared": self.cells_compared, "counters_differ": self.differing}
        if self.receipts is None or self.logged is None:
            return counts
        return counts | {
            "lives_folded": self.lives_refolded,
            "facts_differ": self.facts_differing,
            "references_broken": len(self.broken),
            "feeds_differ": len(self.feeds),
            "events_logged": self.logged,
            "receipts": self.receipts,
            "older_than_the_log": self.beyond,
        }

    def add(self, subject: str, fact: str, stored: object, folded: object) -> None:
        """Note a difference of facts."""
        self.facts_differing += 1
        if len(self.fact_differences) < LISTED:
            self.fact_differences.append(FactDifference(subject, fact, _shown(stored), _shown(folded)))

    def note_unlogged(self, instants: Iterable[int]) -> None:
        """Note when events happened that a life has and the log has not."""
        if known := [*instants, *(self.unlogged or ())]:
            self.unlogged = min(known), max(known)


def _first(found: Sequence[object], of: int) -> list[str]:
    """A line for each of the first that were found, and one for the rest of them all."""
    lines = [f"  {each}" for each in found[:_TOLD]]
    return lines if of <= len(lines) else [*lines, f"  … and {of - len(lines):,} more"]


def _shown(value: object) -> str:
    return "" if value is None else str(value)
