"""The times of a dossier (hồ sơ): its reception, end, deadline and return, and whether it is late.

Supplements and moved due times are in test_dossier_pauses.py, units in test_dossier_units.py, flags in
test_dossier_flags.py.
"""

from __future__ import annotations

from app.domain.lives.dossier import CHANNELS, RETURN_WAYS
from tests.domain.lives.telling import cases, dossier, faults, folded, shown

# --------------------------------------------------------------------------------------------------------- reception


@cases(
    "life, received",
    ("a dossier is received when its unit says so", "5 received", "5"),
    ("of two receptions by the unit the earlier counts", "6 received; 5 received", "5"),
    ("a submission is no reception", "3 submitted; 5 received", "5"),
    ("the instant of submission is not the reception", "5 received submitted_at=3", "5"),
    ("what happened before does not make the reception earlier", "3 digitised components=1; 5 received", "5"),
    ("a dossier nobody received is never received", "5 submitted channel=online; 8 completed", "never"),
)
def test_when_it_is_received(life: str, received: str) -> None:
    assert shown(dossier(life).received_at) == received


@cases(
    "life, counts",
    ("a received dossier counts", "5 received", True),
    ("a dossier without a reception is outside every figure", "5 submitted; 8 completed; 9 synced", False),
    ("a voided dossier is in no figure", "5 received; 6 voided", False),
    ("a void dated before the reception is a void", "4 voided; 5 received", False),
    ("a unit above may void", "5 received; 6 voided by=H44", False),
    ("a stranger may not void", "5 received; 6 voided by=H44.12", True),
    ("no later event undoes a void", "5 received; 6 voided; 7 received; 8 completed", False),
    ("a refusal of the submission takes nothing out", "5 received; 6 not_accepted", True),
    ("an ended dossier counts", "5 received; 8 completed", True),
)
def test_whether_it_counts_at_all(life: str, counts: bool) -> None:
    assert dossier(life).counts is counts


def test_a_life_without_a_dossiers_event_has_no_dossier() -> None:
    assert folded("").dossier is None
    assert folded("5 petition.received").dossier is None


@cases(
    "life, channel, procedure",
    ("received online", "5 received channel=online", "online", "plain"),
    ("received at the counter", "5 received channel=counter", "counter", "plain"),
    ("received by post", "5 received channel=postal", "postal", "plain"),
    ("a submission gives no channel", "4 submitted channel=online; 5 received channel=postal", "postal", "plain"),
    ("the last channel given counts", "5 received channel=online; 6 received channel=postal", "postal", "plain"),
    ("the last procedure given counts", "5 received; 6 received for=with_fee", "counter", "with_fee"),
    ("last is by time, not by arrival", "6 received; 5 received for=with_fee", "counter", "plain"),
    ("an unknown channel counts as the counter", "5 submitted channel=online", "counter", None),
)
def test_by_which_channel_and_for_which_procedure(life: str, channel: str, procedure: str | None) -> None:
    facts = dossier(life)
    assert (CHANNELS[facts.channel], facts.procedure) == (channel, procedure)


# --------------------------------------------------------------------------------------------------------------- end


@cases(
    "then, ended",
    ("a dossier that nothing ends is open", "", "never"),
    ("a completion ends it", "8 completed", "8"),
    ("the earliest of several completions ends it", "9 completed; 8 completed", "8"),
    ("without a completion a return ends it", "7 returned via=postal", "7"),
    ("the earliest of several returns ends it", "9 returned via=counter; 7 returned via=postal", "7"),
    ("a completion goes before an earlier return", "7 returned via=counter; 8 completed", "8"),
    ("a completion goes before a later return", "8 completed; 9 returned via=counter", "8"),
    ("a refusal ends it", "8 refused", "8"),
    ("a stop ends it", "8 stopped", "8"),
    ("a withdrawal ends it", "8 withdrawn", "8"),
    ("of refusal, stop and withdrawal the latest ends it", "6 refused; 9 withdrawn; 8 stopped", "9"),
    ("of several refusals the latest ends it", "6 refused; 9 refused; 8 refused", "9"),
    ("of several stops the latest ends it", "9 stopped; 8 stopped", "9"),
    ("a completion goes before an earlier refusal", "6 refused; 9 completed", "9"),
    ("a completion goes before a later refusal", "7 completed; 9 refused", "7"),
    ("a completion goes before a later withdrawal", "7 completed; 9 withdrawn", "7"),
    ("a return goes before an earlier stop", "6 stopped; 9 returned via=counter", "9"),
    ("a return goes before a later stop", "6 returned via=online; 9 stopped", "6"),
    ("the only request, unanswered, ends it when it was made", "7 asked", "7"),
    ("asked again while a request is open is the same request", "7 asked; 9 asked", "7"),
    ("an answered request does not end it", "7 asked; 8 supplemented", "never"),
    ("of two requests an unanswered one does not end it", "6 asked; 7 supplemented; 8 asked", "never"),
    ("a completion goes before an unanswered request", "6 asked; 9 completed", "9"),
    ("a return goes before an unanswered request", "6 asked; 9 returned via=counter", "9"),
    ("a refusal goes before an unanswered request", "6 asked; 9 refused", "9"),
    ("an answer that nobody asked for does not end it", "7 supplemented", "never"),
    ("not accepting the submission does not end it", "8 not_accepted", "never"),
    ("a void does not end it", "8 voided", "never"),
    ("transfer, files, signature do not end it", "6 transferred to=H44.09; 7 digitised; 8 signed what=result", "never"),
    ("payments, syncing and ratings do not end it", "6 paid via=cash; 7 synced; 8 rated satisfied=yes", "never"),
    ("an end before the reception is moved to it", "4 completed", "5"),
    ("an unanswered request before the reception is moved to it", "3 asked", "5"),
    ("a completion before the reception stays the earliest", "4 completed; 9 completed", "5"),
)
def test_when_it_ends(then: str, ended: str) -> None:
    assert shown(dossier(f"5 received due=12; {then}").ended_at) == ended


