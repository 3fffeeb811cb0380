"""From measures to points, groups, total and rating, in exact fractions.

Only what is shown is rounded, half-up; nothing is a float. What the rules are is the catalogue's business, how the
measures are counted the store's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from app.domain.catalogues.indicators import Group, Indicator, IndicatorCatalogue

Measure = int | Fraction | None
"""A count, an exact share or number of days, or None where there is no data."""

Shown = Decimal | None
"""A number rounded for people, or None where there is none."""

_PERCENT: Final = 100


class ScoredIndicator(NamedTuple):
    """One indicator's figures: counts, `ratio` in percent, `score` in points, `value` in the indicator's own unit."""

    indicator: Indicator
    numerator: int | None = None
    denominator: int | None = None
    ratio: Decimal | None = None
    score: Decimal | None = None
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ScoredGroup:
    """One group's points: the sum of its rounded parts, where those without data add nothing."""

    code: str
    name: str
    score: Decimal
    max: int
    indicators: tuple[ScoredIndicator, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """A scorecard's figures. `total` is the sum of the groups, `max` never shrinks where data are missing."""

    total: Decimal
    max: int
    rating: str
    groups: tuple[ScoredGroup, ...]
    operational: tuple[ScoredIndicator, ...]

    @property
    def indicators(self) -> list[ScoredIndicator]:
        """All of them, scored ones first."""
        return [*(each for group in self.groups for each in group.indicators), *self.operational]


def half_up(exact: int | Fraction, digits: int = 2) -> Decimal:
    """An exact number rounded to `digits` decimals, halves away from zero (làm tròn nửa lên)."""
    return _rounded(exact.numerator, exact.denominator, digits)


def ratio(numerator: int | Fraction, denominator: int | Fraction) -> Shown:
    """Percent to 2 decimals; None for 0/0 and any other division by zero."""
    if not denominator:
        return None
    n, d = numerator, denominator
    return _rounded(_PERCENT * n.numerator * d.denominator, n.denominator * d.numerator)


def points(numerator: int | Fraction, denominator: int | Fraction, indicator: Indicator) -> Shown:
    """The points of n/d: half-up to 2 decimals of min(max, max * n/d / full_at), 0/0 by the indicator's zero rule.

    Raises ValueError for an indicator without points.
    """
    if indicator.max is None or indicator.full_at is None:
        raise ValueError(f"{indicator.code} has no points")
    if not denominator:
        return None if indicator.zero == "null" else half_up(indicator.max if indicator.zero == "max" else 0)
    n, d, full_at = numerator, denominator, indicator.full_at
    share = _PERCENT * n.numerator * d.denominator * full_at.denominator
    full = n.denominator * d.numerator * full_at.numerator
    return half_up(indicator.max) if share >= full else _rounded(indicator.max * share, full)


def _rounded(numerator: int, denominator: int, digits: int = 2) -> Decimal:
    # On integers and not on Fractions: a ranking scores hundreds of units, and a Fraction seeks a common divisor
    # at every step.
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    whole = (2 * abs(numerator) * 10**digits + denominator) // (2 * denominator)
    return _decimal(-whole if numerator < 0 else whole, digits)


@lru_cache(maxsize=1 << 14)
def _decimal(whole: int, digits: int) -> Decimal:
    # From text, because arithmetic on Decimals would round to the context's precision.
    return Decimal(f"{whole}e-{digits}")


def score_indicator(indicator: Indicator, measures: Mapping[str, Measure], narrowed: bool = False) -> ScoredIndicator:
    """One indicator's figures; without data where a measure is None, or where it cannot be narrowed to a procedure.

    Raises KeyError for a measure that was not given at all.
    """
    if narrowed and indicator.counts != "dossiers":
        return ScoredIndicator(indicator)
    if indicator.kind == "ratio":
        # Nearly all are; a ranking scores thousands.
        n, d = measures[indicator.numerator or ""], measures[indicator.denominator or ""]
        if n is None or d is None:
            return ScoredIndicator(indicator)
        n, d = int(n), int(d)
        return ScoredIndicator(indicator, n, d, ratio(n, d), None if indicator.max is None else points(n, d, indicator))
    if indicator.kind == "constant":
        share = (indicator.constant_ratio or Fraction(0)) / _PERCENT
        return ScoredIndicator(indicator, ratio=ratio(share, 1), score=points(share, 1, indicator))
    value = measures[indicator.value or ""]
    if value is None:
        return ScoredIndicator(indicator)
    if indicator.kind == "mean":
        return ScoredIndicator(indicator, ratio=ratio(value, 1))
    return ScoredIndicator(indicator, value=half_up(value))


def score(catalogue: IndicatorCatalogue, measures: Mapping[str, Measure], narrowed: bool = False) -> Scored:
    """A whole scorecard. `narrowed`: the measures are of one procedure. Raises KeyError for a measure not given."""
    groups = tuple(_score_group(group, measures, narrowed) for group in catalogue.groups)
    total = sum((group.score for group in groups), Decimal("0.00"))
    return Scored(
        total=total,
        max=catalogue.max,
        rating=rating(catalogue, total),
        groups=groups,
        operational=tuple(score_indicator(each, measures, narrowed) for each in catalogue.operational),
    )


def _score_group(group: Group, measures: Mapping[str, Measure], narrowed: bool) -> ScoredGroup:
    parts = tuple(score_indicator(each, measures, narrowed) for each in group.indicators)
    known = (part.score for part in parts if part.score is not None)
    return ScoredGroup(group.code, group.name, sum(known, Decimal("0.00")), group.max, parts)


def rating(catalogue: IndicatorCatalogue, total: Decimal) -> str:
    """The rating (xếp loại) a total earns; a band begins exactly at its least total."""
    return next(
        (band.name for band in catalogue.rating_bands if total >= band.at_least), catalogue.rating_bands[-1].name
    )


def change(now: Shown, before: Shown) -> Shown:
    """The difference of two shown ratios, in points, never percent of percent. None where either is."""
    return None if now is None or before is None else half_up(Fraction(now) - Fraction(before))


def gap(target: Shown, now: Shown) -> Shown:
    """What a shown ratio lacks to its target, in points, negative when surpassed. None where either is."""
    return change(target, now)


def attained(target: Shown, now: Shown) -> Shown:
    """The percentage of its target that a shown ratio reaches. None where either is, and for a target of 0."""
    return None if target is None or now is None or not target else ratio(Fraction(now), Fraction(target))


def growth(now: Measure, base: Measure) -> Shown:
    """Percent by which a quantity grew over its base. None where either is, and for a base of 0, which is not 100 %."""
    return None if now is None or base is None or not base else ratio(now - base, base)


def ranks(values: Sequence[Decimal | None]) -> list[int | None]:
    """The rank of each value, the highest first, ties 1-2-2-4; None for those without a value."""
    known = sorted((each for each in values if each is not None), reverse=True)
    rank_of: dict[Decimal, int] = {}
    for rank, value in enumerate(known, 1):
        rank_of.setdefault(value, rank)
    return [None if each is None else rank_of[each] for each in values]
