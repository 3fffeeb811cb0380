"""Behind PgBouncer: by sessions everything works, by transactions it is said why it cannot."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from app.store.connections.causes import POOLED
from app.store.connections.database import Database
from app.store.connections.unavailable import DatabaseUnavailable
from tests.faults.serving import free_port
from tests.running import Running, serving, settings_for

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed; .ci/test names it")


@contextmanager
def pooler(dsn: str, mode: str, folder: Path) -> Iterator[str]:
    """A PgBouncer before a database's server; the address of the database by way of it."""
    assert PGBOUNCER is not None
    address = urlsplit(dsn)
    there = parse_qs(address.query)
    name, port = address.path.strip("/"), free_port()
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n{name} = host={there['host'][0]} port={there['port'][0]} user={address.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {mode}\ndefault_pool_size = 20\n"
    )
    as_other = ["-u", "nobody"] if os.getuid() == 0 else []
    with subprocess.Popen([PGBOUNCER, *as_other, str(config)], stderr=subprocess.DEVNULL) as process:
        try:
            by_way = f"postgresql://chiso@127.0.0.1:{port}/{name}"
            ends = time.monotonic() + 20
            while True:
                try:
                    psycopg.connect(by_way).close()
                    break
                except psycopg.OperationalError:
                    assert process.poll() is None
                    assert time.monotonic() < ends
                    time.sleep(0.05)
            yield by_way
        finally:
            process.terminate()
            process.wait(20)


def received(running: Running, number: int) -> dict:
    subject = f"H44.07-260105-{number:04}"
    return running.event("dossier.received", subject, procedure="1.004555", channel="online")


async def test_a_pooler_of_sessions_is_like_the_server_itself(postgres_database: str, reachable_dir: Path) -> None:
    folder = reachable_dir / "sessions"
    folder.mkdir()
    with pooler(postgres_database, "session", folder) as dsn:
        async with serving(settings_for(dsn, folder), dsn) as running:
            await running.catalogue()
            pushes = [running.push([received(running, number)]) for number in range(20)]
            assert sum(told["accepted"] for told in await asyncio.gather(*pushes)) == 20
            cards = await asyncio.gather(
                *(running.get("/v1/scorecard", unit="H44.07", period="2026") for _ in range(20))
            )
            assert {answer.json()["balance"]["received"] for answer in cards} == {20}
            assert (await running.get("/readyz", key="")).status_code == 200


async def test_a_pooler_of_transactions_is_named_as_what_stands_in_the_way(
    postgres_database: str, reachable_dir: Path
) -> None:
    folder = reachable_dir / "transactions"
    folder.mkdir()
    with pooler(postgres_database, "transaction", folder) as dsn:
        database = Database(dsn, 4, 4, 5)
        with pytest.raises(DatabaseUnavailable) as told:
            async with database.connection("read"):
                pass
        assert told.value.cause == POOLED.says
        await database.close()
