"""`promtool test rules`: every alert fires when it should, and only it; and stays silent when it should not."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from .rules import MONITORING, alerts

MINUTES = 150
_READ = 'chiso_request_seconds_{}{{method="GET",route="/v1/scorecard",status="2xx"{}}}'
PLAIN = 'chiso_unproved_since_timestamp_seconds{root="H44",kind="plain"}'
DEEP = 'chiso_unproved_since_timestamp_seconds{root="H44",kind="deep"}'
NODE = 'node_filesystem_{}_bytes{{mountpoint="/var/lib/postgresql"}}'
UNIT = 'node_systemd_unit_state{{instance="a",name="chiso-backup.service",type="oneshot",state="{}"}}'
CLAIM = 'kubelet_volume_stats_{}_bytes{{persistentvolumeclaim="data-chiso-database-0"}}'

Series = Mapping[str, str]
HEALTHY: dict[str, str] = {
    'up{job="chiso",instance="a"}': "1",
    'process_start_time_seconds{job="chiso",instance="a"}': "1000",
    'chiso_ready{instance="a"}': "1",
    'chiso_build_info{version="0.1.0",instance="a"}': "1",
    'chiso_problems_total{code="overloaded"}': "0",
    'chiso_problems_total{code="internal"}': "0",
    'chiso_problems_total{code="database_unavailable"}': "0",
    'chiso_connections_refused_total{code="overloaded"}': "0",
    'chiso_connections_refused_total{code="request_timeout"}': "0",
    'chiso_accept_failures_total{instance="a"}': "0",
    **{f'chiso_feeds{{root="H44",state="{each}"}}': "0" for each in ("silent", "learning", "ended")},
    'chiso_feeds{root="H44",state="sending"}': "3",
    "chiso_feeds_behind_seconds": "0",
    'chiso_events_rejected_total{code="unknown_field"}': "0",
    'chiso_events_rejected_total{code="personal_data"}': "0",
    'chiso_events_rejected_total{code="forbidden_unit"}': "0",
    'chiso_events_total{outcome="accepted"}': "0",
    'chiso_events_total{outcome="duplicate"}': "0",
    **{f'chiso_event_lag_seconds_bucket{{le="{each}"}}': "0" for each in ("600", "3600", "21600", "+Inf")},
    "chiso_event_lag_seconds_count": "0",
    'chiso_database_up{instance="a"}': "1",
    **{f'chiso_commit_seconds_bucket{{le="{each}"}}': "0" for each in ("0.5", "1", "2.5", "+Inf")},
    'chiso_pool_connections_in_use{pool="write"}': "1",
    'chiso_pool_connections_max{pool="write"}': "8",
    'chiso_pool_waiting{pool="write"}': "0",
    "chiso_database_bytes": "10000000000",
    NODE.format("avail"): "500",
    NODE.format("size"): "1000",
    UNIT.format("failed"): "0",
    UNIT.format("inactive"): "1",
    'probe_success{job="chiso-blackbox",instance="https://chiso.example"}': "1",
    'probe_ssl_earliest_cert_expiry{job="chiso-blackbox",instance="https://chiso.example"}': str(90 * 86_400),
    'chiso_verify_differences{root="H44",kind="plain"}': "0",
    PLAIN: "0",
    DEEP: "0",
    "chiso_refold_oldest_seconds": "0",
    "chiso_refold_lives_done": "0",
}
"""A service that was just started, and of which nothing is wanted."""


def steady(value: str, steps: int = MINUTES) -> str:
    """A number that stays as it is; what has steps already is left as it is."""
    if value == "NaN":
        return " ".join([value] * steps)
    return value if "x" in value or " " in value else f"{value}x{steps}"


def lagging(slow: str, quick: str = "0+0x300") -> Series:
    """Events that came within six hours, but not within one; and others that came at once."""
    both = "0+11x300" if (slow, quick) == ("0+1x300", "0+10x300") else slow
    of = {"600": quick, "3600": quick, "21600": both, "+Inf": both}
    return {f'chiso_event_lag_seconds_bucket{{le="{le}"}}': value for le, value in of.items()} | {
        "chiso_event_lag_seconds_count": both
    }


def committing(at_once: int, in_time: int, whole: int) -> Series:
    """So many commits a minute within half a second, a second, and at all (within 2.5)."""
    of = {"0.5": at_once, "1": in_time, "2.5": whole, "+Inf": whole}
    return {f'chiso_commit_seconds_bucket{{le="{le}"}}': f"0+{value}x300" for le, value in of.items()}


def reading(within: int, whole: int) -> Series:
    """So many questions a minute that are answered within half a second, and at all (within 2.5)."""
    of = {"0.5": within, "1": within, "2.5": whole, "+Inf": whole}
    return {_READ.format("bucket", f',le="{le}"'): f"0+{value}x300" for le, value in of.items()} | {
        _READ.format("count", ""): f"0+{whole}x300"
    }


UP, READY = 'up{job="chiso",instance="a"}', 'chiso_ready{instance="a"}'
STARTED = 'process_start_time_seconds{job="chiso",instance="a"}'
OVERLOADED, INTERNAL, UNAVAILABLE = (
    f'chiso_problems_total{{code="{each}"}}' for each in ("overloaded", "internal", "database_unavailable")
)
LATE_REFUSED = 'chiso_connections_refused_total{code="request_timeout"}'
PROBE = 'probe_success{job="chiso-blackbox",instance="https://chiso.example"}'
CERTIFICATE = 'probe_ssl_earliest_cert_expiry{job="chiso-blackbox",instance="https://chiso.example"}'
SILENT, SENDING = 'chiso_feeds{root="H44",state="silent"}', 'chiso_feeds{root="H44",state="sending"}'
REJECTED, PERSONAL = (f'chiso_events_rejected_total{{code="{each}"}}' for each in ("unknown_field", "personal_data"))
ACCEPTED, DUPLICATE = (f'chiso_events_total{{outcome="{each}"}}' for each in ("accepted", "duplicate"))
IN_USE, WAITING = 'chiso_pool_connections_in_use{pool="write"}', 'chiso_pool_waiting{pool="write"}'
DIFFERENCES = 'chiso_verify_differences{root="H44",kind="plain"}'

FIRES: list[tuple[str, int, Series, set[str]]] = [
    # what, after how many minutes, what is other than in good health, what fires then
    ("no target is there at all", 4, {UP: "_x300"}, {"ChisoDown"}),
    ("the only one is down for three minutes", 8, {UP: "1x4 0x295"}, {"ChisoDown"}),
    ("and for six", 11, {UP: "1x4 0x295"}, {"ChisoDown", "ChisoReplicaDown"}),
    ("one of two is down", 11, {'up{job="chiso",instance="b"}': "1x4 0x295"}, {"ChisoReplicaDown"}),
    ("not ready", 8, {READY: "1x3 0x295"}, {"ChisoNotReady"}),
    ("started three times more", 50, {STARTED: "1000x9 2000x9 3000x9 4000x270"}, {"ChisoRestarting"}),
    ("six a minute are turned away", 15, {OVERLOADED: "0+6x300"}, {"ChisoOverloaded"}),
    (
        "connections are turned away",
        15,
        {'chiso_connections_refused_total{code="overloaded"}': "0+6x300"},
        {"ChisoOverloaded"},
    ),
    ("the first fault after the start", 9, {INTERNAL: "0x5 1x290"}, {"ChisoInternalError"}),
    ("two a second say nothing in time", 20, {LATE_REFUSED: "0+120x300"}, {"ChisoConnectionsRefused"}),
    ("no files", 9, {'chiso_accept_failures_total{instance="a"}': "0x5 1x290"}, {"ChisoOpenFilesExhausted"}),
    ("two questions in a hundred are slow", 30, reading(98, 100), {"ChisoReadsSlow"}),
    ("two versions", 130, {'chiso_build_info{version="0.2.0",instance="b"}': "1"}, {"ChisoVersionsMixed"}),
    ("the probe fails", 12, {PROBE: "1x4 0x295"}, {"ChisoUnreachable"}),
    ("thirteen days of a certificate are left", 70, {CERTIFICATE: str(13 * 86_400)}, {"ChisoCertificateExpires"}),
    ("one feed of three is silent", 10, {SILENT: "0x2 1x295", SENDING: "3x2 2x295"}, {"ChisoFeedSilent"}),
    ("all are", 10, {SILENT: "0x2 3x295", SENDING: "3x2 0x295"}, {"ChisoFeedSilent", "ChisoAllFeedsSilent"}),
    ("the log is not read", 40, {"chiso_feeds_behind_seconds": "0+60x300"}, {"ChisoFeedsNotFollowed"}),
    ("a tenth is rejected", 30, {ACCEPTED: "0+90x300", REJECTED: "0+10x300"}, {"ChisoRejectionsRising"}),
    ("all is rejected", 30, {REJECTED: "0+10x300"}, {"ChisoRejectionsRising"}),
    ("the first with personal data after the start", 9, {PERSONAL: "0x5 1x290"}, {"ChisoForbiddenSent"}),
    ("half of what comes is hours old", 100, lagging("0+1x300"), {"ChisoEventsLate"}),
    ("nothing but duplicates", 100, {DUPLICATE: "0+10x300", ACCEPTED: "0+9x300"}, {"ChisoResending"}),
    ("the database is away", 7, {'chiso_database_up{instance="a"}': "1x4 0x295"}, {"ChisoDatabaseDown"}),
    ("a push in five minutes is refused", 30, {UNAVAILABLE: "0x5 1x4 2x4 3x4 4x4 5x274"}, {"ChisoDatabaseRefuses"}),
    ("two commits in a hundred are slow", 20, committing(90, 98, 100), {"ChisoCommitsSlow"}),
    ("all connections are in use", 12, {IN_USE: "1x4 8x295"}, {"ChisoPoolExhausted"}),
    ("many wait", 18, {WAITING: "0x4 9x295"}, {"ChisoPoolExhausted"}),
    ("the disk", 30, {NODE.format("avail"): "140"}, {"ChisoDatabaseDiskFull"}),
    ("the claim", 30, {CLAIM.format("available"): "14", CLAIM.format("capacity"): "100"}, {"ChisoDatabaseDiskFull"}),
    ("the night's backup", 12, {UNIT.format("failed"): "0x4 1x295"}, {"ChisoUnitFailed"}),
    ("verify found something", 6, {DIFFERENCES: "0x5 2x290"}, {"ChisoVerifyFoundDifference"}),
    (
        "no life is folded for half an hour",
        40,
        {"chiso_refold_oldest_seconds": "0+60x300", "chiso_refold_lives_done": "0 200x295"},
        {"ChisoRefoldingStuck"},
    ),
]
QUIET: list[tuple[str, Series]] = [
    # Nearly two hours of it, in which nothing fires; the first two are starts without events.
    ("nothing has happened yet", {}),
    (
        "and the database has not said anything",
        {
            **dict.fromkeys(
                ("chiso_database_bytes", "chiso_feeds_behind_seconds", "chiso_refold_oldest_seconds"), "NaN"
            ),
            **dict.fromkeys((PLAIN, DEEP, DIFFERENCES, SILENT, SENDING, PROBE, CERTIFICATE), "_"),
        },
    ),
    ("one scrape failed", {UP: "1x50 0 1x249"}),
    ("a replica is exchanged", {'up{job="chiso",instance="b"}': "1x4 0x3 stale"}),
    ("not ready for two minutes", {READY: "1x50 0x1 1x240"}),
    ("two starts within an hour", {STARTED: "1000x9 2000x9 3000x270"}),
    ("two a minute are turned away", {OVERLOADED: "0+2x300"}),
    ("ten refused connections a minute", {LATE_REFUSED: "0+10x300"}),
    ("few are slow, and few are asked", reading(1, 2)),
    ("one in two hundred is slow", reading(199, 200)),
    ("an upgrade of an hour", {'chiso_build_info{version="0.2.0",instance="b"}': "1x60 _x240"}),
    ("the probe failed for four minutes", {PROBE: "1x50 0x3 1x245"}),
    ("fifteen days of a certificate are left", {CERTIFICATE: str(15 * 86_400)}),
    ("a feed that is still learned", {SENDING: "0", 'chiso_feeds{root="H44",state="learning"}': "1"}),
    ("the log is read some minutes later", {"chiso_feeds_behind_seconds": "0x50 30000x10 0x240"}),
    ("one of a hundred is rejected", {ACCEPTED: "0+99x300", REJECTED: "0+1x300"}),
    ("one is rejected, and nothing else came", {REJECTED: "0x5 1x290"}),
    ("ten of eleven come at once", lagging("0+1x300", "0+10x300")),
    ("a few late ones alone", lagging("0x50 5x249")),
    ("a batch is sent again", {DUPLICATE: "0x50 90x249", ACCEPTED: "0+1x300"}),
    ("a database that starts again", {'chiso_database_up{instance="a"}': "1x50 0 1x249"}),
    ("a failover of three minutes", {UNAVAILABLE: "0x50 0+40x3 160x245", READY: "1x50 0x2 1x246"}),
    ("one commit in two hundred is slow", committing(190, 199, 200)),
    ("all connections in use for four minutes", {IN_USE: "1x50 8x3 1x245"}),
    ("some wait at a scrape", {WAITING: "0x50 1 0x249"}),
    ("a fifth of the disk is left", {NODE.format("avail"): "200"}),
    (
        "a large root is folded again",
        {"chiso_refold_oldest_seconds": "0+60x300", "chiso_refold_lives_done": "0+900x300"},
    ),
]


def days(*values: float) -> str:
    """A number for each day, asked for every hour."""
    return " ".join(f"{value}x23" for value in values)


UNASKED: Series = {PLAIN: "_", DEEP: "_"}
LONG: list[tuple[str, int, Series, set[str]]] = [
    # By the hour: for how many days, and what fires at their end.
    # Nine days of Tet: nobody works and nothing comes; the nightly verify goes on, deep on Sundays.
    ("Tet", 9, {PLAIN: days(*(n * 86_400 for n in range(9))), DEEP: days(*[0] * 7, *[7 * 86_400] * 2)}, set()),
    # Nothing was verified since the first event came, three days ago and sixteen.
    ("never verified", 3, {}, {"ChisoVerifyMissing"}),
    ("not yet", 2, {}, set()),
    ("never deeply", 16, {PLAIN: days(*(n * 86_400 for n in range(16)))}, {"ChisoVerifyMissing"}),
    (
        "a database grows",
        9,
        {"chiso_database_bytes": days(*[10e9] * 7, *[16e9] * 2), **UNASKED},
        {"ChisoDatabaseGrows"},
    ),
    ("a small one does", 9, {"chiso_database_bytes": days(*[1e9] * 7, *[5e9] * 2), **UNASKED}, set()),
    ("a large one does", 9, {"chiso_database_bytes": days(*[90e9] * 7, *[99e9] * 2), **UNASKED}, set()),
    ("a new one does", 3, {"chiso_database_bytes": days(1e9, 9e9, 90e9), **UNASKED}, set()),
]


def case(name: str, step: str, steps: int, series: Series, checks: list[dict[str, Any]]) -> dict[str, Any]:
    given = {each: steady(value, steps) for each, value in (HEALTHY | dict(series)).items()}
    return {
        "name": name,
        "interval": step,
        "input_series": [{"series": each, "values": value} for each, value in given.items()],
        "promql_expr_test": checks,
    }


def firing(at: str, expected: set[str], ever: str = "") -> dict[str, Any]:
    """What fires at an instant, or has at any time before."""
    alerts = 'ALERTS{alertstate="firing"}'
    return {
        "expr": f"count by (alertname) ({f'count_over_time({alerts}[{ever}])' if ever else alerts})",
        "eval_time": at,
        "exp_samples": [{"labels": f'{{alertname="{each}"}}', "value": 1} for each in sorted(expected)],
    }


def test_every_alert_fires_when_it_should_and_nothing_fires_when_it_should_not(tmp_path: Path) -> None:
    fired = {each for *_, expected in (*FIRES, *LONG) for each in expected}
    assert fired == set(alerts())
    cases = [case(f"fires: {name}", "1m", MINUTES, more, [firing(f"{at}m", due)]) for name, at, more, due in FIRES]
    cases += [case(f"quiet: {name}", "1m", MINUTES, more, [firing("110m", set(), "110m")]) for name, more in QUIET]
    long = [case(name, "1h", 24 * 17, more, [firing(f"{of * 24 - 1}h", due)]) for name, of, more, due in LONG]
    for step, tests in (("1m", cases), ("1h", long)):
        file = tmp_path / f"{step}.yaml"
        rules = {"rule_files": [str(MONITORING / "alerts.yaml")], "evaluation_interval": step, "tests": tests}
        file.write_bytes(msgspec.json.encode(rules))
        done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, f"Unit Testing:  {file}\n  SUCCESS\n\n")
