"""The facts of a dossier (hồ sơ), folded from its events.

`fold` is a pure function of the *set* of a life's standing events, the procedures' attributes and the calendar: order
of arrival, repeats and batches leave no trace in it. Everything a figure counts about a dossier is decided here and
nowhere else; tally.py only says on which day which counter moves, and explain.py tells people what was decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, get_args

import msgspec

from app.domain import codes
from app.domain.calendar.civil import Instant, day_of
from app.domain.catalogues.rules import Rules, RulesOf, WorkCalendar
from app.domain.lives import backdating, events
from app.domain.lives.events import Channel, Event, ReturnedVia
from app.domain.lives.flags import (
    ANSWER_WITHOUT_REQUEST,
    BY_POSTAL_CLERK,
    DEADLINE_BEFORE_RECEPTION,
    DIGITISED,
    DISLIKED,
    DUE_MOVED_LATE,
    E_RESULT,
    END_BEFORE_RECEPTION,
    END_MOVED_BACK,
    FEE,
    FOREIGN_UNIT,
    NO_RECEPTION,
    PAID_ONLINE,
    POPULATION_DATA,
    REUSED,
    SECOND_RECEPTION,
    SHARED_STORE,
    SIGNED_RESULT,
    SYNCED,
    UNKNOWN_PROCEDURE,
)

CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
RETURN_WAYS: Final[tuple[ReturnedVia, ...]] = get_args(ReturnedVia)
_ONLINE_GATEWAYS: Final = ("national_gateway", "local_gateway")


class DossierFacts(msgspec.Struct, frozen=True, gc=False):
    """One dossier as figures see it. Instants in µs; `received_at` None means outside every indicator.

    `unit` is the present unit (all contributions belong to it), `receiving_unit` the one that received it; `channel`
    indexes CHANNELS, `returned_via` RETURN_WAYS; `deadline` None means never.
    """

    unit: str
    receiving_unit: str
    procedure: str | None
    channel: int
    flags: int
    faults: int
    voided: bool
    received_at: int | None
    ended_at: int | None
    deadline: int | None
    returned_at: int | None
    returned_via: int | None
    due_at: int | None = None

    @property
    def counts(self) -> bool:
        """Whether the dossier is in any figure at all."""
        return self.received_at is not None and not self.voided

    @property
    def late(self) -> bool:
        """Ended after the deadline, compared as instants."""
        return self.ended_at is not None and self.deadline is not None and self.ended_at > self.deadline

    @property
    def missed_at(self) -> int | None:
        """The instant at which the dossier becomes overdue, None when it ended in time or never has to."""
        return self.deadline if self.ended_at is None or self.late else None


def fold(subject: str, life: Sequence[Event], rules_of: RulesOf, calendar: WorkCalendar) -> DossierFacts | None:
    """The facts of `life`'s standing dossier events in reading order (reading.without_retracted), None without any."""
    if not life:
        return None
    receptions = [event for event in life if _is_reception(event)]
    if not receptions:
        first = life[0].unit
        voided = _is_voided(life, chain_of(first, life))
        return DossierFacts(first, first, None, 1, 0, NO_RECEPTION, voided, None, None, None, None, None)
    reception = effective_reception(subject, receptions)
    reading = Reading()
    chain = chain_of(reception.unit, life)
    reading.read(admitted(life, chain, reading))
    return reading.facts(reception, chain[-1], rules_of(reading.procedure), calendar)


def legal_end(received: int, rules: Rules, calendar: WorkCalendar) -> int | None:
    """The end of the procedure's longest legal time after a reception, None where it has none."""
    if rules.max_working_days is None:
        return None
    return calendar.end_of_nth_workday(day_of(Instant(received)), rules.max_working_days)


def effective_reception(subject: str, receptions: list[Event]) -> Event:
    """The earliest reception by the unit the dossier code names, or one above or under it; else the earliest."""
    if len(receptions) == 1:
        return receptions[0]
    named = codes.owner_in(subject)
    return next((each for each in receptions if codes.is_related(each.unit, named)), receptions[0])


def _is_reception(event: Event) -> bool:
    return type(event.what) is events.DossierReceived


def _is_voided(life: Sequence[Event], chain: Sequence[str]) -> bool:
    """Whether a unit of the chain, or one above, has voided what nobody has received."""
    return any(type(each.what) is events.DossierVoided and codes.is_over_any(each.unit, chain) for each in life)


def chain_of(receiving: str, life: Sequence[Event]) -> list[str]:
    """The receiving unit and every unit the dossier was then handed to, read once in order."""
    chain = [receiving]
    for event in life:
        if type(event.what) is events.DossierTransferred and codes.is_over_any(event.unit, chain):
            chain.append(event.what.to)
    return chain


