"""Whose dossier it is: which reception has effect, along which units it goes, and whose events are foreign."""

from __future__ import annotations

from msgspec.structs import replace

from app.domain.lives.dossier import CHANNELS
from tests.domain.lives.telling import cases, dossier, faults, shown

# ------------------------------------------------------------------------------------------------------- the present


@cases(
    "then, unit",
    ("it stays with the unit that received it", "8 completed", "H44.07"),
    ("a transfer makes it another unit's", "6 transferred to=H44.09", "H44.09"),
    ("it may be handed on", "6 transferred to=H44.09; 7 transferred by=H44.09 to=H44.12", "H44.12"),
    ("a former unit may still hand it on", "6 transferred to=H44.09; 7 transferred to=H44.12", "H44.12"),
    ("the last transfer is by time, not by arrival", "7 transferred to=H44.12; 6 transferred to=H44.09", "H44.12"),
    ("it may come back", "6 transferred to=H44.09; 7 transferred by=H44.09 to=H44.07", "H44.07"),
    ("it may go to a unit below", "6 transferred to=H44.07.1", "H44.07.1"),
    ("it may go to a unit above", "6 transferred to=H44", "H44"),
    ("a unit above the receiver may hand it on", "6 transferred by=H44 to=H44.09", "H44.09"),
    ("a unit above a later unit may", "6 transferred to=H44.09.1; 7 transferred by=H44.09 to=H44.12", "H44.12"),
    ("a transfer dated before the reception counts", "4 transferred to=H44.09", "H44.09"),
    ("a transfer after the end counts", "8 completed; 9 transferred to=H44.09", "H44.09"),
    ("a stranger cannot hand it on", "6 transferred by=H44.12 to=H44.09", "H44.07"),
    ("a unit below cannot", "6 transferred by=H44.07.1 to=H44.09", "H44.07"),
    ("a unit whose code only begins alike is no unit above", "6 transferred by=H44.0 to=H44.09", "H44.07"),
    ("a transfer by a unit it has not come to yet does not count",
     "6 transferred by=H44.09 to=H44.12; 7 transferred to=H44.09", "H44.09"),
    ("a transfer by a unit above one it has not come to yet does not count",
     "6 transferred by=H44.09 to=H44.12; 7 transferred to=H44.09.1", "H44.09.1"),
)  # fmt: skip
def test_at_which_unit_it_is(then: str, unit: str) -> None:
    facts = dossier(f"5 received; {then}")
    assert (facts.unit, facts.receiving_unit) == (unit, "H44.07")


# ------------------------------------------------------------------------------------------------------ foreign units


@cases(
    "then, ended, found",
    ("the receiver ends it", "8 completed", "8", set()),
    ("a unit above ends it", "8 completed by=H44", "8", set()),
    ("a unit below is foreign", "8 completed by=H44.07.1", "never", {"foreign_unit"}),
    ("a stranger is foreign", "8 completed by=H44.12", "never", {"foreign_unit"}),
    ("a code that continues the receiver's is foreign", "8 completed by=H44.070", "never", {"foreign_unit"}),
    ("a code that the receiver's continues is foreign", "8 completed by=H44.0", "never", {"foreign_unit"}),
    ("the unit it was handed to ends it", "6 transferred to=H44.09; 8 completed by=H44.09", "8", set()),
    ("a unit above that one ends it", "6 transferred to=H44.09.1; 8 completed by=H44.09", "8", set()),
    ("a unit below that one is foreign", "6 transferred to=H44.09; 8 completed by=H44.09.1", "never", {"foreign_unit"}),
    ("a former unit ends it", "6 transferred to=H44.09; 8 completed", "8", set()),
    ("a unit it comes to later ends it", "8 completed by=H44.09; 9 transferred to=H44.09", "8", set()),
    ("a transfer that does not count leads nowhere",
     "6 transferred by=H44.12 to=H44.12; 8 completed by=H44.12", "never", {"foreign_unit"}),
    ("a transfer read too early is no foreign event but leads nowhere",
     "6 transferred by=H44.09 to=H44.12; 7 transferred to=H44.09", "never", set()),
    ("a foreign end does not hide another", "7 completed by=H44.12; 8 completed", "8", {"foreign_unit"}),
)  # fmt: skip
def test_whose_events_have_effect(then: str, ended: str, found: set[str]) -> None:
    facts = dossier(f"5 received; {then}")
    assert (shown(facts.ended_at), faults(facts)) == (ended, found)


@cases(
    "event",
    ("submitted", "4 submitted"),
    ("due changed", "6 due_changed due=20"),
    ("supplement asked", "6 asked due=20"),
    ("supplemented", "6 supplemented due=20"),
    ("digitised", "6 digitised components=1 reused=yes shared_store=yes population_data=yes"),
    ("fee requested", "6 fee_requested"),
    ("fee waived", "6 fee_waived"),
    ("paid", "6 paid via=national_gateway"),
    ("signed", "9 signed what=result"),
    ("completed", "6 completed electronic_result=no"),
    ("returned", "6 returned via=postal electronic_result=no"),
    ("refused", "6 refused"),
    ("stopped", "6 stopped"),
    ("withdrawn", "6 withdrawn"),
    ("not accepted", "6 not_accepted"),
    ("synced", "6 synced"),
    ("rated", "9 rated satisfied=no"),
    ("voided", "6 voided"),
    ("transferred", "6 transferred to=H44.12"),
)
def test_a_foreign_event_of_any_type_changes_nothing_but_is_listed(event: str) -> None:
    alone = dossier("5 received for=with_fee due=12; 8 completed electronic_result=yes")
    more = dossier(f"5 received for=with_fee due=12; 8 completed electronic_result=yes; {event} by=H44.12")
    assert faults(more) == {"foreign_unit"}
    assert replace(more, faults=0) == replace(alone, faults=0)


