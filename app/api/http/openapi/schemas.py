"""Small words for JSON Schema (2020-12): every leaf carries a description and an example, so that the example of a
whole is put together from those of its parts and can never disagree with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

Schema = dict[str, Any]
Fields = Mapping[str, Schema]

COMPONENTS: Final = "#/components/schemas/"


def text(description: str, example: str | None, **more: Any) -> Schema:
    """A text."""
    return {"type": "string", "description": description, "examples": [example], **more}


def instant(description: str, example: str | None = "2026-01-05T08:12:00+07:00") -> Schema:
    """An RFC 3339 time with an offset."""
    return text(description, example, format="date-time")


def day(description: str, example: str | None = "2026-01-05") -> Schema:
    """A civil date."""
    return text(description, example, format="date")


def choice(description: str, names: Collection[str], example: str | None = None, **more: Any) -> Schema:
    """One of a closed set of names; the first is the example unless another is given."""
    return text(description, example or next(iter(names)), enum=list(names), **more)


def whole(description: str, example: int | None, minimum: int | None = 0, **more: Any) -> Schema:
    """A whole number."""
    bound = {} if minimum is None else {"minimum": minimum}
    return {"type": "integer", "description": description, "examples": [example], **bound, **more}


def number(description: str, example: float | None, **more: Any) -> Schema:
    """A number; figures have at most two decimals."""
    return {"type": "number", "description": description, "examples": [example], **more}


def flag(description: str, example: bool = True) -> Schema:
    """true or false."""
    return {"type": "boolean", "description": description, "examples": [example]}


def ref(name: str) -> Schema:
    """A schema of the components."""
    return {"$ref": COMPONENTS + name}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    allowed = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        allowed["enum"] = [*schema["enum"], None]
    return allowed


def nullables(fields: Fields) -> dict[str, Schema]:
    """All of them nullable."""
    return {name: nullable(schema) for name, schema in fields.items()}


def rows(items: Schema, description: str, **more: Any) -> Schema:
    """An array."""
    return {"type": "array", "description": description, "items": items, **more}


def record(fields: Fields, description: str, optional: Collection[str] = (), **more: Any) -> Schema:
    """An object of exactly these fields; all are there but the optional ones."""
    required = [name for name in fields if name not in optional]
    return {
        "type": "object",
        "description": description,
        "properties": dict(fields),
        **({"required": required} if required else {}),
        "additionalProperties": False,
        **more,
    }


def example_of(schema: Schema, components: Fields) -> Any:
    """The example a schema carries, or the one its parts make together."""
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "$ref" in schema:
        return example_of(components[schema["$ref"].removeprefix(COMPONENTS)], components)
    for name in ("oneOf", "anyOf"):
        if name in schema:
            return example_of(schema[name][0], components)
    if "allOf" in schema:
        return _merged([example_of(part, components) for part in schema["allOf"]])
    if schema["type"] == "array":
        return [example_of(schema["items"], components)]
    return {name: example_of(part, components) for name, part in schema.get("properties", {}).items()}


def _merged(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= part
    return merged
