"""A small language to tell lives in, so that a case stands on one line beside its verdict.

    "5 received due=12; 6 asked; 8 supplemented; 9T16:30 completed by=H44.09"

An event is a moment, a verb of the contract and what it says. A moment is a day of January 2026 (5 is a Monday) or
day/month or day/month/year, at 08:00 civil time unless T says another. Events are numbered from 1 in the order they are
told; that number is their id, of one source and of the unit H44.07, unless `as=`, `source=`, `by=` or `seq=` say
otherwise. Whatever builds catalogues or folds is here and nowhere else in these tests; what a rule means is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, Final, get_args, get_type_hints

import pytest

from app.domain.calendar.civil import CIVIL, Day, Instant, date_of, day_number, day_of, start_of
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.root import Catalogues, Procedure
from app.domain.codes import UnitCode
from app.domain.lives import life
from app.domain.lives.document import DocumentFacts
from app.domain.lives.dossier import DossierFacts
from app.domain.lives.events import TYPES, Amount, Count, Event
from app.domain.lives.explain import Story, explain
from app.domain.lives.flags import FAULTS, FLAGS
from app.domain.lives.life import LifeFacts
from app.domain.lives.petition import PetitionFacts
from app.domain.lives.publication import PublicationFacts

SUBJECT: Final = "H44.07-260105-0001"
UNIT: Final = "H44.07"

_TYPES: Final = {kind.type: kind for kind in TYPES}
_VERBS: Final = {"asked": "supplement_requested"}
_FIELDS: Final = {
    "for": "procedure",
    "e_result": "electronic_result",
    "due": "due_at",
    "decided": "decided_on",
    "from": "effective_on",
    "on": "published_on",
}
_USUAL: Final[Mapping[str, dict[str, str]]] = {
    "dossier.received": {"procedure": "plain", "channel": "counter"},
    "petition.received": {"about": "other"},
    "procedure.published": {"complete": "yes"},
}
"""What these events must say, where a case does not."""


# ------------------------------------------------------------------------------------------------------------ moments


def day(text: str) -> Day:
    """A civil day: 5, 5/2 or 5/2/2025; January and 2026 where nothing else is said."""
    told = [int(part) for part in text.split("/")]
    of_month, month, year = told + [1, 2026][len(told) - 1 :]
    return day_number(date(year, month, of_month))


def at(text: str) -> Instant:
    """An instant: a day, at 08:00 unless T says another time."""
    civil, _, clock = text.partition("T")
    told = time.fromisoformat(clock or "08:00")
    seconds = told.hour * 3600 + told.minute * 60 + told.second
    return Instant(start_of(day(civil)) + seconds * 1_000_000 + told.microsecond)


def shown(instant: int | None) -> str:
    """An instant as `at` reads it; "end of 5" for the last microsecond of a day, "never" for None."""
    if instant is None:
        return "never"
    civil = day_of(Instant(instant))
    if instant == start_of(Day(civil + 1)) - 1:
        return f"end of {shown_day(civil)}"
    clock = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)).astimezone(CIVIL).time()
    if clock == time(8):
        return shown_day(civil)
    exactly = clock.isoformat("auto" if clock.second or clock.microsecond else "minutes")
    return f"{shown_day(civil)}T{exactly}"


def shown_day(civil: int) -> str:
    """A civil day as `day` reads it."""
    told = date_of(Day(civil))
    if told.year != 2026:
        return f"{told.day}/{told.month}/{told.year}"
    return f"{told.day}" if told.month == 1 else f"{told.day}/{told.month}"


# ------------------------------------------------------------------------------------------------------------- events


def told(text: str, noun: str = "dossier") -> list[Event]:
    """The events of a life, as told; verbs are of `noun` unless they name another, or can only be a retraction."""
    return [_event(number, each, noun) for number, each in enumerate(text.split(";"), 1) if each.strip()]


def _event(number: int, text: str, noun: str) -> Event:
    moment, named, *words = text.split()
    said = dict(word.split("=", 1) for word in words)
    unit, source = said.pop("by", UNIT), said.pop("source", "/h44/igate")
    event_id, sequence = said.pop("as", str(number)), said.pop("seq", "")
    own, _, verb = named.rpartition(".")
    name = f"{own or noun}.{_VERBS.get(verb, verb)}"
    name = name if name in _TYPES else f"event.{verb}"
    readers = _readers(name)
    data = _USUAL.get(name, {}) | {_FIELDS.get(field, field): value for field, value in said.items()}
    what: Any = _TYPES[name](**{field: readers[field](value) for field, value in data.items()})
    return Event(at(moment), source, event_id, UnitCode(unit), what, sequence)


@cache
def _readers(name: str) -> dict[str, Any]:
    """How each field of an event's data is read."""
    known: dict[Any, Any] = {
        Instant: at,
        Day: day,
        bool: {"yes": True, "no": False}.__getitem__,
        Amount: int,
        Count: int,
    }
    return {
        field: next((known[each] for each in (hint, *get_args(hint)) if each in known), str)
        for field, hint in get_type_hints(_TYPES[name]).items()
    }


