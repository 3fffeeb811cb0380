"""The lives whose events contradict each other, by cause, so that an office can mend its feed.

Voided dossiers are left out: their office has dealt with them. Petitions stand here when they were never received.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.domain.catalogues.root import Unit
from app.domain.lives.flags import FAULTS
from app.store.read.dossiers import Found, Place, Table, binder, page
from app.store.read.figures import Reader

_NEVER_RECEIVED: Final = "received_at IS NULL AND NOT voided"
_NO_RECEPTION: Final = "no_reception"


async def counts(reader: Reader, units: Sequence[Unit]) -> dict[str, int]:
    """How many lives of the units have each fault."""
    columns = ", ".join(f"count(*) FILTER (WHERE faults & {bit} <> 0)" for bit in FAULTS.values())
    key = (reader.catalogues.root_id, reader.generation, [unit.id for unit in units])
    scope = "root_id = $1 AND generation = $2 AND unit_id = ANY($3::int[])"
    row = await reader.connection.fetchrow(
        f"SELECT {columns} FROM life WHERE {scope} AND faults <> 0 AND NOT voided", *key
    )
    assert row is not None, "an aggregate always has a row"
    found = dict(zip(FAULTS, row, strict=True))
    found[_NO_RECEPTION] += await reader.connection.fetchval(
        f"SELECT count(*) FROM petition WHERE {scope} AND {_NEVER_RECEIVED}", *key
    )
    return found


async def faulty(
    reader: Reader, units: Sequence[Unit], cause: str, now: int, after: tuple[int, Place] | None, limit: int
) -> tuple[list[tuple[Table, Found]], tuple[int, Place] | None]:
    """A page of the lives with a fault, and where it ended when more follow: dossiers, then petitions.

    A place is the number of the walk and the place within it.
    """
    walks: list[tuple[Table, str]] = [("life", f"faults <> 0 AND faults & {FAULTS[cause]} <> 0 AND NOT voided")]
    if cause == _NO_RECEPTION:
        walks.append(("petition", _NEVER_RECEIVED))
    found: list[tuple[Table, Found]] = []
    start, place = after or (0, None)
    for number, (table, chosen) in enumerate(walks):
        if number < start:
            continue
        if len(found) == limit:
            return found, (number, Place(0, ""))
        bound = binder(reader.catalogues, reader.generation, 0, now)
        here, more = await page(reader, units, table, bound, chosen, place, limit - len(found))
        found += [(table, each) for each in here]
        if more is not None:
            return found, (number, more)
        place = None
    return found, None
