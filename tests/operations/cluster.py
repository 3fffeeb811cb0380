"""A PostgreSQL server of a test's own, as an operator has one: reached by TCP, started and stopped by commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.store.embedded.home import Home
from tests.faults.serving import free_port

_OPTIONS = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "shared_buffers": "'64MB'",
    "fsync": "off",
    # So that its pages can be compared with another's after a failover.
    "wal_log_hints": "on",
}


class Cluster:
    """A server in a folder that belongs to its user. `start` and `stop` are commands of that user."""

    def __init__(self, home: Home, folder: Path, port: int | None = None) -> None:
        self.home, self.folder, self.port = home, folder, port or free_port()
        self.data = folder / "data"
        self.dsn = f"postgresql://postgres@127.0.0.1:{self.port}/chiso"
        self.options = _OPTIONS | {"port": str(self.port)}
        self.start = f"pg_ctl -s -w -D {self.data} -l {folder}/log start"
        self.stop = f"pg_ctl -s -w -m fast -D {self.data} stop"

    def run(self, *command: str) -> None:
        """One of PostgreSQL's programs, as the server's user."""
        program, *arguments = command
        ended: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
            [str(self.home.bin / program), *arguments],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **self.home.user.popen_arguments(),
        )
        assert ended.returncode == 0, ended.stderr

    def make(self, *options: str) -> None:
        """Make it, by initdb with these options too, and start it, with an empty database."""
        self.run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "--no-sync", *options)
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in self.options.items())
        self.run(*self.start.split())
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "chiso")

    def end(self) -> None:
        """Stop it if it runs, at once."""
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "-s", "-w", "-m", "immediate", "-D", str(self.data), "stop")


def folder_of(home: Home, where: Path, name: str) -> Path:
    """A folder that belongs to the server's user."""
    folder = where / name
    folder.mkdir()
    if home.user.switch:
        os.chown(folder, home.user.uid, home.user.gid)
    return folder


@contextmanager
def made(home: Home, where: Path, name: str) -> Iterator[Cluster]:
    """A server that runs as long as the block."""
    cluster = Cluster(home, folder_of(home, where, name))
    try:
        cluster.make()
        yield cluster
    finally:
        cluster.end()
