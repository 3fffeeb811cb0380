"""The quick way takes nothing that the careful way refuses, and reads nothing differently."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lives.events import TYPES
from app.intake import cloudevents_sound
from app.intake.cloudevents import Parsed, Rejected, fingerprint, parse
from app.intake.values import PLANS
from tests.intake.sample import DATA, MANY, MICROS, event

VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, 0, 1, -1, -0.0, 1.0, 100_000, 100_001, 10**15, 10**15 + 1, 2**63, 2**64, "", "x", " ",
        "true", "1.0", "a\x7f", "\ud800", "\u2028", "\u00a0", "x" * 100, "x" * 101, "x" * 200, "x" * 201, "x" * 300,
        "x" * 301, "ế" * 200,
        "e\u0302\u0301" * 200, " a", "a ", "a  b", "a\u200bb", "é\ufe0f", "\u0301", "Đ–1",
        "001204012345", "0912 345 678", "H44.13", "1.004555", "1.004555 ", "online",
        "Online", "cash", "application/json", "application/json; charset=utf-8", "text/plain", [], {}, {"to": "H44"},
        "2026-01-05", "2026-01-05T08:12:00Z", "2026-01-05t08:12:00z", "2026-01-05 08:12:00Z", "2026-01-05T08:12:00",
        "2026-01-05T08:12:00.1234567+07:00", "2026-01-05T08:12:60Z", "2026-01-05T24:00:00Z", "2026-02-30T08:12:00Z",
        "2026-01-05T08:12:00+0700", "2026-01-05T08:12+07:00", "2026-01-05T08:12:00-00:00", "1999-12-31T17:00:00Z",
        "1999-12-31T16:59:59Z", "2100-12-31T16:59:59Z", "2100-12-31T17:00:00Z", "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+07:00", "9999-12-31T23:59:59+00:00", "２026-01-05T08:12:00Z",
    ]
).map(deepcopy)  # fmt: skip
ATTRIBUTES = ["specversion", "id", "source", "type", "subject", "time", "unit", "sequence", "datacontenttype", "data"]


def both(text: bytes) -> tuple[Parsed | Rejected, Parsed | Rejected]:
    """An event's outcome, and what it is when there is only the careful way."""
    quick = parse(b"[%s]" % text, MANY, {}).items
    with patch.object(cloudevents_sound, "read", return_value=None):
        careful = parse(b"[%s]" % text, MANY, {}).items
    return quick[0], careful[0]


@st.composite
def nearly_sound(draw: st.DrawFn) -> bytes:
    """A sound event of any type in which up to two things are otherwise; perhaps a key stands twice."""
    kind = draw(st.sampled_from(TYPES)).type
    written = event(type=kind, **({"data": dict(DATA[kind])} if kind in DATA else {}))
    for _ in range(draw(st.integers(0, 2))):
        if draw(st.booleans()):
            written[draw(st.sampled_from([*ATTRIBUTES, "data_base64", "other"]))] = draw(VALUES)
        elif isinstance(written.setdefault("data", {}), dict):
            written["data"][draw(st.sampled_from([*PLANS[kind].checks, "other"]))] = draw(VALUES)
    text = json.dumps(written, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        key = draw(st.sampled_from(ATTRIBUTES))
        value = draw(VALUES | st.just(written.get(key)) | st.sampled_from([each.type for each in TYPES]))
        again = f"{json.dumps(key)}: {json.dumps(value)}"
        text = f"{{{again}, {text[1:]}" if draw(st.booleans()) else f"{text[:-1]}, {again}}}"
    return text.encode("utf-8", "surrogatepass")


@given(nearly_sound())
def test_both_ways_have_the_same_outcome(text: bytes) -> None:
    quick, careful = both(text)
    assert quick == careful


@pytest.mark.parametrize("kind", [kind.type for kind in TYPES])
def test_what_is_sound_goes_the_quick_way(kind: str) -> None:
    written = json.dumps(event(type=kind, sequence="7", **({"data": DATA[kind]} if kind in DATA else {}))).encode()
    found = cloudevents_sound.read(written)
    assert found is not None
    subject, its = found
    assert (its.time, its.source, its.id, its.unit, its.sequence) == (MICROS, "/h44/igate", "a1", "H44.07", "7")
    assert its.what.type == kind
    quick, careful = both(written)
    assert quick == careful == Parsed(0, subject, its, fingerprint(subject, its))


@pytest.mark.parametrize("first", ["dossier.submitted", "dossier.refused", "petition.answered"])
@pytest.mark.parametrize("last", ["dossier.submitted", "dossier.refused", "petition.answered"])
def test_a_type_that_stands_twice_is_the_last(first: str, last: str) -> None:
    text = json.dumps(event(type=first))[:-1] + f', "type": "{last}"}}'
    quick, careful = both(text.encode())
    assert quick == careful
    assert isinstance(quick, Parsed)
    assert quick.event.what.type == last


def test_every_field_is_checked_by_the_decoder_or_by_its_own_check() -> None:
    wrong: dict[str, Mapping[str, Any]] = {
        kind: {name: [1.5] for name in plan.checks} for kind, plan in PLANS.items() if plan.checks
    }
    for kind, fields in wrong.items():
        for name, value in fields.items():
            data = DATA.get(kind, {}) | {name: value}
            assert cloudevents_sound.read(json.dumps(event(type=kind, data=data)).encode()) is None, (kind, name)
