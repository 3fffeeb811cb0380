"""Back-dating: a due time that was moved after it had passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol


class Asked(Protocol):
    """When a supplement was asked for."""

    at: int


class Move(NamedTuple):
    """Another due time, given at `at` after `due`, when there were `requests`, the last one perhaps still waiting."""

    at: int
    due: int
    requests: int
    waiting: bool


def due_moved_late(
    moves: Sequence[Move], requests: Sequence[Asked], pauses: Callable[[int], Sequence[tuple[int, int]]]
) -> bool:
    """Whether another due time came after the one in force had passed; an open request made in time stops it.

    Args:
        pauses: the stretches in which the clock stood for the first so many requests.
    """
    for move in moves:
        closed = move.requests - move.waiting
        in_force = move.due + sum(to - start for start, to in pauses(closed))
        if move.at > in_force and not (move.waiting and requests[closed].at <= in_force):
            return True
    return False
