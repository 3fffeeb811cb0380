"""What one-stop software tells the national portal of a dossier: its state, again and again, and steps of its progress.

Of a payload only what follows is kept: codes, times and flags, nothing of a person. What is absent is None, "" and null
and placeholders alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from app.domain.calendar.civil import Instant
from app.domain.codes import ProcedureCode
from app.domain.lives.events import Amount, Applicant, Channel, Count, PaidVia, Portal, ReturnedVia

SOURCE: Final = "/dvcqg/"
"""How the sources of all this begin; the unit of the key follows."""

NEW: Final = 1
RECEIVED: Final = 2
NOT_ACCEPTED: Final = 3
IN_PROCESS: Final = 4
SUPPLEMENT: Final = 5
WITHDRAWN: Final = 7
STOPPED: Final = 8
PROCESSED: Final = 9
RETURNED: Final = 10
STATUSES: Final = frozenset(range(NEW, RETURNED + 1))
"""Trạng thái hồ sơ, as the portal numbers them; 6 is a financial duty that is waited for."""

_RANKS: Final = {NEW: 0, NOT_ACCEPTED: 2, WITHDRAWN: 2, STOPPED: 2, PROCESSED: 2, RETURNED: 3}
"""How far on a dossier is; whatever is in process is 1. A state that is less far on is an older one that came late."""


def rank(status: int | None) -> int:
    """How far on a dossier with a status is; one that tells none is in process."""
    return 1 if status is None else _RANKS.get(status, 1)


class Supplement(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """A supplement that was asked for (yêu cầu bổ sung), and when it came."""

    asked_at: Instant
    answered_at: Instant | None = None


class State(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A dossier as one message tells it. `amount` in đồng; `fee` False: all its fees are nothing.

    `components` counts files that stand and are said to be digitised, `digitised`: some are; `verified`: the
    account's owner is known; `consulted`: the population database was asked; `result`: there is a file of the result,
    `false_result`: a file that was handed in is told as one; `online_payment`: whether it was paid online, if told.
    """

    status: int | None = None
    unit: str = ""
    procedure: ProcedureCode | None = None
    channel: Channel | None = None
    received_at: Instant | None = None
    due_at: Instant | None = None
    completed_at: Instant | None = None
    returned_at: Instant | None = None
    refused_at: Instant | None = None
    submitted_at: Instant | None = None
    return_way: ReturnedVia | None = None
    applicant: Applicant | None = None
    portal: Portal | None = None
    components: Count | None = None
    reused: bool | None = None
    shared_store: bool | None = None
    paid: PaidVia | None = None
    fee: bool | None = None
    amount: Amount | None = None
    result: bool | None = None
    supplements: tuple[Supplement, ...] = ()
    digitised: bool | None = None
    verified: bool | None = None
    consulted: bool | None = None
    false_result: bool = False
    online_payment: bool | None = None

    @property
    def rank(self) -> int:
        """How far on the dossier is."""
        return rank(self.status)


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """A step of a dossier's progress: the status at or after it. `answer`: a supplement came, as its words say."""

    at: Instant
    status: int
    answer: bool = False


class Seen(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A state, when it was told first and last (µs of the server's clock), and how often."""

    state: State
    first: int
    last: int
    times: int = 1


class Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All that a source has told of one dossier: distinct states, what was told last at the end, and steps."""

    states: tuple[Seen, ...] = ()
    steps: tuple[Step, ...] = ()

    def told(self, state: State, now: int) -> Known:
        """The same with a state that is told now, at the end; one that was told before is told again."""
        seen = next((each for each in self.states if each.state == state), None)
        if seen is None:
            return msgspec.structs.replace(self, states=(*self.states, Seen(state, now, now)))
        again = Seen(state, seen.first, max(seen.last, now), seen.times + 1)
        return msgspec.structs.replace(self, states=(*(each for each in self.states if each is not seen), again))

    def went(self, steps: Iterable[Step]) -> Known:
        """The same with more steps."""
        return msgspec.structs.replace(self, steps=tuple(sorted({*self.steps, *steps})))

    def in_order(self) -> Sequence[Seen]:
        """The states, the present one last: what is further on is newer, else what was told last."""
        return sorted(self.states, key=lambda seen: seen.state.rank)
