"""What is wrong is told in one line that says what to do, by every command, and never by a traceback."""

from __future__ import annotations

import asyncio
import io
import json
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from rich.console import Console

from app.cli import running
from app.messages import Message
from app.settings import InvalidSettings, of_environment
from app.store import check
from app.store.connections.unavailable import DatabaseUnavailable
from tests.cli.conftest import Command, line
from tests.conftest import at
from tests.faults.serving import CHISO, chiso, environment, free_port

SERVE = ("serve", "--port", str(free_port()))
COMMANDS = (
    SERVE, ("migrate",), ("keys", "list"), ("verify",), ("rebuild",), ("maintain",), ("roots", "list"),
    ("ingest", __file__), ("wait",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CHISO_DATABASE_DSN", "postgresql://x", "is not a setting: did you mean CHISO_DATABASE__DSN?"),
        ("CHISO_INTAKE__MAX_EVENT", "5", "is not a setting: did you mean CHISO_INTAKE__MAX_EVENTS?"),
        ("CHISO_AUTH__PEPER", "5", "is not a setting: did you mean CHISO_AUTH__PEPPER?"),
        ("CHISO_DSN", "postgresql://x", "is not a setting: did you mean CHISO_DATABASE__DSN?"),
        ("CHISO_PEPPER", "x", "is not a setting: did you mean CHISO_AUTH__PEPPER?"),
        ("CHISO_FIGURES", "x", ": not the JSON it is to be; see docs/settings.md"),
        ("CHISO_DATADIR", "/tmp", "is not a setting: did you mean CHISO_DATA_DIR?"),
        ("CHISO_PORT", "8000", "is not a setting: see docs/settings.md, or do not set it"),
        ("CHISO_DATABASE__DSN__", "x", "is not a setting: did you mean CHISO_DATABASE__DSN?"),
        ("CHISO_INTAKE__MAX_EVENTS", "0", "=0: input should be greater than or equal to 1"),
        ("CHISO_INTAKE__MAX_EVENTS", "ten", "=ten: input should be a valid integer, unable to parse"),
        ("CHISO_LOG__LEVEL", "info", "=info: string should match pattern '^(DEBUG|INFO|WARNING|ERROR)$'"),
        ("CHISO_METRICS__SOURCES", "/h44/igate", ": not the JSON it is to be; see docs/settings.md"),
        ("CHISO_DATABASE", '{"dns": "postgresql://"}', "__DNS is not a setting: did you mean CHISO_DATABASE__DSN?"),
        ("CHISO_DATABASE__DSN", "", ": it is empty: give it a value, or do not set it"),
        ("CHISO_AUTH__PEPPER", " ", ": it is empty: give it a value, or do not set it"),
        ("CHISO_DATA_DIR", "", "=: it is empty: name a folder, or do not set it"),
        (
            "CHISO_DATABASE__DSN",
            "mysql://chiso:secret@db/chiso",
            ": it begins with postgresql://, not mysql://, as in ",
        ),
        ("CHISO_DATABASE__DSN", "postgresql+psycopg://chiso:secret@db/chiso", ": it begins with postgresql://, not "),
        ("CHISO_DATABASE__DSN", "host=db password=secret", ": it begins with postgresql://, as in "),
        ("CHISO_DATABASE__DSN", "secret", ": it begins with postgresql://, as in "),
        ("CHISO_HTTP__PUBLIC_URL", "chiso.example.vn", "=chiso.example.vn: it is a scheme, a host and perhaps a port"),
        ("CHISO_HTTP__PUBLIC_URL", "https://a.vn/chiso", "=https://a.vn/chiso: it is a scheme, a host and perhaps"),
        ("CHISO_HTTP__CORS_ORIGINS", "https://ioc.example.vn", ": not the JSON it is to be; see docs/settings.md"),
        ("CHISO_OIDC__ISSUER", "http://sso.example.vn", "=http://sso.example.vn: it begins with https://, as in "),
        ("CHISO_OIDC__CLIENT_SECRET", "", ": it is empty: give it a value, or do not set it"),
        ("CHISO_OIDC__SCOPES", "profile", "=profile: string should match pattern"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as told:
        of_environment()
    [said] = str(told.value).splitlines()
    assert said.startswith(f"{name}{says}" if says[0] in ":=_" else f"{name} {says}"), said
    assert "secret" not in said


def test_each_wrong_setting_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CHISO_INTAKE__MAX_EVENTS", "0"), ("CHISO_INTAKE__MAX_EVENT", "1"), ("CHISO_X", "1")):
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as told:
        of_environment()
    assert [each.partition(" ")[0] for each in str(told.value).splitlines()] == [
        "CHISO_INTAKE__MAX_EVENT", "CHISO_X", "CHISO_INTAKE__MAX_EVENTS=0:",
    ]  # fmt: skip


def test_a_provider_needs_a_name_for_the_service_and_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHISO_OIDC__ISSUER", "https://sso.example.vn/realms/office")
    for name, value in (("CHISO_OIDC__CLIENT_ID", "chiso"), ("CHISO_HTTP__PUBLIC_URL", "https://chiso.example.vn/")):
        with pytest.raises(InvalidSettings) as told:
            of_environment()
        assert f"{name} is not set: the provider of CHISO_OIDC__ISSUER" in str(told.value)
        monkeypatch.setenv(name, value)
    assert of_environment().http.public_url == "https://chiso.example.vn"


def test_what_kubernetes_and_docker_say_of_a_service_called_chiso_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "CHISO_SERVICE_HOST": "10.0.0.1", "CHISO_SERVICE_PORT": "80", "CHISO_SERVICE_PORT_HTTP": "80",
        "CHISO_PORT": "tcp://10.0.0.1:80", "CHISO_PORT_80_TCP": "tcp://10.0.0.1:80", "CHISO_PORT_80_TCP_ADDR": "10.0.0",
        "CHISO_DB_PORT_5432_TCP_PORT": "5432", "CHISO_DB_SERVICE_HOST": "10.0.0.2", "CHISO_KEY": "chiso_x",
        "chiso_log__level": "ERROR",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert of_environment().log.level == "ERROR"


def faults(dsn: str) -> Iterator[tuple[dict[str, str], str]]:
    """Settings that are wrong, and how the line begins that says so."""
    yield {"CHISO_DATABASE_DSN": dsn}, "CHISO_DATABASE_DSN is not a setting: did you mean CHISO_DATABASE__DSN?"
    yield (
        {"CHISO_DATABASE__DSN": at(dsn, "nowhere")},
        'the database: it has no database of this name (database "nowhere" does not exist, SQL',
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_every_command_says_what_is_wrong_in_a_line(
    postgres_dsn: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    usual = {"CHISO_DATA_DIR": str(tmp_path), "CHISO_DATABASE__DSN": postgres_dsn}
    for settings, says in faults(postgres_dsn):
        # 1 is that some of a file were rejected.
        code = 2 if command[0] == "ingest" else 1
        assert line(chiso(environment(**(usual | settings)), *command), code).startswith(says)


@pytest.fixture
def guarded(postgres_dsn: str) -> Iterator[str]:
    """The name of a role that may not connect to a database of that name."""
    name = f"chiso_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for each in ("CREATE ROLE {} NOLOGIN", "CREATE DATABASE {}"):
            connection.execute(sql.SQL(each).format(sql.Identifier(name)))
        yield name
        for each in ("DROP DATABASE {}", "DROP ROLE {}"):
            connection.execute(sql.SQL(each).format(sql.Identifier(name)))


def test_a_database_that_does_not_let_in_or_is_not_migrated_is_told_in_a_line(
    postgres_dsn: str, guarded: str, tmp_path: Path
) -> None:
    empty = {"CHISO_DATA_DIR": str(tmp_path), "CHISO_DATABASE__DSN": at(postgres_dsn, guarded)}
    for command in (SERVE, ("keys", "list"), ("verify",)):
        assert line(chiso(environment(**empty), *command)) == (
            "the database is at revision none, 0001 is needed: run `chiso migrate`"
        )
    locked = empty | {"CHISO_DATABASE__DSN": at(postgres_dsn, guarded).replace("chiso@", f"{guarded}@")}
    for command in (SERVE, ("migrate",), ("verify",)):
        assert line(chiso(environment(**locked), *command)) == (
            f'the database: it refuses the user or the password (role "{guarded}" is not permitted to log in,'
            " SQLSTATE 28000): check user and database in CHISO_DATABASE__DSN, and pg_hba.conf"
        )


async def test_who_waits_for_a_migration_goes_on_when_it_is_done(
    postgres_database: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    look = check.migrated

    async def noted(dsn: str, seconds: float, newer: bool = False) -> None:
        try:
            await look(dsn, 30, newer)
        except (check.NotMigrated, DatabaseUnavailable) as error:
            looks.append(check.told(error).en)
            raise

    monkeypatch.setattr(check, "migrated", noted)
    monkeypatch.setattr(check, "_STEP", 0.01)
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("DELETE FROM alembic_version")
        with pytest.raises(check.NotMigrated):
            await check.awaited(postgres_database, 0)
        waiting = asyncio.create_task(check.awaited(postgres_database, 60))
        while len(looks) < 3:
            await asyncio.sleep(0.01)
        assert set(looks) == {"the database is at revision none, 0001 is needed: run `chiso migrate`"}
        connection.execute("INSERT INTO alembic_version VALUES ('0002')")
        await waiting
    assert command("wait").returncode == 0, "a newer one is read on"
    with pytest.raises(DatabaseUnavailable):
        await check.awaited(at(postgres_database, "nowhere"), 60)
    assert looks.pop().startswith("the database: it has no database of this name "), "told at once"


async def test_a_host_without_an_address_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def migrated(dsn: str, seconds: float, newer: bool = False) -> None:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise DatabaseUnavailable(Message("away", "vắng")) from socket.gaierror("no address")

    monkeypatch.setattr(check, "migrated", migrated)
    monkeypatch.setattr(check, "_STEP", 0)
    await check.awaited("postgresql://chiso-database/chiso", 60)
    assert looks == 3


def test_a_port_that_cannot_be_had_and_a_folder_that_cannot_be_made_are_told_in_a_line(
    command: Command, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert line(command("serve", "--port", port)).startswith(f"port {port} of 127.0.0.1 is held by process ")
    assert line(command("serve", "--host", "203.0.113.1")).startswith("cannot listen on port 8000 of 203.0.113.1 (")
    (tmp_path / "file").touch()
    said = line(command("keys", "create", "--scope", "read", "--unit", "H44", CHISO_DATA_DIR=str(tmp_path / "file")))
    assert said.startswith(f"{tmp_path}/file/pepper cannot be read (Not a directory): set CHISO_AUTH__PEPPER")
    without = environment(CHISO_DATA_DIR=str(tmp_path / "file"))
    assert line(chiso(without, "serve")) == (
        f"the data directory {tmp_path}/file cannot be made (File exists); set CHISO_DATA_DIR to a folder that can be"
        " written to, or CHISO_DATABASE__DSN to a server"
    )
    # Where nobody may write, not even root.
    assert line(
        command("keys", "create", "--scope", "read", "--unit", "H44", "--new-root", CHISO_DATA_DIR="/proc")
    ) == (
        "the secret behind the API keys cannot be kept in /proc (No such file or directory): set CHISO_AUTH__PEPPER, or"
        " CHISO_DATA_DIR to a folder that can be written to"
    )
    assert line(chiso(environment(CHISO_DATA_DIR="/proc"), "migrate")).startswith(
        "the data directory /proc cannot be used ("
    )


def test_a_command_without_settings_makes_no_empty_database_to_find_it_in_order(tmp_path: Path) -> None:
    without = environment(CHISO_DATA_DIR=str(tmp_path / "data"))
    file = tmp_path / "events.ndjson"
    file.touch()
    for command, code in (
        (("verify", "--deep"), 1), (("rebuild",), 1), (("maintain",), 1), (("keys", "list"), 1), (("roots", "list"), 1),
        (("ingest", str(file)), 2),
    ):  # fmt: skip
        assert line(chiso(without, *command), code) == (
            f"there is no database: `CHISO_DATABASE__DSN` is not set, and {tmp_path}/data holds no embedded one. Load"
            " the service's settings first, such as `set -a; . /etc/chiso/chiso.env; set +a`"
        )
    assert not (tmp_path / "data").exists()


def test_a_command_that_finds_nothing_says_so(command: Command) -> None:
    said = (
        (("verify",), "there is no root: nothing was verified"),
        (("rebuild",), "there is no root: nothing was rebuilt"),
        (("roots", "list"), "there is no root yet"),
        (("keys", "list"), "there is no key yet"),
    )
    for arguments, words in said:
        ended = command(*arguments)
        assert ended.stdout == "" and line(ended, 0) == words


def test_a_start_without_a_database_says_so_once_and_waits_for_it(tmp_path: Path) -> None:
    dsn = f"postgresql://chiso:secret@127.0.0.1:{free_port()}/chiso"
    settings = environment(CHISO_DATABASE__DSN=dsn, CHISO_DATA_DIR=str(tmp_path), CHISO_LOG__LEVEL="WARNING")
    advice = "the database: nothing listens at its address: start it, or check host and port in CHISO_DATABASE__DSN"
    for command in (("migrate",), ("verify",)):
        assert line(chiso(settings, *command)) == advice
    url = f"http://127.0.0.1:{(port := free_port())}"
    started = [str(CHISO), "serve", "--port", str(port)]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(started, env=settings, stderr=log) as served,
    ):
        try:
            while b"the database: " not in (said := (tmp_path / "log").read_bytes()):
                assert served.poll() is None
                time.sleep(0.1)
            assert httpx.get(f"{url}/livez").status_code == 200
            assert httpx.get(f"{url}/readyz").status_code == 503
            # Refolding tries again every five seconds.
            time.sleep(6)
            said = (tmp_path / "log").read_bytes()
        finally:
            served.terminate()
    first, second, third = said.decode().splitlines()
    assert first == f"chiso: {advice}; not ready until then"
    assert second == f"serving on {url}"
    assert json.loads(third)["event"] == "the database: nothing listens at its address (ConnectionRefusedError)"
    assert re.fullmatch(r".*T\d\d:\d\d:\d\d\.\d+Z", json.loads(third)["timestamp"])


def test_the_version_is_told() -> None:
    assert chiso(environment(), "--version").stdout == "chiso 0.1.0\n"


def test_progress_ends_whole_whatever_was_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    for estimated, done in ((100, 97), (100, 103), (None, 5), (0, 0)):
        written = io.StringIO()
        monkeypatch.setattr(running, "console", Console(file=written, width=120))
        with running.progress("loading", estimated) as more:
            more(done)
        assert f" {max(done, 1)}/{max(done, 1)} " in written.getvalue()


def test_a_dry_run_of_the_simulation_needs_no_service() -> None:
    assert line(chiso(environment(CHISO_KYE="x"), "simulate")) == "CHISO_KYE is not a setting: did you mean CHISO_KEY?"
    shown = chiso(environment(), "simulate", "--dry-run")
    assert (shown.returncode, shown.stderr, len(shown.stdout.splitlines())) == (0, "", 20)
    assert line(chiso(environment(), "simulate", "--dry-run", "--unit", "H99")).startswith(
        "the demo province has no unit H99"
    )


@pytest.mark.parametrize(
    ("arguments", "meant"), [(("impor",), "import"), (("import", "unit"), "units"), (("keys", "lis"), "list")]
)
def test_a_mistyped_command_is_told_what_may_be_meant(arguments: tuple[str, ...], meant: str) -> None:
    ended = chiso(environment(), *arguments)
    assert ended.returncode == 2
    assert f"Did you mean '{meant}'?" in " ".join(ended.stderr.split())
