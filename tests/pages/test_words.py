"""Every word of a page has its English, and no English is left of words that are gone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from app.api.figures import breakdown
from app.api.lives import quality
from app.domain.catalogues import indicators
from app.pages import indicator, ranking
from app.pages.frame import picking, terms, words

PAGES = Path(words.__file__).parents[1]
IN_TEMPLATES = re.compile(r'_\(\s*"((?:[^"\\]|\\.)*)"')
LETTER = re.compile(r"[À-ÖØ-öø-ỹ]")
"""A letter that English does not have."""


def in_templates() -> set[str]:
    texts = {each.name: each.read_text() for each in (PAGES / "templates").glob("*.html")}
    return {said for text in texts.values() for said in IN_TEMPLATES.findall(text)}


def in_code() -> set[str]:
    """Every Vietnamese text, longer than a letter, of the pages' own code, and what is handed to say() as it stands."""
    found: set[str] = set()
    for file in PAGES.rglob("*.py"):
        if file.name == "formats.py":  # days of the week, which English has of itself
            continue
        tree = ast.parse(file.read_text())
        explained = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explained:
                found |= {node.value} if LETTER.search(node.value) and len(node.value) > 1 else set()
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "say":
                said = {each.value for each in node.args if isinstance(each, ast.Constant)}
                found |= {each for each in said if isinstance(each, str)}
    return found


def data() -> set[str]:
    """Names that come from tables and from the catalogue of indicators."""
    known = indicators.load()
    return {
        *(each.name for each in known.indicators),
        *(each.name for each in known.groups),
        *(each.name for each in known.rating_bands),
        *(name for _, name in (*picking.KINDS, *ranking.BANDS, *indicator.DIMENSIONS)),
        *quality.NAMES.values(),
        *breakdown.CHANNEL_NAMES.values(),
        breakdown.NO_SECTOR,
        *indicator.ZERO_RULES.values(),
        *(name for table in TABLES for name in table.values()),
    }


TABLES = (terms.LEVELS, terms.SIDES, terms.PROSPECTS, terms.STATES, terms.TERMS)
SAID = in_templates() | in_code() | data()


def test_words_are_found_where_they_stand() -> None:
    assert {"Tổng điểm", "Việc hôm nay", "Xếp hạng"} <= in_templates()
    assert "Năm {year}" in in_code()
    assert len(SAID) > 250


def test_every_word_has_its_english() -> None:
    assert sorted(SAID - words.english().keys()) == []


def test_no_english_is_left_of_words_that_are_gone() -> None:
    assert sorted(words.english().keys() - SAID) == []


@pytest.mark.parametrize("vietnamese", sorted(words.english()))
def test_english_names_the_same_values_and_is_english(vietnamese: str) -> None:
    english = words.english()[vietnamese]
    assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", vietnamese))
    assert not LETTER.search(english.replace("766/QĐ-TTg", "")), english


def test_what_has_no_english_stays_as_it_is() -> None:
    assert words.say("en", "UBND xã Tân Sơn") == "UBND xã Tân Sơn"
    assert words.say("en", "Năm {year}", year=2026) == "Year 2026"
    assert words.say("vi", "Năm {year}", year=2026) == "Năm 2026"