# -------------------------------------------------------------------------------------------------- several receptions


@cases(
    "life, receiver, received, found",
    ("the only reception counts, whoever the code names", "5 received by=H44.12", "H44.12", "5", set()),
    ("the unit that the code names goes before an earlier stranger",
     "4 received by=H44.12; 5 received", "H44.07", "5", {"second_reception"}),
    ("the unit that the code names goes before a later stranger",
     "5 received; 6 received by=H44.12", "H44.07", "5", {"second_reception"}),
    ("a unit under the named one goes before an earlier stranger",
     "4 received by=H44.12; 5 received by=H44.07.1", "H44.07.1", "5", {"second_reception"}),
    ("a unit above the named one goes before an earlier stranger",
     "4 received by=H44.12; 5 received by=H44", "H44", "5", {"second_reception"}),
    ("of the named one and one above it the earlier counts",
     "4 received by=H44; 5 received", "H44", "4", {"second_reception"}),
    ("of the named one and one below it the earlier counts",
     "5 received; 6 received by=H44.07.1", "H44.07", "5", {"second_reception"}),
    ("of the named unit's two receptions the earlier counts",
     "6 received; 4 received by=H44.12; 5 received", "H44.07", "5", {"second_reception"}),
    ("where the code names neither the earlier counts",
     "4 received by=H44.12; 5 received by=H44.09", "H44.12", "4", {"second_reception"}),
    ("a unit whose code only begins alike is not the named one",
     "4 received by=H44.12; 5 received by=H44.070", "H44.12", "4", {"second_reception"}),
)  # fmt: skip
def test_which_of_several_receptions_has_effect(life: str, receiver: str, received: str, found: set[str]) -> None:
    facts = dossier(life)
    assert (facts.receiving_unit, shown(facts.received_at), faults(facts)) == (receiver, received, found)


@cases(
    "subject, receiver",
    ("up to the first hyphen", "H44.07-H44.12-1", "H44.07"),
    ("all of a code without a hyphen", "H44.07", "H44.07"),
    ("a code that only begins with the unit's", "H44.070-260105-0001", "H44.12"),
    ("a code that has it in its middle", "X-H44.07", "H44.12"),
    ("a code below the unit", "H44.07.3-260105-0001", "H44.07"),
    ("a code above both, so the earlier", "H44-260105-0001", "H44.12"),
    ("a code of neither, so the earlier", "H44.09-260105-0001", "H44.12"),
)
def test_which_unit_a_code_names(subject: str, receiver: str) -> None:
    assert dossier("4 received by=H44.12; 5 received by=H44.07", subject).receiving_unit == receiver


@cases(
    "life, received, channel, due, found",
    ("a second reception by a stranger says nothing",
     "5 received due=12; 6 received by=H44.12 channel=online due=20", "5", "counter", "12", {"second_reception"}),
    ("nor one by a unit above",
     "5 received due=12; 6 received by=H44 channel=online due=20", "5", "counter", "12", {"second_reception"}),
    ("nor an earlier one by a stranger",
     "4 received by=H44.12 channel=online due=20; 5 received", "5", "counter", "never", {"second_reception"}),
    ("one by a unit it was handed to corrects, the instant stays",
     "5 received due=12; 6 transferred to=H44.09; 7 received by=H44.09 channel=online due=20",
     "5", "online", "20", set()),
    ("one by a unit it is handed to later corrects",
     "5 received due=12; 6 received by=H44.09 channel=online due=20; 7 transferred to=H44.09",
     "5", "online", "20", set()),
    ("an earlier one by a unit it is handed to is read, the receiver's is the reception",
     "4 received by=H44.09 channel=online due=20; 5 received; 6 transferred to=H44.09",
     "5", "counter", "20", set()),
    ("one by a unit above where it was handed to says nothing",
     "5 received due=12; 6 transferred to=H44.09.1; 7 received by=H44.09 channel=online due=20",
     "5", "counter", "12", {"second_reception"}),
    ("one without fields leaves them",
     "5 received due=12; 6 transferred to=H44.09; 7 received by=H44.09 channel=counter",
     "5", "counter", "12", set()),
)  # fmt: skip
def test_what_a_second_reception_says(life: str, received: str, channel: str, due: str, found: set[str]) -> None:
    facts = dossier(life)
    assert (shown(facts.received_at), CHANNELS[facts.channel], shown(facts.due_at)) == (received, channel, due)
    assert faults(facts) == found


def test_who_did_not_receive_it_effectively_is_foreign() -> None:
    facts = dossier("4 received by=H44.12; 5 received; 8 completed by=H44.12")
    assert (shown(facts.ended_at), faults(facts)) == ("never", {"second_reception", "foreign_unit"})
