"""The trials under load against the real command, as small as they go: everything they check holds.

How fast anything is, is not asked, and aims that a slow machine misses fail nothing here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.command import bench

Told = dict[str, Any]


@pytest.fixture(scope="module")
def history(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Arguments that name a tiny province, loaded by the first who asks for it."""
    return ("--dsn", postgres_dsn, "--keep", str(tmp_path_factory.mktemp("history")), "--scale", "0.0005")


def run(*arguments: str) -> Told:
    """`python -m bench` in this process, which has loaded what it needs, as JSON."""
    done = CliRunner().invoke(bench, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    told: Told = json.loads(done.stdout)
    return told


def held(told: Told) -> dict[str, str]:
    """What was found of every check, all of which must hold."""
    checks = [each for each in told["limits"] if not each["aim"]]
    assert [each for each in checks if not each["held"]] == []
    return {each["what"]: each["found"] for each in checks}


def rows(told: dict, table: str) -> dict[str, Told]:
    """The rows of a table by their names."""
    return {each["name"]: each["values"] for each in told["rows"] if each["table"] == table}


def test_viewers_see_every_change_and_nothing_is_lost_beside_them(history: tuple[str, ...]) -> None:
    told = run(
        *("storm", *history, "--phases", "6/8", "--units", "5"),
        *("--every", "0.3", "--rate", "200", "--seconds", "1.5"),
    )
    found = held(told)
    pushed = int(found["events in the log, of those acknowledged"].replace(",", ""))
    phases = rows(told, "Dashboards while events flow")
    assert list(phases) == ["6 streams, 8 pollers"]
    assert phases["6 streams, 8 pollers"]["polls"] == 40
    meanwhile = rows(told, "Events meanwhile, in requests of 20")
    changes = phases["6 streams, 8 pollers"]["changes pushed"]
    beside = 20 * meanwhile["6 streams, 8 pollers"]["answered"]
    # Some of the events beside them are sent twice.
    assert 0 < changes < pushed <= changes + beside
    assert pushed > changes + 0.9 * beside
    assert told["missing"] == []
    assert found["6 streams, 8 pollers: changes a stream never showed"] == "0"
    # Every change is shown on at least one stream, because all of the marked units are subscribed to.
    assert int(found["6 streams, 8 pollers: changes shown"]) >= changes
    assert found["6 streams, 8 pollers: polls not answered with 200 or 304"] == "0"


def test_a_mixed_load_is_counted_and_its_memory_looked_at(history: tuple[str, ...]) -> None:
    told = run(
        *("soak", *history, "--minutes", "0.03", "--rate", "4000"),
        *("--flood", "0", "--growth", "100000"),
    )
    held(told)
    parts = rows(told, "Mixed load")
    assert list(parts) == ["bulk of 1,000", "singles", "duplicates, by 1,000", "rejected, by 100", "questions"]
    assert all(each["answered"] > 0 and each["failed"] == 0 for each in parts.values())
    [memory] = rows(told, "Memory of the service, MiB").values()
    assert memory["samples"] > 10
    assert 0 < memory["first half, median"] <= memory["peak"]


def test_a_rebuild_beside_writes_and_reads_changes_no_figure(history: tuple[str, ...]) -> None:
    told = run("rebuild", *history, "--rate", "200")
    found = held(told)
    assert found["generations swapped"] == "1"
    assert found["figures of the unit nothing was written to, different answers"] == "1"
    work = rows(told, "Rebuild and verify")
    written = int(found["events in the log, of those acknowledged"].replace(",", ""))
    assert work["rebuild"]["events"] <= work["verify"]["events"]
    assert work["verify"]["events"] > written > 0
    assert rows(told, "A push's answer")["while it runs"]["n"] > 0


def test_other_roots_are_made_from_a_log_and_have_its_figures(history: tuple[str, ...]) -> None:
    few = ("--seconds", "0.1", "--only", "scorecard, commune", "--rate", "200", "--pushed", "2")
    told = run("country", *history, "--roots", "2", *few)
    found = held(told)
    assert found["roots whose figures are not those of the first"] == "0"
    # What the keys of a kept folder hang on stays with it, for the process that takes it up again.
    assert (Path(history[3]) / "pepper").stat().st_size == 32
    assert int(found["events in the log, of those acknowledged"].replace(",", "")) > 0
    pushed = rows(told, "One root's pushes and scorecards alone, and while the others push")
    assert list(pushed) == ["pushes of 20", "scorecards"]
    assert all(value is not None for row in pushed.values() for value in row.values())
    shares = rows(told, "All roots push as fast as they are answered")["2 roots"]
    assert 0 < shares["fewest ÷ most"] <= 1
    [changed, kept] = rows(told, "One root's answers alone and among others, at the HTTP answer").items()
    assert [changed[0], kept[0]] == ["scorecard, commune, year, changed", "scorecard, commune, year, kept"]
    assert all(value is not None for row in (changed[1], kept[1]) for value in row.values())
    assert [each["question"] for each in told["reads"][::2]] == [
        "scorecard, commune, year",
        "H45: scorecard, commune, year",
    ]


def test_events_dealt_over_two_services_are_all_there_once(postgres_dsn: str, tmp_path: Path) -> None:
    told = run("replicas", "--dsn", postgres_dsn, "--dir", str(tmp_path), "--events", "1000", "--only", "duplicates")
    found = held(told)
    assert found["acknowledged events that are not in the log"] == "0"
    shapes = rows(told, "Several services on one database")
    assert list(shapes) == ["duplicates, first", "duplicates"]
    assert shapes["duplicates"]["accepted"] == 0
    assert sum(each["accepted"] for each in shapes.values()) == int(
        found["events in the log, once each"].replace(",", "")
    )
    assert all(each["duplicates"] > 0 for each in shapes.values())
