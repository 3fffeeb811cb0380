"""Peers that take events by HTTP, each with its data in the run's folder; one that is not installed is named."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import msgspec

from app.domain.calendar.civil import CIVIL
from bench import running
from bench.plain.peer import Plain
from bench.running import Served
from bench.targets import Http, Missing
from bench.wire import request

INSTALLED: Final = Path(".chiso/bench")
"""Where .ci/bench-peers puts what it fetches."""
_HOW: Final = "run .ci/bench-peers"


def _found(program: str) -> str:
    """A program of .ci/bench-peers, else of the system."""
    local = INSTALLED / "debian/usr/bin" / program
    path = str(local.resolve()) if local.exists() else shutil.which(program)
    if path is None:
        raise Missing(f"{program} is not installed; {_HOW}")
    return path


class _Peer(Http):
    """A peer with a folder of its own, started by a command."""

    def __init__(self, home: Path) -> None:
        self._home = home / self.name
        self._home.mkdir()
        self._served: Served | None = None
        self.port = 0

    def rss(self) -> int:
        """Of its processes."""
        return self._served.rss() if self._served else 0

    @contextlib.contextmanager
    def _run(self, command: Sequence[str], alive: str, **environment: str) -> Iterator[None]:
        url = f"http://127.0.0.1:{self.port}{alive}"
        env = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._home)} | environment
        with Served(command, env, self._home / "log", url) as self._served:
            yield


_INFLUX: Final = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{home}/meta"
  logging-enabled = false
[data]
  dir = "{home}/data"
  wal-dir = "{home}/wal"
  wal-fsync-delay = "0s"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  pprof-enabled = false
  max-body-size = 0
[logging]
  level = "error"
"""


class Influx(_Peer):
    """InfluxDB 1.x: a line for each event, type and unit as tags, the rest as fields; on disk before it answers."""

    name = "influxdb"
    note = "InfluxDB 1.6 /write; WAL fsync for every write"

    def __init__(self, home: Path) -> None:
        self._program = _found("influxd")
        super().__init__(home)
        self._point = 0

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """influxd with a configuration of its own."""
        self.port = running.free_port()
        config = self._home / "influxdb.conf"
        config.write_text(_INFLUX.format(home=self._home, port=self.port, rpc=running.free_port()))
        with self._run([self._program, "-config", str(config)], "/ping"):
            self._query("CREATE DATABASE bench")
            yield

    def _query(self, text: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/query"
        with httpx.Client(timeout=120, verify=False) as client:  # noqa: S501  loopback, no TLS
            answer: dict[str, Any] = client.post(url, params={"q": text, "db": "bench"}).raise_for_status().json()
        return answer

    def request(self, events: Sequence[bytes]) -> bytes:
        """Line protocol. Points of a series with the same time replace each other: each gets its own nanosecond."""
        lines = []
        for event in events:
            self._point += 1
            lines.append(_line(event, self._point))
        return request("POST", "/write?db=bench", {}, b"\n".join(lines))

    def kept(self) -> int:
        """Points in the database."""
        series = self._query("SELECT count(id) FROM event")["results"][0].get("series")
        return int(series[0]["values"][0][1]) if series else 0


def _quoted(text: object) -> str:
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _nanoseconds(time: str, point: int) -> int:
    # Whole seconds in the demo's events: the nanoseconds are free.
    return int(datetime.fromisoformat(time).timestamp()) * 10**9 + point % 10**9


def _line(encoded: bytes, point: int) -> bytes:
    event = msgspec.json.decode(encoded)
    fields = {name: _quoted(event[name]) for name in ("id", "source", "subject")}
    if event["data"]:
        fields["data"] = _quoted(msgspec.json.encode(event["data"]).decode())
    said = ",".join(f"{name}={value}" for name, value in fields.items())
    return f"event,type={event['type']},unit={event['unit']} {said} {_nanoseconds(event['time'], point)}".encode()


class Victoria(_Peer):
    """VictoriaMetrics: one number for each event, no texts; answers before anything is on disk."""

    name = "victoriametrics"
    durable = False
    note = "VictoriaMetrics /write; acknowledges from memory and keeps no texts: the ceiling without durability"

    def __init__(self, home: Path) -> None:
        self._program = _found("victoria-metrics")
        super().__init__(home)
        self._point = 0

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """The single-node server."""
        self.port = running.free_port()
        command = [
            self._program,
            f"-storageDataPath={self._home / 'data'}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y",
            "-loggerLevel=ERROR",
        ]
        with self._run(command, "/health"):
            yield

    def request(self, events: Sequence[bytes]) -> bytes:
        """Line protocol with the number of the event as its value, a millisecond apart."""
        lines = []
        for encoded in events:
            event = msgspec.json.decode(encoded)
            self._point += 1
            at = _nanoseconds(event["time"], 0) + self._point % 1000 * 10**6
            lines.append(f"event,type={event['type']},unit={event['unit']} n={self._point} {at}")
        return request("POST", "/write", {}, "\n".join(lines).encode())

    def kept(self) -> int:
        """Rows that were added, by its own counter, of this start."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", verify=False).text  # noqa: S501  loopback, no TLS
        rows = [line for line in text.splitlines() if line.startswith("vm_rows_inserted_total") and "influx" in line]
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in rows)


class Prefect(_Peer):
    """Prefect's server, a FastAPI application over SQL that takes events; it writes them after it has answered."""

    name = "prefect"
    durable = False
    largest = 100
    note = "Prefect 3 POST /api/events on its SQLite; queues in memory and may drop what it acknowledged"

    def __init__(self, home: Path) -> None:
        program = INSTALLED / "prefect/bin/prefect"
        if not program.exists():
            raise Missing(f"prefect is not installed; {_HOW}")
        self._program = str(program.absolute())
        super().__init__(home)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """`prefect server start`."""
        self.port = running.free_port()
        command = [self._program, "server", "start", "--host", "127.0.0.1", "--port", str(self.port), "--no-ui"]
        with self._run(
            command,
            "/api/health",
            PREFECT_HOME=str(self._home),
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            DO_NOT_TRACK="1",
            PREFECT_LOGGING_SERVER_LEVEL="ERROR",
        ):
            yield

    def request(self, events: Sequence[bytes]) -> bytes:
        """Its own form of an event, with our data as the payload."""
        told = []
        for encoded in events:
            event = msgspec.json.decode(encoded)
            told.append(
                {
                    "id": str(uuid4()),
                    "occurred": _now(),
                    "event": event["type"],
                    "resource": {"prefect.resource.id": event["subject"], "prefect.resource.name": event["unit"]},
                    "payload": {"id": event["id"], "source": event["source"], "time": event["time"]} | event["data"],
                }
            )
        return request("POST", "/api/events", {"Content-Type": "application/json"}, msgspec.json.encode(told))

    def kept(self) -> int:
        """Rows of its table of events with a resource of ours."""
        with contextlib.closing(sqlite3.connect(f"file:{self._home / 'prefect.db'}?mode=ro", uri=True)) as database:
            statement = "SELECT count(*) FROM events WHERE event LIKE 'dossier.%' OR event LIKE 'petition.%'"
            return int(database.execute(statement + " OR event = 'event.retracted'").fetchone()[0])


def _now() -> str:
    return datetime.now(CIVIL).isoformat()


PEERS: Final[dict[str, Callable[[Path, str], Http]]] = {
    "plain": Plain,
    "influxdb": lambda home, _: Influx(home),
    "prefect": lambda home, _: Prefect(home),
    "victoriametrics": lambda home, _: Victoria(home),
}
"""By name: made in the run's folder; one that wants PostgreSQL makes a database on the server at the address."""
