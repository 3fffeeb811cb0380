"""Every word of a page has its English, and no English is left of words that are gone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from app.domain.catalogues import indicators
from app.pages import ranking
from app.pages.frame import picking, terms, words

PAGES = Path(words.__file__).parents[1]
IN_TEMPLATES = re.compile(r'_\(\s*"((?:[^"\\]|\\.)*)"')
LETTER = re.compile(r"[à-ỹđ]", re.IGNORECASE)
"""A letter that only Vietnamese has."""


def in_templates() -> set[str]:
    texts = {each.name: each.read_text() for each in (PAGES / "templates").glob("*.html")}
    # Choices of a template: _({"null": "…"}[rule]) and _("…" if … else "…") are written as single calls there.
    return {said for text in texts.values() for said in IN_TEMPLATES.findall(text)}


def in_code() -> set[str]:
    """Texts handed to say() as they stand."""
    found = set()
    for file in PAGES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "say":
                found |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    return {each for each in found if isinstance(each, str)}


def data() -> set[str]:
    """Names that come from tables and from the catalogue of indicators."""
    known = indicators.load()
    names = {each.name for each in known.indicators} | {each.name for each in known.groups}
    names |= {each.name for each in known.rating_bands}
    kinds = {name for _, name in picking.KINDS}
    bands = {name for _, name in ranking.BANDS} | {"Chưa có dữ liệu"}
    dimensions = {"Theo đơn vị", "Theo thủ tục", "Theo lĩnh vực", "Theo cách nộp"}
    halves = {"6 tháng đầu năm {year}", "6 tháng cuối năm {year}"}
    zero = {"không có dữ liệu, không cộng điểm", "0 điểm", "đủ điểm"}
    return {
        *names, *kinds, *bands, *dimensions, *halves, *zero,
        *terms.LEVELS.values(), *terms.KINDS.values(), *terms.SIDES.values(), *terms.PROSPECTS.values(),
        *terms.STATES.values(), *terms.TERMS.values(),
    }  # fmt: skip


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
    assert not LETTER.search(english.replace("Việt", "")), english


def test_what_has_no_english_stays_as_it_is() -> None:
    assert words.say("en", "UBND xã Tân Sơn") == "UBND xã Tân Sơn"
    assert words.say("en", "Năm {year}", year=2026) == "Year 2026"
    assert words.say("vi", "Năm {year}", year=2026) == "Năm 2026"
