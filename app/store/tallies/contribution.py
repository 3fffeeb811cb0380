"""Stored facts read back as what they contribute to the tallies."""

from __future__ import annotations

from typing import Any

from app.domain.lives.document import DocumentFacts
from app.domain.lives.dossier import DossierFacts
from app.domain.lives.petition import PetitionFacts
from app.domain.tallies import tally


def contribution(family: tally.Family, row: Any) -> tuple[tuple[int, int, int], list[tally.Part]]:
    """The cell (unit, procedure or 0, variety) and the parts of a stored dossier, petition or document."""
    if family is tally.DOSSIER:
        return (row["unit_id"], row["procedure_id"] or 0, row["channel"]), tally.dossier_parts(_dossier(row))
    if family is tally.PETITION:
        return (row["unit_id"], 0, row["about"]), tally.petition_parts(_petition(row))
    document = DocumentFacts("", row["sent_at"], row["electronic"], row["signed"], row["tier"])
    return (row["unit_id"], 0, row["tier"]), tally.document_parts(document)


def _dossier(row: Any) -> DossierFacts:
    """As much of a stored dossier as its contribution needs."""
    return DossierFacts(
        unit="",
        receiving_unit="",
        procedure=None,
        channel=row["channel"],
        flags=row["flags"],
        faults=0,
        voided=row["voided"],
        received_at=row["received_at"],
        ended_at=row["ended_at"],
        deadline=row["deadline"],
        returned_at=row["returned_at"],
        returned_via=row["returned_via"],
    )


def _petition(row: Any) -> PetitionFacts:
    return PetitionFacts(
        "",
        row["about"],
        row["disliked"],
        row["voided"],
        row["received_at"],
        row["ended_at"],
        row["deadline"],
        row["late_published"],
    )
