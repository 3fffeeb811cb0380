"""What /metrics tells of arrival, silence, rejections and re-folding: exact, bounded, and never missing as a page."""

from __future__ import annotations

import asyncio
import math
import platform
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import ValidationError

from app.api.http import metrics
from app.api.kinds import KINDS
from app.domain.lives.events import BY_TYPE
from app.domain.push import EVENT_CODES
from app.main import create_app, create_service
from app.settings import MetricsSettings, Settings
from app.store.connections.database import Database
from tests.api.asking import reception
from tests.api.http.test_probes import samples
from tests.faults.serving import free_port
from tests.running import Running, settings_for

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "operations.md"


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def told(client: httpx.AsyncClient) -> dict[str, float]:
    """The samples by name, with the label that tells them apart where there is one."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    found = {}
    for (name, labels), value in samples(answer.text).items():
        inner = ",".join(each for _, each in sorted(labels))
        found[f"{name}{{{inner}}}" if inner else name] = value
    return found


@asynccontextmanager
async def still(dsn: str, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that does nothing in the background."""
    service = create_service(settings_for(dsn, folder), dsn)
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://chiso.test") as client:
        yield client
    await service.database.close()


async def test_lag_is_counted_from_the_events_time_and_never_negative(served: Running, now: datetime) -> None:
    # Half a second, a minute, eleven hours, a hundred days; and eight minutes ahead of the clock.
    for nth, ago in enumerate((0.5, 60, 39_600, 8_640_000, -480)):
        time = (now - timedelta(seconds=ago)).isoformat()
        await served.push([reception(served, f"H44.07-{nth}", time=time, due_at=None)])
    found = await told(served.client)
    counts = {each: found[f"chiso_event_lag_seconds_bucket{{{each}}}"] for each in ("1.0", "10.0", "60.0", "3600.0")}
    assert counts == {"1.0": 2, "10.0": 2, "60.0": 3, "3600.0": 3}
    assert found["chiso_event_lag_seconds_bucket{86400.0}"] == 4
    assert found["chiso_event_lag_seconds_bucket{7.776e+06}"] == 4
    assert found["chiso_event_lag_seconds_bucket{1.5552e+07}"] == 5
    assert found["chiso_event_lag_seconds_sum"] == 0.5 + 60 + 39_600 + 8_640_000


async def test_resends_alone_and_rejected_events_have_no_lag(served: Running) -> None:
    event = reception(served, "one")
    await served.push([event, reception(served, "two", colour="red")])
    await served.push([event])
    found = await told(served.client)
    assert found["chiso_event_lag_seconds_count"] == 1
    assert found["chiso_batch_events_count"] == 2
    assert found["chiso_batch_events_sum"] == 3
    assert [found[f"chiso_batch_events_bucket{{{size}}}"] for size in ("1.0", "2.0", "5.0")] == [1, 2, 2]


async def test_silence_is_told_of_named_sources_and_of_the_rest_together(served: Running, now: datetime) -> None:
    served.service.settings.metrics.sources = ["/h44/igate", "/h44/quiet"]
    await served.push([reception(served, "one", source="/h44/igate"), reception(served, "two", source="/h44/else")])
    served.clock.at = now + timedelta(seconds=90)
    await served.push([reception(served, "three", source="/h44/another")])
    served.clock.at = now + timedelta(seconds=100)
    # What is refused is no sign of life.
    await served.push([reception(served, "four", source="/h44/igate", colour="red")])
    found = await told(served.client)
    silence = {name: value for name, value in found.items() if name.startswith("chiso_source_quiet_seconds")}
    assert set(silence) == {f"chiso_source_quiet_seconds{{{each}}}" for each in ("/h44/igate", "/h44/quiet", "other")}
    assert silence["chiso_source_quiet_seconds{/h44/igate}"] == pytest.approx(100)
    assert silence["chiso_source_quiet_seconds{other}"] == pytest.approx(10)
    # A resend is one.
    event = reception(served, "five", source="/h44/igate")
    await served.push([event])
    served.clock.at += timedelta(seconds=5)
    await served.push([event])
    assert (await told(served.client))["chiso_source_quiet_seconds{/h44/igate}"] == 0


def test_only_fifty_sources_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHISO_METRICS__SOURCES", '["/h44/igate", "/h44/thu"]')
    assert Settings().metrics.sources == ["/h44/igate", "/h44/thu"]
    assert len(MetricsSettings(sources=[f"/{nth}" for nth in range(50)]).sources) == 50
    with pytest.raises(ValidationError):
        MetricsSettings(sources=[f"/{nth}" for nth in range(51)])


