"""What the benchmark starts: servers as processes of its own on the loopback interface, ended with it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx
import msgspec
import psutil

from bench.client import Told

_STARTING_S: Final = 120.0
_STOPPING_S: Final = 30.0
_T = TypeVar("_T", bound=msgspec.Struct)


class DidNotStart(Exception):
    """A server ended or did not answer in time; the message ends with what it said."""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def folder(under: Path | None) -> Iterator[Path]:
    """A folder for the run, which the unprivileged user of a database server can enter too; removed at the end."""
    if under is not None:
        under.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="chiso-bench-", dir=under)).resolve()
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def kept(folder: Path) -> Iterator[Path]:
    """A folder that stays."""
    folder.mkdir(parents=True, exist_ok=True)
    yield folder.resolve()


class ClientFailed(Exception):
    """A client process did not come to its end."""


class Served:
    """A server process, ready when the block is entered. `alive` is asked until it says so."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path, alive: str) -> None:
        self._command, self._environment, self._log, self._alive = command, environment, log, alive
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the benchmark, which then ends what it started.
            self._process = subprocess.Popen(
                list(self._command), env=dict(self._environment), stdout=log, stderr=log, start_new_session=True
            )
        ends = time.monotonic() + _STARTING_S
        try:
            # Made once: a client costs more than a request.
            with httpx.Client(timeout=5, verify=False) as client:  # noqa: S501  loopback, no TLS
                while not self._is_alive(client):
                    if self._process.poll() is not None or time.monotonic() > ends:
                        said = self._log.read_text(errors="replace")[-1500:]
                        raise DidNotStart(f"{Path(self._command[0]).name} did not start:\n{said}")
                    time.sleep(0.05)
        except BaseException:
            self.stop()
            raise
        return self

    def _is_alive(self, client: httpx.Client) -> bool:
        try:
            return client.get(self._alive).status_code < 300
        except httpx.TransportError:
            return False

    def _processes(self) -> list[psutil.Process]:
        """The process and its children."""
        if self._process is not None:
            with contextlib.suppress(psutil.Error):
                whole = psutil.Process(self._process.pid)
                return [whole, *whole.children(recursive=True)]
        return []

    def rss(self) -> int:
        """Bytes of memory of the process and its children now."""
        total = 0
        for each in self._processes():
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
        return total

    def most_rss(self) -> int:
        """The most memory each of them has had so far, as the kernel keeps it; 0 where it does not."""
        total = 0
        for each in self._processes():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{each.pid}/status").read_text()
                total += sum(1024 * int(kib) for kib in re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE))
        return total

    def cpu(self) -> float:
        """Seconds of processor time that the process and its children have had."""
        total = 0.0
        for each in self._processes():
            with contextlib.suppress(psutil.Error):
                used = each.cpu_times()
                total += used.user + used.system
        return total

    def stop(self) -> None:
        """End it, politely first."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOPPING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Beside:
    """Work in a thread of its own while the block runs; it is to end soon once `_done` is set."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._done.set()
        self._thread.join()


class Workers:
    """Client processes that are ready to begin together."""

    def __init__(self, module: str, plans: Sequence[msgspec.Struct], work: Path) -> None:
        self._processes = []
        self._results = [work / f"result-{number}.json" for number, _ in enumerate(plans)]
        for number, plan in enumerate(plans):
            file = work / f"plan-{number}.json"
            file.touch(mode=0o600)
            file.write_bytes(msgspec.json.encode(plan))
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", module, str(file), str(self._results[number])],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
        try:
            for process in self._processes:
                assert process.stdout is not None
                if process.stdout.readline() != b"ready\n":
                    raise ClientFailed("a client ended before it began")
        except BaseException:
            self.end()
            raise

    def begin(self) -> None:
        """Let all of them send."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.flush()

    def stopped(self) -> list[Told]:
        """The same of clients that are told to begin no request any more."""
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        return self.results()

    def results(self) -> list[Told]:
        """What each of them tells at its end."""
        return self.results_as(Told)

    def results_as(self, kind: type[_T]) -> list[_T]:
        """The same of clients that tell something else."""
        try:
            told = []
            for process, result in zip(self._processes, self._results, strict=True):
                if process.wait() != 0:
                    raise ClientFailed(f"a client ended with {process.returncode}")
                told.append(msgspec.json.decode(result.read_bytes(), type=kind))
            return told
        finally:
            self.end()

    def end(self) -> None:
        """End those that still run."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings; what concerns where the service keeps its data is left out."""
    ours = ("CHISO_DATABASE__DSN", "CHISO_DATA_DIR", "CHISO_AUTH__PEPPER", "CHISO_LOG__LEVEL")
    return {name: value for name, value in os.environ.items() if name not in ours} | settings
