"""What a database and a service have to hold, reckoned from what was measured: the table of docs/sizing.md.

`python -m bench.sizing` prints it. Every number beside the assumptions stands in docs/benchmarks.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BYTES: Final = {"log": 147, "receipts": 122, "lives": 116, "tallies": 39}
"""Bytes of database an event after VACUUM at full size; with what else there is 425 ("Where it stands")."""
BYTES_IN_ALL: Final = 425
PROVINCE: Final = 4_050_000
"""Events of the measured province in a year, of 602,000 dossiers in 164 units."""
UNITS: Final = 164
PROVINCES: Final = 34
REBUILT: Final = 51_935
"""Events a second by `chiso rebuild` beside writers, at full size."""
VERIFIED: Final = 156_478
"""Events a second by `chiso verify`, at full size."""
LOADED: Final = 26_200
"""Events a second in requests of a thousand by 8 clients: the lower of the measured rates."""

WORKING_SECONDS: Final = 250 * 8 * 3600
"""Assumed: events come on 250 days of 8 hours."""
PEAK: Final = 3
"""Assumed: the busiest hour has so many times the mean."""


@dataclass(frozen=True)
class Load:
    """A deployment: its roots, and their events in a year together."""

    name: str
    roots: int
    events: int

    @property
    def mean(self) -> float:
        """Events a second in working time."""
        return self.events / WORKING_SECONDS

    @property
    def peak(self) -> float:
        """The same in the busiest hour."""
        return PEAK * self.mean

    def gigabytes(self, part: str = "") -> float:
        """Database a year, 10^9 bytes; of a part of BYTES or in all. Without the write-ahead log and backups."""
        return self.events * (BYTES[part] if part else BYTES_IN_ALL) / 1e9

    def seconds(self, rate: int) -> float:
        """How long the largest root's year takes at a rate, the roots being alike."""
        return self.events / self.roots / rate


LOADS: Final = (
    Load("commune or department", 1, PROVINCE // UNITS),
    Load("province, as measured", 1, PROVINCE),
    Load("34 such provinces", PROVINCES, PROVINCES * PROVINCE),
    Load("country, a billion a year", PROVINCES, 1_000_000_000),
)


def table() -> str:
    """The table in Markdown."""
    columns = (
        "events a year", "events/s, mean", "events/s, peak", "disk a year, GB", "of it the log",
        "to load a year, all roots", "rebuild of a root's year", "verify of it",
    )  # fmt: skip
    head = "| | " + " | ".join(columns) + " |"
    lines = [head, "| --- |" + " ---: |" * 8]
    for load in LOADS:
        cells = (
            f"{load.events:,}",
            _short(load.mean),
            _short(load.peak),
            _short(load.gigabytes()),
            _short(load.gigabytes("log")),
            _time(load.events / LOADED),
            _time(load.seconds(REBUILT)),
            _time(load.seconds(VERIFIED)),
        )
        lines.append(f"| {load.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    print(table())  # noqa: T201  that is what it is for
