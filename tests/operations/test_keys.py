"""docs/runbook/keys.md: a key is replaced without a gap."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from app.store.embedded.home import Home
from tests.faults.serving import environment
from tests.operations.page import Page
from tests.operations.province import PEPPER, key_of
from tests.running import serving, settings_for


async def test_a_key_is_replaced_without_a_gap(postgres_database: str, home: Home, tmp_path: Path) -> None:
    old = await key_of(postgres_database, "H44")
    settings = environment(
        CHISO_DATABASE__DSN=postgres_database, CHISO_DATA_DIR=str(tmp_path), CHISO_AUTH__PEPPER=PEPPER, TZ="UTC"
    )
    file = tmp_path / "new-key"
    place = {"UNIT": "H44", "SCOPE": "ingest", "NAME": "a vendor", "OLD": old.split("_")[1], "HANDED": str(file)}
    page = Page("keys", place, home, settings)
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        await running.catalogue()
        event = running.event("dossier.received", procedure="1.004555", channel="online")
        assert (await running.push([event], old))["accepted"] == 1
        days = {datetime.now(UTC).date().isoformat()}
        page.perform("Make the second key")
        new = file.read_text().strip()
        assert file.stat().st_mode & 0o077 == 0
        for key in (old, new):
            assert (await running.push([event], key))["duplicates"] == 1
        assert (await running.get("/readyz", key="")).status_code == 200
        listed = page.perform("See who uses which")
        days |= {datetime.now(UTC).date().isoformat(), "never used"}
        used = {line.split("  ")[0]: line for line in listed.splitlines()}
        assert [any(f"  {day}" in used[key.split("_")[1]] for day in days) for key in (old, new)] == [True, True]
        page.perform("End the old key")
        said = [(await running.post(b"", key=key)).status_code for key in (old, new)]
        assert said == [401, 200]
        assert not file.exists()
        page.assert_performed()
