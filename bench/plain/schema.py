"""The plain peer's tables: every event as a row, and the units by name. No figure is kept anywhere."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, DateTime, Enum, Index, MetaData, SmallInteger, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from bench.plain.events import COLUMNS, TYPES

metadata: Final = MetaData()
_CODE: Final = Text(collation="C")
"""Codes are compared by bytes: faster than by a language's rules, and a subtree is a range of the index."""
_TIME: Final = DateTime(timezone=True)

events: Final = Table(
    "events",
    metadata,
    Column("time", _TIME, nullable=False),
    Column("received_at", _TIME, nullable=False, server_default=func.now()),
    Column("due_at", _TIME),
    Column("type", Enum(*TYPES, name="event_type"), nullable=False),
    Column("flags", SmallInteger, nullable=False),
    Column("source", _CODE, primary_key=True),
    Column("id", _CODE, primary_key=True),
    Column("unit", _CODE, nullable=False),
    Column("subject", _CODE, nullable=False),
    Column("procedure", _CODE),
    Column("channel", _CODE),
    Column("to_unit", _CODE),
    Column("data", JSONB, nullable=False),
)
units: Final = Table("units", metadata, Column("code", _CODE, primary_key=True), Column("level", Text, nullable=False))

COUNTED: Final = "type NOT IN ('dossier.submitted', 'dossier.signed')"
"""The events of which something is counted; a statement that says just this can do with the index."""

# A dossier's events side by side, with all that is counted of them: figures read this and no row of the table. It makes
# writing a tenth slower and answers a quarter to a third faster than an index on the subject alone.
Index(
    "events_counted",
    events.c.subject,
    postgresql_include=["time", "due_at", "type", "flags", "unit", "to_unit"],
    postgresql_where=text(COUNTED),
)
# Which dossiers may belong to a subtree: few rows of each dossier are in these two.
Index(
    "events_reception", events.c.unit, events.c.subject, postgresql_where=text("type = 'dossier.received'::event_type")
)
Index("events_transfer", events.c.to_unit, events.c.subject, postgresql_where=text("to_unit IS NOT NULL"))

_ARRAYS: Final = {"time": "timestamptz", "due_at": "timestamptz", "flags": "smallint"}
_CASTS: Final = {"type": "type::event_type", "data": "data::jsonb"}
INSERT: Final = f"""
INSERT INTO events ({", ".join(COLUMNS)})
SELECT {", ".join(_CASTS.get(name, name) for name in COLUMNS)}
FROM unnest({", ".join(f"${n}::{_ARRAYS.get(name, 'text')}[]" for n, name in enumerate(COLUMNS, 1))})
    AS told ({", ".join(COLUMNS)})
ON CONFLICT DO NOTHING
"""
"""A request's events, a column an array. One statement is a transaction of its own.

Twice as fast as SQLAlchemy's own insert of many values, and as fast as COPY into a temporary table and on from there.
"""
INSERT_ONE: Final = f"""
INSERT INTO events ({", ".join(COLUMNS)})
VALUES ({", ".join(f"${n}::text::event_type" if name == "type" else f"${n}" for n, name in enumerate(COLUMNS, 1))})
ON CONFLICT DO NOTHING
"""
"""The same of a single event, for which arrays are only in the way."""
