"""The catalogue of indicators: groups, maxima, thresholds, rating bands and limits, read from a packaged TOML file.

A catalogue is data, versioned and dated: other rules are another file, and answers name the version and the digest
they were computed with. How measures become points is in scoring.py; how measures are counted is not known here.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, TypeVar

import msgspec

T = TypeVar("T")

Part = Literal[
    "dossiers",
    "programmes",
    "remit",
    "online_uses",
    "paid_uses",
    "population_uses",
    "petitions",
    "documents",
    "communes",
    "publications",
]
"""What a measure counts, and so the sums it comes from. programmes: dossiers by their procedure's attributes; remit:
procedures by their attributes alone; …uses: procedures by their dossiers."""

_BY_PART: Final[dict[Part, str]] = {
    # processing_time is in days, essential_mean a share (1 is 100 %): exact fractions.
    "dossiers": """
        active on_time overdue ended ended_on_time ended_signed_result processing_time
        received received_online received_postal received_by_postal_clerk received_fee received_fee_paid_online
        received_synced synced_base returned_postal returned_online
        active_e_result active_digitised active_reused active_shared_store active_population_data active_satisfied
    """,
    "programmes": "full_online_received full_eligible_received essential_online essential_received essential_mean",
    # Procedures (thủ tục hành chính).
    "remit": "procedures procedures_online_service procedures_fee procedures_integrated procedures_citizen",
    "online_uses": "procedures_with_online_dossiers",
    "paid_uses": "procedures_paid_online",
    "population_uses": "procedures_population_data",
    # Publications of procedures (công bố, công khai).
    "publications": "announced announced_on_time updated updated_on_time published published_complete",
    # Petitions (phản ánh, kiến nghị).
    "petitions": """
        petitions_active petitions_on_time petitions_satisfied petitions_about_regulation petitions_about_staff
    """,
    "communes": "communes communes_certified_copy",
    "documents": """
        documents documents_electronic documents_signed
        documents_province documents_electronic_province documents_signed_province
        documents_agencies documents_electronic_agencies documents_signed_agencies
        documents_commune documents_electronic_commune documents_signed_commune
    """,
}
MEASURES: Final[dict[str, Part]] = {name: part for part, names in _BY_PART.items() for name in names.split()}
"""The closed set of names a catalogue may count with, and what each counts."""

Formula = Literal["ratio", "mean", "average", "constant"]
"""ratio: n/d. mean: a share without counts. average: a value, no ratio. constant: always `constant_ratio`."""

Counts = Literal["dossiers", "procedures", "petitions", "communes", "documents", "publications"]
"""What an indicator counts. Narrowed to one procedure, only those of dossiers have figures."""

ZeroRule = Literal["null", "zero", "max"]
"""The points of 0/0: no data, none, or all."""


Recover = Literal["always", "while_open", "in_period", "in_time", "never"]
"""Until when what is missing in a numerator can still be won; the catalogue's file says what each means."""

AtRisk = Literal["numerator", "recoverable"]
"""Of which part those are lost whose deadline passes."""


class CatalogueError(ValueError):
    """A catalogue file that is missing or contradicts itself."""


class UnknownIndicator(KeyError):
    """A code that the catalogue does not have."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator (chỉ số thành phần). `max` in points, None when unscored; `full_at` in percent, exact.

    `numerator`, `denominator` (kind ratio) and `value` (kinds mean and average) are names of MEASURES. A scored ratio
    says what can still be won (`recover`, `at_risk`), and what to do with {n} of those at hand (`mend`) or of new ones
    (`new`), in Vietnamese.
    """

    code: str
    name: str
    kind: Formula
    counts: Counts
    formula: str
    source: str
    group: str | None = None
    max: int | None = None
    full_at: Fraction | None = None
    zero: ZeroRule = "null"
    numerator: str | None = None
    denominator: str | None = None
    value: str | None = None
    constant_ratio: Fraction | None = None
    root_only: bool = False
    recover: Recover | None = None
    at_risk: AtRisk | None = None
    mend: str | None = None
    new: str | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures the indicator needs."""
        return tuple(name for name in (self.numerator, self.denominator, self.value) if name is not None)


@dataclass(frozen=True, slots=True)
class Group:
    """One of the groups the points are divided among (nhóm chỉ số)."""

    code: str
    name: str
    max: int
    indicators: tuple[Indicator, ...]


@dataclass(frozen=True, slots=True)
class RatingBand:
    """A rating (xếp loại) and the least total that earns it."""

    name: str
    at_least: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits in working days. The ministry's own stand beside those of provinces. `soon`: a deadline as near as
    this is a risk.
    """

    announce: int
    announce_ministry: int
    publish: int
    publish_ministry: int
    petition_answer: int
    petition_refusal: int
    petition_supplement: int
    petition_publication: int
    soon: int


@dataclass(frozen=True)
class IndicatorCatalogue:
    """One version of the rules. `digest` is the SHA-256 of its file, in hex; bands are in falling order."""

    version: str
    valid_from: date
    digest: str
    limits: Limits
    rating_bands: tuple[RatingBand, ...]
    groups: tuple[Group, ...]
    operational: tuple[Indicator, ...]
    _by_code: dict[str, Indicator] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        everything = [each for group in self.groups for each in group.indicators] + list(self.operational)
        object.__setattr__(self, "_by_code", {each.code: each for each in everything})
        for fault in _faults(self, everything):
            raise CatalogueError(f"catalogue {self.version}: {fault}")

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """All indicators in the catalogue's order, scored ones first."""
        return tuple(self._by_code.values())

    @property
    def max(self) -> int:
        """The most points there are."""
        return sum(group.max for group in self.groups)

    def indicator(self, code: str) -> Indicator:
        """The indicator of a code. Raises UnknownIndicator."""
        try:
            return self._by_code[code]
        except KeyError:
            raise UnknownIndicator(code) from None


