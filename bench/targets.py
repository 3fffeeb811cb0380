"""What events are written into: the service itself, and a COPY into the same table; peers.py has the others."""

from __future__ import annotations

import contextlib
import copy
import secrets
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final, Self
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec
import psycopg
import uvloop
from psycopg import sql

from app.demo import load, province
from app.main import create_service
from app.settings import AuthSettings, DatabaseSettings, Settings
from app.store import keys, migrate
from app.store.catalogues import roots
from bench import cluster, running
from bench.client import Plan, Told, frame
from bench.copier import CopyPlan
from bench.results import Storage
from bench.running import Served, Workers
from bench.wire import request

_PROCESSES: Final = 2
"""Client processes of a run with several connections: more only take the cores from what is measured."""


class Missing(Exception):
    """A peer is not installed; the message says how to."""


class Counts(msgspec.Struct):
    """What a target says it did with the events it acknowledged."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    errors: list[str] = []


class Target(ABC):
    """Something events are written into. `durable`: what it acknowledges is on disk."""

    name: ClassVar[str]
    durable: ClassVar[bool] = True
    note: ClassVar[str] = ""
    largest: ClassVar[int] = 10_000
    """Most events in one request that make sense for it."""
    knows_again: ClassVar[bool] = False
    """Whether it tells events it has already, and says so."""

    @abstractmethod
    def serving(self) -> contextlib.AbstractContextManager[None]:
        """Started within the block; what was written is there again the next time."""

    @abstractmethod
    def workers(
        self, events: Sequence[bytes], per_request: int, connections: int, seconds: float, work: Path
    ) -> Workers:
        """Clients, ready to send these events in this way."""

    @abstractmethod
    def rss(self) -> int:
        """Bytes of memory of its processes."""

    @abstractmethod
    def kept(self) -> int:
        """How many events it has now, asked of itself."""

    def counts(self, told: Sequence[Told], asked: int) -> Counts:
        """What it acknowledged: all that was `asked` in requests it answered well, unless it says more."""
        return Counts(accepted=asked)

    def storage(self) -> list[Storage]:
        """Its tables in the run's database server; none of a target that keeps its data elsewhere."""
        return []

    def remove(self) -> None:  # noqa: B027  most have nothing to take away
        """Take away what it made outside the run's folder; it is not used any more."""


class Http(Target):
    """A target that takes events by HTTP."""

    port: int

    @abstractmethod
    def request(self, events: Sequence[bytes]) -> bytes:
        """A request with these events."""

    def workers(
        self, events: Sequence[bytes], per_request: int, connections: int, seconds: float, work: Path
    ) -> Workers:
        """Clients that share the requests in turn."""
        requests = [self.request(events[start : start + per_request]) for start in range(0, len(events), per_request)]
        processes = min(connections, _PROCESSES)
        plans = []
        for number in range(processes):
            file = work / f"requests-{number}"
            frame(file, requests[number::processes])
            share = connections // processes + (number < connections % processes)
            plans.append(Plan("127.0.0.1", self.port, str(file), share, seconds))
        return Workers("bench.client", plans, work)


class _Outcome(msgspec.Struct):
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    errors: list[dict[str, object]] = []


_OUTCOME: Final = msgspec.json.Decoder(_Outcome)


def outcomes(told: Sequence[Told]) -> Counts:
    """The sum of the answers to pushes."""
    total = Counts()
    for body in (body for each in told for body in each.bodies):
        outcome = _OUTCOME.decode(body)
        total.accepted += outcome.accepted
        total.duplicates += outcome.duplicates
        total.rejected += outcome.rejected
        total.errors += [str(error) for error in outcome.errors[: 5 - len(total.errors)]]
    return total


