"""What units are ranked by and series are of: the total of all groups, a group's points, or one indicator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from app.domain.catalogues.indicators import Indicator, IndicatorCatalogue
from app.domain.figures.measures import counts_events
from app.domain.figures.scoring import Measure, ScoredIndicator, Shown, score_indicator

TOTAL: Final = "TOTAL"


@dataclass(frozen=True, slots=True)
class Standing:
    """The figure of a total, a group (points alone) or an indicator.

    `blank`: nothing was counted for it, so that its points are those of 0/0.
    """

    score: Shown
    ratio: Shown = None
    value: Shown = None
    numerator: int | None = None
    denominator: int | None = None
    blank: bool = False


@dataclass(frozen=True, slots=True)
class By:
    """What is asked for: `indicator`, where it is a single one; of a group or the total those that it sums."""

    code: str
    indicators: tuple[Indicator, ...]
    indicator: Indicator | None = None

    @classmethod
    def of(cls, catalogue: IndicatorCatalogue, code: str) -> By:
        """What a code names: TOTAL, a group or an indicator. Raises UnknownIndicator."""
        groups = {each.code: each.indicators for each in catalogue.groups}
        groups[TOTAL] = tuple(each for found in groups.values() for each in found)
        if code in groups:
            return cls(code, groups[code])
        indicator = catalogue.indicator(code)
        return cls(code, (indicator,), indicator)

    @property
    def by_ratio(self) -> bool:
        """Whether it has no points, so that its ratio tells who is better."""
        return self.indicator is not None and self.indicator.max is None

    @property
    def with_value(self) -> bool:
        """Whether it has a value of its own."""
        return self.indicator is not None and self.indicator.kind == "average"

    def standing(self, scored: Scores) -> Standing:
        """The standing that scored indicators give."""
        of_events = any(counts_events(name) for each in self.indicators for name in each.measures)
        blank = of_events and not anything_counted(self.indicators, scored.measures)
        if self.indicator is not None:
            one = scored.of(self.indicator)
            return Standing(one.score, one.ratio, one.value, one.numerator, one.denominator, blank)
        # The points of a group, and of all groups, are the sums of rounded parts; what has no data adds nothing.
        points = [scored.of(each).score for each in self.indicators]
        return Standing(sum([each for each in points if each is not None], Decimal("0.00")), blank=blank)


def anything_counted(indicators: Iterable[Indicator], measures: Mapping[str, Measure]) -> bool:
    """Whether anything that happened was counted for indicators; what the catalogue alone says is of any period."""
    counted = [measures[name] for each in indicators for name in each.measures if counts_events(name)]
    # An average of nothing is None, one of 0 is known.
    return any(each or isinstance(each, Fraction) for each in counted)


class Scores:
    """Indicators scored from the same measures, each once. `narrowed`: they are of one procedure."""

    def __init__(self, measures: Mapping[str, Measure], narrowed: bool) -> None:
        self.measures = measures
        self._narrowed = narrowed
        self._scored: dict[str, ScoredIndicator] = {}

    def of(self, indicator: Indicator) -> ScoredIndicator:
        """An indicator's figures."""
        found = self._scored.get(indicator.code)
        if found is None:
            found = self._scored[indicator.code] = score_indicator(indicator, self.measures, self._narrowed)
        return found


def indicators_of(asked: Iterable[By]) -> list[Indicator]:
    """The indicators that several look at, each once."""
    return list({each.code: each for by in asked for each in by.indicators}.values())
