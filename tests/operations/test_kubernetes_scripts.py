"""The scripts in the manifests of k8s/, run on real servers: the roles of `single`, and the dump of every night."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from app.store import check, migrate
from app.store.embedded.home import find_bin
from tests.conftest import at
from tests.operations.manifests import KUBECTL, PLACE, containers, named, render

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed; .ci/test names it")


async def test_roles_that_migrate_and_serve_and_a_dump_by_the_owner(
    engine: str, engine_dsn: str, tmp_path: Path
) -> None:
    name = f"chiso{secrets.token_hex(4)}"
    address = urlsplit(engine_dsn)
    query = parse_qs(address.query)
    host, port = address.hostname or query["host"][0], str(address.port or query["port"][0])
    tools = {"PATH": f"{find_bin()}:{os.environ['PATH']}", "PGHOST": host, "PGPORT": port}

    script = (PLACE / "k8s" / "overlays" / "single" / "roles.sh").read_text().replace("chiso", name)
    if engine == "postgres":
        script = script.replace("CREATE EXTENSION IF NOT EXISTS timescaledb;\n", "")
    passwords = {"CHISO_OWNER_PASSWORD": "an owner's", "CHISO_WRITER_PASSWORD": "a 'writer's"}
    made = subprocess.run(
        ["sh", "-c", script], env=tools | passwords | {"POSTGRES_USER": str(address.username)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    try:
        assert (made.returncode, made.stderr, made.stdout) == (0, "", "")
        owner, writer = (
            at(engine_dsn, name).replace(f"{address.username}@", f"{name}_{each}@", 1) for each in ("owner", "writer")
        )
        migrate.upgrade(owner, "require" if engine == "timescale" else "off")
        await check.migrated(writer, 10)
        with psycopg.connect(writer, autocommit=True) as connection:
            connection.execute("DELETE FROM event")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE more ()")
        with psycopg.connect(engine_dsn) as connection:
            [[hashed]] = connection.execute(
                "SELECT count(*) FROM pg_authid WHERE rolname IN (%s, %s) AND rolpassword LIKE 'SCRAM-SHA-256$%%'",
                [f"{name}_owner", f"{name}_writer"],
            ).fetchall()
        assert hashed == 2

        [backup] = containers(
            named(render(PLACE / "k8s" / "overlays" / "production"), "CronJob")["chiso-backup"]["spec"]["jobTemplate"][
                "spec"
            ]["template"]
        )
        (tmp_path / "pg_service.conf").write_text(
            f"[chiso]\nhost={host}\nport={port}\ndbname={name}\nuser={name}_owner\npassword=x\n"
        )
        for old, days in (("chiso-2026-01-01T180000Z.dump", 20), ("chiso-2026-01-14T180000Z.dump", 7)):
            (tmp_path / old).touch()
            then = (tmp_path / old).stat().st_mtime - days * 86_400
            os.utime(tmp_path / old, (then, then))
        (tmp_path / "chiso-2026-01-15T180000Z.dump.part").touch()
        shell, flags, commands = backup["command"]
        dumped = subprocess.run(
            [shell, flags, commands.replace("/backup", str(tmp_path))],
            env=tools | {"PGSERVICEFILE": str(tmp_path / "pg_service.conf")}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert dumped.returncode == 0, dumped.stderr
        new, kept = sorted((each.name for each in tmp_path.glob("chiso-*")), reverse=True)
        assert kept == "chiso-2026-01-14T180000Z.dump"
        listed = subprocess.run(
            ["pg_restore", "--list", str(tmp_path / new)], env=tools, capture_output=True, text=True, check=True
        )
        assert " TABLE DATA public life " in listed.stdout
        assert (tmp_path / new).stat().st_mode & 0o077 == 0
    finally:
        with psycopg.connect(engine_dsn, autocommit=True) as connection:
            for each in (
                f"DATABASE IF EXISTS {name} WITH (FORCE)",
                f"ROLE IF EXISTS {name}_writer",
                f"ROLE IF EXISTS {name}_owner",
            ):
                connection.execute(f"DROP {each}")
