"""Petitions (phản ánh, kiến nghị): when they end, by when they should have, and whether they were published in time.

Unless its own reception is told, each petition is received on Monday the 5th: two working days end with the 7th, five
with the 12th, fifteen with the 27th.
"""

from __future__ import annotations

from app.domain.lives.petition import ABOUT
from tests.domain.lives.telling import cases, petition, shown


def whole(life: str) -> str:
    """The life with the usual reception, where it tells none."""
    return life if " received" in life else f"5 received; {life}"


@cases(
    "life, received, counts",
    ("a received petition counts", "5 received", "5", True),
    ("the earliest reception counts", "6 received; 5 received", "5", True),
    ("without a reception it is outside every figure", "5 answered; 6 published", "never", False),
    ("a voided one is in no figure", "5 received; 8 answered; 9 voided", "5", False),
    ("a void before the reception is a void", "4 voided; 5 received", "5", False),
    ("no later event undoes a void", "5 received; 6 voided; 7 received", "5", False),
)
def test_whether_it_counts_at_all(life: str, received: str, counts: bool) -> None:
    facts = petition(life)
    assert (shown(facts.received_at), facts.counts) == (received, counts)


@cases(
    "life, ended, deadline",
    ("open: fifteen days", "", "never", "end of 27"),
    ("answered: fifteen days", "8 answered", "8", "end of 27"),
    ("refused: two days", "6 refused", "6", "end of 7"),
    ("forwarded: two days", "6 forwarded", "6", "end of 7"),
    ("asked for a supplement: five days", "6 asked", "6", "end of 12"),
    ("supplemented: open again, fifteen days", "6 asked; 8 supplemented", "never", "end of 27"),
    ("the earliest answer ends it", "9 answered; 8 answered", "8", "end of 27"),
    ("an answer goes before an earlier refusal", "6 refused; 9 answered", "9", "end of 27"),
    ("an answer goes before a later refusal", "8 answered; 9 refused", "8", "end of 27"),
    ("an answer goes before a forwarding", "6 forwarded; 9 answered", "9", "end of 27"),
    ("an answer goes before an unanswered request", "6 asked; 9 answered", "9", "end of 27"),
    ("of refusal and forwarding the latest ends it", "6 refused; 8 forwarded", "8", "end of 7"),
    ("of forwarding and refusal the latest ends it", "6 forwarded; 8 refused", "8", "end of 7"),
    ("of several refusals the latest ends it", "8 refused; 6 refused", "8", "end of 7"),
    ("of several forwardings the latest ends it", "6 forwarded; 9 forwarded", "9", "end of 7"),
    ("a refusal goes before an unanswered request", "6 asked; 8 refused", "8", "end of 7"),
    ("a forwarding goes before an unanswered request", "6 asked; 8 forwarded", "8", "end of 7"),
    ("of several requests the first ends it", "8 asked; 6 asked", "6", "end of 12"),
    ("a supplement before the request does not open it again", "6 supplemented; 8 asked", "8", "end of 12"),
    ("asked again after a supplement it is open", "6 asked; 7 supplemented; 8 asked", "never", "end of 27"),
    ("asked twice, then supplemented, it is open", "6 asked; 7 asked; 8 supplemented", "never", "end of 27"),
    ("a supplement nobody asked for changes nothing", "6 supplemented", "never", "end of 27"),
    ("publishing does not end it", "8 published", "never", "end of 27"),
    ("a rating does not end it", "8 rated satisfied=no", "never", "end of 27"),
    ("a void does not end it", "8 voided", "never", "end of 27"),
    ("an answer before the reception is moved to it", "4 answered", "5", "end of 27"),
    ("a refusal before the reception is moved to it", "4 refused", "5", "end of 7"),
    ("a request before the reception is moved to it", "4 asked", "5", "end of 12"),
)
def test_when_it_ends_and_when_it_should(life: str, ended: str, deadline: str) -> None:
    facts = petition(whole(life))
    assert (shown(facts.ended_at), shown(facts.deadline)) == (ended, deadline)


def test_without_a_reception_there_is_no_end_and_no_deadline() -> None:
    facts = petition("8 answered; 20 published; 21 rated satisfied=no")
    assert (facts.ended_at, facts.deadline, facts.late, facts.missed_at) == (None, None, False, None)


