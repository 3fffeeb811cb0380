"""The oracle itself, against lives small enough to be counted on the fingers from the definitions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import count

import pytest

from .calendar import CIVIL, end_of, period_days, seed_from_library
from .recount import PeriodInFuture, Recount

UNITS: list[dict] = [
    {"code": "H44", "level": "province"},
    {"code": "H44.13", "level": "department", "aliases": ["000.13.H44"]},
    {"code": "H44.13.1", "level": "department"},
    {"code": "H44.14", "level": "department"},
    {"code": "H44.130", "level": "commune", "certified_copy": True},
    {"code": "H44.131", "level": "commune", "successor": "H44.130"},
    {"code": "H44.132", "level": "commune", "successor": "H44.131"},
]
PROCEDURES: list[dict] = [
    {"code": "1.1", "fee": True, "service_level": "full", "full_eligible": True, "max_working_days": 5,
     "applicants": ["citizen"], "levels": ["department"], "essential": True, "payment_integrated": True},
    {"code": "1.2", "issues_document": False, "service_level": "partial", "units": ["H44.13.1"], "essential": True},
    {"code": "1.3", "levels": ["commune"], "valid_to": "2026-02-28"},
]  # fmt: skip
HOLIDAYS, WORKDAYS = seed_from_library([2025, 2026, 2027])
SUBJECT = "H44.13-260302-0001"
DUE = "2026-03-10T17:00:00+07:00"
LATER = datetime(2026, 11, 23, 8, tzinfo=CIVIL)
_ids = count()


def event(type_: str, time: str, unit: str = "H44.13", subject: str = SUBJECT, **data) -> dict:
    """An event; a time without a zone is civil, attributes with a leading underscore are the envelope's."""
    envelope = {name.removeprefix("_"): data.pop(name) for name in list(data) if name.startswith("_")}
    return {
        "specversion": "1.0", "id": f"e{next(_ids)}", "source": "/h44/igate", "type": type_, "subject": subject,
        "time": time if time[-6] == "+" or time[-1] == "Z" else time + "+07:00", "unit": unit, "data": data, **envelope,
    }  # fmt: skip


def received(time: str = "2026-03-02T08:00:00", **data) -> dict:
    return event("dossier.received", time, **({"procedure": "1.1", "channel": "online", "due_at": DUE} | data))


def told(name: str, time: str, **data) -> dict:
    return event(f"dossier.{name}", time, **data)


def recount(*events: dict, **more) -> Recount:
    return Recount(events, UNITS, PROCEDURES, HOLIDAYS, seed_workdays=WORKDAYS, **more)


def life(*events: dict, subject: str = SUBJECT):
    return recount(*events).dossiers[subject]


def figure(oracle: Recount, code: str, period: str = "2026-03", unit: str = "H44", **more) -> tuple:
    found = oracle.answer(unit, *period_days(period), **({"now": LATER} | more)).figures[code]
    return found.numerator, found.denominator


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CIVIL)


# -- time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "month"),
    [
        ("2026-03-31T17:00:00Z", "2026-04"),
        ("2026-04-01T00:00:00+07:00", "2026-04"),
        ("2026-03-31T23:59:59.999999+07:00", "2026-03"),
        ("2026-03-31T16:59:59.9999999Z", "2026-03"),
    ],
)
def test_the_first_instant_of_a_month_belongs_to_it(time: str, month: str) -> None:
    oracle = recount(received(time))
    balances = {m: oracle.answer("H44", *period_days(m), now=LATER).balance for m in ("2026-03", "2026-04")}
    assert {m: b["received"] for m, b in balances.items()} == {"2026-03": 0, "2026-04": 0} | {month: 1}


def test_a_period_that_has_not_begun_is_refused() -> None:
    with pytest.raises(PeriodInFuture):
        recount().answer("H44", date(2026, 4, 1), date(2026, 4, 30), now=at("2026-04-01T00:00"))


def test_an_open_period_is_cut_at_the_very_instant() -> None:
    oracle = recount(received(), told("completed", "2026-03-10T17:05:00"))
    now = at("2026-03-10T17:00")
    assert figure(oracle, "DOSSIER_ON_TIME", now=now) == (1, 1)
    assert figure(oracle, "DOSSIER_ON_TIME", now=now + timedelta(microseconds=1)) == (0, 1)
    assert oracle.answer("H44", *period_days("2026-03"), now=at("2026-03-10T17:05")).balance["ended"] == 0


