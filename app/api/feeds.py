"""`GET /v1/feeds`: what each source sends of each unit, whether it has fallen silent, and what is wrong with it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final

from fastapi import Request, Response
from typing_extensions import TypedDict

from app.api.figures.view import AsOf, CatalogueBrief, Refolding, UnitBrief, as_of, catalogue_brief, unit_brief
from app.api.http.answers import LATER, Encoded, instant
from app.api.http.auth import Reading, root_for
from app.api.http.csv import tabular_response
from app.api.http.fields import Number, answer, said, time, whole
from app.api.http.openapi.parameters import UNIT as UNIT_ASKED
from app.api.http.openapi.routes import UNIT, Router, told
from app.api.http.parameters import only
from app.api.http.problems import Problem
from app.api.http.service import Service, Serving
from app.api.lives.quality import NAMES, Counted
from app.domain import codes, feeds
from app.domain.calendar.civil import Instant, clock_of, day_of
from app.domain.calendar.hours import OFFICE_HOURS
from app.domain.catalogues.root import Catalogues, Unit
from app.domain.feeds import STATES, Rhythm, State, rhythm
from app.domain.figures import coverage, scoring
from app.domain.lives.flags import CAUSES
from app.domain.push import EVENT_CODES
from app.messages import NAME_UNIT
from app.store import rejections
from app.store.feeds import kept as stored
from app.store.feeds.kept import Known
from app.store.read.figures import Reader
from app.store.read.quality import counts_by_unit
from app.store.snapshot import reading_moment

router = Router()
_log = logging.getLogger(__name__)
_MEASURED_SECONDS: Final = 20.0
_MINUTES: Final = "Minutes of working time"


@answer
class FeedRow(TypedDict):
    """What one source sends of one unit. Minutes are of working time; no rhythm is known yet where they are null."""

    source: Annotated[str, said("The source.", "/h44/igate")]
    unit: UnitBrief
    state: Annotated[
        State,
        said("Silent: nothing has come for longer than is usual. Ended: of a unit that is no more, or long silent.",
             "sending"),
    ]  # fmt: skip
    first_at: Annotated[str, time("When something came first.", "2026-01-05T08:12:01.000001+07:00")]
    last_at: Annotated[str, time("When something came last.", "2026-11-23T07:58:20.000001+07:00")]
    events: Annotated[int, whole("How many events came.", 25392)]
    usual_minutes: Annotated[int | None, whole(f"{_MINUTES} that it is usually silent at most.", 90)]
    alarm_minutes: Annotated[int | None, whole(f"{_MINUTES} from which its silence is an alarm.", 270)]
    silence_minutes: Annotated[int, whole(f"{_MINUTES} since something came last.", 12)]
    alarm_at: Annotated[
        str | None, time("Since when it is silent, or would be if nothing came.", "2026-11-23T14:28:20.000001+07:00")
    ]
    rejections: Annotated[int, whole("Kept rejections of the source, of all its units.", 3)]
    faults: Annotated[int, whole("Faults of the unit's data, of all causes and sources.", 4)]
    due_moved_late: Annotated[int, whole("The unit's dossiers whose due time was moved after it had passed.", 1)]
    end_moved_back: Annotated[int, whole("The unit's dossiers whose end jumped back.", 0)]


_HOUR: Final = TypedDict("_HOUR", {"from": Annotated[str, time("When it began.", "2026-11-23T07:00:00+07:00")]})


@answer
class Hour(_HOUR):
    """An hour and what came in it."""

    events: Annotated[int, whole("How many events came.", 1284)]


COLUMNS: Final = (
    *("source", "unit.code", "unit.name", "unit.level", "state", "first_at", "last_at", "events", "usual_minutes"),
    *("alarm_minutes", "silence_minutes", "alarm_at", "rejections", "faults", "due_moved_late", "end_moved_back"),
)


@answer
class RejectedBy(TypedDict):
    """A reason of rejections."""

    code: Annotated[str, said("Why they were refused.", "unknown_field", enum=EVENT_CODES)]
    count: Annotated[int, whole("How many of them are kept.", 3)]


@answer
class SourceTold(TypedDict):
    """A source that sends of the units, or whose events were refused."""

    source: Annotated[str | None, said("The source; null where it could not be read.", "/h44/igate")]
    feeds: Annotated[int, whole("Of how many of the units it has sent.", 164)]
    silent: Annotated[int, whole("How many of these feeds are silent.", 1)]
    last_at: Annotated[str | None, time("When something came last.", "2026-11-23T07:58:20.000001+07:00")]
    rejections: Annotated[list[RejectedBy], said("Kept rejections, sent with keys of the asked unit or under it.")]


@answer
class UnitFaults(TypedDict):
    """The faults of a unit's data."""

    unit: UnitBrief
    causes: Annotated[list[Counted], said("Those that it has, as /v1/data-quality counts them for the unit alone.")]


