"""Whatever the server says instead of doing it: an outcome or a 503, nothing kept, nothing told of the data."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psycopg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from app.logs import Repeated
from app.store.connections.unavailable import Busy, DatabaseUnavailable, Refused, unavailable
from tests.running import Running, serving, settings_for

STATES = [
    *("01000", "02000", "08006", "0A000", "0Z002", "22001", "22012", "22P02", "23502", "23503", "23505", "23514"),
    *("25006", "25P02", "26000", "28000", "28P01", "2BP01", "34000", "38000", "39000", "3D000", "3F000", "40001"),
    *("40P01", "42501", "42601", "42703", "42P01", "42P07", "53000", "53100", "53200", "53300", "54000", "55000"),
    *("55006", "55P03", "57000", "57014", "57P01", "57P03", "58000", "58030", "72000", "F0000", "HV000", "P0001"),
    *("P0002", "XX000", "XX001", "XX002", "99999"),
]
"""One at least of every class that PostgreSQL has, and one that it has not."""

SECRET = "079123456789"


_REFUSE = """
    CREATE OR REPLACE FUNCTION refuse() RETURNS {kind} LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''no'' USING ERRCODE = ''{state}'', DETAIL = ''{secret}''; END'
"""


@pytest_asyncio.fixture
async def running(postgres_database: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as found:
        await found.catalogue()
        yield found


async def test_whatever_the_server_says_to_a_push_is_told_as_503_and_nothing_is_kept(
    running: Running, postgres_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as other, capture_logs() as logs:
        for state in STATES:
            event = running.event("dossier.received", f"H44.07-{state}", procedure="1.004555", channel="online")
            await asyncio.to_thread(other.execute, _REFUSE.format(kind="trigger", state=state, secret=SECRET))
            await asyncio.to_thread(
                other.execute, "CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
            answer = await running.post(json.dumps(event).encode(), "application/cloudevents+json")
            assert answer.status_code == 503, (state, answer.text)
            assert answer.json()["code"] in ("database_unavailable", "overloaded"), state
            assert int(answer.headers["retry-after"]) > 0
            assert SECRET not in answer.text
            await asyncio.to_thread(other.execute, "DROP TRIGGER refuse ON event")
            assert await running.push([event]) == {"accepted": 1, "duplicates": 0, "rejected": 0, "errors": []}, state
    assert (await running.get("/v1/scorecard", unit="H44.07", period="2026")).json()["balance"]["received"] == len(
        STATES
    )
    assert SECRET not in str(logs) + caplog.text


async def test_whatever_the_server_says_to_a_question_is_told_as_503(running: Running, postgres_database: str) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as other:
        await asyncio.to_thread(other.execute, "ALTER TABLE root RENAME TO root_")
        for state in STATES:
            await asyncio.to_thread(other.execute, _REFUSE.format(kind="integer", state=state, secret=SECRET))
            await asyncio.to_thread(
                other.execute,
                "CREATE OR REPLACE VIEW root AS SELECT id, code, revision, refuse() AS generation, rules FROM root_",
            )
            answer = await running.get("/v1/scorecard", unit="H44.07", period="2026")
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable"), (state, answer.text)
            assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("state", "kind", "cause"),
    [
        ("40P01", Busy, "other transactions were in the way"),
        ("55P03", Busy, "what is needed is locked by others"),
        ("23505", Refused, "it refused a statement"),
        ("42601", Refused, "it refused a statement"),
        ("42501", DatabaseUnavailable, "its user lacks a right"),
        ("53300", DatabaseUnavailable, "it has too many clients"),
        ("53100", DatabaseUnavailable, "its disk is full"),
        ("28P01", DatabaseUnavailable, "it refuses the password"),
        ("25006", DatabaseUnavailable, "it is read-only: a standby, or a primary or a role that was told to be"),
        ("57014", DatabaseUnavailable, "it cancelled a statement: a timeout, or an operator"),
    ],
)
def test_a_cause_is_told_in_words_and_by_its_code(state: str, kind: type, cause: str) -> None:
    error = asyncpg.PostgresError.new({"C": state, "M": "no"})
    found = unavailable(error)
    assert (type(found), found.cause.en, found.sqlstate) == (kind, cause, state)
    assert str(found) == f"{cause} (SQLSTATE {state})"


def test_each_cause_is_logged_and_what_repeats_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    repeated = Repeated(lambda error: None)
    for state in ("57P03", "08003", "57P03", "25006", "08003"):
        unavailable(asyncpg.PostgresError.new({"C": state, "M": "no", "D": SECRET}))
    unavailable(ConnectionRefusedError())
    unavailable(TimeoutError())
    told = [record.getMessage() for record in caplog.records if repeated.filter(record)]
    assert told == [
        "the database: it is starting or stopping (SQLSTATE 57P03) (CannotConnectNowError)",
        "the database: the connection was lost (SQLSTATE 08003) (ConnectionDoesNotExistError)",
        "the database: it is read-only: a standby, or a primary or a role that was told to be (SQLSTATE 25006)"
        " (ReadOnlySQLTransactionError)",
        "the database: nothing listens at its address (ConnectionRefusedError)",
        "the database: it does not answer in time (TimeoutError)",
    ]
