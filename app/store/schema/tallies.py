"""Tallies: a table a family and grain."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Date, Integer, PrimaryKeyConstraint, SmallInteger, Table

from app.domain.tallies.tally import FAMILIES, Family
from app.store.grains import GRAINS, tally_keys, tally_name
from app.store.schema.columns import metadata, required


def _tally(family: Family, grain: str) -> Table:
    keys = tally_keys(family, grain)
    kinds = {"bucket": Date, family.variety: SmallInteger}
    return Table(
        tally_name(family, grain),
        metadata,
        required("root_id", Integer),
        required("generation", Integer),
        *(required(name, kinds.get(name, Integer)) for name in keys),
        # Null is "never touched": most cells move few counters, and a null costs a bit, not four bytes.
        *(Column(name, BigInteger if name.startswith("processing_") else Integer) for name in family.counters),
        PrimaryKeyConstraint("root_id", "generation", *keys),
        postgresql_with={"fillfactor": 80},
    )


TALLIES: Final = {(family.name, grain): _tally(family, grain) for family in FAMILIES for grain in GRAINS[family.name]}
