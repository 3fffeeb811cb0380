"""The wiring: `uvicorn --factory app.main:create_app` serves what the environment describes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from tests.faults.serving import environment, free_port


def test_uvicorn_serves_the_factory_from_the_environment(postgres_database: str, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", str(port)]
    with subprocess.Popen(
        command,
        env=environment(CHISO_DATABASE__DSN=postgres_database, CHISO_DATA_DIR=str(tmp_path)),
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            answer = None
            for _ in range(200):
                try:
                    answer = httpx.get(f"http://127.0.0.1:{port}/readyz")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            assert answer is not None
            assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        finally:
            server.terminate()


def test_without_a_database_the_factory_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHISO_DATABASE__DSN", raising=False)
    with pytest.raises(SystemExit, match=r"CHISO_DATABASE__DSN is not set; .chiso serve. starts"):
        create_app()
