"""What operations watch by Prometheus. Labels are bounded: no unit, dossier, procedure or client-chosen source."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The service's metrics, in a registry of their own so that two services in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.events = Counter(
            "chiso_events", "Events taken in, by type and outcome.", ("type", "outcome"), registry=self.registry
        )
        self.rejected = Counter(
            "chiso_events_rejected", "Events rejected, by problem code.", ("code",), registry=self.registry
        )
        self.warned = Counter(
            "chiso_events_warned", "Accepted events with a warning, by code.", ("code",), registry=self.registry
        )
        self.commit_seconds = Histogram(
            "chiso_commit_seconds",
            "Time from a parsed push to its commit.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "chiso_request_seconds",
            "Time to answer a request, by route template, method and status class.",
            ("route", "method", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.pool_in_use = Gauge(
            "chiso_pool_connections_in_use", "Database connections in use.", ("pool",), registry=self.registry
        )
        self.pool_open = Gauge(
            "chiso_pool_connections_open", "Database connections open.", ("pool",), registry=self.registry
        )
        self.bytes_in_flight = Gauge(
            "chiso_body_bytes_in_flight", "Bytes of request bodies being worked on.", registry=self.registry
        )
        self.up = Gauge(
            "chiso_database_up", "1 when the last readiness check reached the database.", registry=self.registry
        )