@answer
class Covered(TypedDict):
    """How many of the units that are due are live."""

    due: Annotated[int, whole("Departments and communes that are there today and apply procedures.", 163)]
    live: Annotated[int, whole("Those of which something came within the last working days.", 162)]
    ratio: Annotated[Number | None, said("Percent, two decimals; null for 0/0.", 99.39)]
    target: Annotated[Number | None, said("The year's target FEED_COVERAGE, percent.", 100)]
    gap: Annotated[Number | None, said("target − ratio, points of percent.", 0.61)]


@answer
class TierCovered(Covered):
    """The same of a level."""

    level: Annotated[str, said("The level.", "commune", enum=coverage.TIERS)]


@answer
class Absent(UnitBrief):
    """A unit that is due and not live."""

    last_at: Annotated[str | None, time("When something of it came last; null: never.", None)]


@answer
class Coverage(Covered):
    """Which of the units that ought to send do."""

    within: Annotated[int, whole("Live is a unit of which something came within so many working days.", 5)]
    tiers: Annotated[list[TierCovered], said("By level.")]
    absent: Annotated[list[Absent], said("The units that are due and not live.")]


@answer
class RuleTold(TypedDict):
    """How a rhythm is learned, and from when silence is an alarm."""

    hours: Annotated[str, said("Working time: these hours of the root's working days.", OFFICE_HOURS)]
    window_days: Annotated[int, whole("Days up to the last event that are looked at.", feeds.WINDOW_DAYS)]
    percentile: Annotated[int, whole("Of the days' longest gaps, the usual one.", feeds.PERCENTILE)]
    factor: Annotated[int, whole("An alarm is so many times the usual silence …", feeds.FACTOR)]
    floor_minutes: Annotated[int, whole("… and this at least.", feeds.FLOOR_MINUTES)]
    learned_days: Annotated[int, whole("It takes so many days with events …", feeds.LEARNED_DAYS)]
    learned_workdays: Annotated[int, whole("… over so many working days.", feeds.LEARNED_WORKDAYS)]
    ended_days: Annotated[int, whole("After so many days of silence a feed has ended.", feeds.ENDED_DAYS)]


_RULE: Final[RuleTold] = {
    "hours": OFFICE_HOURS,
    "window_days": feeds.WINDOW_DAYS,
    "percentile": feeds.PERCENTILE,
    "factor": feeds.FACTOR,
    "floor_minutes": feeds.FLOOR_MINUTES,
    "learned_days": feeds.LEARNED_DAYS,
    "learned_workdays": feeds.LEARNED_WORKDAYS,
    "ended_days": feeds.ENDED_DAYS,
}


@answer
class States(TypedDict):
    """How many feeds are in each state."""

    sending: Annotated[int, whole("Within what is usual.", 162)]
    silent: Annotated[int, whole("Beyond it.", 1)]
    learning: Annotated[int, whole("No rhythm is known yet.", 1)]
    ended: Annotated[int, whole("Of units that are no more, or long silent.", 0)]


@answer
class Feeds(TypedDict):
    """The feeds of a unit and all under it."""

    unit: UnitBrief
    as_of: AsOf
    read_until: Annotated[
        str | None,
        time("Until when all that came is known here; null: not yet, and nothing is told.",
             "2026-11-23T07:59:58.123456+07:00"),
    ]  # fmt: skip
    catalogue: CatalogueBrief
    refolding: Refolding
    rule: RuleTold
    states: States
    more: Annotated[bool, said("Whether there are more feeds than can be told: those that sent last are.", False)]
    coverage: Coverage | None
    hours: Annotated[list[Hour], said("The last 24 hours, the one that runs last.")]
    rows: Annotated[list[FeedRow], said("The feeds, silent ones first.", maxItems=stored.MOST)]
    sources: Annotated[list[SourceTold], said("The sources.")]
    faults: Annotated[list[UnitFaults], said("The units whose data have faults.")]


