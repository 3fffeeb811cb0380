"""What is told of a life: of each event whether it had an effect, or why not, and how the deadline came about.

A verdict has a word for each event in the order they are told: + where the facts would be others without it, else the
cause. Dossiers are received on the 5th and due on the 12th, petitions received on the 5th, unless told otherwise.
"""

from __future__ import annotations

import pytest

from app.domain.lives import dossier, explain
from app.domain.lives.events import TYPES
from app.domain.lives.explain import CAUSES
from tests.domain.lives.telling import UNIT, cases, shown, story, told

_USUAL = {"dossier": "5 received due=12", "petition": "5 received"}


def whole(life: str, noun: str = "dossier") -> str:
    """The life with the usual reception, where it tells none."""
    return life if " received" in life else f"{_USUAL[noun]}; {life}"


def verdict(life: str, noun: str = "dossier") -> str:
    """The effect or cause of each event, in the order they are told."""
    found = {}
    for each in story(life, noun).events:
        assert (each.cause is None) is each.effect
        found[(each.event.source, each.event.id)] = each.cause or "+"
    return " ".join(found[(event.source, event.id)] for event in told(life, noun))


DOSSIERS = (
    # reception and units
    ("a reception", "5 received", "+"),
    ("every step of a life", "6 asked; 8 supplemented; 9 completed; 10 returned via=postal", "+ + + + +"),
    ("submitted and not accepted", "4 submitted; 5 received; 6 not_accepted", "never_counts + never_counts"),
    ("a second reception of the unit with nothing new", "5 received due=12; 6 received", "+ received_already"),
    ("a second reception of the unit that corrects", "5 received due=12; 6 received channel=online", "+ +"),
    ("a later reception by a stranger", "5 received; 6 received by=H44.12", "+ second_reception"),
    ("an earlier reception by a stranger", "4 received by=H44.12; 5 received", "second_reception +"),
    ("a stranger", "8 completed by=H44.12", "+ foreign_unit"),
    ("a unit above", "8 completed by=H44", "+ +"),
    ("a transfer and what follows", "6 transferred to=H44.09; 8 completed by=H44.09", "+ + +"),
    ("a transfer to where it is", "6 transferred to=H44.07", "+ at_unit_already"),
    ("a transfer told twice", "6 transferred to=H44.09; 7 transferred to=H44.09", "+ + at_unit_already"),
    ("a transfer too early", "6 transferred by=H44.9 to=H44.3; 7 transferred to=H44.9", "+ not_at_unit +"),
    ("two transfers by one unit", "6 transferred to=H44.09; 7 transferred to=H44.12", "+ + +"),
    ("handed on and back", "6 transferred to=H44.09; 7 transferred by=H44.09 to=H44.07", "+ + +"),
    (
        "there and back and there",
        "6 transferred to=H44.9; 7 transferred by=H44.9 to=H44.07; 8 transferred to=H44.9",
        "+ + + +",
    ),
    (
        "what was done where it was meanwhile",
        "6 transferred to=H44.09; 7 synced by=H44.09; 8 transferred by=H44.09 to=H44.07",
        "+ + + +",
    ),
    # due times
    ("a due time replaced", "7 due_changed due=15; 8 due_changed due=20", "+ due_replaced +"),
    ("a due time told again", "7 due_changed due=12", "+ due_unchanged"),
    ("a due time moved and moved back", "7 due_changed due=15; 8 due_changed due=12", "+ due_replaced due_unchanged"),
    ("a due time before the reception's own", "4 due_changed due=20; 5 received due=12", "due_replaced +"),
    # supplements
    ("a pause", "6 asked; 8 supplemented", "+ + +"),
    ("asked again while open", "6 asked; 7 asked; 8 supplemented", "+ + same_open_request +"),
    ("asked again while open, with another due time", "6 asked; 7 asked due=20; 8 supplemented", "+ + + +"),
    ("an answer nobody asked for", "6 supplemented", "+ answer_without_request"),
    ("an answer nobody asked for, with a due time", "6 supplemented due=20", "+ +"),
    ("the only request ends it", "6 asked", "+ +"),
    ("never answered, as it ended otherwise", "6 asked; 8 completed", "+ request_unanswered +"),
    ("asked too late", "13 asked; 15 supplemented", "+ request_after_deadline request_after_deadline"),
    ("asked after the end", "8 completed; 9 asked; 10 supplemented", "+ + request_after_end request_after_end"),
    ("a pause of no deadline", "5 received; 6 asked; 8 supplemented", "+ pause_without_effect pause_without_effect"),
    ("a second request that is the deadline", "6 asked; 7 supplemented; 8 asked", "+ + + +"),
    ("a second request after the deadline", "6 asked; 7 supplemented; 15 asked", "+ + + request_unanswered"),
    # what it carries
    ("values known", "6 digitised components=1 reused=yes; 7 digitised reused=yes", "+ + values_known"),
    ("values corrected", "6 digitised reused=no; 7 digitised reused=yes", "+ values_replaced +"),
    ("a value of two corrected", "6 digitised components=0 reused=no; 7 digitised reused=yes", "+ values_known +"),
    ("a file with its result", "6 digitised components=1; 8 completed e_result=yes", "+ + +"),
    ("a fee", "6 fee_requested", "+ +"),
    ("a fee known from the reception", "5 received fee=yes; 6 fee_requested", "+ fee_known"),
    ("a fee waived that was none", "6 fee_waived", "+ fee_known"),
    ("a fee requested twice", "6 fee_requested; 7 fee_requested", "+ + fee_decided_before"),
    ("a fee waived that was paid", "6 paid via=national_gateway; 7 fee_waived", "+ + fee_paid"),
    ("a fee requested, then waived", "6 fee_requested; 7 fee_waived", "+ fee_decided fee_known"),
    ("a fee of the reception waived", "5 received fee=yes; 6 fee_waived", "+ +"),
    ("cash", "6 paid via=cash", "+ offline_payment"),
    ("a bank transfer", "6 paid via=transfer", "+ offline_payment"),
    ("paid online", "6 paid via=national_gateway", "+ +"),
    ("paid online twice", "6 paid via=national_gateway; 7 paid via=local_gateway", "+ + known_already"),
    ("a component signed", "6 signed what=component", "+ component_signature"),
    ("a result signed that is not electronic", "8 completed; 9 signed what=result", "+ + no_electronic_result"),
    ("a result signed", "8 completed e_result=yes; 9 signed what=result", "+ + +"),
    ("a result signed twice", "8 completed e_result=yes signed=yes; 9 signed what=result", "+ + known_already"),
    ("satisfied", "9 rated satisfied=yes", "+ satisfied"),
    ("not satisfied, twice", "9 rated satisfied=no; 10 rated satisfied=no", "+ + known_already"),
    ("synced twice", "9 synced; 10 synced", "+ + known_already"),
    ("voided twice", "9 voided; 10 voided", "+ + known_already"),
    # ends
    ("completed twice", "8 completed; 9 completed", "+ + ended_already"),
    ("completed twice, the later first told", "9 completed; 8 completed", "+ ended_already +"),
    ("completed again with its result", "8 completed; 9 completed e_result=yes", "+ + +"),
    ("returned twice", "8 returned via=postal; 9 returned via=online", "+ + ended_already"),
    ("refused before it was completed", "7 refused; 8 completed", "+ ended_otherwise +"),
    ("withdrawn after it was completed", "8 completed; 9 withdrawn", "+ + ended_otherwise"),
    ("stopped after it was refused", "6 refused; 8 stopped", "+ ended_otherwise +"),
    # taken back
    ("taken back", "8 completed; 9 retracted id=2", "+ retracted +"),
    ("taken back before", "8 completed; 6 retracted by=H44 id=2", "+ retracted +"),
    ("taken back twice", "8 completed; 9 retracted id=2; 10 retracted id=2", "+ retracted + already_retracted"),
    ("taken back by a stranger", "8 completed; 9 retracted by=H44.12 id=2", "+ + not_above"),
    ("taken back by a unit below", "8 completed; 9 retracted by=H44.07.1 id=2", "+ + not_above"),
    ("taking back what never came", "8 completed; 9 retracted id=77", "+ + nothing_to_retract"),
    ("taking back what another source sent", "8 completed; 9 retracted source=/b id=2", "+ + nothing_to_retract"),
    ("taking back a taking back", "8 completed; 9 retracted id=2; 10 retracted id=3", "+ retracted + retraction_stays"),
    ("taking back the reception", "8 completed; 9 retracted id=1", "retracted no_reception +"),
    ("taking back what a stranger said", "8 completed by=H44.12; 9 retracted by=H44 id=2", "+ retracted +"),
)


