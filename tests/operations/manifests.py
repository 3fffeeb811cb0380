"""The manifests of k8s/ as kubectl renders them, and what is in them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer.main
import yaml
from typer.core import TyperGroup

from app.cli import app

PLACE = Path(__file__).resolve().parents[2]
OVERLAYS = ("single", "production", "citus")
KUBECTL = shutil.which(str(Path(sys.executable).with_name("kubectl"))) or shutil.which("kubectl")
Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    """What `kubectl apply -k` would apply."""
    assert KUBECTL is not None
    done = subprocess.run([KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


def office(overlay: str, folder: Path) -> Path:
    """A folder with the overlay that k8s/README.md tells an office to write, over one of ours."""
    document = (PLACE / "k8s" / "README.md").read_text()
    found = re.search(r"kustomization.yaml <<'END'\n(.*?)\nEND\n", document, re.DOTALL)
    assert found is not None
    written = re.sub(r"\.\./production .*", f"../../k8s/overlays/{overlay}", found[1])
    if overlay == "single":
        written, dropped = re.subn(r"  # Not with single:.*", "", written, flags=re.DOTALL)
        assert dropped == 1
    # Kustomize wants paths from there to here, and resolves links.
    shutil.copytree(PLACE / "k8s", folder / "k8s", dirs_exist_ok=True)
    shutil.copytree(PLACE / "deploy" / "monitoring", folder / "deploy" / "monitoring", dirs_exist_ok=True)
    there = folder / "offices" / overlay
    there.mkdir(parents=True)
    (there / "kustomization.yaml").write_text(written)
    return there


def named(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """All of a kind, by name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The templates of all pods, by kind and name of what makes them."""
    for each in manifests:
        spec = each.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template is not None:
            yield f"{each['kind']}/{each['metadata']['name']}", template


def containers(template: Manifest) -> list[Manifest]:
    """The containers of a pod, those of its beginning first."""
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def selects(selector: Manifest, labels: Manifest) -> bool:
    """Whether a label selector selects who has these labels."""
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions)
    wanted: Manifest = selector.get("matchLabels", {})
    return wanted.items() <= labels.items() and all(labels.get(each["key"]) in each["values"] for each in expressions)


def understood(arguments: Sequence[str]) -> str:
    """The command that these arguments of `chiso` name, the last of a group's; it is not run.

    Raises:
        Exception: `chiso` has no such command or option.
    """
    command: Any = typer.main.get_command(app)
    context, rest = command.make_context("chiso", list(arguments)), list(arguments)
    while isinstance(command, TyperGroup) and rest and (own := command.get_command(context, rest[0])) is not None:
        command = own
        context = command.make_context(rest.pop(0), list(rest))
    assert not isinstance(command, TyperGroup) or command.invoke_without_command, arguments
    return str(command.name)
