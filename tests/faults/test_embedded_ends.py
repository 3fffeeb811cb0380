"""The embedded PostgreSQL is killed under a running service: it is started again, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import httpx

from app.store.embedded.home import settle
from tests.faults.serving import CHISO, CREATE, Serving, chiso, environment


def event(number: int) -> dict[str, object]:
    return {
        "specversion": "1.0", "id": f"e{number}", "source": "/h44/thu", "type": "dossier.received", "unit": "H44.07",
        "subject": f"H44.07-260105-{number:06}", "time": "2026-01-05T08:12:00+07:00",
        "data": {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"},
    }  # fmt: skip


def until_taken(client: httpx.Client, number: int, seconds: float) -> set[int]:
    """Push an event until it is accepted; what was said before."""
    ends, said = time.monotonic() + seconds, set()
    while (answer := client.post("/v1/events", json=event(number), headers=CLOUD_EVENT)).status_code != 200:
        said.add(answer.status_code)
        assert int(answer.headers["retry-after"]) > 0
        assert time.monotonic() < ends, answer.text
        time.sleep(0.02)
    assert answer.json()["accepted"] == 1
    return said


def until_not_ready(client: httpx.Client, seconds: float) -> None:
    """Ask until /readyz is 503: the server's children answer on until they have seen that it is gone."""
    ends = time.monotonic() + seconds
    while (answer := client.get("/readyz")).status_code != 503:
        assert answer.status_code == 200
        assert time.monotonic() < ends
        time.sleep(0.02)


CLOUD_EVENT = {"content-type": "application/cloudevents+json"}
WITHIN_S = 60


def test_a_killed_embedded_server_is_started_again_and_meanwhile_all_is_503(reachable_dir: Path) -> None:
    folder = reachable_dir / "ended"
    settings = environment(CHISO_DATA_DIR=str(folder))
    with Serving(settings, reachable_dir / "serving.log") as serving:
        created = chiso(settings, *CREATE)
        assert created.returncode == 0, created.stderr
        with serving.client(created.stdout.strip()) as client:
            assert client.put("/v1/units", json=[{"code": "H44.07", "name": "A"}]).json()["errors"] == []
            assert until_taken(client, 1, WITHIN_S) == set()
            cluster = settle(folder).cluster
            postmaster = cluster / "postmaster.pid"
            pid = int(postmaster.read_text().split()[0])

            os.kill(pid, signal.SIGKILL)
            assert until_taken(client, 2, WITHIN_S) <= {503}
            assert int(postmaster.read_text().split()[0]) != pid
            assert client.get("/readyz").status_code == 200
            scorecard = client.get("/v1/scorecard", params={"unit": "H44.07", "period": "2026"}).json()
            assert scorecard["balance"]["received"] == 2
            assert chiso(settings, "keys", "list").returncode == 0

            # One that cannot be started: its file of settings is not readable.
            config, aside = cluster / "postgresql.conf", cluster / "aside.conf"
            config.rename(aside)
            os.kill(int(postmaster.read_text().split()[0]), signal.SIGKILL)
            until_not_ready(client, WITHIN_S)
            with subprocess.Popen([CHISO, "keys", "list"], env=settings, stderr=subprocess.PIPE, text=True) as command:
                assert command.stderr is not None
                notes = [command.stderr.readline().rstrip("\n")]
                began = time.monotonic()
                notes += command.stderr.read().splitlines()
                assert time.monotonic() - began < 30, "from when it waits, however long its start takes"
            assert command.returncode == 1
            state = f"the embedded PostgreSQL of chiso serve (pid {serving.pid}) has ended and is being started again"
            assert notes[0] == f"chiso: waiting: {state}"
            assert notes[1].startswith(f"chiso: {state}: try again in a minute, see {folder}/postgres.log")
            assert len(notes) == 2
            aside.rename(config)
            assert until_taken(client, 3, WITHIN_S) == {503}
            assert client.get("/readyz").status_code == 200

        # Asked to end, it ends its server before itself: whoever looks after it may end what is left without a word.
        serving.ask_to_end()
        serving.wait(30)
        assert serving.code == 0
        assert not postmaster.exists()
        assert (folder / "postgres.log").read_text().splitlines()[-1].endswith("database system is shut down")
    said = serving.log.read_text()
    assert "the embedded PostgreSQL has ended (signal 9), it is started again; see " in said
    assert "the embedded PostgreSQL answers again" in said
    assert "Traceback" not in said
