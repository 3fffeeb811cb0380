"""Traces: nothing at all while they are off; on, what a request was made of, and no word of what was sent."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pytest_asyncio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app import traces
from tests.faults.serving import CREATE, Serving, chiso, environment
from tests.running import Running, serving, settings_for

OFF = """
import sys
sys.modules["opentelemetry.sdk"] = sys.modules["opentelemetry.exporter"] = None
from app.main import create_app, create_service
from app.settings import Settings
service = create_service(Settings(), "postgresql://", secret=b"")
app = create_app(service)
of_sdk = [name for name in sys.modules if name.startswith(("opentelemetry.sdk.", "opentelemetry.exporter."))]
print(of_sdk, hasattr(app.state, "traces"), "push" in vars(service.gatherer), "figures" in vars(service.database))
"""
OUTSIDE = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def run(**more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", OFF], env=environment(**more), capture_output=True, text=True, check=True
    )


def test_off_nothing_of_the_sdk_is_imported_and_nothing_is_wrapped() -> None:
    done = run()
    assert (done.stdout, done.stderr) == ("[] False False False\n", "")


def test_asked_for_without_the_extra_it_is_said_and_the_service_serves() -> None:
    done = run(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert done.stdout == "[] False False False\n"
    assert done.stderr == "no traces: OTEL_EXPORTER_OTLP_ENDPOINT is set, but chiso[otel] is not installed\n"


@pytest.mark.parametrize(
    "more", [{"OTEL_SDK_DISABLED": "TRUE"}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}]
)
def test_the_standards_ways_to_switch_it_off(more: dict[str, str]) -> None:
    assert traces.of_environment("1", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"} | more) is None


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What is traced from now on."""
    kept = InMemorySpanExporter()
    monkeypatch.setattr(traces, "of_environment", lambda version: traces.Traces(version, SimpleSpanProcessor(kept)))
    return kept


