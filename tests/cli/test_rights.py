"""The roles that `chiso roles --sql` makes: each enough for what it is for, and no more than that."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from app.main import create_app, create_service
from app.store.roles import sql
from tests.cli.conftest import line
from tests.conftest import EXTENSIONS, at
from tests.faults.serving import chiso, environment
from tests.running import PROCEDURES, UNITS, settings_for

NOT_WRITING = (
    "DROP TABLE api_key", "TRUNCATE event", "CREATE TABLE more ()", "ALTER TABLE life ADD more INTEGER",
    "CREATE SCHEMA more", "CREATE INDEX ON life (root_id)", "UPDATE alembic_version SET version_num = '0000'",
    "DELETE FROM alembic_version", "INSERT INTO alembic_version VALUES ('9999')", "CREATE ROLE more",
    "UPDATE audit SET actor = 'another'", "DELETE FROM audit", "TRUNCATE audit",
)  # fmt: skip
NOT_READING = (
    "INSERT INTO root (code) VALUES ('H99')", "UPDATE life SET generation = 1", "DELETE FROM event",
    "CREATE TEMPORARY TABLE more ()", "SELECT nextval('event_seq')", "SELECT digest FROM api_key",
    "SELECT pepper FROM api_key", "SELECT * FROM api_key", "SELECT FROM audit", *NOT_WRITING,
)  # fmt: skip
ROLES = ("owner", "writer", "reader")
TABLES = (
    "SELECT c.oid::regclass::text FROM pg_class AS c"
    " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')"
    " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')"
)
SEQUENCES = "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'"


@dataclass(frozen=True)
class Roles:
    """Addresses of the database for each role, and for a superuser; how the statements are run there."""

    owner: str
    writer: str
    reader: str
    superuser: str
    statements: str

    def make(self) -> None:
        """Run the statements as they are printed."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            connection.execute(self.statements.encode())


