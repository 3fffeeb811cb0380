"""Numbers that stand in databases: whoever changes one makes another thing of what was stored."""

from __future__ import annotations

from app.domain.lives.events import TYPES
from app.domain.lives.flags import FAULTS, FLAGS

IN_ORDER_OF_CODES = """
    dossier.submitted dossier.received dossier.due_changed dossier.transferred dossier.supplement_requested
    dossier.supplemented dossier.digitised dossier.fee_requested dossier.fee_waived dossier.paid dossier.signed
    dossier.completed dossier.returned dossier.refused dossier.stopped dossier.withdrawn dossier.not_accepted
    dossier.synced dossier.rated dossier.voided petition.received petition.supplement_requested petition.supplemented
    petition.refused petition.forwarded petition.answered petition.published petition.rated petition.voided
    procedure.announced procedure.published document.sent event.retracted
"""


def test_every_type_of_event_has_the_code_it_was_given() -> None:
    assert {each.type: each.code for each in TYPES} == {
        name: code for code, name in enumerate(IN_ORDER_OF_CODES.split())
    }


def test_every_flag_and_fault_of_a_dossier_has_the_bit_it_was_given() -> None:
    assert FLAGS == {
        "fee": 1, "paid_online": 2, "e_result": 4, "signed_result": 8, "digitised": 16, "reused": 32,
        "shared_store": 64, "population_data": 128, "disliked": 256, "synced": 512, "postal_clerk": 1024,
    }  # fmt: skip
    assert FAULTS == {
        "no_reception": 1, "end_before_reception": 2, "deadline_before_reception": 4, "foreign_unit": 8,
        "second_reception": 16, "answer_without_request": 32, "unknown_procedure": 64, "due_moved_late": 128,
        "end_moved_back": 256,
    }  # fmt: skip
