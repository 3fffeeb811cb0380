"""Several processes of the service on one port: started, watched and ended by one that answers nothing itself.

Each worker is `python -m app.server.worker` with the listening socket inherited and everything else by environment.
They hand the events they are sent over to one more process, `python -m app.server.writer`, which writes for all of
them (store/write/relay.py). The parent starts again whoever dies.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Final

import structlog
from prometheus_client.multiprocess import mark_process_dead

from app.store.write.relay import listen

_log = structlog.get_logger("chiso.workers")

_LOOK_S: Final = 0.1
_PAUSE_S: Final = 1.0
"""Between a worker's start and the next one in its place: one that cannot start must not take the machine."""
_STOPPING_S: Final = 15.0


class Workers:
    """The workers of a service."""

    def __init__(self, count: int, claimed: socket.socket, dsn: str, open_reading: bool) -> None:
        # Fresh for every start: what another run counted is not ours.
        self._folder = tempfile.mkdtemp(prefix="chiso-workers-")
        path = Path(self._folder, "writer")
        # Listening here and not in the writer: what is handed over while a new one starts waits for it.
        meeting = listen(path)
        self._commands = [(meeting, "app.server.writer", ()), *[(claimed, "app.server.worker", (str(path),))] * count]
        self._environment = os.environ | {
            "CHISO_DATABASE__DSN": dsn,
            "CHISO_AUTH__OPEN_READING": str(open_reading).lower(),
            "PROMETHEUS_MULTIPROC_DIR": self._folder,
        }
        self._processes: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
        self._ended_by: int | None = None
        self._ends = threading.Event()

    def run(self) -> None:
        """Serve until interrupted or asked to end; every worker has ended then."""
        before = {each: signal.signal(each, self._end) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            for place in range(len(self._commands)):
                self._start(place)
            while not self._ends.wait(_LOOK_S):
                self._look()
        finally:
            self._stop()
            shutil.rmtree(self._folder, ignore_errors=True)
            for each, handler in before.items():
                signal.signal(each, handler)
        if self._ended_by == signal.SIGINT:
            raise KeyboardInterrupt

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._ended_by = number
        self._ends.set()

    def _start(self, place: int) -> None:
        listening, module, arguments = self._commands[place]
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(listening.fileno()), *arguments],
            env=self._environment,
            # Never written to: a worker reads its end when we are gone, however we went.
            stdin=subprocess.PIPE,
            pass_fds=[listening.fileno()],
            # A session of its own: Ctrl-C reaches us, and we end the workers.
            start_new_session=True,
        )
        self._processes[place] = (process, time.monotonic())

    def _look(self) -> None:
        """Start again whoever has ended."""
        for place, (process, started) in self._processes.items():
            if process.poll() is not None and time.monotonic() - started >= _PAUSE_S:
                module = self._commands[place][1]
                _log.error(
                    "a process ended and is started again",
                    module=module,
                    process=process.pid,
                    status=process.returncode,
                )
                self._forget(process)
                self._start(place)

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        process.stdin.close()
        mark_process_dead(process.pid, self._folder)  # type: ignore[no-untyped-call]

    def _stop(self) -> None:
        """Ask all to end, then make them."""
        living = [process for process, _ in self._processes.values()]
        for process in living:
            process.terminate()
        ends = time.monotonic() + _STOPPING_S
        for process in living:
            try:
                process.wait(max(0.0, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._forget(process)
