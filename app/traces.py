"""Traces by OpenTelemetry: of requests, of the batches pushes go in, and of what figures are read from.

Off unless the standard's OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is set; it takes `chiso[otel]` then. Off
they cost nothing: what is watched is wrapped here, from outside, and only when they are on. A span bears methods,
templates of routes, numbers and codes; nothing that was sent, no key, no subject, no unit.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, SpanContext
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT"))
_UNTOLD: Final = frozenset(("/livez", "/readyz", "/metrics"))
_ENDING_SECONDS: Final = 2.0


def of_environment(version: str, environment: Mapping[str, str] = os.environ) -> Traces | None:
    """Traces as the standard's variables ask for; None where they do not, or where `chiso[otel]` is not installed."""
    off = (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    )
    if off or not any(map(environment.get, _ENDPOINTS)):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _log.warning("no traces: OTEL_EXPORTER_OTLP_ENDPOINT is set, but chiso[otel] is not installed")
        return None
    return Traces(version, BatchSpanProcessor(OTLPSpanExporter()))


class Traces:
    """A tracer of this service, and what it is wrapped around."""

    def __init__(self, version: str, processor: SpanProcessor) -> None:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        named = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "chiso"), "service.version": version}
        self._api = trace
        self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("chiso", version)
        self._pushes: dict[int, SpanContext] = {}
        """Spans of pushes that wait for their batch, by the identity of their events."""

    @contextmanager
    def _span(self, name: str, context: Context | None = None, **more: Any) -> Iterator[Span]:
        """A span that tells of an exception its type, never what it says."""
        with self._tracer.start_as_current_span(
            name, context, record_exception=False, set_status_on_exception=False, **more
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(self._api.StatusCode.ERROR)
                raise

    def _is_told(self) -> bool:
        """Whether this is part of a trace that is kept; what goes on in the background is of none."""
        return self._api.get_current_span().is_recording()

    def requests(self, app: ASGIApp) -> Requests:
        """ASGI middleware, the outermost."""
        return Requests(app, self)

    def watch(self, gatherer: Any, database: Any, figures: Any) -> None:
        """Have pushes gathered, batches folded and proved, figures answered and snapshots read told of from now on."""
        gatherer.push = self._gathering(gatherer.push)
        gatherer._fold = self._of_batch("fold", gatherer._fold)
        gatherer._write = self._of_batch("prove", gatherer._write)
        figures.answer = self._answering(figures.answer)
        for name in ("figures", "snapshot"):
            setattr(database, name, self._reading(getattr(database, name)))

    def _gathering(self, push: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(push)
        async def gathering(root_id: int, unit: str, arrivals: Sequence[Any]) -> Any:
            if not self._is_told():
                return await push(root_id, unit, arrivals)
            with self._span("gather", attributes={"chiso.events": len(arrivals)}) as span:
                self._pushes[id(arrivals)] = span.get_span_context()
                try:
                    return await push(root_id, unit, arrivals)
                finally:
                    self._pushes.pop(id(arrivals), None)

        return gathering

    def _of_batch(self, name: str, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Part of the trace of the first push of the batch; linked to those of all others."""

        @functools.wraps(work)
        async def of_batch(root_id: int, taken: Sequence[Any], rest: Any) -> Any:
            known = [self._pushes[id(each.arrivals)] for each in taken if id(each.arrivals) in self._pushes]
            if not known:
                return await work(root_id, taken, rest)
            first = self._api.set_span_in_context(self._api.NonRecordingSpan(known[0]))
            numbers = {"chiso.pushes": len(taken), "chiso.events": sum(len(each.arrivals) for each in taken)}
            with self._span(name, first, links=[self._api.Link(each) for each in known[1:]], attributes=numbers):
                return await work(root_id, taken, rest)

        return of_batch

    def _answering(self, answer: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(answer)
        async def answering(*asked: Any) -> Any:
            if not self._is_told():
                return await answer(*asked)
            with self._span("figure") as span:
                found, way = await answer(*asked)
                span.set_attribute("chiso.way", way)
                return found, way

        return answering

    def _reading(self, read: Callable[[], Any]) -> Callable[[], Any]:
        @asynccontextmanager
        async def reading() -> AsyncIterator[Any]:
            if not self._is_told():
                async with read() as connection:
                    yield connection
                return
            with self._span("read"):
                async with read() as connection:
                    yield connection

        return reading

    async def close(self) -> None:
        """Send what is left; who does not take it is not waited for."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        await asyncio.to_thread(last.join, _ENDING_SECONDS)


class Requests:
    """ASGI middleware: a span around each request, part of the caller's trace where a `traceparent` names one."""

    def __init__(self, app: ASGIApp, traces: Traces) -> None:
        self._app, self._traces = app, traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNTOLD:
            await self._app(scope, receive, send)
            return
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        traces, kind = self._traces, self._traces._api.SpanKind.SERVER
        began = (time.time_ns(), time.perf_counter())
        whole = traces._span("request", self._caller(scope), kind=kind, start_time=began[0], end_on_exit=False)
        try:
            with whole as span:
                await self._app(scope, receive, noting)
        finally:
            self._tell(span, scope, status)
            # A stream says when its answer began; it may then go on for days.
            answered = scope.get("state", {}).get("answered", time.perf_counter())
            span.end(began[0] + round((answered - began[1]) * 1e9))

    def _tell(self, span: Span, scope: Scope, status: int) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        route = getattr(scope.get("route"), "path", "none")
        span.update_name(f"{method} {route}")
        told = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        span.set_attributes(told)
        if (problem := scope.get("state", {}).get("problem")) is not None:
            span.set_attribute("error.type", problem)
        if status >= 500:
            span.set_status(self._traces._api.StatusCode.ERROR)

    def _caller(self, scope: Scope) -> Context:
        """The caller's span, without its `tracestate`: that says what it likes, and would be passed on."""
        from opentelemetry.context import Context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        [*parents] = (value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent")
        if len(parents) != 1:
            return Context()
        return TraceContextTextMapPropagator().extract({"traceparent": parents[0]}, Context())
