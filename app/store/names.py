"""Small integers for texts that repeat in every row: sources and procedures. Ids are given once and never change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from app.store.database import Database

Table = Literal["source", "procedure"]

_FIND = {
    "source": "SELECT id, name FROM source WHERE root_id = $1 AND name = ANY($2::text[])",
    "procedure": "SELECT id, code AS name FROM procedure WHERE root_id = $1 AND code = ANY($2::text[])",
}
_ADD = {
    "source": "INSERT INTO source (root_id, name) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
    "procedure": "INSERT INTO procedure (root_id, code) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
}
_MOST_KEPT = 200_000


class Names:
    """The process's copy of the ids, asked for before a push's transaction begins."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[tuple[Table, int], dict[str, int]] = {}

    async def ids(self, kind: Table, root_id: int, names: Iterable[str]) -> dict[str, int]:
        """The ids of `names` (all that are known in this process are in the answer), given now to those that have none.

        Committed on their own, ahead of the events: an id without events harms nobody, and no push waits for another's.
        """
        names = set(names)
        known = self._ids.setdefault((kind, root_id), {})
        missing = sorted(name for name in names if name not in known)
        if missing:
            async with self._database.connection("write") as connection:
                rows = await connection.fetch(_FIND[kind], root_id, missing)
                if len(rows) < len(missing):
                    await connection.execute(_ADD[kind], root_id, missing)
                    rows = await connection.fetch(_FIND[kind], root_id, missing)
            if len(known) > _MOST_KEPT:
                # A new one, not this one emptied: pushes under way still look things up in it.
                known = self._ids[kind, root_id] = {name: known[name] for name in names if name in known}
            known.update((row["name"], row["id"]) for row in rows)
        return known