@cases("life, words", *DOSSIERS)
def test_of_a_dossiers_events(life: str, words: str) -> None:
    assert verdict(whole(life)) == words


def test_without_a_reception_nothing_has_an_effect() -> None:
    assert verdict("5 submitted; 8 completed; 9 voided") == "no_reception no_reception no_reception"
    assert verdict("8 answered; 9 published", "petition") == "no_reception no_reception"


PETITIONS = (
    ("answered", "8 answered", "+ +"),
    ("received again with nothing new", "5 received; 6 received", "+ received_already"),
    ("received again about something else", "5 received; 6 received about=staff", "+ +"),
    ("answered twice", "8 answered; 9 answered", "+ + ended_already"),
    ("refused before it was answered", "6 refused; 8 answered", "+ ended_otherwise +"),
    ("forwarded after it was answered", "8 answered; 9 forwarded", "+ + ended_otherwise"),
    ("refused twice", "6 refused; 7 refused", "+ ended_otherwise +"),
    ("asked for a supplement", "6 asked", "+ +"),
    ("asked again", "6 asked; 7 asked", "+ + ended_otherwise"),
    ("asked, then answered", "6 asked; 8 answered", "+ ended_otherwise +"),
    ("an answer nobody asked for", "6 supplemented", "+ answer_without_request"),
    ("published in time", "8 answered; 9 published", "+ + not_late"),
    ("published late", "8 answered; 20 published", "+ + +"),
    ("not answered, published", "20 published", "+ not_answered"),
    ("satisfied", "9 rated satisfied=yes", "+ satisfied"),
    ("not satisfied, twice", "9 rated satisfied=no; 10 rated satisfied=no", "+ + known_already"),
    ("voided twice", "9 voided; 10 voided", "+ + known_already"),
    ("answered by a unit that never received it", "5 received; 8 answered by=H44.09", "+ no_reception"),
    ("taken back", "8 answered; 9 retracted id=2", "+ retracted +"),
    ("taken back by another unit", "8 answered; 9 retracted by=H44.09 id=2", "+ + not_above"),
)


