"""Where the numbers come from that histories and faults are rolled by: `CHISO_TEST_SEED`.

Every literal seed of the rooms `concurrency`, `faults`, `forward`, `laws` and `operations`, and that of every random
history, is put through here. Without the variable, or with 0, it is what it says, so that a run is as the run before.
`make test CHISO_TEST_SEED=7 ARGS="tests/faults tests/operations"` tells other histories, in another order, with faults
at other places. What holds for one seed has to hold for all.
"""

from __future__ import annotations

import os
from random import Random

_APART = 1_000
"""Literal seeds are smaller, so that no two of any two runs are the same."""
_RUN = int(os.environ.get("CHISO_TEST_SEED") or 0)


def seeded(literal: int) -> int:
    """The seed of this run that a literal one stands for."""
    return literal + _APART * _RUN


def dice(literal: int) -> Random:
    """Dice that a literal seed stands for."""
    return Random(seeded(literal))
