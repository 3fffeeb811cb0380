"""Stories of dossiers, one nasty turn each: how they end, how their deadline moves, what they carry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from .calendar import CIVIL
from .writer import TICK, Key, Writer, differs, fault, same

DAY = timedelta(days=1)


@dataclass
class Story:
    """A dossier being written: where, of which procedure, received when, due when."""

    writer: Writer
    subject: str
    unit: str
    other: str
    procedure: str
    received: datetime
    due: datetime
    foreign: str

    def send(
        self, name: str, at: datetime, unit: str | None = None, sequence: str | None = None, **data: Any
    ) -> Key | None:
        return self.writer.send(f"dossier.{name}", self.subject, unit or self.unit, at, data, sequence=sequence)

    def receive(self, **data) -> Key | None:
        """The usual reception; a field given as None is left out."""
        rng = self.writer.rng
        usual = {
            "procedure": self.procedure,
            "channel": rng.choices(("online", "counter", "postal"), (5, 4, 2))[0],
            "due_at": self.due,
            "fee": rng.choice((True, False, None, None)),
            "portal": rng.choice(("national", "local", None)),
            "receiver": rng.choice(("officer", "postal_clerk", None)),
            "applicant": rng.choice(("citizen", "organisation", None)),
        }
        told = {name: value for name, value in (usual | data).items() if value is not None}
        return self.send("received", self.received, **told)

    def after(self, days: float) -> datetime:
        """About so many days after the reception, now and then right at a boundary."""
        return self.writer.instant(self.received + days * DAY, self.received + (days + 0.9) * DAY)

    def finish(self, at: datetime) -> Key | None:
        """Completed with some result, and perhaps handed over."""
        rng = self.writer.rng
        data: dict[str, Any] = {"electronic_result": rng.random() < 0.7, "signed": rng.random() < 0.5}
        key = self.send("completed", at, **{n: v for n, v in data.items() if rng.random() < 0.8})
        if rng.random() < 0.6:
            self.send("returned", at + rng.random() * 3 * DAY, via=rng.choice(("counter", "postal", "online")))
        return key

    def maybe_finish(self) -> None:
        """In time, late, or not at all."""
        length = (self.due - self.received) / DAY
        if self.writer.rng.random() < 0.75:
            self.finish(self.after(length * self.writer.rng.choice((0.5, 0.9, 1.1, 1.6))))

    def claim(self, name: str, *keys: Key | None, check=differs) -> None:
        self.writer.claim(name, "dossier", self.subject, keys, check)


def plain(s: Story) -> None:
    s.receive()
    s.maybe_finish()


def at_the_deadline(s: Story) -> None:
    """Ends at the very instant of the deadline, or one microsecond later."""
    s.receive()
    late = s.writer.rng.random() < 0.5
    key = s.send("completed", s.due + (TICK if late else TICK * 0))
    s.claim(
        "end_after_deadline_by_a_microsecond" if late else "end_at_deadline",
        key,
        check=lambda a, b: a[0] is not None and a[0].span.ended is not None and a[0].span.on_time != late,
    )


def no_due(s: Story) -> None:
    s.receive(due_at=None)
    s.maybe_finish()
    s.claim("deadline_by_legal_time", check=lambda a, b: a[0] and a[0].due is None and a[0].span.deadline is not None)
    s.claim("deadline_never", check=lambda a, b: a[0] and a[0].due is None and a[0].span.deadline is None)


def supplement_answered(s: Story) -> None:
    s.receive()
    keys = s.send("supplement_requested", s.after(0.5)), s.send("supplemented", s.after(6))
    s.maybe_finish()
    s.claim("pause_moves_deadline", *keys, check=lambda a, b: a[0].span.deadline > b[0].span.deadline)


def supplement_cut_at_end(s: Story) -> None:
    s.receive()
    keys = s.send("supplement_requested", s.after(0.5)), s.send("supplemented", s.after(9))
    s.finish(s.after(4))
    s.claim("pause_cut_at_end", *keys, check=lambda a, b: timedelta(0) < a[0].pause < 7 * DAY)


def two_supplements(s: Story) -> None:
    s.receive()
    first = s.send("supplement_requested", s.after(0.2)), s.send("supplemented", s.after(4))
    # asked after the first due time, yet within the deadline moved by the first pause
    length = (s.due - s.received) / DAY
    second = s.send("supplement_requested", s.after(length + 0.5)), s.send("supplemented", s.after(length + 8))
    s.maybe_finish()
    s.claim("two_pauses", *first, *second, check=lambda a, b: a[0].pause > 5 * DAY)
    s.claim("first_pause_admits_second", *first, check=lambda a, b: b[0].pause == timedelta(0) < a[0].pause)


def supplement_after_deadline(s: Story) -> None:
    s.receive()
    length = (s.due - s.received) / DAY
    # its own due time does not help it
    keys = (
        s.send("supplement_requested", s.after(length + 1.5), due_at=s.due + 30 * DAY),
        s.send("supplemented", s.after(length + 5), due_at=s.due),
    )
    s.maybe_finish()
    s.claim("request_after_deadline", *keys, check=lambda a, b: a[0].span.deadline == b[0].span.deadline)


def supplement_with_due(s: Story) -> None:
    s.receive()
    s.send("supplement_requested", s.after(0.5))
    key = s.send("supplemented", s.after(5), due_at=s.due + 5 * DAY)
    s.maybe_finish()
    s.claim("supplement_gives_due", key, check=lambda a, b: a[0].due != b[0].due)


def lone_supplement(s: Story) -> None:
    s.receive()
    keys = [s.send("supplement_requested", s.after(s.writer.rng.choice((1, 20))))]
    if s.writer.rng.random() < 0.5:
        again = s.send("supplement_requested", s.after(25))
        s.claim("request_while_open", again, check=lambda a, b: same(a, b) and a[0].span.ended is not None)
    s.claim("lone_supplement_ends", *keys, check=lambda a, b: a[0].span.ended and a[0].span.ended != b[0].span.ended)


def second_request_unanswered(s: Story) -> None:
    s.receive(**({"due_at": None} if s.writer.rng.random() < 0.3 else {}))
    s.send("supplement_requested", s.after(0.2))
    s.send("supplemented", s.after(1.5))
    key = s.send("supplement_requested", s.after(3))
    s.claim(
        "second_request_is_deadline", key, check=lambda a, b: differs(a, b) and a[0].span.deadline != b[0].span.deadline
    )


def stray_answer(s: Story) -> None:
    s.receive()
    key = s.send("supplemented", s.after(2))
    s.maybe_finish()
    s.claim("answer_without_request", key, check=fault("answer_without_request", same))


def due_changed(s: Story) -> None:
    s.receive()
    key = s.send("due_changed", s.after(0.5), due_at=s.due + s.writer.rng.choice((-1, 4, 30)) * DAY)
    s.maybe_finish()
    s.claim("due_changed", key, check=lambda a, b: a[0].due != b[0].due)


def due_changed_late(s: Story) -> None:
    s.receive()
    key = s.send("due_changed", s.due + 2 * DAY, due_at=s.due + 10 * DAY)
    s.finish(s.due + 5 * DAY)
    s.claim(
        "due_moved_late", key, check=fault("due_moved_late", lambda a, b: a[0].span.on_time and not b[0].span.on_time)
    )


def end_moved_back(s: Story) -> None:
    s.receive()
    s.send("completed", s.due + 2 * DAY)
    key = s.send("completed", s.due - DAY / 4)
    s.claim(
        "end_moved_back", key, check=fault("end_moved_back", lambda a, b: a[0].span.on_time and not b[0].span.on_time)
    )


def same_instant(s: Story) -> None:
    """Two due times at one instant: the sequence decides, byte by byte ("10" before "9")."""
    s.receive()
    at = s.after(1)
    key = s.send("due_changed", at, sequence="9", due_at=s.due + 2 * DAY)
    loser = s.send("due_changed", at, sequence="10", due_at=s.due + 40 * DAY)
    s.maybe_finish()
    s.claim("sequence_decides", key, check=lambda a, b: a[0].due == s.due + 2 * DAY != b[0].due)
    s.claim("sequence_loses", loser, check=lambda a, b: a[0].due == b[0].due)


def same_instant_by_type(s: Story) -> None:
    """Requested and answered at the instant of reception: only the order of the table tells them apart."""
    s.send("supplemented", s.received)
    key = s.send("supplement_requested", s.received)
    s.receive()
    s.claim("rank_of_type_decides", key, check=lambda a, b: "answer_without_request" not in a[1] and b != a)


def end_before_reception(s: Story) -> None:
    s.receive()
    key = s.send(s.writer.rng.choice(("completed", "stopped")), s.received - 2 * DAY)
    s.claim("end_before_reception", key, check=fault("end_before_reception"))


def deadline_before_reception(s: Story) -> None:
    s.receive(due_at=s.received - 3 * DAY)
    if s.writer.rng.random() < 0.5:
        s.send("completed", s.received - DAY)
        s.claim("both_before_reception", check=lambda a, b: len(a[1]) >= 2 and a[0].span.on_time)
    s.claim("deadline_before_reception", check=lambda a, b: "deadline_before_reception" in a[1])


def broken_off(s: Story) -> None:
    """Refused, stopped and withdrawn: the latest ends it; a completion comes before them all."""
    s.receive()
    s.send("refused", s.after(1))
    key = s.send(s.writer.rng.choice(("stopped", "withdrawn")), s.after(5))
    s.claim("latest_of_broken_off", key, check=lambda a, b: a[0].span.ended > b[0].span.ended)
    if s.writer.rng.random() < 0.4:
        key = s.send("completed", s.after(8))
        s.claim("completed_beats_stopped", key, check=lambda a, b: a[0].span.ended != b[0].span.ended)


def returned_only(s: Story) -> None:
    s.receive()
    key = s.send("returned", s.after(3), via="postal", electronic_result=True)
    later = s.send("returned", s.after(6), via="online")
    s.claim("returned_ends", key, check=lambda a, b: a[0].span.ended != b[0].span.ended)
    s.claim("returned_again", later, check=same)
    if s.writer.rng.random() < 0.3:
        s.send("returned", s.received - DAY, via="counter")


def never_received(s: Story) -> None:
    key = s.send("submitted", s.received, channel="online", portal="national")
    s.send("completed", s.after(2))
    s.claim("no_reception", key, check=lambda a, b: a[0] is None and "no_reception" in a[1])


def corrected_fields(s: Story) -> None:
    s.receive(channel="counter", fee=True, receiver="officer")
    again = replace(s, received=s.after(0.5)).receive(channel="online", fee=False, receiver="postal_clerk")
    s.maybe_finish()
    s.claim("corrected_reception", again, check=lambda a, b: a[0].channel != b[0].channel)


def corrected_procedure(s: Story) -> None:
    s.receive(procedure="9.999991")
    again = s.send("received", s.after(0.1), procedure=s.procedure, channel="postal")
    s.maybe_finish()
    s.claim("corrected_procedure", again, check=lambda a, b: a[0].procedure != b[0].procedure and a[1] != b[1])


def corrected_digitisation(s: Story) -> None:
    s.receive()
    s.send("digitised", s.after(0.1), components=2, reused=True, shared_store=True, population_data=False)
    key = s.send("digitised", s.after(0.5), components=0, population_data=True)
    s.send("completed", s.after(2), electronic_result=True, signed=True)
    s.claim(
        "corrected_flags",
        key,
        check=lambda a, b: a[0].reused and b[0].digitised > a[0].digitised and a[0].population_data,
    )


def corrected_result(s: Story) -> None:
    s.receive()
    s.send("completed", s.after(2), electronic_result=True, signed=True)
    s.send("signed", s.after(2), what="component")
    key = s.send("returned", s.after(3), via="counter", electronic_result=False)
    s.claim("result_corrected_across_types", key, check=lambda a, b: b[0].signed_result > a[0].signed_result)


def signed_result(s: Story) -> None:
    s.receive()
    s.send("completed", s.after(2), electronic_result=True)
    key = s.send("signed", s.after(3), what="result")
    s.claim("signed_result", key, check=lambda a, b: a[0].signed_result > b[0].signed_result)


def fees(s: Story) -> None:
    """Requested with and without an amount, waived, paid in every way, in any order."""
    rng = s.writer.rng
    s.receive(fee=rng.choice((True, False)))
    turn = rng.randrange(4)
    if turn == 0:
        key = s.send("fee_requested", s.after(1), amount=0)
        s.claim("fee_of_zero", key, check=lambda a, b: b[0].fee > a[0].fee)
    elif turn == 1:
        s.send("fee_requested", s.after(1), amount=50_000)
        s.send("paid", s.after(1.5), via=rng.choice(("national_gateway", "local_gateway")), amount=50_000)
        key = s.send("fee_waived", s.after(3))
        s.claim("waived_after_paid_online", key, check=lambda a, b: same(a, b) and a[0].fee)
    elif turn == 2:
        s.send("paid", s.after(1), via=rng.choice(("cash", "transfer")), amount=20_000)
        key = s.send("fee_waived", s.after(3), amount=20_000)
        s.claim("waived", key, check=lambda a, b: b[0].fee > a[0].fee)
    else:
        s.send("fee_waived", s.after(1))
        key = s.send("fee_requested", s.after(2))
        s.claim("requested_after_waived", key, check=lambda a, b: a[0].fee > b[0].fee)
    s.maybe_finish()


def paid(s: Story) -> None:
    s.receive(fee=s.writer.rng.choice((None, False)))
    for via in s.writer.rng.sample(("national_gateway", "local_gateway", "cash", "transfer"), 2):
        key = s.send("paid", s.after(1), via=via)
        s.claim(f"paid_by_{via}", key, check=lambda a, b: a[0] is not None)
        s.claim("online_payment_implies_fee", key, check=lambda a, b: a[0].fee > b[0].fee)
    s.maybe_finish()


def rated(s: Story) -> None:
    s.receive()
    key = s.send("rated", s.after(4), satisfied=False)
    s.send("rated", s.after(5), satisfied=True)
    s.maybe_finish()
    s.claim("disliked", key, check=lambda a, b: a[0].disliked > b[0].disliked)


def synced(s: Story) -> None:
    s.send("submitted", s.received - DAY, channel="online")
    s.receive(submitted_at=s.received - DAY)
    key = s.send("synced", s.after(1), unit="H44")
    s.maybe_finish()
    s.claim("synced", key, check=lambda a, b: a[0].synced > b[0].synced)


def not_accepted(s: Story) -> None:
    s.receive()
    key = s.send("not_accepted", s.after(1))
    s.maybe_finish()
    s.claim("not_accepted", key, check=same)


def ahead_of_the_clock(s: Story) -> None:
    """Received or completed a few minutes ahead of the server's clock."""
    soon = s.writer.now + timedelta(minutes=s.writer.rng.randint(1, 8))
    if s.writer.rng.random() < 0.5:
        s = replace(s, received=soon, due=soon + 5 * DAY)
        key = s.receive()
    else:
        s.receive()
        key = s.send("completed", soon)
    s.claim("ahead_of_the_clock", key)


