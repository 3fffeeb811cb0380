"""No secret is told to anybody: not by logs, answers to others, metrics, descriptions, the list of processes, the
database's own views and log, however the service is made to fail.
"""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE
from typing import ClassVar

import httpx
import psutil
import psycopg
import pytest

from app.settings import Settings
from tests.faults.serving import CHISO, CREATE, Serving, chiso, environment, free_port
from tests.running import PROCEDURES, UNITS

PASSWORD = "dsn-7Kq2mZ-word"
PEPPER = "pepper-9fXw3LrT6vB1nQ8sD4hJ0kGy-as-long"
METRICS = "metrics-2uVbN5xCz8"
CLIENT = "oidc-4yHgT7rEw1"
SECRETS = {"password": PASSWORD, "pepper": PEPPER, "metrics": METRICS, "client": CLIENT}
SINGLE = "application/cloudevents+json"


def told(text: str, secrets: dict[str, str]) -> set[str]:
    """Which secrets a text holds."""
    return {name for name, secret in secrets.items() if secret in text}


def of_processes(pid: int) -> str:
    """What the list of processes says of a process and all that it has begun."""
    process = psutil.Process(pid)
    return "\n".join(" ".join([*each.cmdline(), each.name()]) for each in (process, *process.children(recursive=True)))


@pytest.fixture
def settings(postgres_database: str, tmp_path: Path) -> dict[str, str]:
    """A service with all secrets that there are. The test's server lets everybody in; the password goes to it."""
    return environment(
        CHISO_DATABASE__DSN=postgres_database.replace("://chiso@", f"://chiso:{PASSWORD}@"),
        CHISO_DATA_DIR=str(tmp_path / "data"),
        CHISO_AUTH__PEPPER=PEPPER,
        CHISO_METRICS__KEY=METRICS,
        CHISO_HTTP__PUBLIC_URL="http://127.0.0.1:8000",
        CHISO_OIDC__ISSUER=f"http://127.0.0.1:{free_port()}/nobody",
        CHISO_OIDC__CLIENT_ID="chiso",
        CHISO_OIDC__CLIENT_SECRET=CLIENT,
        CHISO_LOG__LEVEL="DEBUG",
    )


def test_a_start_that_fails_tells_no_secret(settings: dict[str, str]) -> None:
    nobody = f"postgresql://chiso:{PASSWORD}@127.0.0.1:{free_port()}/chiso"
    wrong = {
        "no server": ("verify", {"CHISO_DATABASE__DSN": nobody}, "nothing listens"),
        "no address": ("verify", {"CHISO_DATABASE__DSN": f"postgresql://chiso:{PASSWORD}@db:54x32/chiso"}, "DSN|port"),
        "not a kind": ("verify", {"CHISO_DATABASE__DSN": f"mysql://chiso:{PASSWORD}@db/chiso"}, "postgresql://"),
        "misspelt": ("serve", {"CHISO_AUTH__PEPER": PEPPER, "CHISO_OIDC__CLIENT_SECRETS": CLIENT}, "PEPER"),
        "out of bounds": ("serve", {"CHISO_METRICS__SOURCES": METRICS, "CHISO_OIDC__ISSUER": CLIENT}, "CHISO_"),
    }
    with ThreadPoolExecutor(len(wrong)) as threads:
        runs = {what: threads.submit(chiso, settings | more, command) for what, (command, more, _) in wrong.items()}
    for what, run in runs.items():
        ended, says = run.result(), wrong[what][2]
        assert ended.returncode != 0, what
        assert re.search(says, ended.stderr), (what, ended.stderr)
        # What was put where it does not belong is the value of another setting, and is named by that setting only.
        assert told(ended.stdout + ended.stderr, SECRETS) == set(), (what, ended.stderr)


