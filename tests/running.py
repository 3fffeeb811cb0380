"""A running service for the tests: the real application on a real database, asked by HTTP, with a clock in hand."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.api.http.service import Service
from app.domain.lives import life
from app.main import create_app, create_service
from app.settings import AuthSettings, DatabaseSettings, Settings
from app.store import keys
from app.store.catalogues import roots
from app.store.write.refold import Refolder

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Clock:
    """The service's clock: None is the database's own, an aware time stands still."""

    at: datetime | None = None

    def __call__(self) -> int | None:
        return None if self.at is None else (self.at - EPOCH) // timedelta(microseconds=1)


@dataclass
class Running:
    """A service and a client of it. `key` is of all scopes for the root H44."""

    service: Service
    client: httpx.AsyncClient
    clock: Clock
    key: str
    numbers: Iterable[int] = field(default_factory=itertools.count)

    def _headers(self, key: str | None, more: Mapping[str, str] | None = None) -> dict[str, str]:
        key = self.key if key is None else key
        return ({"Authorization": f"Bearer {key}"} if key else {}) | dict(more or {})

    async def get(self, path: str, key: str | None = None, headers: Mapping[str, str] | None = None, **query: Any):
        """A GET; the query as keywords (`from_` for from)."""
        params = {name.rstrip("_"): value for name, value in query.items()}
        return await self.client.get(path, params=params, headers=self._headers(key, headers))

    async def put(self, path: str, rows: Any, key: str | None = None) -> httpx.Response:
        """A PUT of JSON."""
        return await self.client.put(path, json=rows, headers=self._headers(key))

    async def post(
        self, body: bytes, content_type: str = "application/x-ndjson", key: str | None = None, **headers: str
    ) -> httpx.Response:
        """A push of raw bytes."""
        more = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": content_type}
        return await self.client.post("/v1/events", content=body, headers=self._headers(key, more))

    async def push(self, events: Iterable[Mapping], key: str | None = None) -> dict:
        """A batch that is expected to be answered with outcomes."""
        answer = await self.post(json.dumps(list(events)).encode(), "application/cloudevents-batch+json", key)
        assert answer.status_code == 200, answer.text
        told: dict = answer.json()
        return told

    def event(self, type_: str, subject: str = "H44.07-260105-0001", unit: str = "H44.07", **more: Any) -> dict:
        """An event with a fresh id; keywords are `time` or fields of its data."""
        time = more.pop("time", "2026-01-05T08:00:00+07:00")
        envelope = {name: more.pop(name) for name in ("id", "source", "sequence") if name in more}
        return {
            "specversion": "1.0",
            "id": f"e{next(self.numbers)}",  # type: ignore[call-overload]
            "source": "/h44/thu",
            "type": type_,
            "subject": subject,
            "unit": unit,
            "time": time,
            "data": more,
        } | envelope

    async def make_key(self, unit: str, *scopes: str) -> str:
        """A key of a unit."""
        async with self.service.database.connection("write") as connection:
            root_id = await roots.ensure(connection, unit.partition(".")[0])
            return await keys.create(connection, self.service.pepper, root_id, unit, scopes)

    async def catalogue(self, units: list[dict] | None = None, procedures: list[dict] | None = None) -> None:
        """Load units and procedures; small ones without any given."""
        for path, rows in (("units", units or UNITS), ("procedures", procedures or PROCEDURES)):
            answer = await self.put(f"/v1/{path}", rows)
            assert answer.status_code == 200, answer.text
            assert answer.json()["errors"] == []


UNITS: list[dict[str, Any]] = [
    {"code": "H44", "name": "UBND tỉnh Phú Thọ", "level": "province"},
    {"code": "H44.07", "name": "Sở Công Thương", "level": "department"},
    {"code": "H44.13", "name": "Sở Tài chính", "level": "department"},
    {"code": "H44.130", "name": "UBND xã Tu Vũ", "level": "commune", "aliases": ["000.00.30.H44"]},
]
PROCEDURES: list[dict[str, Any]] = [
    {"code": "1.004555", "name": "Cấp giấy phép", "fee": True, "levels": ["department"], "applicants": ["citizen"]},
    {"code": "1.000001", "name": "Chứng thực", "service_level": "full", "levels": ["commune"]},
]


def settings_for(dsn: str, folder: Path, **more: Any) -> Settings:
    """Settings of a service under test."""
    return Settings(
        data_dir=folder,
        database=DatabaseSettings(dsn=dsn, write_connections=4, read_connections=4),
        auth=AuthSettings(pepper="a pepper for tests, as long as it is to be"),
        **more,
    )


@contextlib.asynccontextmanager
async def serving(settings: Settings, dsn: str) -> AsyncIterator[Running]:
    """A service in this process, and a key of all scopes for H44."""
    clock = Clock()
    service = create_service(settings, dsn, clock)
    app = create_app(service)
    transport = httpx.ASGITransport(app, client=("203.0.113.9", 40000))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://chiso.test") as client,
    ):
        made = Running(service, client, clock, "")
        made.key = await made.make_key("H44", "ingest", "read", "admin")
        yield made


@pytest_asyncio.fixture
async def running(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    """A service on a fresh database, on each engine in turn."""
    async with serving(settings_for(database, tmp_path), database) as made:
        yield made


@pytest.fixture
def now() -> datetime:
    """The instant most tests stand at."""
    return datetime(2026, 11, 23, 1, 0, 0, 123456, UTC)


@contextlib.contextmanager
def newer_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From here on as in a version with other rules of folding; until the block is left no life is folded again."""

    async def waits(*_: object) -> bool:
        return False

    monkeypatch.setattr(life, "RULES", life.RULES + 1)
    with monkeypatch.context() as held:
        held.setattr(Refolder, "step", waits)
        yield
