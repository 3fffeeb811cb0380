"""How the last verification of each root ended, kept for those who watch: `chiso verify` is a process of its own."""

from __future__ import annotations

from typing import NamedTuple

from app.store import audit
from app.store.connections.database import Connection
from app.store.proof.report import Report


class Proved(NamedTuple):
    """Of a root's code and a kind of proof: since when nothing was proved (a UNIX time), and what differed then.

    `since` is the end of the last verification; of a root that was never verified the arrival of its first event, which
    `differences` shows by being None.
    """

    root: str
    deep: bool
    since: float
    differences: int | None


async def keep(connection: Connection, root_id: int, code: str, deep: bool, report: Report) -> None:
    """Keep how a verification of a root, by its id and code, ended that has just been made, and tell the audit log. A
    deep one proves what a plain one does.
    """
    kinds = {False: report.differing} | ({True: report.amiss} if deep else {})
    await connection.executemany(
        """
        INSERT INTO verification (root_id, deep, finished_at, differences) VALUES ($1, $2, clock_timestamp(), $3)
        ON CONFLICT (root_id, deep)
        DO UPDATE SET finished_at = excluded.finished_at, differences = excluded.differences
        """,
        [(root_id, each, differences) for each, differences in kinds.items()],
    )
    told = audit.ran(code, "verify --deep" if deep else "verify", **report.counts)
    await audit.write(connection, root_id, audit.COMMAND_LINE, [told])


async def proved(connection: Connection) -> list[Proved]:
    """Every root of which there is something to prove, by code, the plain kind first."""
    rows = await connection.fetch(
        """
        SELECT * FROM (
            SELECT code, kind.deep, extract(epoch FROM coalesce(
                       finished_at, (SELECT min(first_at) FROM feed WHERE feed.root_id = root.id)
                   ))::float AS since, differences
            FROM root CROSS JOIN (VALUES (false), (true)) AS kind (deep)
            LEFT JOIN verification ON verification.root_id = root.id AND verification.deep = kind.deep
        ) AS known
        WHERE since IS NOT NULL ORDER BY code, deep
        """
    )
    return [Proved(*row) for row in rows]
