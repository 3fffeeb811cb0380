"""Rankings, series and breakdowns recounted: each row is a question of its own, asked of the lives it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction

from .calendar import ONE_DAY, start_of
from .catalogue import is_at_or_above
from .dossiers import Dossier
from .figures import all_figures
from .points import CERTIFIED_COPY, GROUPS, WORTH, Figure, group_scores, half_up, scored
from .recount import Recount


def figures_over(
    recount: Recount,
    asked: tuple[str, date, date, str, str | None],
    now: datetime,
    units: frozenset[str] | None = None,
    wanted: Callable[[Dossier], bool] = lambda dossier: True,
    reported: bool = True,
) -> dict[str, Figure]:
    """Every figure of (unit, first, last, scope, procedure), over other units than its scope's or over some dossiers.

    `reported`: the national report's count belongs to what is asked.
    """
    unit, first, last, scope, procedure = asked
    question = recount._question(unit, first, last, scope, procedure, now)
    if units is not None:
        question = replace(
            question,
            scope=units,
            dossiers=[
                d
                for d in recount.dossiers.values()
                if d.unit in units and not d.voided and procedure in (None, d.procedure)
            ],
            petitions=[p for p in recount.petitions.values() if p.unit in units and not p.voided],
            documents=[d for d in recount.documents.values() if d.unit in units],
        )
    question = replace(question, dossiers=[d for d in question.dossiers if wanted(d)])
    if not reported:
        question = replace(question, national_count=None)
    return {
        code: scored(code, figure) if code in WORTH and code != CERTIFIED_COPY else figure
        for code, figure in all_figures(question, procedure).items()
    }


# -- ranking ------------------------------------------------------------------------------------------------------


def ranked_units(recount: Recount, above: str, level: str, first: date, last: date, now: datetime) -> list[str]:
    """Units of a level under a unit that are part of no other, and were there in the period or had a part that was."""
    units = recount.units
    start, end = start_of(first), min(start_of(last + ONE_DAY), now)
    there = {units.stands_for(code) for code in units.rows if units.there(code, start, end)}
    return [code for code in units.rows if code in there and is_at_or_above(above, code) and units.level(code) == level]


def as_then(recount: Recount, first: date, last: date) -> Recount:
    """The recount with the units as they were in a period."""
    then = copy(recount)
    then.units = recount.units.as_then(start_of(first), start_of(last + ONE_DAY))
    return then


def standing(figures: dict[str, Figure], by: str) -> Fraction | None:
    """What a unit is ranked by: `total`, a group, an indicator's points, or its percentage when it earns none."""
    if by == "total":
        return sum(group_scores(figures).values(), Fraction(0))
    if by in GROUPS:
        return group_scores(figures)[by]
    figure = figures[by]
    if by in WORTH:
        return figure.score
    return None if figure.ratio is None else half_up(figure.ratio * 100)


def places(standings: dict[str, Fraction | None]) -> dict[str, int | None]:
    """One more than how many are better; None without a figure."""
    known = [each for each in standings.values() if each is not None]
    return {
        code: None if mine is None else 1 + sum(other > mine for other in known) for code, mine in standings.items()
    }


# -- series -------------------------------------------------------------------------------------------------------


def buckets(first: date, last: date, length: str) -> Iterator[tuple[date, date]]:
    """First and last day of each day, Monday-to-Sunday week or month, cut to first..last."""

    def name(day: date) -> object:
        if length == "month":
            return day.year, day.month
        return day.isocalendar()[:2] if length == "week" else day

    day = first
    while day <= last:
        begin = day
        while day < last and name(day + ONE_DAY) == name(begin):
            day += ONE_DAY
        yield begin, day
        day += timedelta(days=1)


# -- breakdown ----------------------------------------------------------------------------------------------------


def parts_of_unit(recount: Recount, above: str) -> dict[str, frozenset[str]]:
    """Row -> units: every unit of the subtree in the row of the direct child it belongs to, or in the unit's own."""
    inside = recount.units.scope(above, "subtree")
    rows: dict[str, set[str]] = {above: set()}
    for code, row in recount.units.rows.items():
        if _parent(recount, code) == above and not row.get("successor"):
            rows[code] = set()
    for code in inside:
        place = code
        while recount.units.rows[place].get("successor") in inside:
            place = recount.units.rows[place]["successor"]
        while place != above and _parent(recount, place) in inside and _parent(recount, place) != above:
            place = _parent(recount, place) or above
        rows.setdefault(place, set()).add(code)
    return {key: frozenset(codes) for key, codes in rows.items()}


def _parent(recount: Recount, code: str) -> str | None:
    told = recount.units.rows[code].get("parent")
    if told:
        return str(told)
    while "." in code:
        code = code.rpartition(".")[0]
        if code in recount.units.rows:
            return code
    return None
