"""Memory over time: samples of it, and how it grows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Self

from bench.running import Beside

Sample = tuple[float, int]
"""Seconds on the monotonic clock, and bytes."""


class Samples(Beside):
    """What something was, every so many seconds while the block runs."""

    def __init__(self, ask: Callable[[], int], every: float) -> None:
        super().__init__(self._watch)
        self._ask, self._every = ask, every
        self.taken: list[Sample] = []

    def _take(self) -> None:
        self.taken.append((time.monotonic(), self._ask()))

    def _watch(self) -> None:
        while not self._done.wait(self._every):
            self._take()

    @property
    def most(self) -> int:
        """The largest."""
        return max(value for _, value in self.taken)

    def __enter__(self) -> Self:
        self._take()
        return super().__enter__()

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        self._take()


def half(samples: Sequence[Sample], second: bool) -> list[Sample]:
    """The samples of the first or the second half of the time."""
    middle = (samples[0][0] + samples[-1][0]) / 2
    return [each for each in samples if (each[0] >= middle) == second]


def slope(samples: Sequence[Sample]) -> float:
    """Bytes a minute by which it grows, by least squares; 0 of fewer than two."""
    if len(samples) < 2:
        return 0.0
    times, values = zip(*samples, strict=True)
    return 60 * statistics.linear_regression(times, values).slope
