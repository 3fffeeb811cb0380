"""The stock client of Java against the service as it is served."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from app.main import create_app
from app.server.crowd import Crowd
from app.server.http import Server, claim, configured
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def test_what_java_pushes_is_there(running: Running) -> None:
    claimed = claim("127.0.0.1", 0)
    app = create_app(running.service)
    # The application's own life is the fixture's.
    config = configured(app, Crowd(running.service.settings.http, running.service.metrics))
    config.lifespan = "off"
    server = Server(config, running.service.watcher.close)
    serving = asyncio.create_task(server._serve([claimed]))
    address = f"http://127.0.0.1:{claimed.getsockname()[1]}"
    java = await asyncio.create_subprocess_exec(
        *("java", str(Path(__file__).with_name("Push.java")), address, running.key),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, wrong = await asyncio.wait_for(java.communicate(), 120)
    server.should_exit = True
    await serving
    assert java.returncode == 0, wrong.decode()
    answers = [line.split(" ", 2) for line in said.decode().splitlines()]
    assert [(version, status) for version, status, _ in answers] == [("HTTP_1_1", "200")] * 10
    told = [json.loads(body) for _, _, body in answers]
    assert [each["accepted"] for each in told] == [1, 1, 2, 1_000, 1] * 2
    assert [each["rejected"] for each in told] == [0] * 10
    [procedure] = [row for row in (await running.get("/v1/procedures")).json() if row["code"] == "1.000009"]
    assert procedure["name"] == "pieces"
    card = (await running.get("/v1/scorecard", unit="H44.07", period="2026")).json()
    assert card["balance"]["received"] == 2 * 1_004
    # In binary mode the data is the body: without it the dossier had no procedure.
    for mark in ("whole4", "pieces4"):
        life = (await running.get(f"/v1/dossiers/H44.07-260105-{mark}")).json()
        assert "1.004555" in json.dumps(life)
