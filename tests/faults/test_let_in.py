"""A server with a password that is wrong or changes, and one whose synchronous standby is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from app.store.embedded.home import settle
from app.store.embedded.server import Embedded, start
from tests.faults.serving import CREATE, Serving, chiso, environment

PEPPER = "thirty-two letters for the tests"
WITHIN_S = 40


def event(number: int) -> dict[str, object]:
    return {
        "specversion": "1.0", "id": f"e{number}", "source": "/h44/thu", "type": "dossier.received", "unit": "H44.07",
        "subject": f"H44.07-260105-{number:06}", "time": "2026-01-05T08:12:00+07:00",
        "data": {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"},
    }  # fmt: skip


def push(client: httpx.Client, number: int) -> httpx.Response:
    return client.post("/v1/events", json=event(number), headers={"content-type": "application/cloudevents+json"})


def until(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + WITHIN_S
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.1)


@pytest.fixture
def server(reachable_dir: Path, request: pytest.FixtureRequest) -> Iterator[Embedded]:
    with start(reachable_dir / request.node.name[:20], settings={"fsync": "off"}) as server:
        yield server


def test_a_wrong_password_is_told_in_a_line_and_one_that_changes_is_recovered_from(
    server: Embedded, tmp_path: Path
) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as owner:
        owner.execute("CREATE ROLE clerk LOGIN SUPERUSER PASSWORD 'right'")
        hba = settle(server.data_dir).cluster / "pg_hba.conf"
        hba.write_text(f"local all clerk scram-sha-256\n{hba.read_text()}")
        owner.execute("SELECT pg_reload_conf()")
        dsn = server.dsn.replace("chiso@/", "clerk:right@/")
        settings = environment(
            CHISO_DATABASE__DSN=dsn, CHISO_DATA_DIR=str(tmp_path), CHISO_AUTH__PEPPER=PEPPER, CHISO_LOG__LEVEL="WARNING"
        )
        wrong = settings | {"CHISO_DATABASE__DSN": dsn.replace(":right@", ":wrong-secret@")}
        for command in (("serve", "--port", "1024"), ("migrate",), ("keys", "list"), ("verify",)):
            ended = chiso(wrong, *command)
            assert ended.returncode == 1
            [said] = ended.stderr.splitlines()
            assert said == (
                'chiso: the database: it refuses the password (password authentication failed for user "clerk",'
                " SQLSTATE 28P01): check user and password in CHISO_DATABASE__DSN"
            )
        assert chiso(settings, "migrate").returncode == 0
        with Serving(settings, tmp_path / "log") as serving:
            key = chiso(settings, *CREATE).stdout.strip()
            with serving.client(key) as client:
                client.put("/v1/units", json=[{"code": "H44.07", "name": "A"}])
                assert push(client, 1).json()["accepted"] == 1
                owner.execute("ALTER ROLE clerk PASSWORD 'another'")
                owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'clerk'")
                refused = push(client, 2)
                assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
                assert int(refused.headers["retry-after"]) > 0
                assert "it refuses the password (SQLSTATE 28P01)" in client.get("/readyz").json()["detail"]
                owner.execute("ALTER ROLE clerk PASSWORD 'right'")
                until(lambda: push(client, 2).status_code == 200)
                assert client.get("/readyz").status_code == 200
        said = (tmp_path / "log").read_text()
        assert "it refuses the password (SQLSTATE 28P01)" in said
        assert "Traceback" not in said
        assert "right" not in said


def test_a_synchronous_standby_that_is_gone_lets_a_push_wait_no_longer_than_it_may(
    server: Embedded, tmp_path: Path
) -> None:
    settings = environment(
        CHISO_DATABASE__DSN=server.dsn,
        CHISO_DATA_DIR=str(tmp_path),
        CHISO_AUTH__PEPPER=PEPPER,
        CHISO_DATABASE__WRITE_SECONDS="3",
    )
    assert chiso(settings, "migrate").returncode == 0
    with Serving(settings, tmp_path / "log") as serving, psycopg.connect(server.dsn, autocommit=True) as owner:
        with serving.client(chiso(settings, *CREATE).stdout.strip()) as client:
            client.put("/v1/units", json=[{"code": "H44.07", "name": "A"}])
            assert push(client, 1).json()["accepted"] == 1
            owner.execute("SET synchronous_commit = 'local'")
            owner.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
            owner.execute("SELECT pg_reload_conf()")
            time.sleep(0.5)
            began = time.monotonic()
            waited = push(client, 2)
            assert (waited.status_code, waited.json()["code"]) == (503, "database_unavailable")
            assert 2 < time.monotonic() - began < 10
            assert client.get("/v1/scorecard", params={"unit": "H44.07", "period": "2026"}).status_code == 200
            assert push(client, 2).status_code == 503, "no duplicate of what no standby has"
            owner.execute("ALTER SYSTEM RESET synchronous_standby_names")
            owner.execute("SELECT pg_reload_conf()")
            until(lambda: push(client, 2).status_code == 200)
            assert push(client, 2).json()["duplicates"] == 1
            assert push(client, 3).json()["accepted"] == 1
            card = client.get("/v1/scorecard", params={"unit": "H44.07", "period": "2026"}).json()
            assert card["balance"]["received"] == 3
        verified = chiso(settings, "verify", "--deep")
        assert verified.returncode == 0, verified.stdout
