"""The embedded PostgreSQL: a server for one machine that nobody has to install, started and stopped by the service.

For newcomers, the demo and the tests. It is durable (fsync and synchronous_commit stay on), reachable only through a
Unix socket in a private directory, and ends when the process that started it ends, even when that one is killed. A lock
on the data directory makes one process its owner; others attach to its server. Linux: elsewhere a killed parent leaves
the server running, and the next start says so. Which user, binaries and directories are used is embedded_home.py's
matter; schema and migrations are none of its business.

A server that ends by itself (killed, out of memory) is started again by its owner, who says so in the log.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from app.messages import Message
from app.store.embedded.cluster import (
    PAUSE_S,
    PORT,
    SUPERUSER,
    Server,
    await_predecessor,
    check_version,
    initdb,
    socket_directory,
)
from app.store.embedded.home import DataDirectoryInUse, EmbeddedError, find_bin, settle

__all__ = ["DataDirectoryInUse", "Embedded", "EmbeddedError", "attach_or_start", "find_bin", "start"]

DATABASE = "chiso"
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Nothing of what was sent: no DETAIL with a row's values, no text of a statement.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "cluster_name": DATABASE,
}
LOCK = "embedded.lock"
LOG = "postgres.log"
_ELSEWHERE = "set CHISO_DATA_DIR to a folder that can be written to, or CHISO_DATABASE__DSN to a server"
STARTING_S = 300.0
"""Recovery after a crash may take its time; a server that fails ends at once and is not waited for."""
_ANSWERING_S = 10.0
"""How long others wait for a server that was there and does not answer."""
_SILENT_S = 3.0
"""How long they wait without a word for one that is being started."""
_LONGEST_PAUSE_S = 30.0
"""Between two trials to start a server again, at last."""

_log = logging.getLogger(__name__)


class Embedded:
    """A running server: `dsn` for asyncpg and psycopg; `owned` when it is ours to stop. A context manager."""

    def __init__(self, data_dir: Path, dsn: str, begin: Callable[[], Server] | None, lock: _Lock | None) -> None:
        """`begin` starts a server, now and whenever it has ended; None for somebody else's."""
        self.data_dir, self.dsn = data_dir, dsn
        self._begin, self._lock, self._process = begin, lock, os.getpid()
        self._server = begin() if begin is not None else None
        self._changing, self._stopping = threading.Lock(), threading.Event()

    def keep_alive(self) -> None:
        """From now on stop it at the end of the process, and start it again should it end before."""
        atexit.register(self.stop)
        threading.Thread(target=self._watch, name="embedded-postgres-watch", daemon=True).start()

    def await_answer(self) -> None:
        """Wait until the server accepts connections, and make the database if this is the first time."""
        assert self._server is not None
        _await_database(self._server, self.dsn.replace(f"@/{DATABASE}?", "@/postgres?"))
        self._announce(self.dsn)

    def _announce(self, dsn: str | None, ended: bool = False) -> None:
        with self._changing:
            # Once it is stopped the lock is somebody else's.
            if self._lock is not None:
                self._lock.announce(dsn, ended)

    @property
    def owned(self) -> bool:
        """False when another process runs the server, which then ends with that process, not with us."""
        return self._server is not None

    @property
    def pid(self) -> int | None:
        """The server's process id when it is ours."""
        return self._server.pid if self._server else None

    def stop(self) -> None:
        """End the server cleanly if it is ours; open sessions are rolled back. May be called again."""
        if self._server is None or os.getpid() != self._process:  # a forked child is not the owner
            return
        atexit.unregister(self.stop)
        self._stopping.set()
        with self._changing:
            self._server.stop()
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def _watch(self) -> None:
        pause = PAUSE_S
        while self._server is not None and self._begin is not None:
            code = self._server.wait()
            if self._stopping.is_set():
                return
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            _log.error("the embedded PostgreSQL has ended (%s), it is started again; see %s", how, self._server.log)
            self._announce(None, ended=True)
            # Sessions that it left behind keep its memory until they have noticed; a new one would not start.
            self._stopping.wait(pause)
            pause = min(max(2 * pause, 1.0), _LONGEST_PAUSE_S)
            with self._changing:
                if self._stopping.is_set():
                    return
                try:
                    self._server = self._begin()
                except EmbeddedError as error:
                    _log.error("%s", error)
                    continue
            try:
                self.await_answer()
            except EmbeddedError as error:
                if not self._stopping.is_set():
                    _log.error("%s", error)
                continue
            pause = PAUSE_S
            _log.warning("the embedded PostgreSQL answers again")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(data_dir: Path, settings: Mapping[str, str] | None = None) -> Embedded:
    """Start the server of `data_dir`, making its cluster the first time; `DataDirectoryInUse` when another has it.

    `settings` go over SETTINGS; meant for tests, which need no durability.
    """
    data_dir = _prepared(data_dir)
    lock = _Lock(data_dir)
    if not lock.acquire():
        holder = lock.holder()
        lock.release()
        raise DataDirectoryInUse(data_dir, holder.pid, holder.what)
    return _launch(data_dir, lock, settings or {})


