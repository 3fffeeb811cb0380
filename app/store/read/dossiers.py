"""The very lives behind a number, in pages.

What each measure counts is said here a second time on purpose: as a condition on one life's facts, from the definitions
and not from the tallies, so that the list of a number and the number check each other. Pages go by unit, in the order
of the scope, and by subject: a page costs a walk along an index, however deep it lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from app.domain.catalogues.indicators import Indicator
from app.domain.catalogues.remits import Remit, Remits
from app.domain.catalogues.root import Catalogues, Procedure, Unit
from app.domain.figures.cube import Slices
from app.domain.figures.measures import Needed, Question, measures
from app.domain.lives import dossier, publication
from app.domain.lives.dossier import CHANNELS
from app.domain.lives.flags import FLAGS
from app.domain.lives.petition import ABOUT
from app.domain.tallies.sums import Counted
from app.store.read import publications
from app.store.read.figures import Reader

Side = Literal["numerator", "missing", "denominator"]
SIDES: Final[tuple[Side, ...]] = ("numerator", "missing", "denominator")
Table = Literal["life", "petition", "document"]

# The four questions about a life in [a, b); b is the effective end, so "before b" is what has happened by now.
_RECEIVED: Final = "received_at >= {a} AND received_at < {b}"
_ENDED: Final = "ended_at >= {a} AND ended_at < {b}"
_ACTIVE: Final = "received_at < {b} AND (ended_at IS NULL OR ended_at >= {a})"
_IN_TIME: Final = "NOT (deadline IS NOT NULL AND deadline < {b} AND (ended_at IS NULL OR ended_at > deadline))"
# A petition is also late when its answer was published late; then it is overdue from its end on.
_PETITION_IN_TIME: Final = """NOT (deadline IS NOT NULL AND least(deadline, ended_at) < {b}
    AND (ended_at IS NULL OR ended_at > deadline OR late_published))"""
_SENT: Final = "sent_at >= {a} AND sent_at < {b}"


def _with(flag: str) -> str:
    return f"flags & {FLAGS[flag]} <> 0"


def _by(channel: str) -> str:
    return f"channel = {CHANNELS.index(channel)}"


def _all(*conditions: str) -> str:
    return " AND ".join(conditions)


def _returned(way: str) -> str:
    return f"returned_at >= {{a}} AND returned_at < {{b}} AND returned_via = {dossier.RETURN_WAYS.index(way)}"


DOSSIERS: Final[dict[str, str]] = {
    "active": _ACTIVE,
    "on_time": _all(_ACTIVE, _IN_TIME),
    "active_satisfied": _all(_ACTIVE, _IN_TIME, f"NOT {_with('disliked')}"),
    **{
        f"active_{flag}": _all(_ACTIVE, _with(flag))
        for flag in ("e_result", "digitised", "reused", "shared_store", "population_data")
    },
    "received": _RECEIVED,
    "synced_base": _RECEIVED,
    "received_synced": _all(_RECEIVED, _with("synced")),
    "received_online": _all(_RECEIVED, _by("online")),
    "received_postal": _all(_RECEIVED, _by("postal")),
    "received_by_postal_clerk": _all(_RECEIVED, _with("postal_clerk")),
    "received_fee": _all(_RECEIVED, _with("fee")),
    "received_fee_paid_online": _all(_RECEIVED, _with("fee"), _with("paid_online")),
    "full_eligible_received": _all(_RECEIVED, "procedure_id = ANY({eligible})"),
    "full_online_received": _all(_RECEIVED, _by("online"), "procedure_id = ANY({full})"),
    "essential_received": _all(_RECEIVED, "procedure_id = ANY({essential})"),
    "essential_online": _all(_RECEIVED, _by("online"), "procedure_id = ANY({essential})"),
    "ended": _ENDED,
    "ended_on_time": _all(_ENDED, "(deadline IS NULL OR ended_at <= deadline)"),
    "ended_signed_result": _all(_ENDED, _with("signed_result")),
    "returned_postal": _returned("postal"),
    "returned_online": _returned("online"),
}
PETITIONS: Final[dict[str, str]] = {
    "petitions_active": _ACTIVE,
    "petitions_on_time": _all(_ACTIVE, _PETITION_IN_TIME),
    "petitions_satisfied": _all(_ACTIVE, _PETITION_IN_TIME, "NOT disliked"),
    "petitions_about_regulation": _all(_ACTIVE, f"about = {ABOUT.index('regulation')}"),
    "petitions_about_staff": _all(_ACTIVE, f"about = {ABOUT.index('staff')}"),
}
DOCUMENTS: Final[dict[str, str]] = {
    f"documents{kind}{suffix}": _all(_SENT, *more, *tier)
    for suffix, tier in {
        "": (),
        "_province": ("tier = 1",),
        "_agencies": ("tier = 2",),
        "_commune": ("tier = 3",),
    }.items()
    for kind, more in {"": (), "_electronic": ("electronic",), "_signed": ("electronic", "signed")}.items()
}
CONDITIONS: Final[dict[Table, dict[str, str]]] = {"life": DOSSIERS, "petition": PETITIONS, "document": DOCUMENTS}
_COUNTS: Final[dict[Table, str]] = {
    # Outside every figure: what was never received, and what is voided.
    "life": "received_at IS NOT NULL AND NOT voided",
    "petition": "received_at IS NOT NULL AND NOT voided",
    "document": "true",
}
_COLUMNS: Final[dict[Table, str]] = {
    "life": "subject, procedure_id, channel, flags, faults, received_at, due_at, deadline, ended_at",
    "petition": "subject, about, disliked, received_at, deadline, ended_at, late_published",
    "document": "subject, tier, electronic, signed, sent_at",
}
_FIRST_UNITS: Final = 4

NOT_A_PART: Final = ("returned_postal", "returned_online")
"""Numerators that are counted at another instant than their denominator, so no part of it."""


class Place(NamedTuple):
    """Where a page ended: the place of the unit in the scope, and the subject."""

    unit: int
    subject: str


class Found(NamedTuple):
    """A life of a list: its unit, its row, and its place."""

    unit: str
    row: Any
    place: Place


@dataclass
class Binder:
    """Values for the names in a condition, each bound as a parameter when it is first used."""

    values: dict[str, tuple[str, Any]]
    parameters: list[Any] = field(default_factory=list)
    _bound: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        if name not in self._bound:
            kind, value = self.values[name]
            self.parameters.append(value)
            self._bound[name] = f"${len(self.parameters)}::{kind}"
        return self._bound[name]

    def sql(self, template: str) -> str:
        """The template with parameters in the place of names."""
        return template.format_map(self)


def binder(catalogues: Catalogues, generation: int, a: int, b: int, procedure_id: int | None = None) -> Binder:
    """What conditions about a root's lives in [a, b) may name."""
    known = catalogues.procedures.values()
    eligible = [each for each in known if each.full_eligible]
    return Binder(
        {
            "root": ("int", catalogues.root_id),
            "generation": ("int", generation),
            "a": ("timestamptz", a),
            "b": ("timestamptz", b),
            "procedure": ("int", procedure_id),
            "eligible": ("int[]", [each.id for each in eligible]),
            "full": ("int[]", [each.id for each in eligible if each.service_level == "full"]),
            "essential": ("int[]", [each.id for each in known if each.essential]),
        }
    )


