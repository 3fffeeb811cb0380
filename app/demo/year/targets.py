"""How many dossiers and petitions of each kind every unit of the demo province lives.

Where the portal published a unit's count, that is it. The portal published the finer counts (satisfaction,
digitisation, petitions) for 60 of the 163 units and for the province as a whole, and the units' dossiers add up to the
province's; so the rest is shared out among the other units, and the province comes out as published too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from app.demo.province import ROOT, published


@dataclass(frozen=True, slots=True)
class Counts:
    """What one unit lives in the year: numbers of dossiers, of distinct procedures, of petitions."""

    active: int
    carried: int
    online: int
    ended: int
    on_time: int
    open_late: int
    disliked_on_time: int
    e_result: int
    digitised: int
    reused: int
    shared_store: int
    population_data: int
    synced: int
    fee: int
    paid: int
    petitions: int
    petitions_on_time: int
    petitions_disliked_on_time: int
    petitions_regulation: int
    petitions_staff: int


def apportion(total: int, weights: Mapping[str, int], caps: Mapping[str, int]) -> dict[str, int]:
    """Whole shares of `total` in proportion to `weights`, none above its cap; largest remainders first, then by code.

    Raises ValueError when the caps leave no room.
    """
    shares = dict.fromkeys(weights, 0)
    left = total
    while left:
        room = {key: weight for key, weight in weights.items() if weight and shares[key] < caps[key]}
        if not room:
            raise ValueError(f"{left} of {total} cannot be placed")
        whole = sum(room.values())
        parts = {key: min(left * weight // whole, caps[key] - shares[key]) for key, weight in room.items()}
        if not any(parts.values()):
            order = sorted(room, key=lambda key: (-(left * room[key] % whole), key))
            parts = dict.fromkeys(order[:left], 1)
        for key, part in parts.items():
            shares[key] += part
        left -= sum(parts.values())
    return shares


def _field(name: str) -> dict[str, int | None]:
    return {unit: getattr(facts, name) for unit, facts in published().items()}


def _filled(name: str, weights: Mapping[str, int], caps: Mapping[str, int]) -> dict[str, int]:
    """A published count of every unit, what is missing shared out so that the province's own count is reached."""
    known = {unit: count for unit, count in _field(name).items() if unit != ROOT and count is not None}
    total = getattr(published()[ROOT], name)
    missing = {unit: weight for unit, weight in weights.items() if unit not in known}
    return known | apportion(total - sum(known.values()), missing, caps)


