"""`chiso serve` as people run it: the real command in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

CHISO = Path(sys.executable).with_name("chiso")
CREATE = ("keys", "create", "--new-root", "--unit", "H44", "--scope=ingest", "--scope=read", "--scope=admin")
"""The command that begins a root, with a key of all scopes."""
_STARTING_S = 120
_WITHIN_S = 90
Batch = list[dict[str, Any]]
"""Events as they are sent."""


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


class Pushing:
    """Clients that push batches side by side, each batch until `push` says that it was taken.

    Args:
        pause: seconds after each trial.
    """

    def __init__(self, batches: Sequence[Batch], push: Callable[[Batch], bool], pause: float, clients: int = 3) -> None:
        self._left, self._push, self._pause = list(batches), push, pause
        self._lock = threading.Lock()
        self.done = 0
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def await_done(self, batches: int) -> None:
        """Until so many batches were taken."""
        ends = time.monotonic() + _WITHIN_S
        while self.done < batches:
            assert time.monotonic() < ends
            time.sleep(0.01)

    def join(self) -> None:
        """Until all were taken."""
        for thread in self._threads:
            thread.join(_WITHIN_S)
            assert not thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._left:
                    return
                batch = self._left.pop(0)
            while not self._push(batch):
                time.sleep(self._pause)
            with self._lock:
                self.done += 1


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

    @property
    def code(self) -> int | None:
        """What it ended with, a signal as its negative; None while it runs."""
        return self._process.poll()

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
