"""Schemathesis against a running server: whatever is sent, no 5xx and no status, media type, header or shape that the
description does not tell. The number of requests is bounded, and they are the same in every run.
"""

from __future__ import annotations

import asyncio
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from schemathesis import Case, HookContext
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from app.api.http.openapi.events import EXAMPLES
from app.main import create_app, create_service
from app.server.http import claim
from app.store import keys
from app.store.catalogues import roots
from tests.conftest import _copy
from tests.running import settings_for

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
    "negative_data_rejection",
)
RANDOM_REQUESTS = 12
"""Per operation, beside those made from examples and from the limits of every parameter."""


@schemathesis.serializer("application/x-ndjson", "text/csv")
def as_text(context: Any, value: Any) -> bytes:
    """Media types that are plain text here."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def served_alone(
    postgres_dsn: str, stocked_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The address of a server of its own on a stocked database, and a key of all scopes."""
    for dsn in _copy(postgres_dsn, stocked_template):
        folder = tmp_path_factory.mktemp("schemathesis")
        key = asyncio.run(_key(dsn, folder))
        claimed = claim("127.0.0.1", 0)
        app = create_app(create_service(settings_for(dsn, folder), dsn))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [claimed]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{claimed.getsockname()[1]}", key
        finally:
            server.should_exit = True
            thread.join()
            claimed.close()


async def _key(dsn: str, folder: Path) -> str:
    service = create_service(settings_for(dsn, folder), dsn)
    async with service.database.connection("write") as connection:
        root_id = await roots.ensure(connection, "H44")
        key = await keys.create(connection, service.pepper, root_id, "H44", ("ingest", "read", "admin"))
    await service.database.close()
    return key


def configuration(key: str) -> SchemathesisConfig:
    """The same requests in every run: what earlier answers said feeds none of them."""
    alone = {"extra-data-sources": {"responses": False}}
    return SchemathesisConfig.from_dict(
        {
            "seed": 766,
            "headers": {"Authorization": f"Bearer {key}"},
            "continue-on-failure": True,
            "generation": {
                "deterministic": True,
                "database": "none",
                "max-examples": RANDOM_REQUESTS,
                "no-shrink": True,
            },
            "checks": {"enabled": False} | {name: {"enabled": True} for name in CHECKS},
            # A batch is answered with an outcome for each row, so a bad row alone is no bad request.
            "operations": [
                {"include-method": ["POST", "PUT"], "checks": {"negative_data_rejection": {"enabled": False}}}
            ],
            "phases": {
                "examples": alone,
                "coverage": alone | {"generate-duplicate-query-parameters": True},
                "fuzzing": alone | {"error-feedback": {"enabled": False}},
                "stateful": {"enabled": False},
            },
        }
    )


KEPT = {"POST": 40, "PUT": 4}
"""One in so many of those that go to the limits of a body."""

UNTOUCHED = 7
"""One in so many is sent as it was made. (Prime to the others: it is the same number that is divided.)"""


def one_in(share: int, case: Case) -> bool:
    """The same answer for the same request, whenever it is asked."""
    headers = {name: value for name, value in case.headers.items() if name != "Authorization"}
    content = repr((case.path_parameters, case.query, headers, case.media_type, case.body))
    return zlib.crc32(content.encode("utf-8", "surrogatepass")) % share == 0


@schemathesis.hook
def filter_case(context: HookContext, case: Case) -> bool:
    """A share of those that go to the limits of a body: of each attribute of 33 types of events they are too many."""
    method = case.operation.method.upper()
    return case.meta is None or case.meta.phase.name != "coverage" or method not in KEPT or one_in(KEPT[method], case)


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """What a schema cannot say: a period is given in one way, a unit is there, a compressed body is compressed. Nearly
    all would be refused for these reasons alone.
    """
    if one_in(UNTOUCHED, case):
        return
    query = case.query
    for name, others in (("period", ("from", "to")), ("indicator", ("group",))):
        for other in others if name in query else ():
            query.pop(other, None)
    query.pop("cursor", None)
    if "unit" in query:
        query["unit"] = "H44"
    case.headers.pop("Content-Encoding", None)


def test_nothing_is_answered_that_is_not_described(served_alone: tuple[str, str]) -> None:
    address, key = served_alone
    pushed = httpx.post(
        f"{address}/v1/events", json=list(EXAMPLES.values()), headers={"Authorization": f"Bearer {key}"}
    )
    assert pushed.json()["rejected"] == 0, pushed.text
    whole = schemathesis.openapi.from_url(f"{address}/openapi.json", config=configuration(key))
    # Its answers do not end; test_stream.py asks it.
    schema = whole.exclude(path="/v1/stream")
    answered: Counter[int] = Counter()
    asked: set[str] = set()
    found: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError | FatalError):
            found.append(f"{event}")
        if not isinstance(event, ScenarioFinished):
            continue
        asked.add(event.recorder.label)
        for interaction in event.recorder.interactions.values():
            if interaction.response is not None:
                answered[interaction.response.status_code] += 1
        for case_id, checks in event.recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    case = event.recorder.cases[case_id].value
                    found.append(f"{case.as_curl_command()}\n{check.name}: {check.failure_info.failure}")
    assert found == []
    assert len(asked) == sum(len(methods) for methods in schema.raw_schema["paths"].values()) - 1
    assert answered[200] > 800
    assert {400, 401, 403, 404, 409, 415, 422} <= set(answered)
