"""The lives whose events contradict each other, by cause, so that an office can mend its feed.

Voided dossiers are left out: their office has dealt with them. Petitions stand here when they were never received.
Both stand here when their code is another's but for capitals, dashes and blanks: then they are likely one, sent twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from app.domain.catalogues.root import Unit
from app.domain.lives.flags import CAUSES, FAULTS, LIKELY_DUPLICATE
from app.store.read.dossiers import Found, Place, Table, binder, page
from app.store.read.figures import Reader
from app.store.schema import PLAIN_SUBJECT

_NEVER_RECEIVED: Final = "received_at IS NULL AND NOT voided"
_NO_RECEPTION: Final = "no_reception"
_TABLES: Final[tuple[Table, ...]] = ("life", "petition")
_ALIKE: Final = "subject = ANY({alike}) AND NOT voided"
# Of two codes alike one at least is not the plain one, and there are few of those: an index has them by the plain one.
_FIND_ALIKE: Final = f"""
    WITH odd AS MATERIALIZED (
        SELECT subject, {PLAIN_SUBJECT} AS plain FROM {{table}}
        WHERE root_id = $1 AND generation = $2 AND subject <> {PLAIN_SUBJECT} AND NOT voided
    ), spelt AS (
        SELECT subject, plain FROM odd
        UNION SELECT subject, subject FROM {{table}}
        WHERE root_id = $1 AND generation = $2 AND subject = ANY(ARRAY(SELECT plain FROM odd)) AND NOT voided
    )
    SELECT unnest(array_agg(subject)) FROM spelt GROUP BY plain HAVING count(*) > 1
"""


async def counts(reader: Reader, units: Sequence[Unit]) -> dict[str, int]:
    """How many lives of the units have each fault."""
    found = Counter[str]()
    for each in (await counts_by_unit(reader, units)).values():
        found.update(each)
    return {cause: found[cause] for cause in CAUSES}


async def counts_by_unit(reader: Reader, units: Sequence[Unit]) -> dict[int, Counter[str]]:
    """How many lives of each unit (by id) have each fault; of units and causes without any nothing."""
    key = (reader.catalogues.root_id, reader.generation, [unit.id for unit in units])
    scope = "root_id = $1 AND generation = $2 AND unit_id = ANY($3::int[])"
    columns = ", ".join(f"count(*) FILTER (WHERE faults & {bit} <> 0)" for bit in FAULTS.values())
    rows = await reader.connection.fetch(
        f"SELECT unit_id, {columns} FROM life WHERE {scope} AND faults <> 0 AND NOT voided GROUP BY unit_id", *key
    )
    found = defaultdict(Counter[str], {row[0]: +Counter(dict(zip(FAULTS, row[1:], strict=True))) for row in rows})

    async def more(cause: str, table: Table, chosen: str, *values: object) -> None:
        counted = f"SELECT unit_id, count(*) FROM {table} WHERE {scope} AND {chosen} GROUP BY unit_id"
        for unit, n in await reader.connection.fetch(counted, *key, *values):
            found[unit][cause] += n

    await more(_NO_RECEPTION, "petition", _NEVER_RECEIVED)
    for table in _TABLES:
        if alike := await _alike(reader, table):
            await more(LIKELY_DUPLICATE, table, _ALIKE.format(alike="$4::text[]"), alike)
    return found


async def _alike(reader: Reader, table: Table) -> list[str]:
    """The subjects of a whole root that differ from another in capitals, dashes and blanks only."""
    key = (reader.catalogues.root_id, reader.generation)
    # The planner takes nearly all rows for odd, whatever it has seen of them, and would read the whole table.
    await reader.connection.execute("SET LOCAL enable_seqscan = off")
    rows = await reader.connection.fetch(_FIND_ALIKE.format(table=table), *key)
    await reader.connection.execute("SET LOCAL enable_seqscan = on")
    return [row[0] for row in rows]


async def faulty(
    reader: Reader, units: Sequence[Unit], cause: str, now: int, after: tuple[int, Place] | None, limit: int
) -> tuple[list[tuple[Table, Found]], tuple[int, Place] | None]:
    """A page of the lives with a fault, and where it ended when more follow: dossiers, then petitions.

    A place is the number of the walk and the place within it.
    """
    walks: list[tuple[Table, str]]
    if cause == LIKELY_DUPLICATE:
        walks = [(table, _ALIKE) for table in _TABLES]
    else:
        walks = [("life", f"faults <> 0 AND faults & {FAULTS[cause]} <> 0 AND NOT voided")]
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
        if cause == LIKELY_DUPLICATE:
            bound.values["alike"] = ("text[]", await _alike(reader, table))
        here, more = await page(reader, units, table, bound, chosen, place, limit - len(found))
        found += [(table, each) for each in here]
        if more is not None:
            return found, (number, more)
        place = None
    return found, None