def table_of(indicator: Indicator) -> Table | None:
    """Where the lives stand that an indicator counts; None where it counts none, or has no counts at all."""
    for table, conditions in CONDITIONS.items():
        if indicator.denominator in conditions:
            return table
    return None


def condition(table: Table, indicator: Indicator, side: Side) -> str:
    """Which lives stand on a side of an indicator."""
    within, counted = (CONDITIONS[table][name] for name in (indicator.numerator, indicator.denominator) if name)
    chosen = {
        "numerator": f"({within})",
        "denominator": f"({counted})",
        "missing": f"({counted}) AND ({within}) IS NOT TRUE",
    }
    return f"{_COUNTS[table]} AND {chosen[side]}"


@dataclass(frozen=True)
class Lists:
    """Reads lists of one root within one snapshot."""

    reader: Reader

    @property
    def catalogues(self) -> Catalogues:
        """The catalogues of the snapshot."""
        return self.reader.catalogues

    async def change(self, units: Iterable[Unit]) -> int:
        """How often anything in the figures of the units has changed."""
        found = await self.reader.connection.fetchval(
            "SELECT coalesce(sum(changes), 0)::bigint FROM unit_change WHERE root_id = $1 AND unit_id = ANY($2::int[])",
            self.catalogues.root_id,
            [unit.id for unit in units],
        )
        return int(found)

    async def lives(
        self, question: Question, indicator: Indicator, side: Side, after: Place | None, limit: int
    ) -> tuple[list[Found], Place | None]:
        """A page of the lives behind a side of an indicator, and where it ended when more follow."""
        table = table_of(indicator)
        if table is None or (question.procedure is not None and table != "life"):
            return [], None
        bound, chosen = await self._chosen(question, table, indicator, side)
        return await page(self.reader, question.units_in(self.catalogues), table, bound, chosen, after, limit)

    async def number(self, question: Question, indicator: Indicator, side: Side) -> int:
        """How many lives stand behind a side of an indicator, one by one."""
        table = table_of(indicator)
        assert table is not None, "only lives are counted one by one"
        bound, chosen = await self._chosen(question, table, indicator, side)
        bound.values["units"] = ("int[]", [unit.id for unit in question.units_in(self.catalogues)])
        statement = bound.sql(
            f"""
            SELECT count(*) FROM {table}
            WHERE root_id = {{root}} AND generation = {{generation}} AND unit_id = ANY({{units}}) AND {chosen}
            """
        )
        return int(await self.reader.connection.fetchval(statement, *bound.parameters))

    async def _chosen(self, question: Question, table: Table, indicator: Indicator, side: Side) -> tuple[Binder, str]:
        procedure_id = None
        chosen = condition(table, indicator, side)
        if question.procedure is not None:
            procedure_id = await self.reader.connection.fetchval(
                "SELECT id FROM procedure WHERE root_id = $1 AND code = $2", self.catalogues.root_id, question.procedure
            )
            chosen = f"procedure_id = {{procedure}} AND {chosen}"
        bound = binder(self.catalogues, self.reader.generation, question.a, question.b, procedure_id or -1)
        return bound, chosen

    def communes(self, question: Question, indicator: Indicator, side: Side) -> list[Unit]:
        """The communes behind a side of an indicator that counts them."""
        units = question.units_in(self.catalogues)
        communes = [each for each in units if each.level == "commune" and each.existed(question.a, question.b)]
        return [each for each in communes if _stands(each.certified_copy, True, side)]

    async def procedures(self, question: Question, indicator: Indicator, side: Side) -> list[str]:
        """The procedures behind a side of an indicator: each is asked by itself what it adds to the figure."""
        if indicator.root_only:
            return await self._published(question, indicator, side)
        needed = Needed.of([indicator])
        counted = await self.reader.count(question, needed)
        found = []
        for each in self.catalogues.remit(question.units_in(self.catalogues), question.a, question.b):
            alone = Counted.nothing()
            alone.carried, alone.uses = counted.carried.only(each.id), counted.uses.only(each.id)
            one = measures(self.catalogues, question, alone, needed, _Alone(each))
            if _stands(one[indicator.numerator or ""], one[indicator.denominator or ""], side):
                found.append(each.code)
        return sorted(found)

    async def _published(self, question: Question, indicator: Indicator, side: Side) -> list[str]:
        first, until = Slices.of(question.a, question.b).edges
        found = []
        known = await publications.every(self.reader.connection, self.catalogues, self.reader.generation)
        for subject, facts in known.items():
            one = publication.count(
                [facts], first, until, self.catalogues.calendar, *publications.limits_of(self.catalogues)
            )
            counts = one._asdict()
            if _stands(counts[indicator.numerator or ""], counts[indicator.denominator or ""], side):
                found.append(subject)
        return sorted(found)