@cache
def load(version: str = "qd766-2026") -> IndicatorCatalogue:
    """The packaged catalogue of a version. Raises CatalogueError when there is none or it contradicts itself."""
    file = files("app.domain.catalogues").joinpath(f"{version}.toml")
    if re.fullmatch(r"[a-z0-9-]+", version) is None or not file.is_file():
        raise CatalogueError(f"catalogue {version}: there is no such version")
    catalogue = read(file.read_bytes())
    if catalogue.version != version:
        raise CatalogueError(f"catalogue {version}: the file says it is {catalogue.version}")
    return catalogue


def read(content: bytes) -> IndicatorCatalogue:
    """The catalogue a TOML file holds. Raises CatalogueError naming the first contradiction."""
    try:
        # Decimal keeps a threshold like 33.3 exact.
        tables = tomllib.loads(content.decode(), parse_float=Decimal)
        groups = tuple(_group(table) for table in tables.pop("group"))
        return IndicatorCatalogue(
            version=tables.pop("version"),
            valid_from=tables.pop("valid_from"),
            digest=hashlib.sha256(content).hexdigest(),
            limits=_typed(Limits, tables.pop("limits")),
            rating_bands=tuple(_typed(RatingBand, table) for table in tables.pop("rating_band")),
            groups=groups,
            operational=tuple(_typed(Indicator, table) for table in tables.pop("operational")),
        )
    except KeyError as missing:
        raise CatalogueError(f"catalogue: {missing} is missing") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, TypeError) as error:
        raise CatalogueError(f"catalogue: {error}") from None


def _group(table: dict[str, Any]) -> Group:
    indicators = tuple(_typed(Indicator, {**each, "group": table["code"]}) for each in table["indicator"])
    return Group(code=table["code"], name=table["name"], max=table["max"], indicators=indicators)


def _typed(kind: type[T], table: dict[str, Any]) -> T:
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(table.keys() - known):
        raise CatalogueError(f"catalogue: {kind.__name__} has no {unknown[0]} ({table.get('code')})")
    return msgspec.convert(table, kind, dec_hook=_exact)


def _exact(kind: type, value: object) -> object:
    if kind is Fraction and isinstance(value, int | Decimal):
        return Fraction(value)
    raise TypeError(f"{value!r} is no {kind.__name__}")


def _faults(catalogue: IndicatorCatalogue, everything: list[Indicator]) -> Iterator[str]:
    if len({each.code for each in everything}) < len(everything):
        yield "a code stands twice"
    if catalogue.max != 100:
        yield f"the groups have {catalogue.max} points, not 100"
    for group in catalogue.groups:
        parts = sum(each.max or 0 for each in group.indicators)
        if parts != group.max:
            yield f"the indicators of {group.code} have {parts} points, the group {group.max}"
        if any(each.max is None for each in group.indicators):
            yield f"an indicator of {group.code} has no points; unscored ones are operational"
    for each in everything:
        for fault in _indicator_faults(each):
            yield f"{each.code} {fault}"
    known = {group.code for group in catalogue.groups} | {None}
    if strays := [each for each in catalogue.operational if each.max is not None or each.group not in known]:
        yield f"{strays[0].code} is operational, but has points or an unknown group"
    least = [band.at_least for band in catalogue.rating_bands]
    if not least or least[-1] != 0 or least != sorted(set(least), reverse=True):
        yield "the rating bands do not fall from the best to 0"


def _indicator_faults(indicator: Indicator) -> Iterator[str]:
    if unknown := set(indicator.measures) - MEASURES.keys():
        yield f"counts with unknown measures: {', '.join(sorted(unknown))}"
    given = {
        name for name in ("numerator", "denominator", "value", "constant_ratio") if getattr(indicator, name) is not None
    }
    if given != _GIVEN_BY_KIND[indicator.kind]:
        yield f"is of kind {indicator.kind}, which takes {' and '.join(sorted(_GIVEN_BY_KIND[indicator.kind]))}"
    if indicator.max is None:
        if indicator.full_at is not None:
            yield "has a threshold, but no points"
    elif indicator.max <= 0 or indicator.full_at is None or indicator.full_at <= 0:
        yield "has points, but no positive maximum and threshold"
    elif indicator.kind not in ("ratio", "constant"):
        yield "has points, but neither a ratio nor a constant"
    if (indicator.recover is not None) != (indicator.max is not None and indicator.kind == "ratio"):
        yield "says what can still be won where there is nothing to win, or does not where there is"
    elif (indicator.mend is not None) != (indicator.recover not in (None, "never")):
        yield "says what to mend where nothing can be mended, or does not where it can"
    elif indicator.at_risk == "recoverable" and indicator.recover == "never":
        yield "has what can still be won at risk, but nothing can"
    elif any("{n}" not in each for each in (indicator.mend, indicator.new) if each is not None):
        yield "does not say how many are to be mended or new"


_GIVEN_BY_KIND: Final[dict[str, set[str]]] = {
    "ratio": {"numerator", "denominator"},
    "mean": {"value"},
    "average": {"value"},
    "constant": {"constant_ratio"},
}
