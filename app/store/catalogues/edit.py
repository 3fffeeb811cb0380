"""Catalogues in and out: rows laid over what stands, in one transaction that keeps every writer of facts out.

What a row may say is checked by draft.py; which lives an edit makes stale is decided here, write/refold.py folds them.
An edit that changes nothing raises no revision: a nightly resend of the whole catalogue costs no cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from app.domain.calendar.workdays import Calendar
from app.domain.push import Rejected
from app.store.catalogues import draft as drafts
from app.store.catalogues import lock
from app.store.catalogues.draft import Draft, Key, Row
from app.store.catalogues.read import CatalogueCache
from app.store.catalogues.stale import begin
from app.store.database import Connection, Database

__all__ = ["TABLES", "Kind", "PutResult", "Table", "put_calendar", "put_external_figures",
           "put_procedures", "put_targets", "put_units"]  # fmt: skip

Kind = Literal["units", "procedures", "targets", "external-figures", "calendar"]

_COUNTED: Final = ("fee", "issues_document", "max_working_days")
"""Attributes of a procedure that facts are folded with; all else is applied at reading."""


@dataclass(frozen=True)
class Table:
    """Where a catalogue stands: the columns of its key, its attributes with the defaults, and those nobody sends.

    `condition` selects the rows that count as there; `removable`: a row of defaults only is as good as none.
    """

    name: str
    key: tuple[str, ...]
    defaults: Mapping[str, Any]
    unsent: tuple[str, ...] = ()
    condition: str = "true"
    removable: bool = False

    def upsert(self) -> str:
        """INSERT or UPDATE of one row: root, key, attributes, then what nobody sends."""
        columns = [f'"{name}"' for name in (*self.key, *self.defaults, *self.unsent)]
        return f"""
            INSERT INTO {self.name} (root_id, {", ".join(columns)})
            VALUES ({", ".join(f"${n}" for n in range(1, len(columns) + 2))})
            ON CONFLICT (root_id, {", ".join(self.key)}) DO UPDATE
            SET {", ".join(f"{name} = excluded.{name}" for name in columns[len(self.key) :])}
        """


_VALIDITY: Final = {"valid_from": None, "valid_to": None}
TABLES: Final[Mapping[Kind, Table]] = {
    "units": Table(
        "unit",
        ("code",),
        {
            "name": None, "level": None, "parent": None, "certified_copy": False, **_VALIDITY, "successor": None,
            "aliases": (),
        },
    ),
    "procedures": Table(
        "procedure",
        ("code",),
        {
            "name": None, "sector": None, "service_level": "none", "full_eligible": False, "fee": False,
            "payment_integrated": False, "issues_document": True, "applicants": (), "max_working_days": None,
            "essential": False, "units": (), "levels": (), **_VALIDITY,
        },
        ("known",),
        # A code that was only seen in events is as good as new.
        "known",
    ),
    "targets": Table("target", ("indicator", "unit", "level", "year"), {"value": None}, removable=True),
    "external-figures": Table(
        "external_figure",
        ("code", "unit", "period"),
        dict.fromkeys(("value", "score", "max", "rank", "of", "count", "source", "note")),
        ("entered_by", "entered_at"),
    ),
    "calendar": Table("calendar_day", ("day",), {"kind": None, "name": ""}, ("seeded",)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of the rows, and how many lives now wait to be folded again."""

    accepted: int
    errors: Sequence[Rejected]
    refolding: int


@dataclass(frozen=True, slots=True)
class _Stale:
    """What an edit makes stale: lives of these procedures (codes), or whatever depends on the calendar."""

    procedures: Sequence[str] = ()
    calendar: bool = False


@dataclass(frozen=True)
class _Edit:
    """One kind of PUT: its table, its checks, values of the columns nobody sends, and what it makes stale."""

    kind: Kind
    check: drafts.Check
    unsent: tuple[Any, ...] = ()
    stale: Callable[[Draft, Mapping[Key, Any]], _Stale] = field(default=lambda draft, changed: _Stale())


async def put_units(
    database: Database, catalogue_cache: CatalogueCache, root_id: int, key_unit: str, rows: Sequence[Row]
) -> PutResult:
    """Take in units with a key of `key_unit`."""
    return await _put(database, catalogue_cache, root_id, key_unit, rows, _Edit("units", drafts.check_units))


async def put_procedures(
    database: Database, catalogue_cache: CatalogueCache, root_id: int, key_unit: str, rows: Sequence[Row]
) -> PutResult:
    """Take in procedures; lives of those whose counted attributes change, or that become known, are folded again."""
    edit = _Edit("procedures", drafts.check_procedures, (True,), _stale_procedures)
    return await _put(database, catalogue_cache, root_id, key_unit, rows, edit)


async def put_targets(
    database: Database, catalogue_cache: CatalogueCache, root_id: int, key_unit: str, rows: Sequence[Row]
) -> PutResult:
    """Take in targets; one without a value is removed."""
    return await _put(database, catalogue_cache, root_id, key_unit, rows, _Edit("targets", drafts.check_targets))