@cases("life, words", *PETITIONS)
def test_of_a_petitions_events(life: str, words: str) -> None:
    assert verdict(whole(life, "petition"), "petition") == words


OTHERS = (
    ("a document sent", "5 document.sent electronic=no", "+"),
    ("sent again, the same", "5 document.sent electronic=no; 6 document.sent electronic=no", "+ values_known"),
    (
        "sent again, corrected",
        "5 document.sent electronic=no seq=a; 5 document.sent electronic=yes seq=b",
        "values_replaced +",
    ),
    ("sent again, otherwise", "5 document.sent electronic=no; 6 document.sent electronic=yes", "+ +"),
    ("announced and published", "5 procedure.announced decided=5 from=12; 6 procedure.published decided=5 on=9", "+ +"),
    ("things of several kinds", "5 received; 6 document.sent electronic=no; 8 petition.answered", "+ + no_reception"),
)


@cases("life, words", *OTHERS)
def test_of_other_events(life: str, words: str) -> None:
    assert verdict(life) == words


def test_every_cause_is_in_one_of_these_tables() -> None:
    assert {word for _, _, words in (*DOSSIERS, *PETITIONS, *OTHERS) for word in words.split()} == {"+", *CAUSES}


@cases(
    "noun, life, untrue",
    ("answered at once is not asked too late", "dossier", "6 asked; 6 supplemented", "request_after_deadline"),
    ("a file that waits for its result is new", "dossier", "6 digitised components=1", "values_known"),
    ("an answer to a petition's request is asked for", "petition", "6 asked; 8 supplemented", "answer_without_request"),
    ("also where it was answered after", "petition", "6 asked; 7 supplemented; 8 answered", "answer_without_request"),
    ("what is open has not ended otherwise", "petition", "6 asked; 8 supplemented", "ended_otherwise"),
    ("completed and returned at once", "dossier", "8 completed; 8 returned via=postal", "ended_already"),
    ("a due time replaced", "dossier", "5 received; 6 received due=9; 7 due_changed due=12", "received_already"),
    ("nor was the first received before", "dossier", "5 received due=12; 5 received due=9 seq=c", "received_already"),
    ("completed before it was received, as it was asked for", "dossier", "5 asked; 8 completed; 9 received",
     "ended_already"),
    ("a second late publication is late", "petition", "8 answered; 20 published; 21 published", "not_late"),
)  # fmt: skip
def test_no_cause_is_untrue(noun: str, life: str, untrue: str) -> None:
    assert untrue not in verdict(whole(life, noun), noun).split()


