"""A small run of the benchmark against the real command: its counts agree. How fast it is, is not asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str) -> dict:
    """`python -m bench` in a process of its own, as JSON."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHISO_")}
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict = json.loads(done.stdout)
    return told


def test_a_tiny_write_run_is_counted_and_right(postgres_dsn: str, tmp_path: Path) -> None:
    told = run(
        *("write", "--dsn", postgres_dsn, "--dir", str(tmp_path), "--shape", "normal", "--shape", "duplicates"),
        *(
            "--peers",
            "copy,plain",
            "--rounds",
            "1",
            "--events",
            "1000",
            "--seconds",
            "2",
            "--clients",
            "2",
            "--only",
            "100 × 8",
        ),
    )
    assert [check["shape"] for check in told["checks"]] == ["normal", "duplicates"]
    for check in told["checks"]:
        assert check["verified"], check["verify"]
        assert check["events"] == check["expected"] > 0
        assert check["rejected"] == 0
        assert check["errors"] == []
    assert told["checks"][1]["duplicates"] >= 500
    for each in told["writes"]:
        assert each["kept"] == each["acknowledged"] > 0
        assert each["failed"] == []
        assert each["timing"]["n"] > 0
    assert {each["target"] for each in told["writes"]} == {"chiso", "copy", "plain"}
    assert [(size["shape"], size["target"]) for size in told["sizes"]] == [("normal", "plain"), ("duplicates", "plain")]
    for size, check in zip(told["sizes"], told["checks"], strict=True):
        assert size["events"] == check["events"]
        assert {each["table"] for each in size["storage"]} == {"events", "units"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("chiso-bench-")]


def test_a_tiny_read_run_asks_the_service_and_the_plain_peer(postgres_dsn: str, tmp_path: Path) -> None:
    told = run(
        *("read", "--dsn", postgres_dsn, "--keep", str(tmp_path), "--scale", "0.0005", "--seconds", "0.1"),
        *("--no-peers", "--rate", "0", "--only", "commune"),
    )
    asked = [each for each in told["reads"] if each["way"] == "plain"]
    assert [each["question"] for each in asked] == ["scorecard, commune, year", "ranking, communes, on time"]
    assert all(each["ratio"] > 0 and set(each["status"]) == {"200"} for each in asked)
    rows = {each["name"]: each["values"] for each in told["rows"]}
    assert rows["received"]["chiso"] == pytest.approx(rows["received"]["plain"], rel=0.02)
    assert all(each["held"] for each in told["limits"])
    # Both databases are kept for the next run.
    kept = json.loads((tmp_path / "bench.json").read_text())
    assert kept["database"].startswith("chiso_bench_")
    assert kept["plain"].startswith("plain_bench_")


def test_a_tiny_recount_agrees_on_all_sides(postgres_dsn: str, tmp_path: Path) -> None:
    told = run(
        *("sql", "--dsn", postgres_dsn, "--keep", str(tmp_path), "--scale", "0.0005", "--seconds", "0.1"),
    )
    assert told["equal"]
    for each in told["equal"]:
        assert len(set(each["counts"].values())) == 1, each
    assert {"chiso", "duckdb", "sql literal", "sql tuned"} <= set(told["equal"][0]["counts"])
    assert {each["query"][:2] for each in told["queries"]} == {"Q1", "Q2", "Q3", "Q4", "Q5", "Q6"}
