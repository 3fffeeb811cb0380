"""Where to go, and how to begin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.settings import AuthSettings
from tests.running import Running, serving, settings_for


async def test_an_empty_service_shows_the_steps_to_whoever_comes(postgres_database: str, tmp_path: Path) -> None:
    settings = settings_for(postgres_database, tmp_path)
    async with serving(settings, postgres_database) as made:
        # The fixture has made a key, and so a root; without one there is nothing to log in to.
        async with made.service.database.connection("write") as connection:
            await connection.execute("DELETE FROM api_key; DELETE FROM calendar_day; DELETE FROM root")
        answer = await made.get("/", key="")
    assert answer.status_code == 200
    assert re.findall(r"<h2>([^<]+)", answer.text) == [
        "Tạo khóa quản trị của tỉnh",
        "Nạp đơn vị và thủ tục hành chính",
        "Gửi sự kiện đầu tiên",
    ]
    assert "chiso keys create --scope admin --unit H44 --new-root" in answer.text


async def test_a_root_without_units_is_begun_and_told_so_to_who_may_read(
    postgres_database: str, tmp_path: Path
) -> None:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as made:
        answer = await made.get("/")
        assert answer.status_code == 200
        assert "đã có" in answer.text
        assert (await made.get("/", key="")).headers["location"] == "./login?next="


@pytest.mark.parametrize("sought", ["cong thuong", "CÔNG THƯƠNG", "h44.07"])
async def test_units_are_found_with_or_without_marks(running: Running, sought: str) -> None:
    await running.catalogue()
    answer = await running.get("/", q=sought)
    assert re.findall(r'href="./units/([^"/]+)">', answer.text) == ["H44.07"]
    assert re.findall(r'href="./units/([^"/]+)">', (await running.get("/", q="công thường")).text) == []


async def test_who_reaches_one_unit_sees_that_one(running: Running) -> None:
    await running.catalogue()
    key = await running.make_key("H44.07", "read")
    answer = await running.get("/", key=key)
    assert re.findall(r'href="./units/([^"/]+)">', answer.text) == ["H44.07"]


async def test_with_several_roots_open_reading_shows_all(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(postgres_database, tmp_path)
    settings = settings.model_copy(
        update={"auth": AuthSettings(pepper="a pepper for tests, as long as it is to be", open_reading=True)}
    )
    async with serving(settings, postgres_database) as made:
        await made.catalogue()
        other = await made.make_key("H45", "admin")
        answer = await made.put("/v1/units", [{"code": "H45", "name": "UBND tỉnh khác", "level": "province"}], other)
        assert answer.status_code == 200
        monkeypatch.setattr(made.client._transport, "client", ("127.0.0.1", 40000))
        answer = await made.get("/", key="")
    found = re.findall(r'href="./units/([^"/]+)">', answer.text)
    assert sorted(found) == ["H44", "H44.07", "H44.13", "H44.130", "H45"]
