"""How supplements (bổ sung) and moved due times (đổi hẹn trả) change a dossier's deadline.

Unless its own reception is told, each dossier is received on the 5th and due on the 12th.
"""

from __future__ import annotations

from tests.domain.lives.telling import cases, dossier, faults, shown

_USUAL = "5 received due=12"


def whole(life: str) -> str:
    """The life with the usual reception, where it tells none."""
    return life if " received" in life else f"{_USUAL}; {life}"


# ------------------------------------------------------------------------------------------------------------- pauses


@cases(
    "life, deadline",
    ("an answered request moves the deadline by the time it waited", "6 asked; 8 supplemented", "14"),
    ("a pause counts to the microsecond", "6 asked; 6T08:00:00.000001 supplemented", "12T08:00:00.000001"),
    ("a pause counts hours", "6 asked; 6T10:30 supplemented", "12T10:30"),
    ("a pause counts nights and weekends", "9 asked; 12 supplemented", "15"),
    ("answered at the instant it was asked is no pause", "6 asked; 6 supplemented", "12"),
    ("asked at the very deadline is in time", "12 asked; 14 supplemented", "14"),
    ("asked a microsecond after the deadline is no pause", "12T08:00:00.000001 asked; 14 supplemented", "12"),
    ("asked in time, answered after the due time is a pause", "11 asked; 20 supplemented", "21"),
    ("an unanswered request is no pause", "8 asked; 20 completed", "12"),
    ("an answer that nobody asked for is no pause", "8 supplemented", "12"),
    ("a second answer adds nothing", "6 asked; 8 supplemented; 10 supplemented", "14"),
    ("asked again while open counts from the first asking", "6 asked; 7 asked; 9 supplemented", "15"),
    ("asked in time and again too late while open is in time", "11 asked; 13 asked; 14 supplemented", "15"),
    ("a request before the reception pauses from when it was made", "4 asked; 6 supplemented", "14"),
)
def test_a_pause_moves_the_deadline(life: str, deadline: str) -> None:
    assert shown(dossier(whole(life)).deadline) == deadline


@cases(
    "life, deadline",
    ("two pauses add up", "6 asked; 7 supplemented; 8 asked; 11 supplemented", "16"),
    ("the first pause admits a second request", "6 asked; 10 supplemented; 15 asked; 17 supplemented", "18"),
    ("at the very deadline moved by the first", "6 asked; 10 supplemented; 16 asked; 17 supplemented", "17"),
    ("a microsecond after that", "6 asked; 10 supplemented; 16T08:00:00.000001 asked; 18 supplemented", "16"),
    ("a late request does not admit the next", "13 asked; 16 supplemented; 17 asked; 18 supplemented", "12"),
    ("a late request leaves the pause before it", "6 asked; 8 supplemented; 15 asked; 17 supplemented", "14"),
    ("an early request counts although told last", "8 asked; 11 supplemented; 6 asked; 7 supplemented", "16"),
    ("three pauses add up", "6 asked; 7 supplemented; 8 asked; 9 supplemented; 10 asked; 11 supplemented", "15"),
)
def test_several_pauses(life: str, deadline: str) -> None:
    assert shown(dossier(whole(life)).deadline) == deadline


@cases(
    "life, deadline",
    ("a pause is cut at a completion", "6 asked; 9 completed; 11 supplemented", "15"),
    ("a pause is cut at a return", "6 asked; 9 returned via=counter; 11 supplemented", "15"),
    ("a pause is cut at a refusal", "6 asked; 9 refused; 11 supplemented", "15"),
    ("a pause is cut at the earliest completion", "6 asked; 9 completed; 10 completed; 11 supplemented", "15"),
    ("a pause before the end is whole", "6 asked; 8 supplemented; 9 completed", "14"),
    ("a request after the end is no pause", "9 completed; 10 asked; 11 supplemented", "12"),
    ("a request at the instant of the end is no pause", "9 completed; 9 asked; 11 supplemented", "12"),
    ("an end before the reception cuts the pause at the reception", "3 asked; 4 completed; 7 supplemented", "14"),
)
def test_a_pause_ends_with_the_dossier(life: str, deadline: str) -> None:
    assert shown(dossier(whole(life)).deadline) == deadline