@cases(
    "then, returned, via",
    ("what was not returned has no way of return", "8 completed", "never", None),
    ("returned at the counter", "8 completed; 9 returned via=counter", "9", "counter"),
    ("returned by post", "8 completed; 9 returned via=postal", "9", "postal"),
    ("returned online", "8 completed; 9 returned via=online", "9", "online"),
    ("the earliest return says when and how", "9 returned via=online; 8 returned via=postal", "8", "postal"),
    ("a return goes before its completion", "8 returned via=postal; 9 completed", "8", "postal"),
    ("a return before the reception is moved to it", "3 returned via=postal", "5", "postal"),
    ("a refused dossier may be returned", "8 refused; 9 returned via=counter", "9", "counter"),
)
def test_when_and_how_it_is_returned(then: str, returned: str, via: str | None) -> None:
    facts = dossier(f"5 received due=12; {then}")
    way = None if facts.returned_via is None else RETURN_WAYS[facts.returned_via]
    assert (shown(facts.returned_at), way) == (returned, via)


# ---------------------------------------------------------------------------------------------------------- deadline


@cases(
    "life, deadline",
    ("the due time told at the reception is the deadline", "5 received due=12T17:00", "12T17:00"),
    ("a later due time counts", "5 received due=12; 7 due_changed due=15", "15"),
    ("the last due time counts, also an earlier one", "5 received due=12; 7 due_changed due=9", "9"),
    ("last is by time, not by arrival", "5 received due=12; 8 due_changed due=20; 7 due_changed due=15", "20"),
    ("a due time told before the reception counts", "4 due_changed due=20; 5 received", "20"),
    ("the reception comes after a due time told before", "4 due_changed due=20; 5 received due=12", "12"),
    ("a second reception by the unit gives another due time", "5 received due=12; 6 received due=14", "14"),
    ("a second reception without a due time leaves it", "5 received due=12; 6 received", "12"),
    ("a due time moved after the end counts", "5 received due=12; 13 completed; 14 due_changed due=20", "20"),
    ("a request may give the due time", "5 received due=12; 6 asked due=20", "20"),
    ("without a due time the longest legal time counts", "5 received for=five_days", "end of 12"),
    ("a due time told goes before a shorter legal time", "5 received for=two_days due=12", "12"),
    ("a due time told goes before a longer legal time", "5 received for=five_days due=6", "6"),
    ("legal days count from the civil day to its last instant", "5T23:59:59.999999 received for=two_days", "end of 7"),
    ("legal days of the next midnight are those of the next day", "6T00:00 received for=two_days", "end of 8"),
    ("the day of reception is in Vietnam, not in Greenwich", "6T06:59 received for=two_days", "end of 8"),
    ("legal days leave out the weekend", "9 received for=two_days", "end of 13"),
    ("legal days of a Saturday begin on Monday", "10 received for=two_days", "end of 13"),
    ("legal days leave out a holiday", "20 received for=two_days", "end of 23"),
    ("a Saturday worked instead is a legal day", "30 received for=two_days", "end of 2/2"),
    ("the procedure given last gives the legal time", "5 received for=two_days; 6 received for=five_days", "end of 12"),
    ("the earliest reception begins the legal time", "6 received for=two_days; 5 received for=two_days", "end of 7"),
    ("without a due time and a legal time there is no deadline", "5 received", "never"),
    ("an unknown procedure has no legal time", "5 received for=unheard_of", "never"),
    ("a deadline before the reception is moved to it", "5 received due=3", "5"),
    ("what was never received has no deadline", "5 due_changed due=12", "never"),
)
def test_the_deadline_without_supplements(life: str, deadline: str) -> None:
    assert shown(dossier(life).deadline) == deadline


