"""Reading announcements and publications of procedures: few rows of the root, counted from their facts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from app.domain.catalogues import indicators
from app.domain.catalogues.root import Catalogues
from app.domain.figures.cube import Slices
from app.domain.lives import publication
from app.domain.lives.publication import Announced, PublicationCounts, PublicationFacts, Published
from app.store.connections.database import Connection


async def counted(
    connection: Connection, catalogues: Catalogues, generation: int, slices: Slices
) -> dict[int, PublicationCounts]:
    """The root's announcements and publications in each slice from slice 1 on."""
    facts = list((await every(connection, catalogues, generation)).values())
    return {
        number: publication.count(facts, first, until, catalogues.calendar, *limits_of(catalogues))
        for number, (first, until) in enumerate(pairwise(slices.edges), start=1)
    }


def limits_of(catalogues: Catalogues) -> tuple[int, int]:
    """Working days in which the root is to announce and to publish."""
    limits = indicators.load().limits
    if catalogues.level_of(catalogues.root) == "ministry":
        return limits.announce_ministry, limits.publish_ministry
    return limits.announce, limits.publish


async def every(connection: Connection, catalogues: Catalogues, generation: int) -> dict[str, PublicationFacts]:
    """What is known of the root's procedures, by code."""
    rows = await connection.fetch(
        """
        SELECT subject, decided_on, effective_on, published_on, complete FROM procedure_publication
        WHERE root_id = $1 AND generation = $2 ORDER BY subject, ordinal
        """,
        catalogues.root_id,
        generation,
    )
    return facts_of(rows)


def facts_of(rows: Sequence[Any]) -> dict[str, PublicationFacts]:
    """Stored rows, in order, as facts by procedure code."""
    announced: dict[str, list[Announced]] = {}
    published: dict[str, list[Published]] = {}
    for row in rows:
        if row["effective_on"] is not None:
            announced.setdefault(row["subject"], []).append(Announced(row["decided_on"], row["effective_on"]))
        else:
            fact = Published(row["decided_on"], row["published_on"], row["complete"])
            published.setdefault(row["subject"], []).append(fact)
    return {
        subject: PublicationFacts(tuple(announced.get(subject, ())), tuple(published.get(subject, ())))
        for subject in announced.keys() | published.keys()
    }
