"""The clients that vendors start from, each run as it stands in docs/clients against a served chiso, and against a
network that loses answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from app.main import create_app, create_service
from tests.faults.serving import Serving, environment
from tests.running import Clock, Running, settings_for

CLIENTS = Path(__file__).resolve().parents[2] / "docs" / "clients"
TOOLS = {"push.py": ["python3"], "push.mjs": ["node"], "Push.java": ["java", "javac"], "Push.cs": ["mono", "mcs"]}
"""What runs each client, and what that needs. .ci/test names what is not there; in CI that is a failure."""

HERE = [name for name, tools in TOOLS.items() if all(map(shutil.which, tools))]


def test_every_client_has_its_tools_named_and_its_tools_are_looked_for() -> None:
    assert {each.name for each in CLIENTS.iterdir()} == set(TOOLS)
    ci = (CLIENTS.parents[1] / ".ci" / "test").read_text()
    for tools in TOOLS.values():
        for tool in tools:
            assert f" {tool} " in ci or tool == "python3", tool


@pytest.fixture(params=HERE)
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The command of a client."""
    source = str(CLIENTS / request.param)
    # As with .NET, a program is made of it first; the others are run from their text.
    if request.param == "Push.cs":
        program = str(tmp_path / "Push.exe")
        references = ["-r:System.Net.Http", "-r:System.Runtime.Serialization"]
        subprocess.run(["mcs", *references, f"-out:{program}", source], check=True)
        return ["mono", program]
    return [TOOLS[request.param][0], source]


@dataclass
class Network:
    """What lies between a client and the service: by the number of a request, from 1, what goes wrong with it."""

    service: str
    faults: dict[int, str]
    bodies: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        """Pass a request on and its answer back, or not."""
        body = asked.rfile.read(int(asked.headers["Content-Length"]))
        self.bodies.append(body)
        self.times.append(time.monotonic())
        fault = self.faults.get(len(self.bodies))
        if fault in ("limited", "away"):
            limited = fault == "limited"
            problem = {"code": "rate_limited" if limited else "overloaded", "detail": "busy"}
            wait = {"Retry-After": "1" if limited else "0"}
            self._send(asked, 429 if limited else 503, json.dumps(problem).encode(), wait)
            return
        sent = {name: asked.headers[name] for name in ("Authorization", "Content-Type")}
        told = httpx.post(self.service + asked.path, content=body, headers=sent, timeout=60)
        # Taken in, and the sender does not hear of it: the answer breaks off in its middle.
        missing = 100 if fault == "lost" else 0
        self._send(asked, told.status_code, told.content, {}, missing)

    def _send(
        self, asked: BaseHTTPRequestHandler, status: int, body: bytes, more: dict[str, str], missing: int = 0
    ) -> None:
        asked.send_response(status)
        usual = {"Content-Type": "application/json", "Content-Length": len(body) + missing, "Connection": "close"}
        for name, value in (usual | more).items():
            asked.send_header(name, str(value))
        asked.end_headers()
        asked.wfile.write(body)
        asked.close_connection = True

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """A handler of requests for this network."""
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                network.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@dataclass
class Place:
    """A served chiso behind a network, with a key of the department H44.07."""

    network: Network
    url: str
    key: str
    ask: Callable[[], httpx.Client]

    def push(self, command: list[str], file: Path, key: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a client on a file."""
        settings = os.environ | {"CHISO_URL": self.url, "CHISO_KEY": self.key if key is None else key}
        return subprocess.run(
            [*command, str(file)], env=settings, capture_output=True, text=True, timeout=120, check=False
        )


async def _prepared(dsn: str, folder: Path) -> tuple[str, str]:
    """Load the small catalogue; a key that pushes for H44.07 and one that reads."""
    service = create_service(settings_for(dsn, folder), dsn)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(service)), base_url="http://chiso.test"
    ) as client:
        made = Running(service, client, Clock(), "")
        made.key = await made.make_key("H44", "admin")
        await made.catalogue()
        keys = await made.make_key("H44.07", "ingest"), await made.make_key("H44", "read")
    await service.database.close()
    return keys


@pytest.fixture
def place(postgres_database: str, tmp_path: Path) -> Iterator[Place]:
    """The service as people run it, but for its limit of 400 events a batch: fewer than the clients send."""
    pushing, reading = asyncio.run(_prepared(postgres_database, tmp_path))
    settings = environment(
        CHISO_DATABASE__DSN=postgres_database,
        CHISO_DATA_DIR=str(tmp_path),
        CHISO_AUTH__PEPPER="a pepper for tests, as long as it is to be",
        CHISO_INTAKE__MAX_EVENTS="400",
    )
    with Serving(settings, tmp_path / "log") as serving:
        network = Network(serving.url, {})
        with ThreadingHTTPServer(("127.0.0.1", 0), network.handler()) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            url = f"http://127.0.0.1:{server.server_address[1]}"
            yield Place(network, url, pushing, lambda: serving.client(reading))
            server.shutdown()
            thread.join()


def received(number: int, **more: object) -> dict[str, object]:
    """A dossier's reception."""
    return {
        "specversion": "1.0",
        "id": f"tiếp-nhận-{number}",
        "source": "/h44/thu",
        "type": "dossier.received",
        "subject": f"H44.07-260105-{number:06}",
        "time": "2026-01-05T08:00:00+07:00",
        "unit": "H44.07",
        "data": {"procedure": "1.004555", "channel": "online", **more},
    }


def counted(place: Place) -> int:
    """The dossiers that the service counts."""
    with place.ask() as client:
        card = client.get("/v1/scorecard", params={"unit": "H44.07", "period": "2026"}).json()
        return int(card["balance"]["received"])


def test_a_client_sends_a_file_through_a_bad_network_and_keeps_what_was_rejected(
    command: list[str], place: Place, tmp_path: Path
) -> None:
    lines = [json.dumps(received(number), ensure_ascii=False) for number in range(602)]
    wrong = {
        3: (json.dumps(received(3, name='Lan "\\" Hoa'), ensure_ascii=False), "unknown_field", "data.name"),
        300: ('{"specversion":"1.0", "id":"đứt', "invalid_json", None),
        550: (json.dumps(received(550) | {"unit": "H44.13"}), "forbidden_unit", "unit"),
    }
    for index, (line, _, _) in wrong.items():
        lines[index] = line
    file = tmp_path / "events.ndjson"
    file.write_text("\r\n\r\n".join(lines) + "\n", encoding="utf-8", newline="")
    # 500 are too many and go in halves; the first half is taken in, and the client does not hear of it.
    place.network.faults = {2: "lost", 3: "limited"}
    done = place.push(command, file)
    assert (done.returncode, done.stdout.strip()) == (1, "accepted 350, duplicates 249, rejected 3"), done.stderr
    sizes = [len([line for line in body.split(b"\n") if line.strip()]) for body in place.network.bodies]
    assert sizes == [500, 250, 250, 250, 250, 102]
    assert place.network.bodies[1] == place.network.bodies[2] == place.network.bodies[3]
    assert place.network.times[3] - place.network.times[2] >= 1, "Retry-After"
    kept = [json.loads(line) for line in (tmp_path / "events.ndjson.rejected").read_text("utf-8").splitlines()]
    assert [list(each) for each in kept] == [["code", "field", "detail", "event"]] * 3
    assert [(each["event"], each["code"], each["field"]) for each in kept] == list(wrong.values())
    assert all(each["detail"] for each in kept)
    assert counted(place) == 599


def test_a_client_says_why_it_stops_and_ends_well_when_all_is_taken(
    command: list[str], place: Place, tmp_path: Path
) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps(received(1)) + "\n" + json.dumps(received(2, fee=True) | {"id": "2"}), encoding="utf-8")
    stopped = place.push(command, file, key="of nobody")
    assert (stopped.returncode, stopped.stdout.strip()) == (2, "accepted 0, duplicates 0, rejected 0")
    assert "401 unauthenticated" in stopped.stderr
    assert counted(place) == 0
    done = place.push(command, file)
    assert (done.returncode, done.stdout.strip()) == (0, "accepted 2, duplicates 0, rejected 0"), done.stderr
    again = place.push(command, file)
    assert (again.returncode, again.stdout.strip()) == (0, "accepted 0, duplicates 2, rejected 0"), again.stderr
    assert (tmp_path / "events.ndjson.rejected").read_text() == ""
    assert counted(place) == 2


