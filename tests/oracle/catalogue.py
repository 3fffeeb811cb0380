"""The unit tree and the procedures, as plain dicts of the contract: defaults, scopes, remits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from .calendar import ONE_DAY, start_of

PROCEDURE_DEFAULTS: dict[str, Any] = {
    "name": None, "sector": None, "service_level": "none", "full_eligible": False, "fee": False,
    "payment_integrated": False, "issues_document": True, "applicants": [], "max_working_days": None,
    "essential": False, "units": [], "levels": [], "valid_from": None, "valid_to": None,
}  # fmt: skip


def is_at_or_above(upper: str, lower: str) -> bool:
    """Dotted segments: H44.13 is above H44.13.1, never above H44.130."""
    up = upper.split(".")
    return lower.split(".")[: len(up)] == up


def upsert(rows: Iterable[Mapping[str, Any]], patches: Iterable[Mapping[str, Any]]) -> list[dict]:
    """Catalogue rows after a PUT of `patches`: absent attributes stay, null resets to the default, by code."""
    by_code = {row["code"]: dict(row) for row in rows}
    for patch in patches:
        by_code.setdefault(patch["code"], {}).update(patch)
    return list(by_code.values())


class Units:
    """The tree of one root: aliases, scopes (with merged units), levels."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.rows: dict[str, Mapping[str, Any]] = {row["code"]: row for row in rows}
        self._alias: dict[str, str] = {
            alias: code for code, row in self.rows.items() for alias in row.get("aliases") or ()
        }

    def canonical(self, code: str) -> str:
        return code if code in self.rows else self._alias.get(code, code)

    def root_of(self, code: str) -> str:
        """The topmost existing unit at or above `code`."""
        return min((unit for unit in self.rows if is_at_or_above(unit, code)), key=lambda unit: unit.count("."))

    def scope(self, code: str, scope: str) -> frozenset[str]:
        """The unit alone, or the units under it and those whose successor (again and again) lies among them."""
        if scope == "own":
            return frozenset([code])
        inside = {unit for unit in self.rows if is_at_or_above(code, unit)}
        grown = True
        while grown:
            merged = {unit for unit, row in self.rows.items() if self._successor(row) in inside} - inside
            inside |= merged
            grown = bool(merged)
        return frozenset(inside)

    def _successor(self, row: Mapping[str, Any]) -> str | None:
        successor = row.get("successor")
        return self.canonical(successor) if successor else None

    def there(self, code: str, start: datetime, end: datetime) -> bool:
        """Was the unit there at some instant of [start, end)?"""
        row = self.rows[code]
        since, until = row.get("valid_from"), row.get("valid_to")
        begun = since is None or start_of(date.fromisoformat(since)) < end
        return begun and (until is None or start_of(date.fromisoformat(until) + ONE_DAY) > start)

    def stands_for(self, code: str) -> str:
        """What a unit is part of today: its successor's successor, and so on."""
        while (successor := self._successor(self.rows[code])) in self.rows:
            code = str(successor)
        return code

    def as_then(self, start: datetime, end: datetime) -> Units:
        """The units with those apart that were there in [start, end) and have merged since."""
        return Units(
            {**row, "successor": None} if self.there(code, start, end) else row for code, row in self.rows.items()
        )

    def level(self, code: str) -> str | None:
        return self.rows.get(code, {}).get("level")


class Procedures:
    """Procedures by code with the defaults filled in; an unknown code has the default attributes."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], units: Units) -> None:
        self._units = units
        self.rows: dict[str, Mapping[str, Any]] = {row["code"]: self._filled(row) for row in rows}

    @staticmethod
    def _filled(row: Mapping[str, Any]) -> dict:
        return {**PROCEDURE_DEFAULTS, **{key: value for key, value in row.items() if value is not None}}

    def known(self, code: str | None) -> bool:
        return code in self.rows

    def get(self, code: str | None) -> Mapping[str, Any]:
        return self.rows.get(code or "", PROCEDURE_DEFAULTS)

    def in_remit(self, scope: frozenset[str], start: datetime, end: datetime) -> set[str]:
        """Codes valid at some instant of [start, end) that the units of `scope` may handle."""
        return {code for code, row in self.rows.items() if self._valid(row, start, end) and self._handled(row, scope)}

    @staticmethod
    def _valid(row: Mapping[str, Any], start: datetime, end: datetime) -> bool:
        first, last = row["valid_from"], row["valid_to"]
        if first is not None and start_of(date.fromisoformat(first)) >= end:
            return False
        return last is None or start_of(date.fromisoformat(last) + ONE_DAY) > start

    def _handled(self, row: Mapping[str, Any], scope: frozenset[str]) -> bool:
        if row["units"]:
            return any(self._units.canonical(unit) in scope for unit in row["units"])
        return any(self._units.level(unit) in row["levels"] for unit in scope)