def due_today(s: Story) -> None:
    """Runs out around the clock's own instant."""
    now = s.writer.now.astimezone(CIVIL)
    due = now + s.writer.rng.choice((-TICK, TICK * 0, TICK, timedelta(hours=-1), timedelta(hours=1)))
    s = replace(s, received=now - 6 * DAY, due=due)
    key = s.receive()
    s.claim("due_around_now", key)


def ornament(s: Story) -> None:
    """What happens to any dossier besides its story: digitised, paid, synced, rated."""
    rng = s.writer.rng
    chances: tuple[tuple[float, str, dict[str, Any]], ...] = (
        (0.4, "digitised", {"components": rng.randrange(3), "reused": rng.random() < 0.5}),
        (0.3, "digitised", {"components": 1, "shared_store": True, "population_data": rng.random() < 0.7}),
        (0.15, "paid", {"via": "national_gateway", "amount": 10_000}),
        (0.3, "synced", {}),
        (0.1, "rated", {"satisfied": rng.random() < 0.7}),
    )
    for chance, name, data in chances:
        if rng.random() < chance:
            s.send(name, s.after(rng.choice((0.1, 2, 9))), **data)


STORIES = (
    plain, at_the_deadline, no_due, supplement_answered, supplement_cut_at_end, two_supplements,
    supplement_after_deadline, supplement_with_due, lone_supplement, second_request_unanswered, stray_answer,
    due_changed, due_changed_late, end_moved_back, same_instant, same_instant_by_type, end_before_reception,
    deadline_before_reception, broken_off, returned_only, never_received, corrected_fields, corrected_procedure,
    corrected_digitisation, corrected_result, signed_result, fees, paid, rated, synced, not_accepted,
    ahead_of_the_clock, due_today,
)  # fmt: skip
