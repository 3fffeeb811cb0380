"""Unit, procedure and dossier codes: what they look like and which unit stands above which.

Nothing here knows whether a code exists; that is the catalogues' business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NewType

UnitCode = NewType("UnitCode", str)
ProcedureCode = NewType("ProcedureCode", str)

_UNIT = re.compile(r"[A-Za-z0-9]{1,12}(?:\.[A-Za-z0-9]{1,12}){0,9}")
_PROCEDURE = re.compile(r"[0-9]{1,6}\.[0-9]{1,12}")
_CORE = re.compile(r"[0-9]{1,6}\.[0-9]{6}")
# What spreadsheets and national codes make of it: zeros lost or added at the end, a decimal comma, the point lost, the
# national suffix (1.004555.000.00.00.H44) and that of a case within the procedure (_1).
_NEARLY_CORE = re.compile(r"([0-9]{1,6})[.,]([0-9]{1,6}?)0*(?:\.[0-9.]{1,20})?(?:\.[A-Z][0-9]{2}[0-9.]*)?(?:_.{1,5})?")
_NOT_IN_UNITS = re.compile(r"[^A-Z0-9]+")
_POINT_LOST = re.compile(r"([0-9])([0-9]{6})")


def is_unit_code(text: str) -> bool:
    """Whether `text` has the form of an agency code (mã định danh), e.g. ``H44.07`` or ``H15.50.05.13``."""
    return _UNIT.fullmatch(text) is not None


def is_procedure_code(text: str) -> bool:
    """Whether `text` is a core procedure code (mã thủ tục hành chính), digits.digits, e.g. ``1.004555``."""
    return _PROCEDURE.fullmatch(text) is not None


def is_core_procedure_code(text: str) -> bool:
    """Whether `text` is a procedure code as catalogues have it: with six digits after the point."""
    return _CORE.fullmatch(text) is not None


def likely_procedure_code(text: str) -> str | None:
    """The core code that was likely meant by a text that is none: ``1.004550`` by ``1.00455``; None where none is
    likely.
    """
    if len(text) > 60 or is_core_procedure_code(text):
        return None
    text = text.strip()
    if found := _POINT_LOST.fullmatch(text):
        return f"{found[1]}.{found[2]}"
    found = _NEARLY_CORE.fullmatch(text)
    return f"{found[1]}.{found[2]:0<6}" if found else None


def likely_unit_code(text: str, exists: Callable[[str], bool]) -> str | None:
    """The existing unit that was likely meant by a code that is none: another case, other marks than dots, a lost zero
    or H.
    """
    if len(text) > 60:
        return None
    dotted = ".".join(filter(None, _NOT_IN_UNITS.split(text.upper())))
    filled = ".".join(part.zfill(2) if place else part for place, part in enumerate(dotted.split(".")))
    tried = (dotted, filled, f"H{dotted}", f"H{filled}")
    return next((each for each in tried if each != text and is_unit_code(each) and exists(each)), None)


def is_under(unit: str, above: str) -> bool:
    """Whether `unit` is `above` itself or stands below it, by dotted segments: H44.13.1 is under H44.13, H44.130 is
    not.
    """
    return unit == above or (unit.startswith(above) and unit[len(above)] == ".")


def is_related(one: str, other: str) -> bool:
    """Whether one of the two units is the other or stands above it."""
    return is_under(one, other) or is_under(other, one)


def is_over_any(unit: str, units: Iterable[str]) -> bool:
    """Whether `unit` is one of `units` or stands above one of them."""
    return any(is_under(each, unit) for each in units)


def root_of(unit: str) -> str:
    """The top unit of a code, a province or a ministry: ``H44`` of ``H44.07``."""
    return unit.partition(".")[0]


def ancestors(unit: str) -> list[str]:
    """The codes above `unit` by dotted segments, nearest first: H15.50.05 → [H15.50, H15]."""
    above = []
    while (cut := unit.rfind(".")) > 0:
        unit = unit[:cut]
        above.append(unit)
    return above


@lru_cache(10_000)
def sort_key(unit: str) -> tuple[tuple[tuple[int, int | str], ...], str]:
    """Order of units as people read them: H44.14 before H44.130, numbers by value, then texts; H44.07 before H44.7."""
    parts = tuple((0, int(part)) if part.isascii() and part.isdigit() else (1, part) for part in unit.split("."))
    return parts, unit


def owner_in(subject: str) -> str:
    """The unit code a dossier code begins with: ``H44.07`` of ``H44.07-260105-0001`` (all of it without a hyphen)."""
    return subject.partition("-")[0]
