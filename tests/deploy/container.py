"""An image run as a container is: its own user on a read-only tree, with a network and processes of its own.

Like `docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges`, with a file mounted.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tests.deploy.image import Image

_T = TypeVar("_T")
_ENTER = """
set -eu
"$PYTHON" -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14x", b"lo", 65))'
mount --bind "$TREE" "$TREE"
mount -o remount,ro,bind "$TREE"
mount -t proc proc "$TREE/proc"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$TREE/tmp"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$TREE/dev/shm"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$TREE/mnt"
touch "$TREE/mnt/$(basename "$SHARED")"
mount --bind "$SHARED" "$TREE/mnt/$(basename "$SHARED")"
exec chroot "$TREE" "$@"
"""
MOUNTED = "/mnt"
"""Where the shared file is in every container, by its own name."""


class Container:
    """A running container.

    Args:
        words: instead of the image's CMD.
        env: settings, as of --env-file.
        shared: a file of the host, such as a database's socket.
    """

    def __init__(self, image: Image, env: Mapping[str, str], shared: Path, log: Path, *words: str) -> None:
        self._image, self._env, self.log = image, {**image.env, **env}, log
        self._command = [*image.entrypoint, *(words or image.cmd)]
        self._shared = shared

    def __enter__(self) -> Self:
        outside = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHON": sys.executable,
            "TREE": str(self._image.tree),
            "SHARED": str(self._shared),
        }
        namespaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
        with self.log.open("ab") as log:
            self._unshare = subprocess.Popen(
                ["unshare", *namespaces, "sh", "-c", _ENTER, "sh", *self._as_user(self._command)],
                env=outside,
                stdout=log,
                stderr=log,
            )
        return self

    def _as_user(self, command: Sequence[str]) -> list[str]:
        user, _, group = self._image.user.partition(":")
        words = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"]
        words += ["--inh-caps=-all", "--bounding-set=-all", "env", "-i", f"--chdir={self._image.workdir}"]
        return [*words, *(f"{name}={value}" for name, value in self._env.items()), *command]

    @property
    def pid(self) -> int:
        """Of the container's first process, as the host counts."""
        ends = time.monotonic() + 30
        children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children")
        while not (found := children.read_text().split()):
            assert self._unshare.poll() is None and time.monotonic() < ends, self.log.read_text()
            time.sleep(0.02)
        return int(found[0])

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """As `docker exec`: a command beside it, by its user."""
        entering = ["nsenter", "--target", str(self.pid), "--mount", "--net", "--ipc", "--uts", "--pid", "--root"]
        return subprocess.run([*entering, *self._as_user(command)], capture_output=True, text=True, check=False)

    def within(self, work: Callable[[], _T]) -> _T:
        """What work, on a thread in the container's network, returns."""

        def enter() -> None:
            with Path(f"/proc/{self.pid}/ns/net").open("rb") as namespace:
                assert ctypes.CDLL(None).setns(namespace.fileno(), 0) == 0

        with ThreadPoolExecutor(1, initializer=enter) as thread:
            return thread.submit(work).result()

    def stop(self, seconds: float) -> int:
        """As `docker stop`: its exit code, or TimeoutExpired."""
        os.kill(self.pid, signal.Signals[self._image.stop_signal])
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        """Its exit code once it has ended; or TimeoutExpired."""
        return self._unshare.wait(seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._unshare.poll() is None:
            self._unshare.kill()  # and with it, by --kill-child, all that is in it
            self._unshare.wait()


def ran(image: Image, env: Mapping[str, str], shared: Path, log: Path, *words: str) -> str:
    """As `docker run --rm`: what a command that ends well has said."""
    log.unlink(missing_ok=True)
    with Container(image, env, shared, log, *words) as container:
        code = container.wait(120)
    said = log.read_text()
    assert code == 0, said
    return said
