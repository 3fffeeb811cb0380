"""What a dossier carries: fee, payment, results, digitisation, ratings; each case has all flags that are up at its end.

Unless its own reception is told, each dossier is received on the 5th, of a procedure without a fee that issues a
document.
"""

from __future__ import annotations

from app.domain.lives.flags import FLAGS
from tests.domain.lives.telling import cases, dossier, flags


def up(life: str) -> set[str]:
    """The flags of a life, with the usual reception where it tells none."""
    return flags(dossier(life if " received" in life else f"5 received; {life}"))


def test_a_plain_dossier_carries_nothing_and_a_full_one_everything() -> None:
    assert up("8 completed") == set()
    everything = up(
        "5 received fee=yes receiver=postal_clerk; 6 paid via=national_gateway; 7 synced; 9 rated satisfied=no;"
        "7 digitised components=1 reused=yes shared_store=yes population_data=yes;"
        "8 completed e_result=yes signed=yes"
    )
    assert everything == set(FLAGS)


# ---------------------------------------------------------------------------------------------------------------- fee


@cases(
    "life, owed",
    ("no word of a fee is none", "5 received", False),
    ("a procedure with a fee", "5 received for=with_fee", True),
    ("a procedure the catalogue does not know has none", "5 received for=unheard_of", False),
    ("the fee is of the procedure given last", "5 received for=with_fee; 6 received for=plain", False),
    ("the reception says so", "5 received fee=yes", True),
    ("the reception goes before the procedure", "5 received for=with_fee fee=no", False),
    ("the last reception counts", "5 received fee=yes; 6 received fee=no", False),
    ("a reception without a word leaves it", "5 received fee=yes; 6 received", True),
    ("a request", "6 fee_requested", True),
    ("a request with an amount", "6 fee_requested amount=50000", True),
    ("a request with the amount 0 is none", "6 fee_requested amount=0", False),
    ("a request with 0 goes before the reception", "5 received fee=yes; 6 fee_requested amount=0", False),
    ("a request with 0 goes before the procedure", "5 received for=with_fee; 6 fee_requested amount=0", False),
    ("a request goes before the reception", "5 received fee=no; 6 fee_requested", True),
    ("a waiver goes before the reception", "5 received fee=yes; 6 fee_waived", False),
    ("a waiver goes before the procedure", "5 received for=with_fee; 6 fee_waived", False),
    ("a waiver of an amount is a waiver", "5 received fee=yes; 6 fee_waived amount=50000", False),
    ("requested, then waived", "6 fee_requested; 7 fee_waived", False),
    ("waived, then requested", "6 fee_waived; 7 fee_requested", True),
    ("waived, then requested with 0", "6 fee_waived; 7 fee_requested amount=0", False),
    ("requested with an amount, then with 0", "6 fee_requested amount=50000; 7 fee_requested amount=0", False),
    ("requested with 0, then without an amount", "6 fee_requested amount=0; 7 fee_requested", True),
    ("the last decision is by time, not by arrival", "7 fee_waived; 6 fee_requested", False),
    ("a reception after the decision does not undo it", "5 received; 6 fee_waived; 7 received fee=yes", False),
    ("cash does not imply a fee", "6 paid via=cash amount=50000", False),
    ("a payment online implies a fee", "6 paid via=national_gateway", True),
    ("a payment online implies a fee the reception denies", "5 received fee=no; 6 paid via=local_gateway", True),
    ("a payment online implies a fee, although waived after", "6 paid via=local_gateway; 7 fee_waived", True),
)
def test_whether_a_fee_is_owed(life: str, owed: bool) -> None:
    assert ("fee" in up(life)) is owed


@cases(
    "life, raised",
    ("by the national gateway", "6 paid via=national_gateway", {"fee", "paid_online"}),
    ("by the local gateway", "6 paid via=local_gateway", {"fee", "paid_online"}),
    ("cash is not online", "5 received fee=yes; 6 paid via=cash", {"fee"}),
    ("a transfer is not online", "5 received fee=yes; 6 paid via=transfer", {"fee"}),
    ("any payment online will do", "6 paid via=local_gateway; 7 paid via=cash", {"fee", "paid_online"}),
    ("a fee not paid", "6 fee_requested", {"fee"}),
    ("paid online before the reception", "4 paid via=national_gateway; 5 received", {"fee", "paid_online"}),
    ("paid online, then waived", "6 paid via=national_gateway; 7 fee_waived", {"fee", "paid_online"}),
)
def test_whether_it_is_paid_online(life: str, raised: set[str]) -> None:
    assert up(life) == raised


# -------------------------------------------------------------------------------------------------------------- result


@cases(
    "life, electronic",
    ("no word of it", "8 completed; 9 returned via=counter", False),
    ("given with the completion", "8 completed e_result=yes", True),
    ("given with the return", "9 returned via=counter e_result=yes", True),
    ("a return online alone is none", "9 returned via=online", False),
    ("a return without a word leaves it", "8 completed e_result=yes; 9 returned via=postal", True),
    ("a later return corrects it", "8 completed e_result=yes; 9 returned via=postal e_result=no", False),
    ("a later return adds it", "8 completed e_result=no; 9 returned via=online e_result=yes", True),
    ("a later completion corrects it", "8 completed e_result=yes; 9 completed e_result=no", False),
    ("an earlier return does not", "7 returned via=postal e_result=no; 8 completed e_result=yes", True),
    ("a second return corrects it", "8 returned via=online e_result=yes; 9 returned via=postal e_result=no", False),
)
def test_whether_the_result_is_electronic(life: str, electronic: bool) -> None:
    assert ("e_result" in up(life)) is electronic


