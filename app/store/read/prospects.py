"""What can still be won of what is missing, and what would be lost soon, by the catalogue's rules.

Most follows from the figures themselves. Lives are looked at only among those that are open, which an index knows; the
conditions are those of the lists, so that each number and its list are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.domain.figures.advice import Prospect
from app.domain.figures.measures import Question, missing_procedures
from app.domain.figures.scoring import ScoredIndicator
from app.domain.tallies.sums import Counted
from app.store.read.dossiers import OPEN, Lists, Side, Table, table_of

_AMONG: Final[dict[Table, str]] = {
    "life": OPEN,
    # As the index of open petitions has it: each has a deadline.
    "petition": f"{OPEN} AND deadline IS NOT NULL",
}


async def prospects(
    lists: Lists, question: Question, counted: Counted, figures: Iterable[ScoredIndicator]
) -> list[Prospect]:
    """The prospects of some figures of a question, in their order, made of what was counted for them; nothing for those
    without counts."""
    figures = list(figures)
    of_lives = await _of_open_lives(lists, question, figures)
    return [await _prospect(lists, question, counted, each, of_lives) for each in figures]


_OfLives = dict[tuple[str, Side], int]


async def _of_open_lives(lists: Lists, question: Question, figures: Iterable[ScoredIndicator]) -> _OfLives:
    """By indicator and side: what is counted life by life."""
    asked: dict[Table, list[tuple[ScoredIndicator, Side]]] = {table: [] for table in _AMONG}
    for each in figures:
        table = table_of(each.indicator)
        if table is not None and each.denominator:
            if each.indicator.recover == "while_open":
                asked[table].append((each, "recoverable"))
            if each.indicator.at_risk is not None:
                asked[table].append((each, "at_risk"))
    found: _OfLives = {}
    for table, sides in asked.items():
        if sides:
            counts = await lists.numbers(
                question, table, [(each.indicator, side) for each, side in sides], _AMONG[table]
            )
            found |= {(each.indicator.code, side): n for (each, side), n in zip(sides, counts, strict=True)}
    return found


async def _prospect(
    lists: Lists, question: Question, counted: Counted, figure: ScoredIndicator, of_lives: _OfLives
) -> Prospect:
    indicator = figure.indicator
    if figure.numerator is None or not figure.denominator or indicator.recover is None:
        return Prospect()
    missing = figure.denominator - figure.numerator
    at_risk = of_lives.get((indicator.code, "at_risk"), 0)
    if not missing or indicator.recover == "never":
        return Prospect(0, at_risk)
    if indicator.recover == "in_time":
        winnable = await lists.published(question, indicator, "recoverable")
        return Prospect(len(winnable), len(await lists.published(question, indicator, "at_risk")) if winnable else 0)
    if indicator.counts == "procedures" and not lists.wins_all(indicator):
        without = missing_procedures(lists.catalogues, question, counted, indicator)
        return Prospect(len(without.intersection(await lists.wins(question, indicator) or ())), 0)
    if indicator.recover == "in_period":
        return Prospect(missing if lists.outlook.is_open else 0, 0)
    return Prospect(of_lives.get((indicator.code, "recoverable"), missing), at_risk)
