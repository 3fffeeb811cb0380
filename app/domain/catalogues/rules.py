"""What folding a life asks of the catalogues: a procedure's counted attributes, and the working days."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from app.domain.calendar.civil import Day, Instant


class WorkCalendar(Protocol):
    """What the fold asks of a working-day calendar (workdays.Calendar)."""

    def end_of_nth_workday(self, day: Day, n: int) -> Instant:
        """The last instant of the n-th working day after `day`."""


class Rules(NamedTuple):
    """The counted attributes of a procedure. The defaults are those of a procedure the catalogue does not know."""

    known: bool = False
    fee: bool = False
    issues_document: bool = True
    max_working_days: int | None = None


RulesOf = Callable[[str], Rules]
