"""The image, made and run by the Dockerfile's own steps (image.py) where there is no Docker, and asked."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from app import VERSION
from tests.conftest import at
from tests.deploy.container import MOUNTED, Container, ran
from tests.deploy.image import HERE, Image, build

ALLOWED = os.getuid() == 0 and shutil.which("debootstrap") is not None
needs_root = pytest.mark.skipif(not ALLOWED, reason="an image is made as root with debootstrap; .ci/test names it")
REVISION = "0123456789abcdef0123456789abcdef01234567"
UNIT = [
    {"code": "H44", "name": "UBND tỉnh Phú Thọ", "level": "province"},
    {"code": "H44.07", "name": "Sở Công Thương", "level": "department"},
]
EVENT = {
    "specversion": "1.0", "id": "e1", "source": "/h44/thu", "type": "dossier.received", "unit": "H44.07",
    "subject": "H44.07-260105-0001", "time": "2026-01-05T08:00:00+07:00",
    "data": {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"},
}  # fmt: skip
NOT_INSIDE = {
    "compiler": ("cc", "gcc", "g++", "clang", "tcc", "ld", "as", "make", "rustc", "go"),
    "version control": ("git", "hg", "svn", "bzr"),
    "installer": ("pip", "pip3", "uv", "uvx", "easy_install", "conda"),
    "fetcher": ("curl", "wget"),
}


def test_hadolint_finds_nothing() -> None:
    linted = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "--disable-ignore-pragma", HERE / "Dockerfile"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.fixture(scope="session")
def image() -> Image:
    testbed = Path(os.environ.get("CHISO_TESTBED", HERE / ".chiso/testbed")) / "image"
    return build(testbed, {"REVISION": REVISION})


@needs_root
def test_the_image_is_described_and_runs_by_a_number(image: Image) -> None:
    assert image.user == "10001:10001"
    assert (image.entrypoint, image.cmd) == (["chiso"], ["serve", "--host", "0.0.0.0"])
    assert (image.stop_signal, image.exposed) == ("SIGTERM", ["8000"])
    assert image.labels == {
        "org.opencontainers.image.title": "chiso",
        "org.opencontainers.image.description": "Exact Decision 766/QĐ-TTg indicators from one-stop-shop events",
        "org.opencontainers.image.version": VERSION,
        "org.opencontainers.image.revision": REVISION,
        "org.opencontainers.image.source": "unknown",
        "org.opencontainers.image.licenses": "Apache-2.0",
    }


@needs_root
def test_nothing_is_inside_that_serves_nobody(image: Image) -> None:
    inside = {str(path.relative_to(image.tree)) for path in image.tree.rglob("*")}
    names = {
        Path(path).name for path in inside if (image.tree / path).is_file() and os.access(image.tree / path, os.X_OK)
    }
    found = {kind: sorted(names & set(each)) for kind, each in NOT_INSIDE.items()}
    assert found == {"compiler": [], "version control": [], "installer": [], "fetcher": []}
    packages = image.tree / "opt/chiso/lib/python3.11/site-packages"
    assert {
        each for each in inside if each.endswith(("dist-packages/pip", "site-packages/pip", ".deb", ".whl"))
    } == set()
    assert [each for each in ("build", "root/.cache", "opt/uv") if (image.tree / each).exists()] == []
    assert [each.name for each in (image.tree / "var/lib/apt/lists").iterdir()] == []
    assert sorted(each.name for each in (packages / "app").iterdir() if each.name.startswith("test")) == []
    assert not (packages / "tests").exists()
    assert (packages / "app/_migrations/env.py").is_file()
    assert (packages / "app/pages/static/charts.js").stat().st_size > 100_000
    own = {path for path in image.tree.rglob("*") if not path.is_symlink() and path.lstat().st_uid == 10001}
    home = image.tree / "var/lib/chiso"
    assert {path for path in own if path != home and home not in path.parents} == set(), (
        "it may change nothing of itself"
    )
    writable = {
        path
        for path in (image.tree / "opt").rglob("*")
        if path.lstat().st_mode & stat.S_IWOTH and not path.is_symlink()
    }
    assert writable == set()
    print(f"the image has {sum(path.lstat().st_size for path in image.tree.rglob('*')) / 2**20:.0f} MiB")


@needs_root
def test_its_packages_are_those_of_the_lock(image: Image) -> None:
    # Of some packages two versions are locked, each for other versions of Python.
    versions: dict[str, set[str]] = {}
    for each in tomllib.loads((HERE / "uv.lock").read_text())["package"]:
        versions.setdefault(each["name"], set()).add(each.get("version", VERSION))
    site = image.tree / "opt/chiso/lib/python3.11/site-packages"
    installed = {}
    for metadata in site.glob("*.dist-info/METADATA"):
        head = dict(line.split(": ", 1) for line in metadata.read_text().split("\n\n")[0].splitlines() if ": " in line)
        installed[head["Name"].lower().replace("_", "-").replace(".", "-")] = head["Version"]
    assert installed["chiso"] == VERSION
    assert {"pytest", "ruff", "mypy", "hatchling"} & installed.keys() == set()
    assert {name: version for name, version in installed.items() if version not in versions[name]} == {}


@contextmanager
def fresh(server: str, name: str) -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield at(server, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@needs_root
def test_it_serves_on_a_read_only_tree_and_ends_when_asked(image: Image, postgres_dsn: str, tmp_path: Path) -> None:
    with fresh(postgres_dsn, "chiso_image") as dsn:
        where = parse_qs(urlsplit(dsn).query)
        env = {
            "CHISO_DATABASE__DSN": f"postgresql://{urlsplit(dsn).username}@/chiso_image?host={MOUNTED}&port={where['port'][0]}",
            "CHISO_AUTH__PEPPER": "a pepper for tests, as long as it is to be",
        }
        shared = Path(where["host"][0], f".s.PGSQL.{where['port'][0]}")
        shared.chmod(0o777)  # the test's own server lets in nobody but its user; a database elsewhere has a password
        assert ran(image, env, shared, tmp_path / "version", "--version") == f"chiso {VERSION}\n"
        assert ran(image, env, shared, tmp_path / "migrate", "migrate").startswith("the database is at revision ")
        scopes = [f"--scope={scope}" for scope in ("ingest", "read", "admin")]
        created = ran(image, env, shared, tmp_path / "key", "keys", "create", "--unit", "H44", "--new-root", *scopes)
        [key] = [line for line in created.splitlines() if line.startswith("chiso_")]
        with Container(image, env, shared, tmp_path / "log") as container:

            def asked() -> list[object]:
                headers = {"Authorization": f"Bearer {key}"}
                transport = httpx.HTTPTransport(retries=8)  # until it listens: 0, 0.5, 1, 2 … 32 seconds apart
                with httpx.Client(
                    base_url="http://127.0.0.1:8000", headers=headers, timeout=60, transport=transport
                ) as client:
                    ready = client.get("/readyz")
                    assert ready.json()["status"] == "ready", ready.text
                    assert client.put("/v1/units", json=UNIT).json()["errors"] == []
                    pushed = client.post("/v1/events", json=[EVENT], headers={"content-type": BATCH})
                    assert pushed.status_code == 200, pushed.text
                    card = client.get("/v1/scorecard", params={"unit": "H44.07", "period": "2026"})
                    page = client.get("/units/H44.07", headers={"accept": "text/html"})
                    assets = re.search("/static/[^/]+/", page.text)
                    assert assets is not None, page.text[:2_000]
                    charts = client.get(f"{assets[0]}charts.js")
                    return [
                        pushed.json()["accepted"],
                        card.json()["balance"]["received"],
                        page.status_code,
                        charts.status_code,
                    ]

            assert container.within(asked) == [1, 1, 200, 200], container.log.read_text()
            status = Path(f"/proc/{container.pid}/status").read_text()
            told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert (told["Uid"].split(), told["Gid"].split()) == (["10001"] * 4, ["10001"] * 4)
            assert (told["CapBnd"], told["CapEff"], told["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")
            wrote = container.execute("touch", "/opt/chiso/x", "/var/lib/chiso/data/x", "/etc/x", "/tmp/x")
            assert wrote.stderr.count("Read-only file system") == 3
            healthy = container.execute(*image.healthcheck)
            assert (healthy.returncode, healthy.stdout, healthy.stderr) == (0, "", "")
            assert container.stop(10) == 0
            said = container.log.read_text()
            assert "Traceback" not in said
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT id FROM event").fetchall() == [("e1",)]


BATCH = "application/cloudevents-batch+json"
