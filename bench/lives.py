"""Whole lives of dossiers, made directly: what they are does not hang on how they will lie beside each other.

Units, procedures and how many dossiers a unit has are the demo province's; the lives are from 5 to 8 events long, and
their events hours of work apart. No event is sent twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Final

from app.demo import province
from app.demo.hours import Hours, hours
from app.demo.year.lives import CloudEvent
from app.demo.year.procedures import Procedure, Remit, catalogue

FIRST_DAY: Final = date(2026, 3, 16)
DAYS: Final = 5
"""The working days of one week, in which all lives lie."""
NEAREST: Final = 2
"""Hours that two events of a dossier are apart, at least."""

_APART: Final = (0.3, 0.6)
"""The same as shares of a working day of seven hours, at least and at most."""

_LIVES: Final[dict[tuple[str, ...], int]] = {
    ("received", "digitised", "synced", "completed", "returned"): 28,
    ("submitted", "received", "digitised", "synced", "completed", "returned"): 24,
    ("submitted", "received", "digitised", "fee_requested", "paid", "completed", "returned"): 20,
    ("submitted", "received", "digitised", "fee_requested", "paid", "signed", "completed", "returned"): 8,
    ("submitted", "received", "synced", "digitised", "completed", "returned", "rated"): 8,
    ("received", "digitised", "supplement_requested", "supplemented", "completed", "returned"): 5,
    ("submitted", "received", "digitised", "synced", "refused"): 3,
    ("submitted", "received", "digitised", "due_changed", "completed", "returned", "rated"): 2,
    ("received", "transferred", "digitised", "completed", "returned"): 2,
}
"""What happens to a dossier in its order, and how many of a hundred live so."""


def together(seed: int) -> Iterator[CloudEvent]:
    """Lives without end, each with all its events one after the other; dossiers of all units mixed."""
    rng = Random(f"lives:{seed}")  # noqa: S311  no secret: the same seed must tell the same lives
    when = hours(FIRST_DAY.year)
    units = [unit for unit in province.levels() if unit != province.ROOT]
    dossiers = list(itertools.accumulate(province.published()[unit].active for unit in units))
    for number in itertools.count(1):
        unit = rng.choices(units, cum_weights=dossiers)[0]
        kinds = rng.choices(list(_LIVES), list(_LIVES.values()))[0]
        yield from _life(unit, kinds, f"{number:06}.w{seed}", when, rng)


def _life(unit: str, kinds: tuple[str, ...], number: str, when: Hours, rng: Random) -> Iterator[CloudEvent]:
    moments = _moments(len(kinds), when, rng)
    subject = f"{unit}-{when.stamp(moments[0])}-{number}"
    online, fee = "submitted" in kinds, "paid" in kinds
    procedure = _procedure(catalogue().remits[unit], rng, fee=fee)
    amount = 5_000 * rng.randint(1, 40)
    due = _closing(when, rng.randint(3, 15))
    level = province.levels()[unit]
    others = [other for other, its in province.levels().items() if its == level and other != unit]
    other = others[int(rng.random() * len(others))]
    said: dict[str, dict[str, object]] = {
        "submitted": {"channel": "online", "portal": "national"},
        "received": {
            "procedure": procedure.code,
            "channel": "online" if online else "counter",
            "due_at": due,
            "fee": fee,
            "applicant": "citizen" if procedure.citizens else "organisation",
        },
        "transferred": {"to": other},
        "digitised": {
            "components": rng.randint(0, 5),
            "reused": rng.random() < 0.3,
            "shared_store": rng.random() < 0.3,
            "population_data": rng.random() < 0.5,
        },
        "due_changed": {"due_at": _closing(when, 20)},
        "fee_requested": {"amount": amount},
        "paid": {"via": "national_gateway" if online else "cash", "amount": amount},
        "signed": {"what": "result"},
        "completed": {"electronic_result": rng.random() < 0.7, "signed": rng.random() < 0.4},
        "returned": {"via": "online" if online and rng.random() < 0.6 else "counter"},
        "rated": {"satisfied": rng.random() < 0.95},
    }
    for line, (kind, moment) in enumerate(zip(kinds, moments, strict=True)):
        yield {
            "specversion": "1.0",
            "id": f"{subject}/{line}",
            "source": f"/h44/motcua/{unit}",
            "type": f"dossier.{kind}",
            "subject": subject,
            "time": when.text(moment),
            "unit": unit,
            "data": said.get(kind, {}),
        }
        if kind == "transferred":
            unit = other


def _moments(count: int, when: Hours, rng: Random) -> list[int]:
    """So many moments in working hours of the week, each at least NEAREST hours after the one before."""
    steps = [0.0, *(rng.uniform(*_APART) for _ in range(count - 1))]
    begun = rng.random() * (DAYS - sum(steps))
    days = [int(begun + past) for past in itertools.accumulate(steps)]
    parts = [(begun + past) % 1 for past in itertools.accumulate(steps)]
    return [when.moment(_first(when) + day, part) for day, part in zip(days, parts, strict=True)]


def _closing(when: Hours, days: int) -> str:
    """The end of a working day so many after the week."""
    return when.text(when.closing(_first(when) + DAYS + days))


def _first(when: Hours) -> int:
    return when.days.index(FIRST_DAY.timetuple().tm_yday - 1)


def _procedure(remit: Remit, rng: Random, *, fee: bool) -> Procedure:
    """One that the unit applies: with a fee where one is paid, if it has any."""
    first, second = (remit.fee, remit.free) if fee else (remit.free, remit.fee)
    return rng.choice(first or second)