@dataclass(frozen=True)
class _Seen:
    """What is known of the feeds at an instant, up to which all that came is known."""

    catalogues: Catalogues
    until: Instant
    known: Sequence[tuple[Known, Rhythm]]
    faults: Mapping[int, Counter[str]]
    rejected: Mapping[str | None, Mapping[str, int]]


@router.get(
    "/v1/feeds",
    summary="What each source sends of each unit",
    **told(Feeds, parameters=(UNIT_ASKED,), problems=UNIT, rows="rows", columns=COLUMNS, tagged=True),
)
async def feeds_of(request: Request, access: Reading, service: Serving) -> Response:
    """Each source and unit: first and last event, the usual silence in working time, and an alarm when it lasts longer;
    how many of the units that ought to send do; rejections by source, faults by unit. `rows` as CSV too.
    """
    query = only(request, ("unit",))
    if "unit" not in query:
        raise Problem("invalid_parameter", NAME_UNIT, "unit")
    async with service.database.snapshot() as connection:
        root_id = await root_for(connection, access, query["unit"])
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
        catalogues = moment.catalogues
        unit = catalogues.units[access.find_unit(catalogues, query["unit"])]
        units = catalogues.in_scope(unit.code, "subtree")
        until = await stored.read_until(connection, moment.now)
        known: list[Known] = []
        if until is not None:
            known = await stored.of_units(connection, root_id, [each.id for each in units])
        faults = await counts_by_unit(Reader(connection, catalogues, moment.generation), units)
        rejected = await rejections.counted(connection, root_id, unit.code)
    at = Instant(moment.now if until is None else until)
    standing = [(each, rhythm(each.feed, catalogues.calendar, at, _is_closed(catalogues, each, at))) for each in known]
    seen = _Seen(catalogues, at, sorted(standing, key=lambda each: _place(catalogues, *each)), faults, rejected)
    states = Counter(each.state for _, each in standing)
    body: Feeds = {
        "unit": unit_brief(unit),
        "as_of": LATER,
        "read_until": LATER,
        "catalogue": catalogue_brief(catalogues),
        "refolding": moment.refolding,
        "rule": _RULE,
        "states": {
            "sending": states["sending"],
            "silent": states["silent"],
            "learning": states["learning"],
            "ended": states["ended"],
        },
        "more": len(known) == stored.MOST,
        "coverage": None if until is None else _coverage(seen, unit, units),
        "hours": _hours(seen),
        "rows": [_row(seen, *each) for each in seen.known],
        "sources": _sources(seen),
        "faults": _faults(seen, units),
    }
    later = as_of(moment) | {"read_until": None if until is None else instant(until, micros=True)}
    return tabular_response(request, Encoded.of(body), "rows", later, COLUMNS)


def _hours(seen: _Seen) -> list[Hour]:
    """What came in each of the last hours, whole civil ones, up to the one that runs."""
    came = sum((Counter(known.feed.by_hour) for known, _ in seen.known), Counter[int]())
    after = seen.until // feeds.HOUR + 1
    hours = range(after - feeds.HOURS, after)
    return [{"from": instant(hour * feeds.HOUR), "events": came[hour]} for hour in hours]


def _is_closed(catalogues: Catalogues, known: Known, at: Instant) -> bool:
    unit = catalogues.unit_by_id(known.unit_id)
    return unit.successor is not None or (unit.valid_to is not None and unit.valid_to < day_of(at))


def _place(catalogues: Catalogues, known: Known, stands: Rhythm) -> tuple[object, ...]:
    """The longest in alarm first, then by unit and source."""
    silent = stands.state == "silent"
    unit = codes.sort_key(catalogues.unit_by_id(known.unit_id).code)
    return (not silent, (stands.alarm_at or 0) if silent else 0, unit, known.source)


def _row(seen: _Seen, known: Known, stands: Rhythm) -> FeedRow:
    faults = seen.faults.get(known.unit_id, Counter())
    return {
        "source": known.source,
        "unit": unit_brief(seen.catalogues.unit_by_id(known.unit_id)),
        "state": stands.state,
        "first_at": instant(known.feed.first_at, micros=True),
        "last_at": instant(known.feed.last_at, micros=True),
        "events": known.feed.events,
        "usual_minutes": stands.usual_minutes,
        "alarm_minutes": stands.alarm_minutes,
        "silence_minutes": stands.silence_minutes,
        "alarm_at": None if stands.alarm_at is None else instant(stands.alarm_at, micros=True),
        "rejections": sum(seen.rejected.get(known.source, {}).values()),
        "faults": sum(faults.values()),
        "due_moved_late": faults["due_moved_late"],
        "end_moved_back": faults["end_moved_back"],
    }


def _sources(seen: _Seen) -> list[SourceTold]:
    by_source: dict[str | None, list[tuple[Known, Rhythm]]] = {each: [] for each in seen.rejected}
    for each in seen.known:
        by_source.setdefault(each[0].source, []).append(each)
    return [
        {
            "source": source,
            "feeds": len(known),
            "silent": sum(stands.state == "silent" for _, stands in known),
            "last_at": instant(max(each.feed.last_at for each, _ in known), micros=True) if known else None,
            "rejections": [
                {"code": code, "count": n}
                for code, n in sorted(seen.rejected.get(source, {}).items(), key=lambda each: (-each[1], each[0]))
            ],
        }
        for source, known in sorted(by_source.items(), key=lambda each: (each[0] is not None, each[0] or ""))
    ]


def _faults(seen: _Seen, units: Sequence[Unit]) -> list[UnitFaults]:
    return [
        {
            "unit": unit_brief(unit),
            "causes": [
                {"cause": cause, "name": NAMES[cause], "count": found[cause]} for cause in CAUSES if found[cause]
            ],
        }
        for unit in units
        if (found := seen.faults.get(unit.id))
    ]


def _coverage(seen: _Seen, unit: Unit, units: Sequence[Unit]) -> Coverage:
    """How many of the units are live, by level against the level's target, in all against that of the asked unit."""
    catalogues, year = seen.catalogues, clock_of(seen.until).year
    last_at: dict[int, int] = {}
    for known, _ in seen.known:
        stands_for = catalogues.last_successor(catalogues.unit_by_id(known.unit_id))
        last_at[stands_for.id] = max(known.feed.last_at, last_at.get(stands_for.id, 0))
    tiers = coverage.tiers(catalogues, units, last_at, seen.until)
    of_levels: list[TierCovered] = [
        {
            "level": each.level,
            **_covered(len(each.due), len(each.live), catalogues.targets.get((feeds.COVERAGE, "", each.level, year))),
        }
        for each in tiers
    ]
    live = {each.code for tier in tiers for each in tier.live}
    absent = [each for tier in tiers for each in tier.due if each.code not in live]
    of_all = _covered(len(live) + len(absent), len(live), catalogues.target(feeds.COVERAGE, unit, year))
    return {
        **of_all,
        "within": coverage.WITHIN,
        "tiers": of_levels,
        "absent": [
            {
                **unit_brief(each),
                "last_at": instant(last_at[each.id], micros=True) if each.id in last_at else None,
            }
            for each in sorted(absent, key=lambda each: codes.sort_key(each.code))
        ],
    }


def _covered(due: int, live: int, target: Decimal | None) -> Covered:
    ratio = scoring.ratio(live, due)
    return {"due": due, "live": live, "ratio": ratio, "target": target, "gap": scoring.gap(target, ratio)}


async def measure(service: Service) -> None:
    """Bring to the metrics how many feeds of each root are in each state."""
    found = await service.follower.states()
    gauge = service.metrics.feeds
    gauge.clear()
    for root, states in found.items():
        for state in STATES:
            gauge.labels(root, state).set(states[state])


async def measure_forever(service: Service) -> None:
    """The same every few seconds, until cancelled: a scrape does not work it out."""
    while True:
        try:
            await measure(service)
        except Exception:  # noqa: BLE001 - the database may be away in more ways than can be listed
            _log.debug("feeds were not measured", exc_info=True)
        await asyncio.sleep(_MEASURED_SECONDS)
