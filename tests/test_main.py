"""The wiring: `uvicorn --factory app.main:create_app` serves what the environment describes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from tests.faults.serving import environment, free_port


@contextmanager
def served(arguments: Sequence[str], **settings: str) -> Iterator[str]:
    """The address of `uvicorn --factory app.main:create_app`, ready."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", str(port)]
    command += ["--http", "app.server.protocol:Http", *arguments]
    with subprocess.Popen(command, env=environment(**settings), stderr=subprocess.DEVNULL) as server:
        try:
            ends = time.monotonic() + 60
            while True:
                try:
                    assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
                    break
                except httpx.TransportError:
                    assert time.monotonic() < ends
                    time.sleep(0.1)
            yield url
        finally:
            server.terminate()


def test_uvicorn_serves_the_factory_from_the_environment(postgres_database: str, tmp_path: Path) -> None:
    with served([], CHISO_DATABASE__DSN=postgres_database, CHISO_DATA_DIR=str(tmp_path)) as url:
        assert httpx.get(f"{url}/livez").status_code == 200


def test_any_of_several_workers_of_uvicorn_tells_the_metrics_of_all(postgres_database: str, tmp_path: Path) -> None:
    shared = tmp_path / "metrics"
    shared.mkdir()
    settings = {"CHISO_DATABASE__DSN": postgres_database, "CHISO_DATA_DIR": str(tmp_path)}
    with served(["--workers", "2"], PROMETHEUS_MULTIPROC_DIR=str(shared), **settings) as url:
        # A connection for each, so that both workers have some.
        for _ in range(20):
            assert httpx.get(f"{url}/v1/units").status_code == 401
        told = {httpx.get(f"{url}/metrics").text for _ in range(6)}
        counted = {
            line for text in told for line in text.splitlines() if "request_seconds_count" in line and "units" in line
        }
        assert counted == {'chiso_request_seconds_count{method="GET",route="/v1/units",status="4xx"} 20.0'}
        assert len({file.stem.rpartition("_")[2] for file in shared.glob("counter_*.db")}) == 2


def test_without_a_database_the_factory_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHISO_DATABASE__DSN", raising=False)
    with pytest.raises(SystemExit, match=r"CHISO_DATABASE__DSN is not set; .chiso serve. starts"):
        create_app()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"CHISO_DATABASE__DNS": "x"}, "CHISO_DATABASE__DNS is not a setting: did you mean CHISO_DATABASE__DSN"),
        (
            {"CHISO_DATABASE__DSN": "mysql://db/chiso"},
            "CHISO_DATABASE__DSN: it begins with postgresql://, not mysql://",
        ),
        ({}, "the database is at revision none, 0001 is needed: run `chiso migrate`"),
    ],
)
def test_what_is_wrong_at_the_start_of_the_factory_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, empty_database: str, tmp_path: Path, settings: dict[str, str], says: str
) -> None:
    usual = {"CHISO_DATABASE__DSN": empty_database, "CHISO_DATA_DIR": str(tmp_path)}
    for name, value in (usual | settings).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as told:
        create_app()
    assert str(told.value).startswith(says)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_several_workers_of_uvicorn_end_when_asked(
    postgres_database: str, tmp_path: Path, asked: signal.Signals
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", str(port)]
    command += ["--http", "app.server.protocol:Http", "--workers", "2"]
    settings = environment(CHISO_DATABASE__DSN=postgres_database, CHISO_DATA_DIR=str(tmp_path))
    with subprocess.Popen(command, env=settings, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        ends = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < ends
                time.sleep(0.1)
        server.send_signal(asked)
        assert server.wait(30) in (0, -asked)
        assert server.stderr is not None
        said = server.stderr.read()
    assert "Fatal Python error" not in said
    assert "Traceback" not in said
