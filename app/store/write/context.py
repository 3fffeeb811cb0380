"""Where and with what a transaction folds lives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.catalogues.root import Catalogues
from app.store.database import Connection


@dataclass(frozen=True)
class Context:
    """The transaction's connection, generation and catalogues, ids of procedures, and the clock (µs)."""

    connection: Connection
    catalogues: Catalogues
    generation: int
    procedure_ids: dict[str, int]
    now: int

    def unit_id(self, code: str) -> int:
        """The database's id of a unit."""
        return self.catalogues.units[code].id

    async def know_procedures(self, codes: Iterable[str]) -> None:
        """Look up ids of procedures that this process has not met yet (their events came through another one)."""
        missing = sorted(set(codes) - self.procedure_ids.keys())
        if missing:
            rows = await self.connection.fetch(
                "SELECT id, code FROM procedure WHERE root_id = $1 AND code = ANY($2::text[])",
                self.catalogues.root_id,
                missing,
            )
            self.procedure_ids.update((row["code"], row["id"]) for row in rows)


def ahead(now: int, *instants: int | None) -> int | None:
    """The latest of the instants when it is still ahead of the clock."""
    latest = max((each for each in instants if each is not None), default=0)
    return latest if latest > now else None
