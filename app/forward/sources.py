"""Where the forwarder takes from: a folder, a table, standard input. What was read goes in with how far it was read."""

from __future__ import annotations

import json
import os
import select
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from app.forward.config import CURSOR, Source
from app.forward.queue import Item, Queue
from app.intake.lines import Refused, lines
from app.messages import Message, verbatim

Say = Callable[[Message], None]
_UNFINISHED: Final = (".tmp", ".part", ".filepart")
_AT_ONCE: Final = 1_000
_CHUNK: Final = 64 * 1024


class Origin(Protocol):
    """A source: `take` moves what is there now, a bounded part of it, into the queue and says how many items those
    were; `ended` when nothing more will ever come.
    """

    @property
    def ended(self) -> bool:
        """Whether nothing more will ever come."""

    def take(self) -> int:
        """Raises sqlite3.OperationalError when the queue has no room: nothing is taken then, and nothing lost."""


def origin(source: Source, queue: Queue, say: Say) -> Origin:
    """The source that a file names."""
    if source.kind == "folder":
        return Folder(source, queue, say)
    return Table(source, queue) if source.kind == "table" else Pipe(source, queue)


def items_of(what: str, text: bytes, where: str) -> list[Item]:
    """What a row, a line or a file holds: an event, or a call of the portal's interface with its dossiers or steps.

    Raises:
        ValueError: it is no JSON, or not what it should be.
    """
    if what == "events":
        # A broken line too: the service says what is wrong with it.
        return [Item(what, "", where, text.strip().replace(b"\n", b" ").replace(b"\r", b" "))]
    given = json.loads(text)
    agency = ""
    if isinstance(given, dict):
        names = {str(name).lower(): name for name in given}
        agency = str(given.get(names.get("madonvi", "")) or "")
        what = _service(given.get(names.get("service", "")), what)
        given = given.get(names["data"]) if "data" in names else [given]
    elements = given if isinstance(given, list) else [given]
    return [
        Item(
            what,
            agency,
            f"{where}#{place}" if len(elements) > 1 else where,
            json.dumps(each, ensure_ascii=False).encode(),
            _dossier(each) if what == "DongBoHoSoMC" else None,
        )
        for place, each in enumerate(elements, 1)
    ]


def _dossier(element: object) -> str | None:
    given = element if isinstance(element, dict) else {}
    return next((str(value).strip() for name, value in given.items() if str(name).lower() == "mahoso"), None)


def _calls_of(what: str, text: bytes, where: str) -> list[Item]:
    """What a file of the portal's payload holds: a call, or one a line.

    Raises:
        ValueError: it is neither.
    """
    try:
        return items_of(what, text, where)
    except ValueError as whole:
        rows = [(place, row) for place, row in enumerate(text.splitlines(), 1) if row.strip()]
        try:
            return [item for place, row in rows for item in items_of(what, row, f"{where}:{place}")]
        except ValueError:
            raise whole from None


def _service(named: object, usual: str) -> str:
    known = {
        "dongbohosomc": "DongBoHoSoMC",
        "capnhattiendohosomc": "CapNhatTienDoHoSoMC",
        "dongbotiendohosomc": "CapNhatTienDoHoSoMC",
    }
    return known.get(str(named or "").lower(), usual)


class Folder:
    """Files that appear in a folder: each is taken whole, in the order of names, and moved to `done/` or `failed/`.

    A file is remembered with its items until it has been moved, so that it is never taken twice.
    """

    ended = False

    def __init__(self, source: Source, queue: Queue, say: Say) -> None:
        self._what, self._settle = source.what, source.settle
        self._folder = Path(source.folder)
        self._queue, self._say = queue, say
        for name in ("done", "failed"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)

    def take(self) -> int:
        for file in sorted(self._folder.iterdir()):
            if file.name.startswith(".") or file.suffix in _UNFINISHED or not file.is_file():
                continue
            stat = file.stat()
            if time.time() - stat.st_mtime < self._settle:
                continue
            mark, told = f"file {file.name}", f"{stat.st_ino} {stat.st_size} {stat.st_mtime_ns}"
            if self._queue.mark(mark) == told:
                self._move(file, "done", mark)
                continue
            try:
                count = self._queue.put(self._items(file), lambda mark=mark, told=told: {mark: told})  # type: ignore[misc]
            except (ValueError, Refused) as error:
                self._say(
                    Message(
                        "{file} cannot be read and goes to `failed/`: {why}",
                        "không đọc được {file}, chuyển sang `failed/`: {why}",
                        file=file.name,
                        why=_why(error),
                    )
                )
                self._move(file, "failed", mark)
                continue
            self._move(file, "done", mark)
            return count
        return 0

    def _items(self, file: Path) -> Iterator[Item]:
        if self._what != "events":
            yield from _calls_of(self._what, file.read_bytes().removeprefix(b"\xef\xbb\xbf"), file.name)
            return
        for place, line in lines(file):
            try:
                line.decode()
            except UnicodeDecodeError:
                raise ValueError(f"line {place + 1} is not UTF-8") from None
            yield from items_of("events", line, f"{file.name}:{place + 1}")

    def _move(self, file: Path, to: str, mark: str) -> None:
        target = self._folder / to / file.name
        if target.exists():
            target = target.with_name(f"{file.stem}-{time.time_ns()}{file.suffix}")
        file.rename(target)
        for folder in (target.parent, self._folder):
            at = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(at)
            finally:
                os.close(at)
        self._queue.forget(mark)


