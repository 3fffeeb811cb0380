"""How the portal's payload writes things down: names in any case, texts, numbers and booleans for one another, four
forms of dates, and many ways to say nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from app.domain.calendar.civil import CIVIL, Instant
from app.domain.lives.events import Amount
from app.domain.push import Wrong
from app.intake.checks import expected
from app.intake.personal import is_fit
from app.intake.values import BEYOND, EARLIEST, MAX_AMOUNT
from app.messages import Message

_T = TypeVar("_T")
_FORMS: Final = (
    (re.compile(r"\d{14}", re.ASCII), "%Y%m%d%H%M%S"),
    (re.compile(r"\d{12}", re.ASCII), "%Y%m%d%H%M"),
    (re.compile(r"\d{8}", re.ASCII), "%Y%m%d"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2}", re.ASCII), "%d/%m/%Y %H:%M:%S"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}", re.ASCII), "%d/%m/%Y %H:%M"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}", re.ASCII), "%d/%m/%Y"),
)
_ISO: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII
)
_UNSET: Final = re.compile(r"0001-01-01(?![0-9])|00010101|0?1/0?1/0001(?![0-9])", re.ASCII)
"""The first day there is: what programs have in a time that nobody has set."""
_DAY: Final = re.compile(r"\d{8}|\d{1,2}/\d{1,2}/\d{4}|\d{4}-\d{2}-\d{2}", re.ASCII)
_UNTIL_END: Final = 86_399_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = Message(
    "a time such as 20260105081200, 05/01/2026 08:12:00 or 2026-01-05 08:12:00",
    "thời điểm như 20260105081200, 05/01/2026 08:12:00 hoặc 2026-01-05 08:12:00",
)
_EARLY: Final = Message("before the year 2000 or after 2100", "trước năm 2000 hoặc sau năm 2100")
_TRUE: Final = frozenset({"1", "true", "yes", "co", "x"})
_FALSE: Final = frozenset({"0", "false", "no", "khong"})
_BOOLEANS: Final = {"true": 1, "false": 0}
_NOT_DIGITS: Final = re.compile(r"[^0-9]+")


class Fields(Mapping[str, Any]):
    """An object of the payload by names in any case; what says nothing is not there.

    `faults` gathers what cannot be read, under the names as the description writes them; `unread` codes that are none.
    """

    def __init__(self, given: Mapping[Any, Any], faults: list[Wrong], within: str = "") -> None:
        self._values = {str(name).lower(): value for name, value in given.items() if not _says_nothing(value)}
        self.faults, self._within = faults, within
        self.unread: list[Wrong] = []

    def __getitem__(self, name: str) -> Any:
        return self._values[name.lower()]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return str(name).lower() in self._values

    def get(self, name: str, default: Any = None) -> Any:
        """As of any mapping, which would raise and catch an error for each that is not there."""
        return self._values.get(name.lower(), default)

    def text(self, name: str) -> str | None:
        """A text, as a number or a boolean may be one too; None where there is none, or no text."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return None
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
        return text if is_fit(text) else None

    def number(self, name: str) -> int | None:
        """A code or a count: the whole number that is meant, None where none is."""
        value = self.get(name)
        if isinstance(value, bool):
            return int(value)
        text = self.text(name)
        if text is not None and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None

    def code(self, name: str, meanings: Mapping[int, _T], none: Message) -> _T | None:
        """What a code means; None where there is none, or another one, which is noted as `none`."""
        number = self.number(name)
        found = None if number is None else meanings.get(number)
        if found is None and name in self:
            self.unread.append(Wrong("invalid_value", f"{self._within}{name}", none))
        return found

    def truth(self, name: str) -> bool | None:
        """A flag: "True", "1", 1 and true alike; None where it is told in no way that is known."""
        value = self.get(name)
        if isinstance(value, bool):
            return value
        text = bare(self.text(name) or "")
        return True if text in _TRUE else False if text in _FALSE else None

    def instant(self, name: str, until_end: bool = False) -> Instant | None:
        """A time, civil where it has no offset; None where there is none. One that cannot be read is a fault.

        Args:
            until_end: a day without a time is its last second instead of its first.
        """
        text = self.text(name)
        if text is None:
            if name in self:
                self._fault(name, "invalid_value", expected(_DATE))
            return None
        if "0001" in text and _UNSET.match(text):
            return None
        at = instant(text)
        if at is None:
            self._fault(name, "invalid_value", expected(_DATE))
            return None
        if not EARLIEST <= at < BEYOND:
            self._fault(name, "time_out_of_range", _EARLY)
            return None
        return Instant(at + _UNTIL_END) if until_end and _DAY.fullmatch(text) else at

    def amount(self, name: str) -> Amount | None:
        """Đồng, whatever stands between its digits ("8.000"); a text without digits is nothing to pay."""
        value = self.get(name)
        if isinstance(value, float):
            value = int(value) if abs(value) < MAX_AMOUNT else None
        text = _NOT_DIGITS.sub("", str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        amount = int(text[:18]) if text else 0
        return Amount(amount) if name in self and amount <= MAX_AMOUNT else None

    def objects(self, name: str) -> list[Fields]:
        """The objects of a list; what is none is passed over."""
        value = self.get(name)
        rows = value if isinstance(value, list) else []
        return [Fields(row, self.faults, f"{self._within}{name}.") for row in rows if isinstance(row, Mapping)]

    def _fault(self, name: str, code: str, detail: Message) -> None:
        self.faults.append(Wrong(code, f"{self._within}{name}", detail))


def _says_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def instant(text: str) -> Instant | None:
    """The time that a text means; None where it is none."""
    try:
        if text[4:5] == "-":
            if not _ISO.fullmatch(text):
                return None
            at = datetime.fromisoformat(text)
        else:
            pattern = next((pattern for form, pattern in _FORMS if form.fullmatch(text)), None)
            if pattern is None:
                return None
            at = datetime.strptime(text, pattern)  # noqa: DTZ007 - civil, see below
        at = at if at.tzinfo is not None else at.replace(tzinfo=CIVIL)
        return Instant((at - _EPOCH) // timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return None


def bare(text: str) -> str:
    """A text in small letters without the marks of Vietnamese."""
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(each for each in plain if not unicodedata.combining(each)).strip()
