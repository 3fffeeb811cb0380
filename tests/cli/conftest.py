"""The `chiso` command on a database of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.faults.serving import chiso, environment

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def command(postgres_database: str, tmp_path: Path) -> Command:
    """Runs `chiso` on a migrated database; keywords are settings that go over the usual ones."""

    def run(*arguments: str, **settings: str) -> CompletedProcess[str]:
        usual = {"CHISO_DATABASE__DSN": postgres_database, "CHISO_DATA_DIR": str(tmp_path / "data")}
        return chiso(environment(**(usual | settings)), *arguments)

    return run


def line(ended: CompletedProcess[str], code: int = 1) -> str:
    """The one line in which a command says why it failed."""
    assert ended.returncode == code, (ended.stdout, ended.stderr)
    [said] = ended.stderr.splitlines()
    assert said.startswith("chiso: ")
    return said.removeprefix("chiso: ")