def admitted(life: Sequence[Event], chain: list[str], reading: Reading) -> Sequence[Event]:
    """The events that are read: by a unit of the chain or above one, a reception only by a unit of the chain itself."""
    on_chain = set(chain)
    if on_chain.issuperset([event.unit for event in life]):
        return life
    kept = []
    for event in life:
        if event.unit in on_chain or (not _is_reception(event) and codes.is_over_any(event.unit, chain)):
            kept.append(event)
        else:
            reading.faults |= SECOND_RECEPTION if _is_reception(event) else FOREIGN_UNIT
    return kept


class Request(msgspec.Struct, gc=False):
    """A request for a supplement (yêu cầu bổ sung) and, once it came, its answer."""

    at: int
    due_then: int | None
    answered_at: int | None = None


class Reading:
    """What has been read of a life so far. Lives for one fold; the last event that gives a field wins."""

    __slots__ = (
        "broken_off", "channel", "completed", "completed_last", "components", "due", "e_result", "faults", "fee",
        "flags", "moves", "procedure", "reception_fee", "requests", "returned", "returned_last", "signed_on_completion",
        "signed_result", "supplement_at", "voided",
    )  # fmt: skip

    def __init__(self) -> None:
        self.faults = 0
        self.procedure = ""
        self.channel = 1
        self.due: int | None = None
        self.reception_fee: bool | None = None
        self.fee: bool | None = None
        self.flags = 0
        self.components = 0
        self.e_result = False
        self.signed_on_completion = False
        self.signed_result = False
        self.voided = False
        self.completed: int | None = None
        self.returned: tuple[int, int] | None = None
        self.broken_off: int | None = None
        self.requests: list[Request] = []
        self.moves: list[backdating.Move] = []
        self.completed_last = self.returned_last = self.supplement_at = 0

    def read(self, life: Iterable[Event]) -> None:
        """Read further events, in reading order."""
        for event in life:
            what = event.what
            _READERS[type(what)](self, event.time, what)

    def _flag(self, flag: int, value: bool | None) -> None:
        if value is not None:
            self.flags = self.flags | flag if value else self.flags & ~flag

    def _set_due(self, at: int, due: int | None) -> None:
        if due is not None:
            if self.due is not None and due != self.due and at > self.due:
                self.moves.append(backdating.Move(at, self.due, len(self.requests), self.open_request is not None))
            self.due = due

    @property
    def open_request(self) -> Request | None:
        """The request that still waits for its answer."""
        return self.requests[-1] if self.requests and self.requests[-1].answered_at is None else None

    def _received(self, at: int, what: events.DossierReceived) -> None:
        self.procedure = what.procedure
        self.channel = CHANNELS.index(what.channel)
        self._set_due(at, what.due_at)
        if what.fee is not None:
            self.reception_fee = what.fee
        if what.receiver is not None:
            self._flag(BY_POSTAL_CLERK, what.receiver == "postal_clerk")

    def _due_changed(self, at: int, what: events.DossierDueChanged) -> None:
        self._set_due(at, what.due_at)

    def _supplement_requested(self, at: int, what: events.DossierSupplementRequested) -> None:
        due_then = self.due
        self.supplement_at = at
        self._set_due(at, what.due_at)
        if self.open_request is None:
            self.requests.append(Request(at, due_then))

    def _supplemented(self, at: int, what: events.DossierSupplemented) -> None:
        self.supplement_at = at
        self._set_due(at, what.due_at)
        waiting = self.open_request
        if waiting is not None:
            waiting.answered_at = at
        else:
            self.faults |= ANSWER_WITHOUT_REQUEST

    def _digitised(self, at: int, what: events.DossierDigitised) -> None:
        if what.components is not None:
            self.components = what.components
        self._flag(REUSED, what.reused)
        self._flag(SHARED_STORE, what.shared_store)
        self._flag(POPULATION_DATA, what.population_data)

    def _fee_requested(self, at: int, what: events.DossierFeeRequested) -> None:
        self.fee = what.amount != 0

    def _fee_waived(self, at: int, what: object) -> None:
        self.fee = False

    def _paid(self, at: int, what: events.DossierPaid) -> None:
        if what.via in _ONLINE_GATEWAYS:
            self.flags |= PAID_ONLINE

    def _signed(self, at: int, what: events.DossierSigned) -> None:
        if what.what == "result":
            self.signed_result = True

    def _completed(self, at: int, what: events.DossierCompleted) -> None:
        if self.completed is None:
            self.completed = at
        self.completed_last = at
        if what.electronic_result is not None:
            self.e_result = what.electronic_result
        if what.signed is not None:
            self.signed_on_completion = what.signed

    def _returned(self, at: int, what: events.DossierReturned) -> None:
        if self.returned is None:
            self.returned = (at, RETURN_WAYS.index(what.via))
        self.returned_last = at
        if what.electronic_result is not None:
            self.e_result = what.electronic_result

    def _broken_off(self, at: int, what: object) -> None:
        self.broken_off = at

    def _synced(self, at: int, what: object) -> None:
        self.flags |= SYNCED

    def _rated(self, at: int, what: events.DossierRated) -> None:
        if not what.satisfied:
            self.flags |= DISLIKED

    def _voided(self, at: int, what: object) -> None:
        self.voided = True

    def _nothing(self, at: int, what: object) -> None:
        """Submissions, refusals of submissions and transfers (already in the chain) change nothing here."""

    def facts(self, reception: Event, unit: str, rules: Rules, calendar: WorkCalendar) -> DossierFacts:
        received = reception.time
        legal = legal_end(received, rules, calendar)
        ended = self._end()
        if ended is not None and ended < received:
            self.faults |= END_BEFORE_RECEPTION
            ended = received
        deadline = self._deadline(legal, ended)
        if deadline is not None and deadline < received:
            self.faults |= DEADLINE_BEFORE_RECEPTION
            deadline = received
        if not rules.known:
            self.faults |= UNKNOWN_PROCEDURE
        self.faults |= self._backdating(legal, ended)
        return DossierFacts(
            unit=unit,
            receiving_unit=reception.unit,
            procedure=self.procedure,
            channel=self.channel,
            flags=self._flags(rules),
            faults=self.faults,
            voided=self.voided,
            received_at=received,
            ended_at=ended,
            deadline=deadline,
            returned_at=max(self.returned[0], received) if self.returned else None,
            returned_via=self.returned[1] if self.returned else None,
            due_at=self.due,
        )

    def _end(self) -> int | None:
        if self.completed is not None:
            return self.completed
        if self.returned is not None:
            return self.returned[0]
        if self.broken_off is not None:
            return self.broken_off
        if len(self.requests) == 1 and self.requests[0].answered_at is None:
            return self.requests[0].at
        return None

    def pauses(self, legal: int | None, ended: int | None, first: int | None = None) -> list[tuple[int, int]]:
        """The stretches (from, to) in which the clock stood: answered requests (the `first` or all) made in time."""
        stretches: list[tuple[int, int]] = []
        before = 0
        for request in self.requests[:first]:
            in_force = request.due_then if request.due_then is not None else legal
            if request.answered_at is None or (in_force is not None and request.at > in_force + before):
                continue
            until = request.answered_at if ended is None else min(request.answered_at, ended)
            if until > request.at:
                stretches.append((request.at, until))
                before += until - request.at
        return stretches

    def _backdating(self, legal: int | None, ended: int | None) -> int:
        """The faults that show a due time or an end changed afterwards."""
        found = 0
        if self.moves and backdating.due_moved_late(self.moves, self.requests, partial(self.pauses, legal, ended)):
            found = DUE_MOVED_LATE
        end, last = self.completed, self.completed_last
        if end is None and self.returned is not None:
            end, last = self.returned[0], self.returned_last
        # The earliest counts: told again later, or a supplement asked for or handed in after it, it has jumped back.
        return found | END_MOVED_BACK if end is not None and (last > end or self.supplement_at > end) else found

    def _deadline(self, legal: int | None, ended: int | None) -> int | None:
        base = self.due if self.due is not None else legal
        deadline = base
        if base is not None and self.requests:
            deadline = base + sum(to - start for start, to in self.pauses(legal, ended))
        if ended is None and len(self.requests) >= 2 and self.requests[-1].answered_at is None:
            second = self.requests[1].at
            deadline = second if deadline is None else min(deadline, second)
        return deadline

    def _flags(self, rules: Rules) -> int:
        flags = self.flags
        fee = self.fee if self.fee is not None else self.reception_fee if self.reception_fee is not None else rules.fee
        if fee or flags & PAID_ONLINE:
            flags |= FEE
        if self.e_result:
            flags |= E_RESULT
            if self.signed_on_completion or self.signed_result:
                flags |= SIGNED_RESULT
        if self.components > 0 and (self.e_result or not rules.issues_document):
            flags |= DIGITISED
        return flags


_READERS: Final[dict[type[events.Happening], Callable[..., None]]] = {
    events.DossierSubmitted: Reading._nothing,
    events.DossierReceived: Reading._received,
    events.DossierDueChanged: Reading._due_changed,
    events.DossierTransferred: Reading._nothing,
    events.DossierSupplementRequested: Reading._supplement_requested,
    events.DossierSupplemented: Reading._supplemented,
    events.DossierDigitised: Reading._digitised,
    events.DossierFeeRequested: Reading._fee_requested,
    events.DossierFeeWaived: Reading._fee_waived,
    events.DossierPaid: Reading._paid,
    events.DossierSigned: Reading._signed,
    events.DossierCompleted: Reading._completed,
    events.DossierReturned: Reading._returned,
    events.DossierRefused: Reading._broken_off,
    events.DossierStopped: Reading._broken_off,
    events.DossierWithdrawn: Reading._broken_off,
    events.DossierNotAccepted: Reading._nothing,
    events.DossierSynced: Reading._synced,
    events.DossierRated: Reading._rated,
    events.DossierVoided: Reading._voided,
}
"""How each type of event is read."""
