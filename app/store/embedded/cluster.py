"""The embedded server's own steps: make its cluster, find its socket's place, run its process, wait for an earlier one.

Called by embedded.py with the data directory's lock held; nothing here locks, connects or knows of databases.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from app.store.embedded import child
from app.store.embedded.home import DataDirectoryInUse, EmbeddedError, Home, make_private

SUPERUSER = "chiso"
PORT = 5432
"""Part of the socket's file name only; given everywhere because PGPORT would change it."""
LONGEST_LOG = 10_000_000
LONGEST_SOCKET = 107
"""sockaddr_un holds 108 bytes with the closing zero."""
PREDECESSOR_S = 60.0
STOPPING_S = 60.0
PAUSE_S = 0.02


class Server:
    """The server's process."""

    def __init__(self, home: Home, options: Mapping[str, str], log: Path) -> None:
        command = _as_child(home, "postgres", "-D", str(home.cluster))
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.log = log
        self._process = self._spawn(command)
        self.pid = self._process.pid

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Fork from a thread that lives as long as the server.

        The kernel's parent-death signal comes when the forking *thread* ends; forked from a worker thread of an event
        loop, the server would stop with that worker.
        """
        born: list[subprocess.Popen[bytes] | BaseException] = []
        done = threading.Event()

        def keep() -> None:
            try:
                with self.log.open("ab") as log:
                    if log.tell() > LONGEST_LOG:
                        log.truncate(0)
                    # A session of its own: Ctrl-C in the terminal reaches us, and we stop the server when we are done.
                    process = subprocess.Popen(
                        command,
                        cwd="/",
                        env=_environment(),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                born.append(error)
                done.set()
                return
            born.append(process)
            done.set()
            process.wait()

        threading.Thread(target=keep, name="embedded-postgres", daemon=True).start()
        done.wait()
        if isinstance(born[0], BaseException):
            raise EmbeddedError(f"the embedded PostgreSQL cannot be executed: {born[0]}") from born[0]
        return born[0]

    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        """Until it has ended: its exit code, or the signal that ended it as a negative number."""
        return self._process.wait()

    def stop(self) -> None:
        """Fast shutdown, then ever less patient."""
        for kind, patience in ((signal.SIGINT, STOPPING_S), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
            self._process.send_signal(kind)
            try:
                self._process.wait(patience)
                return
            except subprocess.TimeoutExpired:
                continue


def await_predecessor(data_dir: Path, home: Home) -> None:
    """Wait for the server of an owner that was killed; clear away what a server left that cannot have ended itself.

    PostgreSQL would refuse to start when, after a reboot, the process id in postmaster.pid belongs to any other process
    of its user. Nothing is ever killed here: the id alone proves nothing.
    """
    pid_file = home.cluster / "postmaster.pid"
    deadline = time.monotonic() + PREDECESSOR_S
    while True:
        try:
            first = pid_file.read_text(encoding="utf-8").partition("\n")[0]
        except FileNotFoundError:
            return
        pid = int(first) if first.isdigit() else 0
        if not _is_server_of(pid, home.cluster):
            pid_file.unlink(missing_ok=True)
            return
        if time.monotonic() > deadline:
            raise DataDirectoryInUse(data_dir, pid, "a PostgreSQL server whose chiso process is gone")
        time.sleep(PAUSE_S)


def _is_server_of(pid: int, cluster: Path) -> bool:
    """Whether the living process `pid` is a PostgreSQL server that works in `cluster`."""
    process = Path("/proc", str(pid))
    if pid <= 0:
        return False
    if not Path("/proc/self").exists():  # not Linux: only whether it lives can be known
        return _lives(pid)
    try:
        if (process / "comm").read_text().strip() != "postgres":
            return False
        try:
            return (process / "cwd").readlink() == cluster
        except PermissionError:  # root in a container without ptrace
            return os.fsencode(cluster) in (process / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def check_version(home: Home) -> None:
    made_by = (home.cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
    if made_by != str(home.major):
        raise EmbeddedError(
            f"{home.cluster} was made by PostgreSQL {made_by}, but {home.bin} is {home.major}: "
            f"set CHISO_PG_BIN to binaries of {made_by}, or move the data by pg_dump"
        )


def initdb(home: Home) -> None:
    """Make the cluster beside its place and move it there when complete: a killed initdb leaves nothing half done."""
    new = home.directory / f"{home.cluster.name}.new"
    for locale in ("C.UTF-8", "C"):  # the second where the system has no C.UTF-8
        shutil.rmtree(new, ignore_errors=True)
        _make_owned(new, home)
        options = ["-D", str(new), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", f"--locale={locale}", "-k"]
        command = _as_child(home, "initdb", *options)
        answer = subprocess.run(command, cwd="/", env=_environment(), capture_output=True, check=False)
        if answer.returncode == 0:
            new.rename(home.cluster)
            return
    said = _last(answer.stderr)
    unknown = "user does not exist" in said
    more = ": run as a user that this system has a name for, or set CHISO_DATABASE__DSN to a server" if unknown else ""
    raise EmbeddedError(f"initdb failed: {said}{more}")


def _last(said: bytes) -> str:
    """What a program said at last but for its hints, in a line."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if "error" in line or "FATAL" in line] or lines
    return told[-1][:500] if told else "without a word"


def _make_owned(directory: Path, home: Home) -> None:
    try:
        make_private(directory, home.user)
    except OSError as error:
        raise EmbeddedError(f"{directory} cannot be made: {error.strerror}") from error


def socket_directory(home: Home) -> Path:
    """A directory that only the server's user can enter: that, not a password, is what guards the database."""
    directory = home.directory / "run"
    longest = len(os.fsencode(directory / f".s.PGSQL.{PORT}.lock"))
    # Other characters would need quoting in the setting and in the DSN.
    if longest > LONGEST_SOCKET or not re.fullmatch(r"[A-Za-z0-9._/-]+", str(directory)):
        digest = hashlib.sha256(os.fsencode(home.directory)).hexdigest()[:12]
        directory = Path("/tmp", f"chiso-{home.user.uid}-{digest}")  # noqa: S108 - its owner and mode are checked
    _make_owned(directory, home)
    return directory


def _as_child(home: Home, program: str, *arguments: str) -> list[str]:
    """The command that runs one of PostgreSQL's programs as the server's user, tied to our life."""
    user = home.user
    who = [user.uid, user.gid] if user.switch else [child.KEEP, child.KEEP]
    command = [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), *map(str, who)]
    return [*command, str(home.bin / program), *arguments]


def _environment() -> dict[str, str]:
    """Ours without the PG… variables, which would override what is set here."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"TZ": "UTC"}
