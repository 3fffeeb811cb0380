"""Catalogues as clients read them: rows in the contract's names, dates and instants as texts, numbers exact."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from app.domain import codes
from app.domain.calendar.civil import Day, clock_of, date_of
from app.store.catalogues.edit import TABLES, Kind
from app.store.database import Connection

_DATES = ("valid_from", "valid_to", "day")
_HIDDEN = ("known",)
_NAMES = {"day": "date", "year": "period"}


async def listing(connection: Connection, root_id: int, kind: Kind, code: str | None = None) -> list[dict[str, Any]]:
    """The rows of a catalogue in the order people read them; of one code only, where `code` is given."""
    table = TABLES[kind]
    rows = await connection.fetch(
        f"""
        SELECT * FROM {table.name}
        WHERE root_id = $1 AND {table.condition} {"" if code is None else "AND code = $2"}
        ORDER BY {", ".join(table.key)}
        """,
        root_id,
        *([] if code is None else [code]),
    )
    columns = [name for name in (*table.key, *table.defaults, *table.unsent) if name not in _HIDDEN]
    found = [{_NAMES.get(name, name): _told(name, row[name]) for name in columns} for row in rows]
    if kind == "units":
        above = await _codes_above(connection, root_id, [unit["code"] for unit in found])
        for unit in found:
            nearest = next((each for each in codes.ancestors(unit["code"]) if each in above), None)
            unit["parent"] = unit["parent"] or nearest
        found.sort(key=lambda unit: codes.sort_key(unit["code"]))
    elif kind == "targets":
        for target in found:
            target["unit"], target["level"] = target["unit"] or None, target["level"] or None
    return found


async def _codes_above(connection: Connection, root_id: int, of: Collection[str]) -> set[str]:
    wanted = {above for code in of for above in codes.ancestors(code)}
    rows = await connection.fetch(
        "SELECT code FROM unit WHERE root_id = $1 AND code = ANY($2::text[])", root_id, sorted(wanted)
    )
    return {row["code"] for row in rows}


def _told(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _DATES:
        return date_of(Day(value)).isoformat()
    if name == "entered_at":
        return clock_of(value).isoformat()
    return str(value) if name == "year" else value
