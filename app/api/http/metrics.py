"""What operations watch by Prometheus. Labels are bounded: no unit, dossier, procedure or client-chosen source."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from app.api.http.access.limits import LIMITED
from app.api.kinds import KINDS
from app.domain.lives.events import BY_TYPE
from app.domain.push import EVENT_CODES, WARNING_CODES
from app.store.connections.database import Clock

_DAY = 86_400
_LAGS = (1, 10, 60, 600, 3600, 6 * 3600, _DAY, 3 * _DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY, 180 * _DAY, 365 * _DAY)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
_OTHER = "other"
_WAYS = ("kept", "shared", "computed")
_POOLS = ("write", "read")
_REFUSED = (
    *("headers_too_large", "incomplete_body", "invalid_parameter", "method_not_allowed", "overloaded"),
    *("request_timeout", "uri_too_long"),
)
"""Why a connection can end before there is a request."""
_Together = Literal["livesum", "livemin", "livemostrecent"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def instant_of(clock: Clock) -> int:
    """The present instant in µs: the service's clock, the machine's where that one leaves it to the database."""
    now = clock()
    return time.time_ns() // 1000 if now is None else now


class Metrics:
    """The service's metrics, in a registry of their own so that two services in one process do not mix.

    With several workers of uvicorn and PROMETHEUS_MULTIPROC_DIR the values lie in files of that folder, and any worker
    tells all of them; how a gauge of several processes becomes one is its `multiprocess_mode`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._began = time.time()
        self._heard: dict[str, float] = {}
        self.shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        """Whether other workers tell this one's metrics."""
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._make_of_events()
        self._make_of_answers()
        self._make_of_state()
        self._begin()

    def _begin(self) -> None:
        """Let every counter exist with all its labels: a series that begins with its first event is no alert's that
        none came, and its first increase is nobody's.
        """
        for name in BY_TYPE:
            for outcome in ("accepted", "duplicate"):
                self.events.labels(name, outcome)
        for counter, codes in (
            *((self.rejected, EVENT_CODES), (self.warned, WARNING_CODES), (self.rate_limited, LIMITED)),
            *((self.answers, _WAYS), (self.problems, KINDS), (self.refused, _REFUSED)),
        ):
            for code in codes:
                counter.labels(code)
        for gauge in (self.pool_in_use, self.pool_open, self.pool_waiting):
            for pool in _POOLS:
                gauge.labels(pool)
        # Until it is known: nought would be a database that has grown from nothing.
        self.database_bytes.set(math.nan)

    def _make_of_events(self) -> None:
        count, histogram = self._counter, self._histogram
        self.events = count("chiso_events", "Events taken in, by type and outcome.", "type", "outcome")
        self.rejected = count("chiso_events_rejected", "Events rejected, by problem code.", "code")
        self.warned = count("chiso_events_warned", "Accepted events with a warning, by code.", "code")
        self.commit_seconds = histogram("chiso_commit_seconds", "Time from a parsed push to its commit.", _SECONDS)
        self.lag_seconds = histogram(
            "chiso_event_lag_seconds", "From when an event happened to when it arrived.", _LAGS
        )
        self.batch_events = histogram("chiso_batch_events", "Events in one push, sound or not.", _SIZES)

    def _make_of_answers(self) -> None:
        self.request_seconds = self._histogram(
            "chiso_request_seconds",
            "Time to answer a request, by route template, method and status class.",
            _SECONDS,
            *("route", "method", "status"),
        )
        self.problems = self._counter("chiso_problems", "Requests answered with a problem, by its code.", "code")
        self.refused = self._counter(
            "chiso_connections_refused", "Connections ended before a request could be read, by problem code.", "code"
        )
        self.rate_limited = self._counter(
            "chiso_rate_limited", "Requests answered 429: questions, events of pushes, wrong keys.", "what"
        )
        self.accept_failures = self._counter("chiso_accept_failures", "Connections that could not be accepted.")
        self.answers = self._counter(
            "chiso_answers",
            "Figures answered: kept from before, shared with a computation under way, or computed.",
            "way",
        )
        self.stream_events = self._counter("chiso_stream_events", "Events sent on streams of figures.")

    def _make_of_state(self) -> None:
        """What is true now. Of several processes the sum, unless another way is said."""
        gauge = self._gauge
        newest: _Together = "livemostrecent"
        self.build = gauge(
            "chiso_build_info",
            "Always 1: the version, that of Python, and the migration the version is written for.",
            *("version", "python", "schema"),
            together=newest,
        )
        self.pool_in_use = gauge("chiso_pool_connections_in_use", "Database connections in use.", "pool")
        self.pool_open = gauge("chiso_pool_connections_open", "Database connections open.", "pool")
        self.pool_most = gauge("chiso_pool_connections_max", "Database connections there may be at most.", "pool")
        self.pool_waiting = gauge("chiso_pool_waiting", "Who waits for a database connection.", "pool")
        self.bytes_in_flight = gauge("chiso_body_bytes_in_flight", "Bytes of request bodies being worked on.")
        self.connections_open = gauge("chiso_connections_open", "HTTP connections that are open.")
        self.streams_open = gauge("chiso_streams_open", "Streams of figures that are open.")
        self.up = gauge("chiso_database_up", "1 when the database answered within a second.", together=newest)
        self.ready = gauge("chiso_ready", "1 when /readyz would say 200.", together=newest)
        self.quiet_seconds = gauge(
            "chiso_source_quiet_seconds",
            "Since the last sound event of a source named in the settings; of all others together: other.",
            "source",
            together="livemin",
        )
        self.rejections_kept = gauge(
            "chiso_rejections_kept", "Rejections kept for /v1/rejections, up to 100,000.", together=newest
        )
        self.refold_to_do = gauge(
            "chiso_refold_lives_to_do",
            "Lives still to be folded again after catalogue edits and upgrades.",
            together=newest,
        )
        self.refold_done = gauge(
            "chiso_refold_lives_done",
            "Lives folded again of the edits and upgrades still being applied.",
            together=newest,
        )
        self.refold_seconds = gauge(
            "chiso_refold_oldest_seconds",
            "Since the first of the edits and upgrades still being applied; 0 without any.",
            together=newest,
        )
        self.feeds = gauge(
            "chiso_feeds", "Feeds (source and unit) by root and state.", "root", "state", together=newest
        )
        self.portal_faults = gauge(
            "chiso_portal_faults",
            "Dossiers told in the national portal's payload with a fault of the data, all roots, by cause.",
            "cause",
            together=newest,
        )
        self.feeds_behind = gauge(
            "chiso_feeds_behind_seconds",
            "Since the log was last read for the feeds; 0 when all of it has been.",
            together=newest,
        )
        self._make_of_proof(newest)

    def _make_of_proof(self, newest: _Together) -> None:
        gauge = self._gauge
        self.unproved_since = gauge(
            "chiso_unproved_since_timestamp_seconds",
            "End of the last chiso verify of a root and kind; of one never verified the arrival of its first event.",
            *("root", "kind"),
            together=newest,
        )
        self.differences = gauge(
            "chiso_verify_differences",
            "What the last chiso verify of a root and kind found not as it should be.",
            *("root", "kind"),
            together=newest,
        )
        self.database_bytes = gauge(
            "chiso_database_bytes", "Bytes of the database, looked up once a minute.", together=newest
        )

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(name, says, labels, registry=self.registry)

    def _histogram(self, name: str, says: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, says, labels, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str, together: _Together = "livesum") -> Gauge:
        return Gauge(name, says, labels, registry=self.registry, multiprocess_mode=together)

    def page(self) -> bytes:
        """All metrics in Prometheus' exposition format."""
        if not self.shared:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def arrived(self, happened: Sequence[int], now: int) -> None:
        """Events came in that had not all been seen before; both in µs. Clocks that run ahead lag by nothing."""
        for at in happened:
            self.lag_seconds.observe(max(0, now - at) / 1_000_000)

    def heard(self, sources: Collection[str], named: Collection[str], now: int) -> None:
        """Sound events came from these sources; only `named` ones are told apart."""
        for source in sources:
            self._heard[source if source in named else _OTHER] = now / 1_000_000

    def measure_quiet(self, named: Collection[str], now: int) -> None:
        """Bring the silence of every named source up to date; of one never heard it lasts since the process began."""
        for source in (*named, _OTHER):
            since = self._heard.get(source, self._began)
            self.quiet_seconds.labels(source).set(max(0, now / 1_000_000 - since))
