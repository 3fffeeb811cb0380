"""Everything that a service has kept or said, as one text, to look for what must not be there."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.running import Running


async def everything(served: Running, capfd: pytest.CaptureFixture[str]) -> str:
    """All rows of all tables, the metrics and the logs."""
    async with served.service.database.connection("read") as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [
            str(row[0]) for table in tables for row in await connection.fetch(f"SELECT t::text FROM {table[0]} AS t")
        ]
    metrics = (await served.client.get("/metrics")).text
    out, err = capfd.readouterr()
    kept = "\n".join([*rows, metrics, out, err])
    assert len(kept) > 10_000
    return kept


def found(kept: str, texts: Iterable[str]) -> list[str]:
    """Those of the texts that stand there; packed bytes are shown as hexadecimal digits."""
    return [text for text in texts if text in kept or text.encode().hex() in kept]
