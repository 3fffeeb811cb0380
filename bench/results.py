"""What a run finds, as data: printed, kept as JSON, and written down."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

import msgspec


class Timing(msgspec.Struct):
    """A number of times, in ms."""

    n: int
    p50: float
    p99: float
    most: float


class Write(msgspec.Struct):
    """One way of writing to one target, all rounds together. `rate`: median of the rounds, events a second."""

    shape: str
    case: str
    target: str
    rate: float
    rates: list[float]
    timing: Timing
    acknowledged: int
    kept: int
    rss_peak: int
    client_cpu: float
    """Cores the clients used, mean: near their number of processes, the client was what was measured."""
    refused: int = 0
    failed: list[str] = []
    ratio: float | None = None
    """The service's rate divided by this one's."""


class Storage(msgspec.Struct):
    """Bytes of a table, after VACUUM, that came with the events."""

    table: str
    heap: int
    index: int


class Size(msgspec.Struct):
    """What a peer's tables take for the events it has."""

    shape: str
    target: str
    events: int
    storage: list[Storage]


class ShapeCheck(msgspec.Struct):
    """What a database holds after everything of a shape, and whether it is right."""

    shape: str
    meaning: str
    events: int
    expected: int
    duplicates: int
    rejected: int
    verified: bool
    verify: str
    bytes_per_event: float
    storage: list[Storage]
    errors: list[str] = []


class Read(msgspec.Struct):
    """One question asked in one way, or of a peer by its name. `missing`: why there is no timing; only of a 404 is that
    fair. `ratio`: a peer's time divided by the service's, computed anew."""

    question: str
    way: str
    timing: Timing | None = None
    status: dict[str, int] = {}
    bytes: int = 0
    events_per_s: float = 0.0
    missing: str = ""
    ratio: float | None = None


class Sql(msgspec.Struct):
    """One query over the current-state tables. `ratio`: its time divided by the service's for the same question."""

    query: str
    port: str
    timing: Timing | None
    rows: int = 0
    compared_to: str = ""
    ratio: float | None = None
    missing: str = ""


class Equal(msgspec.Struct):
    """A count as every side has it."""

    what: str
    counts: dict[str, int]

    @property
    def equal(self) -> bool:
        """Whether all agree."""
        return len(set(self.counts.values())) == 1


class Row(msgspec.Struct):
    """A row of a table of the trials: figures by the heads of their columns."""

    table: str
    name: str
    values: dict[str, str | int | float | None]


class Limit(msgspec.Struct):
    """Something that should hold. `aim`: missing it is told, and fails no run: it is of this machine as well."""

    what: str
    found: str
    wanted: str
    held: bool
    aim: bool = False


class Machine(msgspec.Struct):
    """What it ran on."""

    cpu: str
    cores: int
    memory: int
    filesystem: str
    python: str
    postgresql: str
    settings: dict[str, str]
    load: float = 0.0
    """Processes that wanted a core, mean of the minute before: above zero, others were at work too."""
    ours: dict[str, str] = {}


_FAIR: Final = {"200", "304", "404"}


class Report(msgspec.Struct):
    """All of a run."""

    at: str
    command: str
    size: str
    machine: Machine
    writes: list[Write] = []
    checks: list[ShapeCheck] = []
    sizes: list[Size] = []
    reads: list[Read] = []
    queries: list[Sql] = []
    equal: list[Equal] = []
    rows: list[Row] = []
    limits: list[Limit] = []
    missing: list[str] = []
    notes: list[str] = []
    idle_rss: int = 0
    failed: bool = False

    def row(self, table: str, name: str, **values: str | int | float | None) -> None:
        """Note a row of a table."""
        self.rows.append(Row(table, name, values))

    def check(self, what: str, found: object, wanted: object, held: bool) -> None:
        """Note something that must hold."""
        self.limits.append(Limit(what, str(found), str(wanted), held))

    def aim(self, what: str, found: float, most: float, unit: str) -> None:
        """Note something that is wanted to be at most so much."""
        self.limits.append(Limit(what, f"{found:,.1f} {unit}", f"≤ {most:,g} {unit}", found <= most, aim=True))

    def verified(self, clean: bool, said: str) -> None:
        """Note what `chiso verify` says at the end."""
        self.notes.append(f"verify: {said}")
        self.check("verify", said, "clean", clean)

    @property
    def sound(self) -> bool:
        """Whether every check after the measurements was passed."""
        return (
            not self.failed
            and all(check.verified and check.events == check.expected and not check.rejected for check in self.checks)
            and all(each.equal for each in self.equal)
            and all(each.held or each.aim for each in self.limits)
            and all(set(read.status) <= _FAIR for read in self.reads)
        )


def timing(seconds: Sequence[float]) -> Timing:
    """Median, 99th percentile (nearest rank) and the longest."""
    ordered = sorted(seconds)
    if not ordered:
        return Timing(0, 0.0, 0.0, 0.0)
    p99 = ordered[min(len(ordered) - 1, -(-99 * len(ordered) // 100) - 1)]
    return Timing(len(ordered), *(round(1000 * each, 3) for each in (statistics.median(ordered), p99, ordered[-1])))
