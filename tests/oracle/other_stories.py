"""Stories of petitions, documents and the publication of procedures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .calendar import CIVIL
from .writer import Key, Writer, differs, fault, same

DAY = timedelta(days=1)


@dataclass
class PetitionStory:
    """A petition being written, at one unit; `unit_above` may speak for it, `stranger` may not."""

    writer: Writer
    subject: str
    unit: str
    unit_above: str
    stranger: str
    received: datetime

    def send(self, name: str, days: float, **data) -> Key | None:
        at = self.received + days * DAY
        if days > 0:
            at = self.writer.instant(at, at + DAY)
        return self.writer.send(f"petition.{name}", self.subject, self.unit, at, data)

    def receive(self, **data) -> Key | None:
        rng = self.writer.rng
        origin = {"origin": rng.choice(("direct", "forwarded"))} if rng.random() < 0.5 else {}
        return self.send("received", 0, **{"about": rng.choice(("regulation", "staff", "other")), **origin, **data})

    def claim(self, name: str, *keys: Key | None, check=differs) -> None:
        self.writer.claim(name, "petition", (self.unit, self.subject), keys, check)


def answered(s: PetitionStory) -> None:
    s.receive()
    key = s.send("answered", s.writer.rng.choice((3, 12, 19, 21, 28)))
    if s.writer.rng.random() < 0.5:
        s.send("published", 30)
    s.claim("petition_on_time", key, check=lambda a, b: a[0].span.on_time)
    s.claim("petition_late", key, check=lambda a, b: a[0].span.ended > a[0].span.deadline)


def published_late(s: PetitionStory) -> None:
    s.receive()
    s.send("answered", 4)
    first = s.send("published", s.writer.rng.choice((4.2, 12)))
    late = s.send("published", 20)
    s.claim("petition_published_late", first, check=lambda a, b: a[0].span.published_late)
    s.claim("petition_published_again", late, check=same)


def never_published(s: PetitionStory) -> None:
    s.receive()
    key = s.send("answered", 4)
    s.claim("petition_never_published", key, check=lambda a, b: a[0].span.on_time)


def refused(s: PetitionStory) -> None:
    s.receive()
    s.send("forwarded", 0.5)
    key = s.send("refused", s.writer.rng.choice((1, 5)))
    s.send("published", 40)
    s.claim("petition_refused", key, check=lambda a, b: a[0].span.ended > b[0].span.ended)


def forwarded(s: PetitionStory) -> None:
    s.receive()
    key = s.send("forwarded", s.writer.rng.choice((1, 5)))
    s.claim("petition_forwarded", key, check=lambda a, b: a[0].span.deadline != b[0].span.deadline)


def waiting_for_supplement(s: PetitionStory) -> None:
    s.receive()
    key = s.send("supplement_requested", s.writer.rng.choice((2, 6, 9)))
    s.send("supplement_requested", 20)
    s.claim("petition_waits", key, check=lambda a, b: a[0].span.ended is not None)


def supplemented(s: PetitionStory) -> None:
    s.receive()
    s.send("supplement_requested", 2)
    key = s.send("supplemented", 6)
    if s.writer.rng.random() < 0.5:
        s.send("answered", 14)
    s.claim("petition_supplemented", key, check=lambda a, b: a[0].span.ended != b[0].span.ended)


def stray(s: PetitionStory) -> None:
    s.receive()
    key = s.send("supplemented", 1)
    s.claim("petition_answer_without_request", key, check=fault("answer_without_request"))


def answered_before_reception(s: PetitionStory) -> None:
    s.receive()
    key = s.send("answered", -2)
    s.claim("petition_end_before_reception", key, check=fault("end_before_reception"))


def disliked(s: PetitionStory) -> None:
    s.receive()
    s.send("answered", 5)
    key = s.send("rated", 8, satisfied=False)
    s.send("rated", 9, satisfied=True)
    s.claim("petition_disliked", key, check=lambda a, b: a[0].disliked > b[0].disliked)


def voided(s: PetitionStory) -> None:
    s.receive()
    key = s.send("voided", 1)
    s.claim("petition_voided", key, check=lambda a, b: a[0].voided > b[0].voided)


def corrected(s: PetitionStory) -> None:
    s.receive(about="staff")
    key = s.send("received", 1, about="regulation")
    s.claim("petition_corrected", key, check=lambda a, b: a[0].about != b[0].about)


def retracted(s: PetitionStory) -> None:
    s.receive()
    target = s.send("answered", 3)
    key = s.writer.retract(target, s.unit_above, s.received + 5 * DAY)
    s.claim("petition_retracted", key, check=differs)


def retracted_by_stranger(s: PetitionStory) -> None:
    s.receive()
    target = s.send("answered", 3)
    key = s.writer.retract(target, s.stranger, s.received + 5 * DAY)
    s.claim("petition_foreign_retraction", key, check=same)


def never_received(s: PetitionStory) -> None:
    key = s.send("answered", 1)
    s.claim("petition_no_reception", key, check=lambda a, b: a[0] is None and "no_reception" in a[1])


def two_units(s: PetitionStory) -> None:
    """The same code at two units is two petitions."""
    s.receive()
    other = PetitionStory(s.writer, s.subject, s.stranger, "H44", s.unit, s.received + DAY)
    other.receive()
    key = other.send("answered", 2)
    s.claim("petition_same_code_here", check=lambda a, b: a[0].span.ended is None)
    other.claim("petition_same_code_there", key, check=differs)


PETITION_STORIES = (
    answered, published_late, never_published, refused, forwarded, waiting_for_supplement, supplemented, stray,
    answered_before_reception, disliked, voided, corrected, retracted, retracted_by_stranger, never_received, two_units,
)  # fmt: skip


def documents(writer: Writer, units: list[str], count: int) -> None:
    """Documents sent once or re-sent with other values, with and without a tier, under one code at two units."""
    rng = writer.rng
    last = writer.now - DAY
    for number in range(count):
        unit, other = rng.sample(units, 2)
        subject = f"CV-{number}/2026"
        at = writer.instant(last - rng.randrange(700) * DAY, last)
        tier = rng.choice(("province", "agencies", "commune", None))
        data = {"electronic": rng.random() < 0.7, "signed": rng.random() < 0.6, "tier": tier, "to": "noi-nhan"}
        key = writer.send("document.sent", subject, unit, at, data)
        turn = rng.randrange(5)
        if turn == 0:
            again = writer.send(
                "document.sent", subject, unit, at + 3 * DAY, {"electronic": not data["electronic"], "signed": True}
            )
            writer.claim(
                "document_sent_again", "document", (unit, subject), [again],
                lambda a, b: a[0].electronic != b[0].electronic and a[0].sent == b[0].sent,
            )  # fmt: skip
        elif turn == 1:
            there = writer.send("document.sent", subject, other, at, {"electronic": True})
            writer.claim("document_of_two_units", "document", (other, subject), [there, key], lambda a, b: a[0] != b[0])
        elif turn == 2:
            gone = writer.retract(key, "H44", at + DAY)
            writer.claim("document_retracted", "document", (unit, subject), [gone], lambda a, b: a[0] is None)
        elif turn == 3:
            earlier = writer.send("document.sent", subject, unit, at - 40 * DAY, {"electronic": True})
            writer.claim(
                "document_sent_earlier", "document", (unit, subject), [earlier], lambda a, b: a[0].sent != b[0].sent
            )


def publications(writer: Writer, codes: list[str], rounds: int) -> None:
    """Procedures announced in time or late, corrected, published in time, late, twice, incompletely or never."""
    rng = writer.rng
    today = writer.now.astimezone(CIVIL).date()
    for number in range(rounds):
        code = codes[number % len(codes)]
        decided = today - timedelta(days=rng.randrange(650) if rng.random() < 0.85 else -rng.randrange(12))
        if rng.random() < 0.3:
            decided = rng.choice((date(2026, 1, 1), date(2025, 12, 31), decided.replace(day=1)))
        _announce(writer, code, decided)
        _publish(writer, code, decided)


def _announce(writer: Writer, code: str, decided: date) -> None:
    rng = writer.rng
    if rng.random() < 0.15:
        return
    # around the fifth working day, on either side
    effective = decided + timedelta(days=rng.choice((2, 6, 7, 8, 9, 12, 30)))
    at = _moment(writer, decided)
    key = writer.send("procedure.announced", code, "H44", at, {"decided_on": decided, "effective_on": effective})
    if rng.random() < 0.3:
        gone = writer.retract(key, "H44", at + timedelta(hours=1))
        later = {"decided_on": decided, "effective_on": effective + timedelta(days=15)}
        again = writer.send("procedure.announced", code, "H44", at, later)
        writer.claim("announcement_corrected", "procedure", code, [gone, again])
    elif rng.random() < 0.3:
        second = decided - timedelta(days=rng.randrange(1, 9))
        key = writer.send(
            "procedure.announced", code, "H44", at, {"decided_on": second, "effective_on": second + timedelta(days=3)}
        )
        writer.claim("two_decisions", "procedure", code, [key])


def _publish(writer: Writer, code: str, decided: date) -> None:
    rng = writer.rng
    for _ in range(rng.choice((0, 1, 1, 2))):
        published = decided + timedelta(days=rng.choice((0, 5, 6, 7, 8, 9, 11, 20)))
        data = {"decided_on": decided, "published_on": published, "complete": rng.random() < 0.7}
        key = writer.send("procedure.published", code, "H44", _moment(writer, published), data)
        writer.claim("published", "procedure", code, [key])
        if rng.random() < 0.3:
            tie = writer.send(
                "procedure.published",
                code,
                "H44",
                _moment(writer, published),
                data | {"complete": not data["complete"]},
            )
            writer.claim("published_twice_on_a_day", "procedure", code, [tie])


def _moment(writer: Writer, day: date) -> datetime:
    """When the event is sent: about that day, but never ahead of the clock."""
    at = datetime(day.year, day.month, day.day, 9, writer.rng.randrange(60), tzinfo=CIVIL)
    return min(at, writer.now - timedelta(minutes=writer.rng.randrange(1, 60)))
