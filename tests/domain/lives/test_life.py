"""A life: what is taken back, in which order it is read, how several things under one code are told apart.

Events are numbered as they are told; the source, the unit H44.07 and 08:00 are everybody's unless told otherwise.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from app.domain.codes import UnitCode
from app.domain.lives import life as lives
from tests.domain.lives.telling import cases, document, dossier, faults, flags, folded, petition, publication, shown

# --------------------------------------------------------------------------------------------------------- taken back


@cases(
    "then, ended",
    ("nothing is taken back", "", "8"),
    ("taken back after", "9 retracted id=2", "never"),
    ("taken back at the same instant", "8 retracted id=2", "never"),
    ("taken back at a time before it happened", "6 retracted id=2", "never"),
    ("taken back at a time before anything happened", "1 retracted id=2", "never"),
    ("taken back by a unit above", "9 retracted by=H44 id=2", "never"),
    ("not by a unit below", "9 retracted by=H44.07.1 id=2", "8"),
    ("not by a stranger", "9 retracted by=H44.12 id=2", "8"),
    ("not by a unit whose code only begins alike", "9 retracted by=H44.0 id=2", "8"),
    ("not by a unit whose code it begins", "9 retracted by=H44.070 id=2", "8"),
    ("not from another source", "9 retracted source=/h44/other id=2", "8"),
    ("an id that never came is nothing", "9 retracted id=77", "8"),
    ("taken back twice", "9 retracted id=2; 10 retracted id=2", "never"),
    ("by a stranger, then by its unit", "9 retracted by=H44.12 id=2; 10 retracted id=2", "never"),
    ("taking back is not taken back", "9 retracted id=2; 10 retracted id=3", "never"),
    ("taking back is not taken back by a unit above", "9 retracted id=2; 10 retracted by=H44 id=3", "never"),
    ("taking back is not taken back before it", "9 retracted id=2; 1 retracted id=3", "never"),
    ("a retraction does not take back itself", "9 retracted id=3", "8"),
    ("what is sent anew counts", "9 retracted id=2; 10 completed", "10"),
    ("what is sent anew at the same time counts", "8 retracted id=2; 8 completed", "8"),
    ("only the named one is taken back", "7 completed; 9 retracted id=3", "8"),
    ("the id of another source's event is another", "7 completed source=/b as=2; 9 retracted source=/b id=2", "8"),
)
def test_taking_back_a_completion(then: str, ended: str) -> None:
    assert shown(dossier(f"5 received; 8 completed; {then}").ended_at) == ended


@cases(
    "then, ended",
    ("its own unit takes it back", "9 retracted by=H44.09 id=3", "never"),
    ("a unit above both does", "9 retracted by=H44 id=3", "never"),
    ("the receiver does not", "9 retracted id=3", "8"),
)
def test_taking_back_what_another_unit_of_the_chain_said(then: str, ended: str) -> None:
    life = f"5 received; 6 transferred to=H44.09; 8 completed by=H44.09; {then}"
    assert shown(dossier(life).ended_at) == ended


def test_a_foreign_event_taken_back_is_no_fault() -> None:
    assert faults(dossier("5 received; 8 completed by=H44.12; 9 retracted by=H44.12 id=2")) == set()


def test_taking_back_the_reception_leaves_the_rest_outside() -> None:
    facts = dossier("5 received; 8 completed; 9 retracted id=1")
    assert (facts.counts, faults(facts)) == (False, {"no_reception"})


def test_taking_back_the_first_reception_leaves_the_second() -> None:
    facts = dossier("5 received due=12; 6 received due=20; 9 retracted id=1")
    assert (shown(facts.received_at), shown(facts.deadline)) == ("6", "20")


def test_taking_back_a_strangers_reception_is_as_if_it_never_came() -> None:
    facts = dossier("4 received by=H44.12; 5 received; 9 retracted by=H44.12 id=1")
    assert (shown(facts.received_at), faults(facts)) == ("5", set())


def test_taking_back_a_void_counts_again() -> None:
    assert dossier("5 received; 6 voided; 7 retracted id=2").counts


def test_taking_back_a_transfer_makes_what_the_other_unit_did_foreign() -> None:
    facts = dossier("5 received; 6 transferred to=H44.09; 8 completed by=H44.09; 9 retracted id=2")
    assert (facts.unit, shown(facts.ended_at), faults(facts)) == ("H44.07", "never", {"foreign_unit"})


def test_taking_back_a_request_leaves_an_answer_nobody_asked_for() -> None:
    facts = dossier("5 received due=12; 6 asked; 8 supplemented; 9 retracted id=2")
    assert (shown(facts.deadline), faults(facts)) == ("12", {"answer_without_request"})


def test_taking_back_an_answer_leaves_the_request_open() -> None:
    facts = dossier("5 received due=12; 6 asked; 8 supplemented; 9 retracted id=3")
    assert (shown(facts.ended_at), shown(facts.deadline)) == ("6", "12")


def test_taking_back_a_due_time_restores_the_one_before() -> None:
    facts = dossier("5 received due=12; 13 due_changed due=20; 14 retracted id=2")
    assert (shown(facts.deadline), faults(facts)) == ("12", set())


def test_taking_back_a_payment_lowers_both_its_flags() -> None:
    assert flags(dossier("5 received; 6 paid via=national_gateway; 7 retracted id=2")) == set()


def test_taking_back_everything_leaves_nothing() -> None:
    assert folded("5 received; 6 retracted id=1") == lives.NOTHING
    assert folded("6 retracted id=1") == lives.NOTHING
    assert folded("") == lives.NOTHING


@cases(
    "then, ended",
    ("by its unit", "9 retracted id=2", "never"),
    ("by a unit above", "9 retracted by=H44 id=2", "never"),
    ("not by a stranger", "9 retracted by=H44.09 id=2", "8"),
)
def test_taking_back_an_answer_to_a_petition(then: str, ended: str) -> None:
    assert shown(petition(f"5 received; 8 answered; {then}").ended_at) == ended


def test_taking_back_a_sending_leaves_the_later_one() -> None:
    assert shown(document("5 sent electronic=yes; 6 sent electronic=no; 7 retracted id=1").sent_at) == "6"


def test_taking_back_a_decision_leaves_the_other() -> None:
    both = publication("5 announced decided=5 from=12; 6 announced decided=6 from=13")
    left = publication("5 announced decided=5 from=12; 6 announced decided=6 from=13; 7 retracted id=1")
    assert left.announced == both.announced[1:]


# ------------------------------------------------------------------------------------------------------ reading order


@cases(
    "two, due",
    ("the later time is read last", "8 due_changed due=20; 7 due_changed due=15", "20"),
    ("a microsecond is later", "7T08:00:00.000001 due_changed due=20; 7 due_changed due=15", "20"),
    ("time goes before sequence", "8 due_changed seq=1 due=20; 7 due_changed seq=2 due=15", "20"),
    ("the greater sequence is read last", "7 due_changed seq=2 due=20; 7 due_changed seq=1 due=15", "20"),
    ("sequences are texts, not numbers", "7 due_changed seq=9 due=20; 7 due_changed seq=10 due=15", "20"),
    ("no sequence goes before any", "7 due_changed seq=0 due=20; 7 due_changed due=15", "20"),
    ("capitals go before small letters", "7 due_changed seq=a due=20; 7 due_changed seq=B due=15", "20"),
    ("letters with marks go last", "7 due_changed seq=é due=20; 7 due_changed seq=z due=15", "20"),
    ("sequence goes before the type", "7 received seq=2 due=20; 7 due_changed seq=1 due=15", "20"),
    ("of one sequence the type decides", "7 due_changed due=20; 7 received due=15", "20"),
    ("the type goes before the source", "7 due_changed source=/a due=20; 7 received source=/b due=15", "20"),
    ("of one type the source decides", "7 due_changed source=/b due=20; 7 due_changed source=/a due=15", "20"),
    ("source goes before id", "7 due_changed source=/b as=1 due=20; 7 due_changed source=/a as=2 due=15", "20"),
    ("of one source the id decides", "7 due_changed as=b due=20; 7 due_changed as=a due=15", "20"),
    ("ids are texts, not numbers", "7 due_changed as=9 due=20; 7 due_changed as=10 due=15", "20"),
    ("the unit decides nothing", "7 due_changed by=H44 as=b due=20; 7 due_changed as=a due=15", "20"),
)
def test_of_two_due_times_the_one_read_last_counts(two: str, due: str) -> None:
    assert shown(dossier(f"5 received due=12 as=x; {two}").due_at) == due


@cases(
    "two, found",
    ("asked, then supplemented, by the types", "6 supplemented; 6 asked", set()),
    ("the other way round, by the sequence", "6 supplemented seq=1; 6 asked seq=2", {"answer_without_request"}),
)
def test_an_answer_of_the_same_instant_answers(two: str, found: set[str]) -> None:
    assert faults(dossier(f"5 received; {two}")) == found


@cases(
    "two, raised",
    ("a fee is requested, then waived", "6 fee_waived; 6 fee_requested", set()),
    ("completed, then returned", "6 returned via=postal e_result=yes; 6 completed e_result=no", {"e_result"}),
    ("of two ratings both are read", "6 rated satisfied=yes; 6 rated satisfied=no", {"disliked"}),
)
def test_the_order_of_types_decides_flags_of_one_instant(two: str, raised: set[str]) -> None:
    assert flags(dossier(f"5 received; {two}")) == raised


def test_a_transfer_is_read_before_what_follows_at_its_instant() -> None:
    facts = dossier("5 received; 6 transferred by=H44.09 to=H44.12 as=b; 6 transferred to=H44.09 as=a")
    assert facts.unit == "H44.12"
    facts = dossier("5 received; 6 transferred by=H44.09 to=H44.12 as=a; 6 transferred to=H44.09 as=b")
    assert facts.unit == "H44.09"


@pytest.mark.parametrize("noun", ["dossier", "petition"])
def test_the_order_of_arrival_leaves_no_trace(noun: str) -> None:
    events = ("5 {}.received as=1", "6 {}.asked as=2", "8 {}.supplemented as=3", "9 {}.voided as=4", "9 retracted id=4")
    told = [each.format(noun) for each in events]
    once = folded("; ".join(told))
    assert once != lives.NOTHING
    assert all(folded("; ".join(order)) == once for order in permutations(told))


# ------------------------------------------------------------------------------------------- several things, one code


@cases(
    "then, ended",
    ("each unit has its own petition", "", {"H44.07": "never", "H44.09": "never"}),
    ("an answer ends the unit's own", "8 answered by=H44.09", {"H44.07": "never", "H44.09": "8"}),
    ("each ends in its own way", "8 answered; 9 refused by=H44.09", {"H44.07": "8", "H44.09": "9"}),
    ("a forwarding does not move it", "8 forwarded", {"H44.07": "8", "H44.09": "never"}),
    ("what a unit above says is of its own", "8 answered by=H44",
     {"H44": "never", "H44.07": "never", "H44.09": "never"}),
    ("units are in the order of their codes", "6 received by=H44.08",
     {"H44.07": "never", "H44.08": "never", "H44.09": "never"}),
    ("an answer taken back opens its own", "8 answered; 8 answered by=H44.09; 9 retracted id=3",
     {"H44.07": "never", "H44.09": "8"}),
    ("a unit takes back no other's answer", "8 answered; 8 answered by=H44.09; 9 retracted id=4",
     {"H44.07": "8", "H44.09": "8"}),
    ("a unit above takes back any", "8 answered; 8 answered by=H44.09; 9 retracted by=H44 id=4",
     {"H44.07": "8", "H44.09": "never"}),
    ("a reception taken back takes the petition out", "9 retracted by=H44.09 id=2", {"H44.07": "never"}),
)  # fmt: skip
def test_several_petitions_under_one_code(then: str, ended: dict[str, str]) -> None:
    facts = folded(f"5 received; 6 received by=H44.09; {then}", "petition", "PA-1").petitions
    assert [(each.unit, shown(each.ended_at)) for each in facts] == list(ended.items())


def test_a_void_takes_out_only_the_petition_of_its_unit() -> None:
    facts = folded("5 received; 6 received by=H44.09; 7 voided by=H44.09", "petition", "PA-1").petitions
    assert [each.counts for each in facts] == [True, False]


def test_each_unit_has_its_own_document() -> None:
    facts = folded("5 sent electronic=yes; 6 sent electronic=no by=H44.09", "document", "12/CV").documents
    assert [(each.unit, shown(each.sent_at), each.electronic) for each in facts] == [
        (UnitCode("H44.07"), "5", True),
        (UnitCode("H44.09"), "6", False),
    ]


def test_a_procedures_decisions_are_of_no_unit() -> None:
    assert len(publication("5 announced decided=5 from=12; 6 announced by=H44 decided=5 from=13").announced) == 2


@cases(
    "noun, life",
    ("a dossier", "dossier", "5 received; 6 transferred to=H44.09; 8 completed by=H44.09"),
    ("a petition", "petition", "5 received; 8 answered; 20 published"),
    ("a procedure", "procedure", "5 announced decided=5 from=12; 6 published decided=5 on=9"),
    ("a document", "document", "5 sent electronic=yes; 6 sent electronic=no"),
)
def test_things_of_other_kinds_under_its_code_do_not_touch(noun: str, life: str) -> None:
    others = {
        "dossier": "5 dossier.received; 7 dossier.completed; 8 dossier.voided",
        "petition": "4 petition.received; 7 petition.answered; 8 petition.voided",
        "procedure": "7 procedure.published decided=6 on=7",
        "document": "4 document.sent electronic=no",
    }
    alone = folded(life, noun)
    mixed = folded("; ".join([life, *(told for other, told in others.items() if other != noun)]), noun)
    field = {"dossier": "dossier", "petition": "petitions", "procedure": "publication", "document": "documents"}[noun]
    assert getattr(mixed, field) == getattr(alone, field)
    assert all(getattr(mixed, name) for name in ("dossier", "petitions", "publication", "documents"))
