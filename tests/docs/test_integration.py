"""docs/integration.md: its commands work as printed, and both languages say the same."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from app.intake.dvcqg import dossier
from app.intake.dvcqg.envelope import OAUTH
from tests.api.conftest import served, stocked_database, stocked_template
from tests.intake.dvcqg.payloads import PERSON
from tests.running import Running, now, running

__all__ = ["now", "running", "served", "stocked_database", "stocked_template"]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "integration.md").read_text()
PARTS = PAGE.split("\n# ")[1:]


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


def _commands() -> list[tuple[str, str]]:
    """Commands, and what is printed below each."""
    blocks = re.findall(r"^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    found = []
    for block in blocks:
        for one in re.split(r"\n\n", block.strip()):
            command, _, answer = one.rpartition("\n")
            found.append((command, answer))
    return found


async def test_the_commands_are_answered_as_printed(served: Running) -> None:
    commands = _commands()
    assert len(commands) == 5
    for command, printed in commands:
        curl, _, method, url, *rest = shlex.split(command.replace("\\\n", " "))
        assert (curl, method) == ("curl", "POST")
        path = url.removeprefix("http://127.0.0.1:8000").replace("<khóa>", served.key).replace("<key>", served.key)
        headers = dict([rest[rest.index("-H") + 1].split(": ")])
        content = rest[rest.index("-d") + 1].encode()
        answer = await served.client.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.json()) == (200, json.loads(printed)), command
    card = (await served.get("/v1/scorecard", unit="H44.07", period="2026")).json()
    assert card["balance"]["received"] == 3


def test_both_languages_name_the_same() -> None:
    vietnamese, english = ([line for line in part.splitlines() if line.startswith("| `")] for part in PARTS)
    assert len(vietnamese) == len(english) > 15
    for one, other in zip(vietnamese, english, strict=True):
        assert re.findall(r"`[^`]+`", one.split(" | ")[0]) == re.findall(r"`[^`]+`", other.split(" | ")[0])


@pytest.mark.parametrize("part", PARTS, ids=["vi", "en"])
def test_what_is_read_and_what_is_dropped_is_named(part: str) -> None:
    source = Path(dossier.__file__).read_text()
    read = set(re.findall(r'fields\.\w+\("(\w+)"\)', source)) | {"NoiDungXuLy", "ThoiDiemXuLy", "TrangThai"}
    assert len(read) > 20
    for name in {*read, *PERSON, *OAUTH, "NguoiXuLy", "TraCuuTechID", "DongBoHoSoMC"}:
        assert re.search(rf"\b{name}\b", part), name