# ----------------------------------------------------------------------------------------------------------- catalogue

CALENDAR: Final = Calendar(holidays=frozenset({day("1"), day("21")}), workdays=frozenset({day("31")}))
"""Wednesday 21 January is off, Saturday 31 January is worked."""

_PROCEDURES: Final = (
    Procedure(1, "plain"),
    Procedure(2, "with_fee", fee=True),
    Procedure(3, "no_document", issues_document=False),
    Procedure(4, "two_days", max_working_days=2),
    Procedure(5, "five_days", max_working_days=5),
)
_DIRECTORY: Final = Catalogues(
    root_id=1,
    root="H44",
    revision=1,
    units={},
    procedures={each.code: each for each in _PROCEDURES},
    calendar=CALENDAR,
    targets={},
    externals=(),
    digest="",
)

# -------------------------------------------------------------------------------------------------------------- facts


def folded(text: str, noun: str = "dossier", subject: str = SUBJECT) -> LifeFacts:
    """Everything that follows from a life."""
    return life.fold(subject, told(text, noun), _DIRECTORY.rules_of, _DIRECTORY.calendar)


def dossier(text: str, subject: str = SUBJECT) -> DossierFacts:
    """What follows for the dossier of a life."""
    facts = folded(text, "dossier", subject).dossier
    assert facts is not None
    return facts


def petition(text: str) -> PetitionFacts:
    """What follows for the only petition of a life."""
    (facts,) = folded(text, "petition", "PA-1").petitions
    return facts


def document(text: str) -> DocumentFacts:
    """What follows for the only document of a life."""
    (facts,) = folded(text, "document", "12/CV-UBND").documents
    return facts


def publication(text: str) -> PublicationFacts:
    """What follows for the procedure of a life."""
    facts = folded(text, "procedure", "1.004555").publication
    assert facts is not None
    return facts


def story(text: str, noun: str = "dossier") -> Story:
    """What is told of a life."""
    return explain(SUBJECT, told(text, noun), _DIRECTORY)


def flags(facts: DossierFacts) -> set[str]:
    """The flags of a dossier by name."""
    return {name for name, bit in FLAGS.items() if facts.flags & bit}


def faults(facts: DossierFacts) -> set[str]:
    """The faults of a dossier's data by name."""
    return {name for name, bit in FAULTS.items() if facts.faults & bit}


# -------------------------------------------------------------------------------------------------------------- tables


def cases(names: str, *rows: tuple[str, *tuple[object, ...]]) -> pytest.MarkDecorator:
    """A table of cases: a sentence that says the rule, by which the case is called, then the values of `names`."""
    sentences = [row[0] for row in rows]
    assert len(set(sentences)) == len(sentences), "a sentence names one case"
    return pytest.mark.parametrize(names, [pytest.param(*values, id=sentence) for sentence, *values in rows])
