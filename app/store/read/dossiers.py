"""The very lives behind a number, in pages.

What each measure counts is said here a second time on purpose: as a condition on one life's facts, from the definitions
and not from the tallies, so that the list of a number and the number check each other. Pages go by unit, in the order
of the scope, and by subject: a page costs a walk along an index, however deep it lies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, get_args

from app.domain.calendar.civil import start_of
from app.domain.catalogues import indicators
from app.domain.catalogues.indicators import MEASURES, AtRisk, Indicator, Recover
from app.domain.catalogues.remits import Remit, Remits
from app.domain.catalogues.root import Catalogues, Procedure, Unit
from app.domain.figures.advice import Outlook
from app.domain.figures.cube import Slices
from app.domain.figures.measures import Needed, Question, tallied
from app.domain.lives import dossier, publication
from app.domain.lives.dossier import CHANNELS
from app.domain.lives.flags import FLAGS
from app.domain.lives.petition import ABOUT
from app.domain.tallies.sums import Counted
from app.store.read import publications
from app.store.read.figures import Reader, Wanted

Side = Literal["numerator", "missing", "denominator", "recoverable", "at_risk", "lost"]
SIDES: Final[tuple[Side, ...]] = get_args(Side)
PROSPECTS: Final[tuple[Side, ...]] = ("recoverable", "at_risk", "lost")
"""Sides of scored indicators only: what can still be won of what is missing, what is lost, and what soon will be."""
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
OPEN: Final = "ended_at IS NULL"
_WINS: Final[dict[Recover | None, str]] = {"always": "true", "while_open": OPEN}
"""By the catalogue's rule: which of the lives that are missing can still be won; of others none."""


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
_OF_ACTIVE: Final = Needed.of([indicators.load().indicator("DOSSIER_ON_TIME")])
"""What tells how many dossiers are active."""

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
    missing = f"({counted}) AND ({within}) IS NOT TRUE"
    wins = _WINS.get(indicator.recover, "false")
    risks: dict[AtRisk | None, str] = {
        "numerator": f"({within}) AND {OPEN} AND deadline >= {{b}} AND deadline < {{risky}}",
        "recoverable": f"{missing} AND {wins} AND {OPEN} AND deadline >= {{now}} AND deadline < {{soon}}",
    }
    chosen = {
        "numerator": f"({within})",
        "denominator": f"({counted})",
        "missing": missing,
        "recoverable": f"{missing} AND {wins}",
        "lost": f"{missing} AND NOT {wins}",
        "at_risk": risks.get(indicator.at_risk, "false"),
    }
    return f"{_COUNTS[table]} AND {chosen[side]}"