def test_working_days_leave_out_tet_and_follow_overrides() -> None:
    told_on_friday = received("2026-02-13T16:00:00", due_at=None)
    assert life(told_on_friday).span.deadline == end_of(date(2026, 2, 27))
    shifted = recount(told_on_friday, overrides={date(2026, 2, 14): "workday", date(2026, 2, 23): "workday"})
    assert shifted.dossiers[SUBJECT].span.deadline == end_of(date(2026, 2, 26))


# -- deadline and end ---------------------------------------------------------------------------------------------


def test_an_end_at_the_deadline_is_in_time_and_a_microsecond_later_is_not() -> None:
    assert figure(recount(received(), told("completed", "2026-03-10T17:00:00")), "SETTLED_ON_TIME") == (1, 1)
    assert figure(recount(received(), told("completed", "2026-03-10T17:00:00.000001")), "SETTLED_ON_TIME") == (0, 1)


def test_a_dossier_stays_in_time_until_its_deadline_lies_within_the_period() -> None:
    oracle = recount(received(due_at="2026-04-01T00:00:00+07:00"), told("completed", "2026-05-04T08:00:00"))
    assert figure(oracle, "DOSSIER_ON_TIME", "2026-03") == (1, 1)
    assert figure(oracle, "DOSSIER_ON_TIME", "2026-04") == (0, 1)
    assert figure(oracle, "DOSSIER_ON_TIME", "2026-05") == (0, 1)
    assert figure(oracle, "DOSSIER_ON_TIME", "2026-06") == (0, 0)


def test_an_answered_request_moves_the_deadline_by_its_length() -> None:
    asked, answered = told("supplement_requested", "2026-03-03T08:00:00"), told("supplemented", "2026-03-05T08:00:00")
    assert life(received(), asked, answered).span.deadline == at("2026-03-12T17:00")


def test_a_request_after_the_deadline_stops_no_clock_whatever_due_time_it_brings() -> None:
    asked = told("supplement_requested", "2026-03-11T08:00:00", due_at="2026-03-20T17:00:00+07:00")
    assert life(received(), asked, told("supplemented", "2026-03-13T08:00:00")).pause == timedelta(0)


def test_a_request_counts_against_the_deadline_moved_by_the_pauses_before() -> None:
    first = told("supplement_requested", "2026-03-03T08:00:00"), told("supplemented", "2026-03-05T08:00:00")
    second = told("supplement_requested", "2026-03-12T17:00:00"), told("supplemented", "2026-03-13T17:00:00")
    assert life(received(), *first, *second).span.deadline == at("2026-03-13T17:00")
    assert life(received(), *second).pause == timedelta(0)


def test_a_pause_is_cut_at_the_end() -> None:
    asked, answered = told("supplement_requested", "2026-03-03T08:00:00"), told("supplemented", "2026-03-05T08:00:00")
    assert life(received(), asked, answered, told("completed", "2026-03-04T08:00:00")).pause == timedelta(days=1)


def test_one_unanswered_request_ends_the_dossier_and_a_repeated_one_is_the_same() -> None:
    asked, again = (
        told("supplement_requested", "2026-03-03T08:00:00"),
        told("supplement_requested", "2026-03-06T08:00:00"),
    )
    assert life(received(), asked, again).span.ended == at("2026-03-03T08:00")
    assert life(received(), asked, again).span.on_time


def test_a_second_request_left_unanswered_is_the_deadline() -> None:
    first = told("supplement_requested", "2026-03-03T08:00:00"), told("supplemented", "2026-03-04T08:00:00")
    span = life(received(), *first, told("supplement_requested", "2026-03-06T08:00:00")).span
    assert (span.ended, span.deadline) == (None, at("2026-03-06T08:00"))


def test_without_due_time_the_legal_time_counts_and_without_that_never() -> None:
    assert life(received(due_at=None)).span.deadline == end_of(date(2026, 3, 9))
    assert life(received(due_at=None, procedure="1.2")).span.deadline is None


def test_completed_goes_before_returned_and_returned_before_the_latest_of_the_rest() -> None:
    rest = [told("refused", "2026-03-03T08:00:00"), told("stopped", "2026-03-04T08:00:00")]
    assert life(received(), *rest).span.ended == at("2026-03-04T08:00")
    rest.append(told("returned", "2026-03-06T08:00:00", via="postal"))
    assert life(received(), *rest).span.ended == at("2026-03-06T08:00")
    rest.append(told("completed", "2026-03-07T08:00:00"))
    assert life(received(), *rest).span.ended == at("2026-03-07T08:00")


