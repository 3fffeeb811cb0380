"""Logins in the audit log: who came in, who was refused and why, who left; bounded, and never in the way of a login."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from app.api.http.login import recording
from app.settings import HttpSettings, OidcSettings
from app.store import keys
from tests.api.http.providing import providing
from tests.running import Running, serving, settings_for

SITE = "http://chiso.test"
OURS = {"Origin": SITE}
TELLING = ("by", "actor", "action", "code", "unit", "after")


@pytest.fixture
def database(stocked_database: str) -> str:
    """None of this depends on the engine."""
    return stocked_database


async def told(served: Running, count: int) -> list[tuple]:
    """The logins that the audit log tells of, oldest first, when there are so many: they are written beside answers."""
    ends = time.monotonic() + 20
    while served.service.logins.telling and time.monotonic() < ends:
        await asyncio.wait(served.service.logins.telling, timeout=1)
    items: list[dict[str, Any]] = (await served.get("/v1/audit", kind="login")).json()["items"]
    assert len(items) == count, items
    assert {each["kind"] for each in items} == {"login"}
    assert all(re.fullmatch("[0-9a-f]{32}", each["request_id"]) for each in items)
    return [tuple(each[name] for name in TELLING) for each in reversed(items)]


async def log_in(served: Running, key: str) -> int:
    answer = await served.client.post("/login", data={"key": key}, headers=OURS)
    return answer.status_code


async def test_a_login_by_key_its_end_and_what_was_refused_are_told(served: Running) -> None:
    reading, pushing = await served.make_key("H44.07", "read"), await served.make_key("H44.07", "ingest")
    revoked = await served.make_key("H44.13", "read")
    ids = [each.split("_")[1] for each in (reading, pushing, revoked)]
    async with served.service.database.connection("write") as connection:
        await keys.revoke(connection, ids[2])
    assert await log_in(served, reading) == 303
    await told_all(served)
    assert (await served.client.post("/logout", headers=OURS)).status_code == 303
    served.client.cookies.clear()
    await told_all(served)
    assert (await served.client.post("/logout", headers=OURS)).status_code == 303
    assert [await log_in(served, key) for key in (pushing, revoked, "Lan Nguyễn 0912345678")] == [403, 401, 401]
    found = await told(served, 5)
    assert found[:2] == [
        ("key", ids[0], "logged_in", ids[0], "H44.07", None),
        ("key", ids[0], "logged_out", ids[0], "H44.07", None),
    ]
    # Written side by side.
    assert sorted(found[2:], key=lambda each: str(each[4])) == [
        ("unknown", "", "refused", ids[1], "H44.07", {"why": "forbidden_scope"}),
        ("unknown", "", "refused", ids[2], "H44.13", {"why": "unknown_key"}),
        ("unknown", "", "refused", "", None, {"why": "unknown_key"}),
    ]
    # An admin of a part of the root sees what concerns it.
    seven = await served.make_key("H44.07", "admin")
    items = (await served.get("/v1/audit", seven, kind="login")).json()["items"]
    assert [each["action"] for each in reversed(items)] == ["logged_in", "logged_out", "refused"]
    async with served.service.database.connection("read") as connection:
        whole = json.dumps([list(map(str, row)) for row in await connection.fetch("SELECT * FROM audit")])
    for secret in (*(key.split("_", 2)[2] for key in (reading, pushing, revoked, seven)), "Lan", "0912345678"):
        assert secret not in whole
    assert "203.0.113.9" not in whole, "no address"


async def test_logins_by_account_are_told_by_what_the_provider_calls_it_unless_that_is_personal(
    database: str, tmp_path: Path
) -> None:
    users: dict[str, dict[str, object]] = {
        "8f1c": {"unit": "H44.07"}, "001204012345": {"unit": "H44.13"}, "khong": {},
    }  # fmt: skip
    with providing(users) as office:
        oidc = OidcSettings(issuer=office.issuer, client_id="chiso", client_secret="s", claim="unit")
        settings = settings_for(database, tmp_path, oidc=oidc, http=HttpSettings(public_url=SITE))
        async with serving(settings, database) as served:
            for name, status in (("8f1c", 303), ("001204012345", 303), ("khong", 403)):
                sent = await served.client.get("/login/oidc")
                came = await office.agree(sent.headers["location"], name)
                assert (await served.client.get("/login/oidc/back", params=came)).status_code == status
                if status == 303:
                    assert (await served.client.post("/logout", headers=OURS)).status_code == 303
                await told_all(served)
            assert (await served.client.get("/login/oidc/back", params={"state": "x"})).status_code == 400
            assert (await served.client.get("/login/oidc/back", params={"error": "denied"})).status_code == 403
            found = await told(served, 7)
            pseudonym = found[2][1]
            assert re.fullmatch("hmac:[0-9a-f]{32}", pseudonym)
            assert sorted(map(str, found)) == sorted(
                map(
                    str,
                    [
                        ("account", "8f1c", "logged_in", "", "H44.07", None),
                        ("account", "8f1c", "logged_out", "", "H44.07", None),
                        ("account", pseudonym, "logged_in", "", "H44.13", None),
                        ("account", pseudonym, "logged_out", "", "H44.13", None),
                        ("account", "khong", "refused", "", None, {"why": "no_unit"}),
                        ("unknown", "", "refused", "", None, {"why": "state"}),
                        ("unknown", "", "refused", "", None, {"why": "provider"}),
                    ],
                )
            )


async def told_all(served: Running) -> None:
    """Wait until nothing is being written."""
    while served.service.logins.telling:
        await asyncio.wait(served.service.logins.telling, timeout=20)


async def test_what_is_refused_is_bounded_by_address_and_in_all(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "OF_ONE", 3)
    assert [await log_in(served, "chiso_wrong") for _ in range(5)] == [401] * 5
    assert len(await told(served, 3)) == 3
    monkeypatch.setattr(recording, "OF_ONE", 100)
    monkeypatch.setattr(recording, "REFUSED", 4)
    for _ in range(3):
        await log_in(served, "chiso_wrong")
    await told(served, 4)
    # Who is let in is told all the same.
    assert await log_in(served, served.key) == 303
    assert (await told(served, 5))[4][2] == "logged_in"


async def test_a_login_neither_fails_nor_waits_where_it_cannot_be_told(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served.service.database.connection("write") as connection:
        await connection.execute("BEGIN; LOCK TABLE audit IN ACCESS EXCLUSIVE MODE")
        assert await log_in(served, served.key) == 303
        [task] = served.service.logins.telling
        assert not task.done()
        await connection.execute("ROLLBACK; ALTER TABLE audit RENAME TO elsewhere")
        await told_all(served)
        assert await log_in(served, served.key) == 303
        await told_all(served)
        await connection.execute("ALTER TABLE elsewhere RENAME TO audit")
    # The first may have been told when the lock was gone; the second was not.
    items = (await served.get("/v1/audit", kind="login")).json()["items"]
    assert len(items) <= 1
    monkeypatch.setattr(recording, "_AT_ONCE", 0)
    assert await log_in(served, served.key) == 303
    await told_all(served)
    assert (await served.get("/v1/audit", kind="login")).json()["items"] == items
