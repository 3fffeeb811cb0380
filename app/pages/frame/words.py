"""What pages say: Vietnamese as it stands in the templates, English from a table beside them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final, Literal

Language = Literal["vi", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("vi", "en")


@cache
def english() -> dict[str, str]:
    """English by Vietnamese."""
    text = files("app.pages.frame").joinpath("english.toml").read_text(encoding="utf-8")
    table: dict[str, dict[str, str]] = tomllib.loads(text)
    return {vietnamese: said for part in table.values() for vietnamese, said in part.items()}


def say(language: Language, vietnamese: str, **values: object) -> str:
    """A sentence in the page's language, its `{names}` filled in.

    What has no English, the name of a unit or a procedure, stays as it is.
    """
    text = english().get(vietnamese, vietnamese) if language == "en" else vietnamese
    return text.format(**values) if values else text
