"""A life: everything that happened under one subject within a root, and all the facts folded from it.

One subject is nearly always one dossier; but a petition or a document is told apart by its unit as well, and a
retraction names only the subject. Keeping all events of a subject together is what lets a retraction find its target,
before or after it arrives, without reading anything but this one life.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.rules import RulesOf
from app.domain.lives import document, dossier, petition, publication
from app.domain.lives.document import DocumentFacts
from app.domain.lives.dossier import DossierFacts
from app.domain.lives.events import DossierVoided, Event, EventRetracted, PetitionVoided
from app.domain.lives.petition import PetitionFacts
from app.domain.lives.publication import PublicationFacts
from app.domain.lives.reading import without_retracted

RULES: Final = 3
"""The version of the fold: one more with every change after which any life folds to other facts than before. A new
version folds lives of older ones again in the background (store/write/refold.py)."""

LONGEST: Final = 1_000
"""Events a life may hold, and as many beside them that take something back; the next one is refused
(`life_too_long`)."""
_TAKING_BACK: Final = frozenset((EventRetracted, DossierVoided, PetitionVoided))


class LifeFacts(msgspec.Struct, frozen=True, gc=False):
    """All that is known of one subject: at most one dossier and one procedure, petitions and documents per unit."""

    dossier: DossierFacts | None = None
    petitions: tuple[PetitionFacts, ...] = ()
    documents: tuple[DocumentFacts, ...] = ()
    publication: PublicationFacts | None = None


NOTHING: Final = LifeFacts()
_DOSSIER: Final = {"dossier"}


def fold(subject: str, life: list[Event], rules_of: RulesOf, calendar: Calendar) -> LifeFacts:
    """The facts of `life`, whatever the order of its events."""
    standing = without_retracted(life)
    if not standing:
        return NOTHING
    if {event.what.noun for event in standing} == _DOSSIER:
        return LifeFacts(dossier.fold(subject, standing, rules_of, calendar))
    dossier_events, publication_events = [], []
    petitions: dict[str, list[Event]] = {}
    documents: dict[str, list[Event]] = {}
    for event in standing:
        match event.what.noun:
            case "dossier":
                dossier_events.append(event)
            case "petition":
                petitions.setdefault(event.unit, []).append(event)
            case "procedure":
                publication_events.append(event)
            case "document":
                documents.setdefault(event.unit, []).append(event)
    return LifeFacts(
        dossier.fold(subject, dossier_events, rules_of, calendar),
        tuple(petition.fold(petitions[unit], calendar) for unit in sorted(petitions)),
        tuple(document.fold(documents[unit]) for unit in sorted(documents)),
        publication.fold(publication_events) if publication_events else None,
    )


def fitting(life: Sequence[Event], arrived: Sequence[Event]) -> Sequence[int]:
    """The places of the arrived events that a life still holds. Which these are in all does not hang on the order in
    which they came, as long as all of them fit.
    """
    if len(life) + len(arrived) <= LONGEST:
        return range(len(arrived))
    taking_back = sum([type(event.what) in _TAKING_BACK for event in life])
    room = {True: LONGEST - taking_back, False: LONGEST - (len(life) - taking_back)}
    found = []
    for place, event in enumerate(arrived):
        kind = type(event.what) in _TAKING_BACK
        if room[kind] > 0:
            room[kind] -= 1
            found.append(place)
    return found