@cases(
    "life, deadline",
    ("days count from the civil day to its last instant", "5T23:59:59.999999 received", "end of 27"),
    ("the next midnight is the next day", "6T00:00 received", "end of 28"),
    ("the day of reception is in Vietnam, not in Greenwich", "6T06:59 received", "end of 28"),
    ("a Saturday begins on Monday", "10 received", "end of 31"),
    ("the earliest reception begins them", "6 received; 5 received", "end of 27"),
    ("two days leave out a holiday", "20 received; 20 refused", "end of 23"),
    ("five days leave out weekend and holiday", "16 received; 16 asked", "end of 26"),
    ("a Saturday worked instead is a day", "30 received; 30 forwarded", "end of 2/2"),
)
def test_the_days_are_working_days_after_the_reception(life: str, deadline: str) -> None:
    assert shown(petition(life).deadline) == deadline


@cases(
    "life, late, missed",
    ("answered on the last day", "27T23:59:59.999999 answered", False, "never"),
    ("answered after the last day", "28T00:00 answered", True, "end of 27"),
    ("refused on the last day", "7T23:59:59.999999 refused", False, "never"),
    ("refused after the last day", "8T00:00 refused", True, "end of 7"),
    ("forwarded after the last day", "8T00:00 forwarded", True, "end of 7"),
    ("asked on the last day", "12T23:59:59.999999 asked", False, "never"),
    ("asked after the last day", "13T00:00 asked", True, "end of 12"),
    ("an early refusal gives way to a late one", "6 refused; 9 refused", True, "end of 7"),
    ("an open one will be missed when its days are over", "", False, "end of 27"),
    ("refused late, then answered in time", "9 refused; 20 answered", False, "never"),
    ("asked late, then supplemented, is open", "13 asked; 14 supplemented", False, "end of 27"),
    ("an answer before the reception is in time", "4 answered", False, "never"),
)
def test_whether_it_is_late_and_when_it_is_missed(life: str, late: bool, missed: str) -> None:
    facts = petition(whole(life))
    assert (facts.late, shown(facts.missed_at)) == (late, missed)


@cases(
    "life, late, missed",
    ("published on the second day after the answer", "8 answered; 12T23:59:59.999999 published", False, "never"),
    ("published after it is late and missed at the answer", "8 answered; 13T00:00 published", True, "8"),
    ("the days leave out a holiday", "20 answered; 23 published", False, "never"),
    ("not published yet is not late", "8 answered", False, "never"),
    ("the first publication counts, in time", "8 answered; 9 published; 20 published", False, "never"),
    ("the first publication counts, late", "8 answered; 21 published; 20 published", True, "8"),
    ("published before the answer is in time", "6 published; 8 answered; 20 published", False, "never"),
    ("the days count from the earliest answer", "8 answered; 12 answered; 13 published", True, "8"),
    ("the days count from an answer moved to the reception", "4 answered; 7 published", False, "never"),
    ("published late after an answer moved to the reception", "4 answered; 8 published", True, "5"),
    ("a refusal published late is not late", "6 refused; 20 published", False, "never"),
    ("a forwarding published late is not late", "6 forwarded; 20 published", False, "never"),
    ("a request published late is not late", "6 asked; 20 published", False, "never"),
    ("an open one published is not late", "20 published", False, "end of 27"),
    ("answered and published late is missed by the answer", "28 answered; 9/2 published", True, "end of 27"),
)
def test_an_answer_published_late_is_late(life: str, late: bool, missed: str) -> None:
    facts = petition(whole(life))
    assert (facts.late, shown(facts.missed_at)) == (late, missed)


@cases(
    "life, about, disliked",
    ("about a regulation", "5 received about=regulation", "regulation", False),
    ("about staff", "5 received about=staff", "staff", False),
    ("about something else", "5 received about=other", "other", False),
    ("the last word counts", "5 received about=staff; 6 received about=regulation", "regulation", False),
    ("last is by time, not by arrival", "6 received about=staff; 5 received about=regulation", "staff", False),
    ("rated not satisfied", "5 received; 9 rated satisfied=no", "other", True),
    ("rated satisfied", "5 received; 9 rated satisfied=yes", "other", False),
    ("any rating not satisfied counts", "5 received; 9 rated satisfied=no; 10 rated satisfied=yes", "other", True),
)
def test_what_it_is_about_and_whether_it_is_disliked(life: str, about: str, disliked: bool) -> None:
    facts = petition(life)
    assert (ABOUT[facts.about], facts.disliked) == (about, disliked)
