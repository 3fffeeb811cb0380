"""The documents name what the code has: a setting or a metric that is missing there fails here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Metric
from pydantic import BaseModel

from app.api.http.metrics import Metrics
from app.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _settings(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str | None]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper(), field.description


def test_every_setting_is_described_in_the_code_and_in_the_document() -> None:
    document = (DOCS / "settings.md").read_text()
    settings = dict(_settings(Settings, "CHISO_"))
    assert len(settings) >= 9
    for name, description in settings.items():
        assert description, name
        assert f"`{name}`" in document, name
    assert set(re.findall(r"`(CHISO_[A-Z_]+)`", document)) - set(settings) == {
        "CHISO_PG_BIN",
        "CHISO_KEY",
        "CHISO_SERVICE_HOST",
    }


def test_every_metric_is_in_the_document() -> None:
    document = (DOCS / "operations.md").read_text()
    metrics: list[Metric] = list(Metrics().registry.collect())
    ours = [f"{m.name}_total" if m.type == "counter" else m.name for m in metrics if m.name.startswith("chiso_")]
    assert len(ours) >= 8
    assert [name for name in ours if f"`{name}`" not in document] == []
    roles = {"chiso_owner", "chiso_writer", "chiso_reader"}
    assert set(re.findall(r"`(chiso_[a-z_]+)`", document)) - roles == set(ours)


def test_every_link_between_documents_leads_somewhere() -> None:
    roots = (DOCS.parent / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "k8s/README.md"))
    pages = [*DOCS.rglob("*.md"), *roots]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_where_a_threat_is_met_is_tried_where_the_document_says() -> None:
    named = re.findall(r"`((?:tests|app)/[^`]+)`", (DOCS / "security.md").read_text())
    assert len(named) > 25
    assert [each for each in named if not (DOCS.parent / each).exists()] == []


def test_the_licence_is_there_in_full_and_named_alike_everywhere() -> None:
    licence = (DOCS.parent / "LICENSE").read_text()
    assert len(licence) == 11_358
    assert licence.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert "[Apache-2.0](LICENSE)" in (DOCS.parent / "README.md").read_text()
