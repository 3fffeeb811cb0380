"""Stories of who handles a dossier, and of events taken back: transfers, foreign units, receptions, voids."""

from __future__ import annotations

from dataclasses import replace

from .dossier_stories import DAY, Story
from .writer import Facts, differs, fault, same


def _moved(a: Facts, b: Facts) -> bool:
    return bool(a[0].unit != b[0].unit)


def transferred(s: Story) -> None:
    s.receive()
    key = s.send("transferred", s.after(1), to=s.other)
    end = s.send("completed", s.after(3), unit=s.other)
    s.claim("transfer", key, check=_moved)
    s.claim("end_by_present_unit", end, check=differs)


def transferred_before_reception(s: Story) -> None:
    key = s.send("transferred", s.received - DAY, to=s.other)
    s.receive()
    s.maybe_finish()
    s.claim("transfer_before_reception", key, check=_moved)


def chain(s: Story) -> None:
    """Handed on twice, the last time by a unit above; then back to where it came from."""
    s.receive()
    s.send("transferred", s.after(1), to=s.other)
    key = s.send("transferred", s.after(2), unit=s.other, to=s.foreign)
    s.claim("transfer_chain", key, check=_moved)
    if s.writer.rng.random() < 0.4:
        back = s.send("transferred", s.after(4), unit="H44", to=s.unit)
        s.claim("transfer_back_by_unit_above", back, check=_moved)
    s.maybe_finish()


def chain_out_of_order(s: Story) -> None:
    """The second hand-over is dated before the first: read before its unit is on the chain, it does not count."""
    s.receive()
    key = s.send("transferred", s.after(1), unit=s.other, to=s.foreign)
    s.send("transferred", s.after(2), to=s.other)
    s.claim("transfer_read_too_early", key, check=same)


def foreign_events(s: Story) -> None:
    s.receive()
    name, data = s.writer.rng.choice(
        (
            ("completed", {}),
            ("voided", {}),
            ("rated", {"satisfied": False}),
            ("due_changed", {"due_at": s.due + 9 * DAY}),
            ("transferred", {"to": s.foreign}),
        )
    )
    key = s.send(name, s.after(1), unit=s.foreign, **data)
    s.maybe_finish()
    s.claim(f"foreign_{name}", key, check=fault("foreign_unit", same))
    s.claim("foreign_unit", key, check=fault("foreign_unit", same))


def event_by_unit_above(s: Story) -> None:
    s.receive()
    above = s.unit.rpartition(".")[0]
    key = s.send("completed", s.after(2), unit=above)
    s.claim("event_by_unit_above", key, check=lambda a, b: a[0].span.ended != b[0].span.ended)


def second_reception(s: Story) -> None:
    """Received earlier by a stranger: the unit that the code names goes before."""
    key = replace(s, received=s.received - 3 * DAY).send(
        "received", s.received - 3 * DAY, unit=s.foreign, procedure=s.procedure, channel="postal"
    )
    mine = s.receive()
    s.maybe_finish()
    s.claim("reception_preferred_by_prefix", key, check=fault("second_reception", same))
    s.claim("preference_matters", mine, check=lambda a, b: b[0] and a[0].receiving_unit != b[0].receiving_unit)


def second_reception_without_prefix(s: Story) -> None:
    """The code names neither unit: the earlier reception holds."""
    s = replace(s, subject="X" + s.subject)
    s.receive()
    key = s.send("received", s.after(1), unit=s.foreign, procedure=s.procedure, channel="postal")
    s.maybe_finish()
    s.claim("reception_earliest", key, check=fault("second_reception", same))


def reception_on_the_chain(s: Story) -> None:
    """The unit that took it over receives it again: its fields have effect."""
    s.receive(channel="counter")
    s.send("transferred", s.after(1), to=s.other)
    key = s.send("received", s.after(2), unit=s.other, procedure=s.procedure, channel="online", due_at=s.due + 3 * DAY)
    s.maybe_finish()
    s.claim("reception_on_the_chain", key, check=lambda a, b: a[0].channel != b[0].channel and a[1] == b[1])


def reception_by_relative(s: Story) -> None:
    """The code names a unit under the receiving one; a stranger was faster."""
    s = replace(s, subject=s.subject.replace(s.unit, s.unit + ".77", 1))
    s.send("received", s.received - DAY, unit=s.foreign, procedure=s.procedure, channel="counter")
    key = s.receive()
    s.claim("reception_by_relative", key, check=lambda a, b: a[0].receiving_unit != b[0].receiving_unit)


