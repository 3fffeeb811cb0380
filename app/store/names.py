"""Small integers for texts that repeat in every row: sources and procedures. Ids are given once and never change."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final, Literal

from cachetools import LRUCache

from app.store.connections import citus
from app.store.connections.database import Connection, Outdated

Table = Literal["source", "procedure"]

_FIND = {
    "source": "SELECT id, name FROM source WHERE root_id = $1 AND name = ANY($2::text[])",
    "procedure": "SELECT id, code AS name FROM procedure WHERE root_id = $1 AND code = ANY($2::text[])",
}
_ADD = {
    "source": "INSERT INTO source (root_id, name) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
    "procedure": "INSERT INTO procedure (root_id, code) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
}
_ROOM: Final = 50_000
"""Names kept in all; each takes some 150 bytes."""


class _Ids(dict[str, int]):
    """Ids by name, of a lineage."""

    def __init__(self, lineage: int) -> None:
        super().__init__()
        self.lineage = lineage


class Names:
    """The process's copy of the ids, asked for before a push's transaction begins; of each root those of one lineage.

    Those of the root that was asked for longest ago are thrown away first.

    Args:
        room: names kept in all.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._kept: LRUCache[tuple[Table, int], _Ids] = LRUCache(room, len)

    async def ids(
        self, connection: Connection, kind: Table, root_id: int, lineage: int, names: Iterable[str]
    ) -> dict[str, int]:
        """The ids of `names` (all that are known in this process are in the answer), given now to those that have none.

        Committed on their own, ahead of the events: an id without events harms nobody, and no push waits for another's.

        Args:
            lineage: that the connection has just seen of the root.

        Raises:
            Outdated: some have no id, and the connection is in a transaction.
        """
        names = set(names)
        known = self._known((kind, root_id), lineage)
        missing = sorted(name for name in names if name not in known)
        found = await _given(connection, kind, root_id, missing) if missing else {}
        return self._keep((kind, root_id), lineage, found | {name: known[name] for name in names if name in known})

    def _known(self, key: tuple[Table, int], lineage: int) -> _Ids:
        kept = self._kept.get(key)
        return kept if kept is not None and kept.lineage == lineage else _Ids(lineage)

    def _keep(self, key: tuple[Table, int], lineage: int, ids: dict[str, int]) -> _Ids:
        """All ids that are kept under this key from now on, where there is room for them; `ids` are among them."""
        known = self._known(key, lineage)
        # Taken out and put in again: how large it is is asked when it is put in, and pushes add to it as well.
        self._kept.pop(key, None)
        if len(known) + sum(name not in known for name in ids) > self._kept.maxsize:
            # Another one, not this one emptied: pushes under way still look things up in it.
            known = _Ids(lineage)
        known |= ids
        if len(known) <= self._kept.maxsize:
            self._kept[key] = known
        return known


async def _given(connection: Connection, kind: Table, root_id: int, names: list[str]) -> dict[str, int]:
    rows = await connection.fetch(_FIND[kind], root_id, names)
    if len(rows) < len(names):
        if connection.is_in_transaction():
            # It may be rolled back, and what is kept here would not be.
            raise Outdated
        if citus.is_citus(connection):
            column = {"source": "name", "procedure": "code"}[kind]
            new = [(root_id, name) for name in names]
            await citus.insert(connection, kind, ("root_id", column), new, "ON CONFLICT DO NOTHING")
        else:
            await connection.execute(_ADD[kind], root_id, names)
        rows = await connection.fetch(_FIND[kind], root_id, names)
    return {sys.intern(row["name"]): row["id"] for row in rows}
