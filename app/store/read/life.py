"""One life with everything that is known about it, as far as the asker may see.

The story is the fold's (domain.lives.explain); which indicators the life counts in is asked of the very conditions
that the lists are made of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from app.domain.catalogues import indicators
from app.domain.catalogues.indicators import Indicator
from app.domain.catalogues.root import Catalogues
from app.domain.codes import is_under
from app.domain.lives.explain import Deadline, Story, Told, explain
from app.domain.lives.life import LifeFacts
from app.domain.lives.packing import unpack
from app.store.connections.database import Connection
from app.store.read.dossiers import CONDITIONS, Table, binder, condition, table_of
from app.store.snapshot import ReadingMoment

_MANY: Final = 60
"""Events from which on a life is explained aside: each is tried without, and the others wait."""

Stand = Literal["numerator", "missing", "not_counted"]
Verdict = tuple[Indicator, Stand]
"""An indicator, and on which side of it a life stands now."""


@dataclass(frozen=True)
class Seen:
    """A life as one may see it: facts and events of parts out of reach are not in it. Verdicts by table and unit."""

    facts: LifeFacts
    events: list[Told]
    deadline: Deadline | None
    verdicts: dict[tuple[Table, str], list[Verdict]]


def is_subject(text: str) -> bool:
    """Whether anything could be known under this text at all."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(text) <= 200 and "\0" not in text


async def tell(
    connection: Connection, moment: ReadingMoment, subject: str, reaches: Callable[[str], bool]
) -> Seen | None:
    """The life of a subject; None when there is none, or nothing of it that the asker's units reach."""
    stored = await connection.fetchval(
        "SELECT events FROM life WHERE root_id = $1 AND generation = $2 AND subject = $3",
        moment.catalogues.root_id,
        moment.generation,
        subject,
    )
    if stored is None:
        return None
    life = unpack(subject, stored)
    if len(life) < _MANY:
        story = explain(subject, life, moment.catalogues)
    else:
        story = await asyncio.to_thread(explain, subject, life, moment.catalogues)
    seen = _within(story, reaches)
    if seen is None:
        return None
    facts, events = seen
    verdicts: dict[tuple[Table, str], list[Verdict]] = {}
    for table in CONDITIONS:
        verdicts |= await _verdicts(connection, moment, subject, table)
    return Seen(facts, events, story.deadline if facts.dossier is not None else None, verdicts)


def _within(story: Story, reaches: Callable[[str], bool]) -> tuple[LifeFacts, list[Told]] | None:
    """The facts and events that one may see. A dossier is that of the units that handle it or did, whoever sent its
    events; what is told about a procedure is the whole root's.
    """
    facts = story.facts
    is_dossier, is_mine = facts.dossier is not None, any(map(reaches, story.holders))

    def visible(told: Told) -> bool:
        noun = told.event.what.noun
        if noun == "dossier" and is_dossier:
            return is_mine
        return noun == "procedure" or reaches(told.event.unit)

    events = [
        told
        for told in story.events
        # A retraction is seen by those who see what it undid.
        if (visible(told) if told.other is None or not told.effect else visible(Told(told.other, True)))
    ]
    if not events:
        return None
    return (
        LifeFacts(
            facts.dossier if is_mine else None,
            tuple(each for each in facts.petitions if reaches(each.unit)),
            tuple(each for each in facts.documents if reaches(each.unit)),
            facts.publication,
        ),
        events,
    )


async def _verdicts(
    connection: Connection, moment: ReadingMoment, subject: str, table: Table
) -> dict[tuple[Table, str], list[Verdict]]:
    """By unit: on which side of each indicator the subject's lives stand, over all time until now."""
    asked = [each for each in indicators.load().indicators if each.kind == "ratio" and table_of(each) == table]
    bound = binder(moment.catalogues, moment.generation, 0, moment.now)
    bound.values["subject"] = ("text", subject)
    sides = ", ".join(
        f"({condition(table, each, 'numerator')}) IS TRUE, ({condition(table, each, 'missing')}) IS TRUE"
        for each in asked
    )
    statement = bound.sql(
        f"""
        SELECT unit_id, {sides} FROM {table}
        WHERE root_id = {{root}} AND generation = {{generation}} AND subject = {{subject}} AND unit_id IS NOT NULL
        """
    )
    found = {}
    for row in await connection.fetch(statement, *bound.parameters):
        stands: list[Stand] = [
            "numerator" if row[place] else "missing" if row[place + 1] else "not_counted"
            for place in range(1, 1 + 2 * len(asked), 2)
        ]
        unit = moment.catalogues.unit_by_id(row["unit_id"]).code
        found[table, unit] = list(zip(asked, stands, strict=True))
    return found


def reach_of(catalogues: Catalogues, unit: str) -> Callable[[str], bool]:
    """Which units a key of `unit` reaches: those under it, and those merged into one of them; "" reaches all."""
    if not unit:
        return lambda code: True
    inside = {each.code for each in catalogues.in_scope(unit, "subtree")} if unit in catalogues.units else set()
    return lambda code: code in inside or is_under(code, unit)