def _why(error: Exception) -> Message:
    [said] = error.args[:1] or ("",)
    return said if isinstance(said, Message) else verbatim(str(error))


class Table:
    """Rows of a query: the first column is the cursor, which grows, the second the event or payload.

    Whole numbers are read again some way behind the cursor, for transactions commit in another order than they took
    their numbers; what was taken of these is remembered.
    """

    ended = False

    def __init__(self, source: Source, queue: Queue) -> None:
        self._source, self._queue = source, queue
        kept = queue.mark("cursor")
        self._cursor, seen = json.loads(kept) if kept is not None else (source.start, [])
        self._seen: set[int] = set(seen)

    def take(self) -> int:
        """Raises sqlite3.Error or psycopg.Error also when the table cannot be asked."""
        back = self._source.overlap if isinstance(self._cursor, int) else 0
        after = self._cursor
        if isinstance(after, int) and isinstance(self._source.start, int):
            after = max(self._source.start, after - back)
        found: list[Item] = []
        cursor, seen = self._cursor, set(self._seen)
        for key, payload in self._rows(after):
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise Refused(_NO_CURSOR)
            if key in seen:
                continue
            try:
                found += items_of(self._source.what, _text(payload), f"row {key}")
            except ValueError as error:
                # Kept as it is: the service will refuse it, and it is listed.
                found.append(Item(self._source.what, "", f"row {key}: {error}", json.dumps(str(payload)).encode()))
            if isinstance(key, int):
                seen.add(key)
                cursor = max(cursor, key) if isinstance(cursor, int) else key
            else:
                cursor = key
            if len(found) >= _AT_ONCE:
                break
        if not found and cursor == self._cursor:
            return 0
        kept = {each for each in seen if isinstance(cursor, int) and each > cursor - back}
        count = self._queue.put(found, lambda: {"cursor": json.dumps([cursor, sorted(kept)])})
        self._cursor, self._seen = cursor, kept
        return count

    def _rows(self, after: int | str) -> Iterator[Sequence[Any]]:
        dsn, query = self._source.dsn, self._source.query
        if dsn.startswith("sqlite:///"):
            with closing(sqlite3.connect(f"file:{dsn.removeprefix('sqlite:///')}?mode=ro", uri=True)) as base:
                yield from base.execute(query.replace(CURSOR, "?"), (after,))
            return
        import psycopg

        with psycopg.connect(dsn) as server, server.cursor("chiso_forward") as rows:
            rows.execute(query.replace("%", "%%").replace(CURSOR, "%s").encode(), (after,))
            yield from rows


_NO_CURSOR: Final = Message(
    "the first column of the query must be a whole number or text", "cột đầu của truy vấn phải là số nguyên hoặc chữ"
)


def _text(payload: object) -> bytes:
    if isinstance(payload, bytes | memoryview):
        return bytes(payload)
    return payload.encode() if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False).encode()


class Pipe:
    """Lines of standard input; what was read and finds no room is held, and nothing more is read, until there is."""

    def __init__(self, source: Source, queue: Queue, descriptor: int = 0) -> None:
        self._what, self._queue, self._from = source.what, queue, descriptor
        self._read, self._line, self._rest = False, 0, b""
        self._held: list[Item] = []

    @property
    def ended(self) -> bool:
        """Whether all was read and kept."""
        return self._read and not self._held

    def take(self) -> int:
        while not self._held and not self._read and select.select([self._from], [], [], 0)[0]:
            chunk = os.read(self._from, _CHUNK)
            self._read = not chunk
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            if self._read and self._rest:
                whole, self._rest = [*whole, self._rest], b""
            for line in whole:
                self._line += 1
                if line.strip():
                    self._held += self._items(line)
        count = self._queue.put(islice(self._held, None))
        self._held = []
        return count

    def _items(self, line: bytes) -> list[Item]:
        try:
            return items_of(self._what, line, f"line {self._line}")
        except ValueError as error:
            text = json.dumps(line.decode("utf-8", "replace"), ensure_ascii=False)
            return [Item(self._what, "", f"line {self._line}: {error}", text.encode())]
