"""The roles that docs/operations.md prescribes, word for word: enough for everything, and no more than that."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from app.main import create_app, create_service
from tests.cli.conftest import line
from tests.conftest import at
from tests.faults.serving import chiso, environment
from tests.running import PROCEDURES, UNITS, settings_for

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
NOT_SERVING = ("DROP TABLE api_key", "TRUNCATE event", "CREATE TABLE more ()", "ALTER TABLE life ADD more INTEGER")


@dataclass(frozen=True)
class Roles:
    """Addresses of the database for each role."""

    migrate: str
    serve: str


@pytest.fixture
def roles(engine: str, engine_dsn: str) -> Iterator[Roles]:
    """A database and its roles on each engine, made by the document's statements under names of their own."""
    section = DOCUMENT.read_text().partition("## Rights in the database")[2]
    found = re.search(r"```sql\n(.*?)```", section, re.DOTALL)
    assert found is not None
    name = f"chiso_{secrets.token_hex(4)}"
    statements = re.sub(r"\bchiso\b", name, found[1].replace("chiso_", f"{name}_"))
    outside, inside = statements.split("-- in that database\n")
    if engine == "timescale":
        inside = f"CREATE EXTENSION timescaledb;\n{inside}"
    for dsn, part in ((engine_dsn, outside), (at(engine_dsn, name), inside)):
        with psycopg.connect(dsn, autocommit=True) as connection:
            for each in filter(str.strip, part.split(";\n")):
                connection.execute(each.encode())
    whole = urlsplit(at(engine_dsn, name))
    hosts = whole.netloc.rpartition("@")[2]
    yield Roles(*(urlunsplit(whole._replace(netloc=f"{name}_{role}@{hosts}")) for role in ("migrate", "serve")))
    with psycopg.connect(engine_dsn, autocommit=True) as connection:
        for each in ("DROP DATABASE {} WITH (FORCE)", "DROP ROLE {}_serve", "DROP ROLE {}_migrate"):
            connection.execute(each.format(name).encode())


async def test_the_roles_of_the_document_do_for_everything_and_for_no_more(roles: Roles, tmp_path: Path) -> None:
    settings = {"CHISO_AUTH__PEPPER": "a pepper for tests, as long as it is to be", "CHISO_DATA_DIR": str(tmp_path)}
    migrating, serving = (environment(CHISO_DATABASE__DSN=each, **settings) for each in (roles.migrate, roles.serve))

    refused = line(chiso(serving, "migrate"))
    assert refused.startswith(
        "the database: its user lacks a right (permission denied for schema public, SQLSTATE 42501): "
    )
    assert chiso(migrating, "migrate").stdout == "the database is at revision 0001\n"
    assert chiso(serving, "migrate").returncode == 0, "there is nothing to do"

    made = chiso(serving, "keys", "create", "--unit", "H44", "--new-root", "--scope", "admin", "--scope", "ingest")
    assert made.returncode == 0, made.stderr
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    service = create_service(settings_for(roles.serve, tmp_path), roles.serve)
    app = create_app(service)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://chiso.test", headers=headers)
    async with app.router.lifespan_context(app), client:
        for path, rows in (("units", UNITS), ("procedures", PROCEDURES)):
            assert (await client.put(f"/v1/{path}", json=rows)).json()["errors"] == []
        events = [
            {
                "specversion": "1.0", "id": f"e{n}", "source": "/h44/thu", "type": "dossier.received", "unit": "H44.07",
                "subject": f"H44.07-260105-{n:04}", "time": f"2026-{n % 9 + 1:02}-05T08:12:00+07:00",
                "data": {"procedure": "1.004555", "channel": "online", "due_at": "2026-01-12T17:00:00+07:00"},
            }
            for n in range(500)
        ]  # fmt: skip
        pushed = await client.post("/v1/events", json=[*events, events[0] | {"id": "x", "type": "y"}])
        assert (pushed.json()["accepted"], pushed.json()["rejected"]) == (500, 1)
        card = (await client.get("/v1/scorecard?unit=H44&period=2026")).json()
        assert card["balance"]["received"] == 500
        assert len((await client.get("/v1/rejections")).json()["items"]) == 1
        assert (await client.get("/readyz")).status_code == 200

    for command in (("rebuild",), ("maintain",), ("verify", "--deep")):
        ended = chiso(serving, *command)
        assert ended.returncode == 0, (command, ended.stderr)
    with psycopg.connect(roles.serve, autocommit=True) as connection:
        for statement in NOT_SERVING:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    removed = chiso(serving, "roots", "remove", "H44", "--yes", "--with-events")
    assert removed.stdout == "H44 is removed: 4 units, 2 procedures, 1 keys, 500 events, 500 lives\n"
