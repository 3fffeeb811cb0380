"""Seeded random histories of one province, as nasty as the field: the lives of many stories, and what they cover."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random

from tests.seeds import seeded

from . import custody_stories, dossier_stories, reading
from .calendar import CIVIL, Calendar, parse_instant, seed_from_library
from .catalogue import Procedures, Units, is_at_or_above, upsert
from .dossier_stories import DAY, Story
from .dossiers import fold
from .other_stories import PETITION_STORIES, PetitionStory, documents, publications
from .others import fold_document, fold_petition, fold_procedure
from .writer import AHEAD, FIRST_DAY, TICK, Claim, Facts, Writer

NOW = datetime(2026, 11, 23, 8, 0, 0, 123456, CIVIL)
SEED_HOLIDAYS, SEED_WORKDAYS = seed_from_library(range(2024, 2029))


def _unit(code: str, level: str, **more: object) -> dict:
    return {"code": code, "name": f"Đơn vị {code}", "level": level, **more}


UNITS = [
    _unit("H44", "province", aliases=["000.00.00.H44"]),
    _unit("H44.13", "department", aliases=["000.00.13.H44", "SO13"]),
    _unit("H44.13.1", "department"),
    _unit("H44.13.2", "department"),
    _unit("H44.14", "department", aliases=["000.00.14.H44"]),
    _unit("H44.15", "department", successor="H44.14"),
    _unit("H44.16", "department"),
    _unit("H44.130", "commune", certified_copy=True),
    _unit("H44.131", "commune", certified_copy=True),
    _unit("H44.131.5", "commune"),
    _unit("H44.132", "commune", successor="H44.130"),
    _unit("H44.133", "commune", successor="H44.132"),
    _unit("H44.134", "commune"),
]


def _procedure(code: str, **more: object) -> dict:
    return {"code": code, "name": f"Thủ tục {code}", **more}


EVERYWHERE = ["province", "department", "commune"]
PROCEDURES = [
    _procedure("1.000001", fee=True, service_level="full", full_eligible=True, payment_integrated=True,
               applicants=["citizen"], levels=["department", "commune"], max_working_days=10),
    _procedure("1.000002", service_level="partial", issues_document=False, essential=True,
               applicants=["citizen", "organisation"], levels=["commune"], max_working_days=5),
    _procedure("1.000003", fee=True, service_level="none", units=["H44.13"]),
    _procedure("1.000004", service_level="partial", full_eligible=True, essential=True, units=["H44.13.1", "H44.14"]),
    _procedure("1.000005", service_level="full", full_eligible=True, fee=True, applicants=["citizen"],
               levels=EVERYWHERE, max_working_days=3, valid_from="2025-03-01", valid_to="2026-06-30"),
    _procedure("1.000006", service_level="full", essential=True, units=["H44.130", "H44.132"], max_working_days=1),
    _procedure("1.000007", service_level="full", applicants=["organisation"], levels=["province"]),
    _procedure("1.000008", fee=True, payment_integrated=True, service_level="partial", levels=["department"],
               valid_from="2026-07-01"),
    _procedure("1.000009", applicants=["citizen"]),
    _procedure("2.000010", fee=True, applicants=["citizen"], levels=EVERYWHERE, max_working_days=2),
]  # fmt: skip
UNKNOWN = ["9.999991", "9.999992"]
# A later PUT of procedures: counted attributes change, one becomes known, null resets.
EDIT = [
    _procedure("1.000001", fee=False, max_working_days=4),
    _procedure("1.000002", issues_document=None),
    _procedure("1.000004", max_working_days=2),
    _procedure("9.999991", fee=True, service_level="full", levels=EVERYWHERE, max_working_days=3),
]
EXTERNAL = [
    {"code": "DOSSIER_SYNC", "unit": "H44", "period": "2026", "count": 100_000, "source": "báo cáo"},
    {"code": "DOSSIER_SYNC", "unit": "H44.13", "period": "2026-Q3", "count": 40, "source": "báo cáo"},
    {"code": "DOSSIER_SYNC", "unit": "H44.14", "period": "2026", "count": 1, "source": "báo cáo"},
]


@dataclass(frozen=True)
class History:
    """Catalogues and accepted events of one root. `coverage`: what really occurred, name -> how often.

    `edit` is a later PUT of procedures and `calendar` a PUT of overrides; neither is applied yet to `procedures`.
    """

    units: list[dict]
    procedures: list[dict]
    events: list[dict]
    coverage: Counter[str]
    edit: list[dict] = field(default_factory=list)
    calendar: dict[date, str] = field(default_factory=dict)
    external: list[dict] = field(default_factory=list)

    def edited(self) -> list[dict]:
        """The procedures after the edit."""
        return upsert(self.procedures, self.edit)


def history(seed: int, size: int, now: datetime = NOW) -> History:
    """`size` dossiers with petitions, documents and publications beside them; nothing later than now + 9 minutes."""
    seed = seeded(seed)
    rng = Random(seed)
    writer = Writer(rng, seed, now, {row["code"]: row["aliases"][0] for row in UNITS if "aliases" in row})
    codes = [row["code"] for row in UNITS]
    _dossiers(writer, codes, size, seed)
    _petitions(writer, codes, max(1, size // 3), seed)
    documents(writer, codes, max(1, size // 8))
    publications(writer, [row["code"] for row in PROCEDURES[:8]] + UNKNOWN, max(1, size // 10))
    calendar = _overrides(rng, now)
    coverage = _confirmed(writer.claims, writer.events)
    coverage += _boundaries(writer.events)
    coverage += _edits(writer.events, calendar)
    events = _with_duplicates(rng, writer, coverage)
    return History(UNITS, PROCEDURES, events, coverage, EDIT, calendar, EXTERNAL)


def _dossiers(writer: Writer, codes: list[str], size: int, seed: int) -> None:
    rng = writer.rng
    stories = dossier_stories.STORIES + custody_stories.STORIES
    first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=CIVIL)
    for number in range(size):
        # every story in turn, so that a history of moderate size holds them all
        tell = stories[(number + seed) % len(stories)] if number < size * 0.8 else rng.choice(stories)
        # a stranger to the root does not exist, so stories with strangers happen below it
        at_root = tell in dossier_stories.STORIES and rng.random() < 0.06
        unit = "H44" if at_root else rng.choice(codes[1:])
        other = rng.choice([code for code in codes[1:] if code != unit])
        foreign = [c for c in codes if not is_at_or_above(c, unit) and not is_at_or_above(c, other)]
        # most are old enough for the whole story to be told by now
        received = writer.instant(first, writer.now - (45 * DAY if rng.random() < 0.85 else DAY))
        due = writer.instant(received + rng.randint(2, 12) * DAY, received + 15 * DAY)
        subject = f"{unit}-{received:%y%m%d}-{number:04d}"
        # procedures the catalogue does not know come in now and then
        procedure = rng.choice([row["code"] for row in PROCEDURES] * 2 + UNKNOWN)
        story = Story(writer, subject, unit, other, procedure, received, due, rng.choice(foreign or codes))
        tell(story)
        dossier_stories.ornament(story)


def _petitions(writer: Writer, codes: list[str], count: int, seed: int) -> None:
    rng = writer.rng
    first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=CIVIL)
    for number in range(count):
        tell = PETITION_STORIES[(number + seed) % len(PETITION_STORIES)]
        unit = rng.choice(codes[1:])
        stranger = rng.choice([code for code in codes if not is_at_or_above(code, unit)])
        received = writer.instant(first, writer.now - (40 * DAY if rng.random() < 0.8 else DAY))
        tell(PetitionStory(writer, f"PAKN-2026-{number:05d}", unit, unit.rpartition(".")[0], stranger, received))


def _overrides(rng: Random, now: datetime) -> dict[date, str]:
    """Edits of the calendar: days off on weekdays, work on weekends and on seeded holidays."""
    days = (now.astimezone(CIVIL).date() - FIRST_DAY).days
    calendar = {}
    for _ in range(40):
        day = FIRST_DAY + timedelta(days=rng.randrange(days))
        calendar[day] = "holiday" if day.weekday() < 5 and day not in SEED_HOLIDAYS else "workday"
    return calendar


# -- what occurred ------------------------------------------------------------------------------------------------


def _confirmed(claims: Iterable[Claim], events: Iterable[Mapping]) -> Counter[str]:
    """The claims whose effect the folded facts show."""
    units = Units(UNITS)
    procedures = Procedures(PROCEDURES, units)
    calendar = Calendar(SEED_HOLIDAYS, {}, SEED_WORKDAYS)
    by_subject: dict[str, list[reading.Event]] = {}
    for event in reading.read_all(events, units):
        by_subject.setdefault(event.subject, []).append(event)

    def facts(claim: Claim, subject: str, without: frozenset) -> Facts:
        told = [e for e in by_subject.get(subject, ()) if (e.source, e.id) not in without]
        life = reading.lives(told)[claim.kind].get(claim.life, [])
        if not life:
            return None, frozenset()
        if claim.kind == "dossier":
            return fold(subject, life, procedures, calendar)
        if claim.kind == "petition":
            return fold_petition(claim.life[0], subject, life, calendar)
        if claim.kind == "document":
            return fold_document(claim.life[0], subject, life), frozenset()
        return fold_procedure(subject, life), frozenset()

    coverage: Counter[str] = Counter()
    for claim in claims:
        subject = claim.life if isinstance(claim.life, str) else claim.life[1]
        with_it, without = facts(claim, subject, frozenset()), facts(claim, subject, claim.keys)
        coverage[claim.name] += 0
        try:
            # an effect on a life that another turn of its story took out of every count is no effect
            coverage[claim.name] += bool(claim.check(with_it, without))
        except (AttributeError, TypeError):
            continue
    return coverage


def _boundaries(events: Iterable[Mapping]) -> Counter[str]:
    """Receptions and ends at the first and last instants of days, months, quarters and years."""
    coverage: Counter[str] = Counter()
    timed = ("dossier.received", "dossier.completed", "dossier.returned", "petition.received", "petition.answered")
    for event in events:
        if event["type"] not in timed:
            continue
        at = parse_instant(event["time"])
        if (at.astimezone(UTC).hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0):
            coverage["boundary_utc_midnight"] += 1
        for name, edge in (("first", at), ("last", at + TICK)):
            if (edge.hour, edge.minute, edge.second, edge.microsecond) == (0, 0, 0, 0):
                coverage[f"{name}_instant_of_day"] += 1
                if edge.day == 1:
                    coverage[f"{name}_instant_of_month"] += 1
                    coverage[f"{name}_instant_of_quarter"] += edge.month in (1, 4, 7, 10)
                    coverage[f"{name}_instant_of_year"] += edge.month == 1
    return coverage


def _edits(events: list[dict], overrides: Mapping[date, str]) -> Counter[str]:
    """How many dossiers the edits of the catalogue and of the calendar change."""
    units = Units(UNITS)
    lives = reading.lives(reading.read_all(events, units))["dossier"]

    def folded(rows: Iterable[Mapping], edited: Mapping[date, str]) -> dict[str, Facts]:
        procedures, calendar = Procedures(rows, units), Calendar(SEED_HOLIDAYS, edited, SEED_WORKDAYS)
        return {subject: fold(subject, told, procedures, calendar) for subject, told in lives.items()}

    before, after = folded(PROCEDURES, {}), folded(upsert(PROCEDURES, EDIT), {})
    moved = folded(PROCEDURES, overrides)
    return Counter(
        catalogue_edit=sum(before[s][0] != after[s][0] for s in lives),
        catalogue_edit_makes_known=sum("unknown_procedure" in before[s][1] - after[s][1] for s in lives),
        calendar_edit=sum(before[s][0] != moved[s][0] for s in lives),
        merged_unit=sum(told is not None and "successor" in units.rows[told.unit] for told, _ in before.values()),
        unknown_procedure=sum("unknown_procedure" in before[s][1] for s in lives),
    )


# -- sent again ---------------------------------------------------------------------------------------------------


def _with_duplicates(rng: Random, writer: Writer, coverage: Counter[str]) -> list[dict]:
    """The events by time, about a tenth of them sent again somewhere later, each in another spelling."""
    events = sorted(writer.events, key=lambda event: parse_instant(event["time"]))
    ways: dict[str, Callable[[dict], Mapping]] = {
        "duplicate_identical": lambda event: dict(event),
        "duplicate_zulu": lambda event: event | {"time": _zulu(event["time"])},
        "duplicate_civil": lambda event: event | {"time": parse_instant(event["time"]).isoformat()},
        "duplicate_key_order": _reversed,
        "duplicate_null_added": lambda event: event | {"sequence": event.get("sequence")},
        "duplicate_finer_digits": lambda event: event | {"time": _finer(event["time"])},
    }
    again = []
    for name in ways:
        for event in rng.sample(events, max(1, len(events) // 60)):
            copy = json.loads(json.dumps(ways[name](event)))
            coverage[name] += 1
            again.append(copy)
    for copy in again:
        events.insert(rng.randrange(len(events) + 1), copy)
    if any(parse_instant(event["time"]) > writer.now + AHEAD for event in events):
        raise AssertionError("an event lies too far ahead of the clock")
    coverage["alias"] = sum(event["unit"] in {a for row in UNITS for a in row.get("aliases", ())} for event in events)
    return events


def _zulu(text: str) -> str:
    return parse_instant(text).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _finer(text: str) -> str:
    return parse_instant(text).strftime("%Y-%m-%dT%H:%M:%S.%f") + "789+07:00"


def _reversed(event: Mapping) -> dict:
    turned = dict(reversed(list(event.items())))
    turned["data"] = dict(reversed(list(event["data"].items())))
    return turned


__all__ = ["EDIT", "NOW", "PROCEDURES", "SEED_HOLIDAYS", "SEED_WORKDAYS", "UNITS", "History", "history"]
