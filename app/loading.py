"""Loading events from files and from the demo province, through intake like every other event."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from app.api.service import Service
from app.demo import procedures, province, simulate
from app.domain import codes
from app.domain.arrivals import Parsed, Rejected
from app.domain.events import Instant
from app.intake import catalogues as catalogue_rows
from app.intake import cloudevents
from app.store import catalogues
from app.store.catalogues import Kind, PutResult, ensure_root
from app.store.database import Database
from app.store.directory import Directories
from app.store.drafts import Row

_BATCH = 1_000
_ERRORS_KEPT = 20


class Refused(Exception):
    """Something that was asked for does not exist or cannot be read."""


@dataclass
class Loaded:
    """What became of a load. `errors` are the first of the rejected, their index counted over the whole load."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    errors: list[Rejected] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.accepted:,} accepted, {self.duplicates:,} duplicates, {self.rejected:,} rejected"


async def _push(service: Service, root_id: int, unit: str, lines: Sequence[bytes], before: int, loaded: Loaded) -> None:
    batch = cloudevents.parse(b"\n".join(lines), "application/x-ndjson", {})
    outcome = await service.intake.push(root_id, unit, [item for item in batch.items if isinstance(item, Parsed)])
    errors = [item for item in batch.items if isinstance(item, Rejected)] + list(outcome.errors)
    loaded.accepted += outcome.accepted
    loaded.duplicates += outcome.duplicates
    loaded.rejected += len(errors)
    for error in errors[: _ERRORS_KEPT - len(loaded.errors)]:
        place = before + error.index
        loaded.errors.append(Rejected(place, error.id, error.source, error.code, error.field, error.detail))


async def _load(
    service: Service, root_id: int, unit: str, lines: Iterable[bytes], done: Callable[[int], None]
) -> Loaded:
    loaded = Loaded()
    before = 0
    iterator = iter(lines)
    while batch := list(itertools.islice(iterator, _BATCH)):
        await _push(service, root_id, unit, batch, before, loaded)
        before += len(batch)
        done(len(batch))
    return loaded


def count_lines(file: Path) -> int:
    """How many events a file holds: its lines that are not blank."""
    return sum(1 for _ in _lines(file))


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from (line for line in stream if line.strip())


async def file(service: Service, path: Path, unit: str, done: Callable[[int], None]) -> Loaded:
    """Take in a file of events, one a line.

    Raises:
        Refused: no unit is given and the first event names none, or the root was never set up.
    """
    unit = unit or _first_root(path)
    if not codes.is_unit_code(unit):
        raise Refused(f"{unit!r} is no unit code")
    [(root_id, _)] = await roots(service, codes.root_of(unit))
    return await _load(service, root_id, unit, _lines(path), done)


def _first_root(path: Path) -> str:
    for line in _lines(path):
        for item in cloudevents.parse(line, "application/x-ndjson", {}).items:
            if isinstance(item, Parsed):
                return codes.root_of(item.event.unit)
    raise Refused(f"{path} holds no event that can be read; name the unit with --unit")


async def roots(service: Service, code: str = "") -> list[tuple[int, str]]:
    """Ids and codes of a root or of all.

    Raises:
        Refused: there is no such root.
    """
    async with service.database.connection("read") as connection:
        rows = await connection.fetch("SELECT id, code FROM root WHERE $1 IN ('', code) ORDER BY code", code)
    if code and not rows:
        raise Refused(f"there is no root {code}: load its units or make a key for it first")
    return [(row["id"], row["code"]) for row in rows]


async def demo_catalogue(service: Service) -> None:
    """Load the demo province's units and procedures the way an administrator does.

    Raises:
        Refused: the catalogue was not accepted as a whole.
    """
    async with service.database.connection("write") as connection, connection.transaction():
        root_id = await ensure_root(connection, province.ROOT)
    await _put(service, root_id, "units", province.units(), catalogues.put_units)
    await _put(service, root_id, "procedures", procedures.procedures(), catalogues.put_procedures)
    await service.refolder.finish(root_id)


_Put = Callable[[Database, Directories, int, str, Sequence[Row]], Awaitable[PutResult]]


async def _put(service: Service, root_id: int, kind: Kind, rows: list[dict[str, object]], put: _Put) -> None:
    parsed = catalogue_rows.parse_rows(kind, msgspec.json.encode(rows), "application/json")
    sound = [row for row in parsed if not isinstance(row, Rejected)]
    result = await put(service.database, service.directories, root_id, province.ROOT, sound)
    for error in [row for row in parsed if isinstance(row, Rejected)] + list(result.errors):
        raise Refused(f"the demo's {kind}: {error.code} {error.field}: {error.detail}")


async def has_lives(service: Service, root: str) -> bool:
    """Whether anything was ever taken in for a root."""
    async with service.database.connection("read") as connection:
        return bool(
            await connection.fetchval(
                "SELECT EXISTS (SELECT FROM life JOIN root ON root.id = life.root_id WHERE root.code = $1)", root
            )
        )


async def demo_events(
    service: Service, units: Collection[str] | None, scale: float, seed: int, now: int, done: Callable[[int], None]
) -> Loaded:
    """Take in the demo province's events.

    Raises:
        Refused: another scale or seed is there already; both tell lives of the same dossiers.
    """
    [(root_id, _)] = await roots(service, province.ROOT)
    async with service.database.connection("read") as connection:
        other = await connection.fetchval(
            """
            SELECT name FROM source
            WHERE root_id = $1 AND starts_with(name, $2) AND NOT starts_with(name, $3) LIMIT 1
            """,
            root_id,
            f"{simulate.SOURCES}/",
            f"{simulate.source_of(scale, seed)}/",
        )
    if other is not None:
        raise Refused(f"another demo was loaded here ({other}); use an empty CHISO_DATA_DIR or the same scale and seed")
    events = simulate.events(units, scale, seed, Instant(now))
    return await _load(service, root_id, province.ROOT, map(msgspec.json.encode, events), done)