@cases(
    "life, due",
    ("the due time is told as given", "5 received due=12", "12"),
    ("the due time is the last given", "5 received due=12; 7 due_changed due=9", "9"),
    ("a pause does not move the due time", "5 received due=12; 6 asked; 8 supplemented", "12"),
    ("a legal time is no due time", "5 received for=five_days", "never"),
    ("a due time before the reception stays as given", "5 received due=3", "3"),
)
def test_the_due_time_is_told_as_it_was_given(life: str, due: str) -> None:
    assert shown(dossier(life).due_at) == due


# ----------------------------------------------------------------------------------------------------------- verdict


@cases(
    "life, late, missed",
    ("ended before the deadline", "5 received due=12; 8 completed", False, "never"),
    ("ended at the very instant of the deadline is in time", "5 received due=12; 12 completed", False, "never"),
    ("ended a microsecond after is late", "5 received due=12; 12T08:00:00.000001 completed", True, "12"),
    ("what ended late was missed at the deadline", "5 received due=12; 20 completed", True, "12"),
    ("what is open will be missed at the deadline", "5 received due=12", False, "12"),
    ("what is open without a deadline is never missed", "5 received", False, "never"),
    ("what ended without a deadline is never late", "5 received; 30/6 completed", False, "never"),
    ("the last legal day is whole", "5 received for=two_days; 7T23:59:59.999999 completed", False, "never"),
    ("after the last legal day is late", "5 received for=two_days; 8T00:00 completed", True, "end of 7"),
    ("a refusal may be late", "5 received due=12; 13 refused", True, "12"),
    ("a request that ends it may be in time", "5 received due=12; 12 asked", False, "never"),
    ("a request that ends it may be late", "5 received due=12; 13 asked", True, "12"),
    ("a return that ends it may be late", "5 received due=12; 13 returned via=postal", True, "12"),
    ("a late return after that is in time", "5 received due=12; 8 completed; 13 returned via=postal", False, "never"),
    ("moved after the end it is in time", "5 received due=12; 13 completed; 14 due_changed due=20", False, "never"),
    ("a due time moved back makes it late", "5 received due=12; 10 completed; 11 due_changed due=9", True, "9"),
    ("a deadline before the reception is missed at the reception", "5 received due=3; 6 completed", True, "5"),
    ("open with a deadline before the reception is missed then", "5 received due=3", False, "5"),
    ("end and deadline both moved to the reception are in time", "5 received due=3; 4 completed", False, "never"),
    ("what was never received is never missed", "5 due_changed due=12; 20 completed", False, "never"),
)
def test_whether_it_is_late_and_when_it_is_missed(life: str, late: bool, missed: str) -> None:
    facts = dossier(life)
    assert (facts.late, shown(facts.missed_at)) == (late, missed)


# ------------------------------------------------------------------------------------------------------------ faults


@cases(
    "life, found",
    ("a sound dossier has none", "4 submitted; 5 received due=12; 6 asked; 7 supplemented; 8 completed", set()),
    ("no reception", "5 submitted; 8 completed", {"no_reception"}),
    ("no reception hides nothing else as a fault", "5 supplemented; 6 completed by=H44.12", {"no_reception"}),
    ("completed before the reception", "4 completed; 5 received", {"end_before_reception"}),
    ("withdrawn before the reception", "4 withdrawn; 5 received", {"end_before_reception"}),
    ("asked before the reception and never answered", "4 asked; 5 received", {"end_before_reception"}),
    ("ended at the instant of the reception is no fault", "5 completed; 5 received", set()),
    ("a return alone before the reception is no fault", "4 returned via=postal; 5 received; 8 completed", set()),
    ("due before the reception", "5 received due=4", {"deadline_before_reception"}),
    ("due at the instant of the reception is no fault", "5 received due=5", set()),
    ("both before it", "4 completed; 5 received due=3", {"end_before_reception", "deadline_before_reception"}),
    ("an answer that nobody asked for", "5 received; 6 supplemented", {"answer_without_request"}),
    ("a second answer", "5 received; 6 asked; 7 supplemented; 8 supplemented", {"answer_without_request"}),
    ("an answer before its request", "5 received; 6 supplemented; 7 asked; 8 completed", {"answer_without_request"}),
    ("a procedure the catalogue does not know", "5 received for=unheard_of", {"unknown_procedure"}),
    ("a procedure corrected to a known one", "5 received for=unheard_of; 6 received for=plain", set()),
    ("a procedure corrected to an unknown one", "5 received; 6 received for=unheard_of", {"unknown_procedure"}),
)
def test_what_is_contradictory_is_listed(life: str, found: set[str]) -> None:
    assert faults(dossier(life)) == found
