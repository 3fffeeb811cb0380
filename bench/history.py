"""A database with years of the province in it, loaded through intake, and kept for the next run when asked to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import uvloop

from app.demo import province
from app.demo.year.lives import CloudEvent
from bench import current, shapes
from bench.duck import Raw
from bench.plain.peer import Plain
from bench.results import Equal
from bench.targets import Chiso, Http, drop_databases, make_database
from bench.wire import Wire

_BATCH: Final = 2_000
_CONNECTIONS: Final = 4
_TOLD_EVERY: Final = 200_000
Say = Callable[[str], None]


def _at(server: str, database: str) -> str:
    """The address of a database on the server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


class Size(msgspec.Struct, frozen=True):
    """What is loaded: so many years up to the demo's own, each at this share of the published dossiers."""

    scale: float
    years: int
    seed: int

    def __str__(self) -> str:
        return f"{self.years} {'years' if self.years > 1 else 'year'} of the province at scale {self.scale:g}"

    def events(self) -> Iterator[CloudEvent]:
        """All events, year after year."""
        return shapes.of_years(self.scale, self.seed, shapes.YEAR - self.years + 1, shapes.YEAR)


class _Kept(msgspec.Struct):
    """What a kept database holds."""

    database: str
    size: Size
    events: int = 0
    tables: bool = False
    plain: str = ""
    """The database of the plain peer, when it was loaded."""

    equal: list[Equal] = []


class History:
    """The loaded database; `chiso` serves it."""

    def __init__(self, server: str, home: Path, size: Size, serve: Sequence[str], say: Say) -> None:
        self._file, self._home, self._say, self.size = home / "bench.json", home, say, size
        self._server = server
        self._kept = self._found()
        dsn = _at(server, self._kept.database) if self._kept else make_database(server, "chiso")
        self.chiso = Chiso(dsn, home, serve)

    @property
    def equal(self) -> list[Equal]:
        """The counts that were compared when the tables were made."""
        return self._kept.equal if self._kept else []

    @property
    def events(self) -> int:
        """How many events were loaded."""
        return self._kept.events if self._kept else 0

    def _found(self) -> _Kept | None:
        if not self._file.exists():
            return None
        kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        if kept.size != self.size:
            raise ValueError(f"{self._home} holds {kept.size}; use another folder")
        return kept

    def load(self) -> None:
        """Push everything through the service, unless it is there."""
        if self._kept is None:
            with self.chiso.serving():
                loaded = uvloop.run(_pushed(self.chiso, self.size.events(), self._say))
            self._kept = _Kept(urlsplit(self.chiso.dsn).path.lstrip("/"), self.size, loaded)
            self._save()

    def plain(self) -> Plain:
        """The plain peer with the same events, pushed into it unless they are there."""
        assert self._kept is not None
        peer = Plain(self._home, self._server, self._kept.plain)
        if not self._kept.plain:
            try:
                with peer.serving():
                    uvloop.run(_pushed(peer, self.size.events(), self._say))
                peer.settle()
            except BaseException:
                peer.remove()
                raise
            self._kept.plain = peer.database
            self._save()
        return peer

    def remove(self) -> None:
        """Drop the databases."""
        names = [self._kept.plain] if self._kept and self._kept.plain else []
        drop_databases(self._server, [self.chiso.dsn, *(_at(self._server, name) for name in names)])

    def tables(self, compare: Callable[[Raw | None], list[Equal]], raw: Raw | None) -> None:
        """Make the current-state tables from the same events and compare their counts, unless that was done."""
        assert self._kept is not None
        if raw is not None and not raw.ready:
            for batch in current.counted(self.size.events(), _BATCH):
                raw.add(shapes.encoded(batch))
            raw.load()
        if not self._kept.tables:
            uvloop.run(self._made())
            self._kept.equal = compare(raw)
            self._kept.tables = True
            self._save()

    def _save(self) -> None:
        assert self._kept is not None
        self._file.write_bytes(msgspec.json.encode(self._kept))

    async def _made(self) -> None:
        connection = await asyncpg.connect(self.chiso.dsn)
        try:
            tables = current.Tables(connection, self.size.seed)
            await tables.prepare()
            for batch in current.counted(self.size.events(), _BATCH):
                await tables.add(batch)
            await tables.finish()
            self._say(f"current-state tables made: {tables.dossiers:,} dossiers")
        finally:
            await connection.close()


def of_root(size: Size, code: str) -> Callable[[Chiso, Say], int]:
    """What pushes the same events of another root, whose code is as long, into a service with its catalogues."""

    def events() -> Iterator[CloudEvent]:
        for event in size.events():
            yield msgspec.json.decode(msgspec.json.encode(event).replace(province.ROOT.encode(), code.encode()))

    def push(chiso: Chiso, say: Say) -> int:
        other = chiso.at_root(code)
        with other.serving():
            return uvloop.run(_pushed(other, events(), say))

    return push


async def _pushed(target: Http, events: Iterator[CloudEvent], say: Say) -> int:
    """Push all of them into something; how many they were."""
    batches = current.counted(events, _BATCH)
    pushed, began = 0, time.monotonic()

    async def push() -> None:
        nonlocal pushed
        wire = await Wire.open("127.0.0.1", target.port)
        for batch in batches:
            answer = await wire.ask(target.request(shapes.encoded(batch)))
            while answer.status == 503:
                await asyncio.sleep(0.2)
                answer = await wire.ask(target.request(shapes.encoded(batch)))
            if answer.status != 200:
                raise ValueError(f"loading {target.name}: {answer.status} {answer.body[:300]!r}")
            if pushed // _TOLD_EVERY < (pushed + len(batch)) // _TOLD_EVERY:
                rate = pushed / (time.monotonic() - began)
                say(f"{target.name}: loaded {pushed + len(batch):,} events, {rate:,.0f} a second")
            pushed += len(batch)
        wire.close()

    await asyncio.gather(*(push() for _ in range(_CONNECTIONS)))
    say(f"{target.name}: loaded {pushed:,} events in {time.monotonic() - began:,.0f} s")
    return pushed
