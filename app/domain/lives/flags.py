"""What is known of a dossier, and what is wrong with its data, as bits of its facts: declared here once."""

from __future__ import annotations

from typing import Final, NamedTuple


class Flag(NamedTuple):
    """What may be known of a dossier: its bit in DossierFacts.flags (stored: given once, it never changes), and the
    counters of tally.DOSSIER that count dossiers with it at their reception and at their end; "" where none does.
    """

    name: str
    bit: int
    received: str
    ended: str


FLAG_TABLE: Final[list[Flag]] = []


def _flag(name: str, bit: int, *, received: str = "", ended: str = "") -> int:
    FLAG_TABLE.append(Flag(name, bit, received, ended))
    return bit


FEE: Final = _flag("fee", 1, received="received_fee")
PAID_ONLINE: Final = _flag("paid_online", 2, received="received_fee_paid_online")
E_RESULT: Final = _flag("e_result", 4, received="received_e_result", ended="ended_e_result")
SIGNED_RESULT: Final = _flag("signed_result", 8, ended="ended_signed_result")
DIGITISED: Final = _flag("digitised", 16, received="received_digitised", ended="ended_digitised")
REUSED: Final = _flag("reused", 32, received="received_reused", ended="ended_reused")
SHARED_STORE: Final = _flag("shared_store", 64, received="received_shared_store", ended="ended_shared_store")
POPULATION_DATA: Final = _flag(
    "population_data", 128, received="received_population_data", ended="ended_population_data"
)
DISLIKED: Final = _flag("disliked", 256, received="received_disliked", ended="ended_disliked")
SYNCED: Final = _flag("synced", 512, received="received_synced")
BY_POSTAL_CLERK: Final = _flag("postal_clerk", 1024, received="received_by_postal_clerk")
FLAGS: Final = {flag.name: flag.bit for flag in FLAG_TABLE}

# Faults of the data, bits of DossierFacts.faults: kept and listed, never a reason to lose an event; then their names.
NO_RECEPTION: Final = 1
END_BEFORE_RECEPTION: Final = 2
DEADLINE_BEFORE_RECEPTION: Final = 4
FOREIGN_UNIT: Final = 8
SECOND_RECEPTION: Final = 16
ANSWER_WITHOUT_REQUEST: Final = 32
UNKNOWN_PROCEDURE: Final = 64
DUE_MOVED_LATE: Final = 128
END_MOVED_BACK: Final = 256
FAULTS: Final = {
    name: 1 << place
    for place, name in enumerate(
        ("no_reception", "end_before_reception", "deadline_before_reception", "foreign_unit", "second_reception",
         "answer_without_request", "unknown_procedure", "due_moved_late", "end_moved_back")
    )
}  # fmt: skip

LIKELY_DUPLICATE: Final = "likely_duplicate"
"""No life has it by itself: its code is another's but for capitals, dashes and blanks."""

PORTAL_FAULTS: Final = {
    name: 1 << place
    for place, name in enumerate(
        ("unknown_unit", "reception_not_told", "time_in_future", "no_procedure_code", "channel_not_told",
         "code_used_again", "sent_again", "due_moved", "false_result", "ended_at_reception")
    )
}  # fmt: skip
"""Faults of what is told in the national portal's payload, bits of portal_dossier.faults (domain/portal/faults.py)."""

CAUSES: Final = (*FAULTS, LIKELY_DUPLICATE, *PORTAL_FAULTS)
"""All that data quality lists."""
