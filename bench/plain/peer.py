"""The plain peer as something the benchmark writes into and asks: a process of its own, a database of its own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg

from app.demo import province
from bench import machine, running
from bench.client import Told
from bench.results import Storage
from bench.running import Served
from bench.targets import Counts, Http, count, drop_databases, new_database, outcomes
from bench.wire import request

_UVICORN: Final = ("-m", "uvicorn", "--factory", "bench.plain.app:create_app")


class Plain(Http):
    """One process on the run's PostgreSQL server; `database`: the name of one that is there already."""

    name = "plain"
    note = (
        "FastAPI, SQLAlchemy and one table on the same server; figures by SQL whenever asked; app.py says what it lacks"
    )
    knows_again = True

    def __init__(self, home: Path, server: str, database: str = "") -> None:
        self._home, self._server = home, server
        self.dsn = (
            urlunsplit(urlsplit(server)._replace(path=f"/{database}")) if database else new_database(server, "plain")
        )
        self._served: Served | None = None
        self.port = 0

    @property
    def database(self) -> str:
        """The name of its database."""
        return urlsplit(self.dsn).path.lstrip("/")

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """uvicorn with one process, and the province's units told."""
        self.port = running.free_port()
        command = [sys.executable, *_UVICORN, "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
        address = f"http://127.0.0.1:{self.port}"
        environment = running.environment(PLAIN_DSN=self.dsn)
        with Served(command, environment, self._home / "plain.log", f"{address}/health") as self._served:
            levels = [{"code": unit, "level": level} for unit, level in province.levels().items()]
            httpx.put(f"{address}/units", json=levels, verify=False).raise_for_status()  # noqa: S501  loopback, no TLS
            yield

    def request(self, events: Sequence[bytes]) -> bytes:
        """One event structured, several as a batch: the bodies that the service is sent."""
        if len(events) == 1:
            return request("POST", "/events", {"Content-Type": "application/cloudevents+json"}, events[0])
        body = b"[" + b",".join(events) + b"]"
        return request("POST", "/events", {"Content-Type": "application/cloudevents-batch+json"}, body)

    def rss(self) -> int:
        """Of its process; the database's are not in it."""
        return self._served.rss() if self._served else 0

    def kept(self) -> int:
        """Rows of its table."""
        return count(self.dsn, "SELECT count(*) FROM events")

    def counts(self, told: Sequence[Told], asked: int) -> Counts:
        """The sum of its answers."""
        return outcomes(told)

    def storage(self) -> list[Storage]:
        """Its tables, after VACUUM."""
        return machine.grown({}, machine.sizes(self.dsn))

    def settle(self) -> None:
        """What autovacuum does in time: statistics, and pages known to be visible to everybody."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")

    def remove(self) -> None:
        """Drop its database."""
        drop_databases(self._server, [self.dsn])
