"""A province and everything the field does to it: the oracle's random histories, ready to be pushed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.calendar.civil import day_number
from app.domain.lives.life import RULES
from app.domain.push import Parsed
from app.intake import cloudevents
from app.store.connections.database import Database
from app.store.write.intake import Intake
from tests.oracle import histories
from tests.oracle.histories import PROCEDURES, SEED_HOLIDAYS, UNITS

CLOCK = (histories.NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
"""The instant (µs) at which the histories are pushed: nothing in them is too far ahead of it."""


def arrivals(seed: int, dossiers: int) -> list[Parsed]:
    """Some five events for each of `dossiers`, with petitions, documents and publications beside; some sent twice."""
    return parsed(histories.history(seed, dossiers).events)


def parsed(events: Sequence[dict[str, Any]]) -> list[Parsed]:
    """Sound events, as they are sent, as intake takes them."""
    batch = cloudevents.parse("\n".join(map(json.dumps, events)).encode(), "application/x-ndjson", {}, 100_000)
    items = [item for item in batch.items if isinstance(item, Parsed)]
    assert len(items) == len(events)
    return items


async def province(database: Database) -> int:
    """The catalogues of the histories under a new root; its id."""
    async with database.connection("write") as connection:
        root_id = await connection.fetchval(
            "INSERT INTO root (code, revision, rules) VALUES ('H44', 2, $1) RETURNING id", RULES
        )
        await connection.executemany(
            "INSERT INTO unit (root_id, code, level, aliases) VALUES ($1, $2, $3, $4)",
            [(root_id, each["code"], each["level"], each.get("aliases", [])) for each in UNITS],
        )
        await connection.executemany(
            """
            INSERT INTO procedure (root_id, code, known, fee, issues_document, max_working_days)
            VALUES ($1, $2, true, $3, $4, $5)
            """,
            [
                (
                    root_id,
                    each["code"],
                    each.get("fee", False),
                    each.get("issues_document", True),
                    each.get("max_working_days"),
                )
                for each in PROCEDURES
            ],
        )
        await connection.executemany(
            "INSERT INTO calendar_day (root_id, day, kind) VALUES ($1, $2, 'holiday')",
            [(root_id, day_number(day)) for day in SEED_HOLIDAYS],
        )
    return int(root_id)


async def push(intake: Intake, root_id: int, items: Sequence[Parsed], at_once: int = 200) -> int:
    """Push in batches; the number accepted. Nothing may be refused."""
    accepted = 0
    for start in range(0, len(items), at_once):
        outcome = await intake.push(root_id, "H44", items[start : start + at_once])
        assert not outcome.errors
        accepted += outcome.accepted
    return accepted