def attach_or_start(
    data_dir: Path, settings: Mapping[str, str] | None = None, waiting: Callable[[Message], None] | None = None
) -> Embedded:
    """Start the server, or attach to the one that a living process runs on `data_dir`.

    Of several that come at once one starts, the others wait until they can connect; should the starter die meanwhile,
    one of them takes over. Whom that takes seconds is told, once, by `waiting`. One that was there and does not answer
    any more is not waited for long: EmbeddedError.
    """
    data_dir = _prepared(data_dir)
    lock = _Lock(data_dir)
    began = time.monotonic()
    while not lock.acquire():
        holder = lock.holder()
        if holder.dsn and _answers(holder.dsn):
            lock.release()
            return Embedded(data_dir, holder.dsn, begin=None, lock=None)
        waited = time.monotonic() - began
        if waited > (STARTING_S if holder.is_starting else _ANSWERING_S):
            lock.release()
            if holder.is_starting:
                raise DataDirectoryInUse(data_dir, holder.pid, holder.what)
            raise EmbeddedError(
                f"the embedded PostgreSQL {holder.state}: try again in a minute, see {data_dir / LOG}, and if it stays"
                " so, end that process and start it again"
            )
        if waited > _SILENT_S and waiting is not None:
            state = holder.state
            waiting(
                Message("waiting: the embedded PostgreSQL {state}", "đang đợi: PostgreSQL nhúng {state}", state=state)
            )
            waiting = None
        time.sleep(PAUSE_S)
    return _launch(data_dir, lock, settings or {})


def _prepared(data_dir: Path) -> Path:
    data_dir = data_dir.expanduser().resolve()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(f"the data directory {data_dir} cannot be made ({error.strerror}); {_ELSEWHERE}") from error
    return data_dir


def _launch(data_dir: Path, lock: _Lock, settings: Mapping[str, str]) -> Embedded:
    """With the lock held: cluster, server, database. Whatever fails, no server and no lock remain."""
    embedded = None
    try:
        lock.announce(None)
        home = settle(data_dir)
        await_predecessor(data_dir, home)
        if home.cluster.exists():
            check_version(home)
        else:
            initdb(home)
        sockets = socket_directory(home)
        options = {**SETTINGS, "unix_socket_directories": str(sockets), **settings}
        dsn = f"postgresql://{SUPERUSER}@/{DATABASE}?host={sockets}&port={PORT}"
        embedded = Embedded(data_dir, dsn, lambda: Server(home, options, data_dir / LOG), lock)
        embedded.await_answer()
        embedded.keep_alive()
        return embedded
    except BaseException:
        if embedded is None:
            lock.release()
        else:
            embedded.stop()
        raise


class _Holder(NamedTuple):
    """Who holds the lock: its process and program; where its server is, once it answers; whether that ended by itself.
    `dsn` may be of an earlier holder that was killed: try it.
    """

    pid: int
    what: str
    dsn: str | None
    ended: bool

    @property
    def is_starting(self) -> bool:
        return self.dsn is None and not self.ended

    @property
    def state(self) -> Message:
        """How it is with a server that does not answer."""
        how = _STARTING if self.is_starting else _AGAIN if self.ended else _SILENT
        return Message(
            "of {what} (pid {pid}) {how}", "của {what} (pid {pid}) {how}", what=self.what, pid=self.pid, how=how
        )


_STARTING: Final = Message("is being started", "đang được khởi động")
_AGAIN: Final = Message("has ended and is being started again", "đã dừng và đang được khởi động lại")
_SILENT: Final = Message("does not answer", "không trả lời")


class _Lock:
    """The data directory's owner: an flock, which the kernel releases however the owner ends, and who it is."""

    def __init__(self, data_dir: Path) -> None:
        try:
            # Not inherited: a server that outlives us for a moment must not look like an owner.
            self._fd = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedError(
                f"the data directory {data_dir} cannot be used ({error.strerror}); {_ELSEWHERE}"
            ) from error

    def acquire(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def announce(self, dsn: str | None, ended: bool = False) -> None:
        """Say who holds the lock and, once the server answers, where it is, or that it `ended` by itself."""
        program = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])  # no further arguments: they may hold secrets
        self._write(json.dumps(_Holder(os.getpid(), program, dsn, ended)._asdict()).encode())

    def holder(self) -> _Holder:
        """What the holder has announced."""
        try:
            return _Holder(**json.loads(os.pread(self._fd, 4096, 0)))
        except (ValueError, TypeError):  # it is just writing
            return _Holder(0, "a process that is starting", None, ended=False)

    def release(self) -> None:
        os.close(self._fd)

    def _write(self, content: bytes) -> None:
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, content, 0)


def _await_database(server: Server, dsn: str) -> None:
    """Wait until the server accepts connections, and make the database if this is the first time."""
    # Here: ten MiB that a process on another server does not need.
    import psycopg
    from psycopg import sql

    deadline = time.monotonic() + STARTING_S
    while True:
        try:
            with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
                if not connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchall():
                    connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
            return
        except psycopg.OperationalError as error:
            if not server.running():
                last = server.log.read_bytes()[-2000:].decode(errors="replace").strip().rpartition("\n")[2]
                raise EmbeddedError(f"the embedded PostgreSQL did not start; see {server.log}: {last}") from error
            if time.monotonic() > deadline:
                raise EmbeddedError(f"the embedded PostgreSQL does not answer; see {server.log}") from error
        time.sleep(PAUSE_S)


def _answers(dsn: str) -> bool:
    import psycopg

    try:
        with psycopg.connect(dsn, connect_timeout=10):
            return True
    except psycopg.OperationalError:
        return False
