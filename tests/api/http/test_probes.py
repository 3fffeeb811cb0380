"""For the operator: alive, ready, metrics, request ids and logs, none of which tell what clients send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain.lives import life
from app.main import create_app, create_service
from app.store import migrate
from app.store.catalogues.stale import begin_with_rules
from tests.api.asking import AGAIN, ONE, of_errors, of_problem, reception
from tests.faults.serving import Serving, environment, free_port
from tests.running import Clock, Running, settings_for

SINGLE = "application/cloudevents+json"


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


@asynccontextmanager
async def without_database(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service whose database is not there."""
    dsn = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    service = create_service(settings_for(dsn, folder), dsn)
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://chiso.test") as client:
        yield client
    await service.database.close()


async def test_a_ready_service_says_its_revision(running: Running) -> None:
    live, ready = await running.client.get("/livez"), await running.client.get("/readyz")
    assert (live.status_code, live.json()) == (200, {"status": "alive"})
    told = {"status": "ready", "revision": migrate.head(), "refolding": False}
    assert (ready.status_code, ready.json()) == (200, told)


async def stand_at(running: Running, revision: str) -> None:
    async with running.service.database.connection("write") as connection:
        await connection.execute("UPDATE alembic_version SET version_num = $1", revision)


async def test_at_a_newer_revision_figures_are_read_and_nothing_is_written(running: Running) -> None:
    await running.catalogue()
    assert (await running.push([reception(running, "H44.07-1")]))["accepted"] == 1
    before = (await running.get("/v1/scorecard", unit="H44", period="2026")).json()["groups"]
    await stand_at(running, "0002")
    ready = await running.client.get("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["revision"]) == (200, "ready", "0002")
    assert (await running.get("/v1/scorecard", unit="H44", period="2026")).json()["groups"] == before
    refused = [
        await running.post(json.dumps(reception(running, "H44.07-2")).encode(), SINGLE),
        await running.put("/v1/units", [{"code": "H44.07", "name": "Another"}]),
    ]
    for answer in refused:
        assert of_problem(answer)[:2] == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    await stand_at(running, migrate.head())
    assert (await running.push([reception(running, "H44.07-2")]))["accepted"] == 1


async def test_at_an_older_revision_everything_is_503(running: Running) -> None:
    await running.catalogue()
    await stand_at(running, "0000")
    answers = [
        await running.client.get("/readyz"),
        await running.get("/v1/scorecard", unit="H44", period="2026"),
        await running.get("/v1/units/H44"),
        await running.post(json.dumps(reception(running, "H44.07-1")).encode(), SINGLE),
        await running.put("/v1/units", [{"code": "H44.07", "name": "Another"}]),
    ]
    for answer in answers:
        assert of_problem(answer)[:2] == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0


async def test_it_is_not_ready_with_an_older_revision_or_none(running: Running) -> None:
    for statement in ("UPDATE alembic_version SET version_num = '0000'", "DELETE FROM alembic_version",
                      "DROP TABLE alembic_version"):  # fmt: skip
        async with running.service.database.connection("write") as connection:
            await connection.execute(statement)
        answer = await running.client.get("/readyz")
        assert of_problem(answer)[:2] == (503, "database_unavailable")
        assert "chiso migrate" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
    assert (await running.client.get("/livez")).status_code == 200


async def test_after_an_upgrade_with_other_rules_everybody_is_told_until_lives_are_folded_again(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = create_service(settings_for(database, tmp_path), database)
    transport = httpx.ASGITransport(create_app(service))  # and nothing in the background
    async with httpx.AsyncClient(transport=transport, base_url="http://chiso.test") as client:
        old = Running(service, client, Clock(), "")
        old.key = await old.make_key("H44", "ingest", "read", "admin")
        await old.push([reception(old, f"H44.07-{n}") for n in range(3)])

        async def told() -> tuple[bool, bool, set[str]]:
            ready = (await client.get("/readyz")).json()
            answer = (await old.get("/v1/scorecard", unit="H44", period="2026")).json()
            metrics = (await client.get("/metrics")).text.splitlines()
            return (
                ready["refolding"],
                answer["refolding"],
                {each for each in metrics if each.startswith("chiso_refold_lives")},
            )

        idle = {"chiso_refold_lives_to_do 0.0", "chiso_refold_lives_done 0.0"}
        assert await told() == (False, False, idle)
        with monkeypatch.context() as newer:
            newer.setattr(life, "RULES", life.RULES + 1)
            assert await told() == (True, True, idle)
            assert not await service.refolder.step(1)
            await service.database.write(partial(begin_with_rules, root_id=1))
            await service.refolder.step(1, size=2)
            assert await told() == (True, True, {"chiso_refold_lives_to_do 1.0", "chiso_refold_lives_done 2.0"})
            await service.refolder.finish(1)
            assert await told() == (False, False, idle)
        # What is left of the older version.
        for answer in (await client.get("/readyz"), await old.post(json.dumps(reception(old)).encode(), SINGLE)):
            assert of_problem(answer)[:2] == (503, "database_unavailable")
        assert (await old.get("/v1/scorecard", unit="H44", period="2026")).status_code == 200
    await service.database.close()


async def test_without_a_database_it_lives_and_says_503_to_everything_else(tmp_path: Path) -> None:
    async with without_database(tmp_path) as client:
        assert (await client.get("/livez")).status_code == 200
        headers = {"Authorization": "Bearer chiso_0123456789ab_x"}
        answers = [
            await client.get("/readyz"),
            await client.get("/v1/scorecard?unit=H44&period=2026", headers=headers),
            await client.post("/v1/events", content=b"{}", headers=headers | {"content-type": SINGLE}),
            await client.put("/v1/units", json=[], headers=headers),
        ]
        for answer in answers:
            assert of_problem(answer)[:2] == (503, "database_unavailable")
            assert int(answer.headers["retry-after"]) > 0
        metrics = await client.get("/metrics")
        assert metrics.status_code == 200
        assert "chiso_database_up 0.0" in metrics.text


async def test_connections_that_the_database_closed_are_made_anew(served: Running, database: str) -> None:
    event = reception(served)
    assert await served.push([event]) == ONE
    body = json.dumps(event).encode()
    with psycopg.connect(database, autocommit=True) as connection:
        for _ in range(20):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            answers = [await served.post(body, SINGLE) for _ in range(5)]
            for answer in answers:
                assert answer.status_code == 200 or of_problem(answer)[:2] == (503, "database_unavailable")
            assert answers[-1].json() == AGAIN


async def test_a_request_has_an_id_in_its_header_and_in_its_problem(running: Running) -> None:
    answers = [await running.client.get(path) for path in ("/livez", "/livez", "/none", "/v1/units")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 4
    assert [answer.json()["instance"] for answer in answers[2:]] == ids[2:]


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The value of each sample by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_the_metrics_count_events_rejections_commits_and_requests(served: Running) -> None:
    bad = reception(served, "bad", colour="red")
    odd = reception(served, "odd", procedure="9.999999")
    first, second = reception(served, "one"), served.event("dossier.synced", "one")
    await served.push([first, second, first, bad, odd])
    await served.client.get("/none")
    await served.client.get("/readyz")
    answer = await served.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = samples(answer.text)

    def value(name: str, **labels: str) -> float | None:
        return found.get((name, frozenset(labels.items())))

    assert value("chiso_events_total", type="dossier.received", outcome="accepted") == 2
    assert value("chiso_events_total", type="dossier.received", outcome="duplicate") == 1
    assert value("chiso_events_total", type="dossier.synced", outcome="accepted") == 1
    assert value("chiso_events_rejected_total", code="unknown_field") == 1
    assert value("chiso_events_warned_total", code="unknown_procedure") == 1
    assert value("chiso_commit_seconds_count") == 1
    assert value("chiso_request_seconds_count", route="/v1/events", method="POST", status="2xx") == 1
    assert value("chiso_request_seconds_count", route="none", method="GET", status="4xx") == 1
    assert value("chiso_database_up") == 1
    assert value("chiso_body_bytes_in_flight") == 0
    for pool in ("read", "write"):
        assert value("chiso_pool_connections_in_use", pool=pool) is not None
        assert (value("chiso_pool_connections_open", pool=pool) or 0) >= 1


@pytest.mark.parametrize("path", ["/v1/events", "/v1/units"])
async def test_a_client_that_leaves_while_its_body_is_read_is_no_failure(served: Running, path: str) -> None:
    said: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, Any]:
        return next(said)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST" if path == "/v1/events" else "PUT",
        "path": path,
        "query_string": b"",
    }
    headers = [(b"authorization", f"Bearer {served.key}".encode()), (b"content-type", b"application/json")]
    scope |= {
        "raw_path": path.encode(),
        "scheme": "http",
        "server": ("x", 80),
        "http_version": "1.1",
        "headers": headers,
    }
    await create_app(served.service)(scope, receive, send)
    found = samples((await served.client.get("/metrics")).text)
    statuses = {dict(labels)["status"] for name, labels in found if name == "chiso_request_seconds_count"}
    assert statuses == {"4xx"}
    assert found["chiso_body_bytes_in_flight", frozenset()] == 0


async def test_nothing_a_client_chose_is_in_the_metrics(served: Running) -> None:
    key = await served.make_key("H44", "ingest", "read", "admin")
    event = reception(served, "subjectQX-1", source="/sourceQX", id="idQX", sequence="sequenceQX")
    wrong = [event | {"id": "idQX2", "type": "typeQX"}, event | {"id": "idQX3", "data": {"fieldQX": 1}}]
    assert of_errors(await served.push([event, *wrong, event | {"id": "idQX4", "unit": "H44.QX"}], key))
    for path in ("/v1/units/H44.QX", "/v1/procedures/QX", "/pathQX", "/problems/QX", "/v1/units?unit=QX&queryQX=1"):
        await served.client.get(path, headers={"Authorization": f"Bearer {key}", "User-Agent": "agentQX"})
    await served.client.request("METHODQX", "/v1/units")
    await served.client.get("/v1/units", headers={"Authorization": "Bearer chiso_QX_QX"})
    # A root's code is a label, of feeds and of what was proved; they come as the log is read.
    text = (await served.client.get("/metrics")).text.replace('root="H44"', "")
    secret = key.split("_", 2)
    assert [each for each in ("QX", "1.004555", "H44", "00.30", *secret[1:]) if each in text] == []


async def test_the_log_is_json_with_request_ids_and_nothing_of_what_was_sent(
    served: Running, database: str, tmp_path: Path
) -> None:
    settings = environment(
        CHISO_DATABASE__DSN=database,
        CHISO_AUTH__PEPPER="a pepper for tests, as long as it is to be",
        CHISO_DATA_DIR=str(tmp_path),
        CHISO_LOG__LEVEL="DEBUG",
    )
    event = reception(served, "subjectQX-1", source="/sourceQX", id="idQX")
    bodies = [event, event | {"subject": "otherQX"}, event | {"type": "typeQX"}, event | {"data": {"fieldQX": "QX"}}]
    with Serving(settings, tmp_path / "log") as serving, serving.client(served.key) as client:
        ids = [
            client.post("/v1/events", json=body, headers={"content-type": SINGLE}).headers["x-request-id"]
            for body in bodies
        ]
        client.post("/v1/events", content=b'{"brokenQX', headers={"content-type": SINGLE})
        client.put("/v1/units", json=[{"code": "H44.QX", "name": "nameQX"}])
        client.get("/v1/units/H44.QX")
        client.get("/v1/scorecard?unit=H44.QX&period=QX&queryQX=1")
    lines = [json.loads(line) for line in serving.log.read_text().splitlines() if not line.startswith("serving on")]
    requests = [line for line in lines if line["event"] == "request" and line["route"] == "/v1/events"]
    assert [line["request_id"] for line in requests[:4]] == ids
    assert [(line["status"], line["problem"]) for line in requests] == [
        (200, None), (409, "conflict"), (422, "unknown_type"), (422, "unknown_field"), (400, "invalid_json"),
    ]  # fmt: skip
    text = serving.log.read_text()
    assert "QX" not in text
    assert served.key.split("_", 2)[2] not in text
