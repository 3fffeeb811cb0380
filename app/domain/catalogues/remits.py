"""Remits: which procedures units apply, and which of them have the attributes that are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from app.domain.calendar.civil import Day, Instant, day_of, start_of
from app.domain.catalogues.root import Catalogues, Procedure, Unit

_KEPT: Final = 4
_KEPT_SPANS: Final = 1_000


class Remit(NamedTuple):
    """Ids of the procedures in a remit, and of those of them with an attribute that is counted."""

    procedures: frozenset[int] = frozenset()
    online: frozenset[int] = frozenset()
    fee: frozenset[int] = frozenset()
    integrated: frozenset[int] = frozenset()
    citizen: frozenset[int] = frozenset()

    @classmethod
    def of(cls, procedures: Sequence[Procedure]) -> Remit:
        """The remit that some procedures make."""
        fee = [each for each in procedures if each.fee]
        # Frozen from sets, which takes half of what being filled from lists leaves.
        ids = [
            frozenset({each.id for each in procedures}),
            frozenset({each.id for each in procedures if each.service_level in ("partial", "full")}),
            frozenset({each.id for each in fee}),
            frozenset({each.id for each in fee if each.payment_integrated}),
            frozenset({each.id for each in procedures if "citizen" in each.applicants}),
        ]
        # Often an attribute is that of all: equal sets are one.
        equal: dict[frozenset[int], frozenset[int]] = {}
        return cls(*[equal.setdefault(each, each) for each in ids])

    @classmethod
    def together(cls, remits: Sequence[Remit]) -> Remit:
        """All of some remits."""
        if len(remits) == 1:
            return remits[0]
        return cls(*(frozenset().union(*column) for column in zip(*remits, strict=True))) if remits else cls()


class Remits:
    """`Catalogues.remit` for many questions within one span: what does not change between them is done once."""

    def __init__(self, catalogues: Catalogues, sometimes: frozenset[str]) -> None:
        by_unit: dict[str, list[Procedure]] = {}
        by_level: dict[str | None, list[Procedure]] = {}
        for each in catalogues.procedures.values():
            if each.code in sometimes:
                continue
            for code in each.units:
                by_unit.setdefault(code, []).append(each)
            for level in each.levels if not each.units else ():
                by_level.setdefault(level, []).append(each)
        self._by_unit = {code: Remit.of(found) for code, found in by_unit.items()}
        self._by_level = {level: Remit.of(found) for level, found in by_level.items()}
        self._of_levels: dict[frozenset[str | None], Remit] = {}
        self._always: dict[tuple[str, ...], tuple[Remit, ...]] = {}
        self._sometimes = (
            replace(catalogues, procedures={code: catalogues.procedures[code] for code in sorted(sometimes)})
            if sometimes
            else None
        )

    @classmethod
    def within(cls, catalogues: Catalogues, a: Instant, b: Instant) -> Remits:
        """Those of [a, b). They are kept with the catalogues by the procedures that are valid for a part of the span
        only: most spans have none, and share all their remits."""
        spans: dict[tuple[Instant, Day], Remits] = catalogues.kept.setdefault("spans", {})
        # Validity is of whole days: until when of its last day a span reaches makes no difference.
        last = day_of(Instant(b - 1))
        found = spans.get((a, last))
        if found is None:
            if len(spans) >= _KEPT_SPANS:
                spans.clear()
            found = spans[a, last] = cls._of_span(catalogues, a, start_of(Day(last + 1)))
        return found

    @classmethod
    def _of_span(cls, catalogues: Catalogues, a: Instant, b: Instant) -> Remits:
        sometimes = frozenset([each.code for each in catalogues.procedures.values() if not _throughout(each, a, b)])
        kept: dict[frozenset[str], Remits] = catalogues.kept.setdefault("remits", {})
        found = kept.get(sometimes)
        if found is None:
            if len(kept) >= _KEPT:
                kept.clear()
                catalogues.kept["spans"].clear()
            found = kept[sometimes] = cls(catalogues, sometimes)
        return found

    def of(self, units: Sequence[Unit], a: Instant, b: Instant) -> tuple[Remit, ...]:
        """The remit of `units` in [a, b), which lies within the span, in parts that have no procedure in common.

        In parts, because what a level applies is most of it, and the same for all its units: a set of its own for each
        of them took 8 MiB a province.
        """
        key = tuple([unit.code for unit in units])
        always = self._always.get(key)
        if always is None:
            # A procedure lists units or is of levels, never both.
            own = Remit.together([self._by_unit[code] for code in key if code in self._by_unit])
            always = self._always[key] = (own, self._all_of(frozenset([unit.level for unit in units])))
        now = self._sometimes.remit(units, a, b) if self._sometimes is not None else []
        return (*always, Remit.of(now)) if now else always

    def _all_of(self, levels: frozenset[str | None]) -> Remit:
        found = self._of_levels.get(levels)
        if found is None:
            parts = [self._by_level[level] for level in levels if level in self._by_level]
            found = self._of_levels[levels] = Remit.together(parts)
        return found


def _throughout(procedure: Procedure, a: Instant, b: Instant) -> bool:
    begun = procedure.valid_from is None or start_of(procedure.valid_from) <= a
    return begun and (procedure.valid_to is None or start_of(Day(procedure.valid_to + 1)) >= b)
