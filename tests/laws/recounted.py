"""A random history in a running service, and the recount of it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tests.oracle.histories import NOW, SEED_HOLIDAYS, SEED_WORKDAYS, UNITS, history
from tests.oracle.points import Figure, half_up
from tests.oracle.recount import Recount
from tests.running import Running
from tests.seeds import dice

SECTORS = {"1.000001": "Hộ tịch", "1.000002": "Chứng thực", "1.000004": "Hộ tịch", "2.000010": "Đất đai"}
MORE_UNITS = [
    {"code": "H44.17", "name": "Sở cũ", "level": "department", "valid_to": "2025-12-31"},
    {"code": "H44.135", "name": "Xã mới", "level": "commune", "valid_from": "2026-11-23"},
    {"code": "H44.136", "name": "Xã chưa có", "level": "commune", "valid_from": "2026-11-24"},
]


async def recounted(running: Running, seed: int, size: int = 150) -> Recount:
    """Load a history, its clock standing at the history's now; the recount has the same events and catalogues."""
    made = history(seed, size)
    procedures = [row | {"sector": SECTORS.get(row["code"])} for row in made.procedures]
    units = UNITS + MORE_UNITS
    running.clock.at = NOW
    await running.catalogue(units, procedures)
    answer = await running.put("/v1/external-figures", made.external)
    assert answer.json()["errors"] == []
    events = list(made.events)
    dice(seed).shuffle(events)
    outcome = await running.push(events)
    assert outcome["errors"] == []
    return Recount(made.events, units, procedures, SEED_HOLIDAYS, external=made.external, seed_workdays=SEED_WORKDAYS)


def told(figure: Figure) -> dict:
    """A recounted figure as an answer shows it."""
    ratio = None if figure.ratio is None else float(half_up(figure.ratio * 100))
    return {"numerator": figure.numerator, "denominator": figure.denominator, "ratio": ratio}


def number(shown: float | None) -> Fraction | None:
    """A JSON number as written."""
    return None if shown is None else Fraction(Decimal(repr(shown)))
