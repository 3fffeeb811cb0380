"""What is to happen in the lives of a living province: which office, which procedure, which steps in which order.

A plot is drawn whole when its life begins. Its steps say on whose desk they wait and for how long on average; living.py
says when they happen and fills in what only then is known (promised times, the id of what is retracted).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal, NamedTuple

from app.demo import province
from app.demo.year import procedures
from app.domain import codes
from app.domain.calendar.civil import Day, Instant, date_of, day_number, day_of
from app.domain.calendar.workdays import Calendar
from app.messages import Told

Desk = Literal["citizen", "office", "reception"]
Row = Mapping[str, Any]
"""A row of a catalogue as the service lists it."""

_ORDINARY_DAYS: Final = 10
_TIERS: Final = {"province": "province", "ministry": "province", "department": "agencies", "commune": "commune"}


class NothingToDo(Told):
    """The catalogue has no office with a procedure in its remit."""


@dataclass(frozen=True, slots=True)
class Service:
    """A procedure as an office applies it; `days`: working days it may promise at most."""

    code: str
    days: int
    fee: bool
    online: bool
    applicants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Office:
    """A unit that has procedures; `online` are those that can be asked for online, `peers` the units of its level."""

    code: str
    level: str | None
    services: tuple[Service, ...]
    online: tuple[Service, ...]
    peers: tuple[str, ...]


@dataclass(frozen=True)
class Offices:
    """The offices under a unit, those of them that have online services, and the days that are worked."""

    under: str
    offices: tuple[Office, ...]
    online: tuple[Office, ...]
    calendar: Calendar

    @classmethod
    def read(
        cls, under: str, units: Sequence[Row], procedures: Sequence[Row], calendar: Sequence[Row], today: Day
    ) -> Offices:
        """The catalogue of the units under `under`, from what GET /v1/units, /v1/procedures and /v1/calendar list.

        Raises:
            NothingToDo: no unit has a procedure that is valid today.
        """
        units = [row for row in units if _is_valid(row, today)]
        procedures = [row for row in procedures if _is_valid(row, today)]
        offices = [office for row in units if (office := _office(row, units, procedures)).services]
        if not offices:
            raise NothingToDo(f"no unit of {under} has a procedure that is valid today; load the catalogues first")
        days = {kind: frozenset(_day(row["date"]) for row in calendar if row["kind"] == kind) for kind in _KINDS}
        with_online = tuple(office for office in offices if office.online)
        return cls(under, tuple(offices), with_online, Calendar(days["holiday"], days["workday"]))


def demo_offices(under: str, now: Instant) -> Offices:
    """The demo province's offices under a unit, without a service to ask.

    Raises:
        NothingToDo: it has no such unit, or none with a procedure.
    """
    units = [row for row in province.units() if codes.is_under(str(row["code"]), under)]
    if not units:
        raise NothingToDo(f"the demo province has no unit {under}; with --url a service is asked for its units")
    return Offices.read(under, units, [{**_UNSAID, **row} for row in procedures.procedures()], [], day_of(now))


_UNSAID: Final[Row] = {
    "max_working_days": None, "fee": False, "service_level": "none", "applicants": [], "units": [], "levels": [],
}  # fmt: skip
"""What a procedure is where its row does not say."""

_KINDS: Final = ("holiday", "workday")


def _day(text: str) -> Day:
    return day_number(date_of(Day(0)).fromisoformat(text))


def _is_valid(row: Row, today: Day) -> bool:
    first, last = row.get("valid_from"), row.get("valid_to")
    return (first is None or _day(first) <= today) and (last is None or today <= _day(last))


def _office(unit: Row, units: Sequence[Row], procedures: Sequence[Row]) -> Office:
    code, level = unit["code"], unit["level"]
    services = tuple(
        Service(
            row["code"],
            min(row["max_working_days"] or _ORDINARY_DAYS, _ORDINARY_DAYS),
            row["fee"],
            row["service_level"] != "none",
            tuple(row["applicants"]) or ("citizen", "organisation"),
        )
        for row in procedures
        if (code in row["units"] if row["units"] else level in row["levels"])
    )
    peers = tuple(row["code"] for row in units if row["level"] == level and row["code"] != code)
    return Office(code, level, services, tuple(each for each in services if each.online), peers)


class Step(NamedTuple):
    """Something that is to happen: on whose desk it waits, how many seconds on average, and what is told of it.

    `promise`: a due time is told as well, so many working days ahead, or (0, n) n seconds ahead.
    """

    desk: Desk
    wait: float
    type: str
    data: dict[str, object]
    promise: tuple[int, int] | None = None


@dataclass(slots=True)
class Life:
    """A subject, the unit that has it now, the steps to come (the next one last) and the id of its last event."""

    subject: str
    unit: str
    steps: list[Step]
    last: str = field(default="")


@dataclass(frozen=True, slots=True)
class Manner:
    """How offices work: `slow` multiplies what steps take, `left` is the share of dossiers that nobody ends, `at_once`
    of those that are promised within minutes.
    """

    slow: float = 1
    left: float = 0.2
    at_once: float = 0.08


class Plots:
    """Draws plots; each method gives the steps of a life, the first of them last."""

    def __init__(self, rng: Random, manner: Manner) -> None:
        self._rng = rng
        self._manner = manner

    def _happens(self, share: float) -> bool:
        return self._rng.random() < share

    def dossier(self, office: Office, *, online: bool) -> list[Step]:
        """A dossier of one of the office's procedures."""
        service = self._rng.choice(office.online if online else office.services)
        steps: list[Step] = []
        if online:
            portal = "national" if self._happens(0.7) else "local"
            steps.append(Step("citizen", 1, "dossier.submitted", {"channel": "online", "portal": portal}))
            if self._happens(0.02):
                steps.append(Step("office", 60, "dossier.not_accepted", {}))
                return steps[::-1]
        received = self._reception(service, online)
        steps.append(received)
        twist = self._rng.random()
        if twist < 0.03:
            steps.append(self._corrected(received, office, service))
        elif twist < 0.05 and office.peers:
            steps.append(Step("office", 40, "dossier.transferred", {"to": self._rng.choice(office.peers)}))
        elif twist < 0.065:
            steps.append(Step("office", 90, "dossier.voided", {}))
            return steps[::-1]
        elif twist < 0.09:
            steps += self._mistake()
        steps += self._handling(service)
        steps += self._ending()
        return steps[::-1]

    def _reception(self, service: Service, online: bool) -> Step:
        channel = "online" if online else "postal" if self._happens(0.05) else "counter"
        data: dict[str, object] = {
            "procedure": service.code,
            "channel": channel,
            "applicant": self._rng.choice(service.applicants),
        }
        if channel == "counter":
            data["receiver"] = "postal_clerk" if self._happens(0.03) else "officer"
        if not service.fee or self._happens(0.7):
            data["fee"] = service.fee and not self._happens(0.05)
        # "While you wait": due in minutes, and so some deadlines pass in every run.
        at_once = self._happens(self._manner.at_once)
        promise = (0, 60 + int(self._rng.random() * 540)) if at_once else (self._days(service), 0)
        return Step("reception", 60, "dossier.received", data, promise)

    def _days(self, service: Service) -> int:
        return 1 + int(self._rng.random() * service.days)

    def _corrected(self, received: Step, office: Office, service: Service) -> Step:
        """The reception sent again with a field changed: the procedure, the applicant or the promise."""
        data, promise = dict(received.data), received.promise
        # What was handed in online can only be one of the online services.
        others = office.online if data["channel"] == "online" else office.services
        which = self._rng.random()
        if which < 0.4 and len(others) > 1:
            data["procedure"] = self._rng.choice([each.code for each in others if each is not service])
        elif which < 0.7:
            data["applicant"] = "organisation" if data["applicant"] == "citizen" else "citizen"
        else:
            promise = (service.days + 2, 0)
        return Step("office", 45, "dossier.received", data, promise)

    def _mistake(self) -> list[Step]:
        """Something told by mistake, and its retraction."""
        mistakes: tuple[tuple[str, dict[str, object]], ...] = (
            ("dossier.completed", {"electronic_result": True}),
            ("dossier.paid", {"via": "national_gateway", "amount": 10_000}),
            ("dossier.rated", {"satisfied": False}),
            ("dossier.voided", {}),
        )
        kind, data = self._rng.choice(mistakes)
        return [Step("office", 60, kind, data), Step("office", 30, "event.retracted", {})]

    def _handling(self, service: Service) -> list[Step]:
        draw = self._rng.random
        steps = []
        if self._happens(0.75):
            data: dict[str, object] = {
                "components": int(draw() * 5),
                "reused": self._happens(0.4),
                "shared_store": self._happens(0.5),
                "population_data": self._happens(0.6),
            }
            steps.append(Step("office", 30, "dossier.digitised", data))
        if service.fee:
            steps += self._payment(5_000 * (1 + int(draw() * 40)))
        if self._happens(0.5):
            steps.append(Step("office", 30, "dossier.synced", {}))
        if self._happens(0.06):
            steps.append(Step("office", 120, "dossier.supplement_requested", {}))
            if self._happens(0.8):
                steps.append(Step("citizen", 180, "dossier.supplemented", {}))
        elif self._happens(0.04):
            steps.append(Step("office", 180, "dossier.due_changed", {}, (3 + int(draw() * 8), 0)))
        return steps

    def _payment(self, amount: int) -> list[Step]:
        if self._happens(0.05):
            return [Step("office", 30, "dossier.fee_waived", {})]
        steps = [Step("office", 30, "dossier.fee_requested", {"amount": amount})]
        if self._happens(0.85):
            ways = ("national_gateway", "local_gateway", "cash", "transfer")
            via = self._rng.choices(ways, (70, 10, 15, 5))[0]
            steps.append(Step("citizen", 60, "dossier.paid", {"via": via, "amount": amount}))
        return steps

    def _ending(self) -> list[Step]:
        """How it ends; some are left lying, until their deadline has passed and for ever."""
        chance, left = self._rng.random(), self._manner.left
        if chance < left:
            return []
        if chance < left + 0.05:
            kind = self._rng.choice(("refused", "stopped", "withdrawn"))
            return [Step("citizen" if kind == "withdrawn" else "office", 240, f"dossier.{kind}", {})]
        electronic = self._happens(0.7)
        steps = []
        if electronic and self._happens(0.5):
            steps.append(Step("office", 200, "dossier.signed", {"what": "result"}))
        completed: dict[str, object] = {"electronic_result": electronic, "signed": electronic and self._happens(0.8)}
        steps.append(Step("office", 240, "dossier.completed", completed))
        if self._happens(0.9):
            via = self._rng.choices(("online", "counter", "postal"), (60, 35, 5) if electronic else (0, 90, 10))[0]
            steps.append(Step("office", 60, "dossier.returned", {"via": via}))
        if self._happens(0.25):
            steps.append(Step("citizen", 120, "dossier.rated", {"satisfied": self._happens(0.93)}))
        return steps

    def petition(self) -> list[Step]:
        """A petition, answered, passed on, refused or left."""
        about = self._rng.choices(("regulation", "staff", "other"), (50, 20, 30))[0]
        origin = "direct" if self._happens(0.6) else "forwarded"
        steps = [Step("citizen", 1, "petition.received", {"about": about, "origin": origin})]
        chance = self._rng.random()
        if chance < 0.15:
            kind = "petition.forwarded" if chance < 0.1 else "petition.refused"
            steps.append(Step("office", 120, kind, {}))
        elif chance < 0.85:
            steps.append(Step("office", 240, "petition.answered", {}))
            if self._happens(0.9):
                steps.append(Step("office", 60, "petition.published", {}))
            if self._happens(0.3):
                steps.append(Step("citizen", 120, "petition.rated", {"satisfied": self._happens(0.9)}))
        return steps[::-1]

    def document(self, level: str | None) -> list[Step]:
        """A document sent to another agency."""
        electronic = self._happens(0.97)
        data: dict[str, object] = {"electronic": electronic, "signed": electronic and self._happens(0.95)}
        if level in _TIERS:
            data["tier"] = _TIERS[level]
        return [Step("office", 1, "document.sent", data)]
