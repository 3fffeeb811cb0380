"""Which tallies exist: the lengths of a family's buckets, and what tells their cells apart."""

from __future__ import annotations

from typing import Final

from app.domain.tallies.tally import Family

GRAINS: Final = {
    "dossier": ("day", "month", "year", "unit_day", "unit_month", "unit_year", "root_year"),
    "petition": ("unit_day", "unit_month", "unit_year"),
    "document": ("unit_day", "unit_month", "unit_year"),
}
"""A family's bucket lengths, the finest first: by unit and procedure, `unit_…` over all procedures (decision 0001),
`root_year` over all units (decision 0004).
"""


def tally_name(family: Family, grain: str) -> str:
    """The table of a family's counters at one grain."""
    return f"tally_{family.name}_{grain}"


def tally_keys(family: Family, grain: str) -> list[str]:
    """The columns that tell a tally's cells of one root and generation apart, in the order of the key."""
    unit = [] if grain.startswith("root_") else ["unit_id"]
    procedure = [] if grain.startswith("unit_") else ["procedure_id"]
    return ["bucket", *unit, *procedure, family.variety]


def bucket_length(grain: str) -> str:
    """day, month or year."""
    return grain.rpartition("_")[2]
