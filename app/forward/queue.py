"""What waits to be sent, in a file of SQLite that survives kill -9 and power cuts.

An item goes in together with the mark that says how far its source was read, and leaves when its outcome is known;
what the service refuses stays, with the reason. One process at a time sends: it holds the lock beside the file.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

from app.messages import Message, Told

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS item (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, agency TEXT NOT NULL, origin TEXT NOT NULL,
  body BLOB NOT NULL, state_of TEXT, rejected INTEGER NOT NULL DEFAULT 0, reason TEXT);
CREATE INDEX IF NOT EXISTS waiting ON item (rejected, seq);
CREATE INDEX IF NOT EXISTS states ON item (state_of, seq) WHERE state_of IS NOT NULL;
CREATE TABLE IF NOT EXISTS mark (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""
_OLDER: Final = """
DELETE FROM item
WHERE state_of = (SELECT state_of FROM item WHERE seq = ?1) AND seq < ?1 AND reason IS NOT NULL
"""
_BUSY_SECONDS: Final = 60.0
_MEGABYTE: Final = 1024 * 1024


class InUse(Told):
    """Another forwarder has the queue."""


class Item(NamedTuple):
    """Something to be sent: `what` it is, the `agency` its call names, where it is from.

    `state_of`: the dossier whose whole state it tells; of several states the last one told holds.
    """

    what: str
    agency: str
    origin: str
    body: bytes
    state_of: str | None = None


class Waiting(NamedTuple):
    """An item and its place."""

    seq: int
    item: Item


class Rejection(NamedTuple):
    """An item that the service refused, and why."""

    seq: int
    origin: str
    reason: str


@dataclass(frozen=True)
class Status:
    """How many wait, were sent (taken anew, were there already), were rejected and are kept aside."""

    waiting: int
    sent: int
    rejected: int


class Queue(AbstractContextManager["Queue"]):
    """The queue in a file.

    Args:
        sending: whoever takes in and sends; nobody else may then. Others only look.

    Raises:
        InUse: another one is sending.
        sqlite3.Error: the file is none of ours, or the disk is full.
    """

    def __init__(self, file: Path, max_mb: int, sending: bool = True) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = -1
        if sending:
            self._lock = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(self._lock)
                in_use = Message(
                    "{file} is in use by another forwarder", "{file} đang được bộ chuyển tiếp khác dùng", file=str(file)
                )
                raise InUse(in_use) from None
        # It holds what is told of people: for nobody else on this machine.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        self._base = sqlite3.connect(file, timeout=_BUSY_SECONDS)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = FULL")
        [(page,)] = self._base.execute("PRAGMA page_size").fetchall()
        self._base.execute(f"PRAGMA max_page_count = {max_mb * _MEGABYTE // page}")
        self._base.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._base.close()
        if self._lock >= 0:
            os.close(self._lock)

    def put(self, items: Iterable[Item], marks: Callable[[], dict[str, str]] = dict) -> int:
        """Keep items, in their order, and the marks as they are when all are read; all or nothing. How many they were.

        Raises:
            sqlite3.OperationalError: there is no room; nothing is kept.
        """
        with self._base:
            before = self._base.total_changes
            self._base.executemany(
                "INSERT INTO item (what, agency, origin, body, state_of) VALUES (?, ?, ?, ?, ?)", items
            )
            count = self._base.total_changes - before
            for name, value in marks().items():
                self._base.execute("INSERT OR REPLACE INTO mark VALUES (?, ?)", (name, value))
        return count

    def mark(self, name: str) -> str | None:
        """A mark, if it was made."""
        row = self._base.execute("SELECT value FROM mark WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def forget(self, name: str) -> None:
        """Remove a mark."""
        with self._base:
            self._base.execute("DELETE FROM mark WHERE name = ?", (name,))

    def first(self, most: int, most_bytes: int) -> list[Waiting]:
        """The first that wait, of one kind and agency, at most so many and, but for a single one, so many bytes."""
        found: list[Waiting] = []
        size = 0
        query = "SELECT seq, what, agency, origin, body, state_of FROM item WHERE rejected = 0 ORDER BY seq LIMIT ?"
        with closing(self._base.execute(query, (most,))) as rows:
            for seq, *of_item in rows:
                item = Item(*of_item)
                size += len(item.body) + 1
                if found and (item[:2] != found[0].item[:2] or size > most_bytes):
                    break
                found.append(Waiting(seq, item))
        return found

    def settle(self, done: Sequence[int], rejected: Sequence[tuple[int, dict[str, str]]]) -> int:
        """Outcomes that are known: what is done leaves, what is rejected is put aside with its reason.

        Older states of a dossier leave with a newer one: sent after it, they would hold. How many these were.
        """
        overtaken = 0
        with self._base:
            aside = ((json.dumps(reason, ensure_ascii=False), seq) for seq, reason in rejected)
            self._base.executemany("UPDATE item SET rejected = 1, reason = ? WHERE seq = ?", aside)
            for seq in done:
                overtaken += self._base.execute(_OLDER, (seq,)).rowcount
                self._base.execute("DELETE FROM item WHERE seq = ?", (seq,))
            self._base.execute(
                "INSERT INTO tally VALUES ('sent', ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count",
                (len(done),),
            )
        return overtaken

    def again(self) -> int:
        """Let all that were rejected wait to be sent once more; how many they are."""
        with self._base:
            return self._base.execute("UPDATE item SET rejected = 0 WHERE rejected = 1").rowcount

    @property
    def status(self) -> Status:
        """How much of what there is."""
        counts = dict(self._base.execute("SELECT rejected, count(*) FROM item GROUP BY rejected").fetchall())
        sent = self._base.execute("SELECT count FROM tally WHERE name = 'sent'").fetchone()
        return Status(counts.get(0, 0), sent[0] if sent else 0, counts.get(1, 0))

    def rejections(self) -> list[Rejection]:
        """All that were rejected."""
        query = "SELECT seq, origin, reason FROM item WHERE rejected = 1 ORDER BY seq"
        return [Rejection(*row) for row in self._base.execute(query).fetchall()]