def test_a_client_that_is_called_wrongly_says_so_in_a_line(command: list[str], tmp_path: Path) -> None:
    file, utf16 = tmp_path / "events.ndjson", tmp_path / "utf16.ndjson"
    file.write_text(json.dumps(received(1)), encoding="utf-8")
    utf16.write_text(json.dumps(received(1)), encoding="utf-16")
    there = {"CHISO_URL": "http://127.0.0.1:9", "CHISO_KEY": "chiso_a_b"}
    for arguments, settings, says in (
        ([], there, "name one file: "),
        ([str(file)], {"CHISO_KEY": "chiso_a_b"}, "set CHISO_URL"),
        ([str(file)], {"CHISO_URL": "http://127.0.0.1:9", "CHISO_KEY": " "}, "set CHISO_KEY"),
        ([str(file)], there | {"CHISO_URL": "chiso.example.vn"}, "CHISO_URL begins with http:// or https://"),
        ([str(tmp_path / "none")], there, f"{tmp_path}/none cannot be read: "),
        ([str(utf16)], there, f"{utf16} is not UTF-8: save it as UTF-8"),
    ):
        settings = {name: value for name, value in os.environ.items() if not name.startswith("CHISO_")} | settings
        ended = subprocess.run([*command, *arguments], env=settings, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
        [line] = ended.stderr.splitlines()
        assert line.startswith(f"stopped: {says}")
    assert not (tmp_path / "utf16.ndjson.rejected").exists()


def test_a_client_gives_up_after_ten_tries(command: list[str], tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps(received(1)), encoding="utf-8")
    network = Network("", dict.fromkeys(range(1, 100), "away"))
    with ThreadingHTTPServer(("127.0.0.1", 0), network.handler()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        settings = os.environ | {"CHISO_URL": f"http://127.0.0.1:{server.server_address[1]}/", "CHISO_KEY": "chiso_a_b"}
        ended = subprocess.run([*command, str(file)], env=settings, capture_output=True, text=True, check=False)
        server.shutdown()
        thread.join()
    assert (ended.returncode, ended.stdout.strip()) == (2, "accepted 0, duplicates 0, rejected 0"), ended.stderr
    assert ended.stderr.splitlines()[-1] == "stopped: given up after 10 tries: 503 overloaded: busy"
    assert len(network.bodies) == 10
    assert len(set(network.bodies)) == 1