@pytest_asyncio.fixture
async def traced(spans: InMemorySpanExporter, postgres_database: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        await running.catalogue()
        spans.clear()
        yield running


def of(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [each for each in spans.get_finished_spans() if each.name == name]


def told(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def reception(running: Running, subject: str) -> dict:
    return running.event("dossier.received", subject, procedure="1.004555", channel="online")


async def test_a_push_is_gathered_folded_and_proved_within_its_request(
    traced: Running, spans: InMemorySpanExporter
) -> None:
    body = json.dumps(reception(traced, "H44.07-SECRET")).encode()
    parents = {"traceparent": "00-{}-{}-01".format(*OUTSIDE), "tracestate": "who=nguyen"}
    assert (await traced.post(body, "application/cloudevents+json", **parents)).status_code == 200
    [request], [gather], [fold], [prove] = (of(spans, n) for n in ("POST /v1/events", "gather", "fold", "prove"))
    assert request.context and gather.context
    assert told(request) == {
        "http.request.method": "POST",
        "http.route": "/v1/events",
        "http.response.status_code": 200,
    }
    assert request.parent and (f"{request.context.trace_id:032x}", f"{request.parent.span_id:016x}") == OUTSIDE
    assert not request.context.trace_state
    assert [parent(each) for each in (gather, fold, prove)] == [
        request.context.span_id, gather.context.span_id, gather.context.span_id
    ]  # fmt: skip
    assert told(gather) == {"chiso.events": 1}
    assert told(fold) == told(prove) == {"chiso.events": 1, "chiso.pushes": 1}
    assert request.resource.attributes["service.name"] == "chiso"


async def test_of_pushes_that_go_together_one_has_the_batch_and_the_others_a_link(
    traced: Running, spans: InMemorySpanExporter
) -> None:
    pushes = [traced.push([reception(traced, f"H44.07-{n}-{m}") for m in range(2)]) for n in range(6)]
    assert [each["accepted"] for each in await asyncio.gather(*pushes)] == [2] * 6
    gathered = {each.context.span_id for each in of(spans, "gather") if each.context}
    assert len(gathered) == 6
    for name in ("fold", "prove"):
        batches = of(spans, name)
        assert sum(int(str(told(each)["chiso.pushes"])) for each in batches) == 6
        assert sum(int(str(told(each)["chiso.events"])) for each in batches) == 12
        found = [parent(each) for each in batches] + [link.context.span_id for each in batches for link in each.links]
        assert sorted(map(int, filter(None, found))) == sorted(gathered)


async def test_a_question_says_how_it_was_answered_and_nothing_tells_what_was_asked(
    traced: Running, spans: InMemorySpanExporter
) -> None:
    await traced.push(
        [reception(traced, "H44.07-SECRET"), reception(traced, "H44.07-SECRET") | {"data": {"name": "Nguyễn"}}]
    )
    for _ in range(2):
        assert (await traced.get("/v1/scorecard", unit="H44.07", period="2026")).status_code == 200
    assert (await traced.get("/v1/dossiers/H44.07-SECRET")).status_code == 200
    assert (await traced.get("/v1/scorecard", unit="H44.SECRET", period="2026")).status_code == 404
    assert (await traced.get("/livez", key="")).status_code == 200
    assert [told(each)["chiso.way"] for each in of(spans, "figure")] == ["computed", "kept"]
    cards = of(spans, "GET /v1/scorecard")
    assert [told(each).get("error.type") for each in cards] == [None, None, "unknown_unit"]
    assert len(of(spans, "GET /v1/dossiers/{subject:path}")) == 1
    assert {each.name for each in spans.get_finished_spans()} == {
        *(
            "POST /v1/events",
            "GET /v1/scorecard",
            "GET /v1/dossiers/{subject:path}",
            "gather",
            "fold",
            "prove",
            "read",
            "figure",
        )
    }
    all_of_it = "".join(each.to_json() for each in spans.get_finished_spans())
    assert [word for word in ("SECRET", "H44", traced.key, "Nguy", "2026-01") if word in all_of_it] == []


async def test_what_fails_is_told_by_its_type_alone(
    traced: Running, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object) -> None:
        raise ValueError("SECRET")

    monkeypatch.setattr(traced.service.figures, "answer", fails)
    with caplog.at_level(logging.CRITICAL):
        assert (await traced.get("/v1/scorecard", unit="H44.07", period="2026")).status_code == 500
    [request], [read] = of(spans, "GET /v1/scorecard"), of(spans, "read")
    assert (told(request)["error.type"], request.status.status_code.name) == ("internal", "ERROR")
    assert (told(read)["error.type"], read.status.status_code.name) == ("ValueError", "ERROR")
    assert "SECRET" not in request.to_json() + read.to_json()


@contextmanager
def receiver() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A collector of traces over OTLP/HTTP: its address, and what it was sent."""
    got: list[ExportTraceServiceRequest] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            got.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_served_service_sends_its_traces_by_otlp_the_last_at_its_end(postgres_database: str, tmp_path: Path) -> None:
    with receiver() as (address, got):
        settings = environment(
            CHISO_DATABASE__DSN=postgres_database,
            CHISO_AUTH__PEPPER="a pepper for tests, as long as it is to be",
            OTEL_EXPORTER_OTLP_ENDPOINT=address,
            OTEL_EXPORTER_OTLP_COMPRESSION="none",
            OTEL_BSP_SCHEDULE_DELAY="60000",
        )
        key = chiso(settings, *CREATE).stdout.strip()
        with Serving(settings, tmp_path / "log") as served, served.client(key) as client:
            units = [{"code": "H44", "name": "Phú Thọ", "level": "province"}]
            assert client.put("/v1/units", json=units).json()["errors"] == []
            served.ask_to_end()
            served.wait(20)
    sent = [each for request in got for each in request.resource_spans]
    names = [span.name for each in sent for scope in each.scope_spans for span in scope.spans]
    assert "PUT /v1/units" in names
    assert {
        kept.value.string_value for each in sent for kept in each.resource.attributes if kept.key == "service.name"
    } == {"chiso"}
