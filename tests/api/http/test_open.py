"""What is open without a key, and what closes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app, create_service
from app.settings import DocsSettings, MetricsSettings
from tests.running import settings_for


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


@asynccontextmanager
async def serving(dsn: str, folder: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with these settings."""
    service = create_service(settings_for(dsn, folder, **settings), dsn)
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://chiso.test") as client:
        yield client
    await service.database.close()


async def test_metrics_are_closed_by_a_key_of_their_own(database: str, tmp_path: Path) -> None:
    async with serving(database, tmp_path, metrics=MetricsSettings(key="a key of Prometheus ă")) as client:
        for header in ("", "Bearer", "Bearer another", "Basic a key of Prometheus ă"):
            answer = await client.get("/metrics", headers=[(b"authorization", header.encode())] if header else None)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        for header in ("Bearer a key of Prometheus ă", "bearer  a key of Prometheus ă"):
            assert (await client.get("/metrics", headers=[(b"authorization", header.encode())])).status_code == 200
        assert (await client.get("/livez")).status_code == 200
    async with serving(database, tmp_path) as client:
        assert (await client.get("/metrics")).status_code == 200


async def test_the_description_is_closed_by_a_setting(database: str, tmp_path: Path) -> None:
    async with serving(database, tmp_path, docs=DocsSettings(open=False)) as client:
        for path in ("/docs", "/openapi.json", "/docs/assets/swagger-ui.css"):
            assert (await client.get(path)).status_code == 404
    async with serving(database, tmp_path) as client:
        assert [(await client.get(path)).status_code for path in ("/docs", "/openapi.json")] == [200, 200]
        assert (await client.get("/openapi.json")).json()["info"]["license"] == {
            "name": "Apache License 2.0",
            "identifier": "Apache-2.0",
        }
