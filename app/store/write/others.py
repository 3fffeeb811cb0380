"""Petitions, documents and publications: rows beside the life's own, replaced whole whenever their life changes.

Values of a row stand in the order of its table's columns (store/schema.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from app.domain.lives.life import LifeFacts
from app.domain.lives.publication import PublicationFacts
from app.domain.tallies import tally
from app.store.connections.database import Connection
from app.store.rows import add, columns_of
from app.store.schema import document, petition, procedure_publication
from app.store.tallies.change import Contribution
from app.store.tallies.contribution import contribution
from app.store.write.moment import Moment

_TABLES: Final = {table.name: columns_of(table) for table in (petition, document, procedure_publication)}


async def contributions(
    connection: Connection, moment: Moment, subjects: Collection[str]
) -> dict[str, list[Contribution]]:
    """What the petitions and documents now stored contribute, by subject."""
    found: dict[str, list[Contribution]] = {}
    for family in (tally.PETITION, tally.DOCUMENT) if subjects else ():
        rows = await connection.fetch(
            f"SELECT * FROM {family.name} WHERE root_id = $1 AND generation = $2 AND subject = ANY($3::text[])",
            moment.root_id,
            moment.generation,
            list(subjects),
        )
        for row in rows:
            found.setdefault(row["subject"], []).append((family, *contribution(family, row)))
    return found


async def write(
    connection: Connection, moment: Moment, facts: Mapping[str, LifeFacts], there: Mapping[str, Sequence[str]]
) -> None:
    """Put these facts in the place of what is stored of their lives; `there`: by table, who may have something."""
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _TABLES}
    for subject, each in facts.items():
        rows["petition"] += _petition_rows(moment, subject, each)
        rows["document"] += _document_rows(moment, subject, each)
        if each.publication is not None:
            rows["procedure_publication"] += _publication_rows(subject, each.publication)
    key = (moment.root_id, moment.generation)
    for table, columns in _TABLES.items():
        if table in there:
            await connection.execute(
                f"DELETE FROM {table} WHERE root_id = $1 AND generation = $2 AND subject = ANY($3::text[])",
                *key,
                there[table],
            )
        await add(connection, table, columns, [(*key, *row) for row in rows[table]])


def _petition_rows(moment: Moment, subject: str, facts: LifeFacts) -> list[tuple[Any, ...]]:
    return [
        (
            subject,
            moment.unit_id(each.unit),
            each.about,
            each.disliked,
            each.voided,
            each.received_at,
            each.ended_at,
            each.deadline,
            each.late_published,
            moment.ahead(each.received_at, each.ended_at),
        )
        for each in facts.petitions
    ]


def _document_rows(moment: Moment, subject: str, facts: LifeFacts) -> list[tuple[Any, ...]]:
    return [
        (
            subject,
            moment.unit_id(each.unit),
            each.tier,
            each.electronic,
            each.signed,
            each.sent_at,
            moment.ahead(each.sent_at),
        )
        for each in facts.documents
    ]


def _publication_rows(subject: str, facts: PublicationFacts) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [(decided, effective, None, None) for decided, effective in facts.announced]
    rows += [(decided, None, published, complete) for decided, published, complete in facts.published]
    return [(subject, ordinal, *row) for ordinal, row in enumerate(rows)]
