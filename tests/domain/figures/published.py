"""The national portal's published figures of the province H44 for 2026: the oracle of the scoring tests."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

PAYMENT = (
    ("PAYMENT_DOSSIERS", "dossiers_paid_online", "dossiers_with_fee"),
    ("PAYMENT_PROCEDURES", "procedures_paid_online", "procedures_with_fee"),
    ("PAYMENT_INTEGRATED", "procedures_integrated", "procedures_with_fee"),
)
"""Indicator code, column of the numerator, column of the denominator. Only the sum of the three scores is published."""


@dataclass(frozen=True, slots=True)
class Part:
    """One published n/d; counts and score None where the portal left them empty, `maximum` 0 where it is unscored."""

    unit: str
    indicator: str
    numerator: int | None
    denominator: int | None
    ratio: Decimal | None
    score: Decimal | None
    maximum: int


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A unit's three n/d of payment by indicator code, and the published score of the group."""

    unit: str
    counts: dict[str, tuple[int, int]]
    score: Decimal


@cache
def rows(name: str) -> list[dict[str, str]]:
    """The rows of one file, all values as text."""
    text = files("app.demo").joinpath("portal_2026", name).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def parts() -> Iterator[Part]:
    """Satisfaction, digitisation and transparency, one row per unit and indicator."""
    for name in ("satisfaction_year.csv", "digitized_year.csv", "transparency_year.csv"):
        for row in rows(name):
            yield Part(
                row["unit_code"],
                row["metric_code"],
                _count(row["numerator"]),
                _count(row["denominator"]),
                _number(row["ratio"]),
                _number(row["score"]),
                int(row["max_score"]),
            )


def progress() -> Iterator[Part]:
    """DOSSIER_ON_TIME of every unit."""
    for row in rows("progress_year.csv"):
        yield Part(
            row["unit_code"],
            "DOSSIER_ON_TIME",
            _count(row["total_on_time"]),
            _count(row["total_received"]),
            _number(row["ratio"]),
            _number(row["score"]),
            int(row["max_score"]),
        )


def payment() -> Iterator[PaymentRow]:
    """Payment of every unit."""
    for row in rows("payment_year.csv"):
        counts = {code: (int(row[numerator]), int(row[denominator])) for code, numerator, denominator in PAYMENT}
        yield PaymentRow(row["unit_code"], counts, Decimal(row["score"]))


def _count(text: str) -> int | None:
    return int(text) if text else None


def _number(text: str) -> Decimal | None:
    return Decimal(text) if text else None
