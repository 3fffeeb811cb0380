"""Words that people and the portal write in catalogues → the contract's values; other words stay, to be refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil
from typing import Final

from app.domain import codes
from app.intake.dvcqg.values import bare

_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")
_DAY: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.ASCII)
_CORE: Final = re.compile(r"(\d\.\d{6})(?!\d)", re.ASCII)
_OLD_UNIT: Final = re.compile(r"\d{3}\.\d{2}\.\d{2}\.([A-Z]\d{2})", re.ASCII)
_OLD_ROOT: Final = "000.00.00."
_NUMBER: Final = re.compile(r"\d{1,9}(?:[.,]\d{1,6})?", re.ASCII)

_TRUTHS: Final = {
    **dict.fromkeys(("true", "1", "co", "x", "yes", "dung"), True),
    **dict.fromkeys(("false", "0", "khong", "no", "sai"), False),
}
_LEVELS: Final = {
    **dict.fromkeys(("0", "bo", "cap bo", "trung uong", "ministry"), "ministry"),
    **dict.fromkeys(("1", "tinh", "cap tinh", "thanh pho", "province"), "province"),
    **dict.fromkeys(("so", "so nganh", "so ban nganh", "cap so", "department"), "department"),
    **dict.fromkeys(("3", "xa", "cap xa", "phuong", "dac khu", "commune"), "commune"),
}
DISTRICT: Final = frozenset({"2", "huyen", "cap huyen", "district"})
"""What the contract has no level for: there are no districts since July 2025."""
_SERVICES: Final = {
    **dict.fromkeys(("full", "toan trinh", "4"), "full"),
    **dict.fromkeys(("partial", "mot phan", "3"), "partial"),
    **dict.fromkeys(("none", "khong", "cung cap thong tin", "cung cap thong tin truc tuyen", "2", "1"), "none"),
}
_ORGANISATIONS: Final = ("to chuc", "doanh nghiep", "hop tac xa", "co quan", "organisation")
_CITIZENS: Final = ("cong dan", "ca nhan", "nguoi", "can bo", "ho gia dinh", "ho kinh doanh", "citizen")

# In working days. By the Civil Code (article 146) a week has 7 days, a month 30 and a year 365; of 7 days 5 are worked,
# of a working day 8 hours. Holidays are left out, as they depend on the day.
_WORKED: Final = Fraction(5, 7)
_UNITS_OF_TIME: Final[Mapping[str, Fraction]] = {
    "ngay lam viec": Fraction(1),
    "ngay": _WORKED,
    "gio": Fraction(1, 8),
    "gio lam viec": Fraction(1, 8),
    "phut": Fraction(1, 480),
    "tuan": Fraction(5),
    "thang": 30 * _WORKED,
    "nam": 365 * _WORKED,
}


def plain(text: str) -> str:
    """A text in small letters without marks, a blank between its words."""
    return _NOT_WORD.sub(" ", bare(text)).strip()


def line(text: object) -> str:
    """A name or a word on one line: the portal's have line breaks in them."""
    return " ".join(str(text).split())


def truth(text: str) -> object:
    """có, không, x, true, 1 …"""
    return _TRUTHS.get(plain(text), text)


def level(text: str, code: str = "") -> object:
    """A level by its word or the portal's number; below a province, what is of a province is its department."""
    found = _LEVELS.get(plain(text), text)
    return "department" if found == "province" and "." in code and text != "province" else found


def level_of_root(code: str) -> str | None:
    """The level that a code alone tells: G is a ministry, H a province. None below these."""
    return None if "." in code else {"G": "ministry", "H": "province"}.get(code[:1])


def service_level(text: str) -> object:
    """toàn trình, một phần, or the old numbers 4, 3 and 2."""
    return _SERVICES.get(plain(text), text)


def applicants(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Who may apply, and the words that say neither."""
    found: dict[str, None] = {}
    unread = []
    for text in texts:
        words = plain(text)
        whom = [
            who
            for who, heads in (("citizen", _CITIZENS), ("organisation", _ORGANISATIONS))
            if any(each in words for each in heads)
        ]
        found |= dict.fromkeys(whom)
        unread += [] if whom else [text]
    return sorted(found), unread


def costs(text: object) -> bool:
    """Whether an amount says that something is to be paid: it has a digit above 0 ("50.000"); "không" has none."""
    return any(each in "123456789" for each in str(text))


def day(text: str) -> str:
    """A date of day, month and year as the contract has it; any other text as it is."""
    found = _DAY.fullmatch(text)
    if found is None:
        return text.removesuffix(" 00:00:00")
    return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}"


def items(text: str) -> list[str]:
    """Items between semicolons, commas or lines."""
    return [each.strip() for each in re.split(r"[;,\n]", text) if each.strip()]


def working_days(time: object, unit: object) -> Fraction | None:
    """A legal time in working days, before rounding; None where the time or its unit cannot be read."""
    number = _NUMBER.fullmatch(str(time).strip())
    in_one = _UNITS_OF_TIME.get(plain(str(unit)))
    return None if number is None or in_one is None else Fraction(number[0].replace(",", ".")) * in_one


def rounded_up(days: Fraction) -> int:
    """Whole working days: nobody is late by a conversion."""
    return ceil(days)


def core(code: str) -> str:
    """The core of a procedure's code, of whatever form; another text as it is."""
    found = _CORE.match(code)
    return found[1] if found else code


def is_old_unit(code: str) -> bool:
    """Whether a code has the old form 000.00.07.H44, which is read from right to left."""
    return _OLD_UNIT.fullmatch(code) is not None


def root_of_old(code: str) -> str | None:
    """The root that an old code stands for by itself: H44 of 000.00.00.H44, none of any other."""
    found = _OLD_UNIT.fullmatch(code)
    return found[1] if found and code.startswith(_OLD_ROOT) and codes.is_unit_code(found[1]) else None
