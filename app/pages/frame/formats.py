"""Numbers, days and times as people in Viet Nam write them; in English pages as English readers do.

None is what there is no data for: a dash in tables, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from markupsafe import Markup

from app.domain.calendar.civil import CIVIL

NOTHING: Final = "–"
_SWAPPED: Final = str.maketrans(",.", ".,")
_WEEKDAYS: Final = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ Nhật")


@dataclass(frozen=True, slots=True)
class Formats:
    """How one language writes values of the API."""

    language: str

    def count(self, value: int | None) -> str:
        """25.392"""
        return NOTHING if value is None else self._number(f"{value:,}")

    def points(self, value: Decimal | int | None) -> str:
        """11,50"""
        return NOTHING if value is None else self._number(f"{value:,.2f}")

    def percent(self, value: Decimal | int | None) -> str:
        """11,50 %"""
        return NOTHING if value is None else f"{self.points(value)}\N{NO-BREAK SPACE}%"

    def plain(self, value: Decimal | int | None) -> str:
        """A number with as many digits as it has."""
        return NOTHING if value is None else self._number(f"{value:,}")

    def signed(self, value: Decimal | int | None) -> str:
        """▲ 0,52, ▼ 1,20 or = 0"""
        if value is None:
            return NOTHING
        if value == 0:
            return "=\N{NO-BREAK SPACE}0"
        shown = self.count(abs(value)) if isinstance(value, int) else self.points(abs(value))
        return f"{'▲' if value > 0 else '▼'}\N{NO-BREAK SPACE}{shown}"

    def data(self, value: Decimal | int | None, shown: str) -> Markup:
        """A number that machines can read beside what is shown of it."""
        if value is None:
            return Markup('<span class="nothing">{}</span>').format(shown)
        return Markup('<data value="{}">{}</data>').format(value, shown)

    def day(self, text: str | None) -> str:
        """28/11/2026"""
        return NOTHING if text is None else f"{date.fromisoformat(text[:10]):%d/%m/%Y}"

    def minute(self, text: str | None) -> str:
        """09:52, 28/11/2026"""
        return NOTHING if text is None else f"{_civil(text):%H:%M, %d/%m/%Y}"

    def moment(self, text: str | None) -> str:
        """09:52:02, 28/11/2026"""
        return NOTHING if text is None else f"{_civil(text):%H:%M:%S, %d/%m/%Y}"

    def weekday(self, text: str) -> str:
        """thứ Bảy"""
        at = date.fromisoformat(text[:10])
        return f"{at:%A}" if self.language == "en" else _WEEKDAYS[at.weekday()]

    def _number(self, english: str) -> str:
        return english if self.language == "en" else english.translate(_SWAPPED)


def _civil(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(CIVIL)
