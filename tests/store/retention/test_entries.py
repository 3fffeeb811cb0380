"""The audit log is kept for as many days as the setting says, whole civil days, and what went is told in it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from app.store import audit
from app.store.connections.database import Database
from app.store.retention import entries
from app.store.retention.drop import NotOwner
from tests.store.histories import province

VN = timezone(timedelta(hours=7))


async def test_entries_older_than_their_days_go_and_that_is_told(store: Database) -> None:
    root_id = await province(store)
    async with store.connection("write") as connection:
        now = datetime.fromtimestamp(await connection.fetchval("SELECT clock_timestamp()") / 1e6, VN)
        first = datetime(now.year, now.month, now.day, tzinfo=VN) - timedelta(days=40)
        await connection.execute("DELETE FROM audit")
        for root, code, at in (
            (root_id, "kept", first),
            (root_id, "gone", first - timedelta(microseconds=1)),
            (audit.NO_ROOT, "gone too", first - timedelta(days=400)),
            (root_id, "new", now),
        ):
            await audit.write(connection, root, audit.COMMAND_LINE, [audit.ran("H44", code)])
            moved = round(at.timestamp() * 1e6)
            await connection.execute("UPDATE audit SET at = $1::timestamptz WHERE code = $2", moved, code)

    asked = await entries.look(store, 40)
    assert asked == (2, round(first.timestamp() * 1e6))
    assert await entries.drop(store, 40) == asked
    assert await entries.drop(store, 40) == (0, asked.until)
    async with store.connection("read") as connection:
        left = await connection.fetch("SELECT root_id, code, after::text FROM audit ORDER BY id")
    assert [row[1] for row in left] == ["kept", "new", "maintain"]
    assert left[2][0] == audit.NO_ROOT
    assert json.loads(left[2][2]) == {"audit_entries_dropped": 2, "before": f"{first:%Y-%m-%d} 00:00"}


async def test_who_may_only_add_to_it_drops_nothing(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with store.connection("write") as connection:
        assert await connection.fetchval(entries._ALLOWED) is True
    monkeypatch.setattr(entries, "_ALLOWED", "SELECT false")
    with pytest.raises(NotOwner, match="only the owner of the audit log"):
        await entries.drop(store, 30)
