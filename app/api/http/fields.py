"""Words with which an answer's type says what its fields mean: FastAPI makes the description from them.

Answers are plain dicts, encoded as they stand; their types are TypedDicts, checked where they are built.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, WithJsonSchema, with_config

Number = Annotated[int | Decimal, WithJsonSchema({"type": "number"})]
"""An exact number, which JSON has as it stands; pydantic would tell a text."""

answer = with_config(ConfigDict(extra="forbid"))
"""Decorates the type of an answer: it has exactly these fields."""


_MADE: Final = object()


def said(description: str, example: Any = _MADE, **schema: Any) -> Any:
    """What a field means, with an example, else it is made of those of its parts.

    Args:
        schema: what JSON Schema says beyond the type.
    """
    examples = None if example is _MADE else [example]
    return Field(description=description, examples=examples, json_schema_extra=schema or None)


def time(description: str, example: str | None = "2026-01-05T08:12:00+07:00") -> Any:
    """A field with an RFC 3339 time."""
    return said(description, example, format="date-time")


def date(description: str, example: str | None = "2026-01-05") -> Any:
    """A field with a civil date."""
    return said(description, example, format="date")


def whole(description: str, example: int | None, minimum: int = 0, **schema: Any) -> Any:
    """A field with a whole number."""
    return said(description, example, minimum=minimum, **schema)
