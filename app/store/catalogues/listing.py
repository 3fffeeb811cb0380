"""Catalogues as clients read them: rows in the contract's names, dates and instants as texts, numbers exact."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, func, select

from app.domain import codes
from app.domain.calendar.civil import Day, clock_of, date_of
from app.domain.catalogues.root import CatalogueName
from app.store.catalogues.tables import CATALOGUES
from app.store.connections.database import Connection
from app.store.schema import unit
from app.store.statements import in_sql

_DATES = ("valid_from", "valid_to", "day")
_HIDDEN = ("known",)
_CODES = select(unit.c.code).where(unit.c.root_id == bindparam("root_id"), unit.c.code == func.any(bindparam("codes")))
_NAMES = {"day": "date", "year": "period"}


async def listing(
    connection: Connection, root_id: int, kind: CatalogueName, code: str | None = None
) -> list[dict[str, Any]]:
    """The rows of a catalogue in the order people read them; of one code only, where `code` is given."""
    catalogue = CATALOGUES[kind]
    asked = catalogue.rows if code is None else catalogue.of_code
    rows = await connection.fetch(*in_sql(asked, root_id=root_id, code=code))
    columns = [name for name in (*catalogue.key, *catalogue.defaults, *catalogue.unsent) if name not in _HIDDEN]
    found = [{_NAMES.get(name, name): _told(name, row[name]) for name in columns} for row in rows]
    if kind == "units":
        above = await _codes_above(connection, root_id, [row["code"] for row in found])
        for row in found:
            nearest = next((each for each in codes.ancestors(row["code"]) if each in above), None)
            row["parent"] = row["parent"] or nearest
        found.sort(key=lambda row: codes.sort_key(row["code"]))
    elif kind == "targets":
        for target in found:
            target["unit"], target["level"] = target["unit"] or None, target["level"] or None
    return found


async def _codes_above(connection: Connection, root_id: int, of: Collection[str]) -> set[str]:
    wanted = {above for code in of for above in codes.ancestors(code)}
    rows = await connection.fetch(*in_sql(_CODES, root_id=root_id, codes=sorted(wanted)))
    return {row["code"] for row in rows}


def _told(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _DATES:
        return date_of(Day(value)).isoformat()
    if name == "entered_at":
        return clock_of(value).isoformat()
    return str(value) if name == "year" else value
