"""Dossiers of an export: told as a push of the portal's payload would tell them, many at a time.

So the events, their ids and the figures are those of live pushes; a dossier that is told again, by a second run or by a
push, adds nothing, and one that has gone on is corrected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from app.api.dvcqg.receive import ahead_of, as_told, source_of, take_up, unit_of
from app.api.http.auth import Access
from app.api.http.service import Service
from app.domain.judging import judged
from app.domain.portal.derive import derive, difference
from app.domain.portal.state import State
from app.domain.push import Parsed, Wrong
from app.intake.backfill.rows import Rows
from app.intake.tables import Cell, Numbered
from app.store.portal import known
from app.store.snapshot import ReadingMoment, reading_moment

_BATCH: Final = 1_000
_AT_ONCE: Final = 3
"""Batches under way: while one is stored, the next is folded and one more read."""
_ERRORS_KEPT: Final = 20


@dataclass(frozen=True)
class Faulty:
    """A row that is not taken: its number in the file, its cells by names of FIELDS, and why."""

    line: int
    cells: Mapping[str, Cell]
    fault: Wrong


@dataclass
class Filled:
    """What became of rows, as far as it went; each of the faulty ones is given to `tell`.

    Attributes:
        known: dossiers that this source has told of before.
        endless: rows that are taken and say that the dossier has ended, but not when: it counts as open.
        parked: of `new` and `known`, those whose unit is not in the catalogue yet.
        errors: the first of the faulty rows.
    """

    new: int = 0
    known: int = 0
    parked: int = 0
    faulty: int = 0
    endless: int = 0
    errors: list[Faulty] = field(default_factory=list)
    tell: Callable[[Faulty], None] | None = None

    def refuse(self, each: Faulty) -> None:
        """One more row that is not taken."""
        self.faulty += 1
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append(each)
        if self.tell is not None:
            self.tell(each)


_Told = dict[str, list[tuple[int, Mapping[str, Cell], State]]]
"""Rows by the dossier they are of: number, cells and state."""


async def fill(
    service: Service,
    access: Access,
    rows: Iterable[Numbered],
    reader: Rows,
    done: Callable[[int], None],
    filled: Filled,
    dry_run: bool = False,
) -> None:
    """Take in the rows of an export, or only say what would become of them; `done` is told of each batch.

    Raises:
        Overloaded, DatabaseUnavailable: some are in; all of it may be told again.
    """
    iterator = iter(rows)
    running: dict[asyncio.Task[None], set[str]] = {}
    met: set[str] = set()

    async def one(told: _Told, count: int) -> None:
        if dry_run:
            await _looked_at(service, access, told, filled, met)
        else:
            await _taken(service, access, told, filled)
        done(count)

    async def ended(most: int) -> None:
        while len(running) > most:
            finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                del running[task]
                task.result()

    try:
        while batch := list(islice(iterator, _BATCH)):
            told = _read(batch, reader, filled)
            # Rows of one dossier are told one after the other.
            alone = dry_run or any(not each.isdisjoint(told) for each in running.values())
            await ended(0 if alone else _AT_ONCE - 1)
            running[asyncio.create_task(one(told, len(batch)))] = set(told)
            await asyncio.sleep(0)
        await ended(0)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _read(batch: Sequence[Numbered], reader: Rows, filled: Filled) -> _Told:
    told: _Told = {}
    for line, row in batch:
        cells = reader.cells(row)
        if reader.is_none(cells):
            continue
        if (torn := reader.torn(row)) is not None:
            filled.refuse(Faulty(line, cells, torn))
            continue
        read = reader.read(cells)
        if read.subject is None or not isinstance(read.what, State):
            filled.refuse(Faulty(line, cells, read.faults[0]))
        else:
            told.setdefault(read.subject, []).append((line, cells, read.what))
            filled.endless += bool(read.unread)
    return told


async def _before(service: Service, access: Access, told: _Told) -> tuple[ReadingMoment, dict[str, known.Row]]:
    assert access.root_id is not None
    async with service.database.connection("read") as connection:
        moment = await reading_moment(connection, service.catalogue_cache, access.root_id, service.clock)
        return moment, await known.read(connection, access.root_id, source_of(access), list(told))


async def _taken(service: Service, access: Access, told: _Told, filled: Filled) -> None:
    _, before = await _before(service, access, told)
    states = {subject: [state for _, _, state in rows] for subject, rows in told.items()}
    taken = await take_up(service, access, states)
    for subject, rows in told.items():
        early = next((taken.ahead[id(each)] for _, _, each in rows if id(each) in taken.ahead), None)
        parked = subject in taken.rows and taken.rows[subject].unit is None
        _count(filled, rows, subject in before, parked, taken.refused.get(subject, early))


async def _looked_at(service: Service, access: Access, told: _Told, filled: Filled, met: set[str]) -> None:
    """What would become of rows: as `take_up` does it, without its events being pushed."""
    moment, before = await _before(service, access, told)
    source = source_of(access)
    for subject, rows in told.items():
        more = before.get(subject, known.NOTHING).known
        for _, _, state in rows:
            more = more.told(state, moment.now)
        unit, fault = unit_of(subject, more, access, moment.catalogues)
        fault = fault or next(filter(None, (ahead_of(state, moment.now) for _, _, state in rows)), None)
        if unit is not None and fault is None:
            for event in difference(subject, (), source, unit, derive(more)):
                parsed = Parsed(0, subject, event, b"")
                refused = judged(parsed, b"", access.unit, moment.catalogues, moment.now).fault
                if refused is not None:
                    fault = as_told(parsed, refused.faults[0])
                    break
        _count(filled, rows, subject in before or subject in met, unit is None, fault)
        if fault is None:
            met.add(subject)


def _count(
    filled: Filled,
    rows: Sequence[tuple[int, Mapping[str, Cell], State]],
    is_known: bool,
    parked: bool,
    fault: Wrong | None,
) -> None:
    if fault is not None:
        for line, cells, _ in rows:
            filled.refuse(Faulty(line, cells, fault))
        return
    filled.new += not is_known
    filled.known += len(rows) - (not is_known)
    filled.parked += len(rows) * parked
