"""Lives and events in their stored form, msgpack."""

from __future__ import annotations

import msgspec

from app.domain.codes import UnitCode
from app.domain.lives.events import BY_CODE, TYPES, AnyHappening, Event, EventId, Happening

_LIFE_ENCODER = msgspec.msgpack.Encoder()
_LIFE_DECODER = msgspec.msgpack.Decoder(list[Event])


_OF_SUBJECT = "\0"
"""Stands in an id for the life's subject, with which most begin; no id has a control character."""


def pack(subject: str, life: list[Event]) -> bytes:
    """A life in its stored form: what an event has in common with the one before, or with the subject, is left out."""
    rows, source, unit = [], "", ""
    for event in life:
        rows.append(
            (
                event.time,
                "" if event.source == source else event.source,
                _OF_SUBJECT + event.id[len(subject) :] if event.id.startswith(subject) else event.id,
                "" if event.unit == unit else event.unit,
                event.what,
                event.sequence,
            )
        )
        source, unit = event.source, event.unit
    return _LIFE_ENCODER.encode(rows)


def unpack(subject: str, stored: bytes) -> list[Event]:
    """The life of a stored form."""
    life = _LIFE_DECODER.decode(stored)
    source, unit = "", UnitCode("")
    for place, event in enumerate(life):
        cut = event.id[0] == _OF_SUBJECT
        if cut or not event.source or not event.unit:
            event_id = EventId(subject + event.id[1:]) if cut else event.id
            event = Event(event.time, event.source or source, event_id, event.unit or unit, event.what, event.sequence)
            life[place] = event
        source, unit = event.source, event.unit
    return life


_WHAT_DECODER = msgspec.msgpack.Decoder(AnyHappening)
_BARE = frozenset(kind.code for kind in TYPES if not kind.__struct_fields__)


def pack_what(what: Happening) -> bytes | None:
    """What an event says in its stored form; None where its type has nothing to say."""
    return None if what.code in _BARE else _LIFE_ENCODER.encode(what)


def unpack_what(code: int, stored: bytes | None) -> AnyHappening:
    """What an event of a type says, from its stored form."""
    made: AnyHappening = BY_CODE[code]() if stored is None else _WHAT_DECODER.decode(stored)  # type: ignore[assignment]
    return made
