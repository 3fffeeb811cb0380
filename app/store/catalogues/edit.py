"""Catalogues in and out: rows laid over what stands, in one transaction that keeps every writer of facts out.

What a row may say is checked by draft.py; which lives an edit makes stale is decided here, write/refold.py folds them.
An edit that changes nothing raises no revision: a nightly resend of the whole catalogue costs no cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import func, select

from app.domain.calendar.workdays import Calendar
from app.domain.catalogues.root import CatalogueName
from app.domain.push import Rejected, Warned
from app.store import audit
from app.store.audit import COMMAND_LINE, Actor, Change
from app.store.catalogues import lock, rules, told
from app.store.catalogues.draft import Draft, Key, Row, draft_of
from app.store.catalogues.read import CatalogueCache
from app.store.catalogues.stale import Stale, begin
from app.store.catalogues.tables import CATALOGUES, Catalogue
from app.store.connections.database import Connection, Database
from app.store.lineage import LINEAGE
from app.store.schema import procedure
from app.store.statements import in_sql, in_sql_for_each

__all__ = ["PutResult", "preview", "put_calendar", "put_external_figures", "put_procedures", "put_targets", "put_units"]

_COUNTED: Final = ("fee", "issues_document", "max_working_days")
"""Attributes of a procedure that facts are folded with; all else is applied at reading."""


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of the rows, how many lives now wait to be folded again, and what stands differently now."""

    accepted: int
    errors: Sequence[Rejected]
    refolding: int
    warnings: Sequence[Warned] = ()
    changes: Sequence[Change] = field(default=(), compare=False)


@dataclass(frozen=True)
class _Edit:
    """One kind of PUT: its table, its checks, values of the columns nobody sends."""

    kind: CatalogueName
    check: rules.Check
    unsent: tuple[Any, ...] = ()


async def put_units(
    database: Database,
    catalogue_cache: CatalogueCache,
    root_id: int,
    key_unit: str,
    rows: Sequence[Row | Rejected],
    actor: Actor = COMMAND_LINE,
) -> PutResult:
    """Take in units with a key of `key_unit`."""
    return await _put(database, catalogue_cache, root_id, key_unit, rows, actor, _Edit("units", rules.check_units))


async def put_procedures(
    database: Database,
    catalogue_cache: CatalogueCache,
    root_id: int,
    key_unit: str,
    rows: Sequence[Row | Rejected],
    actor: Actor = COMMAND_LINE,
) -> PutResult:
    """Take in procedures; lives of those whose counted attributes change, or that become known, are folded again."""
    edit = _Edit("procedures", rules.check_procedures, (True,))
    return await _put(database, catalogue_cache, root_id, key_unit, rows, actor, edit)


async def put_targets(
    database: Database,
    catalogue_cache: CatalogueCache,
    root_id: int,
    key_unit: str,
    rows: Sequence[Row | Rejected],
    actor: Actor = COMMAND_LINE,
) -> PutResult:
    """Take in targets; one without a value is removed."""
    return await _put(database, catalogue_cache, root_id, key_unit, rows, actor, _Edit("targets", rules.check_targets))


async def put_external_figures(
    database: Database,
    catalogue_cache: CatalogueCache,
    root_id: int,
    key_unit: str,
    rows: Sequence[Row | Rejected],
    entered_by: str,
    now: int | None,
    actor: Actor = COMMAND_LINE,
) -> PutResult:
    """Take in figures entered by hand, with who entered them; `now` in µs, None for the database's clock."""
    edit = _Edit("external-figures", rules.check_external_figures, (entered_by, now))
    return await _put(database, catalogue_cache, root_id, key_unit, rows, actor, edit)


async def put_calendar(
    database: Database,
    catalogue_cache: CatalogueCache,
    root_id: int,
    key_unit: str,
    rows: Sequence[Row | Rejected],
    actor: Actor = COMMAND_LINE,
) -> PutResult:
    """Take in days that override the seed; when that moves a working day, what depends on it is folded again."""
    edit = _Edit("calendar", rules.check_calendar, (False,))
    return await _put(database, catalogue_cache, root_id, key_unit, rows, actor, edit)


async def preview(
    connection: Connection,
    catalogue_cache: CatalogueCache,
    root_id: int,
    key_unit: str,
    kind: Literal["units", "procedures"],
    rows: Sequence[Row | Rejected],
) -> PutResult:
    """What a PUT would do, as the connection's transaction sees the catalogue; nothing is written."""
    check = rules.check_units if kind == "units" else rules.check_procedures
    draft, changed = await _drafted(connection, catalogue_cache, root_id, key_unit, rows, _Edit(kind, check))
    return _result(draft, rows, told.changes(kind, draft, changed))


