"""What /metrics tells of arrival, silence, rejections and re-folding: exact, bounded, and never missing as a page."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import ValidationError

from app.domain.lives.events import BY_TYPE
from app.domain.push import EVENT_CODES
from app.main import create_app, create_service
from app.settings import MetricsSettings, Settings
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
        assert [found[name] for name in names] == [0, 0, 0]
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
        found = await told(client)
        assert [found[name] for name in names] == [950, 100, 3]


async def test_without_a_database_the_page_is_whole_and_what_is_unknown_is_no_number(tmp_path: Path) -> None:
    async with still(f"postgresql://nobody@127.0.0.1:{free_port()}/none", tmp_path) as client:
        found = await told(client)
    for name in ("chiso_refold_lives_to_do", "chiso_refold_lives_done", "chiso_rejections_kept"):
        assert math.isnan(found[name])
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
    assert others == {("chiso_answers_total", each) for each in ("kept", "shared", "computed")} | {
        ("chiso_rate_limited_total", each) for each in ("reads", "events", "failures")
    }
    assert {name for name, _ in counted} >= {"chiso_events_warned_total", "chiso_stream_events_total"}
