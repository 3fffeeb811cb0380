"""The pen of the random histories: events as a client would send them, instants with a taste for boundaries, claims.

A claim says that some events have an effect on a life (or none); it counts as coverage only when the folded facts
with and without those events confirm it, so that a history cannot boast of what did not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from .calendar import CIVIL, start_of

SOURCES = ("/h44/igate", "/h44/buudien", "/h44/cong-dvc")
TICK = timedelta(microseconds=1)
AHEAD = timedelta(minutes=9)
FIRST_DAY = date(2025, 1, 1)

Key = tuple[str, str]
Facts = tuple[Any, frozenset[str]]
Check = Callable[[Facts, Facts], bool]


def differs(with_it: Facts, without: Facts) -> bool:
    """The events change what is known of the life."""
    return bool(with_it[0] != without[0])


def same(with_it: Facts, without: Facts) -> bool:
    """The events change nothing that is counted."""
    return bool(with_it[0] == without[0])


def fault(cause: str, and_also: Check = lambda a, b: True) -> Check:
    """The events bring this fault."""
    return lambda a, b: cause in a[1] and cause not in b[1] and and_also(a, b)


@dataclass(frozen=True)
class Claim:
    """`name` is covered when `check` holds for the life's facts with and without the events `keys`."""

    name: str
    kind: str
    life: Any
    keys: frozenset[Key]
    check: Check


class Writer:
    """Collects events and claims; an event later than nine minutes ahead of `now` is not sent (its key is None)."""

    def __init__(self, rng: Random, seed: int, now: datetime, aliases: Mapping[str, str]) -> None:
        self.rng = rng
        self.now = now
        self.events: list[dict] = []
        self.claims: list[Claim] = []
        self._seed = seed
        self._aliases = aliases

    def send(
        self,
        type_: str,
        subject: str,
        unit: str,
        at: datetime,
        data: Mapping | None = None,
        *,
        source: str | None = None,
        sequence: str | None = None,
    ) -> Key | None:
        """One event; data that are datetimes or dates are written as text."""
        if at > self.now + AHEAD:
            return None
        rng = self.rng
        event = {
            "specversion": "1.0",
            "id": f"{rng.choice('abxz')}{self._seed}-{len(self.events):06d}",
            "source": source or rng.choices(SOURCES, (6, 2, 1))[0],
            "type": type_,
            "subject": subject,
            "time": self.text(at),
            "unit": self._aliases[unit] if unit in self._aliases and rng.random() < 0.1 else unit,
            "data": {name: self._value(value) for name, value in (data or {}).items()},
        }
        if sequence is not None:
            event["sequence"] = sequence
        if rng.random() < 0.2:
            event["datacontenttype"] = "application/json"
        self.events.append(event)
        return str(event["source"]), str(event["id"])

    def retract(self, target: Key | None, unit: str, at: datetime) -> Key | None:
        """Takes back an event sent before, in the name of `unit`."""
        if target is None:
            return None
        event = next(e for e in self.events if (e["source"], e["id"]) == target)
        return self.send("event.retracted", event["subject"], unit, at, {"id": event["id"]}, source=event["source"])

    def claim(self, name: str, kind: str, life: Any, keys: Iterable[Key | None], check: Check = differs) -> None:
        """Promises an effect; nothing is promised of events that were not sent."""
        promised = list(keys)
        sent = frozenset(key for key in promised if key is not None)
        if None not in promised:
            self.claims.append(Claim(name, kind, life, sent, check))

    def text(self, at: datetime) -> str:
        """The instant in one of the ways clients write it."""
        way = self.rng.random()
        if way < 0.6:
            return at.astimezone(CIVIL).isoformat()
        if way < 0.9:
            return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return at.astimezone(CIVIL).isoformat(timespec="microseconds")

    def _value(self, value: object) -> object:
        if isinstance(value, datetime):
            return self.text(value)
        return value.isoformat() if isinstance(value, date) else value

    def instant(self, first: datetime, last: datetime) -> datetime:
        """An instant of [first, last]: often in working hours, often the first or last of a day, month or year."""
        rng = self.rng
        taste = rng.random()
        spread = first + timedelta(seconds=rng.randrange(max(1, int((last - first).total_seconds()))))
        day = spread.astimezone(CIVIL).date()
        if taste < 0.6:
            chosen = start_of(day) + timedelta(hours=rng.randint(7, 17), minutes=rng.randrange(60))
            chosen += TICK * rng.randrange(1_000_000)
        elif taste < 0.7:
            chosen = start_of(day)
        elif taste < 0.9:
            month = rng.choice((day.month, day.month, (day.month - 1) // 3 * 3 + 1, 1))
            chosen = start_of(date(day.year, month, 1))
        else:
            chosen = datetime(day.year, day.month, day.day, tzinfo=UTC)
        if taste >= 0.6 and rng.random() < 0.5:
            chosen -= TICK
        return min(max(chosen, first), last)
