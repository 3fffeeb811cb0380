"""The state a figure is read from: catalogues, generation and instant of one snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.directory import Directory
from app.store.database import Connection
from app.store.directory import Directories
from app.store.intake import Clock


@dataclass(frozen=True)
class ReadingMoment:
    """One snapshot's catalogues, live generation, instant (µs) and whether lives still wait to be folded again."""

    directory: Directory
    generation: int
    now: int
    refolding: bool

    def version(self, changes: int) -> tuple[int, ...]:
        """What figures are made of beside the clock; `changes` is how often their units' own have changed."""
        return (self.directory.revision, self.generation, int(self.refolding), changes)


async def reading_moment(connection: Connection, directories: Directories, root_id: int, clock: Clock) -> ReadingMoment:
    """What the snapshot of `connection` sees of a root; the first statement, so that the clock is never behind it."""
    row = await connection.fetchrow(
        """
        SELECT revision, generation, EXISTS (SELECT FROM refold WHERE root_id = $1) AS refolding,
               coalesce($2::timestamptz, clock_timestamp()) AS now
        FROM root WHERE id = $1
        """,
        root_id,
        clock(),
    )
    assert row is not None, "roots are never deleted"
    directory = await directories.at(connection, root_id, row["revision"])
    return ReadingMoment(directory, row["generation"], row["now"], row["refolding"])
