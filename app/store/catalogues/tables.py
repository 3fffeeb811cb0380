"""The tables in which catalogues stand: their keys, what a new row holds by default, how rows are read and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, Delete, Select, Table, bindparam, delete, select, true
from sqlalchemy.dialects.postgresql import Insert, insert

from app.domain.catalogues.root import CatalogueName
from app.store import schema


@dataclass(frozen=True)
class Catalogue:
    """Where a catalogue stands: the columns of its key, its attributes with the defaults, and those nobody sends.

    `counting` are the rows that count as there; `removable`: a row of defaults only is as good as none.
    """

    table: Table
    key: tuple[str, ...]
    defaults: Mapping[str, Any]
    unsent: tuple[str, ...] = ()
    counting: ColumnElement[bool] = true()  # noqa: RUF009  a constant
    removable: bool = False

    @cached_property
    def rows(self) -> Select[Any]:
        """The rows of `root_id` in the order of the key."""
        of_root = self.table.c.root_id == bindparam("root_id")
        return select(self.table).where(of_root, self.counting).order_by(*self.table.c[self.key])

    @cached_property
    def of_code(self) -> Select[Any]:
        """Those of one `code`."""
        return self.rows.where(self.table.c.code == bindparam("code"))

    def upsert(self) -> Insert:
        """INSERT or UPDATE of one row, which says all of its attributes."""
        new = insert(self.table).inline()
        attributes = {name: new.excluded[name] for name in (*self.defaults, *self.unsent)}
        return new.on_conflict_do_update(index_elements=["root_id", *self.key], set_=attributes)

    def removal(self) -> Delete:
        """DELETE of the row with a key."""
        return delete(self.table).where(*(self.table.c[name] == bindparam(name) for name in ("root_id", *self.key)))


_VALIDITY: Final = {"valid_from": None, "valid_to": None}
CATALOGUES: Final[Mapping[CatalogueName, Catalogue]] = {
    "units": Catalogue(
        schema.unit,
        ("code",),
        {
            "name": None, "level": None, "parent": None, "certified_copy": False, **_VALIDITY, "successor": None,
            "aliases": (),
        },
    ),
    "procedures": Catalogue(
        schema.procedure,
        ("code",),
        {
            "name": None, "sector": None, "service_level": "none", "full_eligible": False, "fee": False,
            "payment_integrated": False, "issues_document": True, "applicants": (), "max_working_days": None,
            "essential": False, "units": (), "levels": (), **_VALIDITY,
        },
        ("known",),
        # A code that was only seen in events is as good as new.
        schema.procedure.c.known,
    ),
    "targets": Catalogue(
        schema.target,
        ("indicator", "unit", "level", "year"),
        {"value": None},
        counting=schema.target.c.value.is_not(None),
        removable=True,
    ),
    "external-figures": Catalogue(
        schema.external_figure,
        ("code", "unit", "period"),
        dict.fromkeys(("value", "score", "max", "rank", "of", "count", "source", "note")),
        ("entered_by", "entered_at"),
        removable=True,
    ),
    "calendar": Catalogue(schema.calendar_day, ("day",), {"kind": None, "name": ""}, ("seeded",)),
}  # fmt: skip
