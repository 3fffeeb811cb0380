"""States and steps of dossiers in, as one-stop software tells them: kept, made into events, and counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from app.api.events import take_in
from app.api.http.auth import Access
from app.api.http.service import Service
from app.domain import codes
from app.domain.calendar.civil import AHEAD
from app.domain.catalogues.root import Catalogues
from app.domain.codes import UnitCode
from app.domain.judging import AHEAD_OF_CLOCK
from app.domain.lives.events import (
    DossierCompleted,
    DossierNotAccepted,
    DossierReceived,
    DossierReturned,
    DossierStopped,
    DossierSubmitted,
    DossierSupplemented,
    DossierSupplementRequested,
    DossierWithdrawn,
    Event,
)
from app.domain.portal.derive import ahead, derive, difference
from app.domain.portal.faults import values
from app.domain.portal.profile import TRUSTED, Profile, believed
from app.domain.portal.state import SOURCE, Known, Seen, State, Step
from app.domain.push import Parsed, Wrong
from app.intake.cloudevents import fingerprint
from app.intake.dvcqg.dossier import Read, names_an_agency, unit_codes
from app.messages import BEYOND_KEY, Message
from app.store.connections.database import Connection
from app.store.lineage import hold_schema
from app.store.portal import known, sources
from app.store.portal.known import Row
from app.store.snapshot import reading_moment

_WHOLE: Final = "000.00.00."
"""How the old code of a whole province or ministry begins; its new one follows."""
_ROUNDS: Final = 5
"""How often events are made again where others tell of the same dossier meanwhile."""
_TIMES: Final[Mapping[type, str]] = {
    DossierSubmitted: "NgayNopHoSo",
    DossierReceived: "NgayTiepNhan",
    DossierCompleted: "NgayKetThucXuLy",
    DossierReturned: "NgayTra",
    DossierNotAccepted: "NgayTuChoi",
    DossierStopped: "NgayKetThucXuLy",
    DossierWithdrawn: "NgayKetThucXuLy",
    DossierSupplementRequested: "DanhSachHoSoBoSung.NgayBoSung",
    DossierSupplemented: "DanhSachHoSoBoSung.NgayTiepNhanBoSung",
}
"""The fields by whose time events happen."""
_BUSY: Final = Message(
    "others are telling of the same dossier; send it again", "hồ sơ đang được nơi khác gửi cùng lúc; hãy gửi lại"
)


Lives = Mapping[str, Sequence[Event]]
"""The events of lives, by subject."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with an element of a call."""

    index: int
    subject: str | None
    fault: Wrong


@dataclass(frozen=True)
class Received:
    """What became of a call: how many of its elements are kept, how many of these wait for their unit, the others.

    Attributes:
        unread: values that are no code known here, and taken as not told.
        profile: of the source, as the call was taken in by it; None where there was nothing to take in.
    """

    kept: int
    parked: int
    faults: Sequence[Fault]
    unread: Sequence[Fault]
    profile: Profile | None