@cases(
    "life, late",
    ("a pause saves what would be late", "6 asked; 9 supplemented; 15 completed", False),
    ("a microsecond beyond the pause is late", "6 asked; 9 supplemented; 15T08:00:00.000001 completed", True),
    ("a late request does not save it", "13 asked; 15 supplemented; 16 completed", True),
    ("a pause cut at the end saves it", "11 asked; 20 completed; 21 supplemented", False),
    ("a request never answered does not save it", "11 asked; 20 completed", True),
)
def test_whether_a_pause_saves_it(life: str, late: bool) -> None:
    assert dossier(whole(life)).late is late


@cases(
    "life, deadline",
    ("the request's own due time does not put it in time", "13 asked due=20; 15 supplemented", "20"),
    ("the request's own due time does not put it out of time", "11 asked due=10; 13 supplemented", "12"),
    ("moved before, the request is in time", "10 due_changed due=20; 15 asked; 17 supplemented", "22"),
    ("moved back before, the request is late", "8 due_changed due=10; 11 asked; 13 supplemented", "10"),
    ("moved after, a late request stays late", "13 asked; 14 supplemented; 15 due_changed due=20", "20"),
    ("moved back after, the pause stays", "11 asked; 13 supplemented; 14 due_changed due=10", "12"),
    ("moved while it waits, the pause is added", "6 asked; 7 due_changed due=20; 8 supplemented", "22"),
    ("pauses before are in force", "6 asked; 8 supplemented; 9 due_changed due=10; 12 asked; 13 supplemented", "13"),
    ("the answer's due time has the pause added too", "6 asked; 8 supplemented due=20", "22"),
    ("a due time moved after the pause has it added too", "6 asked; 8 supplemented; 9 due_changed due=20", "22"),
    ("asked before any due time is in time", "5 received; 20 asked; 22 supplemented; 23 due_changed due=12", "14"),
)
def test_the_due_time_in_force_when_it_was_asked(life: str, deadline: str) -> None:
    assert shown(dossier(whole(life)).deadline) == deadline


@cases(
    "life, deadline",
    ("a pause moves the legal time", "5 received for=five_days; 12 asked; 14 supplemented", "end of 14"),
    ("asked in its last instant", "5 received for=two_days; 7T23:59:59.999999 asked; 9 supplemented", "9"),
    ("asked after it is no pause", "5 received for=two_days; 8T00:00 asked; 9 supplemented", "end of 7"),
    ("a due time told later keeps the pause", "5 received for=two_days; 6 asked; 7 supplemented due=20", "21"),
    ("a due time told later saves no request", "5 received for=two_days; 8 asked; 9 supplemented due=20", "20"),
    ("a due time told before judges alone", "5 received for=two_days due=12; 9 asked; 10 supplemented", "13"),
    ("without a deadline a pause moves nothing", "5 received; 6 asked; 8 supplemented", "never"),
)
def test_pauses_of_the_legal_time(life: str, deadline: str) -> None:
    assert shown(dossier(whole(life)).deadline) == deadline


# -------------------------------------------------------------------------------------------------- a second request


@cases(
    "life, deadline",
    ("the second request, unanswered, is the deadline", "6 asked; 7 supplemented; 8 asked", "8"),
    ("due time and pause are the deadline where earlier", "6 asked; 7 supplemented; 15 asked", "13"),
    ("the second request is the deadline where none was", "5 received; 6 asked; 7 supplemented; 8 asked", "8"),
    ("an earlier legal time is the deadline", "5 received for=two_days; 6 asked; 7 supplemented; 9 asked", "end of 8"),
    ("of three requests the second is the deadline", "6 asked; 7 supplemented; 8 asked; 9 supplemented; 10 asked", "8"),
    ("the second, answered, is a pause", "6 asked; 7 supplemented; 8 asked; 10 supplemented", "15"),
    ("with an end the due time and pause are the deadline", "6 asked; 7 supplemented; 8 asked; 10 completed", "13"),
    ("a refusal is an end too", "6 asked; 7 supplemented; 8 asked; 10 refused", "13"),
    ("asked twice while open is one request, which ends it", "6 asked; 8 asked", "12"),
    ("a second request before the reception is moved to it", "2 asked; 3 supplemented; 4 asked", "5"),
    ("a due time moved later does not help", "6 asked; 7 supplemented; 8 asked; 9 due_changed due=20", "8"),
)
def test_a_second_request_without_an_answer(life: str, deadline: str) -> None:
    assert shown(dossier(whole(life)).deadline) == deadline


def test_a_second_request_without_an_answer_leaves_it_open_and_missed() -> None:
    facts = dossier(whole("6 asked; 7 supplemented; 8 asked"))
    assert (shown(facts.ended_at), facts.late, shown(facts.missed_at)) == ("never", False, "8")