# ------------------------------------------------------------------------------------------------------------ reasons


@cases(
    "life, which, reason",
    ("by which event and unit it was taken back", "8 completed; 9 retracted by=H44 id=2", 2,
     "Đã bị thu hồi bởi sự kiện 3 của đơn vị H44."),
    ("which unit is foreign", "8 completed by=H44.12", 2,
     "Đơn vị H44.12 không xử lý hồ sơ này và không phải cấp trên của đơn vị xử lý."),
    ("which unit has received it", "5 received; 6 received by=H44.12", 2,
     "Hồ sơ đã được đơn vị H44.07 tiếp nhận; lần tiếp nhận này không tính."),
    ("a cause that names nobody", "9 rated satisfied=yes", 2,
     "Đánh giá hài lòng không làm thay đổi số liệu; chỉ không hài lòng mới được tính."),
    ("no reason where it had an effect", "8 completed", 2, None),
)  # fmt: skip
def test_the_reason_is_a_sentence(life: str, which: int, reason: str | None) -> None:
    assert next(each.reason for each in story(whole(life)).events if each.event.id == str(which)) == reason


def test_events_are_told_in_reading_order_with_whole_sentences() -> None:
    for _, life, _ in DOSSIERS:
        events = story(whole(life)).events
        assert [each.event.time for each in events] == sorted(each.event.time for each in events)
        assert all("{" not in (each.reason or "") for each in events)


def test_a_retraction_names_what_it_undid() -> None:
    found = story("5 received; 8 completed; 9 retracted id=2").events
    assert [(each.event.id, each.other.id if each.other else None) for each in found] == [
        ("1", None),
        ("2", "3"),
        ("3", "2"),
    ]


# ------------------------------------------------------------------------------------------------------- the deadline


