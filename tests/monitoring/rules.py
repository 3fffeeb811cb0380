"""The alert rules and the dashboard as data, and the metrics their expressions name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from app.api.http.metrics import Metrics

MONITORING = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
KUBERNETES = MONITORING.parents[1] / "k8s" / "base" / "monitoring"
OF_EXPORTERS = {
    "up",  # Prometheus itself
    "probe_success",  # blackbox_exporter
    "probe_ssl_earliest_cert_expiry",
    "node_filesystem_avail_bytes",  # node_exporter
    "node_filesystem_size_bytes",
    "node_systemd_unit_state",
    "kubelet_volume_stats_available_bytes",  # the kubelet, on Kubernetes
    "kubelet_volume_stats_capacity_bytes",
}
"""What no chiso tells."""

_WORDS = {
    *("absent", "and", "avg_over_time", "changes", "count", "deriv", "histogram_quantile", "increase", "max", "min"),
    *("offset", "on", "or", "rate", "sum", "time", "topk", "unless"),
}


def alerts() -> dict[str, dict[str, Any]]:
    """The rules of alerts.yaml by the alert's name."""
    groups = msgspec.yaml.decode((MONITORING / "alerts.yaml").read_bytes())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def jobs() -> dict[str, dict[str, Any]]:
    """The rules of Kubernetes' jobs by the alert's name."""
    groups = msgspec.yaml.decode((KUBERNETES / "jobs.yaml").read_bytes())["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def queries() -> Iterator[tuple[str, str]]:
    """Title of the panel and expression of each query of the dashboard; its variables stand for anything."""
    dashboard = msgspec.json.decode((MONITORING / "dashboard.json").read_bytes())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$__rate_interval", "10s")
            yield panel["title"], re.sub(r"\$\{?(job|root)\b(:\w+)?\}?", ".*", expression)


def told() -> set[str]:
    """Names of the samples on a service's page."""
    names = set()
    for metric in Metrics().registry.collect():
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(metric.type, [""])
        names |= {metric.name + end for end in ends}
    return names


def named(expression: str) -> set[str]:
    """Metrics that an expression names."""
    bare = re.sub(r'\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(by|on|without|ignoring) ?\([^)]*\)', " ", expression)
    return set(re.findall(r"(?<![\w.])[a-z_][a-z0-9_]*", bare)) - _WORDS
