"""The scripts in the manifests of k8s/, run on real servers: the roles of `single`, and the dump of every night."""

from __future__ import annotations

import base64
import configparser
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import yaml
from pydantic import SecretStr

from app.settings import DatabaseSettings
from app.store import check, migrate, roles
from app.store.embedded.home import find_bin
from tests.conftest import at
from tests.operations.manifests import KUBECTL, OVERLAYS, PLACE, containers, named, pods, render, understood

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
        with psycopg.connect(at(engine_dsn, name), autocommit=True) as connection:
            connection.execute(roles.sql(name).encode())
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
                *(f"ROLE IF EXISTS {name}_{role}" for role in ("reader", "writer", "owner")),
            ):
                connection.execute(f"DROP {each}")


def blocks(document: str, heading: str) -> list[str]:
    """The commands under a heading of a document."""
    section = document.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"```\n(.*?)```", section, re.DOTALL)


def test_the_secrets_of_the_document_are_all_that_the_manifests_ask_for(tmp_path: Path) -> None:
    """The document's own commands, of which kubectl only says what it would make."""
    certificate = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=chiso.example.vn")
    files = ("-keyout", str(tmp_path / "chiso.key"), "-out", str(tmp_path / "chiso.crt"))
    subprocess.run(["openssl", "req", "-x509", *certificate, *files], capture_output=True, check=True)
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "kubectl").write_text(f'#!/bin/sh\necho ---\nexec {KUBECTL} "$@" --dry-run=client --output=yaml\n')
    (folder / "kubectl").chmod(0o755)
    [commands] = blocks((PLACE / "k8s" / "README.md").read_text(), "Secrets")
    said = subprocess.run(
        ["bash", "-euc", commands.replace("/path/to", str(tmp_path))],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    made = [each for each in yaml.safe_load_all(said.stdout) if each is not None]
    assert {each["metadata"].get("namespace", "chiso") for each in made} == {"chiso"}
    values = {
        (each["metadata"]["name"], key): base64.b64decode(value).decode()
        for each in made
        if each["kind"] == "Secret"
        for key, value in each["data"].items()
    }
    asked = set()
    for overlay in OVERLAYS:
        manifests = render(PLACE / "k8s" / "overlays" / overlay)
        for _, template in pods(manifests):
            asked |= {
                (each["valueFrom"]["secretKeyRef"]["name"], each["valueFrom"]["secretKeyRef"]["key"])
                for container in containers(template)
                for each in container.get("env", [])
                if "valueFrom" in each and not each["valueFrom"]["secretKeyRef"].get("optional")
            }
    assert asked == set(values) - {
        ("chiso-backup", "pg_service.conf"),
        ("chiso-tls", "tls.crt"),
        ("chiso-tls", "tls.key"),
    }

    passwords = {role: values["chiso-database", f"{role}-password"] for role in ("writer", "owner")}
    for secret, role in (("chiso", "writer"), ("chiso-owner", "owner")):
        address = DatabaseSettings(dsn=SecretStr(values[secret, "dsn"])).dsn
        assert address is not None
        assert address.get_secret_value() == f"postgresql://chiso_{role}:{passwords[role]}@chiso-database:5432/chiso"
    told = configparser.ConfigParser()
    told.read_string(values["chiso-backup", "pg_service.conf"])
    assert dict(told["chiso"]) == {
        "host": "chiso-database", "port": "5432", "dbname": "chiso", "user": "chiso_owner",
        "password": passwords["owner"],
    }  # fmt: skip
    assert re.fullmatch("[0-9a-f]{64}", values["chiso", "pepper"])
    assert len(set(values.values())) == len(values), "no secret is used twice"


@pytest.mark.parametrize(
    ("listed", "taken"),
    [
        ("echo '0123456789ab  H44  read  2026-01-05 08:12  in force         2026-11-28  a name'", True),
        ("echo '0123456789ab  H44  read  2026-01-05 08:12  previous pepper  never used  a name'", False),
        ("echo '0123456789ab  H44  read  2026-01-05 08:12  other pepper     never used  a name'", False),
        ("return 1", False),
        ("true", False),
    ],
)
def test_the_old_pepper_is_taken_out_when_no_key_hangs_on_it(listed: str, taken: bool, tmp_path: Path) -> None:
    [_, last] = blocks((PLACE / "k8s" / "README.md").read_text(), "Another pepper")
    pretended = f"kubectl() {{ {listed}; }}\nput() {{ cat > put; }}\n"
    done = subprocess.run(["bash", "-c", pretended + last], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (tmp_path / "put").exists() is taken is (done.returncode == 0), done.stderr
    assert not taken or json.loads((tmp_path / "put").read_text()) == {"data": {"previous-pepper": None}}


def test_what_the_document_names_is_there() -> None:
    document = (PLACE / "k8s" / "README.md").read_text()
    manifests = render(PLACE / "k8s" / "overlays" / "single")
    kinds = {"deploy": "Deployment", "deployment": "Deployment", "job": "Job", "cronjob": "CronJob"}
    found = re.findall(r"\b(deploy|deployment|job|cronjob)/(?!monitoring)([a-z-]+)", document)
    own = {"backup-first", "verify-first", "at-the-dumps"}
    assert len(found) >= 8
    assert [each for each in found if each[1] not in {*own, *named(manifests, kinds[each[0]])}] == []
    assert "chiso-database-0" in document and "chiso-database" in named(manifests, "StatefulSet")
    for name in ("chiso", "chiso-migrate", *named(manifests, "CronJob")):
        assert f"`{name}`" in document, name
    for line in re.findall(r"-- chiso (.*?)(?:[)]| \||$)", document, re.MULTILINE):
        understood(shlex.split(line))


JOBS = """
rule_files: [rules.yaml]
evaluation_interval: 1h
tests:
  - interval: 1h
    input_series:
      # Never ended well; ended well at 30 h; the weekly one never.
      - {series: 'kube_cronjob_created{namespace="chiso",cronjob="chiso-backup"}', values: '0+0x300'}
      - {series: 'kube_cronjob_created{namespace="chiso",cronjob="chiso-maintain"}', values: '0+0x300'}
      - series: 'kube_cronjob_status_last_successful_time{namespace="chiso",cronjob="chiso-maintain"}'
        values: '_x29 108000+0x270'
      - {series: 'kube_cronjob_created{namespace="chiso",cronjob="chiso-verify-deep"}', values: '0+0x300'}
    promql_expr_test:
"""


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed; .ci/test names it")
def test_a_cronjob_that_has_not_ended_well_is_an_alert(tmp_path: Path) -> None:
    rules = yaml.safe_load((PLACE / "k8s" / "base" / "monitoring" / "jobs.yaml").read_text())["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    nightly, weekly = "ChisoJobOverdue", "ChisoWeeklyJobOverdue"
    cases = [
        ("60h", {}),
        ("61h", {(nightly, "chiso-backup")}),
        ("90h", {(nightly, "chiso-backup")}),
        ("91h", {(nightly, "chiso-backup"), (nightly, "chiso-maintain")}),
        ("204h", {(nightly, "chiso-backup"), (nightly, "chiso-maintain")}),
        ("205h", {(nightly, "chiso-backup"), (nightly, "chiso-maintain"), (weekly, "chiso-verify-deep")}),
    ]
    wanted = [
        {
            "expr": "count by (alertname, cronjob) (ALERTS)",
            "eval_time": when,
            "exp_samples": [
                {"labels": f'{{alertname="{alert}", cronjob="{job}"}}', "value": 1} for alert, job in sorted(alerts)
            ],
        }
        for when, alerts in cases
    ]
    (tmp_path / "cases.yaml").write_text(
        JOBS.replace("promql_expr_test:\n", f"promql_expr_test: {json.dumps(wanted)}\n")
    )
    said = subprocess.run(
        ["promtool", "test", "rules", "cases.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr
