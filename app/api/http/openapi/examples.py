"""Examples: every leaf of a schema carries one, so that the example of a whole is put together from those of its parts
and can never disagree with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]

COMPONENTS: Final = "#/components/schemas/"


def ref(name: str) -> Schema:
    """A schema of the components."""
    return {"$ref": COMPONENTS + name}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if {"type": "null"} in schema.get("anyOf", ()):
        return schema
    about: Schema = {name: schema[name] for name in ("title", "description", "examples") if name in schema}
    return {"anyOf": [{name: schema[name] for name in schema if name not in about}, {"type": "null"}], **about}


def example_of(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """The example a schema carries, or the one its parts make together: of an object what is always there."""
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "$ref" in schema:
        return example_of(components[schema["$ref"].removeprefix(COMPONENTS)], components)
    for name in ("oneOf", "anyOf"):
        if name in schema:
            return example_of(schema[name][0], components)
    if schema["type"] == "array":
        return [example_of(schema["items"], components)]
    return {name: example_of(schema["properties"][name], components) for name in schema.get("required", ())}
