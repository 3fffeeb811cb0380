"""The `chiso` command on a database of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg
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


def told(dsn: str) -> list[tuple[str, str, dict[str, Any]]]:
    """What commands have told the audit log: the unit, the command, what came of it, oldest first."""
    with psycopg.connect(dsn) as rows:
        found = rows.execute(
            """
            SELECT by, actor = session_user, action, before, unit, code, after
            FROM audit WHERE kind = 'command' ORDER BY id
            """
        ).fetchall()
    assert {row[:4] for row in found} <= {("command_line", True, "ran", None)}
    return [row[4:] for row in found]


def line(ended: CompletedProcess[str], code: int = 1) -> str:
    """The one line in which a command says why it failed."""
    assert ended.returncode == code, (ended.stdout, ended.stderr)
    [said] = ended.stderr.splitlines()
    assert said.startswith("chiso: ")
    return said.removeprefix("chiso: ")
