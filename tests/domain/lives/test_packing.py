"""Lives and data in their stored forms: read back as they were, also from the forms of earlier versions."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendar.civil import Instant
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.lives import events
from app.domain.lives.events import (
    Count,
    DossierDigitised,
    DossierReceived,
    DossierSynced,
    Event,
    EventId,
    EventRetracted,
    Happening,
)
from app.domain.lives.packing import pack, pack_what, unpack, unpack_what

SUBJECT = "H44.07-260105-0001"
WHATS = (
    DossierSynced(),
    DossierReceived(ProcedureCode("1.004555"), "online", due_at=Instant(1_767_600_000_000_000), fee=True),
    DossierDigitised(components=Count(2)),
    EventRetracted(EventId(f"{SUBJECT}/3")),
)
EVENTS = st.builds(
    Event,
    st.integers(946_659_600_000_000, 2**52),
    st.sampled_from(["/h44/igate", "/h44/other", "é"]),
    st.one_of(st.sampled_from([SUBJECT, f"{SUBJECT}/1", SUBJECT[:-1], "x"]), st.text("abc-", min_size=1, max_size=5)),
    st.sampled_from(["H44.07", "H44.07.1", "H44"]),
    st.sampled_from(WHATS),
    st.sampled_from(["", "7"]),
)


@given(st.lists(EVENTS, max_size=8))
def test_a_life_is_read_back_as_it_was(life: list[Event]) -> None:
    assert unpack(SUBJECT, pack(SUBJECT, life)) == life


@given(st.lists(EVENTS, max_size=8))
def test_a_life_packed_with_everything_written_out_is_read_too(life: list[Event]) -> None:
    assert unpack(SUBJECT, msgspec.msgpack.encode(life)) == life


def test_what_repeats_in_a_life_is_written_once() -> None:
    life = [Event(Instant(1), "/h44/igate", f"{SUBJECT}/{n}", UnitCode("H44.07"), DossierSynced()) for n in range(5)]
    stored = pack(SUBJECT, life)
    assert [stored.count(text) for text in (b"/h44/igate", b"H44.07", SUBJECT.encode())] == [1, 1, 0]


@given(st.sampled_from(WHATS))
def test_data_is_read_back_as_it_was(what: Happening) -> None:
    assert unpack_what(what.code, pack_what(what)) == what


def test_a_type_without_data_takes_no_bytes() -> None:
    bare = [kind.type for kind in events.TYPES if not kind.__struct_fields__]
    assert [kind.type for kind in events.TYPES if kind.type in bare and pack_what(kind()) is not None] == []
    assert "dossier.synced" in bare
    assert pack_what(DossierDigitised()) is not None
