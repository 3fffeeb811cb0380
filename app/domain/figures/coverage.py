"""Coverage of feeds: which of the units that ought to send do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from app.domain.calendar.civil import Day, Instant, day_of, start_of
from app.domain.calendar.hours import since_workday
from app.domain.catalogues.remits import Remits
from app.domain.catalogues.root import Catalogues, Unit

TIERS: Final = ("department", "commune")
WITHIN: Final = 5
"""A unit is live when something of it came within so many working days, today's included."""


class Tier(NamedTuple):
    """The units of a level that are due, in order of their codes, and those among them that are live."""

    level: str
    due: Sequence[Unit]
    live: Sequence[Unit]


def due(catalogues: Catalogues, units: Iterable[Unit], now: Instant) -> list[Unit]:
    """The departments and communes among the units that are there today and apply procedures."""
    today = day_of(now)
    a, b = start_of(today), start_of(Day(today + 1))
    remits = Remits.within(catalogues, a, b)

    def applies(unit: Unit) -> bool:
        return any(part.procedures for part in remits.of((unit,), a, b))

    there = (each for each in units if each.level in TIERS and each.successor is None and each.existed(a, b))
    return [each for each in there if applies(each)]


def tiers(catalogues: Catalogues, units: Sequence[Unit], last_at: Mapping[int, int], now: Instant) -> list[Tier]:
    """How many of the units that are due are live, by level.

    Args:
        last_at: by id of a unit, when something of it, or of one merged into it, came last (µs).
    """
    since = since_workday(catalogues.calendar, now, WITHIN)
    asked = due(catalogues, units, now)
    found = []
    for level in TIERS:
        of_level = [each for each in asked if each.level == level]
        found.append(Tier(level, of_level, [each for each in of_level if last_at.get(each.id, 0) >= since]))
    return found
