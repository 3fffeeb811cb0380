"""A push that fails at any statement of its transaction leaves nothing behind, and succeeds when it is sent again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from asyncpg.pool import PoolConnectionProxy
from structlog.testing import capture_logs

from app.api.http.service import Service
from app.domain.push import Outcome
from app.main import create_service
from app.store.proof.verify import verify
from tests.concurrency.writer import parsed
from tests.oracle.histories import NOW
from tests.running import Running, settings_for
from tests.store.histories import CLOCK

STATEMENTS = ("execute", "executemany", "fetch", "fetchrow", "fetchval", "copy_records_to_table")
NAMES = ("source", "procedure")
"""Ids of names are given out in transactions of their own: a name without events is no fact."""


class Injected(Exception):
    """What no code expects."""


class Faults:
    """Raises at the n-th statement from now on, before or after it was carried out; n = 0: never. Not after a commit:
    then nothing has failed.

    Statements of this test's own tasks alone: the service of the fixture polls for stale lives beside them.
    """

    def __init__(self) -> None:
        self.count, self.at, self.after = 0, 0, False
        self.error: Callable[[], Exception] = Injected
        self._mine: ContextVar[bool] = ContextVar("mine", default=False)

    def set(self, at: int, after: bool = False, error: Callable[[], Exception] = Injected) -> None:
        self.count, self.at, self.after, self.error = 0, at, after, error
        self._mine.set(True)

    def wrap(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def statement(connection: Any, *arguments: Any, **options: Any) -> Any:
            if not self._mine.get():
                return await method(connection, *arguments, **options)
            self.count += 1
            hit = self.count == self.at and not (self.after and arguments[:1] == ("COMMIT",))
            if hit and not self.after:
                raise self.error()
            done = await method(connection, *arguments, **options)
            if hit:
                raise self.error()
            return done

        return statement


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    made = Faults()
    for name in STATEMENTS:
        monkeypatch.setattr(PoolConnectionProxy, name, made.wrap(getattr(PoolConnectionProxy, name)))
    return made


@pytest_asyncio.fixture
async def service(running: Running, database: str, tmp_path: Path) -> AsyncIterator[Service]:
    """A service without background work, so that the statements of a push are counted alone."""
    running.clock.at = NOW
    await running.catalogue()
    made = create_service(settings_for(database, tmp_path), database, lambda: CLOCK)
    yield made
    await made.database.close()


def events(running: Running) -> list[dict]:
    """Every kind of life, new ones and ones that are there, one event twice, and one too many for its life."""
    again = running.event("dossier.synced", "old dossier")
    return [
        running.event("dossier.received", "new dossier", procedure="1.004555", channel="online"),
        running.event("dossier.completed", "old dossier", time="2026-01-09T08:00:00+07:00", electronic_result=True),
        again,
        again,
        running.event("dossier.digitised", "full dossier", components=1),
        running.event("dossier.transferred", "old dossier", to="H44.13"),
        running.event("petition.received", "new petition", about="staff"),
        running.event("petition.answered", "old petition", time="2026-01-09T08:00:00+07:00"),
        running.event("document.sent", "new document", electronic=True),
        running.event("document.sent", "old document", electronic=False),
        running.event("procedure.published", "1.004555", "H44", decided_on="2026-01-05", published_on="2026-01-06",
                      complete=True),
    ]  # fmt: skip


def events_before(running: Running) -> list[dict]:
    """What is in the database when the faults begin."""
    return [
        running.event("dossier.received", "old dossier", procedure="1.000001", channel="counter"),
        running.event("petition.received", "old petition", about="other"),
        running.event("document.sent", "old document", electronic=True),
        running.event("procedure.announced", "1.004555", "H44", decided_on="2026-01-05", effective_on="2026-02-02"),
        *(running.event("dossier.digitised", "full dossier", components=1) for _ in range(1000)),
    ]


async def contents(running: Running) -> dict[str, str]:
    """A digest of every table."""
    async with running.service.database.connection("read") as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            row[0]: await connection.fetchval(
                f"SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {row[0]} AS t"
            )
            for row in tables
            if row[0] not in NAMES
        }


async def the_root(running: Running) -> int:
    async with running.service.database.connection("read") as connection:
        return int(await connection.fetchval("SELECT id FROM root WHERE code = 'H44'"))


def told(outcome: Outcome) -> tuple[int, int, list[str]]:
    return outcome.accepted, outcome.duplicates, [error.code for error in outcome.errors]


async def test_a_fault_at_any_statement_leaves_nothing_behind(
    running: Running, service: Service, faults: Faults
) -> None:
    root_id = await the_root(running)
    assert (await service.intake.push(root_id, "H44", parsed(events_before(running)))).accepted == 1004
    before, batch = await contents(running), parsed(events(running))
    statements = 0
    while True:
        statements += 1
        for after in (False, True):
            faults.set(statements, after)
            with contextlib.suppress(Injected):
                outcome = await service.intake.push(root_id, "H44", batch)
                break
            faults.set(0)
            assert await contents(running) == before, statements
        else:
            continue
        break
    # The last round met no fault: what is taken is the whole of it, as if nothing had happened.
    assert statements > 15
    faults.set(0)
    assert told(outcome) == (9, 1, ["life_too_long"])
    assert await contents(running) != before
    report = await verify(service.database, root_id, deep=True, now=CLOCK)
    assert report.clean, report


@pytest.mark.parametrize(
    "error", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError]
)
async def test_what_postgresql_asks_to_try_again_is_tried_again(
    running: Running, service: Service, faults: Faults, error: type[Exception]
) -> None:
    root_id = await the_root(running)
    await service.intake.push(root_id, "H44", parsed(events_before(running)))
    for number in range(3, 12, 2):
        before = await contents(running)
        faults.set(number, error=lambda: error("injected"))
        outcome = await service.intake.push(root_id, "H44", parsed(events(running)))
        assert faults.count > number
        faults.set(0)
        assert told(outcome) == (9, 1, ["life_too_long"])
        assert await contents(running) != before
    report = await verify(service.database, root_id, deep=True, now=CLOCK)
    assert report.clean, report


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Injected, 500, "internal"),
        (ConnectionResetError, 503, "database_unavailable"),
        (lambda: asyncpg.AdminShutdownError("injected"), 503, "database_unavailable"),
        (lambda: asyncpg.DiskFullError("injected"), 503, "database_unavailable"),
    ],
)
async def test_a_fault_is_a_problem_that_acknowledges_nothing(
    running: Running, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception], status: int, code: str
) -> None:
    running.clock.at = NOW
    await running.catalogue()
    event = running.event("dossier.received", procedure="1.004555", channel="online")

    whole = PoolConnectionProxy.execute

    async def execute(connection: Any, statement: str, *arguments: Any) -> Any:
        if statement.startswith("INSERT INTO event"):
            raise error()
        return await whole(connection, statement, *arguments)

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(PoolConnectionProxy, "execute", execute)
        answer = await running.post(json.dumps(event).encode(), "application/cloudevents+json")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert "injected" not in answer.text
    assert [each["event"] for each in logs] == ["failed", "request"][status != 500 :]
    assert {each["request_id"] for each in logs} == {problem["instance"]}
    assert (answer.headers.get("retry-after") is not None) == (status == 503)
    assert await running.push([event]) == {"accepted": 1, "duplicates": 0, "rejected": 0, "errors": []}


async def test_a_commit_that_fails_leaves_nothing_behind(running: Running) -> None:
    running.clock.at = NOW
    await running.catalogue()
    event = running.event("dossier.received", procedure="1.004555", channel="online")
    before = await contents(running)
    async with running.service.database.connection("write") as connection:
        await connection.execute(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN RAISE EXCEPTION ''injected'' USING ERRCODE = ''40001''; END';
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON receipt DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION refuse();
            """
        )
    answer = await running.post(json.dumps(event).encode(), "application/cloudevents+json")
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert int(answer.headers["retry-after"]) > 0
    assert await contents(running) == before
    async with running.service.database.connection("write") as connection:
        await connection.execute("DROP TRIGGER refuse ON receipt")
    assert await running.push([event]) == {"accepted": 1, "duplicates": 0, "rejected": 0, "errors": []}
