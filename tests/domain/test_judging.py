"""What becomes of the events of a push, by rules that need no database."""

from __future__ import annotations

import pytest

from app.domain.calendar.civil import Day, Instant, day_of
from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.root import Catalogues, Procedure, Unit
from app.domain.codes import ProcedureCode, UnitCode
from app.domain.judging import Item, decide, judged, outcome_of, refuse_unfit
from app.domain.lives.events import DossierCompleted, DossierReceived, DossierTransferred, Event, Happening
from app.domain.push import Parsed, Rejected

NOW = 1_767_575_520_000_000
MINUTE = 60_000_000


def catalogues() -> Catalogues:
    units = [Unit(id=n, code=code, aliases=aliases) for n, (code, aliases) in enumerate(
        [("H44", ()), ("H44.07", ("H44.OLD",)), ("H44.08", ())], start=1
    )]
    valid = Procedure(id=1, code="1.004555", valid_to=Day(day_of(Instant(NOW)) + 1))
    gone = Procedure(id=2, code="1.000001", valid_to=Day(day_of(Instant(NOW)) - 1))
    return Catalogues(
        root_id=1, root="H44", revision=1, units={unit.code: unit for unit in units},
        procedures={each.code: each for each in (valid, gone)}, calendar=Calendar(frozenset(), frozenset()),
        targets={}, externals=[], digest="",
    )
