"""`chiso serve --workers`: several processes are one service, and nobody of them is left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.api.http.test_probes import samples
from tests.faults.serving import Serving, chiso, environment
from tests.running import PROCEDURES, UNITS

BATCH = "application/cloudevents-batch+json"
ACCEPTED = ("chiso_events_total", frozenset({("outcome", "accepted"), ("type", "dossier.received")}))


def workers(serving: Serving, module: str = "app.server.worker") -> list[psutil.Process]:
    """The living workers of a service, or who else runs a module."""
    found = []
    for each in psutil.Process(serving.pid).children():
        with suppress(psutil.NoSuchProcess):  # also one that has ended and is not yet taken note of
            found += [each] if module in each.cmdline() else []
    return found


def writer(serving: Serving) -> psutil.Process | None:
    """Who writes for them, if it lives."""
    found = workers(serving, "app.server.writer")
    assert len(found) <= 1
    return found[0] if found else None


def everybody(serving: Serving) -> list[psutil.Process]:
    """The service's process, its workers and its database server."""
    parent = psutil.Process(serving.pid)
    return [parent, *parent.children(recursive=True)]


def eventually(holds: Callable[[], object], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, holds
        time.sleep(0.05)


@contextmanager
def only(chosen: psutil.Process, all_of_them: list[psutil.Process]) -> Iterator[None]:
    """The others stand still, so new connections are this one's."""
    others = [each for each in all_of_them if each != chosen]
    for each in others:
        each.suspend()
    try:
        yield
    finally:
        for each in others:
            each.resume()


def received(number: int) -> dict:
    return {
        "specversion": "1.0", "id": f"w{number}", "source": "/h44/thu", "type": "dossier.received",
        "subject": f"H44.07-260105-{number:04}", "time": "2026-01-05T08:00:00+07:00", "unit": "H44.07",
        "data": {"procedure": "1.004555", "channel": "online"},
    }  # fmt: skip


def push(serving: Serving, key: str, numbers: range) -> tuple[int, dict]:
    """A batch over a connection of its own."""
    with serving.client(key) as client:
        body = json.dumps([received(number) for number in numbers])
        answer = client.post("/v1/events", content=body, headers={"content-type": BATCH})
        return answer.status_code, answer.json()


def page_of(serving: Serving) -> dict:
    """What /metrics tells."""
    with serving.client() as client:
        return samples(client.get("/metrics").text)


def taken(accepted: int, duplicates: int = 0) -> tuple[int, dict]:
    return 200, {"accepted": accepted, "duplicates": duplicates, "rejected": 0, "errors": []}


def test_workers_are_one_service(reachable_dir: Path, tmp_path: Path) -> None:
    settings = environment(CHISO_DATA_DIR=str(reachable_dir / "workers"), TMPDIR=str(tmp_path))
    scopes = [f"--scope={each}" for each in ("ingest", "read", "admin")]
    with Serving(settings, tmp_path / "log", "--workers", "3") as serving:
        eventually(lambda: len(workers(serving)) == 3)
        key, spare = (chiso(settings, "keys", "create", "--unit", "H44", *scopes).stdout.strip() for _ in range(2))
        with serving.client(key) as client:
            for path, rows in (("units", UNITS), ("procedures", PROCEDURES)):
                assert client.put(f"/v1/{path}", json=rows).json()["errors"] == []

        # Each takes in thirty of its own and is sent ten that are there already; each sees all that came before.
        team = workers(serving)
        for number, worker in enumerate(team):
            with only(worker, team), serving.client(key) as client:
                assert push(serving, spare, range(30 * number, 30 * number + 30)) == taken(30)
                assert push(serving, key, range(10)) == taken(0, 10)
                card = client.get("/v1/scorecard", params={"unit": "H44", "period": "2026"}).json()
                assert card["balance"]["received"] == 30 * (number + 1)
                assert page_of(serving)[ACCEPTED] == 30 * (number + 1)

        # Every one of them tells what all of them counted.
        pages = []
        for worker in team:
            with only(worker, team):
                pages.append(page_of(serving))
        assert [page[ACCEPTED] for page in pages] == [90] * 3
        assert [page["chiso_batch_events_count", frozenset()] for page in pages] == [6] * 3
        assert all(page["chiso_pool_connections_open", frozenset({("pool", "read")})] >= 3 for page in pages)

        # Bytes in flight are the sum of what each measured within the last second.
        eventually(lambda: page_of(serving)["chiso_body_bytes_in_flight", frozenset()] == 0)

        # A key that is revoked is refused by all of them at the very next call.
        assert chiso(settings, "keys", "revoke", spare.split("_")[1]).returncode == 0
        for worker in team:
            with only(worker, team):
                status, problem = push(serving, spare, range(90, 91))
                assert (status, problem["code"]) == (401, "unauthenticated")

        # Killed, one is started again; what it had counted stays counted.
        team[0].kill()
        eventually(lambda: len(workers(serving)) == 3 and team[0] not in workers(serving))
        assert push(serving, key, range(90, 100)) == taken(10)
        assert page_of(serving)[ACCEPTED] == 100

        # So is who writes for all of them: what is sent meanwhile waits for the next one, or is to be sent again.
        killed = writer(serving)
        assert killed is not None
        killed.kill()

        def taken_in() -> bool:
            status, told = push(serving, key, range(100, 110))
            assert status in (200, 503), told
            return status == 200

        eventually(taken_in)
        assert push(serving, key, range(100, 110)) == taken(0, 10)
        assert writer(serving) not in (None, killed)
        with serving.client(key) as client:
            card = client.get("/v1/scorecard", params={"unit": "H44", "period": "2026"}).json()
            assert card["balance"]["received"] == 110
        lines = [json.loads(line) for line in serving.log.read_text().splitlines() if line.startswith("{")]
        assert {each["pid"] for each in lines if each["event"] == "request"} >= {each.pid for each in team}
        ended = [each for each in lines if each["event"] == "a process ended and is started again"]
        assert [(each["module"], each["process"], each["status"]) for each in ended] == [
            ("app.server.worker", team[0].pid, -signal.SIGKILL),
            ("app.server.writer", killed.pid, -signal.SIGKILL),
        ]

        verified = chiso(settings, "verify", "--deep")
        assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nobody_is_left_behind(number: signal.Signals, reachable_dir: Path, tmp_path: Path) -> None:
    settings = environment(CHISO_DATA_DIR=str(reachable_dir / "ended"), TMPDIR=str(tmp_path), CHISO_WORKERS="2")
    with Serving(settings, tmp_path / "log") as serving:
        eventually(lambda: len(workers(serving)) == 2)
        assert [each.name.startswith("chiso-workers-") for each in os.scandir(tmp_path) if each.is_dir()] == [True]
        all_of_them = everybody(serving)
        os.kill(serving.pid, number)
        _, alive = psutil.wait_procs(all_of_them, timeout=60)
        assert alive == []
        eventually(lambda: not [each for each in os.scandir(tmp_path) if each.is_dir()])