def test_contradictory_times_are_clamped_to_the_reception_and_listed() -> None:
    oracle = recount(received(due_at="2026-02-20T17:00:00+07:00"), told("completed", "2026-02-27T08:00:00"))
    span = oracle.dossiers[SUBJECT].span
    assert span.received == span.ended == span.deadline
    assert span.on_time
    assert oracle.faults(SUBJECT) == {"end_before_reception", "deadline_before_reception"}


def test_a_due_time_moved_after_it_had_passed_is_listed_and_counts() -> None:
    oracle = recount(received(), told("due_changed", "2026-03-11T08:00:00", due_at="2026-03-20T17:00:00+07:00"))
    assert oracle.faults(SUBJECT) == {"due_moved_late"}
    assert oracle.dossiers[SUBJECT].span.deadline == at("2026-03-20T17:00")


def test_an_end_that_jumps_back_is_listed_and_the_earliest_counts() -> None:
    oracle = recount(received(), told("completed", "2026-03-12T08:00:00"), told("completed", "2026-03-06T08:00:00"))
    assert oracle.faults(SUBJECT) == {"end_moved_back"}
    assert oracle.dossiers[SUBJECT].span.ended == at("2026-03-06T08:00")


# -- whose it is --------------------------------------------------------------------------------------------------


def test_the_unit_named_in_the_subject_receives_and_h44_130_is_not_under_h44_13() -> None:
    stranger, mine = received("2026-03-01T08:00:00", _unit="H44.130"), received(_unit="H44.13.1")
    oracle = recount(stranger, mine)
    assert oracle.dossiers[SUBJECT].receiving_unit == "H44.13.1"
    assert oracle.faults(SUBJECT) == {"second_reception"}


def test_all_contributions_follow_the_dossier_to_its_present_unit() -> None:
    oracle = recount(received(), told("transferred", "2026-02-01T08:00:00", to="H44.14"))
    assert figure(oracle, "DOSSIER_ON_TIME", unit="H44.14", scope="own") == (0, 1)
    assert figure(oracle, "DOSSIER_ON_TIME", unit="H44.13") == (0, 0)


def test_transfers_are_read_once_in_order() -> None:
    early = told("transferred", "2026-03-03T08:00:00", unit="H44.14", to="H44.130")
    late = told("transferred", "2026-03-04T08:00:00", to="H44.14")
    assert life(received(), early, late).unit == "H44.14"


def test_a_foreign_unit_has_no_effect_and_a_unit_above_has() -> None:
    voided = told("voided", "2026-03-03T08:00:00", unit="H44.13.1")
    assert recount(received(), voided).faults(SUBJECT) == {"foreign_unit"}
    assert not life(received(), voided).voided
    assert life(received(), voided | {"unit": "H44"}).voided


def test_scope_holds_units_below_and_merged_ones() -> None:
    dossiers = [received(_unit=unit, _subject=f"{unit}-260302-1") for unit in ("H44.13.1", "H44.130", "H44.132")]
    oracle = recount(*dossiers)
    assert figure(oracle, "ONLINE_DOSSIERS", unit="000.13.H44") == (1, 1)
    assert figure(oracle, "ONLINE_DOSSIERS", unit="H44.13", scope="own") == (0, 0)
    assert figure(oracle, "ONLINE_DOSSIERS", unit="H44.130") == (2, 2)
    assert figure(oracle, "ONLINE_DOSSIERS", unit="H44") == (3, 3)


# -- taken back ---------------------------------------------------------------------------------------------------


def test_a_retraction_takes_effect_whatever_its_time_if_its_unit_is_at_or_above_the_targets() -> None:
    end = told("completed", "2026-03-03T08:00:00")
    back = event("event.retracted", "2026-01-01T08:00:00", id=end["id"])
    assert life(back, received(), end).span.ended is None
    assert life(back | {"unit": "H44.13.1"}, received(), end).span.ended is not None
    assert life(back | {"source": "/h44/buudien"}, received(), end).span.ended is not None


def test_a_retraction_cannot_be_retracted() -> None:
    end = told("completed", "2026-03-03T08:00:00")
    back = event("event.retracted", "2026-03-04T08:00:00", id=end["id"])
    forth = event("event.retracted", "2026-03-05T08:00:00", id=back["id"])
    assert life(received(), end, back, forth).span.ended is None


def test_without_a_reception_a_dossier_counts_nowhere_and_is_listed() -> None:
    oracle = recount(told("completed", "2026-03-03T08:00:00"))
    assert not oracle.dossiers
    assert oracle.faults(SUBJECT) == {"no_reception"}