def voided(s: Story) -> None:
    s.receive()
    key = s.send("voided", s.after(2), unit=s.writer.rng.choice((s.unit, "H44")))
    s.maybe_finish()
    s.claim("voided", key, check=lambda a, b: a[0].voided > b[0].voided)


def retracted_end(s: Story) -> None:
    """The first completion is taken back, sometimes at a time before it happened."""
    s.receive()
    wrong = s.send("completed", s.after(1))
    early = s.writer.rng.random() < 0.5
    key = s.writer.retract(wrong, s.writer.rng.choice((s.unit, "H44")), s.received if early else s.after(4))
    s.send("completed", s.after(5))
    s.claim("retraction_before_target" if early else "retraction", key, check=differs)


def retracted_reception(s: Story) -> None:
    key = s.writer.retract(s.receive(), s.unit, s.after(1))
    s.send("received", s.after(2), procedure=s.procedure, channel="online", due_at=s.due + 5 * DAY)
    s.maybe_finish()
    s.claim("retracted_reception", key, check=lambda a, b: a[0] and a[0].span.received != b[0].span.received)


def retracted_whole(s: Story) -> None:
    """The only reception is taken back: the dossier is outside every indicator."""
    key = s.writer.retract(s.receive(), s.unit, s.after(1))
    s.send("completed", s.after(3))
    s.claim("retracted_whole", key, check=fault("no_reception"))


def retracted_void(s: Story) -> None:
    s.receive()
    key = s.writer.retract(s.send("voided", s.after(1)), s.unit, s.after(2))
    s.maybe_finish()
    s.claim("retracted_void", key, check=lambda a, b: a[0].voided < b[0].voided)


def retracted_transfer(s: Story) -> None:
    """Without the hand-over, what the other unit did is foreign."""
    s.receive()
    wrong = s.send("transferred", s.after(1), to=s.other)
    s.send("completed", s.after(2), unit=s.other)
    key = s.writer.retract(wrong, s.unit, s.after(3))
    s.claim("retracted_transfer", key, check=lambda a, b: _moved(a, b) and "foreign_unit" in a[1])


def retracted_request(s: Story) -> None:
    s.receive()
    wrong = s.send("supplement_requested", s.after(0.5))
    s.send("supplemented", s.after(4))
    key = s.writer.retract(wrong, s.unit, s.after(1))
    s.claim("retracted_request", key, check=fault("answer_without_request", differs))


def foreign_retraction(s: Story) -> None:
    """A unit that is not above may not take anything back, be it only below or beside."""
    s.receive()
    target = s.send("completed", s.after(2))
    key = s.writer.retract(target, s.foreign, s.after(3))
    s.claim("foreign_retraction", key, check=same)


def retracted_retraction(s: Story) -> None:
    s.receive()
    first = s.writer.retract(s.send("completed", s.after(1)), s.unit, s.after(2))
    key = s.writer.retract(first, s.unit, s.after(3))
    s.claim("retraction_of_retraction", key, check=lambda a, b: same(a, b) and a[0].span.ended is None)


def retraction_of_nothing(s: Story) -> None:
    s.receive()
    at = s.after(1)
    key = s.writer.send("event.retracted", s.subject, s.unit, at, {"id": f"never-{s.subject}"})
    s.maybe_finish()
    s.claim("retraction_of_nothing", key, check=same)


def retraction_from_other_source(s: Story) -> None:
    """The id is that of an event of another source: nothing is taken back."""
    s.receive()
    target = s.send("completed", s.after(2))
    if target is not None:
        at = s.after(3)
        key = s.writer.send("event.retracted", s.subject, s.unit, at, {"id": target[1]}, source="/h44/khac")
        s.claim("retraction_from_other_source", key, check=same)


STORIES = (
    transferred, transferred_before_reception, chain, chain_out_of_order, foreign_events, event_by_unit_above,
    second_reception, second_reception_without_prefix, reception_on_the_chain, reception_by_relative, voided,
    retracted_end, retracted_reception, retracted_whole, retracted_void, retracted_transfer, retracted_request,
    foreign_retraction, retracted_retraction, retraction_of_nothing, retraction_from_other_source,
)  # fmt: skip
