"""The house: what the import contracts cannot say. Layers themselves are import-linter's (pyproject.toml)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

APP = Path(__file__).resolve().parents[1] / "app"
SQL = re.compile(r"\b(SELECT\b.*\bFROM|INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\w+\s+SET|CREATE\s+TABLE)\b", re.DOTALL)
MOST_FILES, MOST_LINES = 15, 400


def texts(file: Path) -> list[str]:
    """All texts of a module, the parts of f-strings too."""
    nodes = ast.walk(ast.parse(file.read_text()))
    return [each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def test_sql_stands_in_the_store_only() -> None:
    modules = {file: any(map(SQL.search, texts(file))) for file in APP.rglob("*.py")}
    speaking = {file.relative_to(APP) for file, speaks in modules.items() if speaks}
    assert len(speaking) >= 15, "the pattern finds what the store says"
    assert {each for each in speaking if each.parts[0] not in ("store", "forward")} == set(), "a queue is no store"


def test_no_room_is_crowded_and_no_module_is_a_novel() -> None:
    files = [each for each in APP.rglob("*.py") if each.name != "__init__.py"]
    assert {room: n for room, n in Counter(each.parent for each in files).items() if n > MOST_FILES} == {}
    assert {each: n for each in files if (n := each.read_text().count("\n")) > MOST_LINES} == {}
