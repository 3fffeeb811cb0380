"""`chiso serve` as people run it: the real command in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

CHISO = Path(sys.executable).with_name("chiso")
CREATE = ("keys", "create", "--new-root", "--unit", "H44", "--scope=ingest", "--scope=read", "--scope=admin")
"""The command that begins a root, with a key of all scopes."""
_STARTING_S = 120


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings of chiso and no others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CHISO_")} | settings


def command_of(tree: Path | None) -> list[str]:
    """How `chiso` is called; that of a checkout of another version from its folder."""
    return [str(CHISO)] if tree is None else [sys.executable, "-m", "app.cli"]


def chiso(settings: Mapping[str, str], *arguments: str, tree: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A `chiso` command, run to its end."""
    command = [*command_of(tree), *arguments]
    return subprocess.run(command, env=dict(settings), cwd=tree, capture_output=True, text=True, check=False)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


class Serving:
    """A served `chiso`, ready when the block is entered; what it writes goes to `log`.

    Args:
        tree: a checkout of another version, to serve that.
    """

    def __init__(self, settings: Mapping[str, str], log: Path, *arguments: str, tree: Path | None = None) -> None:
        self._settings, self.log, self._arguments, self._tree = dict(settings), log, arguments, tree
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            command = [*command_of(self._tree), "serve", "--port", str(self.port), *self._arguments]
            self._process = subprocess.Popen(command, env=self._settings, cwd=self._tree, stdout=log, stderr=log)
        ends = time.monotonic() + _STARTING_S
        with self.client() as client:
            while not _is_ready(client):
                assert self._process.poll() is None, self.log.read_text()
                assert time.monotonic() < ends, self.log.read_text()
                time.sleep(0.1)
        return self

    @property
    def pid(self) -> int:
        """Of the process that was started."""
        return self._process.pid

    def client(self, key: str = "") -> httpx.Client:
        """A client that sends the key, if there is one."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Nothing here is encrypted; reading the system's certificates takes longer than the calls.
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, verify=False)

    def kill(self) -> None:
        """End it as a power cut would: without a word to it."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def ask_to_end(self) -> None:
        """Ask it to end, as a container's host does."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Until it has ended; raises TimeoutExpired."""
        self._process.wait(seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