@dataclass
class Taken:
    """Rows of dossiers as they are kept, by subject what was refused, and the profile that events were derived by.

    Attributes:
        ahead: states and steps, by their `id`, that tell what has yet to happen.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    refused: dict[str, Wrong] = field(default_factory=dict)
    profile: Profile | None = None
    ahead: dict[int, Wrong] = field(default_factory=dict)


def source_of(access: Access) -> str:
    """The source of all that comes with a key, which is that of any other key of its unit too."""
    return f"{SOURCE}{access.unit}"


async def receive(service: Service, access: Access, elements: Sequence[Read]) -> Received:
    """Take in what a call tells; committed and counted when this returns.

    Raises:
        Overloaded, DatabaseUnavailable: nothing is acknowledged; all of it may be sent again.
    """
    assert access.root_id is not None
    faults = [Fault(index, each.subject, fault) for index, each in enumerate(elements) for fault in each.faults[:1]]
    sound: dict[str, list[State | Step]] = {}
    places: dict[str, int] = {}
    for index, each in enumerate(elements):
        if each.what is not None and each.subject is not None:
            sound.setdefault(each.subject, []).append(each.what)
            places.setdefault(each.subject, index)
    beside = {pair for each in elements if each.what is not None for pair in each.beside}
    taken = await take_up(service, access, sound, beside)
    faults += [Fault(places[subject], subject, fault) for subject, fault in taken.refused.items()]
    faults += [
        Fault(index, each.subject, taken.ahead[id(each.what)])
        for index, each in enumerate(elements)
        if id(each.what) in taken.ahead and each.subject not in taken.refused
    ]
    parked = sum(row.unit is None for subject, row in taken.rows.items() if subject not in taken.refused)
    refused = {each.index for each in faults}
    kept = sum(
        each.what is not None and each.subject not in taken.refused and index not in refused
        for index, each in enumerate(elements)
    )
    unread = [
        Fault(index, each.subject, told)
        for index, each in enumerate(elements)
        if index not in refused
        for told in each.unread
    ]
    return Received(kept, parked, sorted(faults, key=lambda each: each.index), unread, taken.profile)


async def take_up(
    service: Service,
    access: Access,
    told: Mapping[str, Sequence[State | Step]],
    beside: Iterable[tuple[str, str]] = (),
) -> Taken:
    """Keep what is told of each dossier, perhaps nothing new, and push what its life still lacks.

    Args:
        beside: what the source has told besides, by fields.
    """
    taken = Taken()
    waiting = list(told)
    for number in range(_ROUNDS if told else 0):
        # What the first round has kept is there: told again, it would be a repeat.
        more = {subject: told[subject] if number == 0 else () for subject in waiting}
        waiting = await _round(service, access, more, beside if number == 0 else (), taken)
        if not waiting:
            return taken
    taken.refused |= {subject: Wrong("overloaded", None, _BUSY) for subject in waiting}
    return taken


async def _round(
    service: Service,
    access: Access,
    told: Mapping[str, Sequence[State | Step]],
    beside: Iterable[tuple[str, str]],
    taken: Taken,
) -> list[str]:
    """Whose row has grown meanwhile, or whose source is believed otherwise since."""
    assert access.root_id is not None
    root_id, source, subjects = access.root_id, source_of(access), list(told)
    refused: dict[str, Wrong] = {}

    async def keep(connection: Connection) -> tuple[sources.Kept, dict[str, Row], Lives, int]:
        await hold_schema(connection)
        moment = await reading_moment(connection, service.catalogue_cache, root_id, service.clock)
        refused.clear()

        def grown(subject: str, row: Row) -> Row:
            more = row.known
            for each in told[subject]:
                if isinstance(each, State):
                    more = more.told(each, moment.now)
                elif each.at <= moment.now + AHEAD:
                    more = more.went([each])
            unit, fault = unit_of(subject, more, access, moment.catalogues)
            if fault is not None:
                refused[subject] = fault
                return row
            if more == row.known and unit == row.unit:
                return row
            return replace(row, known=more, version=row.version + 1, unit=unit)

        rows = await known.grow(connection, root_id, source, subjects, grown)
        states = (each for subject in subjects if subject not in refused for each in told[subject])
        seen = (value for each in states if isinstance(each, State) for value in values(each))
        await sources.told(connection, root_id, source, [*seen, *beside])
        kept = await sources.read(connection, root_id, source)
        return kept, rows, await known.lives(connection, root_id, moment.generation, subjects), moment.now

    kept, rows, lives, now = await service.database.write(keep)
    taken.ahead |= {
        id(each): wrong
        for of_one in told.values()
        for each in of_one
        if (wrong := ahead_of(each, now, kept.profile)) is not None
    }
    taken.profile = kept.profile
    taken.rows |= rows
    taken.refused |= refused
    sound = [subject for subject in subjects if subject not in refused]
    pushed = _lacking({subject: rows[subject] for subject in sound}, lives, source, kept.profile)
    outcome = await take_in(service, access, pushed) if pushed else None
    if done := [subject for subject in sound if rows[subject].parked and rows[subject].unit is not None]:
        async with service.database.connection("write") as connection:
            await known.counted(connection, root_id, source, done)
    if outcome is None:
        return []
    # Of several events of a dossier the first is told.
    for each in reversed(outcome.errors):
        event = pushed[each.index]
        taken.refused[event.subject] = as_told(event, each.faults[0])
    # What was pushed may be old by now; who pushes nothing leaves that to whoever has grown the row since.
    versions = {subject: (rows[subject].version, kept.revision) for subject in sound}
    async with service.database.connection("read") as connection:
        return await known.moved(connection, root_id, source, versions)


def ahead_of(what: State | Step, now: int, profile: Profile = TRUSTED) -> Wrong | None:
    """That it has yet to happen: its dossier goes on without it."""
    if isinstance(what, Step):
        return Wrong("future_time", "ThoiDiemXuLy", AHEAD_OF_CLOCK) if what.at > now + AHEAD else None
    [seen] = believed(Known((Seen(what, now, now),)), profile).states
    happening = ahead(seen)
    return None if happening is None else Wrong("future_time", _TIMES.get(type(happening)), AHEAD_OF_CLOCK)


def _lacking(rows: Mapping[str, Row], lives: Lives, source: str, profile: Profile) -> list[Parsed]:
    """The events that lives still lack."""
    lacking: list[Parsed] = []
    for subject, row in rows.items():
        if row.unit is None:
            continue
        for event in difference(subject, lives.get(subject, ()), source, row.unit, derive(row.known, profile)):
            lacking.append(Parsed(len(lacking), subject, event, fingerprint(subject, event)))
    return lacking


def as_told(pushed: Parsed, fault: Wrong) -> Wrong:
    """The fault of an event by the field of the payload that has brought it."""
    return fault._replace(field=_TIMES.get(type(pushed.event.what))) if fault.field == "time" else fault


def unit_of(subject: str, known: Known, access: Access, catalogues: Catalogues) -> tuple[UnitCode | None, Wrong | None]:
    """The unit that handles a dossier; none where the catalogue has yet to get it. A fault where the key does not
    reach it.

    The unit that the dossier's own code begins with, by whatever alias, where that is under the one that the call named
    that told its state, which often is the whole province; else the latter, if the key reaches it.
    """
    agency = next((seen.state.unit for seen in reversed(known.in_order()) if seen.state.unit), "")
    candidates = [_resolved(each, catalogues) for each in unit_codes(subject, agency)]
    if len(candidates) > 1 and _is_told_better(candidates[0], candidates[1], access, catalogues):
        candidates.reverse()
    for unit in candidates:
        if unit in catalogues.units:
            if codes.is_under(unit, access.unit):
                return unit, None
            return None, Wrong("forbidden_unit", "MaHoSo", BEYOND_KEY)
        if codes.root_of(unit) == access.root and not codes.is_under(unit, access.unit):
            return None, Wrong("forbidden_unit", "MaHoSo", BEYOND_KEY)
        if codes.root_of(unit) == access.root or unit.endswith(f".{access.root}"):
            return None, None
    if access.unit in catalogues.units and not any(map(names_an_agency, candidates)):
        return UnitCode(access.unit), None
    return None, None


def _is_told_better(prefix: UnitCode, agency: UnitCode, access: Access, catalogues: Catalogues) -> bool:
    """Whether the unit that a call names is the dossier's rather than the one of the dossier's code."""
    below = codes.is_under(prefix, agency) or prefix.endswith(f".{agency}")
    return not below and agency in catalogues.units and codes.is_under(agency, access.unit)


def _resolved(code: str, catalogues: Catalogues) -> UnitCode:
    """The unit of a code, old ones too: 000.00.00.H44 is H44 without anybody saying so, other old ones are aliases."""
    unit = catalogues.resolve(code)
    return UnitCode(unit.removeprefix(_WHOLE) if unit not in catalogues.units else unit)
