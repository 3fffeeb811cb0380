"""The API's tests ask a running service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app.main import create_app, create_service
from tests.conftest import _copy, at
from tests.running import Clock, Running, now, running, settings_for

__all__ = ["now", "running", "served", "stocked_database", "stocked_template"]


@pytest.fixture(scope="session")
def stocked_template(
    postgres_dsn: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The name of a database that has the small catalogue, to copy from."""
    for dsn in _copy(postgres_dsn, postgres_template):
        asyncio.run(_stock(dsn, tmp_path_factory.mktemp("stock")))
        name = dsn.partition("?")[0].rpartition("/")[2]
        assert at(postgres_dsn, name) == dsn
        yield name


async def _stock(dsn: str, folder: Path) -> None:
    service = create_service(settings_for(dsn, folder), dsn)
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://chiso.test") as client:
        made = Running(service, client, Clock(), "")
        made.key = await made.make_key("H44", "admin")
        await made.catalogue()
    await service.database.close()


@pytest.fixture
def stocked_database(postgres_dsn: str, stocked_template: str) -> Iterator[str]:
    """The DSN of a fresh database with the small catalogue, on the embedded PostgreSQL: for what depends on no engine.

    A module whose `database` is this one loads no catalogue of its own.
    """
    yield from _copy(postgres_dsn, stocked_template)


@pytest_asyncio.fixture
async def served(running: Running, now: datetime) -> Running:
    """A service on a stocked database, whose clock stands at `now`."""
    running.clock.at = now
    return running
