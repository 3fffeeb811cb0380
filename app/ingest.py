"""Events in bulk, from a file or made by the demo: through intake like every other event."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.domain import codes
from app.domain.push import Parsed, Rejected
from app.intake import cloudevents
from app.store.catalogues import roots
from app.store.store import Store

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


async def _push(store: Store, root_id: int, unit: str, lines: Sequence[bytes], before: int, loaded: Loaded) -> None:
    batch = cloudevents.parse(b"\n".join(lines), "application/x-ndjson", {})
    outcome = await store.intake.push(root_id, unit, [item for item in batch.items if isinstance(item, Parsed)])
    errors = [item for item in batch.items if isinstance(item, Rejected)] + list(outcome.errors)
    loaded.accepted += outcome.accepted
    loaded.duplicates += outcome.duplicates
    loaded.rejected += len(errors)
    for error in errors[: _ERRORS_KEPT - len(loaded.errors)]:
        loaded.errors.append(replace(error, index=before + error.index))


async def load(store: Store, root_id: int, unit: str, lines: Iterable[bytes], done: Callable[[int], None]) -> Loaded:
    """Take in the lines of sound and unsound events; `done` is told of each batch."""
    loaded = Loaded()
    before = 0
    iterator = iter(lines)
    while batch := list(itertools.islice(iterator, _BATCH)):
        await _push(store, root_id, unit, batch, before, loaded)
        before += len(batch)
        done(len(batch))
    return loaded


def count_lines(file: Path) -> int:
    """How many events a file holds: its lines that are not blank."""
    return sum(1 for _ in _lines(file))


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from (line for line in stream if line.strip())


async def file(store: Store, path: Path, unit: str, done: Callable[[int], None]) -> Loaded:
    """Take in a file of events, one a line.

    Raises:
        Refused: no unit is given and the first event names none.
        UnknownRoot: the root was never set up.
    """
    unit = unit or _first_root(path)
    if not codes.is_unit_code(unit):
        raise Refused(f"{unit!r} is no unit code")
    async with store.database.connection("read") as connection:
        [(root_id, _)] = await roots.found(connection, codes.root_of(unit))
    return await load(store, root_id, unit, _lines(path), done)


def _first_root(path: Path) -> str:
    for line in _lines(path):
        for item in cloudevents.parse(line, "application/x-ndjson", {}).items:
            if isinstance(item, Parsed):
                return codes.root_of(item.event.unit)
    raise Refused(f"{path} holds no event that can be read; name the unit with --unit")