# -- what it carries ----------------------------------------------------------------------------------------------


def test_the_last_fee_decision_alone_decides_but_an_online_payment_implies_a_fee() -> None:
    asked, waived = told("fee_requested", "2026-03-03T08:00:00", amount=9), told("fee_waived", "2026-03-04T08:00:00")
    assert life(received(procedure="1.2", fee=False), asked).fee
    assert not life(received(), asked, waived).fee
    assert not life(received(), told("fee_requested", "2026-03-05T08:00:00", amount=0)).fee
    assert life(received()).fee
    assert life(received(), waived, told("paid", "2026-03-03T08:00:00", via="local_gateway")).fee
    assert not life(received(), waived, told("paid", "2026-03-03T08:00:00", via="cash")).paid_online


def test_the_last_value_wins_across_types_and_an_absent_one_leaves_it() -> None:
    end = told("completed", "2026-03-03T08:00:00", electronic_result=True, signed=True)
    silent = told("returned", "2026-03-04T08:00:00", via="online")
    denied = told("returned", "2026-03-05T08:00:00", via="postal", electronic_result=False)
    assert life(received(), end, silent).signed_result
    facts = life(received(), end, silent, denied)
    assert (facts.e_result, facts.signed_result, facts.returned_via) == (False, False, "online")


def test_digitised_needs_a_result_only_where_the_procedure_issues_a_document() -> None:
    files = told("digitised", "2026-03-02T09:00:00", components=1)
    assert not life(received(), files).digitised
    assert life(received(), files, told("completed", "2026-03-03T08:00:00", electronic_result=True)).digitised
    assert life(received(procedure="1.2"), files).digitised


def test_equal_times_are_read_by_sequence_as_text() -> None:
    nine = told("due_changed", "2026-03-03T08:00:00", due_at="2026-03-11T17:00:00+07:00", _sequence="9")
    ten = told("due_changed", "2026-03-03T08:00:00", due_at="2026-03-12T17:00:00+07:00", _sequence="10")
    assert life(received(), nine, ten).due == at("2026-03-11T17:00")


# -- petitions, documents, procedures -----------------------------------------------------------------------------


def petition(*told_: tuple[str, str]) -> Recount:
    first = event("petition.received", "2026-03-02T08:00:00", subject="P1", about="staff")
    return recount(first, *(event(f"petition.{name}", time, subject="P1") for name, time in told_))


@pytest.mark.parametrize(
    ("events", "on_time"),
    [
        ([("answered", "2026-03-23T23:59:59.999999")], 1),
        ([("answered", "2026-03-24T00:00:00")], 0),
        ([("refused", "2026-03-04T12:00:00")], 1),
        ([("refused", "2026-03-04T12:00:00"), ("forwarded", "2026-03-05T12:00:00")], 0),
        ([("supplement_requested", "2026-03-09T12:00:00")], 1),
        ([("supplement_requested", "2026-03-10T12:00:00")], 0),
        ([("supplement_requested", "2026-03-10T12:00:00"), ("supplemented", "2026-03-11T12:00:00")], 0),
        ([("answered", "2026-03-06T12:00:00"), ("published", "2026-03-10T20:00:00")], 1),
        ([("answered", "2026-03-06T12:00:00"), ("published", "2026-03-11T00:00:00")], 0),
        ([("refused", "2026-03-04T12:00:00"), ("published", "2026-03-30T00:00:00")], 1),
    ],
)
def test_petitions_have_days_to_answer_refuse_request_and_publish(events: list, on_time: int) -> None:
    assert figure(petition(*events), "PETITION_PROCESSING_ON_TIME") == (on_time, 1)


def test_one_petition_code_at_two_units_is_two_petitions() -> None:
    there = event("petition.received", "2026-03-02T08:00:00", unit="H44.14", subject="P1", about="regulation")
    oracle = recount(there, event("petition.received", "2026-03-02T08:00:00", subject="P1", about="staff"))
    assert figure(oracle, "PETITION_CLASSIFICATION_STAFF") == (1, 2)
    assert figure(oracle, "PETITION_CLASSIFICATION_TTHC", unit="H44.14") == (1, 1)


def test_a_document_counts_at_its_earliest_sending_with_its_last_values() -> None:
    first = event("document.sent", "2026-03-31T08:00:00", subject="D", electronic=False, signed=True, tier="agencies")
    oracle = recount(first, event("document.sent", "2026-04-02T08:00:00", subject="D", electronic=True))
    assert figure(oracle, "SIGNED_DOCUMENT") == (1, 1)
    assert figure(oracle, "E_DOCUMENT_AGENCIES") == (1, 1)
    assert figure(oracle, "E_DOCUMENT_COMMUNE") == (0, 0)
    assert figure(oracle, "E_DOCUMENT", "2026-04") == (0, 0)


