"""What a root's writers rest on: its catalogues and generation, and the time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.catalogues.root import Catalogues
from app.store.connections.database import Connection


@dataclass(frozen=True)
class Moment:
    """The state of a root that lives are folded on; `now` in µs, ids by name of what this process has met."""

    catalogues: Catalogues
    generation: int
    now: int
    source_ids: dict[str, int]
    procedure_ids: dict[str, int]

    @property
    def root_id(self) -> int:
        """The database's id of the root."""
        return self.catalogues.root_id

    def unit_id(self, code: str) -> int:
        """The database's id of a unit."""
        return self.catalogues.units[code].id

    async def know_procedures(self, connection: Connection, codes: Iterable[str]) -> None:
        """Look up ids of procedures that this process has not met yet (their events came through another one)."""
        missing = sorted(set(codes) - self.procedure_ids.keys())
        if missing:
            rows = await connection.fetch(
                "SELECT id, code FROM procedure WHERE root_id = $1 AND code = ANY($2::text[])", self.root_id, missing
            )
            self.procedure_ids.update((row["code"], row["id"]) for row in rows)

    def ahead(self, *instants: int | None) -> int | None:
        """The latest of the instants when it is still ahead of the clock."""
        latest = max((each for each in instants if each is not None), default=0)
        return latest if latest > self.now else None
