"""A page of the runbook, performed: a test runs the commands that stand in its blocks, so that they cannot drift apart.

A block is run by what stands behind its language:

    sh               as the operator
    sh settings      once a page: names and values of a place, for which a test gives its own
    sh postgres      as PostgreSQL's own user on the host of the database
    sh timescale     as the operator, where the database has TimescaleDB
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from app.store.embedded.home import Home
from tests.faults.serving import environment

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook"
_BLOCK = re.compile(r"^```sh ?(?P<who>[a-z]*)\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"\b([A-Z][A-Z0-9_]*)=")
_WITHIN_S = 120


class Page:
    """A page and what stands for its settings.

    Args:
        settings: a value for every name that the page's settings have.
        home: where PostgreSQL's programs are, and who runs the server.
        more: other variables of the environment, such as `CHISO_…`.
        timescale: whether the database has TimescaleDB.
    """

    def __init__(
        self,
        name: str,
        settings: Mapping[str, str],
        home: Home,
        more: Mapping[str, str] | None = None,
        timescale: bool = False,
    ) -> None:
        self._name, self._home, self._timescale = name, home, timescale
        parts = re.split(r"^## (.+)\n", (RUNBOOK / f"{name}.md").read_text(), flags=re.MULTILINE)
        sections = dict(zip(parts[1::2], parts[2::2], strict=True))
        self._blocks = {
            heading: [(each["who"], each["commands"]) for each in _BLOCK.finditer(text)]
            for heading, text in sections.items()
        }
        given = [commands for blocks in self._blocks.values() for who, commands in blocks if who == "settings"]
        assert [set(_NAME.findall(each)) for each in given] == [set(settings)], f"{name}: its settings"
        self._left = {heading for heading, blocks in self._blocks.items() if {who for who, _ in blocks} - {"settings"}}
        programs = f"{home.bin}:{Path(sys.executable).parent}"
        self.environment = (
            environment() | dict(settings) | dict(more or {}) | {"PATH": f"{programs}:{os.environ['PATH']}"}
        )

    def perform(self, heading: str, within: float = _WITHIN_S) -> str:
        """Run the blocks under a heading in their order; what they print on standard output."""
        self._left.discard(heading)
        blocks = [(who, commands) for who, commands in self._blocks[heading] if who != "settings"]
        assert blocks, f"{self._name}: {heading} has no commands"
        return "".join(
            self._run(commands, who == "postgres", within)
            for who, commands in blocks
            if who != "timescale" or self._timescale
        )

    def change(self, said: str, runs: str) -> None:
        """Run the commands with another word in the place of one that a place may need otherwise, such as a port."""
        assert any(said in commands for blocks in self._blocks.values() for _, commands in blocks)
        for heading, blocks in self._blocks.items():
            self._blocks[heading] = [(who, commands.replace(said, runs)) for who, commands in blocks]

    def assert_performed(self) -> None:
        """That no heading with commands was left out."""
        assert self._left == set()

    def _run(self, commands: str, as_server: bool, within: float) -> str:
        user = self._home.user.popen_arguments() if as_server else {}
        ended: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
            ["/bin/bash", "-euo", "pipefail", "-c", commands],
            cwd="/",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=within,
            **user,
        )
        assert ended.returncode == 0, f"{self._name}: {commands}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout
