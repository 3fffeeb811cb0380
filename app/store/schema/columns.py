"""What all tables have in common."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, DateTime, ForeignKey, Integer, MetaData, Text

metadata: Final = MetaData()

INSTANT = DateTime(timezone=True)
CODE = Text(collation="C")


def required(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **options)


def of_root() -> Column[Any]:
    return Column("root_id", Integer, ForeignKey("root.id"), nullable=False)