async def test_refolding_and_kept_rejections_are_read_when_asked(database: str, tmp_path: Path) -> None:
    async with still(database, tmp_path) as client:
        names = ("chiso_refold_lives_to_do", "chiso_refold_lives_done", "chiso_rejections_kept")
        found = await told(client)
        assert [found[name] for name in (*names, "chiso_refold_oldest_seconds", "chiso_feeds_behind_seconds")] == [
            0
        ] * 5
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("INSERT INTO root (code, rules) VALUES ('H45', 1)")
            connection.execute(
                "INSERT INTO refold (root_id, revision, procedures, calendar, total, done)"
                " SELECT id, 1, '{}', true, CASE code WHEN 'H44' THEN 1000 ELSE 50 END, 50 FROM root"
            )
            connection.execute(
                "INSERT INTO rejection (root_id, unit, received_at, source, place, code)"
                " SELECT id, 'H44', now(), '/h44/thu', 0, 'unknown_field' FROM root, generate_series(1, 3)"
                " WHERE root.code = 'H44'"
            )
            connection.execute("UPDATE refold SET since = now() - INTERVAL '2 hours' FROM root WHERE code = 'H45'")
            connection.execute(
                "INSERT INTO feed_mark (id, seq, read_at) VALUES (1, 2, now() - INTERVAL '3 hours')"
                " ON CONFLICT (id) DO UPDATE SET (seq, read_at) = (excluded.seq, excluded.read_at)"
            )
            connection.execute("SELECT setval('event_seq', 3)")
        found = await told(client)
        assert [found[name] for name in names] == [950, 100, 3]
        assert 7_200 <= found["chiso_refold_oldest_seconds"] < 7_300
        assert 10_800 <= found["chiso_feeds_behind_seconds"] < 10_900
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE feed_mark SET seq = 3")
        assert (await told(client))["chiso_feeds_behind_seconds"] == 0


async def test_what_verify_found_is_told_by_root_and_kind(database: str, tmp_path: Path) -> None:
    def run(*statements: str) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            for each in statements:
                connection.execute(each)

    async def of_proof(client: httpx.AsyncClient) -> dict[str, float]:
        found = await told(client)
        return {name: value for name, value in found.items() if "unproved" in name or "verify" in name}

    # Of three roots one has no event yet, one has events and was never verified.
    run(
        "INSERT INTO root (code, rules) VALUES ('H45', 1), ('H46', 1)",
        "INSERT INTO feed SELECT id, 1, n, to_timestamp(1000000 - n), now(), 1, 0, ''"
        " FROM root, generate_series(1, 2) AS n WHERE code <> 'H45'",
    )
    async with still(database, tmp_path) as client:
        since = "chiso_unproved_since_timestamp_seconds"
        assert await of_proof(client) == {
            f"{since}{{{kind},{root}}}": 999_998 for root in ("H44", "H46") for kind in ("plain", "deep")
        }
        run(
            "INSERT INTO verification SELECT id, deep, to_timestamp(CASE WHEN deep THEN 2000000 ELSE 3000000 END),"
            " CASE WHEN deep THEN 7 ELSE 0 END FROM root, (VALUES (false), (true)) AS kind (deep) WHERE code = 'H44'"
        )
        assert await of_proof(client) == {
            f"{since}{{plain,H44}}": 3_000_000,
            f"{since}{{deep,H44}}": 2_000_000,
            f"{since}{{plain,H46}}": 999_998,
            f"{since}{{deep,H46}}": 999_998,
            "chiso_verify_differences{plain,H44}": 0,
            "chiso_verify_differences{deep,H44}": 7,
        }


async def test_pools_readiness_and_the_version_are_told(served: Running) -> None:
    found = await told(served.client)
    python = platform.python_version()
    version = tomllib.loads((DOCUMENT.parents[1] / "pyproject.toml").read_text())["project"]["version"]
    assert found["chiso_ready"] == found["chiso_database_up"] == 1
    [build] = [each for each in samples((await served.client.get("/metrics")).text) if each[0] == "chiso_build_info"]
    assert dict(build[1]) == {"version": version, "python": python, "schema": "0001"}
    pools = ("write", "read")
    assert [found[f"chiso_pool_connections_max{{{pool}}}"] for pool in pools] == [4, 4]
    assert [found[f"chiso_pool_waiting{{{pool}}}"] for pool in pools] == [0, 0]
    database = served.service.database
    async with AsyncExitStack() as held:
        for _ in range(4):
            await held.enter_async_context(database.connection("write"))
        waiting = [asyncio.create_task(read_only(database)) for _ in range(3)]
        while database.pools()["write"].waiting < 3:
            await asyncio.sleep(0.01)
        found = await told(served.client)
        assert found["chiso_pool_connections_in_use{write}"] == 4
        # The fourth is the scrape itself, which looks whether pushes could be written.
        assert found["chiso_pool_waiting{write}"] == 3
        assert found["chiso_ready"] == 0
    await asyncio.gather(*waiting)
    found = await told(served.client)
    assert (found["chiso_pool_waiting{write}"], found["chiso_ready"]) == (0, 1)


