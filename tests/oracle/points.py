"""From exact fractions to points: what each indicator is worth, rounding of the parts, groups, total, rating."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

NO_DATA = None


@dataclass(frozen=True)
class Worth:
    """How an indicator scores: at most `most` points, all of them at `full_at`, `empty` points when it is 0/0."""

    group: str
    most: int
    full_at: Fraction
    empty: int | None


def _worth(group: str, most: int, percent: int, empty: int | None) -> Worth:
    return Worth(group, most, Fraction(percent, 100), empty)


WORTH = {
    "PUBLISH_ON_TIME": _worth("transparency", 6, 100, NO_DATA),
    "PUBLIC_UPDATE_ON_TIME": _worth("transparency", 4, 100, NO_DATA),
    "PUBLIC_CONTENT_FULL": _worth("transparency", 2, 100, NO_DATA),
    "DOSSIER_SYNC": _worth("transparency", 6, 100, NO_DATA),
    "DOSSIER_ON_TIME": _worth("progress", 20, 100, 0),
    "ONLINE_PROVISION": _worth("online", 2, 80, 0),
    "ONLINE_WITH_DOSSIERS": _worth("online", 4, 100, 0),
    "ONLINE_DOSSIERS": _worth("online", 6, 50, 0),
    "ORIGINAL_RESULT_AVAILABLE": _worth("digitisation", 6, 100, NO_DATA),
    "SO_HOA_GIAY_TO_GIAI_QUYET": _worth("digitisation", 4, 100, NO_DATA),
    "REUSED_DIGITIZED_DATA": _worth("digitisation", 2, 80, NO_DATA),
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": _worth("digitisation", 4, 100, NO_DATA),
    "CITIZEN_DATA_CONNECTED_DOSSIER": _worth("digitisation", 2, 100, NO_DATA),
    "CITIZEN_DATA_CONNECTED_FORMALITY": _worth("digitisation", 2, 100, NO_DATA),
    "ELECTRONIC_CERTIFIED_COPY": _worth("digitisation", 2, 100, 2),
    "PAYMENT_DOSSIERS": _worth("payment", 6, 100, 0),
    "PAYMENT_PROCEDURES": _worth("payment", 2, 80, 0),
    "PAYMENT_INTEGRATED": _worth("payment", 2, 80, 0),
    "PETITION_PROCESSING_ON_TIME": _worth("satisfaction", 6, 100, 6),
    "PETITION_HANDLING_SATISFACTION": _worth("satisfaction", 6, 100, 6),
    "DOSSIER_RECEIVING_SATISFACTION": _worth("satisfaction", 6, 90, 0),
}
GROUPS = {
    "transparency": 18, "progress": 20, "online": 12, "digitisation": 22, "payment": 10, "satisfaction": 18,
}  # fmt: skip
CERTIFIED_COPY = "ELECTRONIC_CERTIFIED_COPY"
RATINGS = ((90, "Xuất sắc"), (80, "Tốt"), (70, "Khá"), (50, "Trung bình"))


@dataclass(frozen=True)
class Figure:
    """An indicator: exact counts, exact ratio (of 1, not percent), points in whole cents, or a value of its own."""

    numerator: int | None = None
    denominator: int | None = None
    ratio: Fraction | None = None
    score: Fraction | None = None
    value: Fraction | None = None


def half_up(number: Fraction, digits: int = 2) -> Fraction:
    """Rounded half-up; numbers here are never negative."""
    scale = 10**digits
    return Fraction((number * scale + Fraction(1, 2)).__floor__(), scale)


def counted(numerator: int, denominator: int) -> Figure:
    """An unscored figure of two counts; 0/0 has no ratio."""
    return Figure(numerator, denominator, Fraction(numerator, denominator) if denominator else None)


def scored(code: str, figure: Figure) -> Figure:
    """The figure with its points: none where the counts do not exist, those of the zero rule for 0/0."""
    worth = WORTH[code]
    if figure.denominator is None:
        return figure
    if figure.ratio is None:
        points = None if worth.empty is None else Fraction(worth.empty)
    else:
        points = half_up(min(Fraction(worth.most), worth.most * figure.ratio / worth.full_at))
    return Figure(figure.numerator, figure.denominator, figure.ratio, points)


def group_scores(figures: Mapping[str, Figure]) -> dict[str, Fraction]:
    """The sum of the rounded parts of each group; what has no data adds nothing."""
    return {
        group: sum(
            (figures[code].score or Fraction(0) for code, worth in WORTH.items() if worth.group == group), Fraction(0)
        )
        for group in GROUPS
    }


def rating(total: Fraction) -> str:
    """The grade of a total."""
    return next((name for least, name in RATINGS if total >= least), "Yếu")
