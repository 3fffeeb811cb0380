"""What a release says it is made of: all that uv.lock has for it, each under a licence that is allowed."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / ".ci" / "sbom.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `make sbom` has put what it makes."""
    folder = tmp_path_factory.mktemp("dist")
    made = subprocess.run(["make", "sbom", f"DIST={folder}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return folder


def locked() -> set[tuple[str, str]]:
    """Name and version of every package that the service needs to run, on any system, followed through uv.lock."""
    packages: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    to_see: list[tuple[str, str | None, tuple[str, ...]]] = [("chiso", None, ())]
    seen: set[tuple[str, str | None, tuple[str, ...]]] = set()
    while to_see:
        wanted = to_see.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        name, version, extras = wanted
        for each in packages:
            if each["name"] == name and version in (None, each["version"]):
                optional = each.get("optional-dependencies", {})
                needs = [*each.get("dependencies", ()), *(one for extra in extras for one in optional[extra])]
                to_see += [(one["name"], one.get("version"), tuple(one.get("extra", ()))) for one in needs]
    names = {(name, version) for name, version, _ in seen if name != "chiso"}
    return {
        (each["name"], each["version"])
        for each in packages
        if names & {(each["name"], each["version"]), (each["name"], None)}
    }


def test_all_that_the_service_runs_on_is_in_the_bill_with_an_allowed_licence(folder: Path) -> None:
    bill = json.loads((folder / "chiso-0.1.0.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert (bill["metadata"]["component"]["name"], bill["metadata"]["component"]["version"]) == ("chiso", "0.1.0")
    packages = [each for each in bill["components"] if "purl" in each]
    assert {(each["name"], each["version"]) for each in packages} == locked()
    assert {"fastapi", "asyncpg", "psycopg-binary", "uvloop", "limits", "greenlet"} <= {e["name"] for e in packages}
    assert not {"pytest", "mypy", "ruff", "playwright"} & {each["name"] for each in packages}
    script = runpy.run_path(str(SCRIPT))
    allowed = script["ALLOWED"]
    assert not [each for each in allowed if each.startswith(("GPL", "AGPL", "SSPL", "BUSL"))]
    assert not script["is_allowed"]("MIT AND GPL-3.0-or-later")
    for each in bill["components"]:
        [licence] = each["licenses"]
        named = licence["expression"] if "expression" in licence else licence["license"]["id"]
        assert set(named.replace(" AND ", " OR ").split(" OR ")) <= allowed, each["name"]
    known = {each["name"]: each["licenses"] for each in bill["components"]}
    assert known["fastapi"] == known["uvloop"] == known["limits"] == [{"license": {"id": "MIT"}}]
    assert known["psycopg"] == [{"license": {"id": "LGPL-3.0-only"}}]
    assert known["cryptography"] == [{"expression": "Apache-2.0 OR BSD-3-Clause"}]


def test_the_licences_are_there_in_full(folder: Path) -> None:
    texts = (folder / "THIRD-PARTY-LICENSES.txt").read_text().split("=" * 80)
    by_name = {text.split()[0]: text for text in texts}
    assert by_name.keys() >= {"fastapi", "asyncpg", "vega", "swagger-ui-dist", "postgresql"}
    assert "Permission is hereby granted, free of charge" in by_name["fastapi"]
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in by_name["psycopg"]


@pytest.mark.parametrize(
    ("name", "why"), [("of-nobody", "its licence is not known"), ("hypothesis", None), ("pytest", None)]
)
def test_a_package_under_an_unknown_licence_is_not_released(name: str, why: str | None, tmp_path: Path) -> None:
    bill = {"metadata": {"component": {"version": "0.1.0"}}, "components": [{"name": name, "version": "1.0"}]}
    command = [sys.executable, str(SCRIPT), str(tmp_path / "dist")]
    ended = subprocess.run(command, input=json.dumps(bill), capture_output=True, text=True, check=False)
    if why is None:  # MPL-2.0 and MIT
        assert ended.returncode == 0
        return
    assert (ended.returncode, ended.stderr) == (1, f"not to be released with:\n  {name} 1.0: {why}\n")
    assert not (tmp_path / "dist").exists()
