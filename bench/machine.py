"""The machine, the database server and the sizes on its disk."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from pathlib import Path
from typing import Final

import psutil
import psycopg

from bench.results import Machine, Storage

_SETTINGS: Final = (
    "fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers", "max_wal_size",
    "checkpoint_timeout", "work_mem", "autovacuum", "max_connections", "jit",
)  # fmt: skip


def machine(dsn: str, folder: Path) -> Machine:
    """What the run is measured on; `folder` holds the databases."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)", [list(_SETTINGS)]
        ).fetchall()
        found = connection.execute("SHOW server_version").fetchone()
    assert found is not None
    ours = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("CHISO_INTAKE__", "CHISO_DATABASE__")) and not name.endswith("DSN")
    }
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory=psutil.virtual_memory().total,
        filesystem=_filesystem(folder),
        python=".".join(map(str, sys.version_info[:3])),
        postgresql=str(found[0]),
        settings=dict(rows),
        load=round(os.getloadavg()[0], 2),
        ours=ours,
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _filesystem(folder: Path) -> str:
    """The kind of file system, because one in memory makes fsync free."""
    parts = [part for part in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(part.mountpoint)]
    return max(parts, key=lambda part: len(part.mountpoint)).fstype if parts else "unknown"


def backends_cpu(dsn: str) -> dict[int, float]:
    """Seconds of processor time of each of the database's processes that serve it; none where they run elsewhere."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(
            """
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
            """
        ).fetchall()
    used = {}
    for (pid,) in rows:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if "postgres" in process.name():
                times = process.cpu_times()
                used[pid] = times.user + times.system
    return used


def sizes(dsn: str) -> dict[str, Storage]:
    """Tables of the service with their bytes, heap with TOAST and indexes apart; everything vacuumed before."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        rows = connection.execute(
            """
            SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            """
        ).fetchall()
    return {name: Storage(name, heap, index) for name, heap, index in rows}


def grown(before: dict[str, Storage], after: dict[str, Storage]) -> list[Storage]:
    """What each table has more, the largest first."""
    none = Storage("", 0, 0)
    found = [
        Storage(name, now.heap - before.get(name, none).heap, now.index - before.get(name, none).index)
        for name, now in after.items()
    ]
    return sorted(
        (each for each in found if each.heap or each.index), key=lambda each: each.heap + each.index, reverse=True
    )