@dataclass(frozen=True)
class Lists:
    """Reads lists of one root within one snapshot; what can still be won as its `outlook` is."""

    reader: Reader
    outlook: Outlook

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

    async def numbers(
        self, question: Question, table: Table, asked: Sequence[tuple[Indicator, Side]], among: str = "true"
    ) -> list[int]:
        """How many of the lives that meet a condition stand behind each of some sides of indicators."""
        bound = await self._bound(question)
        counts = ", ".join(f"count(*) FILTER (WHERE {condition(table, *each)})" for each in asked)
        row = await self.reader.connection.fetchrow(
            bound.sql(f"SELECT {counts} FROM {table} WHERE {self._scope(question)} AND {among}"), *bound.parameters
        )
        assert row is not None, "it counts"
        return [int(each) for each in row]

    async def _chosen(self, question: Question, table: Table, indicator: Indicator, side: Side) -> tuple[Binder, str]:
        chosen = condition(table, indicator, side)
        if question.procedure is not None:
            chosen = f"procedure_id = {{procedure}} AND {chosen}"
        return await self._bound(question), chosen

    async def _bound(self, question: Question) -> Binder:
        procedure_id = None
        if question.procedure is not None:
            procedure_id = await self.reader.connection.fetchval(
                "SELECT id FROM procedure WHERE root_id = $1 AND code = $2", self.catalogues.root_id, question.procedure
            )
        bound = binder(self.catalogues, self.reader.generation, question.a, question.b, procedure_id or -1)
        ahead = {"now": self.outlook.now, "soon": self.outlook.soon, "risky": self.outlook.risky}
        bound.values |= {name: ("timestamptz", at) for name, at in ahead.items()}
        bound.values["units"] = ("int[]", [unit.id for unit in question.units_in(self.catalogues)])
        return bound

    def _scope(self, question: Question) -> str:
        """The lives of a question's units, and of its procedure."""
        scope = "root_id = {root} AND generation = {generation} AND unit_id = ANY({units})"
        return scope if question.procedure is None else f"{scope} AND procedure_id = {{procedure}}"

    def communes(self, question: Question, indicator: Indicator, side: Side) -> list[Unit]:
        """The communes behind a side of an indicator that counts them."""
        units = question.units_in(self.catalogues)
        communes = [each for each in units if each.level == "commune" and each.existed(question.a, question.b)]
        return [each for each in communes if _stands(each.certified_copy, True, side)]

    async def procedures(self, question: Question, indicator: Indicator, side: Side) -> list[str]:
        """The procedures behind a side of an indicator: each is asked by itself what it adds to the figure."""
        if indicator.root_only:
            return await self.published(question, indicator, side)
        wins = await self.wins(question, indicator) if side in PROSPECTS else None
        needed = Needed.of([indicator])
        counted = await self.reader.count(question, needed)
        found = []
        for each in self.catalogues.remit(question.units_in(self.catalogues), question.a, question.b):
            alone = Counted.nothing()
            alone.carried, alone.uses = counted.carried.only(each.id), counted.uses.only(each.id)
            one = tallied(self.catalogues, question, alone, needed, _Alone(each))
            won = wins is None or each.id in wins
            if _stands(one[indicator.numerator or ""], one[indicator.denominator or ""], side, won):
                found.append(each.code)
        return sorted(found)

    def wins_all(self, indicator: Indicator) -> bool:
        """Whether any procedure can still be won: by an edit, or by a new dossier as long as all of them are valid."""
        valid = (each.is_valid_on(self.outlook.today) for each in self.catalogues.procedures.values())
        return MEASURES[indicator.numerator or ""] == "remit" or (self.outlook.is_open and all(valid))

    async def wins(self, question: Question, indicator: Indicator) -> Collection[int] | None:
        """The procedures that can still be won, None for all: those that are valid, and by dossiers they have."""
        if self.wins_all(indicator):
            return None
        known = self.catalogues.procedures.values() if self.outlook.is_open else ()
        won = {each.id for each in known if each.is_valid_on(self.outlook.today)}
        if indicator.recover == "while_open":
            bound = await self._bound(question)
            scope = f"{self._scope(question)} AND {_COUNTS['life']} AND {OPEN} AND {_RECEIVED}"
            statement = bound.sql(f"SELECT DISTINCT procedure_id FROM life WHERE {scope}")
            won |= {row[0] for row in await self.reader.connection.fetch(statement, *bound.parameters)}
        elif indicator.recover == "always":
            wanted = Wanted(question.units_in(self.catalogues), _OF_ACTIVE, by_procedure=True)
            cube = await self.reader.cube(wanted, Slices.of(question.a, question.b))
            parts = cube.split(lambda cell: (str(cell[1]),), by_dossier=True)
            won |= {int(procedure) for procedure, counted in parts.items() if counted.dossiers.active() > 0}
        return won

    async def published(self, question: Question, indicator: Indicator, side: Side) -> list[str]:
        """The procedures behind a side of an indicator of the root's announcements and publications."""
        first, until = Slices.of(question.a, question.b).edges
        calendar, (announce, publish) = self.catalogues.calendar, publications.limits_of(self.catalogues)
        found = []
        known = await publications.every(self.reader.connection, self.catalogues, self.reader.generation)
        for subject, facts in known.items():
            counts = publication.count([facts], first, until, calendar, announce, publish)._asdict()
            won, soon = indicator.recover == "in_period" and self.outlook.is_open, False
            if indicator.recover == "in_time" and side in PROSPECTS:
                last = publication.last_day_to_publish(facts, first, until, calendar, publish)
                won = last is not None and last >= self.outlook.today
                soon = won and last is not None and start_of(last) < self.outlook.soon
            if _stands(counts[indicator.numerator or ""], counts[indicator.denominator or ""], side, won, soon):
                found.append(subject)
        return sorted(found)


def _stands(within: Any, counted: Any, side: Side, won: bool = False, soon: bool = False) -> bool:
    """Whether what adds so much to numerator and denominator stands on a side; `won`: it can be, `soon`: no longer."""
    if side in ("numerator", "denominator"):
        return bool(within) if side == "numerator" else bool(counted)
    of_side = {"missing": True, "recoverable": won, "lost": not won, "at_risk": soon}
    return bool(counted) and not within and of_side[side]


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