# ---------------------------------------------------------------------------------------------- due times moved late


@cases(
    "life, moved_late",
    ("never moved", "20 completed", False),
    ("moved before it had passed", "11 due_changed due=20", False),
    ("moved at the very instant", "12 due_changed due=20", False),
    ("moved a microsecond after", "12T08:00:00.000001 due_changed due=20", True),
    ("moved back after it had passed", "13 due_changed due=10", True),
    ("told again is not moved", "13 due_changed due=12", False),
    ("moved in time, then before the new one had passed", "11 due_changed due=20; 19 due_changed due=25", False),
    ("moved in time, then after the new one had passed", "11 due_changed due=20; 21 due_changed due=25", True),
    ("moved late, then in time", "13 due_changed due=20; 19 due_changed due=25", True),
    ("the first due time moves none", "5 received; 30 due_changed due=20; 2/2 completed", False),
    ("moved by another reception of the unit", "5 received due=12; 13 received due=20", True),
    ("moved by a late request", "13 asked due=20", True),
    ("moved by a request in time", "11 asked due=20", False),
    ("moved after the end, after it had passed", "8 completed; 13 due_changed due=20", True),
    ("moved by a stranger is not moved", "13 due_changed due=20 by=H44.12", False),
    ("run out before the reception, then another given", "4 due_changed due=4T12:00; 5 received due=12", True),
)
def test_a_due_time_moved_after_it_had_passed_is_a_fault(life: str, moved_late: bool) -> None:
    assert ("due_moved_late" in faults(dossier(whole(life)))) is moved_late


@cases(
    "life, moved_late",
    ("moved within the pause added", "6 asked; 8 supplemented; 14 due_changed due=20", False),
    ("moved after the pause added", "6 asked; 8 supplemented; 14T08:00:00.000001 due_changed due=20", True),
    ("the clock stands while a request made in time waits", "11 asked; 20 due_changed due=25; 21 supplemented", False),
    ("the clock does not stand for a late request", "13 asked; 20 due_changed due=25; 21 supplemented", True),
    ("the answer of a request made in time moves it", "11 asked; 20 supplemented due=25", False),
    ("the answer of a late request moves it", "13 asked; 20 supplemented due=25", True),
    ("a late request, answered, adds nothing", "13 asked; 15 supplemented; 15 due_changed due=25", True),
    ("a pause that comes later does not excuse", "13 due_changed due=20; 14 asked; 18 supplemented", True),
)
def test_a_due_time_has_not_passed_while_the_clock_stands(life: str, moved_late: bool) -> None:
    assert ("due_moved_late" in faults(dossier(whole(life)))) is moved_late


# ------------------------------------------------------------------------------------------------ ends that jump back


@cases(
    "life, moved_back",
    ("one end", "9 completed", False),
    ("the same end told again", "9 completed; 9 completed", False),
    ("an end told a microsecond later as well", "9 completed; 9T08:00:00.000001 completed", True),
    ("another end after the deadline", "9 completed; 20 completed", True),
    ("returned after the end is as it should be", "9 completed; 10 returned via=counter", False),
    (
        "returned on two days, which is not what the end hangs on",
        "9 completed; 10 returned via=counter; 11 returned via=counter",
        False,
    ),
    ("without a completion the return is the end", "9 returned via=counter; 11 returned via=counter", True),
    ("a supplement asked for after the end", "9 completed; 10 asked", True),
    ("a supplement handed in after the end", "8 asked; 9 completed; 10 supplemented", True),
    ("a supplement handed in at the instant of the end", "8 asked; 9 supplemented; 9 completed", False),
    ("a supplement before the end", "6 asked; 8 supplemented; 9 completed", False),
    ("an answer nobody asked for, after the end", "9 completed; 10 supplemented", True),
    ("a dossier taken up again after it was stopped", "8 stopped; 9 asked; 10 supplemented; 11 completed", False),
    ("stopped twice, of which the later counts", "8 stopped; 10 stopped", False),
    ("a stranger's end is none", "9 completed; 20 completed by=H44.12", False),
    ("an end taken back", "9 completed as=x; 20 completed; 21 retracted id=x", False),
    ("before the reception", "3 completed; 6 completed", True),
)
def test_an_end_before_what_was_told_of_the_open_dossier_is_a_fault(life: str, moved_back: bool) -> None:
    assert ("end_moved_back" in faults(dossier(whole(life)))) is moved_back