@pytest.fixture
def roles(engine: str, engine_dsn: str) -> Iterator[Roles]:
    """A database and its roles on each engine, made by the command's statements under names of their own."""
    name = f"chiso_{secrets.token_hex(4)}"
    with psycopg.connect(engine_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    whole = urlsplit(superuser := at(engine_dsn, name))
    if engine in EXTENSIONS:
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute(f"CREATE EXTENSION {EXTENSIONS[engine]}".encode())
    hosts = whole.netloc.rpartition("@")[2]
    by_role = {role: urlunsplit(whole._replace(netloc=f"{name}_{role}@{hosts}")) for role in ROLES}
    made = Roles(**by_role, superuser=superuser, statements=sql(name))
    made.make()
    yield made
    with psycopg.connect(engine_dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        for role in ROLES:
            connection.execute(f"DROP ROLE {name}_{role}".encode())


def refused(dsn: str, statement: str, *, read_only: bool = True) -> bool:
    """Whether the server refuses it for want of a right. A session may put off that it only reads."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        if not read_only:
            connection.execute("SET default_transaction_read_only = off")
        try:
            connection.execute(statement.encode())
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
            return read_only or isinstance(error, psycopg.errors.InsufficientPrivilege)
    return False


def one(dsn: str, statement: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]


async def test_each_role_does_for_what_it_is_for_and_for_no_more(roles: Roles, tmp_path: Path) -> None:
    settings = {"CHISO_AUTH__PEPPER": "a pepper for tests, as long as it is to be", "CHISO_DATA_DIR": str(tmp_path)}
    migrating, serving = (environment(CHISO_DATABASE__DSN=each, **settings) for each in (roles.owner, roles.writer))

    assert line(chiso(serving, "migrate")).startswith(
        "the database: its user lacks a right (permission denied for schema public, SQLSTATE 42501): "
    )
    assert chiso(migrating, "migrate").stdout.splitlines()[-1] == "the database is at revision 0001"
    assert chiso(serving, "migrate").returncode == 0, "there is nothing to do"
    told = "SELECT array_agg(concat_ws(' ', actor, action, kind, code, after->>'from', after->>'to')) FROM audit"
    assert one(roles.superuser, told) == [f"{urlsplit(roles.owner).username} ran command migrate 0001"]
    for each in ("DELETE FROM audit", "UPDATE audit SET unit = ''", "UPDATE alembic_version SET version_num = ''"):
        assert refused(roles.writer, each), "from the migration on"
    roles.make()

    made = chiso(serving, "keys", "create", "--unit", "H44", "--new-root", "--scope", "admin", "--scope", "ingest")
    assert made.returncode == 0, made.stderr
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    service = create_service(settings_for(roles.writer, tmp_path), roles.writer)
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
    # Old entries of the audit log are dropped by the owner, and by nobody else.
    statement = "UPDATE audit SET at = at - INTERVAL '31 days' WHERE kind = 'key'"
    with psycopg.connect(roles.superuser, autocommit=True) as connection:
        assert connection.execute(statement.encode()).rowcount == 1
    serving_shortly, owning_shortly = (each | {"CHISO_AUDIT__KEEP_DAYS": "30"} for each in (serving, migrating))
    assert line(chiso(serving_shortly, "maintain")).startswith(
        "only the owner of the audit log drops what is old of it"
    )
    before = one(roles.superuser, "SELECT count(*) FROM audit")
    assert chiso(owning_shortly, "maintain").returncode == 0
    assert one(roles.superuser, "SELECT count(*) FROM audit WHERE kind = 'key'") == 0
    assert one(roles.superuser, "SELECT count(*) FROM audit") == before, "one is gone, and one tells of it"
    assert [each for each in NOT_WRITING if not refused(roles.writer, each)] == []
    assert [each for each in NOT_READING if not refused(roles.reader, each)] == []
    assert [each for each in NOT_READING if not refused(roles.reader, each, read_only=False)] == []
    assert one(roles.reader, "SELECT count(*) FROM event") == 500
    assert one(roles.reader, "SELECT unit FROM api_key") == "H44"
    with psycopg.connect(roles.reader, autocommit=True) as connection:
        tables = [name for [name] in connection.execute(TABLES).fetchall()]
        assert len(tables) > 20
        for table in set(tables) - {"api_key", "audit"}:
            connection.execute(f"SELECT FROM {table} LIMIT 1".encode())
        # A dump reads where each sequence stands.
        sequences = [name for [name] in connection.execute(SEQUENCES).fetchall()]
        assert sorted(sequences) == [
            "audit_id_seq", "event_seq", "procedure_id_seq", "rejection_id_seq", "root_id_seq", "source_id_seq",
            "unit_id_seq",
        ]  # fmt: skip
        for sequence in sequences:
            connection.execute(f"SELECT last_value FROM {sequence}".encode())
    removed = chiso(serving, "roots", "remove", "H44", "--yes", "--with-events")
    assert removed.stdout == "H44 is removed: 4 units, 2 procedures, 1 keys, 500 events, 500 lives\n"


def test_the_statements_may_be_run_again_and_take_over_what_another_has_made(roles: Roles, tmp_path: Path) -> None:
    by_superuser = environment(CHISO_DATABASE__DSN=roles.superuser, CHISO_DATA_DIR=str(tmp_path))
    assert chiso(by_superuser, "migrate").returncode == 0
    with psycopg.connect(roles.superuser, autocommit=True) as connection:
        connection.execute("CREATE VIEW counted AS SELECT count(*) AS events FROM event")
        connection.execute("CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS lives FROM life")
    roles.make()
    roles.make()
    owner = urlsplit(roles.owner).username
    owners = (
        "SELECT DISTINCT pg_get_userbyid(c.relowner) FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace"
        " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')"
    )
    assert [one(roles.reader, f"SELECT * FROM {each}") for each in ("counted", "kept")] == [0, 0]
    with psycopg.connect(roles.superuser, autocommit=True) as connection:
        assert connection.execute(owners.encode()).fetchall() == [(owner,)]
        connection.execute("CREATE ROLE chiso_anybody LOGIN")
    try:
        anybody = urlsplit(roles.superuser)
        netloc = f"chiso_anybody@{anybody.netloc.rpartition('@')[2]}"
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(urlunsplit(anybody._replace(netloc=netloc)))
    finally:
        with psycopg.connect(roles.superuser, autocommit=True) as connection:
            connection.execute("DROP ROLE chiso_anybody")
    assert refused(roles.writer, "DROP TABLE event")
    assert not refused(roles.owner, "ALTER TABLE life ADD more INTEGER")
    assert not refused(roles.writer, "DELETE FROM feed")


def test_who_is_no_superuser_makes_the_roles_of_a_database_of_their_own(postgres_dsn: str) -> None:
    name = f"chiso_{secrets.token_hex(4)}"
    roles = [f"{name}_{role}" for role in ROLES]
    admin = urlsplit(at(postgres_dsn, name))
    admin_dsn = urlunsplit(admin._replace(netloc=f"{name}@{admin.netloc.rpartition('@')[2]}"))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CREATEROLE CREATEDB".encode())
        connection.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
        try:
            for _ in range(2):
                with psycopg.connect(admin_dsn, autocommit=True) as its:
                    its.execute(sql(name).encode())
            owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
            assert one(admin_dsn, owner) == roles[0]
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            for role in (*roles, name):
                connection.execute(f"DROP OWNED BY {role}".encode())
                connection.execute(f"DROP ROLE {role}".encode())


def test_the_command_prints_and_runs_nothing() -> None:
    assert line(chiso(environment(), "roles")).startswith("nothing is run: `chiso roles --sql` prints")
    assert line(chiso(environment(), "roles", "--sql", "--prefix", "a; DROP")).startswith("'a; DROP' is no beginning")
    printed = chiso(environment(), "roles", "--sql", "--prefix", "h44")
    assert (printed.returncode, printed.stdout) == (0, sql("h44"))
    assert "PASSWORD '" not in printed.stdout