def test_settings_do_not_show_their_secrets(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.items():
        if name.startswith("CHISO_"):
            monkeypatch.setenv(name, value)
    known = Settings()
    assert known.auth.pepper is not None
    assert known.auth.pepper.get_secret_value() == PEPPER
    for shown in (repr(known), str(known), known.model_dump_json(), repr(known.model_dump()), f"{known.oidc!r}"):
        assert told(shown, SECRETS) == set()


def test_a_service_that_is_made_to_fail_tells_no_secret(
    settings: dict[str, str], tmp_path: Path, postgres_database: str, reachable_dir: Path
) -> None:
    key = chiso(settings, *CREATE).stdout.strip()
    secrets = SECRETS | {"key": key.split("_", 2)[2]}
    answers: list[str] = []
    with Serving(settings, tmp_path / "log") as serving, serving.client() as client:

        def ask(method: str, path: str, **more: object) -> httpx.Response:
            answer = client.request(method, path, **more)  # type: ignore[arg-type]
            answers.append("\n".join([answer.text, *(f"{name}: {value}" for name, value in answer.headers.items())]))
            return answer

        bearer = {"Authorization": f"Bearer {key}"}
        for path, rows in (("units", UNITS), ("procedures", PROCEDURES)):
            assert ask("PUT", f"/v1/{path}", json=rows, headers=bearer).status_code == 200
        event = {
            "specversion": "1.0", "id": "e1", "source": "/h44/thu", "type": "dossier.received", "unit": "H44.07",
            "subject": "H44.07-260105-0001", "time": "2026-01-05T08:12:00+07:00",
            "data": {"procedure": "1.004555", "channel": "online"},
        }  # fmt: skip
        push = bearer | {"Content-Type": SINGLE}
        assert ask("POST", "/v1/events", json=event, headers=push).status_code == 200
        form = {"data": {"key": key}, "headers": {"Origin": serving.url, "Sec-Fetch-Site": "same-origin"}}
        logged_in = client.post("/login", **form)  # type: ignore[arg-type]
        assert logged_in.status_code == 303
        session = logged_in.cookies["chiso"]
        client.cookies.clear()
        secrets["session"] = session.rpartition(".")[2]
        cookie = {"Cookie": f"chiso={session}"}
        assert ask("GET", "/v1/units", headers=cookie).status_code == 200

        # The key where it does not belong. Who sends it there has it; nobody else is to read it.
        misplaced = [
            client.get(f"/v1/scorecard?unit=H44&period=2026&key={key}", headers=bearer),
            client.get(f"/v1/units/{key}", headers=bearer),
            client.get(f"/v1/scorecard?unit={key}&period={key}", headers=bearer),
            client.get(f"/{key}"),
            client.get("/v1/units", headers={"X-Api-Key": key}),
            client.get("/v1/units", headers={"Authorization": f"Basic {key}"}),
            client.get("/v1/units", headers={"Authorization": key}),
            client.get("/v1/units", headers={"Cookie": f"chiso={key}"}),
            client.get("/v1/units", headers={"Cookie": f"chiso={session}x"}),
            client.post("/v1/events", json=event | {"id": "e2", "data": {"key": key}}, headers=push),
            client.post("/v1/events", json=event | {"id": key, "type": key}, headers=push),
            client.post("/v1/events", content=key.encode(), headers=push),
            client.put("/v1/units", content=key.encode(), headers=bearer | {"Content-Type": "text/csv"}),
            client.get(f"/login/oidc/back?state={key}&code={key}"),
            client.get(f"/metrics?key={METRICS}"),
        ]
        assert {each.status_code for each in misplaced} <= {200, 400, 401, 403, 404, 422}
        assert ask("GET", "/login/oidc").status_code == 503
        assert ask("GET", "/metrics").status_code == 401
        metrics = ask("GET", "/metrics", headers={"Authorization": f"Bearer {METRICS}"})
        assert metrics.status_code == 200
        for path in ("/openapi.json", "/docs", "/login", "/livez", "/readyz", "/"):
            assert ask("GET", path).status_code in (200, 303)

        # A life that cannot be read: a fault of the program, told with its traceback in the log. Then no table at all.
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            connection.execute("UPDATE life SET events = '\\x00'")
            assert ask("GET", "/v1/dossiers/H44.07-260105-0001", headers=bearer).status_code == 500
            connection.execute("ALTER TABLE unit RENAME TO unit_away")
            connection.execute("ALTER TABLE life RENAME TO life_away")
            assert ask("POST", "/v1/events", json=event | {"id": "e3"}, headers=push).status_code >= 500
            assert ask("GET", "/v1/dossiers/H44.07-260105-0001", headers=bearer).status_code >= 500
            seen = connection.execute("SELECT application_name, query FROM pg_stat_activity").fetchall()
            kept = connection.execute("SELECT string_agg(api_key::text, '') FROM api_key").fetchone()
        processes = of_processes(serving.pid)
    log = serving.log.read_text()
    assert "Traceback" in log or '"exception"' in log, "the fault was told"
    assert told(log, secrets) == set()
    assert told("\n".join(answers), secrets) == set()
    assert told("\n".join(f"{name} {query}" for name, query in seen), secrets) == set()
    assert told(str(kept), secrets) == set()
    assert "serve" in processes
    assert told(processes, secrets) == set()
    logs = [each for each in reachable_dir.rglob("*log*") if each.is_file() and each.suffix != ".so"]
    assert logs, "the server's own log is found"
    assert told("\n".join(each.read_text("utf-8", "replace") for each in logs), secrets) == set()


class Closed(BaseHTTPRequestHandler):
    """A service that knows no key, and keeps what it was sent."""

    sent: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.sent.append(self.headers["Authorization"])
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_key_reaches_a_command_without_the_list_of_processes(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("chiso_0123456789ab_from-a-file\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Closed)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    command = [str(CHISO), "simulate", "--url", f"http://127.0.0.1:{server.server_port}", "--key-file"]
    try:
        for source in (str(tmp_path / "key"), "-"):
            whole = [*command, source]
            with psutil.Popen(whole, env=environment(), stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as running:
                listed = " ".join(running.cmdline())
                said = "".join(running.communicate("chiso_0123456789ab_from-standard-input\n", timeout=60))
            assert "from-" not in listed + said
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert {each.rpartition("_")[2] for each in Closed.sent} == {"from-a-file", "from-standard-input"}