class Chiso(Http):
    """The service as people run it: `chiso serve` in a process of its own, on a migrated database."""

    name = "chiso"
    knows_again = True

    def __init__(self, dsn: str, home: Path, arguments: Sequence[str] = ()) -> None:
        self.dsn = dsn
        self._home, self._arguments = home, list(arguments)
        self._settings = Settings(
            data_dir=home,
            database=DatabaseSettings(dsn=self.dsn),
            # Its own, made in the folder: a kept database has to know its keys the next time.
            auth=AuthSettings(),
        )
        self.key = uvloop.run(self._key_of(province.ROOT, prepare=True))
        self._served: Served | None = None
        self.port = 0

    async def _key_of(self, root: str, prepare: bool = False) -> str:
        """A new key of a root; `prepare`: after loading the demo's catalogue."""
        service = create_service(self._settings, self.dsn)
        try:
            if prepare:
                await load.load_catalogues(service)
            async with service.database.connection("write") as connection:
                root_id = await roots.ensure(connection, root)
                return await keys.create(
                    connection, service.pepper, root_id, root, ("ingest", "read", "admin"), "bench"
                )
        finally:
            await service.database.close()

    @property
    def _environment(self) -> dict[str, str]:
        return running.environment(
            CHISO_DATABASE__DSN=self.dsn,
            CHISO_DATA_DIR=str(self._home),
            CHISO_LOG__LEVEL="WARNING",
        )

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """`chiso serve` on a free port."""
        self.port = running.free_port()
        command = [sys.executable, "-m", "app.cli", "serve", "--port", str(self.port), *self._arguments]
        alive = f"http://127.0.0.1:{self.port}/readyz"
        with Served(command, self._environment, self._home / "chiso.log", alive) as self._served:
            yield

    def headers(self, content_type: str = "") -> dict[str, str]:
        """What a request carries."""
        return {"Authorization": f"Bearer {self.key}"} | ({"Content-Type": content_type} if content_type else {})

    def request(self, events: Sequence[bytes]) -> bytes:
        """One event structured, several as a batch."""
        if len(events) == 1:
            return request("POST", "/v1/events", self.headers("application/cloudevents+json"), events[0])
        body = b"[" + b",".join(events) + b"]"
        return request("POST", "/v1/events", self.headers("application/cloudevents-batch+json"), body)

    def client(self) -> httpx.Client:
        """A client of the service for a few requests that are not timed."""
        address = f"http://127.0.0.1:{self.port}"
        return httpx.Client(base_url=address, headers=self.headers(), timeout=300, verify=False)  # noqa: S501

    def rss(self) -> int:
        """Of the service's processes; the database's are not in it."""
        return self._served.rss() if self._served else 0

    def kept(self) -> int:
        """Rows of the event log."""
        return count(self.dsn, "SELECT count(*) FROM event")

    def counts(self, told: Sequence[Told], asked: int) -> Counts:
        """The sum of the outcomes."""
        return outcomes(told)

    def most_rss(self) -> int:
        """The most the service's processes have had since they began, as the kernel keeps it."""
        return self._served.most_rss() if self._served else 0

    def cpu(self) -> float:
        """Seconds of processor time of the service's processes."""
        return self._served.cpu() if self._served else 0.0

    def run(self, *arguments: str) -> tuple[bool, str]:
        """A command of `chiso` on the same database: whether it ended well, and what it says."""
        command = [sys.executable, "-m", "app.cli", *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        return done.returncode == 0, done.stdout.strip() or done.stderr.strip()[-500:]

    def verify(self, deep: bool = False) -> tuple[bool, str]:
        """`chiso verify`: whether it is clean, and what it says."""
        return self.run("verify", *(["--deep"] if deep else []))

    def at_root(self, root: str) -> Self:
        """The same served database, asked with a key of another root."""
        other = copy.copy(self)
        other.key = uvloop.run(self._key_of(root))
        return other

    def replica(self) -> Self:
        """Another service on the same database, not yet served."""
        return copy.copy(self)


class Copy(Target):
    """COPY of the same events into a log table like the service's, on the same server: the floor of being durable."""

    name = "copy"
    note = "PostgreSQL COPY into the same table on the same server: no receipts, no facts, no figures"

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """The server runs anyway."""
        yield

    def workers(
        self, events: Sequence[bytes], per_request: int, connections: int, seconds: float, work: Path
    ) -> Workers:
        """One process: COPY costs its client next to nothing."""
        frame(work / "events", list(events))
        plan = CopyPlan(self.dsn, str(work / "events"), per_request, connections, seconds)
        return Workers("bench.copier", [plan], work)

    def rss(self) -> int:
        """Nothing beside the database."""
        return 0

    def kept(self) -> int:
        """Rows of the event log."""
        return count(self.dsn, "SELECT count(*) FROM event")


def new_database(server: str, name: str) -> str:
    """An empty database on the server; its address."""
    name = f"{name}_bench_{secrets.token_hex(4)}"
    if cluster.is_citus(server):
        cluster.create(server, name)
        return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def make_database(server: str, name: str) -> str:
    """A fresh migrated database on the server; its address."""
    dsn = new_database(server, name)
    migrate.upgrade(dsn)
    return dsn


def drop_databases(server: str, dsns: Sequence[str]) -> None:
    """Remove databases that the run made."""
    if cluster.is_citus(server):
        for dsn in dsns:
            cluster.drop(server, urlsplit(dsn).path.lstrip("/"))
        return
    with psycopg.connect(server, autocommit=True) as connection:
        for dsn in dsns:
            name = sql.Identifier(urlsplit(dsn).path.lstrip("/"))
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def count(dsn: str, statement: str) -> int:
    """The number that a query answers."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return int(row[0])
