"""The language the cases of the domain are told in says what it seems to say."""

from __future__ import annotations

import pytest

from app.domain.lives.events import DossierDigitised, DossierReceived, EventRetracted, ProcedureAnnounced
from tests.domain.lives.telling import at, cases, day, shown, shown_day, told


@cases(
    "text, instant",
    ("a day is of January 2026 at eight", "5", 1_767_574_800_000_000),
    ("a time stands after T", "5T08:00:00.000001", 1_767_574_800_000_001),
    ("midnight is the beginning of the day", "5T00:00", 1_767_546_000_000_000),
    ("another month", "5/2T00:00", 1_770_224_400_000_000),
    ("another year", "31/12/2025T23:59", 1_767_200_340_000_000),
)
def test_a_moment_is_civil_time_and_shown_as_it_is_written(text: str, instant: int) -> None:
    assert (at(text), shown(instant)) == (instant, text)


def test_the_last_microsecond_of_a_day_and_no_instant_have_words() -> None:
    assert shown(at("5T23:59:59.999999")) == "end of 5"
    assert shown(None) == "never"
    assert [shown_day(day(each)) for each in ("5", "5/2", "5/2/2025")] == ["5", "5/2", "5/2/2025"]


def test_an_event_is_told_with_what_it_says_and_who_says_it() -> None:
    received, digitised, retracted = told(
        "5 received due=12 fee=no; 6 digitised components=2 reused=yes by=H44 seq=9; 7 retracted id=2 source=/x as=b"
    )
    assert received.what == DossierReceived("plain", "counter", due_at=at("12"), fee=False)  # type: ignore[arg-type]
    assert digitised.what == DossierDigitised(components=2, reused=True)  # type: ignore[arg-type]
    assert retracted.what == EventRetracted("2")  # type: ignore[arg-type]
    assert [(e.time, e.source, e.id, e.unit, e.sequence) for e in (received, digitised, retracted)] == [
        (at("5"), "/h44/igate", "1", "H44.07", ""),
        (at("6"), "/h44/igate", "2", "H44", "9"),
        (at("7"), "/x", "b", "H44.07", ""),
    ]


def test_verbs_are_of_the_noun_or_name_their_own() -> None:
    (announced,) = told("5 announced decided=5 from=12", "procedure")
    assert announced.what == ProcedureAnnounced(decided_on=day("5"), effective_on=day("12"))
    types = [each.what.type for each in told("5 asked; 6 petition.asked; 7 retracted id=1", "petition")]
    assert types == ["petition.supplement_requested", "petition.supplement_requested", "event.retracted"]


@pytest.mark.parametrize("text", ["5 recieved", "5 received dew=12", "5 rated satisfied=maybe", "32 received"])
def test_a_slip_of_the_pen_is_an_error(text: str) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        told(text)