def _disliked_on_time(on_time: Mapping[str, int]) -> dict[str, int]:
    """Dossiers in time whose applicant was not satisfied: what the portal counts in time but not as satisfied."""
    facts = published()
    known = {unit: facts[unit].on_time - count for unit, count in _field("satisfied").items() if count is not None}
    total = known.pop(ROOT)
    missing = {unit: count for unit, count in on_time.items() if unit not in known}
    return known | apportion(
        total - sum(known.values()), missing, {unit: count // 4 for unit, count in missing.items()}
    )


def _petitions(active: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """The five counts of petitions; those of no published unit went to the others, by size but capped."""
    weights = {unit: min(count, 4000) for unit, count in active.items()}
    total = _filled("petitions", weights, dict.fromkeys(weights, 10**9))
    on_time = _filled("petitions_on_time", total, total)
    satisfied = _filled("petitions_satisfied", on_time, on_time)
    regulation = _filled("petitions_regulation", total, total)
    staff = _filled("petitions_staff", total, {unit: count - regulation[unit] for unit, count in total.items()})
    return {
        "petitions": total,
        "petitions_on_time": on_time,
        "petitions_disliked_on_time": {unit: count - satisfied[unit] for unit, count in on_time.items()},
        "petitions_regulation": regulation,
        "petitions_staff": staff,
    }


@cache
def full_size() -> dict[str, Counts]:
    """Every unit's counts at full size, by code; the province itself has no dossier of its own."""
    known = {unit: facts for unit, facts in published().items() if unit != ROOT}
    root = published()[ROOT]
    assert root.received is not None
    assert root.online is not None
    assert root.ended is not None
    active = {unit: facts.active for unit, facts in known.items()}
    on_time = {unit: facts.on_time for unit, facts in known.items()}
    # The portal's channels count dossiers received in the year, its progress also those carried over.
    without_fee = {unit: facts.active - facts.fee for unit, facts in known.items()}
    carried = apportion(
        root.active - root.received, active, {unit: min(1, count) for unit, count in without_fee.items()}
    )
    received = {unit: active[unit] - carried[unit] for unit in known}
    offline = apportion(root.received - root.online, received, received)
    e_result = _filled("e_result", active, active)
    pending = {unit: active[unit] - e_result[unit] for unit in known}
    ended = {u: n + e_result[u] for u, n in apportion(root.ended - sum(e_result.values()), pending, pending).items()}
    digitised = _filled("digitised", e_result, e_result)
    columns: dict[str, dict[str, int]] = {
        "active": active,
        "carried": carried,
        "online": {unit: received[unit] - offline[unit] for unit in known},
        "ended": ended,
        "on_time": on_time,
        "open_late": {unit: _open_late(active[unit], on_time[unit], ended[unit]) for unit in known},
        "disliked_on_time": _disliked_on_time(on_time),
        "e_result": e_result,
        "digitised": digitised,
        "reused": _filled("reused", active, active),
        "shared_store": _filled("shared_store", active, active),
        "population_data": _filled("population_data", active, active),
        "synced": _filled("synced", received, received),
        "fee": {unit: facts.fee for unit, facts in known.items()},
        "paid": {unit: facts.paid for unit, facts in known.items()},
        **_petitions(active),
    }
    return {unit: Counts(**{name: column[unit] for name, column in columns.items()}) for unit in known}


def _open_late(active: int, on_time: int, ended: int) -> int:
    """Of the open dossiers, those past their deadline: in proportion, within what the other counts leave."""
    overdue, still_open = active - on_time, active - ended
    share = overdue * still_open // active if active else 0
    return min(max(share, still_open - on_time, 0), overdue)


def scaled(unit: str, scale: float) -> Counts:
    """A unit's counts at `scale`, 1 being full size: a handful of dossiers at least, every part within its whole."""
    full = full_size()[unit]
    if scale == 1:
        return full
    active = max(round(full.active * scale), min(full.active, 5))
    petitions = max(round(full.petitions * scale), min(full.petitions, 1))

    def of(count: int, whole: int, size: int, most: int) -> int:
        return min(round(count * size / whole), most) if whole else 0

    carried = of(full.carried, full.active, active, active)
    received = active - carried
    ended = of(full.ended, full.active, active, active)
    on_time = of(full.on_time, full.active, active, active)
    fee = of(full.fee, full.active, active, received)
    e_result = of(full.e_result, full.active, active, ended)
    in_time = of(full.petitions_on_time, full.petitions, petitions, petitions)
    regulation = of(full.petitions_regulation, full.petitions, petitions, petitions)
    part = {
        "carried": carried,
        "online": of(full.online, full.active, active, received),
        "ended": ended,
        "on_time": on_time,
        "open_late": _open_late(active, on_time, ended),
        "disliked_on_time": of(full.disliked_on_time, full.active, active, on_time // 4),
        "e_result": e_result,
        "digitised": of(full.digitised, full.active, active, e_result),
        "synced": of(full.synced, full.active, active, received),
        "fee": fee,
        "paid": of(full.paid, full.active, active, fee),
        "petitions_on_time": in_time,
        "petitions_disliked_on_time": of(full.petitions_disliked_on_time, full.petitions, petitions, in_time),
        "petitions_regulation": regulation,
        "petitions_staff": of(full.petitions_staff, full.petitions, petitions, petitions - regulation),
    }
    for name in ("reused", "shared_store", "population_data"):
        part[name] = of(getattr(full, name), full.active, active, active)
    return Counts(active=active, petitions=petitions, **part)