async def put_external_figures(
    database: Database,
    catalogue_cache: CatalogueCache,
    root_id: int,
    key_unit: str,
    rows: Sequence[Row],
    entered_by: str,
    now: int | None,
) -> PutResult:
    """Take in figures entered by hand, with who entered them; `now` in µs, None for the database's clock."""
    edit = _Edit("external-figures", drafts.check_external_figures, (entered_by, now))
    return await _put(database, catalogue_cache, root_id, key_unit, rows, edit)


async def put_calendar(
    database: Database, catalogue_cache: CatalogueCache, root_id: int, key_unit: str, rows: Sequence[Row]
) -> PutResult:
    """Take in days that override the seed; when that moves a working day, what depends on it is folded again."""
    edit = _Edit("calendar", drafts.check_calendar, (False,), _stale_by_calendar)
    return await _put(database, catalogue_cache, root_id, key_unit, rows, edit)


async def _put(
    database: Database, catalogue_cache: CatalogueCache, root_id: int, key_unit: str, rows: Sequence[Row], edit: _Edit
) -> PutResult:
    if not rows:
        return PutResult(0, (), 0)

    async def work(connection: Connection) -> PutResult:
        await lock.hold_alone(connection, root_id)
        revision = await connection.fetchval("SELECT revision FROM root WHERE id = $1", root_id)
        catalogues = await catalogue_cache.at(connection, root_id, revision)
        table = TABLES[edit.kind]
        stored = await _stored(connection, table, root_id)
        draft = drafts.draft_of(catalogues, key_unit, stored, table.defaults, rows)
        edit.check(draft)
        changed = draft.changed(table.defaults if table.removable else None)
        refolding = await _write(connection, root_id, edit, draft, changed) if changed else 0
        errors = sorted(draft.errors, key=lambda each: each.index)
        return PutResult(len(draft.entries), errors, refolding)

    return await database.write(work)


async def _stored(connection: Connection, table: Table, root_id: int) -> dict[Key, dict[str, Any]]:
    rows = await connection.fetch(f"SELECT * FROM {table.name} WHERE root_id = $1 AND {table.condition}", root_id)
    return {
        tuple(row[name] for name in table.key): {
            name: tuple(row[name]) if isinstance(row[name], list) else row[name] for name in table.defaults
        }
        for row in rows
    }


async def _write(
    connection: Connection, root_id: int, edit: _Edit, draft: Draft, changed: Mapping[Key, Mapping[str, Any]]
) -> int:
    """Write what changed, in key order, raise the revision and note what is stale: how many lives."""
    table = TABLES[edit.kind]
    unsent = edit.unsent
    if edit.kind == "external-figures" and unsent[1] is None:
        unsent = (unsent[0], await connection.fetchval("SELECT clock_timestamp()"))
    if edit.kind == "targets":
        removed = [key for key, now in changed.items() if now["value"] is None]
        await connection.executemany(
            "DELETE FROM target WHERE root_id = $1 AND indicator = $2 AND unit = $3 AND level = $4 AND year = $5",
            [(root_id, *key) for key in removed],
        )
        changed = {key: now for key, now in changed.items() if now["value"] is not None}
    # Sorted (Draft.changed): pushes insert the codes of procedures they meet in the same order.
    records = [(root_id, *key, *now.values(), *unsent) for key, now in changed.items()]
    await connection.executemany(table.upsert(), records)
    revision = await lock.raise_revision(connection, root_id)
    stale = edit.stale(draft, changed)
    if not stale.procedures and not stale.calendar:
        return 0
    ids = await connection.fetch(
        "SELECT id FROM procedure WHERE root_id = $1 AND code = ANY($2::text[])", root_id, stale.procedures
    )
    return await begin(connection, root_id, revision, {row["id"] for row in ids}, calendar=stale.calendar)


def _stale_procedures(draft: Draft, changed: Mapping[Key, Any]) -> _Stale:
    """Those that become known, and those of which a counted attribute changes."""
    stale = []
    for key, now in changed.items():
        before = draft.stored.get(key)
        if before is None or any(before[name] != now[name] for name in _COUNTED):
            stale.append(key[0])
    return _Stale(procedures=stale)


def _stale_by_calendar(draft: Draft, changed: Mapping[Key, Any]) -> _Stale:
    """Whatever depends on the calendar, when a day is worked that was not, or the reverse."""
    days = {key[0]: now["kind"] for key, now in {**draft.stored, **changed}.items()}
    before = draft.catalogues.calendar
    after = Calendar(
        frozenset(day for day, kind in days.items() if kind == "holiday"),
        frozenset(day for day, kind in days.items() if kind == "workday"),
    )
    return _Stale(calendar=any(before.is_workday(key[0]) != after.is_workday(key[0]) for key in changed))
