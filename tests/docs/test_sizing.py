"""The page of sizes: its table is what the model gives, and the model's numbers are those that were measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import sizing

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_is_what_the_model_reckons() -> None:
    assert sizing.table() in (DOCS / "sizing.md").read_text()


def test_what_it_is_reckoned_from_was_measured() -> None:
    book = (DOCS / "benchmarks.md").read_text()
    for said in (
        f"{sizing.BYTES_IN_ALL} after `VACUUM` at full size (log 147, receipts 122, lives 116, tallies 39)",
        "602,000 dossiers, 4.05 million events, 164 units",
        f"| rebuild | 4,461,178 | 85.9 | {sizing.REBUILT:,} |",
        f"| verify | 4,470,135 | 28.6 | {sizing.VERIFIED:,} |",
        f"| thousands ≥ 32,000 | {sizing.LOADED:,}-30,500 alone |",
        "14,000-15,600 alone",
        "(3,400-3,900 a second)",
        "0.05 MiB a minute; 108; 369",
        "| mixed load, 4,000 events a second | 199 | 202 |",
        "| 149 MiB afterwards",
    ):
        assert said in book
    assert sizing.BYTES == {"log": 147, "receipts": 122, "lives": 116, "tallies": 39}


def test_a_billion_events_a_year_of_34_provinces() -> None:
    """By hand: 10⁹ ÷ 7.2 million working seconds, × 3; 425 bytes each; a 34th of them at the measured rates."""
    country = sizing.LOADS[-1]
    assert (country.roots, country.events) == (34, 1_000_000_000)
    assert country.mean == pytest.approx(138.889, abs=0.001)
    assert country.peak == pytest.approx(416.667, abs=0.001)
    assert country.gigabytes() == 425
    assert country.gigabytes("log") == 147
    assert country.seconds(sizing.REBUILT) == pytest.approx(566.32, abs=0.01)
    assert country.seconds(sizing.VERIFIED) == pytest.approx(187.96, abs=0.01)
