"""The quick way for events that are sound in every respect, as nearly all are: one typed decoding, few checks after it.

What it does not take is not wrong, only not obviously right: `read` says nothing then, and cloudevents.py looks at the
event attribute by attribute and finds the words. It must never take what is refused there, nor read it differently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_origin

import msgspec

from app.domain.calendar.civil import Instant
from app.domain.codes import UnitCode
from app.domain.lives.events import TYPES, Amount, AnyHappening, Count, Event, Happening
from app.intake.checks import Check, Fault
from app.intake.personal import is_identity_number, is_one_spelling
from app.intake.values import (
    EARLIEST,
    MAX_AMOUNT,
    MAX_COUNT,
    MAX_ID,
    MAX_SOURCE,
    MAX_UNIT,
    PLANS,
    alternatives,
    instant,
)

_MADE_BY_DECODER: Final[dict[object, Any]] = {
    bool: bool,
    Amount: Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT)],
    Count: Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)],
}


class _Making(NamedTuple):
    """How `data` becomes a happening: what the decoder cannot check of it is checked by place."""

    make: Callable[..., AnyHappening]
    unchecked: tuple[tuple[int, str, Check, bool], ...]
    """Place, name, check, and whether the field is required."""


def _decoded(annotation: Any) -> Any:
    """The type with which the decoder does all that the field's check would do; Any where it cannot."""
    inner = alternatives(annotation)
    return inner if get_origin(inner) is Literal else _MADE_BY_DECODER.get(inner, Any)


def _sent(kind: type[Happening]) -> type[msgspec.Struct]:
    """The type of a whole event of a kind, as it is sent."""
    fields = msgspec.structs.fields(kind)
    told: list[Any] = [
        (field.name, _decoded(field.type)) if field.required else (field.name, _decoded(field.type) | None, None)
        for field in fields
    ]
    data = msgspec.defstruct(f"{kind.__name__}Data", told, forbid_unknown_fields=True, gc=False)
    required = any(field.required for field in fields)
    attributes: list[Any] = [
        ("specversion", Literal["1.0"]),
        ("id", Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]),
        ("source", Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SOURCE)]),
        ("subject", Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]),
        ("time", str),
        ("unit", Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_UNIT)]),
        ("data", data) if required else ("data", data | None, None),
        ("sequence", Annotated[str, msgspec.Meta(max_length=MAX_ID)] | None, None),
        ("datacontenttype", Literal["application/json"] | None, None),
        ("data_base64", None, None),
    ]
    return msgspec.defstruct(
        f"{kind.__name__}Sent", attributes, tag_field="type", tag=kind.type, kw_only=True, gc=False
    )


def _making(kind: type[Happening]) -> _Making:
    checks = PLANS[kind.type].checks
    unchecked = tuple(
        (place, field.name, checks[field.name], field.required)
        for place, field in enumerate(msgspec.structs.fields(kind))
        if _decoded(field.type) is Any
    )
    return _Making(kind, unchecked)  # type: ignore[arg-type]


_SENT: Final = tuple(_sent(kind) for kind in TYPES)
_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(Union[_SENT])  # noqa: UP007  made while running
_MAKINGS: Final = {sent: _making(kind) for sent, kind in zip(_SENT, TYPES, strict=True)}


def read(text: bytes | msgspec.Raw) -> tuple[str, Event] | None:
    """Subject and event of a text in UTF-8; None where the careful way has to look."""
    try:
        sent = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    event_id, source, subject, unit, sequence = sent.id, sent.source, sent.subject, sent.unit, sent.sequence or ""
    time = instant(sent.time)
    if time is None or time < EARLIEST or is_identity_number(subject):
        return None
    told = f"  {event_id}  {source}  {subject}  {unit}  "
    # Each stands between two blanks: a third is one at its end (or more within it, at which the careful way looks too).
    if "   " in told or not f"{told}{sequence}".isprintable() or not is_one_spelling(told):
        return None
    what = _happening(_MAKINGS[type(sent)], sent.data)
    if what is None:
        return None
    return subject, Event(Instant(time), source, event_id, UnitCode(unit), what, sequence)


def _happening(making: _Making, data: msgspec.Struct | None) -> AnyHappening | None:
    make, unchecked = making
    if data is None:
        return make()
    values = msgspec.structs.astuple(data)
    if unchecked:
        told = list(values)
        try:
            for place, name, check, required in unchecked:
                value = told[place]
                if value is not None:
                    told[place] = check(value, name)
                elif required:
                    return None
        except Fault:
            return None
        return make(*told)
    return make(*values)
