"""Events in bulk, from a file or made by the demo: through intake like every other event."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.domain import codes
from app.domain.push import Parsed, Rejected
from app.intake import cloudevents
from app.intake.lines import Refused, lines
from app.messages import Message
from app.store import audit
from app.store.catalogues import roots
from app.store.store import Store

_BATCH = 1_000
_ERRORS_KEPT = 20


@dataclass
class Loaded:
    """What became of a load, as far as it went.

    `errors` are the first of the rejected, their index that of the line in the whole load, from 0; each of all is given
    to `tell`. `warnings` counts those of accepted events by code and what they say.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    errors: list[Rejected] = field(default_factory=list)
    warnings: Counter[tuple[str, Message]] = field(default_factory=Counter)
    tell: Callable[[Rejected], None] | None = None

    @property
    def told(self) -> Message:
        """All of it in a line."""
        return Message(
            "{accepted:,} accepted, {duplicates:,} duplicates, {rejected:,} rejected",
            "nhận {accepted:,}, trùng {duplicates:,}, từ chối {rejected:,}",
            accepted=self.accepted,
            duplicates=self.duplicates,
            rejected=self.rejected,
        )

    def reject(self, error: Rejected) -> None:
        """One more that was not taken in."""
        self.rejected += 1
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append(error)
        if self.tell is not None:
            self.tell(error)


async def _push(store: Store, root_id: int, unit: str, numbered: Sequence[tuple[int, bytes]], loaded: Loaded) -> None:
    batch = cloudevents.parse(b"\n".join(line for _, line in numbered), "application/x-ndjson", {})
    outcome = await store.intake.push(root_id, unit, [item for item in batch.items if isinstance(item, Parsed)])
    loaded.accepted += outcome.accepted
    loaded.duplicates += outcome.duplicates
    loaded.warnings.update((warned.code, warned.detail) for warned in outcome.warnings)
    errors = [item for item in batch.items if isinstance(item, Rejected)] + list(outcome.errors)
    for error in sorted(errors, key=lambda error: error.index):
        loaded.reject(replace(error, index=numbered[error.index][0]))


async def load(
    store: Store,
    root_id: int,
    unit: str,
    numbered: Iterable[tuple[int, bytes]],
    done: Callable[[int], None],
    loaded: Loaded | None = None,
) -> Loaded:
    """Take in the numbered lines of sound and unsound events; `done` is told of each batch, `loaded` counts on."""
    loaded = loaded or Loaded()
    iterator = iter(numbered)
    while batch := list(itertools.islice(iterator, _BATCH)):
        await _push(store, root_id, unit, batch, loaded)
        done(len(batch))
    return loaded


def count_lines(file: Path) -> int:
    """How many events a file holds: its lines that are not blank."""
    return sum(1 for _ in lines(file))


async def file(
    store: Store, path: Path, unit: str, done: Callable[[int], None], loaded: Loaded | None = None
) -> Loaded:
    """Take in a file of events, one a line.

    Raises:
        Refused: no unit is given and the first event names none, or the file is not UTF-8.
        UnknownRoot: the root was never set up.
    """
    unit = unit or _first_root(path)
    if not codes.is_unit_code(unit):
        raise Refused(Message("{unit!r} is no unit code", "{unit!r} không phải mã đơn vị", unit=unit))
    async with store.database.connection("read") as connection:
        [(root_id, _)] = await roots.found(connection, codes.root_of(unit))
    loaded = loaded or Loaded()
    try:
        return await load(store, root_id, unit, lines(path), done, loaded)
    finally:
        # Also where it is broken off.
        if loaded.accepted:
            counts = {"accepted": loaded.accepted, "duplicates": loaded.duplicates, "rejected": loaded.rejected}
            async with store.database.connection("write") as connection:
                await audit.write(connection, root_id, audit.COMMAND_LINE, [audit.ran(unit, "ingest", **counts)])


def _first_root(path: Path) -> str:
    for _, line in lines(path):
        for item in cloudevents.parse(line, "application/x-ndjson", {}).items:
            if isinstance(item, Parsed):
                return codes.root_of(item.event.unit)
    raise Refused(
        Message(
            "{path} holds no event that can be read; name the unit with --unit",
            "{path} không có sự kiện nào đọc được; hãy nêu đơn vị bằng --unit",
            path=str(path),
        )
    )