@cases(
    "life, signed",
    ("signed with the completion", "8 completed e_result=yes signed=yes", True),
    ("signed without an electronic result is not", "8 completed signed=yes", False),
    ("signed, of a result said not to be electronic", "8 completed e_result=no signed=yes", False),
    ("the result signed after", "8 completed e_result=yes; 9 signed what=result", True),
    ("the result signed before", "7 signed what=result; 8 completed e_result=yes", True),
    ("the result signed, never given electronically", "7 signed what=result; 8 completed", False),
    ("a component signed is no result signed", "7 signed what=component; 8 completed e_result=yes", False),
    ("a completion says last that it is not", "8 completed e_result=yes signed=yes; 9 completed signed=no", False),
    ("a completion without a word leaves it", "8 completed e_result=yes signed=yes; 9 completed", True),
    ("a signature stays, whatever a completion says", "7 signed what=result; 8 completed e_result=yes signed=no", True),
    ("a component signed too", "7 signed what=result; 8 completed e_result=yes; 9 signed what=component", True),
    ("electronic with the return only", "8 completed signed=yes; 9 returned via=online e_result=yes", True),
)
def test_whether_the_result_is_signed(life: str, signed: bool) -> None:
    assert ("signed_result" in up(life)) is signed


# -------------------------------------------------------------------------------------------------------- digitisation


@cases(
    "life, digitised",
    ("a file and an electronic result", "6 digitised components=1; 8 completed e_result=yes", True),
    ("a file alone, where a document is issued", "6 digitised components=1; 8 completed", False),
    ("a file alone, where none is issued", "5 received for=no_document; 6 digitised components=1", True),
    ("an unknown procedure issues a document", "5 received for=unheard_of; 6 digitised components=1", False),
    ("an electronic result alone", "8 completed e_result=yes", False),
    ("no file", "6 digitised components=0; 8 completed e_result=yes", False),
    ("no word of files", "6 digitised reused=yes; 8 completed e_result=yes", False),
    ("files taken back", "5 received for=no_document; 6 digitised components=2; 7 digitised components=0", False),
    ("no later word leaves the files", "5 received for=no_document; 6 digitised components=2; 7 digitised", True),
    ("digitised after the end", "8 completed e_result=yes; 9 digitised components=3", True),
    ("digitised before the reception", "4 digitised components=3; 5 received for=no_document", True),
    ("the result taken back", "6 digitised components=1; 8 completed e_result=yes; 9 completed e_result=no", False),
)
def test_whether_it_is_digitised(life: str, digitised: bool) -> None:
    assert ("digitised" in up(life)) is digitised


@cases(
    "life, raised",
    ("reused", "6 digitised reused=yes", {"reused"}),
    ("not reused", "6 digitised reused=no", set()),
    ("reused, then corrected", "6 digitised reused=yes; 7 digitised reused=no", set()),
    ("reused, then no word of it", "6 digitised reused=yes; 7 digitised shared_store=no", {"reused"}),
    ("the shared store", "6 digitised shared_store=yes", {"shared_store"}),
    ("the shared store, then corrected", "6 digitised shared_store=yes; 7 digitised shared_store=no", set()),
    ("the shared store, then no word", "6 digitised shared_store=yes; 7 digitised components=0", {"shared_store"}),
    ("population data", "6 digitised population_data=yes", {"population_data"}),
    ("population data, then corrected", "6 digitised population_data=yes; 7 digitised population_data=no", set()),
    ("population data, then no word of it", "6 digitised population_data=yes; 7 digitised", {"population_data"}),
    ("corrected the other way", "6 digitised reused=no; 7 digitised reused=yes", {"reused"}),
    ("corrected by time, not by arrival", "7 digitised reused=yes; 6 digitised reused=no", {"reused"}),
)
def test_whose_data_it_uses(life: str, raised: set[str]) -> None:
    assert up(life) == raised


# ---------------------------------------------------------------------------------------------------------- the others


@cases(
    "life, raised",
    ("rated not satisfied", "9 rated satisfied=no", {"disliked"}),
    ("rated satisfied", "9 rated satisfied=yes", set()),
    ("any rating not satisfied counts, not the last", "9 rated satisfied=no; 10 rated satisfied=yes", {"disliked"}),
    ("satisfied at first", "9 rated satisfied=yes; 10 rated satisfied=no", {"disliked"}),
    ("rated before the end", "6 rated satisfied=no", {"disliked"}),
    ("synced", "6 synced", {"synced"}),
    ("synced by the province", "6 synced by=H44", {"synced"}),
    ("synced twice", "6 synced; 7 synced", {"synced"}),
    ("received by a postal clerk", "5 received receiver=postal_clerk", {"postal_clerk"}),
    ("received by a postal clerk online", "5 received channel=online receiver=postal_clerk", {"postal_clerk"}),
    ("received by an officer by post", "5 received channel=postal receiver=officer", set()),
    ("an officer receives it again", "5 received receiver=postal_clerk; 6 received receiver=officer", set()),
    ("received again, no word by whom", "5 received receiver=postal_clerk; 6 received", {"postal_clerk"}),
    ("not accepted", "6 not_accepted", set()),
    ("submitted online at the national portal", "4 submitted channel=online portal=national; 5 received", set()),
)
def test_ratings_syncing_and_the_postal_clerk(life: str, raised: set[str]) -> None:
    assert up(life) == raised