async def read_only(database: Database) -> None:
    async with database.connection("write"):
        pass


async def test_the_databases_size_is_looked_up_beside(served: Running, database: str) -> None:
    while math.isnan(found := (await told(served.client))["chiso_database_bytes"]):
        await asyncio.sleep(0.01)
    with psycopg.connect(database) as connection:
        [size] = connection.execute("SELECT pg_database_size(current_database())").fetchone() or [0]
    assert size > 5_000_000
    assert abs(found - size) < size / 4


async def test_problems_are_counted_by_their_code(served: Running) -> None:
    before = await told(served.client)
    assert before["chiso_problems_total{internal}"] == 0
    await served.get("/v1/scorecard", unit="H44.999", period="2026")
    await served.get("/v1/scorecard", unit="H44", period="2026-13")
    await served.post(b"{", "application/cloudevents+json")
    found = await told(served.client)
    moved = {name: found[name] - value for name, value in before.items() if name.startswith("chiso_problems_total")}
    assert {name: more for name, more in moved.items() if more} == {
        "chiso_problems_total{unknown_unit}": 1,
        "chiso_problems_total{invalid_period}": 1,
        "chiso_problems_total{invalid_json}": 1,
    }


def test_what_a_connection_can_be_refused_for_is_known() -> None:
    rooms = (Path(metrics.__file__).parents[2] / "server").glob("*.py")
    named = {code for each in rooms for code in re.findall(r'Problem\(\s*"([a-z_]+)"', each.read_text())}
    assert named == set(metrics._REFUSED)


async def test_without_a_database_the_page_is_whole_and_what_is_unknown_is_no_number(tmp_path: Path) -> None:
    async with still(f"postgresql://nobody@127.0.0.1:{free_port()}/none", tmp_path) as client:
        found = await told(client)
    unknown = ("refold_lives_to_do", "refold_lives_done", "refold_oldest_seconds", "rejections_kept", "database_bytes")
    for name in (*unknown, "feeds_behind_seconds"):
        assert math.isnan(found[f"chiso_{name}"])
    assert found["chiso_ready"] == found["chiso_database_up"] == 0
    assert "chiso_body_bytes_in_flight" in found


def test_every_metric_in_the_document_says_when_to_raise_an_alarm() -> None:
    table = DOCUMENT.read_text().partition("| metric |")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.replace("\\|", "").strip("|").split("|")] for line in table]
    assert len(rows) >= 13
    for row in rows:
        assert row[0].startswith("`chiso_")
        assert len(row) == 4, row[0]
        assert len(row[3]) > 10, row[0]


async def test_counters_are_there_before_anything_has_happened(database: str, tmp_path: Path) -> None:
    async with still(database, tmp_path) as client:
        found = samples((await client.get("/metrics")).text)
    counted = {each: value for each, value in found.items() if each[0].endswith("_total") and "chiso_" in each[0]}
    assert set(counted.values()) == {0}
    events = {tuple(sorted(dict(labels).values())) for name, labels in counted if name == "chiso_events_total"}
    assert events == {tuple(sorted((of, type_))) for of in ("accepted", "duplicate") for type_ in BY_TYPE}
    codes = {value for name, labels in counted if name == "chiso_events_rejected_total" for _, value in labels}
    assert codes == set(EVENT_CODES)
    others = {(name, value) for name, labels in counted for _, value in labels} - {
        (name, value) for name, labels in counted if name.startswith("chiso_events_") for _, value in labels
    }
    assert others == (
        {("chiso_answers_total", each) for each in ("kept", "shared", "computed")}
        | {("chiso_rate_limited_total", each) for each in ("reads", "events", "failures")}
        | {("chiso_problems_total", each) for each in KINDS}
        | {("chiso_connections_refused_total", each) for each in metrics._REFUSED}
    )
    assert {name for name, _ in counted} >= {"chiso_events_warned_total", "chiso_stream_events_total"}