@cases(
    "life, dues, pauses, deadline",
    ("the due time", "", "12", "", "12"),
    ("due times in order", "8 due_changed due=20; 7 due_changed due=15", "12 15 20", "", "20"),
    ("a due time told again", "7 due_changed due=12", "12 12", "", "12"),
    ("a stranger's due time is none", "7 due_changed by=H44.12 due=20", "12", "", "12"),
    ("a due time taken back is none", "7 due_changed due=20; 8 retracted id=2", "12", "", "12"),
    ("no due time", "5 received", "", "", "never"),
    ("due before the reception", "5 received due=3", "3", "", "5"),
    ("a pause", "6 asked; 8 supplemented", "12", "6-8", "14"),
    ("a pause cut at the end", "6 asked; 9 completed; 11 supplemented", "12", "6-9", "15"),
    ("two pauses", "6 asked; 8 supplemented; 13 asked; 14 supplemented", "12", "6-8 13-14", "15"),
    ("asked again while open is one", "6 asked; 7 asked; 8 supplemented", "12", "6-8", "14"),
    ("answered at once", "6 asked; 6 supplemented", "12", "6-6:pause_without_effect", "12"),
    ("answered at once, asked again then", "6 asked seq=a; 6 supplemented seq=b; 6 asked seq=c; 8 supplemented", "12",
     "6-6:pause_without_effect 6-8", "14"),
    ("asked too late", "13 asked; 15 supplemented", "12", "13-15:request_after_deadline", "12"),
    ("asked after the end", "8 completed; 9 asked; 10 supplemented", "12", "9-10:request_after_end", "12"),
    ("never answered", "6 asked; 8 completed", "12", "6-never:request_unanswered", "12"),
    ("one in time, one too late", "6 asked; 7 supplemented; 14 asked; 15 supplemented", "12",
     "6-7 14-15:request_after_deadline", "13"),
    ("a request gives a due time", "6 asked due=20; 8 supplemented", "12 20", "6-8", "22"),
    ("an answer nobody asked for", "6 supplemented", "12", "", "12"),
)  # fmt: skip
def test_how_the_deadline_came_about(life: str, dues: str, pauses: str, deadline: str) -> None:
    found = story(whole(life)).deadline
    assert found is not None
    assert " ".join(shown(due) for _, due in found.dues) == dues
    spans = [(f"{shown(each.start)}-{shown(each.until)}", each) for each in found.pauses]
    assert " ".join(span if each.counts else f"{span}:{each.cause}" for span, each in spans) == pauses
    assert shown(found.deadline) == deadline


@cases(
    "life, days, legal",
    ("a legal time", "5 received for=five_days", 5, "end of 12"),
    ("a legal time beside a due time", "5 received for=two_days due=12", 2, "end of 7"),
    ("of the procedure given last", "5 received for=two_days; 6 received for=five_days", 5, "end of 12"),
    ("no legal time", "5 received due=12", None, "never"),
    ("of an unknown procedure", "5 received for=unheard_of", None, "never"),
)
def test_the_legal_time_is_told(life: str, days: int | None, legal: str) -> None:
    found = story(life).deadline
    assert found is not None
    assert (found.legal_days, shown(found.legal)) == (days, legal)


@cases(
    "life, second",
    ("it decides", "6 asked; 7 supplemented; 8 asked", "8"),
    ("the second of three decides", "6 asked; 7 supplemented; 8 asked; 9 supplemented; 10 asked", "8"),
    ("it comes after the deadline", "6 asked; 7 supplemented; 15 asked", "never"),
    ("it is answered", "6 asked; 7 supplemented; 8 asked; 9 supplemented", "never"),
    ("it ended otherwise", "6 asked; 7 supplemented; 8 asked; 9 completed", "never"),
    ("there was one", "6 asked", "never"),
)
def test_a_second_request_is_told_where_it_decides(life: str, second: str) -> None:
    found = story(whole(life)).deadline
    assert found is not None
    assert shown(found.second_request) == second


@pytest.mark.parametrize(("noun", "life"), [("dossier", "5 submitted"), ("petition", "5 received"), ("dossier", "")])
def test_without_a_received_dossier_no_deadline_is_told(noun: str, life: str) -> None:
    assert story(life, noun).deadline is None


def test_whose_it_is_and_what_follows_is_told_too() -> None:
    facts = story("5 received due=12; 8 completed").facts.dossier
    assert facts is not None
    assert (facts.unit, shown(facts.ended_at)) == (UNIT, "8")


def test_every_type_of_a_dossiers_event_is_read() -> None:
    assert set(dossier._READERS) == {each for each in TYPES if each.noun == "dossier"}


def test_every_type_has_words_for_when_it_has_no_effect() -> None:
    # Of these it may be said that another event has recorded the same, or something nearer is said of them.
    known = {
        "dossier": "due_changed fee_requested fee_waived supplement_requested supplemented paid signed synced rated"
        " voided",
        "petition": "rated voided",
        "procedure": "announced published",
        "event": "retracted",
    }
    others = [f"{noun}.{verb}" for noun, verbs in known.items() for verb in verbs.split()]
    assert sorted([*others, *(each.type for each in explain._BY_TYPE)]) == sorted(each.type for each in TYPES)
