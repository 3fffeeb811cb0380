"""From facts to figures: which counters a life moves, and on which civil day.

A verdict has every counter that moved, by day; processing times, which stand beside `ended`, are in a table of their
own. Dossiers are received on the 5th and due on the 12th unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.tallies import tally
from app.domain.tallies.tally import DOCUMENT, DOSSIER, PETITION, Cells, Family, Part
from tests.domain.lives.telling import cases, day, document, dossier, petition, shown_day

_TOOK = ("processing_seconds", "processing_micros")


def moved(family: Family, parts: Sequence[Part]) -> dict[str, set[str]]:
    """The names of the counters that some parts move, by day; each is moved by one."""
    cells: Cells = {}
    tally.add(cells, family, (1, 2, 0), parts, 1)
    found = {}
    for (*key, civil), counts in sorted(cells.items()):
        assert key == [1, 2, 0]
        named = dict(zip(family.counters, counts, strict=True))
        up = {name for name in family.counters if named[name] and name not in _TOOK}
        assert all(named[name] == 1 for name in up)
        found[shown_day(civil)] = up
    return found


def by_day(told: str) -> dict[str, set[str]]:
    """A verdict: days, each with the names of its counters; received+fee is both received and received_fee."""
    found: dict[str, set[str]] = {}
    for civil, *names in (each.split() for each in told.split(";") if each):
        found[civil] = set()
        for first, *more in (name.split("+") for name in names):
            found[civil] |= {first, *(f"{first}_{each}" for each in more)}
    return found


def whole(life: str, usual: str) -> str:
    return life if " received" in life else f"{usual}; {life}"


# ------------------------------------------------------------------------------------------------------------ dossiers


@cases(
    "life, days",
    ("open before the deadline: it will be missed then", "", "5 received; 12 missed"),
    ("open without a deadline", "5 received", "5 received"),
    ("ended in time is never missed", "8 completed", "5 received; 8 ended"),
    ("ended late is missed at the deadline", "14 completed", "5 received; 12 missed; 14 ended+late"),
    ("ended late on the day of the deadline", "12T09:00 completed", "5 received; 12 ended+late missed"),
    ("ended at the instant of the deadline", "12 completed", "5 received; 12 ended"),
    ("all on one day", "5T10:00 received due=5T11:00; 5T12:00 completed", "5 received ended+late missed"),
    ("ended before the reception, on the day of the reception", "4 completed", "5 received ended"),
    ("due before the reception, missed on its day", "5 received due=3", "5 received missed"),
    ("due before the reception, ended after", "5 received due=3; 8 completed", "5 received missed; 8 ended+late"),
    ("a second request, unanswered, is missed on its day", "6 asked; 7 supplemented; 8 asked", "5 received; 8 missed"),
    ("a pause moves the day it is missed", "6 asked; 8 supplemented", "5 received; 14 missed"),
    ("an unanswered request ends it on its day", "6 asked", "5 received; 6 ended"),
    ("voided", "8 completed; 9 voided", ""),
)
def test_received_ended_and_missed(life: str, days: str) -> None:
    assert moved(DOSSIER, tally.dossier_parts(dossier(whole(life, "5 received due=12")))) == by_day(days)


@cases(
    "life, days",
    ("midnight belongs to the new day", "5T00:00 received; 8T00:00 completed", "5 received; 8 ended"),
    ("before it the old day goes on", "4T23:59:59.999999 received; 8T23:59:59 completed", "4 received; 8 ended"),
    ("days change in Vietnam, not in Greenwich", "5T06:59 received; 8T07:00 completed", "5 received; 8 ended"),
    ("a month ends at its midnight", "31T23:59 received; 1/2T00:00 completed", "31 received; 1/2 ended"),
    ("a year ends at its midnight", "31/12/2025T23:59 received; 1T00:00 completed", "31/12/2025 received; 1 ended"),
    ("due at midnight is missed on the new day", "5 received due=12T00:00", "5 received; 12 missed"),
    ("due a microsecond before is missed on the old day", "5 received due=11T23:59:59.999999", "5 received; 11 missed"),
    ("a legal time is missed on its last day", "5 received for=five_days", "5 received; 12 missed"),
    ("ended right after it", "5 received for=five_days; 13T00:00 completed", "5 received; 12 missed; 13 ended+late"),
    ("returned at midnight", "8 completed; 9T00:00 returned via=postal", "5 received; 8 ended; 9 returned_postal"),
)
def test_on_which_civil_day(life: str, days: str) -> None:
    assert moved(DOSSIER, tally.dossier_parts(dossier(whole(life, "5 received due=12")))) == by_day(days)


@cases(
    "more, days",
    ("a fee, at the reception", "6 fee_requested", "5 received+fee; 8 ended"),
    ("paid online, at the reception", "9 paid via=local_gateway", "5 received+fee+fee_paid_online; 8 ended"),
    ("synced, at the reception", "9 synced", "5 received+synced; 8 ended"),
    ("a postal clerk, at the reception", "6 received receiver=postal_clerk", "5 received+by_postal_clerk; 8 ended"),
    ("an electronic result, at both", "9 completed e_result=yes", "5 received+e_result; 8 ended+e_result"),
    ("a signature without it, at none", "9 completed signed=yes", "5 received; 8 ended"),
    ("reused, at both", "6 digitised reused=yes", "5 received+reused; 8 ended+reused"),
    ("the shared store, at both", "6 digitised shared_store=yes", "5 received+shared_store; 8 ended+shared_store"),
    ("population, at both", "6 digitised population_data=yes", "5 received+population_data; 8 ended+population_data"),
    ("disliked, at both", "9 rated satisfied=no", "5 received+disliked; 8 ended+disliked"),
    ("liked, at none", "9 rated satisfied=yes", "5 received; 8 ended"),
)
def test_what_a_dossier_carries_counts_where_it_belongs(more: str, days: str) -> None:
    assert moved(DOSSIER, tally.dossier_parts(dossier(f"5 received due=12; 8 completed; {more}"))) == by_day(days)


def test_a_signed_result_counts_at_the_end_only() -> None:
    parts = tally.dossier_parts(dossier("5 received; 8 completed e_result=yes signed=yes"))
    assert moved(DOSSIER, parts) == by_day("5 received+e_result; 8 ended+e_result+signed_result")


def test_digitised_counts_at_reception_and_end() -> None:
    parts = tally.dossier_parts(dossier("5 received for=no_document; 6 digitised components=1; 8 completed"))
    assert moved(DOSSIER, parts) == by_day("5 received+digitised; 8 ended+digitised")


@cases(
    "more, days",
    ("late, at all", "14 completed", "5 received+disliked; 12 missed+disliked; 14 ended+late+disliked+late_disliked"),
    ("in time, at two", "9 completed", "5 received+disliked; 9 ended+disliked"),
    ("open, at the reception and when it will be missed", "", "5 received+disliked; 12 missed+disliked"),
)
def test_a_disliked_dossier_counts_apart(more: str, days: str) -> None:
    life = f"5 received due=12; 6 rated satisfied=no; {more}"
    assert moved(DOSSIER, tally.dossier_parts(dossier(life))) == by_day(days)


@cases(
    "then, days",
    ("by post, when it was", "9 returned via=postal", "5 received; 8 ended; 9 returned_postal"),
    ("online, when it was", "9 returned via=online", "5 received; 8 ended; 9 returned_online"),
    ("at the counter is not counted", "9 returned via=counter", "5 received; 8 ended"),
    ("the first only", "9 returned via=postal; 10 returned via=online", "5 received; 8 ended; 9 returned_postal"),
    ("at its end", "8 returned via=postal", "5 received; 8 ended returned_postal"),
    ("before the reception, on its day", "4 returned via=online", "5 received returned_online; 8 ended"),
)
def test_the_way_of_return_counts_when_it_was_returned(then: str, days: str) -> None:
    assert moved(DOSSIER, tally.dossier_parts(dossier(f"5 received due=12; 8 completed; {then}"))) == by_day(days)


def test_a_return_that_ends_it_counts_as_both() -> None:
    assert moved(DOSSIER, tally.dossier_parts(dossier("5 received; 8 returned via=postal"))) == by_day(
        "5 received; 8 ended returned_postal"
    )


def test_what_was_never_received_moves_nothing() -> None:
    assert tally.dossier_parts(dossier("5 submitted; 8 completed; 9 returned via=postal")) == []
    assert tally.petition_parts(petition("8 answered; 20 published")) == []


@cases(
    "then, seconds, micros",
    ("three days", "8 completed", 259_200, 0),
    ("to the microsecond", "5T08:00:01.000002 completed", 1, 2),
    ("ended at once", "5 completed", 0, 0),
    ("ended before the reception took no time", "4 completed", 0, 0),
    ("a pause is not taken out", "6 asked; 7 supplemented; 8 completed", 259_200, 0),
    ("open takes none yet", "", 0, 0),
)
def test_the_processing_time_from_reception_to_end(then: str, seconds: int, micros: int) -> None:
    cells: Cells = {}
    tally.add(cells, DOSSIER, (1, 2, 0), tally.dossier_parts(dossier(f"5 received; {then}")), 1)
    places = [DOSSIER.places[name] for name in _TOOK]
    assert [sum(counts[place] for counts in cells.values()) for place in places] == [seconds, micros]


# ----------------------------------------------------------------------------------------------------------- petitions


@cases(
    "life, days",
    ("open: it will be missed when its days are over", "", "5 received; 27 missed"),
    ("answered in time", "8 answered", "5 received; 8 ended"),
    ("answered late", "28 answered", "5 received; 27 missed; 28 ended+late"),
    ("refused late", "9 refused", "5 received; 7 missed; 9 ended+late"),
    ("published late is missed at the answer", "8 answered; 20 published", "5 received; 8 ended+late missed"),
    ("answered late, published late", "28 answered; 9/2 published", "5 received; 27 missed; 28 ended+late"),
    ("answered before the reception, on its day", "4 answered", "5 received ended"),
    ("at the edges of days", "5T00:00 received; 7T23:59:59.999999 answered", "5 received; 7 ended"),
    ("voided", "8 answered; 9 voided", ""),
)
def test_what_a_petition_moves(life: str, days: str) -> None:
    assert moved(PETITION, tally.petition_parts(petition(whole(life, "5 received")))) == by_day(days)


@cases(
    "more, days",
    ("late, at all three", "9 refused", "5 received+disliked; 7 missed+disliked; 9 ended+late+disliked+late_disliked"),
    ("in time, at two", "9 answered", "5 received+disliked; 9 ended+disliked"),
    ("open, at the reception and when it will be missed", "", "5 received+disliked; 27 missed+disliked"),
)
def test_a_disliked_petition_counts_apart(more: str, days: str) -> None:
    assert moved(PETITION, tally.petition_parts(petition(f"5 received; 6 rated satisfied=no; {more}"))) == by_day(days)


# ----------------------------------------------------------------------------------------------------------- documents


@cases(
    "life, days",
    ("on paper", "5 sent electronic=no", "5 sent"),
    ("electronically", "5 sent electronic=yes", "5 sent electronic"),
    ("signed", "5 sent electronic=yes signed=yes", "5 sent electronic signed"),
    ("signed on paper is not counted as signed", "5 sent electronic=no signed=yes", "5 sent"),
    ("sent again: the first day, the last word", "5 sent electronic=no; 9 sent electronic=yes", "5 sent electronic"),
    ("sent at midnight", "5T00:00 sent electronic=no", "5 sent"),
    ("sent just before", "4T23:59:59.999999 sent electronic=no", "4 sent"),
)
def test_what_a_document_moves(life: str, days: str) -> None:
    assert moved(DOCUMENT, tally.document_parts(document(life))) == by_day(days)


# --------------------------------------------------------------------------------------------------------------- cells


def test_new_contributions_minus_old_ones_are_the_whole_update() -> None:
    old = tally.dossier_parts(dossier("5 received due=12; 14 completed"))
    new = tally.dossier_parts(dossier("5 received due=12; 14 completed; 15 due_changed due=20; 16 synced"))
    cells: Cells = {}
    for parts, sign in ((old, 1), (old, -1), (new, 1)):
        tally.add(cells, DOSSIER, (1, 2, 0), parts, sign)
    afresh: Cells = {}
    tally.add(afresh, DOSSIER, (1, 2, 0), new, 1)
    assert {key: counts for key, counts in cells.items() if any(counts)} == afresh


def test_lives_of_one_cell_add_up_and_those_of_others_stand_apart() -> None:
    parts = tally.dossier_parts(dossier("5 received"))
    cells: Cells = {}
    for key in ((1, 2, 0), (1, 2, 0), (1, 2, 1), (1, 3, 0), (2, 2, 0)):
        tally.add(cells, DOSSIER, key, parts, 1)
    received = DOSSIER.places["received"]
    five = day("5")
    assert {key: counts[received] for key, counts in cells.items()} == {
        (1, 2, 0, five): 2,
        (1, 2, 1, five): 1,
        (1, 3, 0, five): 1,
        (2, 2, 0, five): 1,
    }