def _stands(within: Any, counted: Any, side: Side) -> bool:
    """Whether what adds so much to numerator and denominator stands on a side."""
    if side == "numerator":
        return bool(within)
    return bool(counted) and (side == "denominator" or not within)


class _Alone(Remits):
    """The remit of a figure that is asked about one procedure."""

    def __init__(self, procedure: Procedure) -> None:
        self._remit = (Remit.of([procedure]),)

    def of(self, units: Sequence[Unit], a: Any, b: Any) -> tuple[Remit, ...]:
        return self._remit


async def page(
    reader: Reader,
    units: Sequence[Unit],
    table: Table,
    bound: Binder,
    chosen: str,
    after: Place | None,
    limit: int,
) -> tuple[list[Found], Place | None]:
    """Lives of `units` that meet a condition, in order of unit and subject, and where the page ended when more follow.

    A few units at a time, ever more while they have little to give: a scope of hundreds is no reason to look into all.
    """
    found: list[Found] = []
    start, width = (after.unit if after else 0), _FIRST_UNITS
    while start < len(units) and len(found) <= limit:
        chunk = units[start : start + width]
        resumed = [after.subject if after and after.unit == start else "", *[""] * (len(chunk) - 1)]
        bound.values |= {
            "units": ("int[]", [unit.id for unit in chunk]),
            "after": ("text[]", resumed),
            "limit": ("int", limit + 1 - len(found)),
        }
        mine = Binder(bound.values)
        statement = mine.sql(
            f"""
            SELECT place.n, found.*
            FROM unnest({{units}}, {{after}}) WITH ORDINALITY AS place (unit_id, after, n)
            CROSS JOIN LATERAL (
                SELECT {_COLUMNS[table]} FROM {table}
                WHERE root_id = {{root}} AND generation = {{generation}} AND unit_id = place.unit_id
                  AND subject > place.after AND {chosen}
                ORDER BY subject LIMIT {{limit}}
            ) AS found
            ORDER BY place.n, found.subject LIMIT {{limit}}
            """
        )
        for row in await reader.connection.fetch(statement, *mine.parameters):
            place = start + row["n"] - 1
            found.append(Found(units[place].code, row, Place(place, row["subject"])))
        start, width = start + width, width * 2
    more = len(found) > limit
    return found[:limit], found[limit - 1].place if more else None