def test_one_late_decision_makes_a_procedure_late() -> None:
    def announced(decided: str, effective: str) -> dict:
        return event(
            "procedure.announced", "2026-03-20T08:00:00", subject="1.1", decided_on=decided, effective_on=effective
        )

    good, bad = announced("2026-03-02", "2026-03-09"), announced("2026-03-03", "2026-03-09")
    assert figure(recount(good), "PUBLISH_ON_TIME", unit="H44.14", scope="own") == (1, 1)
    assert figure(recount(good, bad), "PUBLISH_ON_TIME") == (0, 1)


def test_a_decision_must_be_published_in_five_working_days_and_the_latest_publication_be_complete() -> None:
    def published(decided: str, on: str, complete: bool) -> dict:
        return event(
            "procedure.published", "2026-03-20T08:00:00", subject="1.1", decided_on=decided, published_on=on,
            complete=complete,
        )  # fmt: skip

    oracle = recount(published("2026-03-02", "2026-03-10", False), published("2026-03-02", "2026-03-09", True))
    assert figure(oracle, "PUBLIC_UPDATE_ON_TIME") == (1, 1)
    assert figure(oracle, "PUBLIC_CONTENT_FULL", "2026-04") == (0, 1)
    assert figure(oracle, "PUBLIC_CONTENT_FULL", now=at("2026-03-10T00:00")) == (1, 1)


def test_procedures_are_counted_once_and_only_in_the_remit() -> None:
    twice = [received(_subject=f"H44.13-260302-{n}") for n in (1, 2)]
    paid = told("paid", "2026-05-04T08:00:00", subject="H44.13-260302-1", via="national_gateway")
    outside = received(procedure="1.3", _subject="H44.13-260302-3")
    oracle = recount(*twice, paid, outside)
    assert figure(oracle, "ONLINE_WITH_DOSSIERS") == (1, 2)
    assert figure(oracle, "ONLINE_PROVISION", "2026-03") == (2, 2)
    assert figure(oracle, "ONLINE_PROVISION", "2026-02") == (2, 3)
    assert figure(oracle, "PAYMENT_PROCEDURES") == (1, 1)
    assert figure(oracle, "ONLINE_PROVISION", unit="H44.13.1") == (2, 2)
    assert figure(oracle, "ONLINE_PROVISION", unit="H44.13", scope="own") == (1, 1)
    assert figure(oracle, "ONLINE_PROVISION", procedure="1.1") == (None, None)


# -- figures and points -------------------------------------------------------------------------------------------


def test_the_national_count_is_the_denominator_of_synced_when_it_is_larger() -> None:
    row = {"code": "DOSSIER_SYNC", "unit": "H44", "period": "2026-Q1", "count": 4}
    oracle = recount(received(), told("synced", "2026-05-04T08:00:00"), external=[row])
    assert figure(oracle, "DOSSIER_SYNC", "2026-Q1") == (1, 4)
    assert figure(oracle, "DOSSIER_SYNC", "2026") == (1, 1)


def test_the_mean_of_ratios_is_not_the_ratio_of_sums() -> None:
    oracle = recount(
        *(received(_subject=f"A-{n}", channel="online" if n else "counter") for n in range(3)),
        received(_subject="B-1", procedure="1.2", channel="postal"),
    )
    answer = oracle.answer("H44", *period_days("2026-03"), now=LATER)
    assert answer.figures["ESSENTIAL_ONLINE_SUM"].ratio == Fraction(1, 2)
    assert answer.figures["ESSENTIAL_ONLINE_MEAN"].ratio == Fraction(1, 3)


def test_the_average_time_is_in_days_with_two_decimals() -> None:
    oracle = recount(received(), told("completed", "2026-03-03T08:07:12"))
    answer = oracle.answer("H44", *period_days("2026-03"), now=LATER)
    assert answer.figures["AVERAGE_PROCESSING_TIME"].value == Fraction(101, 100)


def test_a_unit_without_any_life_has_fourteen_points() -> None:
    answer = Recount([], UNITS, [], HOLIDAYS).answer("H44", *period_days("2026-03"), now=LATER)
    assert (answer.total, answer.rating) == (Fraction(14), "Yếu")
    assert answer.figures["DOSSIER_SYNC"].score is None
    assert answer.groups["transparency"] == 0
