"""The lives whose events contradict each other, by cause, so that an office can mend its feed.

Voided dossiers are left out: their office has dealt with them. Petitions stand here when they were never received.
Both stand here when their code is another's but for capitals, dashes and blanks: then they are likely one, sent twice.
Dossiers told in the national portal's payload stand here also by what was told, counted or not: those without a unit
under that of their source's keys.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from app.domain.catalogues.root import Unit
from app.domain.lives.flags import CAUSES, FAULTS, LIKELY_DUPLICATE, PORTAL_FAULTS
from app.domain.portal.faults import Constant, constants
from app.domain.portal.state import SOURCE
from app.domain.portal.untold import untold
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
_LIFE: Final = "life.root_id = $1 AND life.generation = $2 AND life.subject = told.subject"
_TOLD_COUNTS: Final = f"""
    SELECT unit, CASE WHEN unit IS NULL THEN source END AS source,
        {", ".join(f"count(*) FILTER (WHERE faults & {bit} <> 0)" for bit in PORTAL_FAULTS.values())}
    FROM portal_dossier AS told
    WHERE root_id = $1 AND faults <> 0 AND (unit = ANY($3::text[]) OR (unit IS NULL AND source = ANY($4::text[])))
      AND NOT EXISTS (SELECT FROM life WHERE {_LIFE} AND life.voided)
    GROUP BY 1, 2
"""
_TOLD_LIST: Final = f"""
    SELECT place.n, told.source, told.subject, procedure_id, channel, coalesce(flags, 0) AS flags, received_at, due_at,
        deadline, ended_at
    FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS place (unit, source, n)
    CROSS JOIN LATERAL (
        SELECT source, subject, faults FROM portal_dossier WHERE root_id = $1 AND unit = place.unit AND faults <> 0
        UNION ALL
        SELECT source, subject, faults FROM portal_dossier
        WHERE root_id = $1 AND unit IS NULL AND source = place.source AND faults <> 0
    ) AS told
    LEFT JOIN life ON {_LIFE}
    WHERE told.faults & $5 <> 0 AND voided IS NOT TRUE
      AND (place.n, told.subject, told.source) > ($6::bigint, $7::text COLLATE "C", $8::text COLLATE "C")
    ORDER BY place.n, told.subject, told.source LIMIT $9
"""

_SOURCES: Final = """
    SELECT told.source, told.dossiers, untrusted, fields, "values"
    FROM (SELECT source, count(*) AS dossiers FROM portal_dossier WHERE root_id = $1 GROUP BY source) AS told
    LEFT JOIN portal_source ON portal_source.root_id = $1 AND portal_source.source = told.source
    LEFT JOIN (
        SELECT source, array_agg(field ORDER BY field, value) AS fields,
            array_agg(value ORDER BY field, value) AS "values"
        FROM portal_value WHERE root_id = $1 GROUP BY source
    ) AS seen ON seen.source = told.source
    ORDER BY told.source
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
    by_code = {unit.code: unit.id for unit in units}
    for unit, source, *numbers in await reader.connection.fetch(_TOLD_COUNTS, *_told(reader, units)):
        code = unit if source is None else source.removeprefix(SOURCE)
        found[by_code[code]].update(dict(zip(PORTAL_FAULTS, numbers, strict=True)))
    return found


def _told(reader: Reader, units: Sequence[Unit]) -> tuple[Any, ...]:
    codes = [unit.code for unit in units]
    return reader.catalogues.root_id, reader.generation, codes, [f"{SOURCE}{code}" for code in codes]


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
    if cause in PORTAL_FAULTS:
        told, more = await _faulty_told(reader, units, cause, after[1] if after else Place(0, ""), limit)
        return [("life", each) for each in told], None if more is None else (0, more)
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


async def _faulty_told(
    reader: Reader, units: Sequence[Unit], cause: str, after: Place, limit: int
) -> tuple[list[Found], Place | None]:
    """A page of the dossiers that were told with a fault; a place's subject is also that of the source, in a line each.

    Of what is not counted there is its code only.
    """
    subject, _, source = after.subject.partition("\n")
    values = (PORTAL_FAULTS[cause], after.unit + 1, subject, source, limit + 1)
    rows = await reader.connection.fetch(_TOLD_LIST, *_told(reader, units), *values)
    found = [
        Found(units[row["n"] - 1].code, row, Place(row["n"] - 1, f"{row['subject']}\n{row['source']}")) for row in rows
    ]
    return found[:limit], found[limit - 1].place if len(found) > limit else None


class Source(NamedTuple):
    """A source of the portal's payload: how many dossiers it told, what is not believed, what never varies, and the
    measures of which it tells nothing.
    """

    name: str
    dossiers: int
    untrusted: Sequence[str]
    constants: Sequence[Constant]
    untold: frozenset[str]


async def sources(reader: Reader) -> list[Source]:
    """The root's sources of the portal's payload, by name."""
    rows = await reader.connection.fetch(_SOURCES, reader.catalogues.root_id)
    return [
        Source(
            name,
            dossiers,
            untrusted or (),
            constants(zip(fields or (), values or (), strict=True), dossiers),
            untold(untrusted or (), fields or ()),
        )
        for name, dossiers, untrusted, fields, values in rows
    ]
