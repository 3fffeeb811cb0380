"""Unit, procedure and dossier codes: what they look like and which unit stands above which.

Nothing here knows whether a code exists; that is the catalogues' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NewType

UnitCode = NewType("UnitCode", str)
ProcedureCode = NewType("ProcedureCode", str)

_UNIT = re.compile(r"[A-Za-z0-9]{1,12}(?:\.[A-Za-z0-9]{1,12}){0,9}")
_PROCEDURE = re.compile(r"[0-9]{1,6}\.[0-9]{1,12}")


def is_unit_code(text: str) -> bool:
    """Whether `text` has the form of an agency code (mã định danh), e.g. ``H44.07`` or ``H15.50.05.13``."""
    return _UNIT.fullmatch(text) is not None


def is_procedure_code(text: str) -> bool:
    """Whether `text` is a core procedure code (mã thủ tục hành chính), digits.digits, e.g. ``1.004555``."""
    return _PROCEDURE.fullmatch(text) is not None


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