async def _put(
    database: Database,
    catalogue_cache: CatalogueCache,
    root_id: int,
    key_unit: str,
    rows: Sequence[Row | Rejected],
    actor: Actor,
    edit: _Edit,
) -> PutResult:
    unread = _unread(rows)
    if len(unread) == len(rows):
        return PutResult(0, unread, 0)

    async def work(connection: Connection) -> PutResult:
        await lock.hold_alone(connection, root_id)
        draft, changed = await _drafted(connection, catalogue_cache, root_id, key_unit, rows, edit)
        changes, refolding = told.changes(edit.kind, draft, changed), 0
        if changed:
            refolding = await _write(connection, root_id, edit, draft, changed)
            await audit.write(connection, root_id, actor, changes)
        return _result(draft, rows, changes, refolding)

    return await database.write(work)


async def _drafted(
    connection: Connection,
    catalogue_cache: CatalogueCache,
    root_id: int,
    key_unit: str,
    rows: Sequence[Row | Rejected],
    edit: _Edit,
) -> tuple[Draft, Mapping[Key, Mapping[str, Any]]]:
    """The checked draft, and the rows that would stand differently."""
    lineage = await connection.fetchval(f"SELECT {LINEAGE} FROM root WHERE id = $1", root_id)
    catalogues = await catalogue_cache.at(connection, root_id, lineage)
    catalogue = CATALOGUES[edit.kind]
    stored = await _stored(connection, catalogue, root_id)
    draft = draft_of(catalogues, key_unit, stored, catalogue.defaults, rows)
    edit.check(draft)
    return draft, draft.changed(catalogue.defaults if catalogue.removable else None)


def _unread(rows: Sequence[Row | Rejected]) -> list[Rejected]:
    return [each for each in rows if isinstance(each, Rejected) and each.read is None]


def _result(draft: Draft, rows: Sequence[Row | Rejected], changes: Sequence[Change], refolding: int = 0) -> PutResult:
    errors = sorted([*draft.errors, *_unread(rows)], key=lambda each: each.index)
    return PutResult(len(draft.entries), errors, refolding, tuple(draft.warnings), changes)


async def _stored(connection: Connection, catalogue: Catalogue, root_id: int) -> dict[Key, dict[str, Any]]:
    return {
        tuple(row[name] for name in catalogue.key): {
            name: tuple(row[name]) if isinstance(row[name], list) else row[name] for name in catalogue.defaults
        }
        for row in await connection.fetch(*in_sql(catalogue.rows, root_id=root_id))
    }


async def _write(
    connection: Connection, root_id: int, edit: _Edit, draft: Draft, changed: Mapping[Key, Mapping[str, Any]]
) -> int:
    """Write what changed, in key order, raise the revision and note what is stale: how many lives."""
    catalogue = CATALOGUES[edit.kind]
    unsent = dict(zip(catalogue.unsent, edit.unsent, strict=True))
    if unsent.get("entered_at", 0) is None:
        unsent["entered_at"] = await connection.fetchval("SELECT clock_timestamp()")
    gone: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    # Sorted (Draft.changed): pushes insert the codes of procedures they meet in the same order.
    for key, now in changed.items():
        row = {"root_id": root_id, **dict(zip(catalogue.key, key, strict=True)), **now, **unsent}
        (gone if catalogue.removable and now == catalogue.defaults else kept).append(row)
    for statement, rows in ((catalogue.removal(), gone), (catalogue.upsert(), kept)):
        if rows:
            await connection.executemany(*in_sql_for_each(statement, rows))
    revision = await lock.raise_revision(connection, root_id)
    if edit.kind == "procedures" and (codes := _counted_otherwise(draft, changed)):
        of_codes = (procedure.c.root_id == root_id, procedure.c.code == func.any(codes))
        ids = await connection.fetch(*in_sql(select(procedure.c.id).where(*of_codes)))
        return await begin(connection, root_id, revision, Stale(sorted(row["id"] for row in ids)))
    if edit.kind == "calendar" and _moves_a_working_day(draft, changed):
        return await begin(connection, root_id, revision, Stale(calendar=True))
    return 0


def _counted_otherwise(draft: Draft, changed: Mapping[Key, Any]) -> list[str]:
    """The procedures that become known, and those of which a counted attribute changes."""
    stale = []
    for key, now in changed.items():
        before = draft.stored.get(key)
        if before is None or any(before[name] != now[name] for name in _COUNTED):
            stale.append(key[0])
    return stale


def _moves_a_working_day(draft: Draft, changed: Mapping[Key, Any]) -> bool:
    """Whether a day is worked that was not, or the reverse."""
    days = {key[0]: now["kind"] for key, now in {**draft.stored, **changed}.items()}
    before = draft.catalogues.calendar
    after = Calendar(
        frozenset(day for day, kind in days.items() if kind == "holiday"),
        frozenset(day for day, kind in days.items() if kind == "workday"),
    )
    return any(before.is_workday(key[0]) != after.is_workday(key[0]) for key in changed)
